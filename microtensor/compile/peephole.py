"""Cheaper ways to the same numbers, to rounding: what a person would not write, but a machine may.

Each rule looks at one operation and at what made its operands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import ops
from .lower import is_ufunc
from .program import Atom, Equation, Literal, Program, Site, Var

__all__ = ["cast_beforehand", "cheaper"]

Makers = dict[Var, Equation]
Rule = Callable[[Equation, Makers], list[Equation] | None]


def cheaper(program: Program) -> Program:
    """Return the program with cheaper operations; what they no longer need is left in it."""
    makers: Makers = {}
    equations: list[Equation] = []
    for equation in program.equations:
        made = next((m for m in _matches(equation, makers)), None) or [equation]
        for part in made:
            makers[part.out] = part
        equations += made
    return program.with_equations(equations)


def cast_beforehand(program: Program) -> Program:
    """Return the program with operands in the dtype that their operation computes in.

    NumPy would convert them by pieces, in memory that it takes for that in every call.
    """
    cast: dict[tuple[Var, np.dtype[Any]], Var] = {}
    equations: list[Equation] = []

    def converted(atom: Atom, dtype: np.dtype[Any], site: Site | None) -> Atom:
        if not isinstance(atom, Var) or atom.scalar or atom.dtype == dtype or atom.size < 2:
            return atom
        key = atom, dtype
        if key not in cast:
            cast[key] = Var(atom.shape, dtype)
            equations.append(Equation(ops.astype, (atom,), {"dtype": dtype}, cast[key], site))
        return cast[key]

    for equation in program.equations:
        if is_ufunc(equation.op):
            dtypes = _computed_in(equation)
            inputs = tuple(
                converted(atom, dtype, equation.site)
                for atom, dtype in zip(equation.inputs, dtypes, strict=True)
            )
            equation = Equation(equation.op, inputs, equation.params, equation.out, equation.site)
        equations.append(equation)
    return program.with_equations(equations)


def _computed_in(equation: Equation) -> tuple[np.dtype[Any], ...]:
    """Return the dtypes that a ufunc takes for operands like these."""
    kinds = [
        type(atom.value) if isinstance(atom, Literal) and atom.scalar
        else type(atom.dtype.type(1).item()) if atom.scalar
        else atom.dtype
        for atom in equation.inputs
    ]  # fmt: skip
    ufunc: Any = equation.op.numpy[0]
    try:
        resolved = ufunc.resolve_dtypes((*kinds, *[None] * ufunc.nout))
    except TypeError:
        return tuple(atom.dtype for atom in equation.inputs)
    return tuple(resolved[: ufunc.nin])


def _matches(equation: Equation, makers: Makers) -> Iterator[list[Equation]]:
    for rule in _RULES.get(equation.op.name, ()):
        made = rule(equation, makers)
        if made is not None:
            yield made


def _made_by(atom: Atom, name: str, makers: Makers) -> Equation | None:
    """Return the equation that made an operand, if it is of this operation."""
    maker = makers.get(atom) if isinstance(atom, Var) else None
    return maker if maker is not None and maker.op.name == name else None


def _sum_of_squares(equation: Equation, makers: Makers) -> list[Equation] | None:
    """Σ x² = x · x, in one pass."""
    square = _made_by(equation.inputs[0], "square", makers)
    if square is None or equation.params["axis"] is not None or equation.out.shape:
        return None
    x = square.inputs[0]
    if not isinstance(x, Var) or x.dtype.kind != "f":
        return None
    flat = Var((x.size,), x.dtype)
    ravel = Equation(ops.ravel, (x,), {}, flat, equation.site)
    return [ravel, Equation(ops.matmul, (flat, flat), {}, equation.out, equation.site)]


def _rest_of_sigmoid(equation: Equation, makers: Makers) -> list[Equation] | None:
    """1 - e / (e + 1) = 1 / (e + 1)."""
    one, a = equation.inputs
    divide = _made_by(a, "divide", makers)
    if divide is None or not _is_one(one) or equation.out.shape != a.shape:
        return None
    e, total = divide.inputs
    add = _made_by(total, "add", makers)
    if add is None or add.inputs[0] is not e or not _is_one(add.inputs[1]):
        return None
    return [Equation(ops.reciprocal, (total,), {}, equation.out, equation.site)]


def _times_reciprocal(equation: Equation, makers: Makers) -> list[Equation] | None:
    """X (1 / y) = x / y."""
    x, y = equation.inputs
    inverse = _made_by(y, "reciprocal", makers)
    if inverse is None or x.dtype != equation.out.dtype:
        return None
    return [Equation(ops.divide, (x, inverse.inputs[0]), {}, equation.out, equation.site)]


def _is_one(atom: Atom) -> bool:
    return isinstance(atom, Literal) and bool(atom.value == 1)


_RULES: dict[str, tuple[Rule, ...]] = {
    "sum": (_sum_of_squares,),
    "subtract": (_rest_of_sigmoid,),
    "multiply": (_times_reciprocal,),
}
