"""The algebra of people: rules as in `algebra`, which are exact to rounding only.

They apply to what is printed, never to what is compiled.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np

from .. import ops
from ..op import REGISTRY, Op
from .algebra import ELEMENTWISE, RULES, Facts, Rule
from .expressions import as_fraction
from .program import Atom, Equation, Literal, Var

__all__ = ["RULES_FOR_PEOPLE", "is_number"]

_ARITHMETIC = (ops.add, ops.subtract, ops.multiply, ops.divide)
_REDUCING = frozenset({ops.sum, REGISTRY["sum_to"], ops.mean})
_REARRANGING = frozenset({ops.reshape, ops.ravel, ops.squeeze, ops.expand_dims, ops.transpose})
_FOLDED = _REDUCING | _REARRANGING | {*_ARITHMETIC, ops.negative, ops.power, ops.square}


def is_number(atom: Any) -> TypeGuard[Literal]:
    """Tell whether an atom is a Python number."""
    return isinstance(atom, Literal) and type(atom.value) in (int, float)


def _other(eq: Equation, op: Op, *inputs: Atom, **params: Any) -> Equation:
    return Equation(op, inputs, params, eq.out, eq.site)


def _with(eq: Equation, position: int, atom: Atom) -> Equation | None:
    """Return the equation with another operand, if its result keeps its shape and its dtype."""
    inputs = (*eq.inputs[:position], atom, *eq.inputs[position + 1 :])
    try:
        shape = np.broadcast_shapes(*(x.shape for x in inputs))
    except ValueError:
        return None
    counted = inputs[1:] if eq.op is ops.where else inputs
    parts: list[Any] = [
        x.value if isinstance(x, Literal) else x.dtype.type(0).item() if x.scalar else x.dtype
        for x in counted
    ]
    is_compared = eq.out.dtype.kind == "b"
    if shape != eq.out.shape or not (is_compared or np.result_type(*parts) == eq.out.dtype):
        return None
    return Equation(eq.op, inputs, eq.params, eq.out, eq.site)


def _uniform(facts: Facts, eq: Equation) -> Equation | Atom | None:
    """What is computed of arrays of one number each is such an array."""
    if eq.out.scalar or eq.out.dtype.kind != "f" or not eq.out.size:
        return None
    values = [_value(facts, x) for x in eq.inputs]
    if any(x is None for x in values) or not any(isinstance(x, Var) for x in eq.inputs):
        return None
    if eq.op in _REARRANGING or eq.op is ops.mean:
        value = values[0]
    elif eq.op in _REDUCING:
        first = eq.inputs[0]
        value = values[0] * (int(np.prod(first.shape, dtype=int)) // eq.out.size)
    else:
        with np.errstate(all="ignore"):
            value = eq.op.kernel(*values, **eq.params)
    literal = Literal(eq.out.dtype.type(value))
    if not np.isfinite(literal.value):
        return None
    return _other(eq, ops.broadcast_to, literal, shape=eq.out.shape) if eq.out.shape else literal


def _value(facts: Facts, atom: Atom) -> Any:
    return atom.value if isinstance(atom, Literal) else facts.fill(atom)


def _factor(facts: Facts, eq: Equation) -> Equation | None:
    """``A @ B`` is ``c * B``, where ``A`` is one number, known to be ``c``."""
    x, y = eq.inputs
    for a, b in ((x, y), (y, x)):
        fill = facts.fill(a)
        if fill is not None and a.shape == (1, 1) and b.shape == eq.out.shape:
            return _other(eq, ops.multiply, Literal(fill), b)
    return None


def _plain_number(_: Facts, eq: Equation) -> Equation | None:
    """``x * np.float64(2.0)`` is ``x * 2.0``, wherever the dtype stays."""
    for i, atom in enumerate(eq.inputs):
        if isinstance(atom, Literal) and isinstance(atom.value, np.floating):
            number = float(atom.value)
            simpler = _with(eq, i, Literal(number))
            if simpler is not None and np.isfinite(number) and not eq.out.scalar:
                return simpler
    return None


def _unit(facts: Facts, eq: Equation) -> Equation | None:
    """``np.float64(1.0) * c`` is ``c``, beside an array that has a dtype."""
    for i, atom in enumerate(eq.inputs):
        product = facts.made_by(ops.multiply, atom)
        for a, b in (product, product[::-1]) if product else ():
            if isinstance(a, Literal) and a.value == 1 and isinstance(b, Var) and b.scalar:
                return _with(eq, i, b)
    return None


def _short_number(_: Facts, eq: Equation) -> Equation | None:
    """Of numbers that become the same beside an array, the one that is shorter to write."""
    floating = [x for x in eq.inputs if isinstance(x, Var) and not x.scalar and x.dtype.kind == "f"]
    if not floating or eq.out.dtype.kind != "f":
        return None
    for i, atom in enumerate(eq.inputs):
        if not is_number(atom):
            continue
        value = atom.value
        short = float(value)
        if (parts := as_fraction(short, eq.out.dtype)) is not None:
            short = parts[0] / parts[1]
        elif np.isfinite(value) and np.isfinite(eq.out.dtype.type(value)):
            short = float(str(eq.out.dtype.type(value)))
        if (short != value and not np.isnan(value)) or (
            type(value) is int and eq.op in _ARITHMETIC
        ):
            return _with(eq, i, Literal(short))
    return None


def _operand_that_broadcasts(facts: Facts, eq: Equation) -> Equation | None:
    """``x * b.reshape((1, 3))`` is ``x * b``."""
    for i, atom in enumerate(eq.inputs):
        made = facts.made_by(ops.reshape, atom)
        if made and isinstance(made[0], Var) and not made[0].scalar:
            added = len(atom.shape) - len(made[0].shape)
            if added > 0 and atom.shape == (1,) * added + made[0].shape:
                return _with(eq, i, made[0])
    return None


def _sum_reshaped(facts: Facts, eq: Equation) -> Equation | None:
    """``np.sum(x, axis=1, keepdims=True).reshape(n)`` is ``np.sum(x, axis=1)``."""
    made = facts.equation_of(eq.inputs[0])
    if made is None or made.op not in (ops.sum, REGISTRY["sum_to"]) or made.out.name is not None:
        return None
    (x,) = made.inputs
    kept = made.out.shape
    if len(kept) != len(x.shape):
        return None
    axes = tuple(i for i, n in enumerate(x.shape) if kept[i] != n)
    rest = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    if not axes or rest != eq.out.shape:
        return None
    return _other(eq, ops.sum, x, axis=axes[0] if len(axes) == 1 else axes, keepdims=False)


def _multiple(facts: Facts, eq: Equation) -> Equation | None:
    """``2 * x + x`` is ``3 * x``."""
    for total, x in (eq.inputs, eq.inputs[::-1]):
        made = facts.equation_of(total)
        if (
            made is not None
            and made.op is ops.multiply
            and made.out.name is None
            and made.inputs[1] is x
            and is_number(made.inputs[0])
            and eq.out.dtype.kind == "f"
        ):
            number = made.inputs[0].value
            return _other(eq, ops.multiply, Literal(number + 1.0), x)
    return None


def _product_of_einsum(_: Facts, eq: Equation) -> Equation | None:
    """``np.einsum(',ij->ij', c, B)`` is ``c * B``."""
    subscripts = eq.params["subscripts"]
    if len(eq.inputs) != 2 or "->" not in subscripts or "." in subscripts:
        return None
    operands, out = subscripts.replace(" ", "").split("->")
    parts = operands.split(",")
    if "" not in parts or out not in parts or len(set(out)) < len(out):
        return None
    return _with(_other(eq, ops.multiply, *eq.inputs), 0, eq.inputs[0])


def _looked_at(_: Facts, eq: Equation) -> Atom:
    """A check of class indices gives them as they are."""
    return eq.inputs[0]


RULES_FOR_PEOPLE: dict[Op, tuple[Rule, ...]] = dict(RULES)
"""The rules of each operation, those of `algebra` first."""
for _op in ELEMENTWISE:
    RULES_FOR_PEOPLE[_op] += (_plain_number, _unit, _short_number, _operand_that_broadcasts)
for _op in _FOLDED:
    RULES_FOR_PEOPLE[_op] = (_uniform, *RULES_FOR_PEOPLE.get(_op, ()))
for _op, _rules in {
    ops.add: (_multiple,),
    ops.matmul: (_factor,),
    ops.reshape: (_sum_reshaped,),
    REGISTRY["einsum"]: (_product_of_einsum,),
    REGISTRY["class_indices"]: (_looked_at,),
}.items():
    RULES_FOR_PEOPLE[_op] = RULES_FOR_PEOPLE.get(_op, ()) + _rules
