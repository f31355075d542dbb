"""Mistakes where a tensor is used several times: contributions missing, doubled, or off."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..step import Override, Step
from ..tape import Edge, Value
from .hypothesis import Hypothesis, Known, alike, changed, if_fit

__all__ = ["counted_twice", "left_out", "multiplied", "statistics_constant"]

_MOST = 6
"""Of so many contributions at most, every selection is tried out."""


def left_out(step: Step, known: Known) -> Iterator[Hypothesis]:
    """Some contributions missing, or all but one; repeated indices not added up."""
    for value, edges in step.incoming.items():
        if len(edges) < 2:
            continue
        counts = range(1, len(edges)) if len(edges) <= _MOST else (1,)
        for count in counts:
            for missing in itertools.combinations(edges, count):
                yield _without(step, value, missing)
        if len(edges) > _MOST:
            for kept in edges:
                yield _without(step, value, [edge for edge in edges if edge is not kept])
    for group in alike(step.edges):
        overrides: dict[Value, list[Override]] = {}
        for edge in group:
            if len(step.incoming[edge.operand]) > 1:
                nothing = partial(_nothing, edge.operand)
                overrides.setdefault(edge.user, []).append(Override(edge.operand, nothing, edge))
        if len(overrides) > 1:
            yield Hypothesis(
                "missing_path", if_fit(step.with_overrides, overrides), group[0].op.name,
                group[-1].operand, group[-1].user, times=len(overrides),
            )  # fmt: skip
    for edge in step.edges:
        if edge.op.name == "getitem":
            gradient = changed(step, edge, _assigned, edge, step.flow[edge.user])
            yield Hypothesis(
                "missing_path", gradient, "getitem", edge.operand, edge.user, detail="assigned"
            )


def statistics_constant(step: Step, known: Known) -> Iterator[Hypothesis]:
    """Means and variances taken for constants: what comes by way of any sum left out."""
    overrides: dict[Value, list[Override]] = {}
    for edge in step.edges:
        if edge.op.name == "sum" and len(step.incoming[edge.operand]) > 1:
            nothing = partial(_nothing, edge.operand)
            overrides.setdefault(edge.user, []).append(Override(edge.operand, nothing, edge))
    squares = [e for e in step.edges if e.op.name == "square" and len(step.incoming[e.operand]) > 1]
    for edge in squares:
        nothing = partial(_nothing, edge.operand)
        overrides.setdefault(edge.user, []).append(Override(edge.operand, nothing, edge))
    if len(overrides) > 1:
        gradient = if_fit(step.with_overrides, overrides)
        yield Hypothesis("missing_path", gradient, "sum", step.target, detail="statistics")


def _without(step: Step, value: Value, missing: Any) -> Hypothesis:
    gradient = step.with_added((value, -step.contribution(edge)) for edge in missing)
    remaining = len(step.incoming[value]) - len(missing)
    detail = "only" if remaining == 1 and len(missing) > 1 else ""
    shown = missing[0]
    if detail:
        (shown,) = (e for e in step.incoming[value] if all(e is not m for m in missing))
    return Hypothesis(
        "missing_path", gradient, missing[0].op.name, value, shown.user, detail=detail,
        times=1 if detail else len(missing),
    )  # fmt: skip


def _nothing(operand: Value, g: Any) -> Any:
    return np.zeros(operand.shape, g.dtype)


def _assigned(edge: Edge, g: Any) -> Any:
    out = np.zeros(edge.operand.shape, g.dtype)
    out[edge.user.params["index"]] = g
    return out


def counted_twice(step: Step, known: Known) -> Iterator[Hypothesis]:
    """One of several contributions counted twice, or the gradient of an earlier pass kept."""
    for value, edges in step.incoming.items():
        if len(edges) > 1:
            for edge in edges:
                gradient = step.with_added([(value, step.contribution(edge))])
                yield Hypothesis("extra_path", gradient, edge.op.name, value, edge.user)
    kept = known.earlier(step.target)
    if kept is not None and kept.shape == step.expected.shape:
        yield Hypothesis("extra_path", step.expected + kept, detail="earlier")


def multiplied(step: Step, known: Known) -> Iterator[Hypothesis]:
    """One of several contributions times a constant, as with the wrong sign."""
    for value, edges in step.incoming.items():
        if len(edges) > 1:
            for edge in edges:
                change = step.with_added([(value, step.contribution(edge))]) - step.expected
                yield Hypothesis(
                    "factor", change, edge.op.name, value, edge.user, detail="part",
                    is_change=True,
                )  # fmt: skip
