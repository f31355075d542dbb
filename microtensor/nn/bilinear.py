"""A layer of two inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter
from .sizes import whole

__all__ = ["Bilinear"]


class Bilinear(Module):
    """``input1 @ weight[k] @ input2 + bias[k]``: every output is a weighted sum of all products.

    Parameters
    ----------
    in1_features, in2_features, out_features
        How many numbers go in, in each of two inputs, and come out: the last axes.
    bias
        Whether to add a bias.
    dtype
        Of the parameters; float64 by default.
    generator
        What the initial values are drawn from; a fresh, unpredictable one by default.

    Attributes
    ----------
    weight
        Shape (out_features, in1_features, in2_features).
    bias
        Shape (out_features,), or ``None``.

    Both start uniform between ±1/√in1_features, as PyTorch's do.

    Raises
    ------
    ShapeError
        If the sizes are negative, there are no ``in1_features``, or an input does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor import nn
    >>> nn.Bilinear(3, 2, 4)(np.ones((5, 3)), np.ones((5, 2))).shape
    (5, 4)
    """

    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
        generator: init.Generator | None = None,
    ) -> None:
        self.in1_features = whole("Bilinear", "in1_features", in1_features, least=1)
        self.in2_features = whole("Bilinear", "in2_features", in2_features)
        self.out_features = whole("Bilinear", "out_features", out_features)
        shape = self.out_features, self.in1_features, self.in2_features
        self.weight = Parameter(np.empty(shape, dtype))
        self.bias = Parameter(np.empty(self.out_features, dtype)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: init.Generator | None = None) -> None:
        """Draw weight and bias anew."""
        generator = np.random.default_rng() if generator is None else generator
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound, generator)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound, generator)

    def forward(self, input1: Any, input2: Any) -> Tensor:
        """Map inputs (..., in1_features) and (..., in2_features) to (..., out_features)."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
