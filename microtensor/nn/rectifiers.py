"""Activations that are a straight line in places, as modules."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from ..tensor import Tensor
from . import functional as F
from .module import Module
from .parameter import Parameter

__all__ = [
    "CELU",
    "ELU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "Softshrink",
    "Threshold",
]


class ReLU(Module):
    """max(x, 0), of each element; its derivative at 0 is 0."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.relu(input)


class ReLU6(Module):
    """min(max(x, 0), 6), of each element."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.relu6(input)


class LeakyReLU(Module):
    """x where it is positive, else ``negative_slope * x``.

    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> nn.LeakyReLU(0.1)(mt.tensor([-1.0, 2.0]))
    tensor([-0.1,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"negative_slope={self.negative_slope}"


class PReLU(Module):
    """x where it is positive, else ``weight * x``, and the weight is learned.

    Attributes
    ----------
    weight
        Shape (num_parameters,).

    Parameters
    ----------
    num_parameters
        1, or the number of channels, along the input's second axis.
    init
        What the weights are at first.
    dtype
        Of the weights; float64 by default.

    Raises
    ------
    ArgumentError
        If ``num_parameters`` is not positive.
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, *, dtype: npt.DTypeLike | None = None
    ) -> None:
        if num_parameters < 1:
            raise ArgumentError(
                f"PReLU has num_parameters={num_parameters}, and needs one or more."
            )
        self.num_parameters = num_parameters
        self.weight = Parameter(np.full(num_parameters, float(init), dtype))

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape, its channels along the second axis."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """x where it is positive, else x times a slope that is drawn at random while training.

    See `functional.rrelu`.

    Parameters
    ----------
    lower, upper
        The slopes are evenly between these; after `eval`, their mean.
    generator
        Where the random numbers come from; by default one of its own, unpredictable.

    Raises
    ------
    ArgumentError
        If ``lower`` is greater than ``upper``.
    """

    def __init__(
        self,
        lower: float = 1.0 / 8,
        upper: float = 1.0 / 3,
        *,
        generator: np.random.Generator | None = None,
    ) -> None:
        if not lower <= upper:
            raise ArgumentError(f"RReLU draws slopes from {lower} to {upper}: exchange the two.")
        self.lower = lower
        self.upper = upper
        self.generator = generator or np.random.default_rng()

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.rrelu(input, self.lower, self.upper, self.training, generator=self.generator)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"lower={self.lower}, upper={self.upper}"


class ELU(Module):
    """x where it is positive, else ``alpha (exp(x) - 1)``. See `functional.elu`."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.elu(input, self.alpha)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"alpha={self.alpha}"


class SELU(Module):
    """An ELU that keeps mean 0 and variance 1 from layer to layer. See `functional.selu`."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.selu(input)


class CELU(Module):
    """x where it is positive, else ``alpha (exp(x / alpha) - 1)``. See `functional.celu`."""

    def __init__(self, alpha: float = 1.0) -> None:
        if alpha == 0:
            raise ArgumentError("CELU has alpha=0, and divides by it: give another.")
        self.alpha = alpha

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.celu(input, self.alpha)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"alpha={self.alpha}"


class Hardtanh(Module):
    """x, limited to between ``min_val`` and ``max_val``.

    Raises
    ------
    ArgumentError
        If ``min_val`` is not less than ``max_val``.
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        if not min_val < max_val:
            raise ArgumentError(
                f"Hardtanh limits to from {min_val} to {max_val}, and needs a greater max_val."
            )
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.hardtanh(input, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"min_val={self.min_val}, max_val={self.max_val}"


class Hardsigmoid(Module):
    """min(max(x + 3, 0), 6) / 6, of each element: a sigmoid of straight lines."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.hardsigmoid(input)


class Hardswish(Module):
    """x hardsigmoid(x), of each element. See `functional.hardswish`."""

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.hardswish(input)


class Softshrink(Module):
    """x, nearer to 0 by ``lambd``; 0 where it is that near.

    Raises
    ------
    ArgumentError
        If ``lambd`` is negative.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        if not lambd >= 0:
            raise ArgumentError(f"Softshrink has lambd={lambd}, which must not be negative.")
        self.lambd = lambd

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"lambd={self.lambd}"


class Hardshrink(Module):
    """x, but 0 where it is from ``-lambd`` to ``lambd``."""

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"lambd={self.lambd}"


class Threshold(Module):
    """x where it is above ``threshold``, else ``value``."""

    def __init__(self, threshold: float, value: float) -> None:
        self.threshold = threshold
        self.value = value

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return F.threshold(input, self.threshold, self.value)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"threshold={self.threshold}, value={self.value}"
