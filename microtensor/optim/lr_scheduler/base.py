"""The `LRScheduler`: it sets the learning rates of an optimizer, step by step."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import ArgumentError, StateDictError, TracingError
from ...record import current_trace
from ..optimizer import Optimizer

__all__ = ["LRScheduler", "check_optimizer", "for_groups"]

_OF_PYTORCH = frozenset({"_is_initial", "_get_lr_called_within_step", "mode_worse", "verbose"})
"""What PyTorch's schedulers keep besides, and which means nothing here."""


class LRScheduler:
    """The base of schedulers; a subclass gives the learning rates of an epoch in `get_lr`.

    Parameters
    ----------
    optimizer
        Whose learning rates are set.
    last_epoch
        The epoch to go on from, for an optimizer that was loaded; -1 to begin.

    Attributes
    ----------
    base_lrs
        What each group began with, its ``"initial_lr"``.
    last_epoch
        How many steps were done.

    Raises
    ------
    TypeError
        If ``optimizer`` is none.
    ArgumentError
        If ``last_epoch`` is not -1, and a group has no ``"initial_lr"``; or a setting is
        impossible.
    """

    _is_initial = False
    """Whether the step is the one that a scheduler begins with."""
    _unsaved: tuple[str, ...] = ("optimizer",)
    """The attributes that `state_dict` leaves out."""

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = check_optimizer(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", float(group["lr"]))
            elif "initial_lr" not in group:
                raise ArgumentError(
                    f"last_epoch is {last_epoch}, and group {i} of the optimizer has no "
                    "'initial_lr' to go on from: load the optimizer's state_dict() first, or begin "
                    "with last_epoch=-1."
                )
        self.base_lrs: list[float] = [float(g["initial_lr"]) for g in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._begin()

    def get_lr(self) -> list[float]:
        """Return the learning rate of each group at ``last_epoch``; called by `step`.

        By their formulas they follow from the ones before, ``group["lr"]``, where a schedule is a
        product, so that schedules can be chained.
        """
        raise NotImplementedError

    def get_last_lr(self) -> list[float]:
        """Return the learning rate of each group that the last step set."""
        return list(self._last_lr)

    def step(self) -> None:
        """Set the learning rates of the next epoch; call it after `Optimizer.step`.

        Raises
        ------
        TracingError
            In a function that is traced or compiled: step outside of it.
        """
        self._check_order()
        self._step_count += 1
        self._set(self.last_epoch + 1, self.get_lr)

    def state_dict(self) -> dict[str, Any]:
        """Return the settings and the state: numbers, strings, and lists and dicts of them.

        Functions are left out; of other callables, their attributes are there.
        """
        return {
            name: copy.deepcopy(value)
            for name, value in vars(self).items()
            if name not in self._unsaved
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the settings and the state of a scheduler of the same class.

        The learning rates themselves are the optimizer's: load its ``state_dict`` as well.

        Raises
        ------
        StateDictError
            If it is not one of such a scheduler. Nothing was loaded then.
        """
        own = self.state_dict().keys()
        try:
            given = state_dict.keys()
        except AttributeError:
            given = None
        if given is None or own - given or given - own - _OF_PYTORCH:
            found = "is no dict" if given is None else f"has {', '.join(map(str, given))}"
            raise StateDictError(
                f"A state_dict of {type(self).__name__} has {', '.join(own)}, and this one {found}."
            )
        self._load({name: copy.deepcopy(state_dict[name]) for name in own})

    def _load(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def _begin(self) -> None:
        """Set the learning rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            del self._is_initial

    def _restart(self) -> None:
        """Set the learning rates of epoch 0, in the middle of a sequence of schedulers."""
        self._set(0, getattr(self, "_closed_form", self.get_lr))

    def _set(self, epoch: int, rates: Callable[[], list[float]]) -> None:
        before, self.last_epoch = self.last_epoch, epoch
        try:
            values = rates()
        except BaseException:
            self.last_epoch = before
            raise
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            group["lr"] = value
        self._last_lr = self._now()

    def _now(self) -> list[float]:
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def _check_order(self) -> None:
        if current_trace() is not None:
            raise TracingError(
                f"{type(self).__name__}.step() was called in a function that is traced, and its "
                "program could not repeat it: call it after the compiled function. The learning "
                "rates are inputs of the program, so nothing is traced anew."
            )
        if self._step_count == 1 and not self.optimizer._has_stepped:
            warnings.warn(
                "scheduler.step() was called before optimizer.step(), so the first learning rate "
                "of the schedule is never used: call optimizer.step() first.",
                UserWarning,
                stacklevel=3,
            )

    def _times(self, factor: float) -> list[float]:
        """Return the learning rates as they are, times a factor."""
        return [rate * factor for rate in self._now()]

    def __repr__(self) -> str:
        rates = ", ".join(f"{rate:.6g}" for rate in self._last_lr)
        return f"{type(self).__name__}(last_epoch={self.last_epoch}, lr=[{rates}])"


def check_optimizer(optimizer: Any) -> Optimizer:
    """Return an optimizer; raise a TypeError if it is none."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"A scheduler takes an optimizer, and got one {type(optimizer).__name__}: give "
            "optim.SGD(...), or another."
        )
    return optimizer


def for_groups(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """Return a value for each group: those of a list, or one for all."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ArgumentError(
            f"{name} has {len(value)} values, {list(value)}, and the optimizer has {count} groups: "
            "give one for each, or one for all."
        )
    return list(value)
