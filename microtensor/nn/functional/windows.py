"""What convolution and pooling agree on: sizes of windows, strides, paddings, and batches."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError, DtypeError, ShapeError
from ...record import as_tensor
from ...tensor import Tensor

__all__ = ["batched", "check_fits", "each_axis", "images", "output_size"]

AXES = {1: "length", 2: "height, width"}


def each_axis(function: str, name: str, value: Any, dims: int, least: int) -> tuple[int, ...]:
    """Return an argument as integers, one for each of ``dims`` axes; raise if one is too small.

    >>> each_axis("conv2d", "stride", 2, 2, least=1)
    (2, 2)
    """
    values = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    try:
        numbers = tuple(map(operator.index, values))
    except TypeError:
        raise ArgumentError(
            f"{function} has {name}={value!r}, and takes an integer, or {dims} of them."
        ) from None
    if len(numbers) == 1:
        numbers *= dims
    if len(numbers) != dims:
        raise ArgumentError(
            f"{function} has {name}={value!r}, and takes {dims}: one for each of its axes."
        )
    if min(numbers) < least:
        raise ArgumentError(f"{function} has {name}={value!r}, and the least possible is {least}.")
    return numbers


def images(function: str, input: Any, dims: int) -> Tensor:
    """Return an input of floating-point numbers, with ``dims`` axes beside channels and batch."""
    x = as_tensor(input)
    if x.ndim not in (dims + 1, dims + 2):
        raise ShapeError(
            f"{function} got an input of shape {x.shape}, and takes (batch, channels, "
            f"{AXES[dims]}) or (channels, {AXES[dims]})."
        )
    if x.dtype.kind != "f":
        raise DtypeError(
            f"{function} got an input of dtype {x.dtype}, and computes with floating-point "
            "numbers: convert it, as input.astype(np.float32)."
        )
    return x


def batched(x: Tensor, dims: int, compute: Callable[[Tensor], Tensor]) -> Tensor:
    """Compute of an input that may be a single image what is computed of a batch."""
    return compute(x) if x.ndim == dims + 2 else compute(x[None])[0]


def check_fits(
    function: str,
    shape: Sequence[int],
    kernel: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> None:
    """Raise if a window is larger than the padded image that it moves over."""
    for n, k, (before, after), d in zip(shape, kernel, padding, dilation, strict=True):
        if n + before + after < d * (k - 1) + 1:
            padded = tuple(m + b + a for m, (b, a) in zip(shape, padding, strict=True))
            wide = tuple(e * (m - 1) + 1 for m, e in zip(kernel, dilation, strict=True))
            dilated = f" (dilated {tuple(kernel)})" if wide != tuple(kernel) else ""
            raise ShapeError(
                f"{function} has a kernel of {wide}{dilated}, which is larger than the input of "
                f"{tuple(shape)}, with its padding {padded}."
            )


def output_size(
    n: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool
) -> int:
    """Return how many windows an axis of length ``n`` has, as PyTorch counts them.

    With ``ceil_mode`` the last may go beyond the padding, but not begin in it.
    """
    rest = n + 2 * padding - dilation * (kernel - 1) - 1
    count = (rest + (stride - 1 if ceil_mode else 0)) // stride + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= n + padding else count


def averaging(n: int, count: int, dtype: Any) -> Any:
    """Return the matrix (count, n) that averages ``count`` windows that cover an axis evenly."""
    matrix = np.zeros((count, n), dtype)
    for i, (start, stop) in enumerate(even_windows(n, count)):
        matrix[i, start:stop] = 1 / (stop - start)
    return matrix


def even_windows(n: int, count: int) -> list[tuple[int, int]]:
    """Return from where to where each of ``count`` windows goes, which cover an axis evenly.

    >>> even_windows(5, 3)
    [(0, 2), (1, 4), (3, 5)]
    """
    return [(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]
