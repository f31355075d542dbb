"""Pooling as functions, with PyTorch's names and arguments."""

from __future__ import annotations

import itertools
import math
import operator
from typing import Any

import numpy as np

from ... import ops
from ...errors import ArgumentError, ShapeError
from ...ops.pooling import max_pool, window_sum
from ...record import apply_unary, as_tensor
from ...tensor import Tensor
from .windows import averaging, batched, check_fits, each_axis, even_windows, images, output_size

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "max_pool1d",
    "max_pool2d",
]


def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the largest element of each window of lines; the arguments are `max_pool2d`'s.

    >>> import microtensor as mt
    >>> max_pool1d(mt.tensor([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    tensor([[[3., 5.]]])
    """
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the largest element of each window of images.

    Where several are equal, the gradient goes to the first, row by row.

    Parameters
    ----------
    input
        Shape (batch, channels, height, width), or (channels, height, width).
    kernel_size
        The size of the windows: an integer, or one for each axis.
    stride
        How far it is from one to the next; by default they lie side by side.
    padding
        How far windows may go beyond the ends: at most half their size.
    dilation
        How far the elements of a window are apart.
    ceil_mode
        Whether a last window that goes beyond the padding counts.

    Raises
    ------
    ShapeError
        If the input is no image, or the window is larger than the padded input.
    ArgumentError
        If a size, stride or dilation is less than 1, or the padding more than half the window.
    DtypeError
        If the input is not floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> max_pool2d(mt.tensor(np.arange(16.0).reshape(1, 4, 4)), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of each window of lines; the arguments are `avg_pool2d`'s.

    >>> import microtensor as mt
    >>> avg_pool1d(mt.tensor([[[1.0, 3.0, 2.0, 5.0]]]), 3, stride=1)
    tensor([[[2.        , 3.33333333]]])
    """
    return _avg_pool(
        "avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None
    )


def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of images.

    Parameters
    ----------
    input, kernel_size, stride, padding, ceil_mode
        As `max_pool2d`'s; the padding is of zeros.
    count_include_pad
        Whether the padding counts among what the sum is divided by.
    divisor_override
        What the sum is divided by instead.

    >>> import numpy as np
    >>> import microtensor as mt
    >>> avg_pool2d(mt.tensor(np.arange(16.0).reshape(1, 4, 4)), 2)
    tensor([[[ 2.5,  4.5],
             [10.5, 12.5]]])
    """
    return _avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad,
        divisor_override,
    )  # fmt: skip


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """Return the means of ``output_size`` windows that cover lines evenly.

    >>> import microtensor as mt
    >>> adaptive_avg_pool1d(mt.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), 2)
    tensor([[2., 4.]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """Return the means of windows that cover images evenly.

    Window i of m along an axis of length n goes from ⌊i·n/m⌋ to ⌈(i + 1)·n/m⌉.

    Parameters
    ----------
    input
        Shape (batch, channels, height, width), or (channels, height, width).
    output_size
        How many windows there are along each axis; ``None`` for as many as elements.
    """
    return _adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_max_pool1d(input: Any, output_size: Any) -> Tensor:
    """Return the largest elements of ``output_size`` windows that cover lines evenly.

    >>> import microtensor as mt
    >>> adaptive_max_pool1d(mt.tensor([[1.0, 5.0, 3.0, 4.0, 2.0]]), 2)
    tensor([[5., 4.]])
    """
    return _adaptive_max_pool("adaptive_max_pool1d", 1, input, output_size)


def adaptive_max_pool2d(input: Any, output_size: Any) -> Tensor:
    """Return the largest elements of windows that cover images as in `adaptive_avg_pool2d`."""
    return _adaptive_max_pool("adaptive_max_pool2d", 2, input, output_size)


def _windows(
    name: str, dims: int, x: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
    ceil_mode: bool,
) -> dict[str, Any]:  # fmt: skip
    """Return the parameters of a pooling operation."""
    kernel = each_axis(name, "kernel_size", kernel_size, dims, 1)
    stride = kernel if stride is None else each_axis(name, "stride", stride, dims, 1)
    padding = each_axis(name, "padding", padding, dims, 0)
    dilation = each_axis(name, "dilation", dilation, dims, 1)
    if any(2 * p > d * (k - 1) + 1 for p, k, d in zip(padding, kernel, dilation, strict=True)):
        raise ArgumentError(
            f"{name} has padding={padding}, which must be at most half of kernel_size={kernel}."
        )
    shape = x.shape[-dims:]
    check_fits(name, shape, kernel, [(p, p) for p in padding], dilation)
    counts = [
        output_size(n, k, s, p, d, ceil_mode)
        for n, k, s, p, d in zip(shape, kernel, stride, padding, dilation, strict=True)
    ]
    pairs = tuple(
        (p, (count - 1) * s + d * (k - 1) + 1 - n - p)
        for n, k, s, p, d, count in zip(
            shape, kernel, stride, padding, dilation, counts, strict=True
        )
    )
    return {"kernel": kernel, "stride": stride, "padding": pairs, "dilation": dilation}


def _max_pool(
    name: str, dims: int, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
    ceil_mode: bool,
) -> Tensor:  # fmt: skip
    name = f"{name}()"
    x = images(name, input, dims)
    params = _windows(name, dims, x, kernel_size, stride, padding, dilation, ceil_mode)
    return batched(x, dims, lambda x: apply_unary(max_pool, x, params))


def _avg_pool(
    name: str, dims: int, input: Any, kernel_size: Any, stride: Any, padding: Any,
    ceil_mode: bool, count_include_pad: bool, divisor_override: int | None,
) -> Tensor:  # fmt: skip
    name = f"{name}()"
    x = images(name, input, dims)
    params = _windows(name, dims, x, kernel_size, stride, padding, 1, ceil_mode)
    del params["dilation"]
    if divisor_override is None:
        padding = each_axis(name, "padding", padding, dims, 0)
        divisor = _counts(x, params, padding, count_include_pad)
    elif divisor_override:
        divisor = float(divisor_override)
    else:
        raise ArgumentError(f"{name} has divisor_override=0, and cannot divide by 0.")
    return batched(x, dims, lambda x: apply_unary(window_sum, x, params) / divisor)


def _counts(x: Tensor, params: dict[str, Any], padding: Any, count_include_pad: bool) -> Any:
    """Return by what the sums of windows are divided: a number, if it is the same for all."""
    counts: Any = 1.0
    sizes = x.shape[x.ndim - len(padding) :]
    for n, k, s, p, (_, after) in zip(
        sizes, params["kernel"], params["stride"], padding, params["padding"], strict=True
    ):
        starts = np.arange(0, n + p + after - k + 1, s) - p
        stops = np.minimum(starts + k, n + p)
        if not count_include_pad:
            starts, stops = np.maximum(starts, 0), np.minimum(stops, n)
        counts = np.multiply.outer(counts, stops - starts)
    first = counts.flat[0]
    return float(first) if (counts == first).all() else counts.astype(x.dtype)


def _sizes(name: str, x: Tensor, dims: int, output_size: Any) -> tuple[int, ...]:
    given = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * dims
    if len(given) != dims:
        raise ArgumentError(f"{name} has output_size={output_size!r}, and takes {dims}.")
    lengths = x.shape[-dims:]
    sizes = tuple(
        n if m is None else operator.index(m) for n, m in zip(lengths, given, strict=True)
    )
    if min(sizes) < 1:
        raise ArgumentError(f"{name} has output_size={output_size!r}, and the least possible is 1.")
    if 0 in lengths:
        raise ShapeError(f"{name} got an input of shape {x.shape}, which has no elements to pool.")
    return sizes


def _adaptive_avg_pool(name: str, dims: int, input: Any, output_size: Any) -> Tensor:
    name = f"{name}()"
    x = images(name, input, dims)
    sizes, lengths = _sizes(name, x, dims, output_size), x.shape[-dims:]
    if math.prod(sizes) == 1:
        return x.mean(axis=tuple(range(-dims, 0)), keepdims=True)
    if all(n % m == 0 for n, m in zip(lengths, sizes, strict=True)):
        kernel = tuple(n // m for n, m in zip(lengths, sizes, strict=True))
        return _avg_pool(name[:-2], dims, x, kernel, None, 0, False, True, None)
    out: Tensor = x @ averaging(lengths[-1], sizes[-1], x.dtype).T
    if dims == 2:
        out = as_tensor(averaging(lengths[0], sizes[0], x.dtype)) @ out
    return out


def _adaptive_max_pool(name: str, dims: int, input: Any, output_size: Any) -> Tensor:
    name = f"{name}()"
    x = images(name, input, dims)
    sizes, lengths = _sizes(name, x, dims, output_size), x.shape[-dims:]
    if all(n % m == 0 for n, m in zip(lengths, sizes, strict=True)):
        kernel = tuple(n // m for n, m in zip(lengths, sizes, strict=True))
        return _max_pool(name[:-2], dims, x, kernel, None, 0, 1, False)
    windows = [even_windows(n, m) for n, m in zip(lengths, sizes, strict=True)]
    parts = []
    for window in itertools.product(*windows):
        part = x[(..., *(slice(*ends) for ends in window))]
        kernel = tuple(stop - start for start, stop in window)
        parts.append(_max_pool(name[:-2], dims, part, kernel, None, 0, 1, False))
    joined = ops.concatenate([part.reshape((*x.shape[:-dims], 1)) for part in parts], axis=-1)
    result: Tensor = joined.reshape((*x.shape[:-dims], *sizes))
    return result
