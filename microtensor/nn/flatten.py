"""Reshaping between layers."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError, ShapeError
from ..record import as_tensor
from ..tensor import Tensor
from .functional.layers import flatten
from .module import Module

__all__ = ["Flatten", "Unflatten"]


class Flatten(Module):
    """Make one axis of the axes from ``start_dim`` to ``end_dim``, by default of all but the first.

    >>> import numpy as np
    >>> from microtensor import nn
    >>> nn.Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Any) -> Tensor:
        """Apply to an input that has the axes; its leading and trailing axes are kept."""
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Return the axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Make several axes of the axis ``dim``: the reverse of `Flatten`.

    Parameters
    ----------
    dim
        The axis.
    unflattened_size
        The lengths of the new axes; one may be -1, for what is left.

    Raises
    ------
    ShapeError
        If an input has no such axis, or its length is not the product of the new ones.

    >>> import numpy as np
    >>> from microtensor import nn
    >>> nn.Unflatten(1, (3, 4))(np.ones((2, 12))).shape
    (2, 3, 4)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim = operator.index(dim)
        self.unflattened_size = tuple(map(operator.index, unflattened_size))
        negative = [n for n in self.unflattened_size if n < 0]
        if negative not in ([], [-1]):
            raise ArgumentError(
                f"Unflatten has unflattened_size={self.unflattened_size}: lengths, of which one "
                "may be -1."
            )

    def forward(self, input: Any) -> Tensor:
        """Apply to an input that has the axis; the others are kept."""
        x = as_tensor(input)
        if self.dim not in range(-x.ndim, x.ndim):
            raise ShapeError(f"An input of shape {x.shape} has no axis {self.dim} to unflatten.")
        dim = self.dim % x.ndim
        try:
            return x.reshape((*x.shape[:dim], *self.unflattened_size, *x.shape[dim + 1 :]))
        except ShapeError:
            raise ShapeError(
                f"An axis of length {x.shape[dim]} of an input of shape {x.shape} does not divide "
                f"into {self.unflattened_size}."
            ) from None

    def extra_repr(self) -> str:
        """Return the axis and its parts."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
