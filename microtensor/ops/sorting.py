"""Sorting, and the statistics of sorted values: median, percentiles, quantiles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..op import Op, implements
from .reduce import Axis, _kept, mean
from .select import constant, take_along_axis
from .shape import ravel

__all__ = [
    "median",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "partition",
    "percentile",
    "quantile",
    "sort",
]


def _unsorted(g: Any, x: Any, axis: int) -> Any:
    """Put what is in the order of sorted ``x`` back into the order of ``x``."""
    ranks = np.argsort(np.argsort(constant(x), axis=axis, kind="stable"), axis=axis)
    return np.take_along_axis(g, ranks, axis)


def _rows(x: Any, axis: Axis) -> tuple[Any, list[int]]:
    """Return ``x`` with the axes that a quantile is taken over as one, the last; and its axes."""
    over = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    last = [a % x.ndim for a in over]
    order = [a for a in range(x.ndim) if a not in last] + last
    rows = x.transpose(order)
    n = math.prod(x.shape[a] for a in last)
    return rows.reshape((*rows.shape[: x.ndim - len(last)], n)), order


def _weights(q: Any, n: int, method: Any) -> Any:
    """Return the matrix whose product with n sorted numbers are their quantiles.

    The quantile of 0, 1, 2 ... is the position between two of the sorted numbers.
    """
    positions = np.quantile(np.arange(float(n)), np.ravel(q), method=method)
    lower = np.floor(positions).astype(int)
    part = positions - lower
    weights = np.zeros((positions.size, n))
    each = np.arange(positions.size)
    weights[each, lower] = 1 - part
    weights[each, np.minimum(lower + 1, n - 1)] += part
    return weights


def _quantile_vjp(g: Any, out: Any, x: Any, q: Any, axis: Axis, method: str, keepdims: bool) -> Any:
    """Share the gradient among the sorted elements by their weights."""
    rows, order = _rows(x, axis)
    weights = _weights(q, rows.shape[-1], method).astype(g.dtype)
    g = g.reshape((np.size(q), *rows.shape[:-1]))
    shares = _unsorted(np.moveaxis(g, 0, -1) @ weights, rows, -1)
    moved = shares.reshape(tuple(x.shape[a] for a in order))
    return moved.transpose(tuple(np.argsort(order)))


def _quantile(x: Any, q: Any, axis: Any, method: Any, keepdims: bool) -> Any:
    return np.quantile(x, q, axis=axis, method=method, keepdims=keepdims)


# Of equal elements, the one that comes first in `x` counts as the smaller.
# fmt: off
sort_along = Op("sort", lambda x, axis: np.sort(x, axis), saves="x", vjps=(
    lambda g, out, x, axis: _unsorted(g, x, axis),))
quantile_along = Op("quantile", _quantile, saves="x", vjps=(_quantile_vjp,))
# fmt: on


@implements(np.sort)
def sort(a: Any, axis: int | None = -1, kind: Any = None, *, stable: Any = None) -> Any:
    """Return a sorted copy; of equal elements the one that came first takes the first gradient.

    >>> import microtensor as mt
    >>> x = mt.tensor([3.0, 1.0, 2.0], requires_grad=True)
    >>> mt.sort(x).backward([1.0, 10.0, 100.0])
    >>> x.grad
    tensor([100.,   1.,  10.])
    """
    return sort_along(ravel(a), axis=0) if axis is None else sort_along(a, axis=axis)


@implements(np.partition)
def partition(a: Any, kth: Any, axis: int | None = -1) -> Any:
    """Return a copy in which the element ``kth`` is where sorting would put it."""
    if axis is None:
        a, axis = ravel(a), 0
    return take_along_axis(a, np.argpartition(constant(a), kth, axis), axis)


@implements(np.quantile)
def quantile(
    a: Any, q: Any, axis: Axis = None, *, method: str = "linear", keepdims: bool = False
) -> Any:
    """Return the ``q``-th quantile, by any of the methods of `numpy.quantile`.

    The gradient goes to the two sorted elements it lies between, or the one that it is; of equal
    elements the one that comes first in ``a`` counts as the smaller.

    >>> import microtensor as mt
    >>> x = mt.tensor([3.0, 1.0, 2.0, 5.0], requires_grad=True)
    >>> mt.quantile(x, 0.25).backward()
    >>> x.grad
    tensor([0.  , 0.25, 0.75, 0.  ])
    """
    q = q if isinstance(q, (int, float)) else np.array(q)
    return quantile_along(a, q=q, axis=axis, method=method, keepdims=keepdims)


def _hundredths(a: Any, q: Any) -> Any:
    return np.true_divide(np.asarray(q) if hasattr(q, "shape") else q, a.dtype.type(100))


@implements(np.percentile)
def percentile(
    a: Any, q: Any, axis: Axis = None, *, method: str = "linear", keepdims: bool = False
) -> Any:
    """Return the ``q``-th percentile: the `quantile` of ``q / 100``."""
    return quantile(a, _hundredths(a, q), axis, method=method, keepdims=keepdims)


@implements(np.median)
def median(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """Return the middle element, or the mean of the two in the middle, which share the gradient."""
    if a.size == 0:  # NaN, as NumPy has it
        return mean(a, axis=axis, keepdims=keepdims)
    return quantile(a, 0.5, axis, keepdims=keepdims)


@implements(np.nanquantile)
def nanquantile(
    a: Any, q: Any, axis: Axis = None, *, method: str = "linear", keepdims: bool = False
) -> Any:
    """Return the `quantile` of those elements that are not NaN; NaN where there are none."""
    rows, _ = _rows(a, axis)
    found = []
    for index in np.ndindex(rows.shape[:-1]):
        row = rows[index]
        present = ~np.isnan(constant(row))
        found.append(quantile(row[present] if present.any() else row, q, method=method))
    out = np.moveaxis(np.stack(found), 0, -1).reshape((*np.shape(q), *rows.shape[:-1]))
    return out.reshape((*np.shape(q), *_kept(a.shape, axis))) if keepdims else out


@implements(np.nanpercentile)
def nanpercentile(
    a: Any, q: Any, axis: Axis = None, *, method: str = "linear", keepdims: bool = False
) -> Any:
    """Return the `percentile` of those elements that are not NaN."""
    return nanquantile(a, _hundredths(a, q), axis, method=method, keepdims=keepdims)


@implements(np.nanmedian)
def nanmedian(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """Return the `median` of those elements that are not NaN."""
    return nanquantile(a, 0.5, axis, keepdims=keepdims)
