"""Judging every gradient by itself: by autograd's, and by its own step.

The hand-derived gradients of the tensors downstream are pushed through the true local rules. What
that gives of a tensor is what its step should have given, whatever was wrong before. So a wrong
gradient is inherited if it is that, and a mistake of its own if it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from .rounding import DOUBLE, SINGLE, Amplification, epsilon
from .tape import Tape, Value
from .verdict import Status

__all__ = ["Judge", "pushed"]


class Judge:
    """Compares hand-derived gradients with autograd's, and each with its own step.

    Parameters
    ----------
    tape
        The computation.
    seeds
        The gradients of its outputs.
    hand
        The hand-derived gradients.
    right
        Autograd's.
    order
        The values of ``hand``, from the output on.
    is_final
        Whether a value's gradient is a result of backpropagation, such as a parameter's.
    close
        The user's own measure of equality: of two arrays; ``None`` for rounding's.
    slack
        How far each hand-derived gradient is off by itself, for another reason than rounding.
    """

    def __init__(
        self,
        tape: Tape,
        seeds: Mapping[Value, Any],
        hand: Mapping[Value, Any],
        right: Mapping[Value, Any],
        order: list[Value],
        is_final: Callable[[Value], bool],
        close: Callable[[Any, Any], Any] | None = None,
        slack: Mapping[Value, Any] | None = None,
    ) -> None:
        self._tape, self._seeds, self._close = tape, seeds, close
        self._slack = slack or {}
        self.hand, self.right, self.order = hand, right, order
        self._is_final = is_final
        self.amplification = Amplification(tape, seeds, tape.gradients(seeds))
        self.conventions = self._find_conventions()
        """The factors by which gradients differ that later steps make up for."""
        self.flow, self.expected = self._pushed(self.conventions)
        self.status: dict[Value, Status] = {}
        self.is_single: set[Value] = set()
        """Those that agree to the precision of float32 only."""
        for value in order:
            self.status[value] = self._judged(value)

    def fits(self, value: Value) -> bool:
        """Tell whether a hand-derived gradient has the shape of its tensor."""
        return bool(self.hand[value].shape == value.shape)

    def same(self, value: Value, hand: Any, other: Any, eps: float) -> bool:
        """Tell whether a gradient is another, computed with a relative rounding of ``eps``."""
        if hand.shape != other.shape:
            return False
        if self._close is not None:
            return bool(np.all(self._close(hand, other) | (np.isnan(hand) & np.isnan(other))))
        tolerance = self.amplification.tolerance(value, other, eps) + self._slack.get(value, 0.0)
        return bool(_within(hand, other, tolerance))

    def fine(self, value: Value) -> float:
        """Return the rounding of a value's dtype."""
        return max(epsilon(value.dtype), DOUBLE)

    def precision(self, value: Value, hand: Any, other: Any) -> float | None:
        """Return the coarsest rounding that makes two gradients equal, if any does."""
        for eps in (self.fine(value), SINGLE):
            if self.same(value, hand, other, eps):
                return eps
        return None

    def rtol(self, value: Value, of: Any, eps: float) -> float:
        """Return how far two arrays may be apart that are the same, relative to the largest."""
        largest = float(np.max(np.abs(of))) if of.size else 0.0
        if not 0 < largest < np.inf:
            return 1e3 * eps
        tolerance = self.amplification.tolerance(value, of, eps) + self._slack.get(value, 0.0)
        return min(1e3 * eps + 2 * float(np.max(tolerance)) / largest, 1e-3)

    def repaired(self) -> tuple[dict[Value, Any], dict[Value, Any]]:
        """Return flow and expectations with the wrong steps done right."""
        wrong = {v for v, status in self.status.items() if status is Status.WRONG}
        return self._pushed(self.conventions, wrong)

    def _judged(self, value: Value) -> Status:
        hand, right = self.hand[value], self.right[value]
        if not self.fits(value):
            return Status.WRONG
        if np.array_equal(hand, right, equal_nan=True):
            return Status.EXACT
        eps = self.precision(value, hand, right)
        if eps is not None:
            if eps > self.fine(value):
                self.is_single.add(value)
            return Status.CLOSE
        if value in self.conventions:
            return Status.CLOSE
        if self.precision(value, hand, self.expected[value]) is not None:
            return Status.INHERITED
        if any(status is Status.WRONG for status in self.status.values()):
            _, expected = self.repaired()
            if self.precision(value, hand, expected[value]) is not None:
                return Status.INHERITED
        return Status.WRONG

    def _pushed(
        self, factors: Mapping[Value, float], passed_over: Collection[Value] = ()
    ) -> tuple[dict[Value, Any], dict[Value, Any]]:
        return pushed(self._tape, self._seeds, self.hand, factors, passed_over)

    # Conventions

    def _find_conventions(self) -> dict[Value, float]:
        """Return the factors of intermediate gradients that later steps make up for."""
        factors: dict[Value, float] = {}
        for value in self.order:
            if self._is_final(value) or not self.fits(value):
                continue
            _, expected = self._pushed(factors)
            factor = self._factor(value, expected[value])
            if factor is not None:
                factors[value] = factor
        while factors:
            _, expected = self._pushed(factors)
            supported = self._supported(factors, expected)
            if len(supported) == len(factors):
                return factors
            factors = {value: f for value, f in factors.items() if value in supported}
        return factors

    def _factor(self, value: Value, expected: Any) -> float | None:
        """Return by which constant other than 1 a hand-derived gradient is off, if by one."""
        hand = self.hand[value]
        if np.count_nonzero(expected) < 2 or not np.isfinite(hand).all():
            return None
        x, y = hand.ravel().astype(float), expected.ravel().astype(float)
        if not np.isfinite(y).all():
            return None
        factor = float(x @ y) / float(y @ y)
        if factor == 0 or self.precision(value, hand, expected) is not None:
            return None
        return factor if self.precision(value, hand / factor, expected) is not None else None

    def _supported(
        self, factors: Mapping[Value, float], expected: Mapping[Value, Any]
    ) -> set[Value]:
        """Return the gradients with a factor that a later right one makes up for."""
        supported: set[Value] = set()
        for value in reversed(self.order):
            if value in factors or not self.fits(value):
                continue
            if self.precision(value, self.hand[value], expected[value]) is None:
                continue
            if self.precision(value, self.hand[value], self._without(factors, value)) is None:
                supported |= {v for v in self.nearest(value) if v in factors}
        for value in reversed(self.order):  # what a supported one took over is its convention too
            if value in supported:
                supported |= {
                    v
                    for v in self.nearest(value)
                    if v in factors and np.isclose(factors[v], factors[value], rtol=1e-6)
                }
        for value in self.order:
            if value in factors and value not in supported:
                before = [v for v in self.nearest(value) if v in supported]
                if before and any(
                    np.isclose(factors[v], factors[value], rtol=1e-6) for v in before
                ):
                    supported.add(value)
        return supported

    def _without(self, factors: Mapping[Value, float], value: Value) -> Any:
        """Return what a step gives if the gradients before it are taken as they are."""
        nearest = set(self.nearest(value))
        kept = {v: f for v, f in factors.items() if v not in nearest}
        return self._pushed(kept)[1][value]

    def nearest(self, value: Value) -> list[Value]:
        """Return the given gradients at which the step of a value begins."""
        found, seen, pending = [], {value}, [value]
        while pending:
            for edge in pending.pop().consumers:
                user = edge.user
                if user in seen:
                    continue
                seen.add(user)
                if user in self.hand:
                    found.append(user)
                else:
                    pending.append(user)
        return found


