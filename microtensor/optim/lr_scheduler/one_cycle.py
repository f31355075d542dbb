"""One cycle: the learning rate rises far, and falls to almost nothing."""

from __future__ import annotations

import math

from ...errors import ArgumentError
from ..optimizer import Optimizer
from ..settings import check_count, check_finite
from .base import LRScheduler, check_optimizer, for_groups
from .momentum import begin_momentum, set_momentum

__all__ = ["OneCycleLR"]


class OneCycleLR(LRScheduler):
    """Rise from ``max_lr / div_factor`` to ``max_lr``, and fall to almost nothing.

    The momentum, or the first of the betas, goes the other way. Step it after every batch. Smith
    and Topin, "Super-convergence: very fast training of neural networks using large learning
    rates", 2019.

    Parameters
    ----------
    optimizer, last_epoch
        As of `LRScheduler`.
    max_lr
        The largest learning rate, or a list of one for each group.
    total_steps, epochs, steps_per_epoch
        How many steps there are, or two numbers whose product that is.
    pct_start
        The part of the steps in which it rises, from 0 to 1.
    anneal_strategy
        ``"cos"`` or ``"linear"``.
    cycle_momentum, base_momentum, max_momentum
        Whether the momentum changes as well, and between which values; lists for groups.
    div_factor
        What the learning rate begins with is ``max_lr / div_factor``.
    final_div_factor
        What it ends with is that, divided by ``final_div_factor``.
    three_phase
        Fall back as fast as it rose, and to the end only then.

    Raises
    ------
    ArgumentError
        If the number of steps is unknown, a setting is impossible, the optimizer has no momentum,
        or there are more steps than ``total_steps``.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import optim
    >>> optimizer = optim.Adam([mt.tensor([1.0], requires_grad=True)])
    >>> scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=5, pct_start=0.4)
    >>> for _ in range(4):
    ...     print(round(scheduler.get_last_lr()[0], 3), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    0.04 1.0 0.75 0.25
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ArgumentError(
                    "OneCycleLR needs to know when it ends: give total_steps, or epochs and "
                    f"steps_per_epoch; they are {total_steps}, {epochs} and {steps_per_epoch}."
                )
            check_count("epochs", epochs)
            check_count("steps_per_epoch", steps_per_epoch)
            total_steps = epochs * steps_per_epoch
        check_count("total_steps", total_steps)
        check_finite({"pct_start": pct_start}, "pct_start")
        if not 0.0 <= pct_start <= 1.0:
            raise ArgumentError(f"pct_start is {pct_start}, and must be from 0 to 1.")
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(
                f"anneal_strategy is {anneal_strategy!r}, and must be 'cos' or 'linear'."
            )
        largest = for_groups("max_lr", optimizer, max_lr)
        factors = {"div_factor": div_factor, "final_div_factor": final_div_factor}
        check_finite(factors, *factors)
        for name, factor in factors.items():
            if factor <= 0:
                raise ArgumentError(f"{name} is {factor}, and must be above 0.")
        for i, rate in enumerate(largest):
            check_finite({f"max_lr[{i}]": rate}, f"max_lr[{i}]")
        self.total_steps, self.anneal_strategy = total_steps, anneal_strategy
        self.cycle_momentum, self.pct_start, self.three_phase = (
            cycle_momentum,
            pct_start,
            three_phase,
        )
        begins = last_epoch == -1
        if cycle_momentum:
            begin_momentum("OneCycleLR", optimizer, base_momentum, max_momentum, begins=begins)
        if begins:
            for group, rate in zip(optimizer.param_groups, largest, strict=True):
                group["initial_lr"] = rate / div_factor
                group["max_lr"] = rate
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates of this step; set its momentum."""
        step = self.last_epoch
        if step > self.total_steps:
            raise ArgumentError(
                f"OneCycleLR was stepped {step} times, and total_steps is {self.total_steps}: "
                "count the batches of all epochs."
            )
        start = 0.0
        *others, last = self._phases()
        for phase in others:
            if step <= phase[0]:
                break
            start = phase[0]
        else:
            phase = last
        end, first_lr, last_lr, first_momentum, last_momentum = phase
        part = (step - start) / (end - start)
        groups = self.optimizer.param_groups
        if self.cycle_momentum:
            for group in groups:
                set_momentum(
                    group, self._between(group[first_momentum], group[last_momentum], part)
                )
        return [self._between(group[first_lr], group[last_lr], part) for group in groups]

    def _phases(self) -> list[tuple[float, str, str, str, str]]:
        """Return when each phase ends, and between what the learning rate and momentum move."""
        count = self.pct_start * self.total_steps
        rise = (count - 1.0, "initial_lr", "max_lr", "max_momentum", "base_momentum")
        end = self.total_steps - 1.0
        if not self.three_phase:
            return [rise, (end, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        return [
            rise,
            (2.0 * count - 2.0, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
            (end, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
        ]

    def _between(self, first: float, last: float, part: float) -> float:
        if self.anneal_strategy == "linear":
            return (last - first) * part + first
        return last + (first - last) / 2.0 * (math.cos(math.pi * part) + 1.0)
