"""What of a graph is drawn, and in which frames: modules opened or closed, repetitions once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

from ..graph import Graph
from ..op import Node
from ..scopes import Scope
from .items import Box, Fold, Item, Span, is_leaves
from .repeats import Block, Call, Repeats, Unit

__all__ = ["Outline"]

_MUCH = 10
"""A drawing of so many times fewer nodes than it might have is too small."""
_MANY = 4
"""So many leaves that are used alike are drawn as one, where little space is left."""


class Outline:
    """What of ``graph`` is drawn.

    Parameters
    ----------
    graph
        The graph.
    depth
        How many levels of modules are opened, ``None`` for as many as the limit permits.
    repeats
        Whether chains of equal blocks are drawn once.
    limit
        How many nodes may be drawn before modules are closed, then stretches of operations drawn as
        one; ``None`` for any number.
    nodes
        Those of the graph to outline; all by default.

    Attributes
    ----------
    root
        The frame around everything.
    shown
        Of each node that is not a number, what is drawn for it.
    boxes
        Of each thing drawn the frames around it, the outermost first.
    varied
        Those drawn that stand for others with other indices.
    alone
        The modules of which only one operation is drawn, by that: they have no frame.
    note
        What the drawing says about itself if the limit made it smaller, else the empty string.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        depth: int | None = None,
        repeats: bool = True,
        limit: int | None = None,
        nodes: Sequence[Node] | None = None,
    ) -> None:
        self._graph = graph
        self._nodes = graph.nodes if nodes is None else nodes
        self._repeats = Repeats(graph) if repeats else None
        self.note = ""
        self.alone: dict[Node, Scope] = {}
        tree, deepest = _tree(graph, self._nodes)
        self._draw(tree, depth)
        self._observe(limit, tree, depth, deepest)
        self._unframe(self.root)

    def _observe(self, limit: int | None, tree: Call, depth: int | None, deepest: int) -> None:
        """Draw less if this is more than the limit."""
        if limit is None or self.size <= limit:
            return
        closed = deepest if depth is None else depth
        while depth is None and self.size > limit and closed > 0:
            closed -= 1
            self._draw(tree, closed)
        if self.size < limit // _MUCH and closed < deepest:
            closed += 1  # and rather cut in stretches than closed altogether
            self._draw(tree, closed)
        measures = [f"modules are closed below level {closed}"] * (closed < deepest)
        if self.size > limit:
            self._shorten(limit)
            measures += ["stretches of operations are drawn as one"]
        total = sum(not node.is_constant for node in self._nodes)
        self.note = (
            f"{total} nodes, drawn as {self.size}: {' and '.join(measures)}.\n"
            "draw(..., limit=None) draws all."
        )

    @property
    def size(self) -> int:
        """How many nodes are drawn, without numbers."""
        return sum(1 for _ in self.root.inside())

    def _draw(self, tree: Call, depth: int | None) -> None:
        self.shown: dict[Node, Item] = {}
        self.varied: set[Node] = set()
        self._same: dict[Node, Node] = {}
        self.boxes: dict[Item, tuple[Box, ...]] = {}
        self._cut = False
        """Whether stretches are not those between named results any more."""
        self.root = Box()
        self._place(tree.units, (self.root,), depth)
        self._finish()

    def _place(self, units: Sequence[Unit], boxes: tuple[Box, ...], depth: int | None) -> None:
        """Draw units in the innermost of the boxes."""
        chains = self._repeats.chains(units) if self._repeats else [[Block(units)]]
        for first, *others in chains:
            if not others:
                for unit in first.units:
                    self._place_unit(unit, boxes, depth)
                continue
            self._identify(first, others)
            times = len(others) + 1
            title = _scope(first.units[0]), _scope(others[-1].units[-1])
            if len(first.units) == 1 and title[0] is not None:
                self._place_unit(first.units[0], boxes, depth, times, title)
            else:
                box = self._opened(Box(None, times, title), boxes)
                self._place(first.units, box, depth)

    def _place_unit(
        self,
        unit: Unit,
        boxes: tuple[Box, ...],
        depth: int | None,
        times: int = 1,
        title: Span | None = None,
    ) -> None:
        if not isinstance(unit, Call):
            self._add(unit, [unit], boxes)
        elif depth == 0:
            fold = Fold(unit.nodes, unit.scope, times, title)
            self._add(fold, fold.nodes, boxes)
        else:
            box = self._opened(Box(unit.scope, times, title), boxes)
            self._place(unit.units, box, None if depth is None else depth - 1)

    def _opened(self, box: Box, boxes: tuple[Box, ...]) -> tuple[Box, ...]:
        boxes[-1].items.append(box)
        return (*boxes, box)

    def _add(self, item: Item, nodes: Iterable[Node], boxes: tuple[Box, ...]) -> None:
        boxes[-1].items.append(item)
        self.boxes[item] = boxes
        self.shown.update(dict.fromkeys(nodes, item))

    def _identify(self, first: Block, others: Iterable[Block]) -> None:
        """Note what the first block of a chain stands for."""
        assert self._repeats is not None
        for other in others:
            for drawn, node in self._repeats.counterparts(first, other):
                self._same[node] = drawn
                if drawn.params and _index(drawn) != _index(node):
                    self.varied.add(drawn)

    def _finish(self) -> None:
        """Find what is drawn for the nodes that others stand for, and place the leaves."""
        self._repeated = set(self._same.values())
        for node in self._nodes:
            if node.op is not None:
                self.shown.setdefault(node, self.shown[self._first(node)])
        for item in self.root.inside():
            if isinstance(item, Fold):
                item.leaves = []
        used: dict[Node, dict[Item, None]] = {}
        for node in self._nodes:
            for parent in node.parents:
                if parent.op is None and not parent.is_constant:
                    used.setdefault(self._first(parent), {})[self.shown[node]] = None
        alike: dict[Hashable, list[Node]] = {}
        self._leading: dict[Box, list[Item | Box]] = {}
        for leaf in self._nodes:
            if leaf.op is None and not leaf.is_constant and self._first(leaf) is leaf:
                users = tuple(used.get(leaf, ()))
                group = (users, self._graph.kind(leaf)) if self._cut else leaf
                alike.setdefault(group, []).append(leaf)
        for leaves in alike.values():
            if len(leaves) < _MANY:
                for leaf in leaves:
                    self._place_leaves([leaf], list(used.get(leaf, ())))
            else:
                self._place_leaves(leaves, list(used.get(leaves[0], ())))
        for box, items in self._leading.items():
            box.items[:0] = items
        for node in self._nodes:
            if node.op is None and not node.is_constant:
                self.shown[node] = self.shown[self._first(node)]

    def _first(self, node: Node) -> Node:
        """Return the node that is drawn for this one, as the first block's for those of a chain."""
        while node in self._same:
            node = self._same[node]
        return node

    def _place_leaves(self, leaves: list[Node], users: Sequence[Item]) -> None:
        """Draw a leaf, or several as one, beside what uses them."""
        leaf = leaves[0]
        if len(users) == 1 and isinstance(fold := users[0], Fold) and self._hidden(leaf, fold):
            fold.leaves += leaves
            self.shown.update(dict.fromkeys(leaves, fold))
            return
        scope = self._graph.scopes.get(leaf)
        around = _common([self.boxes[user] for user in users]) or (self.root,)
        above = () if scope is None else scope.above
        boxes = [
            box
            for box in around
            if box is self.root or box.scope in above or (leaf in self._repeated and box.times > 1)
        ]
        item: Item = leaf
        if len(leaves) > 1:
            item = Fold(())
            item.leaves = leaves
        self._leading.setdefault(boxes[-1], []).append(item)
        self.boxes[item] = tuple(boxes)
        self.shown.update(dict.fromkeys(leaves, item))

    def _hidden(self, leaf: Node, fold: Fold) -> bool:
        """Tell whether a leaf that only ``fold`` uses is not drawn beside it."""
        if fold.scope is None:
            return self._cut or leaf not in self._graph.names
        scope = self._graph.scopes.get(leaf)
        return scope is not None and fold.scope in scope.above

    def _shorten(self, limit: int) -> None:
        """Draw stretches of operations as one: those between named results, or as many as fit."""
        named: set[Item] = {*self._graph.names, *self._graph.outputs}
        modules = {item for item in self.root.inside() if isinstance(item, Fold)}
        self._fold(lambda stretch: [stretch], named | modules)
        if self.size > limit:
            self._cut = True
            length = -(-self.size // max(limit // 4, 1))
            self._fold(lambda stretch: _parts(stretch, length), set(self._graph.outputs))

    def _fold(self, parts: Callable[[list[Item]], Iterable[list[Item]]], kept: set[Item]) -> None:
        boxes = [self.root]
        for box in boxes:
            boxes += [item for item in box.items if isinstance(item, Box)]
            items: list[Item | Box] = []
            stretch: list[Item] = []
            for item in [*box.items, None]:
                if is_leaves(item):
                    continue  # placed anew
                if item is None or isinstance(item, Box) or item in kept:
                    items += map(self._folded, parts(stretch) if stretch else ())
                    stretch = []
                    if item is not None:
                        items.append(item)
                else:
                    stretch.append(item)
            box.items = items
        self.shown = {
            node: item
            for item in self.root.inside()
            for node in (item.nodes if isinstance(item, Fold) else [item])
        }
        self._finish()

    def _unframe(self, box: Box) -> None:
        """Draw modules of a single operation without a frame."""
        for i, item in enumerate(box.items):
            if isinstance(item, Box):
                self._unframe(item)
                (first, *others) = item.items
                if item.times == 1 and not others and isinstance(first, Node):
                    box.items[i] = first
                    if item.scope is not None:
                        self.alone.setdefault(first, item.scope)

    def _folded(self, part: list[Item]) -> Item:
        if len(part) == 1:
            return part[0]
        nodes: list[Node] = []
        for item in part:
            nodes += item.nodes if isinstance(item, Fold) else [item]
        first, last = part[0], part[-1]
        modules = all(isinstance(item, Fold) and item.scope is not None for item in part)
        fold = Fold(nodes)
        if modules and isinstance(first, Fold) and isinstance(last, Fold):
            fold.title = first.title[0], last.title[1]
        self.boxes[fold] = self.boxes[part[0]]
        return fold


def _tree(graph: Graph, nodes: Iterable[Node]) -> tuple[Call, int]:
    """Return the calls of modules and the operations in them, and how deep they go."""
    root = Call(None)
    calls: dict[Scope | None, Call] = {None: root}
    deepest = 0
    for node in nodes:
        if node.op is None:
            continue
        scope = graph.scopes.get(node)
        above = () if scope is None else scope.above
        deepest = max(deepest, len(above))
        call = root
        for each in above:
            if each not in calls:
                calls[each] = Call(each)
                call.units.append(calls[each])
            call = calls[each]
        call.units.append(node)
    return root, deepest


def _scope(unit: Unit) -> Scope | None:
    return unit.scope if isinstance(unit, Call) else None


def _common(chains: Sequence[tuple[Box, ...]]) -> tuple[Box, ...]:
    """Return the boxes that all chains begin with."""
    common = chains[0] if chains else ()
    for chain in chains[1:]:
        pairs = zip(common, chain, strict=False)  # of two depths
        common = tuple(a for a, b in pairs if a is b)
    return common


def _parts(stretch: list[Item], length: int) -> Iterator[list[Item]]:
    for start in range(0, len(stretch), length):
        yield stretch[start : start + length]


def _index(node: Node) -> str:
    return repr((node.params or {}).get("index"))
