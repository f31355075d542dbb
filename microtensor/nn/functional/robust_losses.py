"""Losses that grow with the square of a small error and with a large error itself.

Outliers pull less than in `mse_loss`. Prediction and target have the same shape.
"""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError
from ...ops import fused
from ...record import apply
from ...tensor import Tensor
from .conventions import like, matched, reduced, same_shape
from .elementwise_losses import l1_loss

__all__ = ["huber_loss", "smooth_l1_loss"]


def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Tensor:
    """Return ``error**2 / 2`` up to ``delta``, and ``delta (abs(error) - delta / 2)`` from there.

    After Huber, "Robust estimation of a location parameter" (1964).

    Parameters
    ----------
    delta
        Positive: where the square becomes a line.
    weight
        A factor for each element, of the same shape.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ArgumentError
        If ``delta`` is not positive.

    Examples
    --------
    >>> import microtensor as mt
    >>> huber_loss(mt.tensor([0.5, 10.0]), [0, 0], reduction="none")
    tensor([0.125, 9.5  ])
    """
    if not delta > 0:
        raise ArgumentError(f"huber_loss() has delta={delta}, which must be positive.")
    input, target = matched("huber_loss", input, target)
    losses = apply(fused.huber, (input, target), {"delta": delta})
    if weight is not None:
        weights = like(losses, weight)
        same_shape("huber_loss", ("prediction", losses), ("weight", weights))
        losses = losses * weights
    return reduced(losses, reduction)


def smooth_l1_loss(
    input: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Return the `huber_loss` over ``beta``: its slope is 1 far out; with beta 0, the `l1_loss`.

    After Girshick, "Fast R-CNN" (2015).

    Raises
    ------
    ShapeError
        If the shapes differ.
    ArgumentError
        If ``beta`` is negative.

    Examples
    --------
    >>> import microtensor as mt
    >>> smooth_l1_loss(mt.tensor([0.5, 10.0]), [0, 0], reduction="none", beta=0.5)
    tensor([0.25, 9.75])
    """
    if not beta >= 0:
        raise ArgumentError(f"smooth_l1_loss() has beta={beta}, which must not be negative.")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    input, target = matched("smooth_l1_loss", input, target)
    losses = apply(fused.huber, (input, target), {"delta": beta})
    return reduced(losses if beta == 1 else losses / beta, reduction)
