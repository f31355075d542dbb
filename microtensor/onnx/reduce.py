"""Reductions, sorting and running sums in ONNX's operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ops.sorting import _rows, _weights
from .shape import concatenated
from .unsupported import Untranslatable
from .value import Axes, Value

__all__ = [
    "AS_GIVEN",
    "TO_RESULT",
    "argsort",
    "count_nonzero",
    "log_softmax",
    "searchsorted",
    "softmax",
]


def _reduce(op_type: str) -> Callable[..., Value]:
    return lambda out, x, axis, keepdims: x.reduce(op_type, axis, keepdims)


def _extremum(op_type: str) -> Callable[..., Value]:
    """Return the translation of an extremum; of truth values by way of integers."""

    def translation(out: Any, x: Value, axis: Axes, keepdims: bool) -> Value:
        numbers = x.astype(np.int32) if x.dtype == bool else x
        return numbers.reduce(op_type, axis, keepdims).astype(out.dtype)

    return translation


def _any(x: Value, axis: Axes, keepdims: bool) -> Value:
    """Count those that hold; right where there are none to look at as well."""
    return x.astype(bool).astype(np.int64).sum(axis, keepdims) > 0


def _position(op_type: str) -> Callable[..., Value]:
    """Return the translation of the position of an extremum, in the flattened array by default."""

    def translation(out: Any, x: Value, axis: int | None, keepdims: bool) -> Value:
        x = x.astype(np.int32) if x.dtype == bool else x
        x, along = (x.reshape((x.size,)), 0) if axis is None else (x, axis % x.ndim)
        shape = x.shape[:along] + x.shape[along + 1 :]
        found = x.node(op_type, shape=shape, dtype=np.int64, axis=along, keepdims=0)
        return found.astype(out.dtype).reshape(out.shape)

    return translation


def _var(out: Any, x: Value, axis: Axes, ddof: float, keepdims: bool) -> Value:
    if not x.ndim:
        return x - x
    errors = x - x.reduce("ReduceMean", axis, True)
    total = (errors * errors).sum(axis, keepdims)
    count = math.prod(x.shape[a] for a in x.axes(axis))
    return total / float(count - ddof)


def _top(x: Value, axis: Axes) -> Value:
    return x.reduce("ReduceMax", axis, True)


def _logsumexp(out: Any, x: Value, axis: Axes, keepdims: bool) -> Value:
    top = _top(x, axis)
    top = (top - top).node("IsNaN", dtype=bool).where(0.0, top)
    total = (x - top).node("Exp").sum(axis, True)
    return (total.node("Log") + top).reshape(out.shape)


def softmax(out: Any, x: Value, axis: Axes = -1) -> Value:
    """Normalise exponentials along axes."""
    if isinstance(axis, int):
        return x.node("Softmax", axis=axis)
    powers = (x - _top(x, axis)).node("Exp")
    return powers / powers.sum(axis, True)


def log_softmax(out: Any, x: Value, axis: Axes = -1) -> Value:
    """Return the logarithm of `softmax`."""
    if isinstance(axis, int):
        return x.node("LogSoftmax", axis=axis)
    x = x - _top(x, axis)
    return x - x.node("Exp").sum(axis, True).node("Log")


def _norm(out: Any, x: Value, ord: float, axis: Axes, keepdims: bool) -> Value:
    if ord == 2:
        return (x * x).sum(axis, keepdims).node("Sqrt")
    return (abs(x) ** float(ord)).sum(axis, keepdims) ** (1 / ord)


def _cumsum(out: Any, x: Value, axis: int | None) -> Value:
    x, axis = (x.reshape((x.size,)), 0) if axis is None else (x, axis % x.ndim)
    return x.node("CumSum", x.graph.constant(axis, np.int64), shape=x.shape)


def _unwrap(out: Any, x: Value, discont: Any, axis: int, period: float) -> Value:
    """Shift what comes after a jump by whole periods, as `numpy.unwrap` defines it."""
    steps = _diff(out, x, 1, axis)
    half = period / 2
    low = steps + half
    rest = low - (low / float(period)).node("Floor") * float(period) - half
    rest = (rest.equals(-half) & (steps > 0.0)).where(half, rest)
    small = abs(steps) < float(half if discont is None else discont)
    shifts = _cumsum(out, small.where(0.0, rest - steps), axis)
    along = axis % x.ndim
    return concatenated([x.part(along, None, 1), x.part(along, 1, None) + shifts], along)


def _cumprod(out: Any, x: Value, axis: int | None) -> Value:
    """Multiply for each element those up to it, the others counting as 1."""
    x, axis = (x.reshape((x.size,)), 0) if axis is None else (x, axis % x.ndim)
    n = x.shape[axis]
    rest = (1,) * (x.ndim - axis - 1)
    among = x.graph.constant(np.tri(n, dtype=bool).reshape((n, n, *rest)))
    return among.where(x.unsqueeze(axis), 1.0).reduce("ReduceProd", axis + 1)


def _diff(out: Any, x: Value, n: int, axis: int) -> Value:
    axis %= x.ndim
    for _ in range(n):
        later, earlier = x.part(axis, 1, None), x.part(axis, None, -1)
        x = later.node("Xor", earlier) if x.dtype == bool else later - earlier
    return x


def _top_k(x: Value, axis: int, positions: bool = False) -> Value:
    """Sort along an axis, and return the values or where they were."""
    count = x.graph.integers([x.shape[axis]])
    values = x.graph.node("TopK", (x, count), x.shape, x.dtype, axis=axis, largest=0)
    where = x.graph.name("positions")
    x.graph.nodes[-1].outputs.append(where)
    return Value(x.graph, where, x.shape, np.dtype(np.int64)) if positions else values


def argsort(out: Any, x: Value, axis: int | None = -1, **order: Any) -> Value:
    """Return the positions of the elements in the order of their values."""
    x, axis = (x.reshape((x.size,)), 0) if axis is None else (x, axis % x.ndim)
    return _top_k(x, axis, positions=True)


def count_nonzero(out: Any, x: Value, axis: Axes = None, *, keepdims: bool = False) -> Value:
    """Count the elements that are not 0."""
    return x.astype(bool).astype(np.int64).sum(axis, keepdims).astype(out.dtype)


def searchsorted(out: Any, a: Value, v: Value, side: str = "left", sorter: Any = None) -> Value:
    """Return where elements belong among sorted ones: count those that come before."""
    if sorter is not None:
        raise Untranslatable("a sorter")
    v = v.unsqueeze(v.ndim)
    before = (v >= a) if side == "right" else (v > a)
    return count_nonzero(out, before, -1)


def _quantile(out: Any, x: Value, q: Any, axis: Any, method: str, keepdims: bool) -> Value:
    """Weigh the sorted elements, as the derivative rule does."""
    labels, order = _rows(np.empty(x.shape, bool), axis)
    rows = _top_k(x.transpose(order).reshape(labels.shape), labels.ndim - 1)
    weights = x.graph.constant(_weights(q, labels.shape[-1], method).T, x.dtype)
    shares = rows.node("MatMul", weights, shape=(*labels.shape[:-1], np.size(q)))
    last = labels.ndim - 1
    return shares.transpose([last, *range(last)]).reshape(out.shape)


# fmt: off
TO_RESULT: dict[str, Callable[..., Value]] = {
    "sum":         _reduce("ReduceSum"),
    "mean":        _reduce("ReduceMean"),
    "prod":        _reduce("ReduceProd"),
    "var":         _var,
    "std":         lambda out, *args, **params: _var(out, *args, **params).node("Sqrt"),
    "norm":        _norm,
    "logsumexp":   _logsumexp,
    "softmax":     softmax,
    "log_softmax": log_softmax,
    "sum_to":      lambda out, x, shape: x.sum(_lost(x.shape, shape)).reshape(shape),
    "cumsum":      _cumsum,
    "cumprod":     _cumprod,
    "unwrap":      _unwrap,
    "sort":        lambda out, x, axis: _top_k(x, axis % x.ndim),
    "quantile":    _quantile,
}

AS_GIVEN: dict[str, Callable[..., Value]] = {
    "max":     _extremum("ReduceMax"),
    "min":     _extremum("ReduceMin"),
    "argmax":  _position("ArgMax"),
    "argmin":  _position("ArgMin"),
    "all":     lambda out, x, axis, keepdims: ~_any(~x.astype(bool), axis, keepdims),
    "any":     lambda out, x, axis, keepdims: _any(x, axis, keepdims),
    "diff":    _diff,
}
# fmt: on


def _lost(shape: tuple[int, ...], kept: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes along which ``kept`` was broadcast to become ``shape``."""
    lead = len(shape) - len(kept)
    stretched = (i + lead for i, n in enumerate(kept) if n == 1 and shape[i + lead] != 1)
    return (*range(lead), *stretched)
