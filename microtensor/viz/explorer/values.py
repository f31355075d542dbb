"""The value of every node of a graph: as it is held, or computed again from the leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InPlaceError
from ...graph import Graph
from ...inplace import clock
from ...op import Node, describe

__all__ = ["node_values"]


def node_values(graph: Graph) -> Mapping[Node, Any]:
    """Return the arrays of a graph's nodes, and its constants' numbers.

    What neither a variable nor a derivative rule holds is computed by the operations' kernels. A
    node is missing if a leaf that it depends on is gone, or if it was made by an operation of the
    user's, which may do more than compute.

    Raises
    ------
    InPlaceError
        If a leaf was changed in place after an operation used it.
    """
    _check(graph)
    values: dict[Node, Any] = {}
    for node in graph.nodes:
        if node.op is None:
            value = graph.value(node)
        else:
            value = _held(graph, node)
            if value is None:
                value = _computed(node, values)
        if value is not None:
            values[node] = value
    return values


def _check(graph: Graph) -> None:
    """Raise if a leaf no longer has the value that the graph was computed from."""
    for edge in graph.edges():
        leaf, value = edge.source, graph.value(edge.source)
        if leaf.op is None and clock.changed_since(value, edge.target.order):
            assert edge.target.op is not None
            name = graph.names.get(leaf)
            which = f"{name!r}, shape {leaf.shape}" if name else describe(leaf)
            raise InPlaceError(
                f"{which}, was changed in place after the operation {edge.target.op.name} used it, "
                "so its value is not the one that the result was computed from. Explore before "
                "optimizer.step(), or compute the output again."
            )


def _held(graph: Graph, node: Node) -> Any:
    """Return what a rule saved, or a variable still holds unchanged."""
    if node.saved and isinstance(node.saved[0], (np.ndarray, np.generic)):
        return node.saved[0]
    value = graph.value(node)
    return None if clock.changed_since(value, node.order) else value


def _computed(node: Node, values: Mapping[Node, Any]) -> Any:
    if node.op is None or not node.op.trusted:
        return None
    inputs = []
    for parent in node.parents:
        value = parent.value if parent.is_constant else values.get(parent)
        if value is None and not parent.is_constant:
            return None
        inputs.append(value)
    with np.errstate(all="ignore"):
        return node.op.kernel(*inputs, **(node.params or {}))
