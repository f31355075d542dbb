"""What all losses agree on: how a target is converted, and how losses are reduced."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from ...record import as_tensor
from ...tensor import Tensor

__all__ = ["check_broadcasts", "check_reduction", "floating", "like", "reduced"]

_REDUCTIONS = ("mean", "sum", "none")


def check_reduction(reduction: str) -> None:
    """Raise if there is no such reduction."""
    if reduction not in _REDUCTIONS:
        raise ArgumentError(
            f"reduction is {reduction!r}, and must be one of {', '.join(_REDUCTIONS)}."
        )


def reduced(losses: Tensor, reduction: str, total: Any = None) -> Tensor:
    """Return the losses, their sum, or their mean: the sum over ``total``, if that is given."""
    if reduction == "mean":
        return losses.mean() if total is None else losses.sum() / total
    if reduction == "sum":
        return losses.sum()
    check_reduction(reduction)
    return losses


def floating(input: Any) -> Tensor:
    """Return a prediction as a Tensor, one of integers as float64."""
    tensor = as_tensor(input)
    return tensor if tensor.dtype.kind == "f" else tensor.astype(float)


def like(input: Tensor, value: Any) -> Tensor:
    """Return a Tensor of ``value``; lists, integers and booleans get the dtype of ``input``.

    That must be floating-point, or fractions would be cut off.
    """
    is_array = isinstance(value, (Tensor, np.ndarray, np.generic))
    tensor = as_tensor(value)
    if (is_array and tensor.dtype.kind == "f") or tensor.dtype == input.dtype:
        return tensor
    return tensor.astype(input.dtype)


def check_broadcasts(name: str, factor: Tensor, losses: Tensor) -> None:
    """Raise if multiplying with a factor would make the losses more than they are."""
    try:
        fits = np.broadcast_shapes(factor.shape, losses.shape) == losses.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"{name} of shape {factor.shape} does not broadcast to the prediction's shape "
            f"{losses.shape}."
        )
