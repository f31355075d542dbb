"""Losses with margins, as modules; `microtensor.nn.functional` has them as functions."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .losses import Loss

__all__ = [
    "HingeEmbeddingLoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "SoftMarginLoss",
]


class HingeEmbeddingLoss(Loss):
    """Distances of similar things (label 1), and of others up to a margin (label -1).

    See `functional.hinge_embedding_loss`.
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Tensor:
        """Take distances, and labels 1 and -1 of the same shape."""
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MarginRankingLoss(Loss):
    """By how much two scores miss the right order. See `functional.margin_ranking_loss`."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        """Take two scores, and 1 or -1: whether the first or the second should be greater."""
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class SoftMarginLoss(Loss):
    """log(1 + exp(-target input)), for labels 1 and -1. See `functional.soft_margin_loss`."""

    def forward(self, input: Any, target: Any) -> Tensor:
        """Take logits, and labels 1 and -1 of the same shape."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class MultiMarginLoss(Loss):
    """By how much other classes come too near to the true one. See `functional.multi_margin_loss`.

    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> nn.MultiMarginLoss()(mt.tensor([[0.1, 0.2, 0.4, 0.8]]), [3])
    tensor(0.325)
    """

    weight: Tensor | None

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.p = p
        self.margin = margin
        self.register_buffer("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """Take scores (N, C) or (C,), and class indices."""
        return F.multi_margin_loss(
            input, target, self.p, self.margin, self.weight, reduction=self.reduction
        )


class MultiLabelMarginLoss(Loss):
    """As `MultiMarginLoss`, for several true classes. See `functional.multilabel_margin_loss`."""

    def forward(self, input: Any, target: Any) -> Tensor:
        """Take scores (N, C) or (C,), and lists of class indices that end with -1."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(Loss):
    """The `BCEWithLogitsLoss` of each class. See `functional.multilabel_soft_margin_loss`."""

    weight: Tensor | None

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """Take logits (..., C), and 1 or 0 for each class."""
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)
