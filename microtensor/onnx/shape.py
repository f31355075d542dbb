"""Operations that move, repeat and join elements, in ONNX's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .unsupported import Untranslatable
from .value import Value

__all__ = ["AS_GIVEN", "TO_RESULT"]


def _permuted(function: Callable[..., Any]) -> Callable[..., Value]:
    """Return the translation of a function that permutes axes: told by the shapes it gives."""

    def translation(out: Any, x: Value, **params: Any) -> Value:
        labelled = np.empty(tuple(range(x.ndim)))  # no elements, and another length on each axis
        return x.transpose(function(labelled, **params).shape)

    return translation


def _squeeze(out: Any, x: Value, axis: Any) -> Value:
    if out.shape == x.shape:
        return x
    lost = x.axes(axis) if axis is not None else tuple(i for i, n in enumerate(x.shape) if n == 1)
    return x.node("Squeeze", x.graph.integers(lost), shape=out.shape)


def _expand_dims(out: Any, x: Value, axis: Any) -> Value:
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return x.unsqueeze(*sorted(a % len(out.shape) for a in axes))


def _flip(out: Any, x: Value, axis: Any) -> Value:
    return x.sliced({a: slice(None, None, -1) for a in x.axes(axis)})


def _roll(out: Any, x: Value, shift: Any, axis: Any) -> Value:
    if axis is None:
        flat = x.reshape((x.size,))
        return _roll(out, flat, shift, 0).reshape(x.shape)
    for by, along in np.broadcast(shift, axis):
        along = int(along) % x.ndim
        by = int(by) % (x.shape[along] or 1)
        if by:
            x = concatenated([x.part(along, -by, None), x.part(along, None, -by)], along)
    return x


def _rot90(out: Any, x: Value, k: int, axes: Any) -> Value:
    first, second = (a % x.ndim for a in axes)
    order = list(range(x.ndim))
    order[first], order[second] = second, first
    turns = k % 4
    if turns == 2:
        return _flip(out, x, (first, second))
    if turns == 1:
        return _flip(out, x, second).transpose(order)
    return _flip(out, x.transpose(order), second) if turns else x


def _tile(out: Any, x: Value, reps: Any) -> Value:
    reps = reps if isinstance(reps, (tuple, list)) else (reps,)
    x = x.reshape((1,) * (len(reps) - x.ndim) + x.shape)
    reps = (1,) * (x.ndim - len(reps)) + tuple(reps)
    return x.node("Tile", x.graph.integers(reps), shape=out.shape)


def _repeat(out: Any, x: Value, repeats: Any, axis: int | None) -> Value:
    x, axis = (x.reshape((x.size,)), 0) if axis is None else (x, axis % x.ndim)
    return x.gather(np.repeat(np.arange(x.shape[axis]), repeats), axis)


def _resize(out: Any, x: Value, new_shape: Any) -> Value:
    positions = np.resize(np.arange(x.size), new_shape)
    return x.reshape((x.size,)).gather(positions, 0)


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """Return how much is added before and after each axis."""
    if isinstance(pad_width, dict):
        given = {axis % ndim: np.broadcast_to(width, 2) for axis, width in pad_width.items()}
        pairs = np.array([given.get(axis, (0, 0)) for axis in range(ndim)])
    else:
        pairs = np.broadcast_to(pad_width, (ndim, 2))
    return [(int(before), int(after)) for before, after in pairs]


def _pad(out: Any, x: Value, pad_width: Any, mode: Any, constant_values: Any) -> Value:
    widths = _widths(pad_width, x.ndim)
    if mode != "constant":
        for axis, width in enumerate(widths):
            if width != (0, 0):
                x = x.gather(np.pad(np.arange(x.shape[axis]), width, mode), axis)
        return x
    if np.size(constant_values) != 1:
        raise Untranslatable("several constant_values")
    pads = [before for before, _ in widths] + [after for _, after in widths]
    fill = x.graph.constant(np.reshape(constant_values, ()), x.dtype)
    return x.node("Pad", x.graph.integers(pads), fill, shape=out.shape, mode="constant")


def _triangle(upper: int) -> Callable[..., Value]:
    def translation(out: Any, x: Value, k: int) -> Value:
        k_value = x.graph.constant(k, np.int64)
        return x.expand(out.shape).node("Trilu", k_value, shape=out.shape, upper=upper)

    return translation


def _diagonal(out: Any, x: Value, offset: int, axis1: int, axis2: int) -> Value:
    row, column = axis1 % x.ndim, axis2 % x.ndim
    rest = [a for a in range(x.ndim) if a not in (row, column)]
    x = x.transpose([*rest, row, column])
    m, n = x.shape[-2:]
    positions = np.diagonal(np.arange(m * n).reshape(m, n), offset)
    return x.reshape((*x.shape[:-2], m * n)).gather(positions, x.ndim - 2)


def _diagflat(out: Any, x: Value, k: int) -> Value:
    """Spread the elements over the columns, and keep those on the diagonal."""
    spread = np.diagflat(np.arange(x.size), k)
    on = x.graph.constant(np.diagflat(np.ones(x.size, bool), k))
    return on.where(x.reshape((x.size,)).gather(spread, 0), x.graph.constant(0, x.dtype))


def concatenated(parts: Sequence[Value], axis: int) -> Value:
    """Join values along an axis they have."""
    first = parts[0]
    length = sum(part.shape[axis] for part in parts)
    shape = (*first.shape[:axis], length, *first.shape[axis + 1 :])
    return first.node("Concat", *parts[1:], shape=shape, axis=axis)


def _stack(out: Any, *xs: Value, axis: int) -> Value:
    return concatenated([x.unsqueeze(axis) for x in xs], axis)


# fmt: off
TO_RESULT: dict[str, Callable[..., Value]] = {
    "reshape":      lambda out, x, shape: x.reshape(out.shape),
    "ravel":        lambda out, x: x.reshape(out.shape),
    "squeeze":      _squeeze,
    "expand_dims":  _expand_dims,
    "transpose":    _permuted(np.transpose),
    "swapaxes":     _permuted(np.swapaxes),
    "moveaxis":     _permuted(np.moveaxis),
    "flip":         _flip,
    "roll":         _roll,
    "rot90":        _rot90,
    "broadcast_to": lambda out, x, shape: x.expand(out.shape),
    "tile":         _tile,
    "repeat":       _repeat,
    "resize":       _resize,
    "pad":          _pad,
    "tril":         _triangle(0),
    "triu":         _triangle(1),
    "diagonal":     _diagonal,
    "diagflat":     _diagflat,
    "concatenate":  lambda out, *xs, axis: concatenated(xs, axis),
    "stack":        _stack,
}

AS_GIVEN: dict[str, Callable[..., Value]] = {
    "zeros_like": lambda out, x: x.graph.constant(0, out.dtype).expand(out.shape),
    "ones_like":  lambda out, x: x.graph.constant(1, out.dtype).expand(out.shape),
    "full_like":  lambda out, x, fill_value:
        fill_value.astype(out.dtype).expand(out.shape) if isinstance(fill_value, Value)
        else x.graph.constant(fill_value, out.dtype).expand(out.shape),
}
# fmt: on
