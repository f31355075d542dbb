"""Softmax and its kin as modules; `microtensor.nn.functional` has them as functions."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..record import as_tensor
from ..tensor import Tensor
from . import functional as F
from .functional.layers import required_dim
from .module import Module

__all__ = ["LogSoftmax", "Softmax", "Softmax2d", "Softmin"]


class _AlongDim(Module):
    def __init__(self, dim: int | None = None, **unknown: Any) -> None:
        self.dim = required_dim(type(self).__name__, dim, unknown)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    """exp(x) / sum(exp(x)) along the axis ``dim``: positive numbers with the sum 1.

    >>> from microtensor import nn
    >>> nn.Softmax(dim=-1)(nn.Parameter([[0.0, 0.0], [1000.0, 0.0]]))
    tensor([[0.5, 0.5],
            [1. , 0. ]], op=softmax)
    """

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape that has the axis ``dim``."""
        return F.softmax(input, self.dim)


class LogSoftmax(_AlongDim):
    """log(softmax(x)) along the axis ``dim``, finite where the softmax is too small for a float."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape that has the axis ``dim``."""
        return F.log_softmax(input, self.dim)


class Softmin(_AlongDim):
    """softmax(-x) along the axis ``dim``: the smallest number gets the largest share."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape that has the axis ``dim``."""
        return F.softmin(input, self.dim)


class Softmax2d(Module):
    """Softmax over the channels of images (N, C, H, W) or (C, H, W), at each place.

    Raises
    ------
    ShapeError
        If the input has neither three axes nor four.
    """

    def forward(self, input: Any) -> Tensor:
        """Apply to images."""
        shape = as_tensor(input).shape
        if len(shape) not in (3, 4):
            raise ShapeError(
                f"Softmax2d takes images (N, C, H, W) or (C, H, W), and got the shape {shape}."
            )
        return F.softmax(input, -3)
