"""Smooth activations as modules; `microtensor.nn.functional` has them as functions."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError
from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = [
    "GELU",
    "GLU",
    "Identity",
    "LogSigmoid",
    "Mish",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Tanh",
    "Tanhshrink",
]


class Identity(Module):
    """x itself; arguments are ignored, so that it can take the place of any layer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def forward(self, input: Any) -> Tensor:
        """Return the input."""
        return input


class Sigmoid(Module):
    """1 / (1 + exp(-x)), of each element; between 0 and 1."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.sigmoid(input)


class LogSigmoid(Module):
    """log(sigmoid(x)), of each element; below 0. See `functional.logsigmoid`."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.logsigmoid(input)


class Tanh(Module):
    """tanh(x), of each element; between -1 and 1."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.tanh(input)


class Tanhshrink(Module):
    """x - tanh(x), of each element."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.tanhshrink(input)


class Softsign(Module):
    """x / (1 + abs(x)), of each element; between -1 and 1."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.softsign(input)


class Softplus(Module):
    """log(1 + exp(beta x)) / beta, of each element: ReLU made smooth.

    See `functional.softplus`.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"beta={self.beta}, threshold={self.threshold}"


class GELU(Module):
    """x Φ(x), of each element: x times the probability that a normal variable is below x.

    ``approximate="tanh"`` writes Φ with a tanh. See `functional.gelu`.
    """

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ArgumentError(
                f"GELU has approximate={approximate!r}, and takes 'none' or 'tanh'."
            )
        self.approximate = approximate

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """x sigmoid(x), of each element; also called swish."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.silu(input)


class Mish(Module):
    """x tanh(softplus(x)), of each element. See `functional.mish`."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.mish(input)


class GLU(Module):
    """The first half of x along ``dim`` times the sigmoid of the second half.

    See `functional.glu`.
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        """Apply to an input with an even length along ``dim``."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"dim={self.dim}"
