"""Schedules that fall, or rise, by factors: in steps, along a line, a power, an exponential."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from ...errors import ArgumentError
from ..optimizer import Optimizer
from ..settings import check_count, check_finite, check_not_negative
from .base import LRScheduler

__all__ = ["ConstantLR", "ExponentialLR", "LinearLR", "MultiStepLR", "PolynomialLR", "StepLR"]


class StepLR(LRScheduler):
    """Multiply by ``gamma`` every ``step_size`` epochs: ``lr * gamma**(t // step_size)``.

    Parameters
    ----------
    optimizer, last_epoch
        As of `LRScheduler`.
    step_size
        After how many epochs.
    gamma
        The factor.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> optimizer = optim.SGD([mt.tensor([1.0], requires_grad=True)], lr=0.8)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(5):
    ...     print(scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    [0.8] [0.8] [0.4] [0.4] [0.2]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        check_count("step_size", step_size)
        check_not_negative({"gamma": gamma}, "gamma")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Multiply at every ``step_size``-th epoch."""
        falls = self.last_epoch != 0 and self.last_epoch % self.step_size == 0
        return self._times(self.gamma) if falls else self._now()

    def _closed_form(self) -> list[float]:
        factor = self.gamma ** (self.last_epoch // self.step_size)
        return [base * factor for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """Multiply by ``gamma`` at each of some epochs, the milestones.

    Parameters
    ----------
    optimizer, last_epoch
        As of `LRScheduler`.
    milestones
        The epochs; one that comes twice multiplies twice.
    gamma
        The factor.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(milestones, Iterable):
            raise ArgumentError(f"milestones is {milestones!r}, and must be a list of epochs.")
        milestones = list(milestones)
        for i, milestone in enumerate(milestones):
            check_count(f"milestones[{i}]", milestone, 0)
        check_not_negative({"gamma": gamma}, "gamma")
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Multiply at the milestones."""
        return self._times(self.gamma ** self.milestones.count(self.last_epoch))

    def _closed_form(self) -> list[float]:
        factor = self.gamma ** bisect_right(self.milestones, self.last_epoch)
        return [base * factor for base in self.base_lrs]

    def _load(self, state: dict[str, Any]) -> None:
        milestones = state["milestones"]
        if isinstance(milestones, dict):  # PyTorch counts them
            state["milestones"] = sorted(m for m, count in milestones.items() for _ in range(count))
        super()._load(state)


class ConstantLR(LRScheduler):
    """Multiply by ``factor`` for the first ``total_iters`` epochs.

    Parameters
    ----------
    optimizer, last_epoch
        As of `LRScheduler`.
    factor
        Above 0, and at most 1.
    total_iters
        How many epochs.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        _check_factor("factor", factor, above_zero=True)
        check_count("total_iters", total_iters, 0)
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Multiply at first, and divide again at the end."""
        if self.last_epoch == 0:
            return self._times(self.factor)
        return (
            self._times(1.0 / self.factor) if self.last_epoch == self.total_iters else self._now()
        )

    def _closed_form(self) -> list[float]:
        factor = 1.0 if self.last_epoch >= self.total_iters else self.factor
        return [base * factor for base in self.base_lrs]


class LinearLR(LRScheduler):
    """Multiply by what goes from ``start_factor`` to ``end_factor`` in ``total_iters`` epochs.

    As a warm-up, it is the first part of a `SequentialLR`.

    Parameters
    ----------
    optimizer, last_epoch
        As of `LRScheduler`.
    start_factor
        The factor of the first epoch, above 0, and at most 1.
    end_factor
        The factor of the epoch ``total_iters``, and all after it; from 0 to 1.
    total_iters
        How many epochs.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> optimizer = optim.SGD([mt.tensor([1.0], requires_grad=True)], lr=0.8)
    >>> scheduler = LinearLR(optimizer, start_factor=0.25, total_iters=3)
    >>> for _ in range(5):
    ...     print(round(scheduler.get_last_lr()[0], 12), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    0.2 0.4 0.6 0.8 0.8
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        _check_factor("start_factor", start_factor, above_zero=True)
        _check_factor("end_factor", end_factor)
        check_count("total_iters", total_iters)
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Multiply by the ratio of this factor to the last."""
        if self.last_epoch == 0:
            return self._times(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._now()
        rise = self.end_factor - self.start_factor
        last = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return self._times(1.0 + rise / last)

    def _closed_form(self) -> list[float]:
        part = min(self.total_iters, self.last_epoch) / self.total_iters
        factor = self.start_factor + (self.end_factor - self.start_factor) * part
        return [base * factor for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """Multiply by ``gamma`` in every epoch: ``lr * gamma**t``.

    Parameters
    ----------
    optimizer, last_epoch
        As of `LRScheduler`.
    gamma
        The factor.
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        check_not_negative({"gamma": gamma}, "gamma")
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Multiply in every epoch but the first."""
        return self._now() if self._is_initial else self._times(self.gamma)

    def _closed_form(self) -> list[float]:
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class PolynomialLR(LRScheduler):
    """Fall to 0 in ``total_iters`` epochs: ``lr * (1 - t / total_iters)**power``.

    Parameters
    ----------
    optimizer, last_epoch
        As of `LRScheduler`.
    total_iters
        How many epochs.
    power
        Of what falls linearly.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        check_count("total_iters", total_iters)
        check_finite({"power": power}, "power")
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Multiply by the ratio of this factor to the last."""
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._now()
        left = 1.0 - self.last_epoch / self.total_iters
        before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return self._times((left / before) ** self.power)

    def _closed_form(self) -> list[float]:
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return [base * left**self.power for base in self.base_lrs]


def _check_factor(name: str, value: float, above_zero: bool = False) -> None:
    check_finite({name: value}, name)
    if not 0 <= value <= 1 or (above_zero and value == 0):
        least = "above 0" if above_zero else "from 0"
        raise ArgumentError(f"{name} is {value}, and must be {least} and at most 1.")
