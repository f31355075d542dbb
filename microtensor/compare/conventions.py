"""Factors that a derivation keeps out of one step and puts into a later one.

With a loss that is a mean over m examples, many derivations leave 1/m out of dZ, and put it into dW
and db: dZ is m times the gradient of the loss, dW is right. That is no mistake. It is told from one
by the later steps: those that give the gradient of a parameter make up for the factor, the others
carry it on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from .flow import nearest, pushed
from .tape import Tape, Value

__all__ = ["Conventions"]

_CLOSE = 1e-5
"""Factors that differ by less, relatively, are one."""

Same = Callable[[Value, Any, Any], bool]


class Conventions:
    """The factors that hand-derived gradients carry, and later steps make up for.

    Parameters
    ----------
    tape, seeds
        The computation, and the gradients of its outputs.
    hand, order
        The hand-derived gradients, and their order from the output on.
    same
        Whether a gradient of a value equals another to rounding.

    Attributes
    ----------
    factors
        The factor of each gradient that carries one.
    """

    def __init__(
        self,
        tape: Tape,
        seeds: Mapping[Value, Any],
        hand: Mapping[Value, Any],
        order: list[Value],
        same: Same,
    ) -> None:
        self._tape, self._seeds, self._hand, self._same = tape, seeds, hand, same
        self._order = [v for v in order if hand[v].shape == v.shape]
        self._nearest = {v: nearest(v, hand) for v in order}
        self._sizes = {float(n) for v in tape.values for n in (*v.shape, math.prod(v.shape))}
        self.factors: dict[Value, float] = {}
        candidates: Collection[Value] = [v for v in self._order if not v.is_parameter]
        assumed = self._assumed()
        while candidates:
            factors, expected = self._carried(candidates, assumed)
            supported = self._supported(factors, expected)
            if len(supported) == len(factors):
                self.factors = factors | self._of_data(factors, expected)
                return
            candidates = supported

    def _carried(
        self, candidates: Collection[Value], assumed: Mapping[Value, float]
    ) -> tuple[dict[Value, float], dict[Value, Any]]:
        """Return the factor of each candidate, and what follows for all values without them.

        It is what the parameters tell, else by how much the gradient is off, else that of the
        gradients before it: a gradient may be wrong besides.
        """
        factors: dict[Value, float] = {}

        def look(value: Value, expected: Any) -> None:
            if value not in candidates or self._same(value, self._hand[value], expected):
                return
            factor = assumed.get(value) or self._factor(value, expected)
            if factor is None or not self._is_usual(factor):
                earlier = {factors.get(v, 1.0) for v in self._nearest[value]}
                factor = earlier.pop() if len(earlier) == 1 else 1.0
            if factor != 1.0:
                factors[value] = factor

        _, expected = pushed(self._tape, self._seeds, self._hand, factors, look=look)
        return factors, expected

    def _assumed(self) -> dict[Value, float]:
        """Return the factors that gradients must have had by those derived from them.

        If a parameter is off by 1/m, what it was derived from was m times too large: whatever else
        is wrong with that. At least two have to agree, such as a weight and a bias, or the weights
        of two layers with a right step between.
        """
        _, expected = pushed(self._tape, self._seeds, self._hand, {})
        told: dict[Value, list[tuple[float, int]]] = {}
        counted: dict[Value, tuple[float, int]] = {}
        for value in reversed(self._order):
            if value in told:
                factors, counts = zip(*told[value], strict=True)
                is_agreed = all(_alike(f, factors[0]) for f in factors)
                if is_agreed and self._is_count(factors[0]):
                    counted[value] = factors[0], sum(counts)
            before = self._nearest[value]
            if len(before) != 1:
                continue
            is_right = self._same(value, self._hand[value], expected[value])
            off = 1.0 if is_right else self._factor(value, expected[value], few=True)
            if value.is_parameter:
                if not (is_right and self._is_data_of(value, before[0], expected)):
                    told.setdefault(before[0], []).append((1 / off if off else 0.0, 1))
            elif value in counted and off:
                factor, count = counted[value]
                told.setdefault(before[0], []).append((factor / off, count))
        return {v: f for v, (f, count) in counted.items() if count > 1 and f != 1.0}

    def _is_data_of(self, value: Value, before: Value, expected: Mapping[Value, Any]) -> bool:
        """Tell whether a right leaf may be data, by a parameter of the same step that is off."""
        for other in self._order:
            if other.is_parameter and other is not value and self._nearest[other] == [before]:
                off = self._factor(other, expected[other], few=True)
                if off is not None and off != 1.0 and _is_per_example(value, off):
                    return True
        return False

    def _factor(self, value: Value, expected: Any, *, few: bool = False) -> float | None:
        """Return by which constant a hand-derived gradient is off, if by one.

        A single number always is; it counts with ``few`` only.
        """
        hand = self._hand[value]
        count = np.count_nonzero(expected)
        if not count or (count < 2 and not few) or not np.isfinite(hand).all():
            return None
        x, y = hand.ravel().astype(float), expected.ravel().astype(float)
        if not np.isfinite(y).all():
            return None
        factor = float(x @ y) / float(y @ y)
        return factor if factor and self._same(value, hand / factor, expected) else None

    def _supported(
        self, factors: Mapping[Value, float], expected: Mapping[Value, Any]
    ) -> set[Value]:
        """Return the gradients whose factor the later steps make up for, or carry on to such."""
        users: dict[Value, list[Value]] = {v: [] for v in factors}
        for value in self._order:
            for source in self._nearest[value]:
                if source in factors and self._depends(value, source, factors, expected):
                    users[source].append(value)
        supported: set[Value] = set()
        contradicted: set[Value] = set()
        for value in reversed(self._order):
            if value not in factors:
                continue
            factor = factors[value]
            made_up = carrying = left = 0
            for user in users[value]:
                hand, right = self._hand[user], expected[user]
                is_right = user not in factors and self._same(user, hand, right)
                if user in factors:
                    carrying += _alike(factors[user], factor) and user in supported
                elif is_right and not user.is_parameter:
                    left = len(self._order)  # what is no result would have carried it on
                elif is_right:
                    made_up += 1
                elif user.is_parameter and self._same(user, hand / factor, right):
                    left += not _is_per_example(user, factor)
            is_taken_over = any(_alike(factors.get(v), factor) for v in self._nearest[value])
            is_plain = is_taken_over or (factor > 1 and self._is_count(factor))
            if left <= made_up and (carrying or (made_up and is_plain)):
                supported.add(value)
            elif left:
                contradicted.add(value)
        for value in self._order:
            if value in factors and value not in supported | contradicted:
                before = (v for v in self._nearest[value] if v in supported)
                if any(_alike(factors[v], factors[value]) for v in before):
                    supported.add(value)
        return supported

    def _depends(
        self,
        value: Value,
        before: Value,
        factors: Mapping[Value, float],
        expected: Mapping[Value, Any],
    ) -> bool:
        """Tell whether the factor of a gradient matters to a value."""
        if all(_alike(factors.get(v), factors[before]) for v in self._nearest[value]):
            with_it = expected[value] * factors[before]
        else:
            rest = {v: f for v, f in factors.items() if v is not before}
            _, found = pushed(self._tape, self._seeds, self._hand, rest, toward=[value])
            with_it = found[value]
        return not self._same(value, with_it, expected[value])

    def _of_data(
        self, factors: Mapping[Value, float], expected: Mapping[Value, Any]
    ) -> dict[Value, float]:
        """Return the factors of leaves that are data: of them each example has its own gradient.

        A parameter of the same step, which makes up for the factor, tells them from parameters.
        """
        found = {}
        for value in self._order:
            before = set(self._nearest[value])
            factor = next((factors[v] for v in before if v in factors), None)
            if not value.is_parameter or factor is None or not _is_per_example(value, factor):
                continue
            made_up = any(
                v.is_parameter
                and v is not value
                and set(self._nearest[v]) == before
                and self._same(v, self._hand[v], expected[v])
                for v in self._order
            )
            if made_up and self._same(value, self._hand[value] / factor, expected[value]):
                found[value] = factor
        return found

    def _is_count(self, factor: float) -> bool:
        """Tell whether a factor is a number of elements, or the inverse of one."""
        return any(_alike(factor, n) or _alike(factor, 1 / n) for n in self._sizes if n > 1)

    def _is_usual(self, factor: float) -> bool:
        return any(_alike(abs(factor), n) for n in (1.0, 2.0, 0.5)) or self._is_count(abs(factor))


def _is_per_example(value: Value, factor: float) -> bool:
    """Tell whether a leaf may be data, to which the mean's 1/m applies example by example."""
    return any(_alike(float(n), factor) or _alike(1.0 / n, factor) for n in value.shape if n > 1)


def _alike(x: float | None, y: float) -> bool:
    return x is not None and abs(x - y) <= _CLOSE * abs(y)
