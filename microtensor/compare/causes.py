"""Which mistake a hand-derived gradient shows: the first hypothesis that reproduces it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .factors import Factors
from .mistakes import MISTAKES, Hypothesis, Known, averaged
from .step import Step

__all__ = ["Finding", "find"]

_MOST = 4000
"""So many hypotheses are tried out on a step, if they are cheap."""
_WORK = 40_000
"""So many derivative rules are applied for it."""
_NEARER = 0.05
"""How much of what is wrong may be left by what explains it."""


@dataclass(frozen=True)
class Finding:
    """A hypothesis that reproduces an array, perhaps times a factor."""

    hypothesis: Hypothesis
    factor: float = 1.0
    step: Step | None = None

    @property
    def sign_is_told(self) -> bool:
        """Whether the factor is a constant of the step that is negative itself."""
        return self.step is not None and Factors(self.step).is_constant(self.factor)

    @property
    def gradient(self) -> Any:
        """What the mistake gives."""
        h = self.hypothesis
        if not h.is_change:
            return self.factor * h.gradient
        assert self.step is not None
        part = self.factor if h.detail == "update" else self.factor - 1
        return self.step.expected + part * h.gradient

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is wrong, one or two mistakes; the first is the kind of the cause."""
        kinds = [self.hypothesis.kind] if self.hypothesis.kind != "none" else []
        if self.hypothesis.is_change:
            return tuple(kinds)
        if self.factor < 0:
            kinds.append("sign")
        if abs(self.factor) != 1:
            kinds.append("factor")
        if kinds[:2] == ["sign", "factor"]:
            return ("factor", "sign")
        return tuple(kinds)


def find(
    hand: Any, steps: Iterable[Step], known: Known, rtol: float, shared: Iterable[float] = ()
) -> Finding | None:
    """Return the simplest mistake that explains a hand-derived gradient, or ``None``.

    Parameters
    ----------
    hand
        The gradient.
    steps
        The step that it comes from: with the gradients given downstream, then with right ones.
    known
        What else there is in the computation.
    rtol
        How far two arrays may be apart that are the same, relative to the largest element.
    shared
        Factors that other operands of the same operation are wrong by.
    """
    for step in steps:
        finding = _in_step(hand, step, known, rtol, tuple(shared))
        if finding is not None:
            return finding
    return None


def _in_step(
    hand: Any, step: Step, known: Known, rtol: float, shared: tuple[float, ...]
) -> Finding | None:
    factors = Factors(step)
    none = Hypothesis("none", step.expected)

    def is_named(factor: float) -> bool:
        # Of one number a multiple says nothing: with some factor, anything gives it.
        return np.size(hand) > 1 and factors.named(factor, rtol)

    simple = _multiple(hand, step.expected, rtol)
    if simple is not None and abs(simple - 1) <= rtol:
        simple = None  # it is nearly right, and rightly so it would be no multiple
    if simple is not None and factors.named(simple, rtol):
        factor = factors.exact(simple, rtol)
        if factor > 0 and not any(abs(factor - f) <= rtol * f for f in shared):
            for mean in averaged(step, known):
                if _equal(hand, mean.gradient, rtol):
                    return Finding(mean, 1.0, step)
        return Finding(none, factor, step)
    second: Finding | None = None
    for hypothesis in _all(step, known):
        if hypothesis.is_change:
            finding = _added(hand, hypothesis, step, factors, rtol)
            if finding is not None and _explains(finding, hand):
                return finding
            continue
        multiple = _multiple(hand, hypothesis.gradient, rtol)
        if multiple is None:
            continue
        exactly = Finding(hypothesis, 1.0, step)
        if abs(multiple - 1) <= rtol and _explains(exactly, hand):
            return exactly
        is_sign = abs(multiple + 1) <= rtol
        if hypothesis.kind == "elementwise_for_matmul" and hypothesis.detail == "derivative":
            continue
        if second is None and (is_sign or (multiple > 0 and is_named(multiple))):
            several = Finding(hypothesis, factors.exact(multiple, rtol), step)
            second = several if several.kinds and _explains(several, hand) else None
    if simple is not None and np.count_nonzero(step.expected) > 1:
        return Finding(none, factors.exact(simple, rtol), step)
    return second


def _explains(finding: Finding, hand: Any) -> bool:
    """Tell whether a finding is nearer to a gradient than the right step is, by far."""
    assert finding.step is not None
    right, found = finding.step.expected, finding.gradient
    if np.shape(right) != np.shape(hand):
        return True
    return bool(np.max(np.abs(hand - found)) <= _NEARER * np.max(np.abs(hand - right)))


def _added(
    hand: Any, hypothesis: Hypothesis, step: Step, factors: Factors, rtol: float
) -> Finding | None:
    """Return the finding that some multiple of a change explains a gradient, if it does."""
    if hand.shape != step.expected.shape or np.size(hand) < 2:
        return None
    multiple = _multiple(hand - step.expected, hypothesis.gradient, 10 * rtol)
    if multiple is None or abs(multiple) < 1e-9:
        return None
    if hypothesis.detail == "update":
        return Finding(hypothesis, multiple, step)
    factor = multiple + 1  # of the contribution
    if not factors.named(factor, 100 * rtol):
        return None
    kind = "sign" if factor < 0 else "factor"
    return Finding(replace(hypothesis, kind=kind), factors.exact(factor, 100 * rtol), step)


def _all(step: Step, known: Known) -> Iterator[Hypothesis]:
    tried = (hypothesis for mistake in MISTAKES for hypothesis in mistake(step, known))
    affordable = itertools.takewhile(lambda _: step.work < _WORK, tried)
    return itertools.islice((h for h in affordable if h.gradient is not None), _MOST)


def _equal(hand: Any, gradient: Any, rtol: float) -> bool:
    multiple = _multiple(hand, gradient, rtol)
    return multiple is not None and abs(multiple - 1) <= rtol


def _multiple(hand: Any, gradient: Any, rtol: float) -> float | None:
    """Return by which factor one array is the other, or ``None`` if it is no multiple."""
    if np.shape(hand) != np.shape(gradient) or not np.size(hand):
        return None
    x, y = np.asarray(hand, np.float64).ravel(), np.asarray(gradient, np.float64).ravel()
    largest = float(np.max(np.abs(y)))
    if not 0 < largest < np.inf:
        return None
    y = y / largest
    factor = float(x @ y) / float(y @ y)
    if not np.isfinite(factor) or np.max(np.abs(x - factor * y)) > rtol * max(abs(factor), 1e-300):
        return 0.0 if not x.any() else None
    return factor / largest
