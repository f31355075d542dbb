"""Judging every gradient by itself: by autograd's, and by its own step.

The hand-derived gradients of the tensors downstream are pushed through the true local rules. What
that gives of a tensor is what its step should have given, whatever was wrong before. So a wrong
gradient is inherited if it is that, and a mistake of its own if it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .conventions import Conventions
from .flow import nearest, pushed
from .rounding import DOUBLE, SINGLE, Amplification, epsilon
from .step import Step
from .tape import Tape, Value
from .verdict import Status

__all__ = ["Judge"]


_RIGHT = (Status.EXACT, Status.CLOSE)
_CLOSE = 8.0
"""So many roundings in a constant make it another multiple."""
_FEW = 3
"""Fewer elements are a multiple of others by chance, to float32's digits."""


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
        close: Callable[[Any, Any], Any] | None = None,
        slack: Mapping[Value, Any] | None = None,
    ) -> None:
        self._tape, self._seeds, self._close = tape, seeds, close
        self._slack = slack or {}
        self.hand, self.right, self.order = hand, right, order
        self.amplification = Amplification(tape, seeds, hand)
        self.factors = Conventions(tape, seeds, hand, order, self._is_same).factors
        """The factors that gradients carry and later steps make up for."""
        self.flow, self.expected = pushed(tape, seeds, hand, self.factors)
        self.conventions: set[Value] = set()
        """Those that differ by such a factor only."""
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
        fine = self.fine(value)
        if self.same(value, hand, other, fine):
            return fine
        rough = max(SINGLE, fine, epsilon(hand.dtype))
        if self.same(value, hand, other, rough) and not self._is_multiple(value, hand, other):
            return rough
        return None

    def rtol(self, value: Value, of: Any, eps: float) -> float:
        """Return how far two arrays may be apart that are the same, relative to the largest."""
        largest = float(np.max(np.abs(of))) if of.size else 0.0
        if not 0 < largest < np.inf:
            return 64 * eps
        tolerance = self.amplification.tolerance(value, of, eps) + self._slack.get(value, 0.0)
        return min(64 * eps + float(np.max(tolerance)) / largest, 1e-3)

    def plain(self, value: Value) -> Any:
        """Return a hand-derived gradient without the factor that later steps make up for."""
        hand = self.hand[value]
        return hand / self.factors[value] if value in self.factors else hand

    def _is_same(self, value: Value, hand: Any, other: Any) -> bool:
        return self.precision(value, hand, other) is not None

    def _judged(self, value: Value) -> Status:
        hand, right = self.hand[value], self.right[value]
        if hand.shape != right.shape:
            return self._judged_by_its_numbers(value)
        if np.array_equal(hand, right, equal_nan=True):
            return Status.EXACT
        eps = self.precision(value, hand, right)
        if eps is not None:
            if eps > self.fine(value):
                self.is_single.add(value)
            return Status.CLOSE
        if self._is_same(value, self.plain(value), self.expected[value]):
            if value in self.factors and self._is_same(value, self.plain(value), right):
                self.conventions.add(value)
                return Status.CLOSE
            if all(self.status[v] in _RIGHT for v in nearest(value, self.hand)):
                self.is_single.add(value)  # what it inherits is rounding
                return Status.CLOSE
            return Status.INHERITED
        wrong = {v for v, status in self.status.items() if status is Status.WRONG}
        if wrong:
            _, expected = pushed(self._tape, self._seeds, self.hand, self.factors, wrong)
            if self._is_same(value, self.plain(value), expected[value]):
                return Status.INHERITED
        return self._judged_by_its_numbers(value)

    def _is_multiple(self, value: Value, hand: Any, right: Any) -> bool:
        """Tell whether a gradient is a multiple of another: rounding does not give that."""
        scale = float(np.sum(right * right))
        if np.count_nonzero(right) < _FEW or not 0 < scale < np.inf:
            return False
        if self.same(value, np.zeros_like(right), right, self.fine(value)):  # noise
            return False
        factor = float(np.sum(hand * right)) / scale
        if not factor or abs(factor - 1) <= _CLOSE * SINGLE:
            return False
        return self.same(value, hand / factor, right, self.fine(value))

    def _judged_by_its_numbers(self, value: Value) -> Status:
        """Judge a step that begins with gradients of wrong shapes by what NumPy makes of them."""
        before = nearest(value, self.hand)
        if any(self.hand[v].shape != v.shape for v in before):
            step = Step(value, self.hand, {**self.flow, **self.hand}, self.expected[value])
            given = step.as_numpy_does()
            hand = self.hand[value]
            if given is not None and given.shape == hand.shape:
                tolerance = 1e4 * self.fine(value) * float(np.max(np.abs(given), initial=0.0))
                if bool(_within(hand, given, tolerance)):
                    return Status.INHERITED
        return Status.WRONG


def _within(hand: Any, other: Any, tolerance: Any) -> Any:
    same = (hand == other) | (np.isnan(hand) & np.isnan(other))
    return np.all(same | (np.abs(hand - other) <= tolerance))
