"""Mistakes in the sum over the axes along which a tensor was broadcast."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..step import Step
from ..tape import Edge
from .hypothesis import Hypothesis, Known, changed, if_fit

__all__ = ["averaged", "left_out"]


def left_out(step: Step, known: Known) -> Iterator[Hypothesis]:
    """What was broadcast: averaged, not summed, summed over other axes, or one row taken."""
    yield from averaged(step, known)
    for edge in step.edges:
        whole, shape = step.unsummed(edge), edge.operand.shape
        if whole.shape == shape or not whole.size:
            continue
        for i, detail in ((0, "first"), (-1, "last")):
            gradient = changed(step, edge, _picked, whole, shape, i)
            yield _hypothesis(gradient, edge, detail)
    yield from _of_other_shapes(step)


def averaged(step: Step, known: Known) -> Iterator[Hypothesis]:
    """The average where the sum belongs."""
    for edge in step.edges:
        whole = step.unsummed(edge)
        if whole.shape != edge.operand.shape and whole.size:
            c = step.contribution(edge)
            count = float(whole.size // max(c.size, 1))
            yield _hypothesis(changed(step, edge, np.divide, c, count), edge, "mean")


def _hypothesis(gradient: Any, edge: Edge, detail: str) -> Hypothesis:
    return Hypothesis("missing_sum", gradient, edge.op.name, edge.operand, edge.user, detail=detail)


def _picked(whole: Any, shape: tuple[int, ...], i: int) -> Any:
    for axis in _broadcast_axes(whole.shape, shape):
        whole = whole.take([i], axis)
    return whole.reshape(shape)


def _of_other_shapes(step: Step) -> Iterator[Hypothesis]:
    """What comes to the target summed over any other axes than the right ones."""
    shape = step.expected.shape
    edges = step.incoming.get(step.target, [])
    for chosen in [*([e] for e in edges), *([edges] if len(edges) > 1 else [])]:
        parts = [step.unsummed(edge) for edge in chosen]
        whole = parts[0]
        if whole.shape == shape or any(part.shape != whole.shape for part in parts):
            continue
        whole = sum(parts[1:], whole)
        rest = step.expected - sum(step.contribution(edge) for edge in chosen)
        single = {axis for axis, n in enumerate(whole.shape) if n == 1}  # its sum is no sum
        right = {*_broadcast_axes(whole.shape, shape)} - single
        for count in range(whole.ndim + 1):
            for axes in itertools.combinations(range(whole.ndim), count):
                if set(axes) - single == right:
                    continue
                for keepdims in (False, True) if axes else (False,):
                    partly = whole.sum(axis=axes, keepdims=keepdims) if axes else whole
                    gradient = if_fit(np.add, partly, rest) if len(edges) > len(chosen) else partly
                    if whole.size == step.expected.size:
                        continue  # it has another shape, and nothing to sum
                    detail = "other axes" if axes else "unsummed"
                    yield _hypothesis(gradient, chosen[0], detail)


def _broadcast_axes(shape: tuple[int, ...], to: tuple[int, ...]) -> tuple[int, ...]:
    lead = len(shape) - len(to)
    return (*range(lead), *(i + lead for i, n in enumerate(to) if n == 1 and shape[i + lead] != 1))
