"""Convolutions as functions, with PyTorch's names and arguments."""

from __future__ import annotations

import operator
from typing import Any

from ...errors import ArgumentError, ShapeError
from ...ops.convolution import convolution, convolution_no_bias, convolution_transposed
from ...record import apply, as_tensor
from ...tensor import Tensor
from .windows import batched, check_fits, each_axis, images

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "same_padding"]


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Slide kernels over lines; the arguments are `conv2d`'s, with one axis.

    >>> import microtensor as mt
    >>> conv1d(mt.tensor([[[1.0, 2.0, 4.0, 8.0]]]), mt.tensor([[[-1.0, 1.0]]]))
    tensor([[[1., 2., 4.]]])
    """
    return _conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Slide kernels over images: each output is a weighted sum of what a kernel lies on.

    ``out[n, o, y, x] = bias[o] + Σ weight[o, c, i, j] · input[n, c, y·stride + i·dilation, …]``,
    over c, i, j and a padded input: a cross-correlation, as everywhere in machine learning.

    Parameters
    ----------
    input
        Shape (batch, in_channels, height, width), or (in_channels, height, width).
    weight
        Shape (out_channels, in_channels / groups, kernel height, kernel width).
    bias
        Shape (out_channels,), or ``None``.
    stride, dilation
        How far the kernel moves from one output to the next, and how far its elements are apart.
        An integer, or one for each axis.
    padding
        The number of zeros at both ends; ``"same"`` for as many as keep the size, with more at the
        end where they are odd; ``"valid"`` for none.
    groups
        Into how many parts the channels are divided, each with kernels of its own.

    Raises
    ------
    ShapeError
        If shapes, channels and groups do not fit, or the kernel is larger than the padded input.
    ArgumentError
        If a stride or dilation is less than 1, a padding negative or of an unknown kind.
    DtypeError
        If the input is not floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> image = mt.tensor(np.eye(3)[None, None])
    >>> conv2d(image, mt.tensor([[[[1.0, 0.0], [0.0, 1.0]]]]))
    tensor([[[[2., 0.],
              [0., 2.]]]])
    """
    return _conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Do to lines what `conv_transpose2d` does to images.

    >>> import microtensor as mt
    >>> conv_transpose1d(mt.tensor([[[1.0, 2.0]]]), mt.tensor([[[1.0, 10.0]]]), stride=2)
    tensor([[[ 1., 10.,  2., 20.]]])
    """
    return _conv_transpose(
        "conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups,
        dilation,
    )  # fmt: skip


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Add kernels up where `conv2d` would read: the gradient of a convolution as a function.

    Parameters
    ----------
    input
        Shape (batch, in_channels, height, width), or (in_channels, height, width).
    weight
        Shape (in_channels, out_channels / groups, kernel height, kernel width).
    bias, stride, dilation, groups
        As `conv2d`'s; ``stride`` is how far apart the kernels of neighbours are in the output.
    padding
        How much is left out of the output, at both ends.
    output_padding
        How much the output is longer at its end; of several sizes that a strided convolution
        takes to the same, it chooses one. Less than stride or dilation.

    Returns
    -------
    Along each axis of size (n - 1)·stride - 2·padding + dilation·(kernel - 1) + output_padding + 1.
    """
    return _conv_transpose(
        "conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups,
        dilation,
    )  # fmt: skip


def _conv(
    name: str, dims: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any,
    dilation: Any, groups: int,
) -> Tensor:  # fmt: skip
    name = f"{name}()"
    x, weight = images(name, input, dims), _weight(name, weight, dims)
    groups = _groups(name, groups)
    stride = each_axis(name, "stride", stride, dims, 1)
    dilation = each_axis(name, "dilation", dilation, dims, 1)
    outputs, channels, *kernel = weight.shape
    if x.shape[-dims - 1] != channels * groups:
        raise ShapeError(
            f"{name} got an input of shape {x.shape}, which has {x.shape[-dims - 1]} channels, and "
            f"a weight of shape {weight.shape} with groups={groups} takes {channels * groups}."
        )
    if outputs % groups:
        raise ShapeError(
            f"{name} has {outputs} output channels, the first axis of the weight's shape "
            f"{weight.shape}, which must be divisible by groups (={groups})."
        )
    pairs = _padding(name, padding, dims, kernel, stride, dilation)
    check_fits(name, x.shape[-dims:], kernel, pairs, dilation)
    params = {"stride": stride, "padding": pairs, "dilation": dilation, "groups": groups}
    if bias is None:
        return batched(x, dims, lambda x: apply(convolution_no_bias, (x, weight), params))
    bias = _bias(name, bias, outputs)
    return batched(x, dims, lambda x: apply(convolution, (x, weight, bias), params))


