"""Normalising, as functions: of batches, of layers, of groups of channels, of vectors."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from ...ops import broadcast_to, norms
from ...ops.normalization import (
    channel_dot,
    channel_sum,
    inverse_rms,
    less_mean,
    scale_channels,
    scale_shift,
)
from ...record import as_tensor
from ...state import no_grad
from ...tensor import Tensor

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "normalize", "rms_norm"]


def _wide_inside(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function compute half precision, in which sums overflow, in float32."""

    @functools.wraps(function)
    def wide(input: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(input, "dtype", None) == np.float16:
            input = as_tensor(input).astype(np.float32)
            return function(input, *args, **kwargs).astype(np.float16)
        return function(input, *args, **kwargs)

    return wide


@_wide_inside
def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Give each channel the mean 0 and the variance 1, over the batch; then scale and shift it.

    ``(x - mean) / sqrt(var + eps) * weight + bias`` (Ioffe and Szegedy, 2015).

    Parameters
    ----------
    input
        Shape (N, C) or (N, C, ...).
    running_mean, running_var
        Shape (C,), or ``None``. In training they are changed in place: the mean, and the variance
        over n - 1, of the batch come in with the weight ``momentum``; an empty batch has none.
        Otherwise they are what is normalised by.
    weight, bias
        Shape (C,), or ``None``.
    training
        Whether to normalise by the mean, and the variance over n, of the batch.

    Raises
    ------
    ShapeError
        If a shape does not fit, or a training batch has one value per channel.
    ArgumentError
        If there are no running statistics, and it is not training.

    >>> import microtensor as mt
    >>> batch_norm(mt.tensor([[1.0, 5.0], [3.0, 9.0]]), None, None, training=True, eps=0.0)[:, 0]
    tensor([-1.,  1.])
    """
    input = _floating(input)
    x = _with_channels("batch_norm", input)
    channels = x.shape[1]
    for name, value in (("running_mean", running_mean), ("running_var", running_var),
                        ("weight", weight), ("bias", bias)):  # fmt: skip
        _check_size("batch_norm", name, value, (channels,), input)
    if training:
        count = x.size // (channels or 1)
        if count == 1:
            raise ShapeError(
                f"batch_norm() in training needs more than one value per channel, and the input of "
                f"shape {input.shape} has one: its variance is 0. Give a larger batch, or call "
                "eval() first."
            )
        centred = less_mean(x)
        if count and running_mean is not None:
            _follow(running_mean, _mean(x), momentum)
        if count and running_var is not None:
            _follow(running_var, _variance(centred), momentum)
        out = _affine(centred, inverse_rms(centred, eps=float(eps)), weight, bias)
    else:
        if running_mean is None or running_var is None:
            raise ArgumentError(
                "batch_norm() outside of training normalises by running_mean and running_var, and "
                "got None: give them, or training=True."
            )
        scale = 1.0 / (as_tensor(running_var) + eps) ** 0.5
        if weight is not None:
            scale = scale * weight
        shift = -as_tensor(running_mean) * scale
        out = scale_shift(x, scale, shift if bias is None else shift + bias)
    return out


def _follow(running: Any, new: Tensor, momentum: Any) -> None:
    """Let a running statistic take in that of a batch."""
    with no_grad():
        running = as_tensor(running)
        running *= 1.0 - momentum
        running += new.astype(running.dtype) * momentum


def _mean(x: Tensor) -> Any:
    with no_grad():
        x = x.detach()
        return channel_sum(x) / (x.size // x.shape[1])


def _variance(centred: Tensor) -> Any:
    """Return the variance over n - 1."""
    with no_grad():
        centred = centred.detach()
        return channel_dot(centred, centred) / (centred.size // centred.shape[1] - 1)


@_wide_inside
def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Give each channel of each example the mean 0 and the variance 1; then scale and shift it.

    The parameters are those of `batch_norm`, with ``use_input_stats`` for ``training``; running
    statistics take in the averages over the examples (Ulyanov and others, 2016).
    """
    input = _floating(input)
    x = _channels("instance_norm", input)
    n, channels, length = x.shape
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, eps=eps)
    for name, value in (("weight", weight), ("bias", bias)):
        _check_size("instance_norm", name, value, (channels,), input)
    if length == 1:
        raise ShapeError(
            f"instance_norm() needs more than one value per channel and example, and the input has "
            f"the shape {input.shape}."
        )
    centred = less_mean(x.reshape((1, n * channels, length)))
    if x.size and running_mean is not None and running_var is not None:
        each = x.reshape((1, n * channels, length))
        for running, new in ((running_mean, _mean(each)), (running_var, _variance(centred))):
            with no_grad():
                new = new.reshape((n, channels)).mean(axis=0)
            _follow(running, new, momentum)
    return _each_group(centred, x, channels, weight, bias, eps).reshape(input.shape)


def layer_norm(
    input: Any,
    normalized_shape: int | Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Tensor:
    """Give the last axes of each example the mean 0 and the variance 1; then scale and shift them.

    ``(x - mean) / sqrt(var + eps) * weight + bias`` (Ba, Kiros and Hinton, 2016).

    Parameters
    ----------
    input
        Shape (..., *normalized_shape).
    weight, bias
        Shape normalized_shape, or ``None``.

    >>> import microtensor as mt
    >>> layer_norm(mt.tensor([[1.0, 3.0], [5.0, 9.0]]), (2,), eps=0.0)
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    return _over_last(input, "layer_norm", normalized_shape, weight, bias, eps, centred=True)


def rms_norm(
    input: Any, normalized_shape: int | Sequence[int], weight: Any = None, eps: float | None = None
) -> Tensor:
    """Divide the last axes of each example by the root of their mean square; then scale them.

    ``x / sqrt(mean(x²) + eps) * weight`` (Zhang and Sennrich, 2019). ``eps`` is by default the
    difference of 1 and the next number of the dtype that is computed in.

    >>> import microtensor as mt
    >>> rms_norm(mt.tensor([[1.0, 7.0]]), (2,))
    tensor([[0.2, 1.4]])
    """
    input = _floating(input)
    if eps is None:
        eps = float(np.finfo(np.result_type(input.dtype, np.float32)).eps)
    return _over_last(input, "rms_norm", normalized_shape, weight, None, eps, centred=False)


@_wide_inside
def _over_last(
    input: Any,
    function: str,
    normalized_shape: int | Sequence[int],
    weight: Any,
    bias: Any,
    eps: float,
    centred: bool,
) -> Any:
    input = _floating(input)
    if isinstance(normalized_shape, int):
        normalized_shape = (normalized_shape,)
    shape = tuple(normalized_shape)
    if not shape or input.shape[len(input.shape) - len(shape) :] != shape:
        raise ShapeError(
            f"{function}() with normalized_shape={shape} takes an input whose last axes are these, "
            f"and got the shape {input.shape}."
        )
    for name, value in (("weight", weight), ("bias", bias)):
        _check_size(function, name, value, shape, input)
    features = math.prod(shape)
    rows = math.prod(input.shape[: len(input.shape) - len(shape)])
    x = input.reshape((1, rows, features))
    x = less_mean(x) if centred else x
    out = scale_channels(x, inverse_rms(x, eps=float(eps)))
    if weight is not None or bias is not None:
        if len(shape) > 1:
            weight, bias = (x if x is None else x.reshape(-1) for x in (weight, bias))
        out = _affine(out.reshape((rows, features, 1)), None, weight, bias)
    return out.reshape(input.shape)


@_wide_inside
def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Give each group of channels of each example the mean 0 and the variance 1; scale and shift.

    Parameters
    ----------
    input
        Shape (N, C, ...), with C divisible by ``num_groups``.
    weight, bias
        Shape (C,), or ``None``: for each channel (Wu and He, 2018).

    >>> import microtensor as mt
    >>> group_norm(mt.tensor([[1.0, 3.0, 10.0, 30.0]]), 2, eps=0.0)
    tensor([[-1.,  1., -1.,  1.]])
    """
    input = _floating(input)
    x = _channels("group_norm", input)
    n, channels, length = x.shape
    if num_groups < 1 or channels % num_groups:
        raise ShapeError(
            f"group_norm() cannot divide the {channels} channels of an input of shape "
            f"{input.shape} into num_groups={num_groups} equal groups."
        )
    for name, value in (("weight", weight), ("bias", bias)):
        _check_size("group_norm", name, value, (channels,), input)
    if channels * length == num_groups and n == 1:
        raise ShapeError(
            f"group_norm() needs more than one value per group, and the input of shape "
            f"{input.shape} has one in each of {num_groups}."
        )
    groups = x.reshape((1, n * num_groups, channels // num_groups * length))
    return _each_group(less_mean(groups), x, num_groups, weight, bias, eps).reshape(input.shape)


def _each_group(centred: Any, x: Any, groups: int, weight: Any, bias: Any, eps: float) -> Any:
    """Scale groups of channels, which are centred, and then shift them."""
    n, channels, length = x.shape
    scale = inverse_rms(centred, eps=float(eps))
    if weight is None or bias is None:
        return _affine(scale_channels(centred, scale).reshape(x.shape), None, weight, bias)
    scale = scale.reshape((n, groups, 1)) * weight.reshape((groups, channels // groups))
    shift = broadcast_to(bias, (n, channels))
    centred = centred.reshape((1, n * channels, length))
    return scale_shift(centred, scale.reshape(-1), shift.reshape(-1)).reshape(x.shape)


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """Divide by the p-norm along the axis ``dim``, or by ``eps`` where that is larger.

    >>> import microtensor as mt
    >>> normalize(mt.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6, 0.8],
            [0. , 0. ]])
    """
    input = _floating(input)
    length = norms.vector_norm(input, ord=p, axis=dim, keepdims=True)
    return input / np.maximum(length, eps)


def _floating(input: Any) -> Any:
    input = as_tensor(input)
    return input if input.dtype.kind == "f" else input.astype(np.float64)


def _with_channels(function: str, input: Tensor) -> Tensor:
    if input.ndim < 2:
        raise ShapeError(
            f"{function}() takes an input of shape (N, C, ...), and got {input.shape}."
        )
    return input


def _channels(function: str, input: Tensor) -> Tensor:
    """Return an input as (N, C, L)."""
    shape = _with_channels(function, input).shape
    return input.reshape((*shape[:2], math.prod(shape[2:])))


def _affine(x: Any, scale: Any, weight: Any, bias: Any) -> Any:
    """Scale channels by one factor or two, and shift them."""
    if scale is None:
        scale = weight
    elif weight is not None:
        scale = scale * weight
    if bias is None:
        return x if scale is None else scale_channels(x, scale)
    return x + _per_channel(bias, x) if scale is None else scale_shift(x, scale, bias)


def _per_channel(values: Any, x: Any) -> Any:
    return values.reshape((-1, *(1,) * (x.ndim - 2)))


def _check_size(
    function: str, name: str, value: Any, shape: tuple[int, ...], input: Tensor
) -> None:
    if value is not None and value.shape != shape:
        raise ShapeError(
            f"{function}() of an input of shape {input.shape} needs a {name} of shape {shape}, and "
            f"got {value.shape}."
        )
