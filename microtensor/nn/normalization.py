"""Layers that normalise each example: its features, or groups of its channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..record import as_tensor
from ..state import no_grad
from ..tensor import Tensor
from . import functional as F
from .module import Module
from .parameter import Parameter
from .sizes import whole, wholes

__all__ = ["Affine", "GroupNorm", "LayerNorm", "RMSNorm"]


class Affine(Module):
    """What has a weight that starts at 1 and a bias that starts at 0, or has not."""

    weight: Parameter | None
    bias: Parameter | None

    def _make(self, shape: Any, affine: bool, bias: bool, dtype: npt.DTypeLike | None) -> None:
        self.weight = Parameter(np.ones(shape, dtype)) if affine else None
        self.bias = Parameter(np.zeros(shape, dtype)) if affine and bias else None

    def reset_parameters(self) -> None:
        """Set the weight to 1, and the bias to 0."""
        with no_grad():
            if self.weight is not None:
                self.weight[...] = 1.0
            if self.bias is not None:
                self.bias[...] = 0.0


class LayerNorm(Affine):
    """Normalise the last axes of each example: (x - mean) / √(var + eps) · weight + bias.

    The variance is over n; training and evaluation are the same (Ba, Kiros and Hinton, "Layer
    Normalization", 2016).

    Parameters
    ----------
    normalized_shape
        The length of the last axis, or of the last axes.
    eps
        What is added to the variance.
    elementwise_affine
        Whether there are a weight and a bias, of the shape ``normalized_shape``.
    bias
        Whether there is a bias, if there is a weight.
    dtype
        Of the parameters; float64 by default.

    Raises
    ------
    ShapeError
        If the last axes of an input are others.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> nn.LayerNorm(2, eps=0.0)(mt.tensor([[1.0, 3.0], [5.0, 9.0]])).detach()
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        self.normalized_shape = wholes("LayerNorm", "normalized_shape", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self._make(self.normalized_shape, elementwise_affine, bias, dtype)

    def forward(self, input: Any) -> Tensor:
        """Normalise an input of shape (..., *normalized_shape); the output has its shape."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the shape and the settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class RMSNorm(Affine):
    """Divide the last axes of each example by their root mean square: x / √(mean(x²) + eps).

    Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.

    Parameters
    ----------
    normalized_shape
        The length of the last axis, or of the last axes.
    eps
        What is added to the mean square; by default the input dtype's epsilon.
    elementwise_affine
        Whether there is a weight, of the shape ``normalized_shape``.
    dtype
        Of the weight; float64 by default.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        self.normalized_shape = wholes("RMSNorm", "normalized_shape", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = (
            Parameter(np.ones(self.normalized_shape, dtype)) if elementwise_affine else None
        )

    bias = None

    def forward(self, input: Any) -> Tensor:
        """Normalise an input of shape (..., *normalized_shape); the output has its shape."""
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Return the shape and the settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(Affine):
    """Normalise each of ``num_groups`` groups of channels of each example; then scale and shift.

    Wu and He, "Group Normalization", 2018.

    Parameters
    ----------
    num_groups
        How many groups.
    num_channels
        How many channels C, of an input of shape (N, C, ...): a multiple of it.
    eps
        What is added to the variance.
    affine
        Whether there are a weight and a bias, of shape (C,).
    dtype
        Of the parameters; float64 by default.
    bias
        Whether there is a bias, if affine.

    Raises
    ------
    ShapeError
        If the channels are no multiple of the groups, or an input has others.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
        bias: bool = True,
    ) -> None:
        self.num_groups = whole("GroupNorm", "num_groups", num_groups, least=1)
        self.num_channels = whole("GroupNorm", "num_channels", num_channels)
        if self.num_channels % self.num_groups:
            raise ShapeError(
                f"GroupNorm has num_channels={num_channels}, which cannot be divided into "
                f"num_groups={num_groups} equal groups."
            )
        self.eps, self.affine = eps, affine
        self._make(self.num_channels, affine, bias, dtype)

    def forward(self, input: Any) -> Tensor:
        """Normalise an input of shape (N, C, ...); the output has its shape."""
        input = as_tensor(input)
        if input.ndim < 2 or input.shape[1] != self.num_channels:
            raise ShapeError(
                f"{self!r} takes an input of shape (N, C, ...) with C = {self.num_channels} "
                f"(num_channels), and got the shape {input.shape}."
            )
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the sizes and settings."""
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"
