"""The largest of each window, and the sum of each: pooling, and its adjoints.

Arrays are (batch, channels, ...), with windows along the axes from the third on. Nothing is
unrolled: windows of k elements along an axis are k slices, and those along several axes are taken
one axis after the other. What goes beyond the ends, in the padding, is left out.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..op import Op
from .convolution import _outputs, _reached

__all__ = ["max_pool", "max_pool_gather", "max_pool_scatter", "window_spread", "window_sum"]


def _slices(length: Any, kernel: Any, stride: Any, padding: Any, dilation: Any = 1) -> Any:
    """Return how many windows an axis has, and where each of their elements lies.

    An element is (start, stop, slice): it is there in the windows from ``start`` to ``stop``, and
    in those it is what the slice of the axis selects.
    """
    count = _outputs(length, kernel, stride, padding, dilation)
    firsts = (i * dilation - padding[0] for i in range(kernel))
    return count, [_reached(first, length, count, stride) for first in firsts]


def _at(axis: int, part: Any) -> Any:
    return (slice(None),) * axis + (part,)


def _pooled(
    x: Any, combine: Any, least: Any, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> Any:
    """Combine the elements of each window; ``least`` changes nothing that it is combined with."""
    out = x
    for axis, how in enumerate(zip(kernel, stride, padding, dilation, strict=True), start=2):
        count, elements = _slices(out.shape[axis], *how)
        shape = (*out.shape[:axis], count, *out.shape[axis + 1 :])
        parts = [out[_at(axis, at)] for _, _, at in elements]
        if all(stop - start == count for start, stop, _ in elements):
            out = combine(parts[0], parts[1]) if len(parts) > 1 else parts[0]
            rest = zip(elements[2:], parts[2:], strict=True)
        else:
            out = np.full_like(out, least, shape=shape)
            rest = zip(elements, parts, strict=True)
        for (start, stop, _), part in rest:
            into = out[_at(axis, slice(start, stop))]
            combine(into, part, out=into)
    return out if out.base is None and out is not x else out.copy(order="K")


def _max_pool(x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    return _pooled(x, np.maximum, -np.inf, kernel, stride, padding, dilation)


def _window_sum(x: Any, kernel: Any, stride: Any, padding: Any) -> Any:
    return _pooled(x, np.add, 0, kernel, stride, padding, (1,) * len(kernel))


def _window_spread(x: Any, size: Any, kernel: Any, stride: Any, padding: Any) -> Any:
    """Add each element of ``x`` to all that its window has."""
    for axis, (length, *how) in enumerate(zip(size, kernel, stride, padding, strict=True), start=2):
        _, elements = _slices(length, *how)
        out = np.zeros_like(x, shape=(*x.shape[:axis], length, *x.shape[axis + 1 :]))
        for start, stop, at in elements:
            out[_at(axis, at)] += x[_at(axis, slice(start, stop))]
        x = out
    return x


def _maxima(x: Any, largest: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """Yield of each element of windows the parts of x and of the windows, and where it is largest.

    Where several elements of a window are, it is the first of them.
    """
    axes = [
        _slices(*how)[1] for how in zip(x.shape[2:], kernel, stride, padding, dilation, strict=True)
    ]
    found = np.zeros_like(largest, bool)
    for element in itertools.product(*axes):
        at: Any = (..., *(part for _, _, part in element))
        windows: Any = (..., *(slice(start, stop) for start, stop, _ in element))
        is_first = x[at] == largest[windows]
        earlier = found[windows]
        np.greater(is_first, earlier, out=is_first)
        np.logical_or(is_first, earlier, out=earlier)
        yield at, windows, is_first


def _max_pool_scatter(
    x: Any, y: Any, largest: Any, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> Any:
    """Add each element of ``x`` to where its window of ``y`` has the largest element."""
    out = np.zeros_like(y, x.dtype)
    laid_out = np.empty_like(largest, x.dtype)  # as the windows are in memory
    laid_out[...] = x
    x = laid_out
    reach = [(taps - 1) * far for taps, far in zip(kernel, dilation, strict=True)]
    apart = all(step > last for step, last in zip(stride, reach, strict=True))
    for at, windows, is_first in _maxima(y, largest, kernel, stride, padding, dilation):
        if apart:  # no element is in two windows
            np.multiply(x[windows], is_first, out=out[at])
        else:
            out[at] += x[windows] * is_first
    return out


def _max_pool_gather(
    x: Any, y: Any, largest: Any, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> Any:
    """Return the element of ``x`` that is where each window of ``y`` has its largest element."""
    out = np.zeros_like(largest, x.dtype)
    for at, windows, is_first in _maxima(y, largest, kernel, stride, padding, dilation):
        out[windows] += x[at] * is_first
    return out


# The parameters are tuples with an item for each axis that has windows; ``padding`` are pairs:
# before, after. Of a tie the first element in the window has all, row by row, as in PyTorch.
# fmt: off
max_pool: Op = Op("max_pool", _max_pool, saves="out x", vjps=(
    lambda g, out, x, **p: max_pool_scatter(g, x, out, **p),))
max_pool_scatter: Op = Op("max_pool_scatter", _max_pool_scatter, saves="y largest", vjps=(
    lambda g, out, x, y, largest, **p: max_pool_gather(g, y, largest, **p),
    lambda g, out, x, y, largest, **p: np.zeros_like(y),
    lambda g, out, x, y, largest, **p: np.zeros_like(largest)))
max_pool_gather: Op = Op("max_pool_gather", _max_pool_gather, saves="y largest", vjps=(
    lambda g, out, x, y, largest, **p: max_pool_scatter(g, y, largest, **p),
    lambda g, out, x, y, largest, **p: np.zeros_like(y),
    lambda g, out, x, y, largest, **p: np.zeros_like(largest)))
window_sum: Op = Op("window_sum", _window_sum, vjps=(
    lambda g, out, x, **p: window_spread(g, size=x.shape[2:], **p),))
window_spread: Op = Op("window_spread", _window_spread, vjps=(
    lambda g, out, x, size, **p: window_sum(g, **p),))
# fmt: on
