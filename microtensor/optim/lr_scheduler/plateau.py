"""A schedule by what training achieves: the learning rate falls when that no longer gets better."""

from __future__ import annotations

import math
from typing import Any

from ...errors import ArgumentError
from ..optimizer import Optimizer
from ..settings import check_count, check_not_negative
from .base import LRScheduler, check_optimizer, for_groups

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """Multiply by ``factor`` when a measure has not become better for ``patience`` epochs.

    Parameters
    ----------
    optimizer
        Whose learning rates are set.
    mode
        ``"min"`` if less is better, as of a loss, or ``"max"``.
    factor
        From 0 to below 1.
    patience
        How many epochs without a better measure are borne; at the next, the learning rate falls.
    threshold
        How much better counts.
    threshold_mode
        Whether ``threshold`` is a part of the best (``"rel"``), or is taken from it (``"abs"``).
    cooldown
        How many epochs are not counted after the learning rate fell.
    min_lr
        Below which it does not fall; a list for groups.
    eps
        A fall by less than this is none.

    Raises
    ------
    TypeError
        If ``optimizer`` is none.
    ArgumentError
        If a setting is impossible, or a measure is no number.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> optimizer = optim.SGD([mt.tensor([1.0], requires_grad=True)], lr=0.8)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    ...     print(scheduler.get_last_lr(), end=" ")
    [0.8] [0.8] [0.8] [0.4] [0.4]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self.optimizer = check_optimizer(optimizer)
        settings = {"factor": factor, "threshold": threshold, "eps": eps}
        check_not_negative(settings, *settings)
        if factor >= 1.0:
            raise ArgumentError(
                f"factor is {factor}, and must be below 1: the learning rate is to fall."
            )
        if mode not in ("min", "max"):
            raise ArgumentError(f"mode is {mode!r}, and must be 'min' or 'max'.")
        if threshold_mode not in ("rel", "abs"):
            raise ArgumentError(
                f"threshold_mode is {threshold_mode!r}, and must be 'rel' or 'abs'."
            )
        check_count("patience", patience, 0)
        check_count("cooldown", cooldown, 0)
        self.min_lrs = for_groups("min_lr", optimizer, min_lr)
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.eps = cooldown, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = self.last_epoch = 0
        self._step_count = 0
        self._last_lr = self._now()

    @property
    def in_cooldown(self) -> bool:
        """Whether epochs are not counted, since the learning rate has fallen."""
        return self.cooldown_counter > 0

    def step(self, metrics: Any) -> None:  # type: ignore[override]  # PyTorch's signature
        """Note a measure, a number, and let the learning rates fall if it is time."""
        self._check_order()
        try:
            current = float(metrics.item() if hasattr(metrics, "item") else metrics)
        except (TypeError, ValueError):
            raise ArgumentError(f"The measure is {metrics!r}, and must be a number.") from None
        self.last_epoch += 1
        if self._is_better(current):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self._now()

    def _reduce(self) -> None:
        least = self.min_lrs
        groups = self.optimizer.param_groups
        if len(least) < len(groups):
            if len(set(least)) > 1:
                raise ArgumentError(
                    f"min_lr has {len(least)} values, and the optimizer has {len(groups)} groups "
                    "by now: set scheduler.min_lrs to one for each."
                )
            least = self.min_lrs = least[:1] * len(groups)
        for group, low in zip(groups, least, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, low)
            if old - new > self.eps:
                group["lr"] = new

    def _is_better(self, current: float) -> bool:
        sign = 1.0 if self.mode == "min" else -1.0
        if self.threshold_mode == "rel":
            return sign * current < sign * self.best * (1.0 - sign * self.threshold)
        return sign * current < sign * self.best - self.threshold
