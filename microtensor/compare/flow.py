"""Hand-derived gradients pushed through the true local rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from .tape import Tape, Value

__all__ = ["nearest", "pushed"]


def pushed(
    tape: Tape,
    seeds: Mapping[Value, Any],
    hand: Mapping[Value, Any],
    factors: Mapping[Value, float],
    passed_over: Collection[Value] = (),
    *,
    look: Callable[[Value, Any], None] | None = None,
    toward: Collection[Value] | None = None,
) -> tuple[dict[Value, Any], dict[Value, Any]]:
    """Push hand-derived gradients back, without the factors that they carry.

    Return what every value passes on, and what follows for it from those after it. Those of
    ``passed_over`` are not taken, but what follows for them. ``look`` is shown each hand-derived
    value and what follows for it, before that is replaced. Only what the values of ``toward`` need
    is computed, by default those of ``hand``.
    """
    flow: dict[Value, Any] = {}

    def given(value: Value, g: Any) -> Any:
        own = hand.get(value)
        if own is not None:
            if look is not None:
                look(value, g)
            fitting = None if value in passed_over else _fitted(own, value.shape)
            if fitting is not None:
                g = fitting if value not in factors else fitting / factors[value]
                g = g.astype(value.dtype) if g.dtype != value.dtype else g
        flow[value] = g
        return g

    with np.errstate(all="ignore"):
        expected = tape.gradients(seeds, given=given, toward=hand if toward is None else toward)
    return flow, expected


def nearest(value: Value, hand: Collection[Value]) -> list[Value]:
    """Return the given gradients at which the step of a value begins."""
    found, seen, pending = [], {value}, [value]
    while pending:
        for edge in pending.pop().consumers:
            user = edge.user
            if user in seen:
                continue
            seen.add(user)
            if user in hand:
                found.append(user)
            else:
                pending.append(user)
    return found


def _fitted(hand: Any, shape: tuple[int, ...]) -> Any:
    """Return a hand-derived gradient in the shape that its tensor has, if that is no guess."""
    if hand.shape == shape:
        return hand
    if hand.shape == shape[::-1] and hand.ndim == 2:
        return hand.T
    if tuple(n for n in hand.shape if n != 1) == tuple(n for n in shape if n != 1):
        return hand.reshape(shape)
    return None
