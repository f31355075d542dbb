"""The momentum of an optimizer, which goes down while the learning rate goes up."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError
from ..optimizer import Optimizer
from .base import for_groups

__all__ = ["begin_momentum", "set_momentum"]


def begin_momentum(
    scheduler: str, optimizer: Optimizer, base: Any, largest: Any, *, begins: bool
) -> tuple[list[float], list[float]]:
    """Return the least and the largest momentum of each group; where it ``begins``, set that.

    Raises
    ------
    ArgumentError
        If the optimizer has neither a momentum nor betas.
    """
    if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
        raise ArgumentError(
            f"{scheduler} changes the momentum, and {type(optimizer).__name__} has neither "
            "momentum nor betas: give cycle_momentum=False."
        )
    lows = for_groups("base_momentum", optimizer, base)
    highs = for_groups("max_momentum", optimizer, largest)
    if begins:
        for group, low, high in zip(optimizer.param_groups, lows, highs, strict=True):
            set_momentum(group, high)
            group["max_momentum"], group["base_momentum"] = high, low
    return lows, highs


def set_momentum(group: dict[str, Any], momentum: float) -> None:
    """Set the momentum of a group, or the first of its betas."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum
