"""What a page calls the nodes of a graph, and how it writes the way each was made."""

from __future__ import annotations

import re
from collections import Counter

from ...graph import Graph, Kind
from ...op import Node
from ..labels import parameters_text

__all__ = ["Naming"]

_OPERATORS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "matmul": "@",
    "power": "**",
}

_LONGEST_NUMBER = 8


class Naming:
    """A name for every node, unique in its graph: the user's, else its operation's with a number.

    >>> import microtensor as mt
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> graph = Graph((w * 3 * w).sum(), names=[])
    >>> naming = Naming(graph)
    >>> [naming[node] for node in graph.nodes if not node.is_constant]
    ['w', 'multiply_1', 'multiply_2', 'sum']
    >>> naming.expression(graph.nodes[2])
    'w * 3'
    """

    def __init__(self, graph: Graph) -> None:
        self._names: dict[Node, str] = dict(graph.names)
        taken = set(self._names.values())
        self._graph = graph
        unnamed = [
            node
            for node in graph.nodes
            if node not in self._names and graph.kind(node) is not Kind.CONSTANT
        ]
        counts = Counter(map(self._word, unnamed))
        numbers: Counter[str] = Counter()
        for node in unnamed:
            word = self._word(node)
            name = word
            while name in taken or (name == word and counts[word] > 1):
                numbers[word] += 1
                name = f"{word}_{numbers[word]}"
            taken.add(name)
            self._names[node] = name

    def __getitem__(self, node: Node) -> str:
        """Return the name of a node; of a constant, the number."""
        name = self._names.get(node)
        if name is not None:
            return name
        value = self._graph.value(node)
        if value is None:
            return "constant"
        return str(value) if len(str(value)) <= _LONGEST_NUMBER else f"{value:.6g}"

    def expression(self, node: Node) -> str:
        """Return how a node was made: operators where the operation has one, else a call."""
        assert node.op is not None
        operands = [self[parent] for parent in node.parents]
        units = [f"({name})" if " " in name else name for name in operands]
        operator = _OPERATORS.get(node.op.name)
        if operator is not None and len(units) == 2:
            return f"{units[0]} {operator} {units[1]}"
        if node.op.name == "negative":
            return f"-{units[0]}"
        given = _parameters(node)
        if node.op.name == "getitem":
            return f"{units[0]}{given}"
        arguments = ", ".join(operands) + given
        return f"{node.op.name}({arguments})"

    def _word(self, node: Node) -> str:
        return self._graph.kind(node).value if node.op is None else node.op.name


def _parameters(node: Node) -> str:
    """Return the parameters that differ from the defaults, as a call has them."""
    if node.op is None or not node.params:
        return ""
    return re.sub(r" (?=\w+=)", ", ", parameters_text(node.op, node.params))
