"""Pooling layers, with PyTorch's arguments."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError
from ..tensor import Tensor
from . import functional as F
from .functional.windows import each_axis
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "MaxPool1d",
    "MaxPool2d",
]


class _Pool(Module):
    _dims: int

    def _set(self, kernel_size: Any, stride: Any, padding: Any, dilation: Any) -> None:
        name = type(self).__name__
        kernel = each_axis(name, "kernel_size", kernel_size, self._dims, 1)
        if stride is not None:
            each_axis(name, "stride", stride, self._dims, 1)
        each_axis(name, "dilation", dilation, self._dims, 1)
        padded = each_axis(name, "padding", padding, self._dims, 0)
        if any(2 * p > k for p, k in zip(padded, kernel, strict=True)) and dilation == 1:
            raise ArgumentError(
                f"{name} has padding={padding}, which must be at most half of kernel_size="
                f"{kernel_size}."
            )
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _MaxPool(_Pool):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
    ) -> None:
        self._set(kernel_size, stride, padding, dilation)
        self.dilation = dilation
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class MaxPool1d(_MaxPool):
    """The largest element of each window of lines; the arguments are `MaxPool2d`'s.

    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> nn.MaxPool1d(2)(mt.tensor([[[1.0, 3.0, 2.0, 5.0]]]))
    tensor([[[3., 5.]]])
    """

    _dims = 1

    def forward(self, input: Any) -> Tensor:
        """Map (batch, channels, length) to (batch, channels, windows)."""
        return F.max_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )


class MaxPool2d(_MaxPool):
    """The largest element of each window of images, of each channel for itself.

    Where several are equal, the gradient goes to the first, row by row, as in PyTorch.

    Parameters
    ----------
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
    ArgumentError
        If a number is too small, or the padding more than half the window.
    ShapeError
        If the input is no image, or is smaller than a window.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor import nn
    >>> nn.MaxPool2d(2)(np.ones((8, 6, 28, 28))).shape
    (8, 6, 14, 14)
    """

    _dims = 2

    def forward(self, input: Any) -> Tensor:
        """Map (batch, channels, height, width) to (batch, channels, …, …)."""
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )


class AvgPool1d(_Pool):
    """The mean of each window of lines; the arguments are `AvgPool2d`'s.

    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> nn.AvgPool1d(2)(mt.tensor([[[1.0, 3.0, 2.0, 5.0]]]))
    tensor([[[2. , 3.5]]])
    """

    _dims = 1

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self._set(kernel_size, stride, padding, 1)
        name = type(self).__name__
        for argument in ("kernel_size", "stride", "padding"):  # as PyTorch has them here
            setattr(self, argument, each_axis(name, argument, getattr(self, argument), 1, 0))
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Any) -> Tensor:
        """Map (batch, channels, length) to (batch, channels, windows)."""
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad,
        )  # fmt: skip


class AvgPool2d(_Pool):
    """The mean of each window of images, of each channel for itself.

    Parameters
    ----------
    kernel_size, stride, padding, ceil_mode
        As `MaxPool2d`'s; the padding is of zeros.
    count_include_pad
        Whether the padding counts among what the sum is divided by.
    divisor_override
        What the sum is divided by instead.

    >>> import numpy as np
    >>> from microtensor import nn
    >>> nn.AvgPool2d(2)(np.ones((8, 6, 28, 28))).shape
    (8, 6, 14, 14)
    """

    _dims = 2

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self._set(kernel_size, stride, padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Any) -> Tensor:
        """Map (batch, channels, height, width) to (batch, channels, …, …)."""
        return F.avg_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip


class _AdaptivePool(Module):
    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """The means of ``output_size`` windows that cover lines evenly.

    >>> import numpy as np
    >>> from microtensor import nn
    >>> nn.AdaptiveAvgPool1d(3)(np.ones((8, 6, 7))).shape
    (8, 6, 3)
    """

    def forward(self, input: Any) -> Tensor:
        """Map (batch, channels, length) to (batch, channels, output_size)."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptivePool):
    """The means of windows that cover images evenly, whatever their size.

    ``output_size`` is an integer, or one for each axis; ``None`` keeps that of the input.

    >>> import numpy as np
    >>> from microtensor import nn
    >>> nn.AdaptiveAvgPool2d(1)(np.ones((8, 6, 7, 5))).shape
    (8, 6, 1, 1)
    """

    def forward(self, input: Any) -> Tensor:
        """Map (batch, channels, height, width) to (batch, channels, *output_size)."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveMaxPool1d(_AdaptivePool):
    """The largest elements of ``output_size`` windows that cover lines evenly."""

    def forward(self, input: Any) -> Tensor:
        """Map (batch, channels, length) to (batch, channels, output_size)."""
        return F.adaptive_max_pool1d(input, self.output_size)


class AdaptiveMaxPool2d(_AdaptivePool):
    """The largest elements of windows that cover images evenly, whatever their size."""

    def forward(self, input: Any) -> Tensor:
        """Map (batch, channels, height, width) to (batch, channels, *output_size)."""
        return F.adaptive_max_pool2d(input, self.output_size)
