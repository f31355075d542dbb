"""Losses of vectors, as modules; `microtensor.nn.functional` has them as functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from . import functional as F
from .losses import Loss

__all__ = [
    "ContrastiveLoss",
    "CosineEmbeddingLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]


class ContrastiveLoss(Loss):
    """What trains a Siamese network: d² of similar pairs, max(margin - d, 0)² of different ones.

    d is the distance of two vectors. The label 1 means similar, 0 different. Not in PyTorch. See
    `functional.contrastive_loss`.

    Parameters
    ----------
    margin
        From which distance on different pairs cost nothing.
    eps
        As in `PairwiseDistance`.
    reduction
        ``"mean"``, ``"sum"`` or ``"none"``.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> branch = nn.Linear(4, 2, generator=np.random.default_rng(0))
    >>> left, right = np.ones((3, 4)), np.zeros((3, 4))
    >>> nn.ContrastiveLoss(margin=2.0)(branch(left), branch(right), [1, 0, 0]).shape
    ()
    """

    def __init__(self, margin: float = 1.0, *, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin
        self.eps = eps

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        """Take vectors (N, D) or (D,), and a label for each pair, 1 if they are similar, else 0."""
        return F.contrastive_loss(
            input1, input2, target, self.margin, eps=self.eps, reduction=self.reduction
        )

    def extra_repr(self) -> str:
        """Return the margin and the reduction."""
        return f"margin={self.margin}, {super().extra_repr()}"


class CosineEmbeddingLoss(Loss):
    """1 - cos of similar pairs (label 1), max(cos - margin, 0) of different ones (label -1).

    See `functional.cosine_embedding_loss`.
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        """Take vectors (N, D) or (D,), and a label 1 or -1 for each pair."""
        return F.cosine_embedding_loss(
            input1, input2, target, self.margin, reduction=self.reduction
        )


class TripletMarginLoss(Loss):
    """By how much a positive is not nearer to its anchor than a negative, and a margin.

    See `functional.triplet_margin_loss`.
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        """Take vectors of the same shape, (N, D) or (D,)."""
        return F.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


class TripletMarginWithDistanceLoss(Loss):
    """A `TripletMarginLoss` with another distance: a function of two Tensors.

    See `functional.triplet_margin_with_distance_loss`.
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Any, Any], Any] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.distance_function = distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        """Take vectors of the same shape, or whatever the distance is of."""
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
