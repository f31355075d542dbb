"""Mistakes in the derivative of a function: left out, taken twice, or taken at the wrong place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..segments import Segment, segments
from ..step import Override, Step
from ..tape import Value
from .hypothesis import Hypothesis, Known, changed, if_fit

__all__ = ["as_matrix_product", "at_output", "for_softmax", "left_out", "twice"]

Rules = Iterable[tuple[Callable[[Any], Any], str]]


def left_out(step: Step, known: Known) -> Iterator[Hypothesis]:
    """An operation passed over as if its derivative were 1, or a factor of that left out."""
    yield from _in_segments(step, known, "missing_derivative", lambda s: [(s.left_out, "")])
    yield from _in_segments(step, known, "missing_derivative", lambda s: s.partly())


def twice(step: Step, known: Known) -> Iterator[Hypothesis]:
    """The derivative of an operation multiplied by twice."""
    yield from _in_segments(step, known, "extra_derivative", lambda s: [(s.twice, "")])


def at_output(step: Step, known: Known) -> Iterator[Hypothesis]:
    """A derivative formula filled in with the output where the input belongs, or the reverse."""
    yield from _in_segments(step, known, "derivative_at_output", lambda s: s.taken_elsewhere())


def for_softmax(step: Step, known: Known) -> Iterator[Hypothesis]:
    """A softmax differentiated element by element, p (1 - p), without the other outputs."""
    for segment in segments(step, known.fused):
        if segment.name == "softmax":
            p = segment.upper.data
            g = segment.incoming * p * (1 - p) - segment.contribution
            gradient = step.with_added([(segment.lower, g)])
            yield Hypothesis(
                "missing_path", gradient, "softmax", segment.lower, segment.upper,
                detail="diagonal",
            )  # fmt: skip


def _in_segments(
    step: Step, known: Known, kind: str, mistakes: Callable[[Segment], Rules]
) -> Iterator[Hypothesis]:
    """Make a mistake in each function of a step, then in all that are the same function."""
    same: dict[tuple[str, str], list[tuple[Segment, Callable[[Any], Any]]]] = {}
    for segment in segments(step, known.fused):
        for rule, detail in mistakes(segment):
            yield Hypothesis(
                kind, if_fit(_once, step, segment, rule), segment.name, segment.lower,
                segment.upper, detail=detail,
            )  # fmt: skip
            same.setdefault((segment.name, detail), []).append((segment, rule))
    for (name, detail), made in same.items():
        if len(made) > 1:
            overrides: dict[Value, list[Override]] = {}
            for segment, rule in made:
                overrides.setdefault(segment.upper, []).append(
                    Override(segment.lower, rule, segment.edge)
                )
            last = made[-1][0]
            yield Hypothesis(
                kind, if_fit(step.with_overrides, overrides), name, last.lower, last.upper,
                detail=detail, times=len(made),
            )  # fmt: skip


def _once(step: Step, segment: Segment, rule: Callable[[Any], Any]) -> Any:
    return step.with_added([(segment.lower, rule(segment.incoming) - segment.contribution)])


def as_matrix_product(step: Step, known: Known) -> Iterator[Hypothesis]:
    """The derivative of an elementwise function multiplied by as a matrix: `@` for ``*``."""
    for segment in segments(step, known.fused):
        g = segment.incoming
        if segment.edge is None or g.ndim != 2 or g.shape != segment.contribution.shape:
            continue
        derivative = if_fit(segment.pulled, np.ones_like(g))
        if derivative is None or derivative.shape != g.shape or not np.ptp(derivative):
            continue
        for x in (g, g.T):
            for y in (derivative, derivative.T):
                for a, b in ((x, y), (y, x)):
                    gradient = changed(step, segment.edge, np.matmul, a, b)
                    if gradient is None and segment.lower is step.target:
                        gradient = if_fit(np.matmul, a, b)
                    yield Hypothesis(
                        "elementwise_for_matmul", gradient, segment.name, segment.lower,
                        segment.upper, detail="derivative",
                    )  # fmt: skip
