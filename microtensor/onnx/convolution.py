"""Convolution and pooling in ONNX's operations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .unsupported import Untranslatable
from .value import Value

__all__ = ["TO_RESULT"]

Pairs = Sequence[tuple[int, int]]


def _pads(padding: Pairs) -> list[int]:
    """Return what is added, in ONNX's order: before all axes, then after all."""
    return [before for before, _ in padding] + [after for _, after in padding]


def _convolution(
    out: Any,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    *,
    stride: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
    groups: int,
) -> Value:
    return x.node(
        "Conv",
        weight,
        bias,
        shape=out.shape,
        strides=list(stride),
        pads=_pads(padding),
        dilations=list(dilation),
        group=groups,
    )


def _transposed(
    out: Any,
    x: Value,
    weight: Value,
    *,
    size: Sequence[int],
    stride: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
    groups: int,
) -> Value:
    if any(before < 0 for before, _ in padding):
        raise Untranslatable("a negative padding in front")
    padding = [(before, max(after, 0)) for before, after in padding]  # less is more of the output
    least = [
        (n - 1) * step + (taps - 1) * far + 1 - before - after
        for n, step, taps, far, (before, after) in zip(
            x.shape[2:], stride, weight.shape[2:], dilation, padding, strict=True
        )
    ]
    return x.node(
        "ConvTranspose",
        weight,
        shape=out.shape,
        strides=list(stride),
        pads=_pads(padding),
        dilations=list(dilation),
        group=groups,
        output_padding=[n - m for n, m in zip(size, least, strict=True)],
    )


def _uncropped(
    out: Any,
    x: Value,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
) -> tuple[Value, Pairs]:
    """Leave out what negative padding crops, where windows would reach it otherwise."""
    kept = []
    for axis, (before, after) in enumerate(padding, start=2):
        taps, step, far = (each[axis - 2] for each in (kernel, stride, dilation))
        reached = x.shape[axis] + before - far * (taps - 1) - 1
        if after < 0 and reached // step + 1 != out.shape[axis]:
            x = x.part(axis, None, after)
        kept.append((before, max(after, 0)))
    return x, kept


def _max_pool(
    out: Any,
    x: Value,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
) -> Value:
    x, padding = _uncropped(out, x, kernel, stride, padding, dilation)
    return x.node(
        "MaxPool",
        shape=out.shape,
        kernel_shape=list(kernel),
        strides=list(stride),
        pads=_pads(padding),
        dilations=list(dilation),
    )


def _window_sum(
    out: Any, x: Value, kernel: Sequence[int], stride: Sequence[int], padding: Pairs
) -> Value:
    x, padding = _uncropped(out, x, kernel, stride, padding, (1,) * len(kernel))
    mean = x.node(
        "AveragePool",
        shape=out.shape,
        kernel_shape=list(kernel),
        strides=list(stride),
        pads=_pads(padding),
        count_include_pad=1,
    )
    return mean * float(math.prod(kernel))


TO_RESULT: dict[str, Callable[..., Value]] = {
    "convolution": _convolution,
    "convolution_no_bias": _convolution,
    "convolution_transposed": _transposed,
    "max_pool": _max_pool,
    "window_sum": _window_sum,
}
