"""Convolution and its adjoints, each an operation of which the others are the derivatives.

All are linear in both inputs, so three of them are closed under differentiation: the output of an
input and a weight, the input's gradient (the *transposed* convolution), and the weight's gradient.
As everywhere in machine learning, it is a cross-correlation: the kernel is not flipped.

Arrays are (batch, channels, length) or (batch, channels, height, width); an array of lines is
computed as one of images of height 1. Inside, images lie in memory as (height, channels, width,
batch): so what a kernel reads moves in long pieces, and rows of the unrolled input that follow each
other are a matrix as they lie. Only the width is unrolled, which takes ``kernel width`` times the
memory of the input, where the usual ``im2col`` takes ``kernel height × kernel width`` times; a
block of rows at a time. Results are views of that memory, and so elementwise operations, which keep
the order of what they are given, find it as it should be.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import Op

__all__ = [
    "convolution",
    "convolution_no_bias",
    "convolution_transposed",
    "convolution_weight",
]

_BLOCK = 1 << 19
"""So many elements are unrolled at a time, unless a single row takes more."""


def _as_pair(values: Any, least: Any) -> Any:
    """Return what is said of each axis, for height and width."""
    return (least, *values) if len(values) == 1 else values


def _rows(x: Any) -> Any:
    """Return images, or lines, as (height, channels, width, batch), one row after the other."""
    x = x if x.ndim == 4 else x[:, :, None]
    return np.ascontiguousarray(x.transpose(2, 1, 3, 0))


def _images(rows: Any, ndim: int) -> Any:
    """Return rows as images, or as lines."""
    images = rows.transpose(3, 1, 0, 2)
    return images if ndim == 4 else images[:, :, 0]


def _outputs(length: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """Return at how many positions a kernel fits along an axis."""
    before, after = padding
    return max((length + before + after - dilation * (kernel - 1) - 1) // stride + 1, 0)


def _reached(first: Any, length: Any, count: Any, stride: Any) -> Any:
    """Return which of ``count`` positions, ``stride`` apart from ``first``, are within an axis.

    From where, to where, and the slice of the axis that they are.
    """
    start = min(max(-(first // stride), 0), count)
    stop = max(min((length - 1 - first) // stride + 1, count), start)
    at = first + start * stride
    last = at + (stop - start - 1) * stride
    return start, stop, slice(at, last + 1, stride) if stop > start else slice(0, 0)


def _columns(
    rows: Any, first: int, height: int, width: int, taps: int, stride: int, before: int,
    dilation: int, groups: int,
) -> Any:  # fmt: skip
    """Unroll the width of the rows from ``first`` on: (groups, height, channels, taps, width, n).

    ``before`` is the padding on the left; rows and columns that do not exist are 0.
    """
    length, channels, across, n = rows.shape
    parts = rows.reshape(length, groups, channels // groups, across, n).transpose(1, 0, 2, 3, 4)
    top, bottom, inside = _reached(first, length, height, 1)
    if taps == 1 and stride == 1 and before == 0 and width == across and bottom - top == height:
        return parts[:, inside, :, None]
    columns = np.empty((groups, height, channels // groups, taps, width, n), rows.dtype)
    columns[:, :top] = 0
    columns[:, bottom:] = 0
    for j in range(taps):
        left, right, at = _reached(j * dilation - before, across, width, stride)
        column = columns[:, top:bottom, :, j]
        column[..., :left, :] = 0
        column[..., right:, :] = 0
        column[..., left:right, :] = parts[:, inside, :, at]
    return columns


def _windows(columns: Any, count: int, taps: int, stride: int, dilation: int) -> Any:
    """See the rows that each of ``count`` outputs reads as a matrix: (groups, count, taps × …, …).

    Matrices of neighbours overlap in memory; only a dilated kernel needs a copy.
    """
    groups, _, channels, across, width, n = columns.shape
    size, length = columns.itemsize, width * n
    each, row = columns.strides[:2]
    shape = (groups, count, taps, channels * across, length)
    strides = (each, stride * row, dilation * row, length * size, size)
    windows = np.lib.stride_tricks.as_strided(columns, shape, strides)
    return windows.reshape(groups, count, taps * channels * across, length)


def _blocks(count: int, size: int) -> Any:
    """Yield the ends of blocks of rows, each of which takes ``size`` elements."""
    step = max(_BLOCK // max(size, 1), 1)
    for first in range(0, count, step):
        yield first, min(first + step, count)


def _convolution_no_bias(
    x: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    return _images(_convolved(x, weight, stride, padding, dilation, groups), x.ndim)


def _convolution(
    x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    out = _convolved(x, weight, stride, padding, dilation, groups)
    out += bias[:, None, None]
    return _images(out, x.ndim)


def _convolved(x: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    rows = _rows(x)
    (down, across), (above, beside) = _as_pair(stride, 1), _as_pair(padding, (0, 0))
    (far, wide), (tall, broad) = _as_pair(dilation, 1), _as_pair(weight.shape[2:], 1)
    outputs = weight.shape[0] // groups
    length, channels, breadth, n = rows.shape
    height = _outputs(length, tall, down, above, far)
    width = _outputs(breadth, broad, across, beside, wide)
    dtype = np.result_type(rows, weight)
    out = np.empty((height, groups * outputs, width, n), dtype)
    parts = out.reshape(height, groups, outputs, width * n).transpose(1, 0, 2, 3)
    matrix = weight.reshape(groups, 1, outputs, channels // groups, tall, broad)
    matrix = matrix.transpose(0, 1, 2, 4, 3, 5).reshape(groups, 1, outputs, -1)
    for first, stop in _blocks(height, down * channels * broad * width * n):
        count = stop - first
        reads = (count - 1) * down + (tall - 1) * far + 1
        columns = _columns(
            rows, first * down - above[0], reads, width, broad, across, beside[0], wide, groups
        )
        np.matmul(matrix, _windows(columns, count, tall, down, far), out=parts[:, first:stop])
    return out


def _convolution_transposed(
    x: Any, weight: Any, size: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    rows = _rows(x)
    (down, across), (above, beside) = _as_pair(stride, 1), _as_pair(padding, (0, 0))
    (far, wide), (tall, broad) = _as_pair(dilation, 1), _as_pair(weight.shape[2:], 1)
    length, breadth = _as_pair(size, 1)
    each = weight.shape[1]
    height, channels, width, n = rows.shape
    dtype = np.result_type(rows, weight)
    out = np.zeros((length, groups * each, breadth, n), dtype)
    parts = out.reshape(length, groups, each, breadth, n).transpose(1, 0, 2, 3, 4)
    kernels = weight.reshape(groups, 1, channels // groups, each, tall, broad)
    if across == 1:  # every column of the result at once, from an unrolled input
        matrix = kernels[..., ::-1].transpose(0, 1, 4, 3, 2, 5)
        matrix = matrix.reshape(groups, 1, tall * each, -1)
        taps, spread, span = broad, 1, breadth
    else:  # each column of the kernel for itself
        matrix = kernels.transpose(0, 1, 4, 3, 5, 2).reshape(groups, 1, tall * each * broad, -1)
        taps, spread, span = 1, broad, width
    before = (taps - 1) * wide - beside[0] if across == 1 else 0
    for first, stop in _blocks(height, tall * groups * each * spread * span * n):
        count = stop - first
        columns = _columns(rows, first, count, span, taps, 1, before, wide, groups)
        made = np.matmul(matrix, columns.reshape(groups, count, matrix.shape[-1], span * n))
        made = made.reshape(groups, count, tall, each, spread, span, n)
        for i in range(tall):
            top, bottom, down_to = _reached(first * down + i * far - above[0], length, count, down)
            for j in range(spread):
                if across == 1:
                    left, right, across_to = 0, span, slice(None)
                else:
                    left, right, across_to = _reached(j * wide - beside[0], breadth, span, across)
                parts[:, down_to, :, across_to] += made[:, top:bottom, i, :, j, left:right]
    return _images(out, x.ndim)


def _convolution_weight(
    x: Any, y: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    rows, made = _rows(x), _rows(y)
    (down, across), (above, beside) = _as_pair(stride, 1), _as_pair(padding, (0, 0))
    (far, wide), (tall, broad) = _as_pair(dilation, 1), _as_pair(kernel, 1)
    height, outputs, width, n = made.shape
    channels = rows.shape[1]
    each = outputs // groups
    made = made.reshape(height, groups, each, width * n).transpose(1, 0, 2, 3)
    out = np.zeros((groups, each, tall * (channels // groups) * broad), np.result_type(rows, made))
    for first, stop in _blocks(height, max(down * channels * broad * width * n, out.size)):
        count = stop - first
        reads = (count - 1) * down + (tall - 1) * far + 1
        columns = _columns(
            rows, first * down - above[0], reads, width, broad, across, beside[0], wide, groups
        )
        windows = _windows(columns, count, tall, down, far)
        out += np.add.reduce(np.matmul(made[:, first:stop], windows.swapaxes(2, 3)), 1)
    out = out.reshape(groups, each, tall, channels // groups, broad).transpose(0, 1, 3, 2, 4)
    return np.array(out, order="C").reshape(outputs, channels // groups, *kernel)


# ``groups`` is a number; the other parameters are tuples with an item for each axis: ``stride``,
# ``padding`` (pairs: before, after), ``dilation``, and the sizes of images and of the ``kernel``.
# fmt: off
convolution_no_bias: Op = Op("convolution_no_bias", _convolution_no_bias, saves="x weight", vjps=(
    lambda g, out, x, weight, **p: convolution_transposed(g, weight, size=x.shape[2:], **p),
    lambda g, out, x, weight, **p: convolution_weight(x, g, kernel=weight.shape[2:], **p)))
convolution: Op = Op("convolution", _convolution, saves="x weight", vjps=(
    lambda g, out, x, weight, bias, **p: convolution_transposed(g, weight, size=x.shape[2:], **p),
    lambda g, out, x, weight, bias, **p: convolution_weight(x, g, kernel=weight.shape[2:], **p),
    lambda g, out, x, weight, bias, **p: g.sum(axis=(0, *range(2, g.ndim)))))
# The adjoint of a convolution in its input: x is a gradient of its output.
convolution_transposed: Op = Op(
    "convolution_transposed", _convolution_transposed, saves="x weight", vjps=(
    lambda g, out, x, weight, size, **p: convolution_no_bias(g, weight, **p),
    lambda g, out, x, weight, size, **p: convolution_weight(g, x, kernel=weight.shape[2:], **p)))
# The adjoint of a convolution in its weight: y is a gradient of its output.
convolution_weight: Op = Op("convolution_weight", _convolution_weight, saves="x y", vjps=(
    lambda g, out, x, y, kernel, **p: convolution_transposed(y, g, size=x.shape[2:], **p),
    lambda g, out, x, y, kernel, **p: convolution_no_bias(x, g, **p)))
# fmt: on
