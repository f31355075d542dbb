"""Schedules along a cosine: once, or again and again."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from ..settings import check_count, check_finite, check_not_negative
from .base import LRScheduler

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"]


class CosineAnnealingLR(LRScheduler):
    """Fall along half a cosine: ``eta_min + (lr - eta_min) * (1 + cos(pi * t / T_max)) / 2``.

    After ``T_max`` epochs it rises again. Loshchilov and Hutter, "SGDR: stochastic gradient descent
    with warm restarts", 2017.

    Parameters
    ----------
    optimizer, last_epoch
        As of `LRScheduler`.
    T_max
        After how many epochs ``eta_min`` is reached.
    eta_min
        The least learning rate.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        check_count("T_max", T_max)
        check_finite({"eta_min": eta_min}, "eta_min")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Go on along the cosine from where the learning rates are."""
        if self._is_initial:
            return self._now()
        if self._step_count == 1 and self.last_epoch > 0:
            return self._closed_form()
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # from the least, no ratio
            rise = (1.0 - math.cos(math.pi / self.T_max)) / 2.0
            return [
                rate + (base - self.eta_min) * rise
                for rate, base in zip(self._now(), self.base_lrs, strict=True)
            ]
        height = 1.0 + math.cos(math.pi * self.last_epoch / self.T_max)
        before = 1.0 + math.cos(math.pi * (self.last_epoch - 1) / self.T_max)
        ratio = height / before
        return [ratio * (rate - self.eta_min) + self.eta_min for rate in self._now()]

    def _closed_form(self) -> list[float]:
        return _on_cosine(self.base_lrs, self.eta_min, self.last_epoch / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Fall along half a cosine, and begin anew; each time ``T_mult`` times as long as the last.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Parameters
    ----------
    optimizer, last_epoch
        As of `LRScheduler`.
    T_0
        How many epochs pass before the first restart.
    T_mult
        How much longer each fall is.
    eta_min
        The least learning rate.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> optimizer = optim.SGD([mt.tensor([1.0], requires_grad=True)], lr=0.8)
    >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    >>> for _ in range(7):
    ...     print(round(scheduler.get_last_lr()[0], 3), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    0.8 0.4 0.8 0.683 0.4 0.117 0.8
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        check_count("T_0", T_0)
        check_count("T_mult", T_mult)
        check_finite({"eta_min": eta_min}, "eta_min")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        self.T_i, self.T_cur = T_0, float(last_epoch)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates ``T_cur`` epochs after the last restart."""
        return _on_cosine(self.base_lrs, self.eta_min, self.T_cur / self.T_i)

    def step(self, epoch: float | None = None) -> None:
        """Set the learning rates of the next epoch, or of ``epoch``, which may be a fraction."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is not None:
            check_not_negative({"epoch": epoch}, "epoch")
        self._check_order()
        if epoch is not None:
            self.T_cur, self.T_i = self._since_restart(epoch)
        else:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        self._step_count += 1
        self._set(math.floor(epoch), self.get_lr)

    def _since_restart(self, epoch: float) -> tuple[float, int]:
        """Return the time since the restart before an epoch, and how long that fall is."""
        length = self.T_0
        if self.T_mult == 1:
            return epoch % length, length
        while epoch >= length:
            epoch -= length
            length *= self.T_mult
        return epoch, length


def _on_cosine(base_lrs: list[float], least: float, part: float) -> list[float]:
    height = (1.0 + math.cos(math.pi * part)) / 2.0
    return [least + (base - least) * height for base in base_lrs]