def _conv_transpose(
    name: str, dims: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any,
    output_padding: Any, groups: int, dilation: Any,
) -> Tensor:  # fmt: skip
    name = f"{name}()"
    x, weight = images(name, input, dims), _weight(name, weight, dims)
    groups = _groups(name, groups)
    stride = each_axis(name, "stride", stride, dims, 1)
    dilation = each_axis(name, "dilation", dilation, dims, 1)
    padding = each_axis(name, "padding", padding, dims, 0)
    longer = each_axis(name, "output_padding", output_padding, dims, 0)
    channels, each, *kernel = weight.shape
    if x.shape[-dims - 1] != channels:
        raise ShapeError(
            f"{name} got an input of shape {x.shape}, which has {x.shape[-dims - 1]} channels, and "
            f"a weight of shape {weight.shape} takes {channels}."
        )
    if channels % groups:
        raise ShapeError(
            f"{name} has {channels} input channels, the first axis of the weight's shape "
            f"{weight.shape}, which must be divisible by groups (={groups})."
        )
    if any(o >= max(s, d) for o, s, d in zip(longer, stride, dilation, strict=True)):
        raise ArgumentError(
            f"{name} has output_padding={longer}, and it must be less than stride={stride} or "
            f"dilation={dilation}."
        )
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + o + 1
        for n, s, p, d, k, o in zip(
            x.shape[-dims:], stride, padding, dilation, kernel, longer, strict=True
        )
    )
    if min(size) < 1:
        raise ShapeError(
            f"{name} of an input of shape {x.shape} would have the size {size}: the padding "
            f"{padding} leaves nothing."
        )
    params = {
        "size": size,
        "stride": stride,
        "padding": tuple((p, p - o) for p, o in zip(padding, longer, strict=True)),
        "dilation": dilation,
        "groups": groups,
    }
    out = batched(x, dims, lambda x: apply(convolution_transposed, (x, weight), params))
    if bias is None:
        return out
    return out + _bias(name, bias, each * groups).reshape((-1, *(1,) * dims))


def same_padding(kernel: Any, dilation: Any) -> tuple[tuple[int, int], ...]:
    """Return how much padding keeps the size: of an odd number, more at the end."""
    totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((total // 2, total - total // 2) for total in totals)


def _padding(
    name: str, padding: Any, dims: int, kernel: Any, stride: Any, dilation: Any
) -> tuple[tuple[int, int], ...]:
    if not isinstance(padding, str):
        return tuple((p, p) for p in each_axis(name, "padding", padding, dims, 0))
    if padding == "valid":
        return ((0, 0),) * dims
    if padding != "same":
        raise ArgumentError(f"{name} has padding={padding!r}, which is neither 'same' nor 'valid'.")
    if max(stride) > 1:
        raise ArgumentError(
            f"{name} has padding='same' with stride={stride}: it needs a stride of 1."
        )
    return same_padding(kernel, dilation)


def _groups(name: str, groups: Any) -> int:
    count = operator.index(groups)
    if count < 1:
        raise ArgumentError(f"{name} has groups={groups}, and the least possible is 1.")
    return count


def _weight(name: str, value: Any, dims: int) -> Tensor:
    weight = as_tensor(value)
    if weight.ndim != dims + 2 or 0 in weight.shape[2:]:
        raise ShapeError(
            f"{name} got a weight of shape {weight.shape}, and takes (channels, channels / groups, "
            f"kernel …), with {dims + 2} axes."
        )
    return weight


def _bias(name: str, value: Any, outputs: int) -> Tensor:
    bias = as_tensor(value)
    if bias.shape != (outputs,):
        raise ShapeError(
            f"{name} has {outputs} output channels, and a bias of shape {bias.shape}: it must be "
            f"({outputs},)."
        )
    return bias
