"""What a page knows of each tensor: how it was made, where it lies, its value and gradient."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...graph import Edge, Graph, Kind
from ...op import Node, Op
from .layout import lay_out
from .naming import Naming

__all__ = ["drawn_nodes", "nodes_and_edges"]

_LONGEST = 30
"""In characters; a longer text is cut in a node, and whole beside the graph."""
_NAME, _SMALL = 8.0, 6.65
"""The widths of characters in pixels: of names, 13 px, and of all else, 11 px, monospaced."""
_NUMBERS = 26
"""How many characters a value or a gradient takes in a node."""
_PADDING, _INPUT, _PARAMETER, _OPERATION = 22.0, 42.0, 54.0, 69.0


def drawn_nodes(graph: Graph) -> list[Node]:
    """Return the nodes that are drawn: all but numbers, which stand where they are used."""
    return [node for node in graph.nodes if graph.kind(node) is not Kind.CONSTANT]


def nodes_and_edges(
    graph: Graph,
    ids: Mapping[Node, int],
    naming: Naming,
    facts: Mapping[Node, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return nodes, edges and the size of the drawing, for JSON; ``facts`` of nodes go along."""
    edges = [edge for edge in graph.edges() if edge.source in ids]
    sizes = {node: _size(graph, naming, node) for node in ids}
    layout = lay_out(sizes, edges)
    described = []
    for node in ids:
        x, y = layout.centres[node]
        width, height = sizes[node]
        described.append(
            {"x": x, "y": y, "width": width, "height": height}
            | _described(graph, naming, node)
            | dict(facts[node])
        )
    return {
        "width": layout.width,
        "height": layout.height,
        "nodes": described,
        "edges": [
            _edge(edge, ids) | {"points": points}
            for edge, points in zip(edges, layout.curves, strict=True)
        ],
    }


def _described(graph: Graph, naming: Naming, node: Node) -> dict[str, Any]:
    name = naming[node]
    facts: dict[str, Any] = {
        "name": name,
        "kind": graph.kind(node).value,
        "output": node in graph.outputs,
        "shape": list(node.shape),
        "dtype": str(node.dtype),
        "differentiable": node.requires_grad,
        "label": _cut(name),
        "module": _module(graph, node),
    }
    if node.op is not None:
        expression = naming.expression(node)
        facts |= {
            "op": node.op.name,
            "elementwise": _is_elementwise(node.op),
            "made": expression,
            "short": _cut(f"= {expression}"),
        }
    return facts


def _is_elementwise(op: Op) -> bool:
    """Tell whether the operands broadcast to the shape of the result."""
    return any(f is np.where or (isinstance(f, np.ufunc) and not f.signature) for f in op.numpy)


def _size(graph: Graph, naming: Naming, node: Node) -> tuple[float, float]:
    """Return width and height: of name and shape, of how it was made, and of two numbers."""
    shape = str(node.shape) if node.shape else ""
    first = _columns(_cut(naming[node])) * _NAME + len(shape) * _SMALL + 12
    if node.op is None:
        second, height = _NUMBERS * _SMALL, _PARAMETER if node.requires_grad else _INPUT
    else:
        made = _columns(_cut(f"= {naming.expression(node)}"))
        second, height = max(made, _NUMBERS) * _SMALL, _OPERATION
    return round(max(first, second) + _PADDING), height


def _cut(text: str) -> str:
    printable = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return printable if len(printable) <= _LONGEST else printable[: _LONGEST - 1] + "…"


def _columns(text: str) -> int:
    """Return the width of a text in characters: those of East Asian scripts are wide."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _module(graph: Graph, node: Node) -> str | None:
    """Return the path of the module that a parameter belongs to, or whose call made a result."""
    if node.op is not None:
        return graph.module_path(node)
    path, _, attribute = graph.names.get(node, "").rpartition(".")
    return path if path and attribute.isidentifier() else None


def _edge(edge: Edge, ids: Mapping[Node, int]) -> dict[str, Any]:
    return {"source": ids[edge.source], "target": ids[edge.target], "position": edge.position}
