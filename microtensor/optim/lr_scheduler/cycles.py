"""Cycles: the learning rate rises and falls again and again."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import Any

from ...errors import ArgumentError
from ..optimizer import Optimizer
from ..settings import check_count, check_finite
from .base import LRScheduler, check_optimizer, for_groups
from .momentum import begin_momentum, set_momentum

__all__ = ["CyclicLR"]

_MODES: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "triangular": ("cycle", lambda gamma, x: 1.0),
    "triangular2": ("cycle", lambda gamma, x: 1.0 / 2.0 ** (x - 1.0)),
    "exp_range": ("iterations", lambda gamma, x: gamma**x),
}
"""By mode, what the height of a cycle is a function of, and the function."""


class CyclicLR(LRScheduler):
    """Rise from ``base_lr`` to ``max_lr`` and fall back, along lines, again and again.

    The momentum, or the first of the betas, goes the other way. Step it after every batch. Smith,
    "Cyclical learning rates for training neural networks", 2017.

    Parameters
    ----------
    optimizer, last_epoch
        As of `LRScheduler`.
    base_lr, max_lr
        Between which learning rates; lists for groups.
    step_size_up, step_size_down
        How many steps it rises and falls; ``None`` for as long as it rises.
    mode
        ``"triangular"``, ``"triangular2"``, which halves the height in every cycle, or
        ``"exp_range"``, whose height is ``gamma**t``.
    gamma
        For ``"exp_range"``.
    scale_fn, scale_mode
        A function for the height in place of ``mode``: of the number of the ``"cycle"``, from 1, or
        of the ``"iterations"``.
    cycle_momentum, base_momentum, max_momentum
        Whether the momentum changes as well, and between which values; lists for groups.
    """

    _unsaved = ("optimizer", "_scale_fn")

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        if scale_fn is None and mode not in _MODES:
            raise ArgumentError(f"mode is {mode!r}, and must be one of {', '.join(_MODES)}.")
        if scale_mode not in ("cycle", "iterations"):
            raise ArgumentError(
                f"scale_mode is {scale_mode!r}, and must be 'cycle' or 'iterations'."
            )
        check_count("step_size_up", step_size_up)
        if step_size_down is None:
            step_size_down = step_size_up
        check_count("step_size_down", step_size_down)
        check_finite({"gamma": gamma}, "gamma")
        base_lrs = for_groups("base_lr", optimizer, base_lr)
        self.max_lrs = for_groups("max_lr", optimizer, max_lr)
        for rates in (
            {f"base_lr[{i}]": v for i, v in enumerate(base_lrs)},
            {f"max_lr[{i}]": v for i, v in enumerate(self.max_lrs)},
        ):
            check_finite(rates, *rates)
        self.total_size = float(step_size_up + step_size_down)
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma, self._scale_fn = mode, gamma, scale_fn
        self.scale_mode = _MODES[mode][0] if scale_fn is None else scale_mode
        self.cycle_momentum = cycle_momentum
        begins = last_epoch == -1
        if cycle_momentum:
            self.base_momentums, self.max_momentums = begin_momentum(
                "CyclicLR", optimizer, base_momentum, max_momentum, begins=begins
            )
        if begins:
            for group, rate in zip(optimizer.param_groups, base_lrs, strict=True):
                group["lr"] = rate
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """Return the height of the cycle of that number, or at that iteration."""
        if self._scale_fn is not None:
            return self._scale_fn(x)
        return _MODES[self.mode][1](self.gamma, x)

    def get_lr(self) -> list[float]:
        """Return the learning rates of this step; set its momentum."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        up = x <= self.step_ratio
        height = x / self.step_ratio if up else (x - 1.0) / (self.step_ratio - 1.0)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(
                self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True
            ):
                set_momentum(group, high - (high - low) * height)
        return [
            low + (high - low) * height
            for low, high in zip(self.base_lrs, self.max_lrs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """Return the state; of ``scale_fn`` the attributes, if it is no function."""
        attributes = None
        if self._scale_fn is not None and not isinstance(
            self._scale_fn, (FunctionType, BuiltinFunctionType)
        ):
            attributes = dict(getattr(self._scale_fn, "__dict__", {}))
        return super().state_dict() | {"_scale_fn_custom": attributes}

    def _load(self, state: dict[str, Any]) -> None:
        attributes = state.pop("_scale_fn_custom")
        if attributes and self._scale_fn is not None:
            vars(self._scale_fn).update(attributes)
        super()._load(state)
