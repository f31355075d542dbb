"""The fully connected layer."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..record import as_tensor
from ..tensor import Tensor
from . import init
from .functional.layers import linear
from .module import Module
from .parameter import Parameter

__all__ = ["Linear"]


class Linear(Module):
    """``input @ weight.T + bias``: every output is a weighted sum of all inputs.

    Parameters
    ----------
    in_features, out_features
        How many numbers go in and come out: the last axis of the input and of the output.
    bias
        Whether to add a bias.
    dtype
        Of the parameters; float64 by default.
    generator
        What the initial values are drawn from; a fresh, unpredictable one by default.

    Attributes
    ----------
    weight
        Shape (out_features, in_features).
    bias
        Shape (out_features,), or ``None``.

    Both start uniform between ±1/√in_features, as PyTorch's do.

    Raises
    ------
    TypeError
        If the features are not integers.
    ShapeError
        If they are negative, or the last axis of an input is not ``in_features`` long.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor import nn
    >>> layer = nn.Linear(3, 4, generator=np.random.default_rng(0))
    >>> layer(np.ones((2, 3))).shape
    (2, 4)
    """

    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
        generator: init.Generator | None = None,
    ) -> None:
        try:
            in_features, out_features = operator.index(in_features), operator.index(out_features)
        except TypeError:
            raise TypeError(
                f"Linear({in_features!r}, {out_features!r}): features are counted in integers."
            ) from None
        if in_features < 0 or out_features < 0:
            raise ShapeError(f"Linear({in_features}, {out_features}): features cannot be negative.")
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(np.empty((out_features, in_features), dtype))
        self.bias = Parameter(np.empty(out_features, dtype)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: init.Generator | None = None) -> None:
        """Draw weight and bias anew."""
        generator = np.random.default_rng() if generator is None else generator
        bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
        init.uniform_(self.weight, -bound, bound, generator)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound, generator)

    def forward(self, input: Any) -> Tensor:
        """Map an input of shape (..., in_features) to an output of shape (..., out_features)."""
        try:
            return linear(input, self.weight, self.bias)
        except ShapeError:
            raise ShapeError(
                f"{self!r} takes an input whose last axis has length {self.in_features} "
                f"(in_features), and got the shape {as_tensor(input).shape}."
            ) from None

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
