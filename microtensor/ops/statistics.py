"""Reductions of reductions: averages, spreads, covariances, and all of these without NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import implements
from .cumulative import cumprod, cumsum
from .elementwise import where
from .linalg import matmul
from .reduce import Axis, max, mean, min, prod, sum
from .shape import broadcast_to

__all__ = [
    "average",
    "corrcoef",
    "cov",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
    "ptp",
]


def _array(x: Any) -> Any:
    return x if hasattr(x, "shape") else np.asarray(x)


@implements(np.ptp)
def ptp(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the distance of the largest from the smallest element; ties share the gradient."""
    return max(a, axis=axis, keepdims=keepdims) - min(a, axis=axis, keepdims=keepdims)


@implements(np.average)
def average(
    a: Any,
    axis: Axis = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """Return the mean, weighted by ``weights``; with ``returned``, also the sum of the weights.

    >>> import microtensor as mt
    >>> mt.average(mt.tensor([1.0, 4.0]), weights=[2.0, 1.0])
    tensor(2.)
    """
    a = _array(a)
    if weights is None:
        out = mean(a, axis=axis, keepdims=keepdims)
        total: Any = np.full(out.shape, a.size / (out.size or 1), out.dtype)
        return (out, total) if returned else out
    weights = _array(weights)
    if axis is not None and weights.shape != a.shape:
        axes = [i % a.ndim for i in ((axis,) if isinstance(axis, int) else axis)]
        weights = weights.transpose([int(i) for i in np.argsort(axes)])
        weights = weights.reshape(tuple(n if i in axes else 1 for i, n in enumerate(a.shape)))
        weights = broadcast_to(weights, a.shape)
    total = sum(weights, axis=axis, keepdims=keepdims)
    out = sum(a * weights, axis=axis, keepdims=keepdims) / total
    return (out, broadcast_to(total, out.shape)) if returned else out


@implements(np.cov)
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: float | None = None
) -> Any:
    """Return the covariances of the rows (the columns, if not ``rowvar``), over ``n - ddof``."""
    x = _variables(m, rowvar)
    if y is not None:
        x = np.concatenate([x, _variables(y, rowvar)], axis=0)
    ddof = (0 if bias else 1) if ddof is None else ddof
    centred = x - mean(x, axis=1, keepdims=True)
    out = matmul(centred, centred.T) / float(x.shape[1] - ddof)
    return out.reshape(()) if out.shape == (1, 1) else out


def _variables(m: Any, rowvar: bool) -> Any:
    x = np.atleast_2d(_array(m))
    x = x if x.dtype == np.float64 else x.astype(np.float64)  # as NumPy does
    return x if rowvar or np.ndim(m) != 2 else x.T


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    """Return the correlations of the rows (the columns, if not ``rowvar``)."""
    c = cov(x, y, rowvar)
    if c.ndim == 0:
        return c / c
    deviation = np.sqrt(np.diag(c))
    return np.clip(c / deviation[:, None] / deviation[None, :], -1, 1)


# What is NaN is left out, and has a gradient of 0


def _present(a: Any, otherwise: float) -> Any:
    return where(np.isnan(a), otherwise, a)


def _count(a: Any, axis: Axis, keepdims: bool = True) -> Any:
    return sum(~np.isnan(a), axis=axis, keepdims=keepdims)


@implements(np.nansum)
def nansum(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Add up the elements that are not NaN.

    >>> import microtensor as mt
    >>> x = mt.tensor([1.0, float("nan")], requires_grad=True)
    >>> mt.nansum(x).backward()
    >>> x.grad
    tensor([1., 0.])
    """
    return sum(_present(_array(a), 0.0), axis=axis, keepdims=keepdims)


@implements(np.nanprod)
def nanprod(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Multiply the elements that are not NaN."""
    return prod(_present(_array(a), 1.0), axis=axis, keepdims=keepdims)


@implements(np.nanmean)
def nanmean(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Average the elements that are not NaN; NaN where there are none."""
    a = _array(a)
    count = _count(a, axis, keepdims).astype(a.dtype)
    return nansum(a, axis, keepdims) / count


@implements(np.nanmax)
def nanmax(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the largest element that is not NaN; a tie splits the gradient evenly."""
    return _extreme(max, _array(a), -np.inf, axis, keepdims)


@implements(np.nanmin)
def nanmin(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the smallest element that is not NaN; a tie splits the gradient evenly."""
    return _extreme(min, _array(a), np.inf, axis, keepdims)


def _extreme(op: Any, a: Any, otherwise: float, axis: Axis, keepdims: bool) -> Any:
    out = op(_present(a, otherwise), axis=axis, keepdims=keepdims)
    return where(_count(a, axis, keepdims) == 0, np.nan, out)


@implements(np.nanvar)
def nanvar(a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Return the variance of the elements that are not NaN."""
    a = _array(a)
    centre = nanmean(a, axis, keepdims=True)
    deviation = where(np.isnan(a), centre, a) - centre
    freedom = (_count(a, axis, keepdims) - ddof).astype(a.dtype)
    return sum(deviation * deviation, axis=axis, keepdims=keepdims) / freedom


@implements(np.nanstd)
def nanstd(a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """Return the standard deviation of the elements that are not NaN; its gradient at 0 is 0."""
    variance = nanvar(a, axis, ddof, keepdims)
    return where(variance == 0, 0.0, np.sqrt(where(variance == 0, 1.0, variance)))


@implements(np.nancumsum)
def nancumsum(a: Any, axis: int | None = None) -> Any:
    """Return the running sums, NaN counting as 0."""
    return cumsum(_present(_array(a), 0.0), axis=axis)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: int | None = None) -> Any:
    """Return the running products, NaN counting as 1."""
    return cumprod(_present(_array(a), 1.0), axis=axis)
