"""Operations in one, taken apart into the steps in which people derive their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..op import REGISTRY
from .tape import Tape, Value

__all__ = ["UNFOLDED"]

_softplus = REGISTRY["softplus"]


def _sum(tape: Tape, x: Value, axis: Any, keepdims: bool) -> Value:
    return tape.apply(ops.sum, x, axis=axis, keepdims=keepdims)


def _mean(tape: Tape, value: Value) -> Value | None:
    (x,) = value.parents
    return _averaged(tape, x, value.params["axis"], value.params["keepdims"])


def _averaged(tape: Tape, x: Value, axis: Any, keepdims: bool, ddof: float = 0) -> Value | None:
    total = _sum(tape, x, axis, keepdims)
    count = math.prod(x.shape) // max(math.prod(total.shape), 1) - ddof
    return tape.apply(ops.divide, total, float(count)) if count > 0 else None


def _var(tape: Tape, value: Value) -> Value | None:
    (x,), p = value.parents, value.params
    centre = _averaged(tape, x, p["axis"], True)
    if centre is None:
        return None
    deviation = tape.apply(ops.subtract, x, centre)
    squares = tape.apply(ops.square, deviation)
    return _averaged(tape, squares, p["axis"], p["keepdims"], p["ddof"])


def _std(tape: Tape, value: Value) -> Value | None:
    variance = _var(tape, value)
    return None if variance is None else tape.apply(ops.sqrt, variance)


def _norm(tape: Tape, value: Value) -> Value | None:
    (x,), p = value.parents, value.params
    if p["ord"] != 2:
        return None
    total = _sum(tape, tape.apply(ops.square, x), p["axis"], p["keepdims"])
    return tape.apply(ops.sqrt, total)


def _linear(tape: Tape, value: Value) -> Value:
    x, weight, *bias = value.parents
    product = tape.apply(ops.matmul, x, tape.apply(ops.transpose, weight))
    return tape.apply(ops.add, product, bias[0]) if bias else product


def _shifted(tape: Tape, x: Value, axis: Any) -> Value:
    """Take the largest out, which is a constant to differentiation."""
    return tape.apply(ops.subtract, x, _constant(tape, x.data.max(axis=axis, keepdims=True)))


def _constant(tape: Tape, array: Any) -> Value:
    return tape._add(Value(None, (), {}, np.asarray(array), None))


def _exponentials(tape: Tape, x: Value, axis: Any) -> tuple[Value, Value, Value]:
    shifted = _shifted(tape, x, axis)
    powers = tape.apply(ops.exp, shifted)
    return shifted, powers, _sum(tape, powers, axis, True)


def _softmax(tape: Tape, value: Value) -> Value:
    _, powers, total = _exponentials(tape, value.parents[0], value.params["axis"])
    return tape.apply(ops.divide, powers, total)


def _log_softmax(tape: Tape, value: Value) -> Value:
    return _log_probabilities(tape, value.parents[0], value.params["axis"])


def _log_probabilities(tape: Tape, x: Value, axis: Any) -> Value:
    shifted, _, total = _exponentials(tape, x, axis)
    return tape.apply(ops.subtract, shifted, tape.apply(ops.log, total))


def _cross_entropy(tape: Tape, value: Value) -> Value:
    x, classes = value.parents
    log_probabilities = _log_probabilities(tape, x, -1)
    index = (*np.indices(classes.shape), classes.data)
    picked = tape.apply(ops.getitem, log_probabilities, index=index)
    return tape.apply(ops.negative, picked)


def _mean_cross_entropy(tape: Tape, value: Value) -> Value | None:
    return _averaged(tape, _cross_entropy(tape, value), None, False)


def _sum_squared_error(tape: Tape, value: Value) -> Value:
    error = tape.apply(ops.subtract, *value.parents)
    return _sum(tape, tape.apply(ops.square, error), None, False)


def _binary_cross_entropy(tape: Tape, value: Value) -> Value | None:
    x, y = value.parents
    if not ((x.data > 0) & (x.data < 1)).all():  # the operation limits the logarithms there
        return None
    present = tape.apply(ops.multiply, y, tape.apply(ops.log, x))
    rest = tape.apply(ops.log, tape.apply(ops.subtract, 1.0, x))
    absent = tape.apply(ops.multiply, tape.apply(ops.subtract, 1.0, y), rest)
    return tape.apply(ops.negative, tape.apply(ops.add, present, absent))


def _with_logits(tape: Tape, value: Value) -> Value:
    x, y = value.parents
    return tape.apply(ops.subtract, tape.apply(_softplus, x), tape.apply(ops.multiply, y, x))


UNFOLDED: dict[str, Callable[[Tape, Value], Value | None]] = {
    "mean": _mean,
    "var": _var,
    "std": _std,
    "norm": _norm,
    "linear": _linear,
    "linear_no_bias": _linear,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "cross_entropy": _cross_entropy,
    "mean_cross_entropy": _mean_cross_entropy,
    "sum_squared_error": _sum_squared_error,
    "binary_cross_entropy": _binary_cross_entropy,
    "binary_cross_entropy_with_logits": _with_logits,
}
"""How each operation is taken apart; ``None`` where it cannot be, for values at its edges."""
