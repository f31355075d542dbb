"""Interpolating between points, and spacing points evenly, with NumPy's signatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import Recordable, implements
from ..record import current_trace
from .elementwise import where
from .select import constant
from .shape import concatenate, moveaxis

__all__ = ["geomspace", "interp", "linspace", "logspace", "polyval", "vander"]


def _array(x: Any) -> Any:
    if isinstance(x, Recordable):
        return x
    trace = current_trace()
    return np.asarray(x) if trace is None else trace.known(np.asarray(x))


def _float64(x: Any) -> Any:
    return x if x.dtype == np.float64 else x.astype(np.float64)


@implements(np.interp)
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None
) -> Any:
    """Interpolate linearly between the points ``(xp, fp)``; all three have gradients.

    At a point of ``xp`` the slope is that on its right. Beyond the ends the result is constant.

    >>> import microtensor as mt
    >>> x = mt.tensor([0.5, 1.0, 3.0], requires_grad=True)
    >>> y = mt.interp(x, [0.0, 1.0, 2.0], [0.0, 10.0, 15.0])
    >>> y.backward([1.0, 1.0, 1.0])
    >>> x.grad
    tensor([10.,  5.,  0.])
    """
    x, xp, fp = (_float64(_array(a)) for a in (x, xp, fp))  # as NumPy does
    if period is not None:
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(constant(xp))
        xp, fp = xp[order], fp[order]
        xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = concatenate([fp[-1:], fp, fp[:1]])
    at, points = constant(x), constant(xp)
    if points.size == 1:
        inner: Any = fp[0] + 0.0 * x
    else:
        i = np.clip(np.searchsorted(points, at, side="right") - 1, 0, points.size - 2)
        slope = (fp[i + 1] - fp[i]) / (xp[i + 1] - xp[i])
        inner = fp[i] + slope * (x - xp[i])
    below = fp[0] if left is None or period is not None else left
    above = fp[-1] if right is None or period is not None else right
    return where(at < points[0], below, where(at > points[-1], above, inner))


@implements(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    axis: int = 0,
) -> Any:
    """Return ``num`` points evenly spaced from ``start`` to ``stop``, which may be tensors."""
    start, stop = (_array(x) * 1.0 for x in (start, stop))
    span = stop - start
    count = max(num - 1 if endpoint else num, 1)
    parts = np.arange(num, dtype=span.dtype).reshape((-1,) + (1,) * span.ndim) / count
    points = moveaxis(start + span * parts, 0, axis)
    return (points, span / float(count)) if retstep else points


@implements(np.logspace)
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, axis: int = 0
) -> Any:
    """Return ``base`` to the powers of points evenly spaced from ``start`` to ``stop``."""
    return np.power(base, linspace(start, stop, num, endpoint, axis=axis))


@implements(np.geomspace)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, axis: int = 0) -> Any:
    """Return ``num`` points of equal ratios from ``start`` to ``stop``, of one sign."""
    start, stop = (_array(x) * 1.0 for x in (start, stop))
    return start * moveaxis(
        np.exp(
            linspace(0.0, 1.0, num, endpoint).reshape((-1,) + (1,) * (stop / start).ndim)
            * np.log(stop / start)
        ),
        0,
        axis,
    )


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """Return the polynomial with the coefficients ``p``, the highest first, at ``x``."""
    p, x = _array(p), _array(x)
    out = np.zeros_like(x)
    for i in range(p.shape[0]):
        out = out * x + p[i]
    return out


@implements(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Return the matrix whose columns are the powers of a vector, the highest first."""
    powers = np.arange(x.shape[0] if N is None else N)
    return _array(x)[:, None] ** (powers if increasing else powers[::-1])
