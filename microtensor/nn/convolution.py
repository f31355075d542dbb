"""Convolutional layers, with PyTorch's arguments, initial values and ``state_dict``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from ..tensor import Tensor
from . import init
from .functional.convolution import (
    conv1d,
    conv2d,
    conv_transpose1d,
    conv_transpose2d,
    same_padding,
)
from .functional.padding import pad
from .functional.windows import each_axis
from .module import Module
from .parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Convolution(Module):
    """What all convolutional layers have: arguments, and a weight and a bias."""

    bias: Parameter | None
    _dims: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        transposed: bool,
        dtype: npt.DTypeLike | None,
        generator: init.Generator | None,
    ) -> None:
        name, dims = type(self).__name__, self._dims
        (groups,) = each_axis(name, "groups", groups, 1, 1)
        for channels, what in ((in_channels, "in_channels"), (out_channels, "out_channels")):
            each_axis(name, what, channels, 1, 1)
            if channels % groups:
                raise ArgumentError(
                    f"{name} has {what} (={channels}), which must be divisible by groups "
                    f"(={groups})."
                )
        if padding_mode not in (_PADDING_MODES[:1] if transposed else _PADDING_MODES):
            allowed = "'zeros'" if transposed else f"one of {', '.join(_PADDING_MODES)}"
            raise ArgumentError(
                f"{name} has padding_mode={padding_mode!r}, and must have {allowed}."
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = each_axis(name, "kernel_size", kernel_size, dims, 1)
        self.stride = each_axis(name, "stride", stride, dims, 1)
        self.dilation = each_axis(name, "dilation", dilation, dims, 1)
        self.output_padding = each_axis(name, "output_padding", output_padding, dims, 0)
        self.groups = groups
        self.padding_mode = padding_mode
        self.padding: str | tuple[int, ...]
        if not isinstance(padding, str) or transposed:
            self.padding = each_axis(name, "padding", padding, dims, 0)
        elif padding not in ("same", "valid"):
            raise ArgumentError(f"{name} has padding={padding!r}, neither 'same' nor 'valid'.")
        elif padding == "same" and max(self.stride) > 1:
            raise ArgumentError(
                f"{name} has padding='same' with stride={stride!r}: it needs a stride of 1."
            )
        else:
            self.padding = padding
        first, second = in_channels, out_channels
        if not transposed:
            first, second = second, first
        shape = (first, second // groups, *self.kernel_size)
        self.weight = Parameter(np.empty(shape, dtype))
        self.bias = Parameter(np.empty(out_channels, dtype)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: init.Generator | None = None) -> None:
        """Draw weight and bias anew."""
        generator = np.random.default_rng() if generator is None else generator
        init.kaiming_uniform_(self.weight, a=math.sqrt(5), generator=generator)
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
            init.uniform_(self.bias, -bound, bound, generator)

    def extra_repr(self) -> str:
        """Return the arguments that are not the defaults."""
        ones = (1,) * self._dims
        zeros = (0,) * self._dims
        parts = [
            f"{self.in_channels}, {self.out_channels}",
            f"kernel_size={self.kernel_size}",
            f"stride={self.stride}",
        ]
        for name, default in (
            ("padding", zeros),
            ("dilation", ones),
            ("output_padding", zeros),
            ("groups", 1),
            ("padding_mode", "zeros"),
        ):
            value = getattr(self, name)
            if value != default:
                parts.append(f"{name}={value}")
        return ", ".join(parts if self.bias is not None else [*parts, "bias=False"])


class _Conv(_Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: npt.DTypeLike | None = None,
        generator: init.Generator | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
            padding_mode, False, dtype, generator,
        )  # fmt: skip

    def _padded(self, input: Any) -> tuple[Any, Any]:
        """Return the input, and the padding with zeros that is left to do."""
        if self.padding_mode == "zeros" or self.padding == "valid":
            return input, self.padding
        if isinstance(self.padding, str):  # "same"
            pairs = same_padding(self.kernel_size, self.dilation)
        else:
            pairs = tuple((p, p) for p in self.padding)
        widths = [width for pair in reversed(pairs) for width in pair]
        return pad(input, widths, self.padding_mode), 0


class Conv1d(_Conv):
    """Slide kernels over lines; the arguments are `Conv2d`'s, with one axis.

    Shapes: input (batch, in_channels, length) or (in_channels, length), weight (out_channels,
    in_channels / groups, kernel_size), bias (out_channels,).

    >>> import numpy as np
    >>> from microtensor import nn
    >>> nn.Conv1d(2, 4, 3, stride=2)(np.ones((8, 2, 11))).shape
    (8, 4, 5)
    """

    _dims = 1

    def forward(self, input: Any) -> Tensor:
        """Map (batch, in_channels, length) to (batch, out_channels, new length)."""
        input, padding = self._padded(input)
        return conv1d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class Conv2d(_Conv):
    """Slide kernels over images: each output is a weighted sum of what a kernel lies on.

    Parameters
    ----------
    in_channels, out_channels
        How many channels go in and come out.
    kernel_size
        The size of the kernels: an integer, or one for each axis.
    stride
        How far a kernel moves from one output to the next.
    padding
        How much is added to the images at both ends; ``"same"`` keeps their size, ``"valid"`` adds
        nothing.
    dilation
        How far the elements of a kernel are apart.
    groups
        Into how many parts the channels are divided, each with kernels of its own; with
        ``in_channels`` of them, each channel has its own.
    bias
        Whether to add a bias to each channel.
    padding_mode
        What is added: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
    dtype
        Of the parameters; float64 by default.
    generator
        What the initial values are drawn from; a fresh, unpredictable one by default.

    Attributes
    ----------
    weight
        Shape (out_channels, in_channels / groups, kernel height, kernel width).
    bias
        Shape (out_channels,), or ``None``.

    Both start uniform between ±1/√fan_in, where fan_in is the number of elements of one kernel, as
    PyTorch's do.

    Raises
    ------
    ArgumentError
        If the channels are not divisible by ``groups``, or a number is too small.
    ShapeError
        If an input has other channels, or is smaller than the kernel.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor import nn
    >>> layer = nn.Conv2d(1, 6, 5, padding=2, generator=np.random.default_rng(0))
    >>> layer
    Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
    >>> layer(np.ones((8, 1, 28, 28))).shape
    (8, 6, 28, 28)
    """

    _dims = 2

    def forward(self, input: Any) -> Tensor:
        """Map (batch, in_channels, height, width) to (batch, out_channels, …, …)."""
        input, padding = self._padded(input)
        return conv2d(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class _ConvTranspose(_Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        *,
        dtype: npt.DTypeLike | None = None,
        generator: init.Generator | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding,
            groups, bias, padding_mode, True, dtype, generator,
        )  # fmt: skip

    def _output_padding(self, input: Any, output_size: Sequence[int] | None) -> Any:
        """Return how much longer the output is, so that it has the size, if one is given."""
        if output_size is None:
            return self.output_padding
        sizes, lengths = tuple(output_size)[-self._dims :], np.shape(input)[-self._dims :]
        paddings: Any = self.padding
        least = tuple(
            (n - 1) * stride - 2 * padding + dilation * (k - 1) + 1
            for n, stride, padding, dilation, k in zip(
                lengths, self.stride, paddings, self.dilation, self.kernel_size, strict=False
            )
        )
        steps = zip(self.stride, self.dilation, strict=True)
        most = tuple(n + max(step) - 1 for n, step in zip(least, steps, strict=False))
        between = (a <= n <= b for a, n, b in zip(least, sizes, most, strict=False))
        if len(sizes) != len(least) or not all(between):
            raise ArgumentError(
                f"{type(self).__name__} has output_size={output_size}, and makes of an input of "
                f"shape {np.shape(input)} sizes from {least} to {most}."
            )
        return tuple(n - a for a, n in zip(least, sizes, strict=True))


class ConvTranspose1d(_ConvTranspose):
    """Add kernels up along lines; the arguments are `ConvTranspose2d`'s, with one axis.

    >>> import numpy as np
    >>> from microtensor import nn
    >>> nn.ConvTranspose1d(4, 2, 3, stride=2)(np.ones((8, 4, 5))).shape
    (8, 2, 11)
    """

    _dims = 1

    def forward(self, input: Any, output_size: Sequence[int] | None = None) -> Tensor:
        """Map (batch, in_channels, length) to (batch, out_channels, new length)."""
        return conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding,
            self._output_padding(input, output_size), self.groups, self.dilation,
        )  # fmt: skip


class ConvTranspose2d(_ConvTranspose):
    """Add kernels up where a `Conv2d` would read: what makes images larger again.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, dilation, groups, bias, dtype, generator
        As `Conv2d`'s.
    stride
        How far the kernels of neighbours are apart in the output.
    padding
        How much is left out of the output at both ends: a `Conv2d` with the same arguments makes
        images of its size those of the input.
    output_padding
        How much the output is longer at its end; less than stride or dilation.
    padding_mode
        ``"zeros"`` is the only one.

    Attributes
    ----------
    weight
        Shape (in_channels, out_channels / groups, kernel height, kernel width).
    bias
        Shape (out_channels,), or ``None``.

    Raises
    ------
    ArgumentError, ShapeError
        As `Conv2d`; and if ``output_padding`` is too large.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor import nn
    >>> nn.ConvTranspose2d(16, 3, 4, stride=2, padding=1)(np.ones((8, 16, 7, 7))).shape
    (8, 3, 14, 14)
    """

    _dims = 2

    def forward(self, input: Any, output_size: Sequence[int] | None = None) -> Tensor:
        """Map (batch, in_channels, height, width) to (batch, out_channels, …, …).

        Several sizes can be meant where the stride is more than 1; ``output_size`` says which, in
        place of ``output_padding``. Axes before the last two are ignored in it.
        """
        return conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding,
            self._output_padding(input, output_size), self.groups, self.dilation,
        )  # fmt: skip
