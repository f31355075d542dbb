"""Losses as modules; `microtensor.nn.functional` has them as functions, with formulas and errors.

They are called with a prediction and a target, in this order.
"""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .functional.conventions import check_reduction
from .module import Module

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HuberLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    "SSELoss",
    "SmoothL1Loss",
]


class Loss(Module):
    """What losses share: ``reduction``, one of ``"mean"``, ``"sum"`` and ``"none"``."""

    def __init__(self, reduction: str = "mean") -> None:
        check_reduction(reduction)
        self.reduction = reduction

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


class SSELoss(Loss):
    """The sum of squared errors, as the tutorials have it; not in PyTorch.

    See `functional.sse_loss`.

    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> nn.SSELoss()(mt.tensor([1.0, 4.0]), [0.0, 1.0])
    tensor(10.)
    """

    def __init__(self, reduction: str = "sum") -> None:
        super().__init__(reduction)

    def forward(self, input: Any, target: Any) -> Tensor:
        """Compare two values of the same shape."""
        return F.sse_loss(input, target, reduction=self.reduction)


class MSELoss(Loss):
    """The mean of squared errors. See `functional.mse_loss`.

    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> nn.MSELoss()(mt.tensor([1.0, 4.0]), [0.0, 1.0])
    tensor(5.)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        """Compare two values of the same shape."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """The mean of absolute errors. See `functional.l1_loss`."""

    def forward(self, input: Any, target: Any) -> Tensor:
        """Compare two values of the same shape."""
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
    """Absolute errors, squared over 2 ``beta`` below ``beta``. See `functional.smooth_l1_loss`."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Tensor:
        """Compare two values of the same shape."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Loss):
    """Half of squared errors, but from ``delta`` on a line. See `functional.huber_loss`.

    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> nn.HuberLoss(reduction="none")(mt.tensor([0.5, 10.0]), [0.0, 0.0])
    tensor([0.125, 9.5  ])
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Tensor:
        """Compare two values of the same shape."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class BCELoss(Loss):
    """The cross entropy of probabilities and targets between 0 and 1, finite at 0 and 1.

    See `functional.binary_cross_entropy`. After a sigmoid, `BCEWithLogitsLoss` without it is
    more exact.

    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> nn.BCELoss()(mt.tensor([0.5, 1.0]), [1.0, 1.0])
    tensor(0.34657359)
    """

    weight: Tensor | None

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """Compare two values of the same shape."""
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(Loss):
    """A sigmoid and `BCELoss` in one, exact for logits of any size.

    See `functional.binary_cross_entropy_with_logits`.

    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> nn.BCEWithLogitsLoss()(mt.tensor([0.0, -1000.0]), [1.0, 0.0])
    tensor(0.34657359)
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """Compare two values of the same shape."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, pos_weight=self.pos_weight, reduction=self.reduction
        )


class NLLLoss(Loss):
    """The negative log-likelihood of the true class, from log-probabilities.

    See `functional.nll_loss`.
    """

    weight: Tensor | None

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.ignore_index = ignore_index
        self.register_buffer("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """Take log-probabilities (N, C, ...) or (C,), and class indices."""
        return F.nll_loss(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class CrossEntropyLoss(Loss):
    """The negative log-likelihood of the true class, from logits. See `functional.cross_entropy`.

    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> nn.CrossEntropyLoss()(mt.tensor([[0.0, 0.0], [1000.0, 0.0]]), [0, 0])
    tensor(0.34657359)
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.register_buffer("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """Take logits (N, C, ...) or (C,), and class indices or probabilities."""
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )
