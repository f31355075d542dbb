"""The values of a graph's nodes: those that are held, and those that these determine."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Graph
from ..inplace import clock
from ..op import Node

__all__ = ["values"]

Array = npt.NDArray[Any]


def values(graph: Graph) -> dict[Node, Array]:
    """Return the values of nodes, as far as they are known.

    Leaves have those that they hold now. Results have those they were computed with: what a
    derivative rule saved, or a variable holds and nobody changed since. Others are computed again
    from their operands, in so far as these are known and were not changed since; not those of the
    user's own operations, which may do more than compute.
    """
    found: dict[Node, Array] = {}
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            value = graph.value(node) if node.op is None else _held(graph, node)
            if value is None:
                value = _again(node, found)
            if value is not None:
                found[node] = np.asarray(value)
    return found


def _held(graph: Graph, node: Node) -> Any:
    """Return the result of an operation as it was computed, where it is held."""
    for value in (node.saved[0] if node.saved else None, graph.value(node)):
        held = isinstance(value, (np.ndarray, np.generic))
        if held and not clock.changed_since(value, node.order):
            return value
    return None


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
