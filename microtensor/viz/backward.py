"""The backward pass as a part of a drawing: the operations of gradients, and what of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from ..graph import Graph
from ..op import Node
from ..tensor import Tensor
from .items import Fold, Item, begin
from .outline import Outline
from .passes import Backward

__all__ = ["BackwardOutline", "name_gradients"]


def name_gradients(names: Mapping[Node, str], backward: Backward) -> list[Tensor]:
    """Call the gradients of named tensors ``d_`` and the name; return those of the leaves."""
    called: dict[Node, list[str]] = {}
    for node, gradient in backward.gradients.items():
        if gradient._node is not None and node in names:
            called.setdefault(gradient._node, []).append(f"d_{names[node]}")
    for node, given in called.items():
        node.name = ", ".join(given)
    return [g for node, g in backward.gradients.items() if node.op is None and g.requires_grad]


class BackwardOutline:
    """What of a recorded backward pass is drawn: as much as of the forward pass.

    Parameters
    ----------
    graph
        The graph of both passes.
    forward
        What of the forward pass is drawn.
    backward
        The backward pass.

    Attributes
    ----------
    kinds
        What is drawn, and as what: a gradient, or a constant that its computation uses.
    shown
        Of each node, what is drawn for it.
    links
        Of what is drawn, what it is the gradient of in the drawing of the forward pass.
    order
        Of each thing drawn where it comes in the pass, of which only one of equal blocks is drawn.
    times
        Of each operation that is drawn for others like it, how many these are, itself included.
    """

    def __init__(self, graph: Graph, forward: Outline, backward: Backward) -> None:
        self.shown: dict[Node, Item] = {}
        self._sums: dict[tuple[Node, Item], Item] = {}
        self._named: dict[Item, Item] = {}
        nodes = [n for n in graph.nodes if not n.is_constant and n not in forward.shown]
        made_by = _with_constants(nodes, backward)
        rules: dict[Node, list[Node]] = {}
        for node, of in made_by.items():
            rules.setdefault(of, []).append(node)
        models: dict[Item, list[Node]] = {}
        for of, rule in rules.items():
            if len(rule) >= len(models.get(forward.shown[of], ())):
                models[forward.shown[of]] = rule
        folds: dict[Fold, Fold] = {}
        for node in nodes:
            self.shown[node] = node
            if node not in made_by:
                continue
            of = made_by[node]
            drawn = forward.shown[of]
            if isinstance(drawn, Fold):
                fold = folds.setdefault(drawn, Fold((), drawn.scope, drawn.times, drawn.title))
                fold.nodes.append(node)
                self.shown[node] = fold
            else:
                alike = _counterpart(node, rules[of], models[drawn]) if of.op else node
                self.shown[node] = alike if alike is not node else self._sum(node, of, made_by)
        self.shown = {node: self._named.get(item, item) for node, item in self.shown.items()}
        self.kinds = {item: _kind(item) for item in self.shown.values()}
        self.links = {
            self.shown[node]: forward.shown[of] for node, of in made_by.items() if node.op
        }
        self.order = dict.fromkeys(self.kinds, (-math.inf, 0))
        for node, of in made_by.items():
            item = self.shown[node]
            self.order[item] = -begin(forward.shown[of]), begin(item)
        counts = Counter(node for node in self.shown.values() if isinstance(node, Node))
        self.times = {node: n for node, n in counts.items() if n > 1 and node.op}

    def _sum(self, node: Node, of: Node, made_by: Mapping[Node, Node]) -> Item:
        """Return what is drawn for a sum of contributions: equal ones are added once."""
        if node.op is None or node.op.name != "add":
            return node
        given = (p for p in node.parents if p in self.shown and made_by.get(p) is not of)
        added = [self.shown[p] for p in given]
        if not added:
            return node
        item = self._sums.get((of, added[-1]), node)
        for each in added:
            self._sums.setdefault((of, each), item)
        if node.name and isinstance(item, Node) and not item.name:
            self._named[item] = node  # the last sum, which is the gradient
        return item


def _kind(item: Item) -> str:
    constant = isinstance(item, Node) and item.op is None and not item.requires_grad
    return "constant" if constant else "gradient"


def _with_constants(nodes: Sequence[Node], backward: Backward) -> dict[Node, Node]:
    """Return what made each node of the pass, the constants that rules compute included."""
    made_by = dict(backward.made_by)
    known = set(nodes)
    for node in nodes:
        for parent in node.parents:
            if parent.op is None and parent in known and parent not in backward.seeds:
                made_by.setdefault(parent, made_by[node])
    return {node: made_by[node] for node in nodes if node in made_by}


def _counterpart(node: Node, own: Sequence[Node], others: Sequence[Node]) -> Node:
    """Return the node that is to another operation what this one is to its own."""
    place = own.index(node)
    return others[place] if len(own) == len(others) and others[place].op is node.op else node
