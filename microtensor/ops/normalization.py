"""Normalising arrays of shape (N, C, L), each channel of which has statistics of its own.

Other axes than the channels of a batch are brought into that form: the rows of a matrix, say, are
the channels of one example. The mean of the squares is taken of what was centred before, in a
second pass, since the difference of two large numbers would lose all digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..op import Op
from .shape import broadcast_to

_FEW = 8
"""So many numbers side by side are added faster by BLAS than by NumPy."""


def _wide(x: Any) -> Any:
    """Return half precision as float32, in which sums lose less and are faster."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def _channel_sum(x: Any) -> Any:
    n, c, length = x.shape
    wide = _wide(x)
    if length < _FEW or wide.dtype.char not in "fd":
        return np.add.reduce(wide, (0, 2)).astype(x.dtype)
    ones = np.ones(length, wide.dtype)
    return np.add.reduce(wide.reshape((-1, length)).dot(ones).reshape((n, c))).astype(x.dtype)


def _channel_dot(x: Any, y: Any) -> Any:
    out = np.einsum("ncl,ncl->c", _wide(x), _wide(y))
    return out.astype(np.result_type(x, y))


def _count(x: Any) -> int:
    """Return how many elements a channel has; 1 for none, by which nothing is divided."""
    return math.prod(x.shape) // (x.shape[1] or 1) or 1


def _less_mean(x: Any) -> Any:
    return x - (_channel_sum(x) / _count(x))[:, None]


def _standardize(x: Any, eps: float, centred: bool = True) -> Any:
    """Divide by the root of the mean square, of what is centred before, or not."""
    c = _wide(x)
    c = _less_mean(c) if centred else c.copy()
    c *= (1.0 / np.sqrt(_channel_dot(c, c) / _count(x) + eps))[:, None]
    return c.astype(x.dtype, copy=False)


def _standardize_adjoint(g: Any, x: Any, eps: float, centred: bool = True) -> Any:
    """Return r (g - mean(g) - r² c mean(g c)), for c = x - mean(x) and r = 1 / rms(c)."""
    c, wide = _wide(x), _wide(g)
    c = _less_mean(c) if centred else c.copy()
    r = 1.0 / np.sqrt(_channel_dot(c, c) / _count(x) + eps)
    c *= (-r * r * _channel_dot(wide, c) / _count(x))[:, None]
    c += wide
    if centred:
        c -= (_channel_sum(wide) / _count(x))[:, None]
    c *= r[:, None]
    return c.astype(np.result_type(g, x), copy=False)


def _adjoint_vjp(h: Any, g: Any, x: Any, eps: float, centred: bool) -> Any:
    """Return the gradient in x of h · adjoint(g, x) = r (h · g) - r³ (h · c) (g · c) / n."""
    n = _count(x)
    g, h, c = (less_mean(g), less_mean(h), less_mean(x)) if centred else (g, h, x)
    r = 1.0 / np.sqrt(channel_dot(c, c) / n + eps)
    of_g, of_h = channel_dot(g, c) / n, channel_dot(h, c) / n
    of_c = 3.0 * r * r * of_g * of_h - channel_dot(h, g) / n
    return (r * r * r)[:, None] * (of_c[:, None] * c - of_g[:, None] * h - of_h[:, None] * g)


def _scale_shift(x: Any, scale: Any, shift: Any) -> Any:
    out = x * scale[:, None]
    out += shift[:, None]
    return out


# fmt: off
channel_sum = Op("channel_sum", _channel_sum, vjps=(
    lambda g, out, x: broadcast_to(g[:, None], x.shape),))
channel_dot = Op("channel_dot", _channel_dot, saves="x y", vjps=(
    lambda g, out, x, y: g[:, None] * y,
    lambda g, out, x, y: g[:, None] * x))
# A projection, on what has no mean; and the derivative of standardize: both their own adjoints.
less_mean: Op = Op("less_mean", _less_mean, vjps=(lambda g, out, x: less_mean(g),))
standardize = Op("standardize", _standardize, saves="x", vjps=(
    lambda g, out, x, eps, centred: standardize_adjoint(g, x, eps, centred),))
standardize_adjoint: Op = Op("standardize_adjoint", _standardize_adjoint, saves="y z", vjps=(
    lambda g, out, y, z, eps, centred: standardize_adjoint(g, z, eps, centred),
    lambda g, out, y, z, eps, centred: _adjoint_vjp(g, y, z, eps, centred)))
scale_shift = Op("scale_shift", _scale_shift, saves="x scale", vjps=(
    lambda g, out, x, scale, shift: g * scale[:, None],
    lambda g, out, x, scale, shift: channel_dot(g, x),
    lambda g, out, x, scale, shift: channel_sum(g)))
# fmt: on
