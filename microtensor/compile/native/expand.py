"""Taking operations apart into those that have a native form: sums, products, single elements.

A softmax becomes a maximum, a difference, an exponential, a sum and a quotient, which are then put
together into loops with whatever stands around them. A subexpression that several operations have
in common, as a loss and its gradient do, is computed once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ... import ops
from ...op import REGISTRY, Op
from ...ops import fused, norms, reduce, shape
from ..program import Atom, Equation, Literal, Var
from .expansion import Expansion, Rule, common, is_float

__all__ = ["CHECK", "expanded", "needed"]


def _unknown_kernel(*_: Any) -> Any:
    raise NotImplementedError


CHECK = Op("check_bounds", _unknown_kernel, arity=1, parameters={"length": None}, register=False)
"""Not an operation on values: an error if an index does not exist."""


def needed(equations: Iterable[Equation], results: Iterable[Var]) -> list[Equation]:
    """Return the equations that results depend on, and those that do more than compute."""
    wanted = set(results)
    kept = []
    for equation in reversed(list(equations)):
        if equation.out in wanted or equation.op is CHECK or equation.op.name == "random":
            kept.append(equation)
            wanted.update(equation.uses())
    return kept[::-1]


def expanded(equations: Iterable[Equation], constants: dict[Var, Any]) -> list[Equation]:
    """Return the equations with what has no native form itself taken apart.

    Arrays that this takes are added to ``constants``.
    """
    expansion = Expansion(constants, _RULES)
    for equation in equations:
        expansion.add(equation)
    return expansion.equations


def _mean(e: Expansion, q: Equation) -> Var | None:
    (x,), out = q.inputs, q.out
    if not isinstance(x, Var) or not x.size or out.dtype.char not in "fd":
        return None
    total = e.over(ops.sum, x, q.params["axis"], q.params["keepdims"], dtype=out.dtype)
    return e.binary(ops.divide, total, Literal(float(x.size // max(out.size, 1))))


def _var(e: Expansion, q: Equation) -> Var | None:
    (x,), out, p = q.inputs, q.out, q.params
    if not isinstance(x, Var) or not is_float(x) or not x.size:
        return None
    if not isinstance(p["ddof"], int | float):
        return None
    count = x.size // max(out.size, 1)
    total = e.over(ops.sum, x, p["axis"], True)
    centre = e.binary(ops.divide, total, Literal(float(count)))
    deviation = e.binary(ops.subtract, x, centre)
    squares = e.unary(ops.square, deviation)
    total = e.over(ops.sum, squares, p["axis"], p["keepdims"])
    return e.binary(ops.divide, total, Literal(float(max(count - p["ddof"], 0))))


def _std(e: Expansion, q: Equation) -> Var | None:
    variance = _var(e, q)
    return None if variance is None else e.unary(ops.sqrt, variance)


def _exponentials(e: Expansion, x: Var, axis: Any) -> tuple[Var, Var, Var]:
    """Return x less its largest element, the exponentials of that, and their sum."""
    top = e.over(ops.max, x, axis, True)
    shifted = e.binary(ops.subtract, x, top)
    powers = e.unary(ops.exp, shifted)
    return shifted, powers, e.over(ops.sum, powers, axis, True)


def _softmax(e: Expansion, q: Equation) -> Var | None:
    (x,) = q.inputs
    if not is_float(x) or not x.shape:
        return None
    assert isinstance(x, Var)
    _, powers, total = _exponentials(e, x, q.params["axis"])
    return e.binary(ops.divide, powers, total)


def _log_softmax(e: Expansion, q: Equation) -> Var | None:
    (x,) = q.inputs
    if not is_float(x) or not x.shape:
        return None
    assert isinstance(x, Var)
    shifted, _, total = _exponentials(e, x, q.params["axis"])
    return e.binary(ops.subtract, shifted, e.unary(ops.log, total))


def _logsumexp(e: Expansion, q: Equation) -> Var | None:
    (x,) = q.inputs
    if not isinstance(x, Var) or not is_float(x) or not x.size:
        return None
    top = e.over(ops.max, x, q.params["axis"], True)
    finite = e.do(ops.isfinite, top, like=top.shape, dtype=bool)
    top = e.do(REGISTRY["where"], finite, top, Literal(0), like=top.shape, dtype=top.dtype)
    powers = e.unary(ops.exp, e.binary(ops.subtract, x, top))
    total = e.unary(ops.log, e.over(ops.sum, powers, q.params["axis"], True))
    return e.reshaped(e.binary(ops.add, total, top), q.out.shape)


def _sum_squared_error(e: Expansion, q: Equation) -> Var | None:
    error = e.binary(ops.subtract, *q.inputs)
    if error.shape != q.inputs[0].shape or error.dtype.char not in "fd":
        return None
    return e.over(ops.sum, e.unary(ops.square, error), None, False)


def _linear_no_bias(e: Expansion, q: Equation) -> Var | None:
    x, weight = q.inputs[:2]
    if not is_float(x) or not is_float(weight):
        return None
    assert isinstance(x, Var)
    assert isinstance(weight, Var)
    rows = e.reshaped(x, (math.prod(x.shape[:-1]), x.shape[-1]))
    columns = e.transposed(weight, (1, 0))
    like = (rows.shape[0], weight.shape[0])
    product = e.do(ops.matmul, rows, columns, like=like, dtype=common(x, weight))
    return e.reshaped(product, (*x.shape[:-1], weight.shape[0]))


def _linear(e: Expansion, q: Equation) -> Var | None:
    product = _linear_no_bias(e, q)
    if product is None or product.dtype != q.out.dtype or not is_float(q.inputs[2]):
        return None
    return e.binary(ops.add, product, q.inputs[2], dtype=product.dtype)


def _sum_to(e: Expansion, q: Equation) -> Var | None:
    (x,), target = q.inputs, q.params["shape"]
    if not isinstance(x, Var):
        return None
    lead = x.ndim - len(target)
    axes = tuple(range(lead)) + tuple(
        a + lead for a, n in enumerate(target) if n == 1 and x.shape[a + lead] != 1
    )
    total = e.over(ops.sum, x, axes, False, dtype=q.out.dtype) if axes else x
    return e.reshaped(total, q.out.shape)


def _shifted_classes(e: Expansion, x: Var, classes: Atom) -> Var | None:
    """Return class indices that count from the start, after a check that they exist."""
    if not isinstance(classes, Var) or classes.dtype.kind not in "iu" or classes.scalar:
        return None
    count = x.shape[-1]
    e.do(CHECK, classes, like=classes.shape, dtype=bool, length=count)
    if classes.dtype.kind == "u":
        return classes
    below = e.binary(ops.less, classes, Literal(0), dtype=bool)
    later = e.binary(ops.add, classes, Literal(count), dtype=classes.dtype)
    return e.do(REGISTRY["where"], below, later, classes, like=classes.shape, dtype=classes.dtype)


def _cross_entropy(e: Expansion, q: Equation) -> Var | None:
    x, classes = q.inputs
    if not isinstance(x, Var) or not is_float(x) or not x.size:
        return None
    chosen = _shifted_classes(e, x, classes)
    if chosen is None:
        return None
    count = x.shape[-1]
    shifted, _, total = _exponentials(e, x, -1)
    rows = e.reshaped(shifted, (x.size // count, count))
    lines = e.constant(np.arange(x.size // count))
    picked = e.do(
        ops.getitem, rows, like=lines.shape, dtype=x.dtype,
        index=(lines, e.reshaped(chosen, lines.shape)),
    )  # fmt: skip
    logs = e.reshaped(e.unary(ops.log, total), lines.shape)
    return e.reshaped(e.binary(ops.subtract, logs, picked), chosen.shape)


def _mean_cross_entropy(e: Expansion, q: Equation) -> Var | None:
    losses = _cross_entropy(e, q)
    if losses is None:
        return None
    total = e.over(ops.sum, losses, None, False)
    return e.binary(ops.divide, total, Literal(float(losses.size)))


def _softmax_error(e: Expansion, q: Equation) -> Var | None:
    x, classes = q.inputs
    if not isinstance(x, Var) or not is_float(x) or not x.size:
        return None
    chosen = _shifted_classes(e, x, classes)
    if chosen is None:
        return None
    _, powers, total = _exponentials(e, x, -1)
    probabilities = e.binary(ops.divide, powers, total)
    each = e.constant(np.arange(x.shape[-1], dtype=chosen.dtype))
    column = e.reshaped(chosen, (*chosen.shape, 1))
    hit = e.binary(ops.equal, column, each, dtype=bool)
    less = e.binary(ops.subtract, probabilities, Literal(1.0))
    return e.do(REGISTRY["where"], hit, less, probabilities, like=x.shape, dtype=x.dtype)


def _binary_cross_entropy(e: Expansion, q: Equation) -> Var | None:
    x, y = q.inputs
    if not (is_float(x) and is_float(y) and q.out.dtype == x.dtype == y.dtype):
        return None
    low = Literal(-100.0)
    log_x = e.binary(ops.maximum, e.unary(ops.log, x), low)
    rest = e.unary(ops.log1p, e.unary(ops.negative, x))
    log_rest = e.binary(ops.maximum, rest, low)
    absent = e.binary(ops.multiply, e.binary(ops.subtract, y, Literal(1.0)), log_rest)
    return e.binary(ops.subtract, absent, e.binary(ops.multiply, y, log_x))


def _with_logits(e: Expansion, q: Equation) -> Var | None:
    x, y = q.inputs
    if not (is_float(x) and is_float(y) and q.out.dtype == x.dtype == y.dtype):
        return None
    away = e.binary(ops.multiply, e.binary(ops.subtract, Literal(1.0), y), x)
    soft = e.unary(ops.softplus, e.unary(ops.negative, x))
    return e.binary(ops.add, away, soft)


def _norm(e: Expansion, q: Equation) -> Var | None:
    (x,), p = q.inputs, q.params
    if p["ord"] != 2 or not is_float(x):
        return None
    assert isinstance(x, Var)
    total = e.over(ops.sum, e.unary(ops.square, x), p["axis"], p["keepdims"])
    return e.unary(ops.sqrt, total)


def _tensordot(e: Expansion, q: Equation) -> Var | None:
    x, y = q.inputs
    if not is_float(x) or not is_float(y):
        return None
    assert isinstance(x, Var)
    assert isinstance(y, Var)
    of_x, of_y = q.params["axes"]
    free_x = tuple(a for a in range(x.ndim) if a not in of_x)
    free_y = tuple(a for a in range(y.ndim) if a not in of_y)
    k = math.prod(x.shape[a] for a in of_x)
    m = math.prod(x.shape[a] for a in free_x)
    n = math.prod(y.shape[a] for a in free_y)
    left = e.reshaped(e.transposed(x, (*free_x, *of_x)), (m, k))
    right = e.reshaped(e.transposed(y, (*of_y, *free_y)), (k, n))
    product = e.do(ops.matmul, left, right, like=(m, n), dtype=common(x, y))
    return e.reshaped(product, q.out.shape)


_RULES: dict[str, Rule] = {
    reduce.mean.name: _mean,
    reduce.var.name: _var,
    reduce.std.name: _std,
    reduce.softmax.name: _softmax,
    reduce.log_softmax.name: _log_softmax,
    reduce.logsumexp.name: _logsumexp,
    fused.sum_squared_error.name: _sum_squared_error,
    fused.linear_no_bias.name: _linear_no_bias,
    fused.linear.name: _linear,
    shape.sum_to.name: _sum_to,
    fused.cross_entropy.name: _cross_entropy,
    fused.mean_cross_entropy.name: _mean_cross_entropy,
    fused.softmax_error.name: _softmax_error,
    fused.binary_cross_entropy.name: _binary_cross_entropy,
    fused.binary_cross_entropy_with_logits.name: _with_logits,
    norms.p_norm.name: _norm,
    "tensordot": _tensordot,
}

EXPANDED = frozenset(_RULES) | {"sigmoid", "relu", "softplus"}
"""Operations that are no primitive of NumPy's and have a native form all the same."""
