"""The outline of a graph, written as DOT."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..graph import Edge, Graph
from ..op import Node
from . import styles
from .backward import BackwardOutline
from .items import Box, Fold, Item, begin, is_leaves
from .labels import Row, label, node_label, node_tooltip, title, tooltip
from .operands import operand, order_matters
from .outline import Outline

if TYPE_CHECKING:
    import graphviz

__all__ = ["Picture"]


class Picture:
    """Writes what an `Outline` draws into a `graphviz.Digraph`.

    Parameters
    ----------
    drawing
        The drawing, which grows.
    graph
        What is drawn.
    outline
        What of it, and in which frames.
    backward
        The backward pass, if it is drawn as well.
    rows
        What to say of nodes and of folds besides.
    marked
        What is drawn with a thick red line.
    """

    def __init__(
        self,
        drawing: graphviz.Digraph,
        graph: Graph,
        outline: Outline,
        *,
        backward: BackwardOutline | None = None,
        rows: Mapping[Item, Sequence[Row]],
        marked: Iterable[Item] = (),
    ) -> None:
        self._drawing = drawing
        self._graph = graph
        self._outline = outline
        self._backward = backward
        self._shown = outline.shown | (backward.shown if backward else {})
        self._rows = rows
        self._marked = set(marked)
        self._outputs = {outline.shown[node] for node in graph.outputs if node in outline.shown}
        numbers = {node: i for i, node in enumerate(graph.nodes)}
        self._ids: dict[Item, str] = {}
        for item in (*outline.root.inside(), *(backward.kinds if backward else ())):
            first = item.first if isinstance(item, Fold) else item
            self._ids[item] = f"{'f' if isinstance(item, Fold) else 'n'}{numbers[first]}"
        self._constants: dict[Node, list[Edge]] = {}
        for edge in graph.edges():
            if edge.source.is_constant:
                self._constants.setdefault(edge.target, []).append(edge)
        self._frames = 0
        self._sideways = drawing.graph_attr["rankdir"] in ("LR", "RL")
        self._left = set(self._boxes_left())

    def add_nodes(self) -> None:
        """Draw the nodes, in their frames."""
        if self._backward is None:
            self._fill(self._drawing, self._outline.root.items)
            return
        with self._frame("", styles.FRAME | {"style": "invis"}) as forward:
            self._fill(forward, self._outline.root.items)
        with self._frame("<<b>backward</b>>", styles.BACKWARD) as backward:
            self._fill(backward, self._backward.kinds)

    def add_edges(self) -> None:
        """Draw the edges, each once where several nodes are drawn as one."""
        reads: dict[tuple[Item, Item], dict[str, None]] = {}
        for edge, tail, head in self._edges():
            several = isinstance(tail, Fold) and not tail.nodes
            text = "" if several else _operand_label(head, edge.position)
            if tail is None:
                self._add_edge(_constant_id(self._ids[head], edge.position), head, text)
            elif edge.target in self._outline.shown:
                back = _goes_back(edge, tail, head)
                self._add_edge(self._ids[tail], head, text, styles.CARRY if back else {})
            elif edge.source in self._outline.shown:
                reads.setdefault((tail, head), {})[text] = None
            elif self._goes_on(tail, head):
                # upward, beside the forward pass that it goes back through
                self._add_edge(self._ids[tail], head, text, styles.GRADIENT)
        self._add_links(reads)

    def _edges(self) -> Iterator[tuple[Edge, Item | None, Item]]:
        """Yield the edges to draw and what they are drawn between; from a number, from ``None``."""
        drawn: set[tuple[Item, Item]] = set()
        others: list[tuple[Edge, Item, Item]] = []
        for edge in self._graph.edges():
            head, tail = self._shown.get(edge.target), self._shown.get(edge.source)
            if head is None or (tail is None and head is not edge.target):
                continue
            if tail is None:
                yield edge, None, head
            elif tail is edge.source and head is edge.target:
                drawn.add((tail, head))
                yield edge, tail, head
            elif tail is not head or isinstance(head, Node):
                others.append((edge, tail, head))
        for edge, tail, head in others:
            if (tail, head) not in drawn:
                drawn.add((tail, head))
                yield edge, tail, head

    def _add_links(self, reads: Mapping[tuple[Item, Item], Iterable[str]]) -> None:
        """Draw the edges between the passes: one from each value to each operation at most."""
        links = {} if self._backward is None else self._backward.links
        for tail, head in dict.fromkeys([*reads, *((of, item) for item, of in links.items())]):
            text = ", ".join(filter(None, reads.get((tail, head), ())))
            style = styles.LINK if links.get(head) is tail else styles.READ
            if (tail, head) not in reads:
                style = style | {"arrowhead": "none"}
            self._add_edge(self._ids[tail], head, text, style)

    def _goes_on(self, tail: Item, head: Item) -> bool:
        """Tell whether an edge of the backward pass does not lead to the next of equal blocks."""
        assert self._backward is not None
        return self._backward.order[tail] < self._backward.order[head]

    @contextmanager
    def _frame(self, label: str, style: Mapping[str, str]) -> Iterator[graphviz.Digraph]:
        self._frames += 1
        with self._drawing.subgraph(name=f"cluster_{self._frames}") as frame:
            frame.attr(label=label, **style)
            yield frame

    def _fill(self, drawing: graphviz.Digraph, items: Iterable[Item | Box]) -> None:
        for item in items:
            if isinstance(item, Box):
                self._frames += 1
                with drawing.subgraph(name=f"cluster_{self._frames}") as frame:
                    style = styles.FRAME if item.times == 1 else styles.REPEATED
                    text = title(*item.title, item.times)
                    if item not in self._left and not self._sideways:
                        style = style | {"labelloc": "b"}  # where no edge crosses it
                    frame.attr(label=f"<{text}>", tooltip=_module(item), **style)
                    self._fill(frame, self._in_order(item.items))
            elif isinstance(item, Fold):
                self._add_fold(drawing, item)
            else:
                self._add_node(drawing, self._ids[item], item)
                for edge in self._constants.get(item, ()):
                    # wherever it is used: no edges across the drawing from a 2
                    id = _constant_id(self._ids[item], edge.position)
                    self._add_node(drawing, id, edge.source)

    def _boxes_left(self) -> Iterator[Box]:
        """Yield the frames that an edge of the forward pass leads out of."""
        boxes = self._outline.boxes
        for edge in self._graph.edges():
            tail = self._outline.shown.get(edge.source)
            head = self._outline.shown.get(edge.target)
            if tail is not None and head is not None:
                yield from set(boxes[tail]) - set(boxes[head])

    def _in_order(self, items: Sequence[Item | Box]) -> Iterable[Item | Box]:
        """Return what is in a frame, the leaves so that dot puts the first one first."""
        if self._sideways:
            return items
        leaves = list(itertools.takewhile(is_leaves, items))
        return [*reversed(leaves), *items[len(leaves) :]]

    def _kind(self, item: Item) -> str:
        if self._backward is not None and item in self._backward.kinds:
            return self._backward.kinds[item]
        if isinstance(item, Fold):
            return "operation" if item.nodes else self._graph.kind(item.first).value
        return self._graph.kind(item).value

    def _add_node(self, drawing: graphviz.Digraph, id: str, node: Node) -> None:
        kind = self._kind(node)
        attributes = self._style(kind, node)
        if order_matters(node):
            attributes["ordering"] = "in"
        text = node_label(
            self._graph,
            node,
            kind=kind,
            scope=self._outline.alone.get(node),
            varied=node in self._outline.varied,
            rows=self._rows.get(node, ()),
        )
        drawing.node(id, text, tooltip=node_tooltip(self._graph, node, kind), **attributes)

    def _add_fold(self, drawing: graphviz.Digraph, fold: Fold) -> None:
        kind = self._kind(fold)
        numbers = sum(leaf.size for leaf in fold.leaves if leaf.requires_grad or not fold.nodes)
        rows = list(self._rows.get(fold, ()))
        if not fold.nodes:
            text, detail = f"<b>{len(fold.leaves)} {kind}s</b>", f"{numbers} numbers"
        else:
            text, detail = f"<b>{_counted(len(fold.nodes), 'operation')}</b>", fold.summary
            if fold.title[0] is not None:
                detail = f"{_counted(len(fold.nodes), 'operation')}: {detail}"
                text = title(*fold.title, fold.times)
            parameters = sum(leaf.requires_grad for leaf in fold.leaves)
            if parameters:
                lines = [f"{_counted(parameters, 'parameter')}: {numbers} numbers"]
                rows.insert(0, Row("", lines, styles.KINDS["parameter"]["color"]))
        drawing.node(
            self._ids[fold],
            label(text, detail, rows=rows),
            tooltip=tooltip(detail),
            **self._style(kind, fold),
        )

    def _style(self, kind: str, item: Item) -> dict[str, str]:
        attributes = styles.KINDS[kind] | {"class": kind}
        if isinstance(item, Fold):
            look = styles.FOLD if kind == "operation" else styles.FOLD | styles.colours(kind)
            attributes |= look | {"class": f"{kind} fold"}
        if item in self._outputs:
            attributes |= styles.OUTPUT | {"fillcolor": "#d6f0de", "class": f"{kind} output"}
        if item in self._marked:
            attributes |= styles.FINDING | {"class": f"{attributes['class']} finding"}
        return attributes

    def _add_edge(
        self, tail: str, head: Item, text: str, style: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        label = {"label": f" {text} "} if text else {}
        start, end = tail, self._ids[head]
        if style.get("dir") == "back":
            start, end = end, start
        self._drawing.edge(start, end, **label, **style)


def _goes_back(edge: Edge, tail: Item, head: Item) -> bool:
    """Tell whether an edge leads from a block to the next, which are drawn as one."""
    return edge.source.op is not None and begin(head) <= begin(tail)


def _operand_label(item: Item, position: int) -> str:
    """Return what to write at the edge to an operand."""
    return operand(item, position) if isinstance(item, Node) and order_matters(item) else ""


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _constant_id(id: str, position: int) -> str:
    return f"{id}c{position}"


def _module(box: Box) -> str:
    if box.scope is None:
        return f"{box.times} equal blocks"
    extra = box.scope.module.extra_repr()
    return tooltip(f"{type(box.scope.module).__name__}({extra})")
