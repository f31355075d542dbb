"""Losses that compare each element of a prediction with the same element of a target.

Prediction and target have the same shape: (n, 1) and (n,) would broadcast to (n, n), and what is
trained then is nonsense. So anything else raises a `ShapeError`. Lists, integers and booleans are
converted to the dtype of the prediction, which is float64 if it was given as integers. Gradients
flow to the target as well, if it requires them.

``reduction`` is ``"mean"``, ``"sum"`` or ``"none"``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...errors import ArgumentError
from ...ops import fused
from ...record import apply_binary, current_trace
from ...tensor import Tensor
from .conventions import check_broadcasts, like, matched, reduced, same_shape, weighted

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "l1_loss",
    "mse_loss",
    "sse_loss",
]


def sse_loss(input: Any, target: Any, *, reduction: str = "sum") -> Tensor:
    """Return the sum of squared errors, ``sum((input - target)**2)``.

    >>> import microtensor as mt
    >>> sse_loss(mt.tensor([1.0, 4.0]), [0.0, 1.0])
    tensor(10.)
    """
    input, target = matched("sse_loss", input, target)
    if reduction == "sum":
        return apply_binary(fused.sum_squared_error, input, target)
    return reduced(ops.square(input - target), reduction)


def mse_loss(input: Any, target: Any, *, reduction: str = "mean", weight: Any = None) -> Tensor:
    """Return the mean squared error, ``mean((input - target)**2)``.

    With a ``weight`` of the same shape, each squared error is multiplied by its own, and the mean
    is over the sum of weights.

    >>> import microtensor as mt
    >>> mse_loss(mt.tensor([1.0, 4.0]), [0.0, 1.0])
    tensor(5.)
    """
    input, target = matched("mse_loss", input, target)
    return _by_weight("mse_loss", ops.square(input - target), weight, reduction)


def l1_loss(input: Any, target: Any, *, reduction: str = "mean", weight: Any = None) -> Tensor:
    """Return the mean absolute error, ``mean(abs(input - target))``; its gradient at 0 is 0.

    ``weight`` is as that of `mse_loss`.

    >>> import microtensor as mt
    >>> l1_loss(mt.tensor([1.0, 4.0]), [0.0, 1.0])
    tensor(2.)
    """
    input, target = matched("l1_loss", input, target)
    return _by_weight("l1_loss", ops.absolute(input - target), weight, reduction)


def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean"
) -> Tensor:
    """Return ``-(y log(x) + (1 - y) log(1 - x))``, the cost of predicting probabilities x for y.

    Logarithms are not below -100, and the gradient's denominator x (1 - x) not below 1e-12, as in
    PyTorch: so both are finite at 0 and 1. In float16, which has no 1e-12, it is not below 6.1e-5.

    Parameters
    ----------
    input
        Probabilities, between 0 and 1: what a sigmoid gives.
    target
        The true ones, between 0 and 1, of the same shape.
    weight
        A factor for each element; it broadcasts to the shape of the input.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ArgumentError
        If the input or the target is not between 0 and 1.

    Examples
    --------
    >>> import microtensor as mt
    >>> binary_cross_entropy(mt.tensor([0.5, 1.0, 0.0]), [1, 1, 1], reduction="none")
    tensor([  0.69314718,   0.        , 100.        ])
    """
    input, target = matched("binary_cross_entropy", input, target)
    _check_probabilities(
        "binary_cross_entropy",
        "prediction",
        input,
        "apply a sigmoid first, or use the loss with logits",
    )
    _check_probabilities("binary_cross_entropy", "target", target, "scale it")
    return weighted(apply_binary(fused.binary_cross_entropy, input, target), weight, reduction)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    pos_weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the `binary_cross_entropy` of ``sigmoid(input)``, exact for logits of any size.

    Parameters
    ----------
    input
        Logits: any numbers.
    target
        Probabilities of the same shape.
    weight
        A factor for each element; it broadcasts to the shape of the input.
    pos_weight
        A factor for the part of positive targets, ``y log(x)``; it broadcasts, as one for each
        class along the last axis.

    Raises
    ------
    ArgumentError
        If a target is no probability, from 0 to 1.
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> import microtensor as mt
    >>> logits = mt.tensor([0.0, 50.0, -50.0])
    >>> binary_cross_entropy_with_logits(logits, [1, 0, 1], reduction="none")
    tensor([ 0.69314718, 50.        , 50.        ])
    """
    input, target = matched("binary_cross_entropy_with_logits", input, target)
    _check_probabilities("binary_cross_entropy_with_logits", "target", target, "scale it")
    if pos_weight is None:
        losses = apply_binary(fused.binary_cross_entropy_with_logits, input, target)
    else:
        positive = like(input, pos_weight)
        check_broadcasts("pos_weight", positive, input)
        factor = 1.0 + (positive - 1.0) * target
        losses = (1.0 - target) * input + factor * ops.softplus(-input)
    return weighted(losses, weight, reduction)


def _by_weight(loss: str, losses: Tensor, weight: Any, reduction: str) -> Any:
    if weight is None:
        return reduced(losses, reduction)
    weights = like(losses, weight)
    same_shape(loss, ("prediction", losses), ("weight", weights))
    return reduced(losses * weights, reduction, weights.sum())


def _check_probabilities(loss: str, role: str, values: Tensor, advice: str) -> None:
    data = values._array
    if data.size and current_trace() is None:
        low, high = np.minimum.reduce(data, axis=None), np.maximum.reduce(data, axis=None)
        if not (low >= 0 and high <= 1):
            raise ArgumentError(
                f"{loss}() takes probabilities, and the {role} goes from {low} to {high}: {advice}."
            )
