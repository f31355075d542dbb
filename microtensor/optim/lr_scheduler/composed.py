"""Schedules made of others: one after the other, or all together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ...errors import ArgumentError, StateDictError
from ..optimizer import Optimizer
from ..settings import check_count
from .base import LRScheduler, check_optimizer
from .plateau import ReduceLROnPlateau

__all__ = ["ChainedScheduler", "SequentialLR"]


class _Composed(LRScheduler):
    """Some schedulers of one optimizer."""

    _unsaved = ("optimizer", "_schedulers")
    _schedulers: list[LRScheduler]

    def _take(self, optimizer: Any, schedulers: Sequence[Any]) -> None:
        name = type(self).__name__
        if not isinstance(schedulers, (list, tuple)) or not schedulers:
            raise ArgumentError(f"{name} takes a list of schedulers, and got {schedulers!r}.")
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(
                    f"{name} takes schedulers, and number {i} is a {type(scheduler).__name__}."
                )
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ArgumentError(
                    f"{name} cannot step number {i}, a ReduceLROnPlateau, which needs a measure in "
                    "every step: step it by itself."
                )
        self.optimizer = check_optimizer(
            schedulers[0].optimizer if optimizer is None else optimizer
        )
        for i, scheduler in enumerate(schedulers):
            if scheduler.optimizer is not self.optimizer:
                raise ArgumentError(
                    f"{name} takes schedulers of one optimizer, and number {i}, a "
                    f"{type(scheduler).__name__}, has another."
                )
        self._schedulers = list(schedulers)

    def _begin(self) -> None:
        for scheduler in _parts(self._schedulers):
            scheduler._step_count = 0  # the user has not stepped it yet
        super()._begin()

    def state_dict(self) -> dict[str, Any]:
        """Return the state, with that of each scheduler under ``"_schedulers"``."""
        return super().state_dict() | {"_schedulers": [s.state_dict() for s in self._schedulers]}

    def _load(self, state: dict[str, Any]) -> None:
        states = state.pop("_schedulers")
        if len(states) != len(self._schedulers):
            raise StateDictError(
                f"This state_dict is of {len(states)} schedulers, and {type(self).__name__} has "
                f"{len(self._schedulers)}."
            )
        before = [scheduler.state_dict() for scheduler in self._schedulers]
        try:
            for scheduler, saved in zip(self._schedulers, states, strict=True):
                scheduler.load_state_dict(saved)
        except StateDictError:
            for scheduler, saved in zip(self._schedulers, before, strict=True):
                scheduler.load_state_dict(saved)
            raise
        super()._load(state)


class SequentialLR(_Composed):
    """One schedule after the other, each from its beginning: such as a warm-up, and then a decay.

    Parameters
    ----------
    optimizer
        Whose learning rates are set.
    schedulers
        The schedulers of that optimizer, in order.
    milestones
        At which epochs the next one begins: one fewer than schedulers.
    last_epoch
        As of `LRScheduler`.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> from microtensor.optim.lr_scheduler import ExponentialLR, LinearLR
    >>> optimizer = optim.SGD([mt.tensor([1.0], requires_grad=True)], lr=0.8)
    >>> warm_up = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> scheduler = SequentialLR(optimizer, [warm_up, ExponentialLR(optimizer, 0.5)], [2])
    >>> for _ in range(5):
    ...     print(round(scheduler.get_last_lr()[0], 12), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    0.4 0.6 0.8 0.4 0.2
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        self._take(check_optimizer(optimizer), schedulers)
        for i, scheduler in enumerate(schedulers[1:], 1):
            if isinstance(scheduler, _Composed):
                raise ArgumentError(
                    f"SequentialLR cannot begin number {i}, a {type(scheduler).__name__}, anew in "
                    "the middle: only the first may be made of others."
                )
        if len(milestones) != len(schedulers) - 1:
            raise ArgumentError(
                f"SequentialLR has {len(schedulers)} schedulers and {len(milestones)} milestones, "
                f"{milestones}: it needs one fewer, the epochs at which the next one begins."
            )
        for i, milestone in enumerate(milestones):
            check_count(f"milestones[{i}]", milestone, 0)
        if sorted(milestones) != list(milestones):
            raise ArgumentError(f"milestones are {milestones}, and must be in order.")
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for scheduler in _parts(self._schedulers):
            scheduler.last_epoch -= 1
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._begin()
        self._step_count = 1
        self._last_lr = first.get_last_lr()

    def step(self) -> None:
        """Step the scheduler whose turn it is, or begin it."""
        self._check_order()
        self._step_count += 1
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            scheduler._restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Composed):
    """Some schedules together: each multiplies what the ones before it give.

    Parameters
    ----------
    schedulers
        The schedulers of one optimizer.
    optimizer
        That optimizer; by default, the first scheduler's.
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        self._take(optimizer, schedulers)
        self._step_count = 1
        self._last_lr = self._now()

    def step(self) -> None:
        """Step all, one after the other."""
        self._step_count += 1
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._now()

    def __repr__(self) -> str:
        return f"ChainedScheduler({self._schedulers})"


def _parts(schedulers: Sequence[LRScheduler]) -> list[LRScheduler]:
    """Return schedulers, and in place of those that are made of others, these."""
    found = []
    for scheduler in schedulers:
        found += _parts(scheduler._schedulers) if isinstance(scheduler, _Composed) else [scheduler]
    return found
