"""The values of a graph's nodes: those that are held, and those that these determine."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Graph
from ..inplace import clock
from ..op import Node

__all__ = ["summary", "values"]

Array = npt.NDArray[Any]

_MOST_NUMBERS = 12
"""A larger array is summarised."""


def values(graph: Graph) -> dict[Node, Array]:
    """Return the values of nodes, as far as they are known.

    A graph holds the leaves and what its derivative rules read. The results in between are computed
    again from their operands, in so far as these are known and were not changed since; not those of
    the user's own operations, which may do more than compute.
    """
    found: dict[Node, Array] = {}
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            value = graph.value(node)
            if value is None and node.op is not None:
                value = _again(node, found)
            if value is not None:
                found[node] = np.asarray(value)
    return found


def _again(node: Node, found: dict[Node, Array]) -> Any:
    """Compute the result of an operation from the values of its operands, if they are known."""
    if node.op is None or not node.op.trusted:
        return None
    operands = []
    for parent in node.parents:
        if parent.is_constant:
            operands.append(parent.value)
        elif parent not in found or clock.changed_since(found[parent], node.order):
            return None
        else:
            operands.append(found[parent])
    value = node.op.kernel(*operands, **(node.params or {}))
    return value if np.shape(value) == node.shape else None


def summary(array: npt.ArrayLike) -> list[str]:
    """Write an array in a few short lines: its numbers, or what they range over.

    >>> summary([[0.5, -1.0], [0.0, 2.0 / 3]])
    ['[[0.5,     -1],', ' [  0, 0.6667]]']
    >>> summary(range(100))
    ['min 0, mean 49.5, max 99']
    """
    array = np.asarray(array)
    if array.ndim == 0:
        return [f"{array[()]:.6g}" if array.dtype.kind == "f" else str(array[()])]
    if not array.size:
        return ["empty"]
    if array.size <= _MOST_NUMBERS and array.ndim <= 2:
        return _numbers(array)
    if array.dtype.kind == "b":
        return [f"{np.count_nonzero(array)} of {array.size} true"]
    finite = array[np.isfinite(array)]
    lines = []
    if finite.size:
        with np.errstate(over="ignore"):
            mean = finite.mean(dtype=np.float64)
        lines.append(f"min {finite.min():.4g}, mean {mean:.4g}, max {finite.max():.4g}")
    if finite.size < array.size:
        lines.append(f"{array.size - finite.size} of {array.size} not finite")
    return lines


def _numbers(array: Array) -> list[str]:
    """Write a vector in a line, or the rows of a matrix below each other, in columns."""
    rows = [[_number(x) for x in row] for row in np.atleast_2d(array)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "[" + ", ".join(x.rjust(width) for x, width in zip(row, widths, strict=True)) + "]"
        for row in rows
    ]
    if array.ndim == 1:
        return lines
    opening = ["[", *" " * (len(lines) - 1)]
    closing = [*"," * (len(lines) - 1), "]"]
    return [a + line + z for a, line, z in zip(opening, lines, closing, strict=True)]


def _number(x: Any) -> str:
    return f"{x + 0.0:.4g}" if isinstance(x, np.floating) else str(x)  # 0 for -0.0