def pushed(
    tape: Tape,
    seeds: Mapping[Value, Any],
    hand: Mapping[Value, Any],
    factors: Mapping[Value, float],
    passed_over: Collection[Value] = (),
) -> tuple[dict[Value, Any], dict[Value, Any]]:
    """Push hand-derived gradients back, without the factors of conventions.

    Return what every value passes on, and what follows for it from those after it. Those of
    ``passed_over`` are not taken, but what follows for them.
    """
    flow: dict[Value, Any] = {}

    def given(value: Value, g: Any) -> Any:
        own = hand.get(value)
        if own is not None and value not in passed_over:
            fitting = _fitted(own, value.shape)
            if fitting is not None:
                g = fitting if value not in factors else fitting / factors[value]
                g = g.astype(value.dtype) if g.dtype != value.dtype else g
        flow[value] = g
        return g

    with np.errstate(all="ignore"):
        expected = tape.gradients(seeds, given=given)
    return flow, expected


def _fitted(hand: Any, shape: tuple[int, ...]) -> Any:
    """Return a hand-derived gradient in the shape that its tensor has, if that is no guess."""
    if hand.shape == shape:
        return hand
    if hand.shape == shape[::-1] and hand.ndim == 2:
        return hand.T
    if tuple(n for n in hand.shape if n != 1) == tuple(n for n in shape if n != 1):
        return hand.reshape(shape)
    return None


def _within(hand: Any, other: Any, tolerance: Any) -> Any:
    same = (hand == other) | (np.isnan(hand) & np.isnan(other))
    return np.all(same | (np.abs(hand - other) <= tolerance))
