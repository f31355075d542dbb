"""Factors that a derivation keeps out of one step and puts into a later one.

With a loss that is a mean over m examples, many derivations leave 1/m out of dZ, and put it into dW
and db: dZ is m times the gradient of the loss, dW is right. That is no mistake, and is told by a
later step that makes up for the factor.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from .flow import nearest, pushed
from .tape import Tape, Value

__all__ = ["find_factors"]

_CLOSE = 1e-5
"""Factors that differ by less, relatively, are one."""


def find_factors(
    tape: Tape,
    seeds: Mapping[Value, Any],
    hand: Mapping[Value, Any],
    order: list[Value],
    same: Callable[[Value, Any, Any], bool],
) -> dict[Value, float]:
    """Return the factors that hand-derived gradients carry, and later steps make up for.

    Parameters
    ----------
    tape, seeds
        The computation, and the gradients of its outputs.
    hand, order
        The hand-derived gradients, and their order from the output on.
    same
        Whether a gradient of a value equals another to rounding.
    """
    candidates: Collection[Value] = [
        v for v in order if not v.is_parameter and hand[v].shape == v.shape
    ]
    assumed = _assumed(tape, seeds, hand, order, same)
    while candidates:
        factors, expected = _carried(tape, seeds, hand, candidates, assumed, same)
        if not factors:
            return {}
        made_up = [
            v
            for v in order
            if v not in factors
            and hand[v].shape == v.shape
            and np.any(expected[v])
            and same(v, hand[v], expected[v])
            and any(
                not same(v, hand[v], expected[v] * factors.get(x, 1.0)) for x in nearest(v, hand)
            )
        ]
        supported = _supported(made_up, factors, order, hand)
        if len(supported) < len(factors):
            candidates = [v for v in candidates if v in supported]
            continue
        taken_over = _taken_over(factors, expected, hand, order, same)
        data = {v: f for v, f in taken_over.items() if _is_per_example(v, f)}
        if len(taken_over) - len(data) > sum(v.is_parameter for v in made_up):
            return {}  # most parameters have the factor too: it is a mistake
        return factors | data
    return {}


def _carried(
    tape: Tape,
    seeds: Mapping[Value, Any],
    hand: Mapping[Value, Any],
    candidates: Collection[Value],
    assumed: Mapping[Value, float],
    same: Callable[[Value, Any, Any], bool],
) -> tuple[dict[Value, float], dict[Value, Any]]:
    """Return the factor of each candidate, and what follows for all values without them.

    One that is wrong besides has the factor of those before it.
    """
    factors: dict[Value, float] = {}

    def look(value: Value, expected: Any) -> None:
        if value not in candidates or same(value, hand[value], expected):
            return
        factor = _factor(value, hand[value], expected, same)
        if factor is None:
            before = [factors.get(v, 1.0) for v in nearest(value, hand)]
            factor = before[0] if before and np.ptp(before) <= _CLOSE * abs(before[0]) else 1.0
            factor = assumed.get(value, 1.0) if factor == 1.0 else factor
        if factor != 1.0:
            factors[value] = factor

    _, expected = pushed(tape, seeds, hand, factors, look=look)
    return factors, expected


def _assumed(
    tape: Tape,
    seeds: Mapping[Value, Any],
    hand: Mapping[Value, Any],
    order: list[Value],
    same: Callable[[Value, Any, Any], bool],
) -> dict[Value, float]:
    """Return the factors that gradients must have had by the parameters derived from them.

    Of a gradient that is wrong anyhow, only these can tell: several, all off by the same factor.
    """
    _, expected = pushed(tape, seeds, hand, {})
    found: dict[Value, dict[Value, float]] = {}
    for value in order:
        before = nearest(value, hand)
        if value.is_parameter and len(before) == 1 and hand[value].shape == value.shape:
            is_right = same(value, hand[value], expected[value])
            factor = 1.0 if is_right else _factor(value, hand[value], expected[value], same)
            found.setdefault(before[0], {})[value] = factor or 0.0
    assumed = {}
    for value, factors in found.items():
        off = [factor for factor in factors.values() if factor != 1.0]
        if len(off) < 2 or not off[0] or not all(_alike(factor, off[0]) for factor in off):
            continue
        if all(_is_per_example(v, off[0]) for v, factor in factors.items() if factor == 1.0):
            assumed[value] = 1 / off[0]
    return assumed


def _factor(
    value: Value, hand: Any, expected: Any, same: Callable[[Value, Any, Any], bool]
) -> float | None:
    """Return by which constant a hand-derived gradient is off, if by one."""
    if np.count_nonzero(expected) < 2 or not np.isfinite(hand).all():
        return None
    x, y = hand.ravel().astype(float), expected.ravel().astype(float)
    if not np.isfinite(y).all():
        return None
    factor = float(x @ y) / float(y @ y)
    return factor if factor and same(value, hand / factor, expected) else None


def _supported(
    made_up: list[Value],
    factors: Mapping[Value, float],
    order: list[Value],
    hand: Mapping[Value, Any],
) -> set[Value]:
    """Return the gradients whose factor a later step makes up for, or that have it from such."""
    supported = {x for v in made_up for x in nearest(v, hand) if x in factors}
    for value in reversed(order):
        if value in supported:
            supported |= {x for x in nearest(value, hand) if _alike(factors.get(x), factors[value])}
    for value in order:
        if value in factors and value not in supported:
            before = [x for x in nearest(value, hand) if x in supported]
            if any(_alike(factors[x], factors[value]) for x in before):
                supported.add(value)
    return supported


def _taken_over(
    factors: Mapping[Value, float],
    expected: Mapping[Value, Any],
    hand: Mapping[Value, Any],
    order: list[Value],
    same: Callable[[Value, Any, Any], bool],
) -> dict[Value, float]:
    """Return the results that have the factor of the gradients that they were derived from."""
    found = {}
    for value in order:
        before = {factors[x] for x in nearest(value, hand) if x in factors}
        if value.is_parameter and before and hand[value].shape == value.shape:
            factor = next(iter(before))
            if np.any(expected[value]) and same(value, hand[value] / factor, expected[value]):
                found[value] = factor
    return found


def _is_per_example(value: Value, factor: float) -> bool:
    """Tell whether a leaf is data, to which the mean's 1/m applies example by example."""
    return any(_alike(float(n), factor) or _alike(1.0 / n, factor) for n in value.shape if n > 1)


def _alike(x: float | None, y: float) -> bool:
    return x is not None and abs(x - y) <= _CLOSE * abs(y)
