"""Where nodes and edges of a page's graph lie: laid out by Graphviz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...graph import Edge
from ...op import Node

__all__ = ["Layout", "lay_out"]

Point = tuple[float, float]

_MOST_SPANNED = 2500
"""How many ranks the edges may span together. Past some thousand, dot takes minutes."""
_LONGEST = 10
"""How many ranks an edge may span in a graph whose edges span more than that together."""
_SETTINGS = {
    "nodesep": "0.28",
    "ranksep": "0.36",
    "nslimit": "2",
    "nslimit1": "2",
    "mclimit": "0.5",
}
_INCH = 72.0


class Layout(NamedTuple):
    """Coordinates in pixels, from the top left corner on, downwards."""

    width: float
    height: float
    centres: Mapping[Node, Point]
    curves: Sequence[Sequence[Point] | None]
    """Of each edge, the control points of its Bézier spline; ``None`` if it was not laid out."""


def lay_out(sizes: Mapping[Node, tuple[float, float]], edges: Sequence[Edge]) -> Layout:
    """Lay out nodes of the given widths and heights, in pixels, from top to bottom.

    Edges across many ranks, of weights that are used by every step of a loop, are what takes dot's
    time. If there are too many, the longest are left to be drawn straight across.

    Raises
    ------
    RenderError
        If there is no layout engine, or it fails.
    """
    from ..drawing import Drawing, laid_out

    ids = {node: f"n{i}" for i, node in enumerate(sizes)}
    drawing = Drawing(
        graph_attr=_SETTINGS,
        node_attr={"shape": "box", "fixedsize": "true", "label": ""},
        edge_attr={"arrowhead": "none"},
    )
    for node, (width, height) in sizes.items():
        drawing.node(ids[node], width=f"{width / _INCH:.4f}", height=f"{height / _INCH:.4f}")
    kept = _short_enough(list(sizes), edges)
    for i in kept:
        source, target = edges[i].source, edges[i].target
        drawing.edge(ids[source], ids[target], weight="1" if source.op is None else "3")
    plain = laid_out(drawing, "plain").decode()
    return _read(plain, {id: node for node, id in ids.items()}, edges, kept)


def _short_enough(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[int]:
    """Return the edges that are laid out: of all pairs of nodes one, the shortest first."""
    ranks = _ranks(nodes, edges)
    first = {(edge.source, edge.target): i for i, edge in reversed(list(enumerate(edges)))}
    spans = {i: ranks[target] - ranks[source] for (source, target), i in first.items()}
    if sum(spans.values()) - len(spans) <= _MOST_SPANNED:
        return list(spans)
    kept, spanned = [], 0
    for i in sorted(spans, key=lambda i: (spans[i], i)):
        spanned += spans[i] - 1
        if spanned > _MOST_SPANNED or spans[i] > _LONGEST:
            break
        kept.append(i)
    return sorted(kept)


def _ranks(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[Node, int]:
    """Rank each node just above what uses it first; ranks count downwards, to 0 at the outputs."""
    ranks = dict.fromkeys(nodes, 0)
    for edge in reversed(edges):  # they are in the order of their targets, which come after
        ranks[edge.source] = min(ranks[edge.source], ranks[edge.target] - 1)
    return ranks


def _read(plain: str, nodes: Mapping[str, Node], edges: Sequence[Edge], kept: list[int]) -> Layout:
    """Read Graphviz's plain format: inches, from the bottom left corner on, upwards."""
    width = height = 0.0
    centres: dict[Node, Point] = {}
    curves: list[list[Point] | None] = [None] * len(edges)
    between = {(edges[i].source, edges[i].target): i for i in kept}
    for line in plain.splitlines():
        kind, *fields = line.split(" ")
        if kind == "graph":
            width, height = float(fields[1]) * _INCH, float(fields[2]) * _INCH
        elif kind == "node":
            centres[nodes[fields[0]]] = _point(fields[1], fields[2], height)
        elif kind == "edge":
            i = between[nodes[fields[0]], nodes[fields[1]]]
            numbers = fields[3 : 3 + 2 * int(fields[2])]
            pairs: Any = zip(numbers[::2], numbers[1::2], strict=True)
            curves[i] = [_point(x, y, height) for x, y in pairs]
    _place_parallels(edges, between, curves)
    return Layout(width, height, centres, curves)


def _place_parallels(
    edges: Sequence[Edge], between: Mapping[tuple[Node, Node], int], curves: list[Any]
) -> None:
    """Place the further edges between two nodes, as the second of ``x * x``, beside the first."""
    for i, edge in enumerate(edges):
        first = between.get((edge.source, edge.target), i)
        if first != i and curves[first] is not None:
            aside = 14 * (edge.position - edges[first].position)
            curves[i] = [(round(x + aside, 1), y) for x, y in curves[first]]


def _point(x: str, y: str, height: float) -> Point:
    return round(float(x) * _INCH, 1), round(height - float(y) * _INCH, 1)
