"""Mistakes in products: axes in another order, `*` for `@`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..step import Step
from .hypothesis import Hypothesis, Known, changed, if_fit

__all__ = ["elementwise", "rearranged", "transposed"]

_MATRIX_PRODUCTS = frozenset({"matmul", "tensordot", "einsum"})


def transposed(step: Step, known: Known) -> Iterator[Hypothesis]:
    """The result, or an operand of a matrix product, with its axes in another order."""
    right = step.expected
    if 2 <= right.ndim <= 4:
        for axes in itertools.permutations(range(right.ndim)):
            if list(axes) != sorted(axes):
                yield Hypothesis("transpose", right.transpose(axes), detail="result")
    for edge in step.edges:
        if edge.op.name != "matmul":
            continue
        (other,) = (x for i, x in enumerate(edge.user.parents) if i != edge.position)
        g, y = step.flow[edge.user], other.data
        if y is None or y.ndim != 2 or g.ndim != 2:
            continue
        # Where g @ y.T and y.T @ g belong.
        pairs = ((g, y), (g.T, y.T)) if edge.position == 0 else ((y, g), (y.T, g.T))
        for a, b in pairs:
            gradient = changed(step, edge, np.matmul, a, b)
            yield Hypothesis("transpose", gradient, "matmul", edge.operand, other, detail="operand")


def rearranged(step: Step, known: Known) -> Iterator[Hypothesis]:
    """Both operands of a matrix product the wrong way round, or exchanged."""
    for edge in step.edges:
        if edge.op.name != "matmul":
            continue
        (other,) = (x for i, x in enumerate(edge.user.parents) if i != edge.position)
        g, y = step.flow[edge.user], other.data
        if y is None or y.ndim != 2 or g.ndim != 2:
            continue
        # Where a @ b belongs.
        a, b = (g, y.T) if edge.position == 0 else (y.T, g)
        for detail, left, right in (("operands", a.T, b.T), ("exchanged", b, a)):
            gradient = changed(step, edge, np.matmul, left, right)
            yield Hypothesis("transpose", gradient, "matmul", edge.operand, other, detail=detail)


def elementwise(step: Step, known: Known) -> Iterator[Hypothesis]:
    """An elementwise product where a matrix product belongs."""
    for edge in step.edges:
        if edge.op.name not in _MATRIX_PRODUCTS or len(edge.user.parents) != 2:
            continue
        other = edge.user.parents[1 - edge.position]
        g = step.flow[edge.user]
        if other.data is None or not np.ndim(other.data) or not g.ndim:
            continue
        for x, y in itertools.product(_turned(g), _turned(other.data)):
            gradient = changed(step, edge, np.multiply, x, y)
            if gradient is None and edge.operand is step.target:
                gradient = if_fit(np.multiply, x, y)
            yield Hypothesis(
                "elementwise_for_matmul", gradient, edge.op.name, edge.operand, other, edge.user
            )


def _turned(x: Any) -> list[Any]:
    return [x, x.T] if x.ndim == 2 else [x]
