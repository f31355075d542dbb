"""The algebra that makes a program shorter: one rule to a line of a textbook, all of them exact.

A rule looks at one equation, ``out = op(*inputs)``, whose operands were simplified before. It
returns another equation for ``out``, or an atom that ``out`` is equal to, or ``None``. What it
returns has the same bits, so a rule may reorder nothing and round nothing; the sign of a zero it
may change only where `Facts.sign_of_zero_matters` says that nothing depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np

from .. import ops
from ..op import REGISTRY, Op
from .program import Atom, Equation, Literal, Var

__all__ = ["ELEMENTWISE", "RULES", "Facts", "Rule"]


class Facts(Protocol):
    """What a rule can ask about the program."""

    def made_by(self, op: Op, atom: Atom) -> tuple[Atom, ...] | None:
        """Return the operands of the equation that made ``atom``, if that is an ``op``."""

    def equation_of(self, atom: Atom) -> Equation | None:
        """Return the equation that made ``atom``."""

    def fill(self, atom: Atom) -> Any:
        """Return the number that every element of ``atom`` is, if there is one."""

    def sign_of_zero_matters(self, var: Var) -> bool:
        """Tell whether anything but the sign of a zero depends on the sign of a zero in ``var``."""


Rule: TypeAlias = Callable[[Facts, Equation], Equation | Atom | None]

ELEMENTWISE = frozenset(
    REGISTRY[name]
    for name in (
        "add", "subtract", "multiply", "divide", "maximum", "minimum", "fmax", "fmin", "where",
        "clip", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
        "logical_and", "logical_or", "logical_xor", "logaddexp", "logaddexp2", "hypot", "arctan2",
        "copysign", "remainder", "floor_divide", "fmod", "heaviside",
    )
)  # fmt: skip
"""Operations that broadcast their operands, each of which counts by its elements only."""


def _other(eq: Equation, op: Op, *inputs: Atom, **params: Any) -> Equation:
    return Equation(op, inputs, params, eq.out, eq.site)


def _alike(atom: Atom, out: Var) -> bool:
    """Tell whether ``atom`` has the shape and the dtype of ``out``."""
    return (
        isinstance(atom, Var)
        and not atom.scalar
        and atom.shape == out.shape
        and atom.dtype == out.dtype
    )


def _number(atom: Atom) -> float | None:
    """Return the Python number that an atom is."""
    if isinstance(atom, Literal) and type(atom.value) in (int, float):
        result: float | None = atom.value
        return result
    return None


def _is(atom: Atom, value: float) -> bool:
    number = _number(atom)
    return number is not None and number == value


def _floating(eq: Equation) -> bool:
    return eq.out.dtype.kind == "f" and not eq.out.scalar


def _fits(eq: Equation, position: int, atom: Atom) -> bool:
    """Tell whether the result keeps its shape with ``atom`` as one of the operands."""
    shapes = [x.shape for i, x in enumerate(eq.inputs) if i != position]
    try:
        return np.broadcast_shapes(*shapes, atom.shape) == eq.out.shape
    except ValueError:
        return False


def _with(eq: Equation, position: int, atom: Atom) -> Equation:
    inputs = (*eq.inputs[:position], atom, *eq.inputs[position + 1 :])
    return Equation(eq.op, inputs, eq.params, eq.out, eq.site)


# Numbers


def _repeated_operand(facts: Facts, eq: Equation) -> Equation | None:
    """``x + broadcast_to(y, shape)`` is ``x + y``."""
    for i, atom in enumerate(eq.inputs):
        source = facts.made_by(ops.broadcast_to, atom)
        if source and not source[0].scalar and _fits(eq, i, source[0]):
            return _with(eq, i, source[0])
    return None


def _uniform_operand(facts: Facts, eq: Equation) -> Equation | None:
    """``x * ones`` is ``x * 1.0``, where the dtypes of the two agree."""
    for i, atom in enumerate(eq.inputs):
        if isinstance(atom, Var) and not atom.scalar:
            fill = facts.fill(atom)
            if fill is not None and _fits(eq, i, Literal(fill)):
                return _with(eq, i, Literal(fill))
    return None


def _plain_number(_: Facts, eq: Equation) -> Equation | None:
    """``x * np.float64(2.0)`` is ``x * 2.0``, if ``x`` is of a dtype that prevails."""
    for i, atom in enumerate(eq.inputs):
        if not isinstance(atom, Literal) or not isinstance(atom.value, np.generic):
            continue
        others = [x.dtype for x in eq.inputs if isinstance(x, Var) and not x.scalar]
        number = atom.value.item()
        if (
            not others
            or type(number) not in (int, float)
            or atom.dtype.kind == "f" != others[0].kind
        ):
            continue
        common: np.dtype[Any] = np.result_type(*others)
        if np.result_type(common, atom.dtype) == common and common.type(number) == atom.value:
            return _with(eq, i, Literal(number))
    return None


# Sums


def _add(facts: Facts, eq: Equation) -> Equation | Atom | None:
    x, y = eq.inputs
    if x is y and isinstance(x, Var) and _floating(eq):  # x + x = 2 x
        return _other(eq, ops.multiply, Literal(2.0), x)
    for a, b in ((x, y), (y, x)):
        # x + 0 = x, but -0 + 0 = 0
        if _is(b, 0) and _alike(a, eq.out) and not facts.sign_of_zero_matters(eq.out):
            return a
        negated = facts.made_by(ops.negative, b)
        if negated and _floating(eq):  # x + (-y) = x - y
            return _other(eq, ops.subtract, a, negated[0])
    return None


def _subtract(facts: Facts, eq: Equation) -> Equation | Atom | None:
    x, y = eq.inputs
    if _is(y, 0) and _alike(x, eq.out) and str(_number(y))[0] != "-":
        return x
    negated = facts.made_by(ops.negative, y)
    if negated and _floating(eq):  # x - (-y) = x + y
        return _other(eq, ops.add, x, negated[0])
    return None


def _negative(facts: Facts, eq: Equation) -> Equation | Atom | None:
    (x,) = eq.inputs
    if not _floating(eq):
        return None
    negated = facts.made_by(ops.negative, x)
    if negated:  # -(-x) = x
        return negated[0]
    product = facts.made_by(ops.multiply, x)
    if product and (factor := _number(product[0])) is not None:  # -(c x) = (-c) x
        return _other(eq, ops.multiply, Literal(-factor), product[1])
    difference = facts.made_by(ops.subtract, x)
    if difference and not facts.sign_of_zero_matters(eq.out):  # -(x - y) = y - x
        return _other(eq, ops.subtract, difference[1], difference[0])
    return None


# Products


def _multiply(facts: Facts, eq: Equation) -> Equation | Atom | None:
    x, y = eq.inputs
    if _number(y) is not None and _number(x) is None and _floating(eq):  # x c = c x
        return _other(eq, ops.multiply, y, x)
    factor = _number(x)
    if factor == 1 and _alike(y, eq.out):
        return y
    if factor == -1 and _alike(y, eq.out) and _floating(eq):
        return _other(eq, ops.negative, y)
    if not _floating(eq):
        return None
    first, second = facts.made_by(ops.negative, x), facts.made_by(ops.negative, y)
    if first and second:  # (-x) (-y) = x y
        return _other(eq, ops.multiply, first[0], second[0])
    if factor is not None and second:  # c (-x) = (-c) x
        return _other(eq, ops.multiply, Literal(-factor), second[0])
    return None


def _divide(facts: Facts, eq: Equation) -> Equation | Atom | None:
    x, y = eq.inputs
    if _is(y, 1) and _alike(x, eq.out):
        return x
    first, second = facts.made_by(ops.negative, x), facts.made_by(ops.negative, y)
    if first and second and _floating(eq):
        return _other(eq, ops.divide, first[0], second[0])
    return None


def _power(_: Facts, eq: Equation) -> Equation | Atom | None:
    x, y = eq.inputs
    return x if _is(y, 1) and _alike(x, eq.out) else None


# Shapes


def _same(_: Facts, eq: Equation) -> Atom | None:
    """What gives every element of its operand its place and its value gives the operand."""
    return eq.inputs[0] if _alike(eq.inputs[0], eq.out) else None


def _reshape(facts: Facts, eq: Equation) -> Equation | None:
    """``x.reshape(s).reshape(t)`` is ``x.reshape(t)``."""
    made = facts.equation_of(eq.inputs[0])
    if made and made.op in _RESHAPING and not made.inputs[0].scalar:
        return _other(eq, ops.reshape, made.inputs[0], shape=eq.out.shape)
    return None


def _reshaping(_: Facts, eq: Equation) -> Equation | None:
    """``x[None, :]`` selects all elements, in order: it is a reshape, and so is its adjoint."""
    (x,) = eq.inputs
    index = eq.params["index"]
    parts = index if isinstance(index, tuple) else (index,)
    size = math.prod(x.shape)
    if size == eq.out.size > 0 and not x.scalar and all(map(_keeps_order, parts)):
        return _other(eq, ops.reshape, x, shape=eq.out.shape)
    return None


def _keeps_order(part: Any) -> bool:
    if isinstance(part, slice):
        return part.step is None or (isinstance(part.step, int) and part.step > 0)
    return part is None or part is Ellipsis or type(part) is int


def _swapaxes(_: Facts, eq: Equation) -> Equation | Atom:
    """Of a matrix, it is the transposition."""
    (x,) = eq.inputs
    axes = list(range(eq.out.ndim))
    i, j = (eq.params[name] % eq.out.ndim for name in ("axis1", "axis2"))
    axes[i], axes[j] = axes[j], axes[i]
    if i == j:
        return x
    return _other(eq, ops.transpose, x, axes=None if eq.out.ndim == 2 else tuple(axes))


def _transpose(facts: Facts, eq: Equation) -> Equation | Atom | None:
    """``x.T.T`` is ``x``; a transposition of one axis is none."""
    (x,) = eq.inputs
    order = _order(eq)
    if order == tuple(range(len(order))):
        return x
    made = facts.equation_of(x)
    if made is None or made.op is not ops.transpose:
        return None
    inner = _order(made)
    combined = tuple(inner[i] for i in order)
    if combined == tuple(range(len(combined))):
        return made.inputs[0]
    axes = None if combined == tuple(range(len(combined)))[::-1] else combined
    return _other(eq, ops.transpose, made.inputs[0], axes=axes)


def _order(eq: Equation) -> tuple[int, ...]:
    ndim = eq.out.ndim
    axes = eq.params.get("axes")
    return tuple(range(ndim))[::-1] if axes is None else tuple(int(a) % ndim for a in axes)


_RESHAPING = frozenset({ops.reshape, ops.ravel, ops.squeeze, ops.expand_dims})
_sum_to = REGISTRY["sum_to"]

RULES: dict[Op, tuple[Rule, ...]] = dict.fromkeys(
    ELEMENTWISE, (_repeated_operand, _uniform_operand, _plain_number)
)
"""The rules of each operation, in the order in which they are tried."""
for _op, _rules in {
    ops.add: (_add,),
    ops.subtract: (_subtract,),
    ops.negative: (_negative,),
    ops.multiply: (_multiply,),
    ops.divide: (_divide,),
    ops.power: (_repeated_operand, _power),
    ops.positive: (_same,),
    ops.copy: (_same,),
    ops.astype: (_same,),
    ops.broadcast_to: (_same,),
    _sum_to: (_same,),
    ops.reshape: (_same, _reshape),
    ops.ravel: (_same, _reshape),
    ops.squeeze: (_same, _reshape),
    ops.expand_dims: (_reshape,),
    ops.transpose: (_transpose,),
    ops.swapaxes: (_swapaxes,),
    ops.getitem: (_reshaping,),
    REGISTRY["scatter_add"]: (_reshaping,),
}.items():
    RULES[_op] = RULES.get(_op, ()) + _rules
