"""Activations as modules; `microtensor.nn.functional` has them as functions."""

from __future__ import annotations

from typing import Any

from . import functional as F
from .functional.layers import required_dim
from .module import Module

__all__ = ["Identity", "LogSoftmax", "ReLU", "Sigmoid", "Softmax", "Softplus", "Tanh"]


class Identity(Module):
    """x itself."""

    def forward(self, input: Any) -> Any:
        """Return the input."""
        return input


class Sigmoid(Module):
    """1 / (1 + exp(-x)), of each element; between 0 and 1."""

    def forward(self, input: Any) -> Any:
        """Apply to an input of any shape."""
        return F.sigmoid(input)


class Tanh(Module):
    """tanh(x), of each element; between -1 and 1."""

    def forward(self, input: Any) -> Any:
        """Apply to an input of any shape."""
        return F.tanh(input)


class ReLU(Module):
    """max(x, 0), of each element; its derivative at 0 is 0."""

    def forward(self, input: Any) -> Any:
        """Apply to an input of any shape."""
        return F.relu(input)


class Softplus(Module):
    """log(1 + exp(x)), of each element: ReLU made smooth."""

    def forward(self, input: Any) -> Any:
        """Apply to an input of any shape."""
        return F.softplus(input)


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

    def forward(self, input: Any) -> Any:
        """Apply to an input of any shape that has the axis ``dim``."""
        return F.softmax(input, self.dim)


class LogSoftmax(_AlongDim):
    """log(softmax(x)) along the axis ``dim``, finite where the softmax is too small for a float."""

    def forward(self, input: Any) -> Any:
        """Apply to an input of any shape that has the axis ``dim``."""
        return F.log_softmax(input, self.dim)
