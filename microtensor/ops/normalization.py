"""What normalising is made of, for arrays of shape (N, C, ...): each channel has its statistics.

Other axes than the channels of a batch are brought into that form: the rows of a matrix, say, are
the channels of one example. The mean of the squares is taken of what was centred before, in a
second pass, since the difference of two large numbers would lose all digits.

Images lie in memory in one order or another. Kernels see them as they lie, without a copy, and
results lie as what they were made of.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..op import Op
from .shape import broadcast_to

_FEW = 8
"""So many numbers side by side are a row to BLAS."""


def _order(x: Any) -> Any:
    """Return the axes in the order in which they lie in memory."""
    return sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))


def _rows(x: Any, order: Any) -> Any:
    """See an array as (before, channels, after), its axes put in this order."""
    shape = [x.shape[axis] for axis in order]
    at = order.index(1)
    rows = (math.prod(shape[:at]), shape[at], math.prod(shape[at + 1 :]))
    return x.transpose(order).reshape(rows)


def _channel_sum(x: Any) -> Any:
    rows = _rows(x, _order(x))
    n, c, length = rows.shape
    if x.dtype.char not in "fd":
        return np.add.reduce(rows, (0, 2))
    if length < _FEW:
        total = np.ones(n, x.dtype).dot(rows.reshape((n, c * length)))
        return np.add.reduce(total.reshape((c, length)), 1)
    return np.add.reduce(rows.reshape((-1, length)).dot(np.ones(length, x.dtype)).reshape((n, c)))


def _channel_dot(x: Any, y: Any) -> Any:
    order = _order(x)
    x, y = _rows(x, order), _rows(y, order)
    if x.shape[2] < _FEW:
        return np.einsum("ncl,ncl->c", x, y)
    return np.add.reduce(np.vecdot(x, y))


def _count(x: Any) -> int:
    """Return how many elements a channel has; 1 for none, by which nothing is divided."""
    return math.prod(x.shape) // (x.shape[1] or 1) or 1


def _spread(values: Any, x: Any) -> Any:
    """Return what channels have each, in a shape that broadcasts against ``x``."""
    return values.reshape(values.shape + (1,) * (len(x.shape) - 2))


def _less_mean(x: Any) -> Any:
    return x - _spread(_channel_sum(x) / _count(x), x)


def _inverse_rms(x: Any, eps: float) -> Any:
    """Return 1 / sqrt(mean(x²) + eps)."""
    return 1.0 / np.sqrt(_channel_dot(x, x) / _count(x) + eps)


def _scale(x: Any, scale: Any) -> Any:
    return x * _spread(scale, x)


def _scale_shift(x: Any, scale: Any, shift: Any) -> Any:
    out = x * _spread(scale, x)
    out += _spread(shift, x)
    return out


# fmt: off
channel_sum = Op("channel_sum", _channel_sum, vjps=(
    lambda g, out, x: broadcast_to(_spread(g, x), x.shape),))
channel_dot = Op("channel_dot", _channel_dot, saves="x y", vjps=(
    lambda g, out, x, y: _spread(g, y) * y,
    lambda g, out, x, y: _spread(g, x) * x))
# A projection, on what has no mean: its own adjoint.
less_mean: Op = Op("less_mean", _less_mean, vjps=(lambda g, out, x: less_mean(g),))
inverse_rms = Op("inverse_rms", _inverse_rms, saves="out x", vjps=(
    lambda g, out, x, eps: _spread(g * out * out * out * (-1.0 / _count(x)), x) * x,))
scale_channels = Op("scale_channels", _scale, saves="x scale", vjps=(
    lambda g, out, x, scale: g * _spread(scale, x),
    lambda g, out, x, scale: channel_dot(g, x)))
scale_shift = Op("scale_shift", _scale_shift, saves="x scale", vjps=(
    lambda g, out, x, scale, shift: g * _spread(scale, x),
    lambda g, out, x, scale, shift: channel_dot(g, x),
    lambda g, out, x, scale, shift: channel_sum(g)))
# fmt: on
