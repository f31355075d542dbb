"""Reductions over axes, and the operations defined by one: softmax and its relatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import Op
from .shape import broadcast_to

Axis = int | tuple[int, ...] | None


def _kept(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """Return the shape of a reduction of ``shape`` that keeps its axes, with length 1."""
    if axis is None:
        return (1,) * len(shape)
    axes = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))} if shape else ()
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def _keep(out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    """Give what was reduced from ``x`` its axes back, so that it broadcasts against ``x``."""
    return out if keepdims or axis is None else out.reshape(_kept(x.shape, axis))


def _expand(g: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    """Repeat ``g`` over the axes that a reduction of ``x`` summed over."""
    return broadcast_to(g if axis is None else _keep(g, x, axis, keepdims), x.shape)


def _mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Average; for float32 and float64 as `numpy.mean` does it, without its overhead."""
    if x.dtype.char not in "fd" or x.size == 0:
        return np.mean(x, axis=axis, keepdims=keepdims)
    total: Any = np.add.reduce(x, axis, None, None, keepdims)  # type: ignore[call-overload]  # by position, in less time
    return total / (x.size // total.size)


def _count(x: Any, g: Any) -> int:
    """Return how many elements of ``x`` were reduced to one of ``g``."""
    return int(x.size // (g.size or 1))


def _centred(x: Any, axis: Axis) -> Any:
    return x - x.mean(axis=axis, keepdims=True)


def _ties(out: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    """Share 1 evenly among the elements of ``x`` that are equal to the extremum ``out``."""
    tied = x == _keep(out, x, axis, keepdims)
    return tied / tied.sum(axis=axis, keepdims=True)


def _others(x: Any) -> Any:
    """Return for each element along the last axis the product of all others.

    Pairs are multiplied, the products of the other pairs found the same way, and each element gets
    that times its partner: n multiplications without a division, so right where elements are 0.
    """
    n = x.shape[-1]
    if n == 1:
        return np.ones_like(x)
    if n % 2:
        x = np.concatenate([x, np.ones_like(x[..., :1])], axis=-1)
    even, odd = x[..., 0::2], x[..., 1::2]
    pairs = _others(even * odd)
    return np.stack([pairs * odd, pairs * even], axis=-1).reshape(x.shape)[..., :n]


def _product_of_others(x: Any, axis: Axis) -> Any:
    """Return for each element of ``x`` the product of those it is reduced with."""
    if x.size == 0:
        return x
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    last = tuple(a % x.ndim for a in axes)
    order = tuple(a for a in range(x.ndim) if a not in last) + last
    moved = x.transpose(order)
    flat = moved.reshape((*moved.shape[: x.ndim - len(last)], -1))
    return _others(flat).reshape(moved.shape).transpose(tuple(np.argsort(order)))


def _var(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    return np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)


def _std(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    return np.std(x, axis=axis, ddof=ddof, keepdims=keepdims)


def _per_std(g: Any, out: Any) -> Any:
    """Return g / out, but 0 where the deviation is 0, as PyTorch does."""
    return np.where(out == 0, 0, g / np.where(out == 0, 1, out))


def _logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Compute log(sum(exp(x))) with the maximum taken out, so that nothing overflows."""
    top = np.maximum.reduce(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    out = np.log(np.add.reduce(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else out.squeeze(axis)


def _softmax(x: Any, axis: Axis = -1) -> Any:
    out = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True))
    return out / np.add.reduce(out, axis=axis, keepdims=True)


def _log_softmax(x: Any, axis: Axis = -1) -> Any:
    x = x - np.maximum.reduce(x, axis=axis, keepdims=True)
    return x - np.log(np.add.reduce(np.exp(x), axis=axis, keepdims=True))


OVER_AXES = {"axis": None, "keepdims": False}
"""The parameters of a reduction, and their defaults."""

# One line per rule. `g` is the gradient of the output, `out` the output, `x` the input.
# fmt: off

# Sums and products
sum = Op("sum", np.add.reduce, parameters=OVER_AXES, numpy=np.sum, vjps=(
    lambda g, out, x, axis, keepdims: _expand(g, x, axis, keepdims),))
mean = Op("mean", _mean, numpy=np.mean, vjps=(
    lambda g, out, x, axis, keepdims: _expand(g / _count(x, g), x, axis, keepdims),))
prod = Op("prod", np.multiply.reduce, parameters=OVER_AXES, saves="x", numpy=np.prod, vjps=(
    lambda g, out, x, axis, keepdims: _keep(g, x, axis, keepdims) * _product_of_others(x, axis),))
var = Op("var", _var, saves="x", numpy=np.var, vjps=(
    lambda g, out, x, axis, ddof, keepdims:
        _keep(g, x, axis, keepdims) * 2.0 * _centred(x, axis) / (_count(x, g) - ddof),))
std = Op("std", _std, saves="out x", numpy=np.std, vjps=(
    lambda g, out, x, axis, ddof, keepdims:
        _keep(_per_std(g, out), x, axis, keepdims) * _centred(x, axis) / (_count(x, g) - ddof),))

# Extrema: a tie is split evenly
max = Op("max", np.maximum.reduce, parameters=OVER_AXES, saves="out x", numpy=(np.max, np.amax),
    vjps=(
    lambda g, out, x, axis, keepdims: _keep(g, x, axis, keepdims) * _ties(out, x, axis, keepdims),))
min = Op("min", np.minimum.reduce, parameters=OVER_AXES, saves="out x", numpy=(np.min, np.amin),
    vjps=(
    lambda g, out, x, axis, keepdims: _keep(g, x, axis, keepdims) * _ties(out, x, axis, keepdims),))

# Exponentials, normalised
logsumexp = Op("logsumexp", _logsumexp, saves="out x", vjps=(
    lambda g, out, x, axis, keepdims:
        _keep(g, x, axis, keepdims) * np.exp(x - _keep(out, x, axis, keepdims)),))
softmax = Op("softmax", _softmax, saves="out", vjps=(
    lambda g, out, x, axis: out * (g - (g * out).sum(axis=axis, keepdims=True)),))
log_softmax = Op("log_softmax", _log_softmax, saves="out", vjps=(
    lambda g, out, x, axis: g - np.exp(out) * g.sum(axis=axis, keepdims=True),))

# Constants to differentiation
argmax = Op("argmax", np.argmax, parameters=OVER_AXES, numpy=np.argmax)
argmin = Op("argmin", np.argmin, parameters=OVER_AXES, numpy=np.argmin)
all = Op("all", np.logical_and.reduce, parameters=OVER_AXES, numpy=np.all)
any = Op("any", np.logical_or.reduce, parameters=OVER_AXES, numpy=np.any)
# fmt: on
