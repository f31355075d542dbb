"""The direction of steepest ascent, with the weight decay that settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .settings import is_set, number

__all__ = ["Ascent", "ascent_and_decay_of", "ascent_of", "same"]

Ascent = Callable[[Any, Any], Any]
"""What makes of a parameter and its gradient the direction of steepest ascent."""


def ascent_of(group: Mapping[str, Any]) -> Ascent:
    """Return what makes of a parameter and its gradient the direction of steepest ascent.

    That is the gradient, or its negative for ``maximize``, with the L2 penalty's.
    """
    weight_decay, maximize = group.get("weight_decay", 0.0), group["maximize"]
    if not is_set(weight_decay):
        return _negative if maximize else same
    weight_decay = number(weight_decay)

    def penalised(p: Any, g: Any) -> Any:
        penalty = weight_decay * p
        return penalty - g if maximize else penalty + g

    return penalised


def ascent_and_decay_of(group: Mapping[str, Any]) -> tuple[Ascent, Any]:
    """Return `ascent_of`, and what a parameter is multiplied with; ``None`` for nothing.

    Only one of them has the weight decay: the factor if it is decoupled from the gradient.
    """
    if not group["decoupled_weight_decay"]:
        return ascent_of(group), None
    ascent = ascent_of({"maximize": group["maximize"]})
    if not is_set(group["weight_decay"]):
        return ascent, None
    return ascent, 1.0 - number(group["lr"]) * number(group["weight_decay"])


def same(p: Any, g: Any) -> Any:
    """Return the gradient: the direction of steepest ascent."""
    return g


def _negative(p: Any, g: Any) -> Any:
    return -g
