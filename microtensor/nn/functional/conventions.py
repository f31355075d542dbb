"""What all losses agree on: how a target is converted, and how losses are reduced."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from ...record import as_tensor, current_trace
from ...tensor import Tensor

__all__ = [
    "check_broadcasts",
    "check_labels",
    "check_reduction",
    "floating",
    "like",
    "matched",
    "reduced",
    "same_shape",
    "weighted",
]

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


def matched(loss: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Return prediction and target as Tensors of one shape."""
    if not isinstance(input, Tensor) or input._array.dtype.kind != "f":
        input = floating(input)
    if not isinstance(target, Tensor) or target._array.dtype.kind != "f":
        target = like(input, target)
    if input._array.shape != target._array.shape:
        raise ShapeError(_difference(loss, input.shape, target.shape))
    return input, target


def _difference(loss: str, x: tuple[int, ...], y: tuple[int, ...]) -> str:
    text = f"{loss}() compares element by element, and the prediction has shape {x}, the target {y}"
    with contextlib.suppress(ValueError):
        text += f": they would broadcast to {np.broadcast_shapes(x, y)}"
    if np.prod(x) == np.prod(y):
        return f"{text}. Reshape one: target.reshape({x}) has the prediction's shape."
    return f"{text}. Give a target of shape {x}."


def same_shape(function: str, *given: tuple[str, Tensor]) -> None:
    """Raise if values that are compared, with what they are called, differ in shape."""
    (_, first), *rest = given
    if any(tensor.shape != first.shape for _, tensor in rest):
        shapes = ", ".join(f"the {name} {tensor.shape}" for name, tensor in given)
        raise ShapeError(f"{function}() needs equal shapes, and has: {shapes}. Reshape them first.")


def check_labels(loss: str, target: Tensor, labels: tuple[int, int]) -> None:
    """Raise if a label is neither of the two; a program that was traced does not look."""
    if current_trace() is not None:
        return
    data = target._array
    wrong = (data != labels[0]) & (data != labels[1])
    if wrong.any():
        at = tuple(np.argwhere(wrong)[0].tolist())
        raise ArgumentError(
            f"{loss}() takes the labels {labels[0]} and {labels[1]}, and the target has {data[at]} "
            f"at {at}."
        )


def weighted(losses: Tensor, weight: Any, reduction: str) -> Tensor:
    """Multiply by a weight that broadcasts, if one is given, and reduce."""
    if weight is not None:
        factor = like(losses, weight)
        check_broadcasts("weight", factor, losses)
        losses = losses * factor
    return reduced(losses, reduction)
