"""The data of a page: everything that its scripts show."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING, Any

from ...compile.local_rules import local_rule
from ...graph import Graph
from ...op import Node
from ..health import findings
from ..values import values
from .arrays import Arrays
from .backward import BackwardPass
from .naming import Naming
from .nodes import drawn_nodes, nodes_and_edges
from .source_lines import SourceLine, source_lines
from .steps import steps
from .training import Iterations, iterations
from .verdicts import verdicts

if TYPE_CHECKING:
    from ...compare import Comparison
    from ..history import History

__all__ = ["Page"]


class Page:
    """What a page shows of a graph and of the backward pass through it."""

    def __init__(self, graph: Graph, backward: BackwardPass) -> None:
        self._graph = graph
        self._backward = backward
        self._naming = Naming(graph)
        self._ids = {node: i for i, node in enumerate(drawn_nodes(graph))}
        self._arrays = Arrays()
        self._values = values(graph)
        self._findings = findings(graph, self._values, backward.gradients)
        self._lines: Mapping[Node, SourceLine] = {}
        self._parts: dict[str, Any] = {}

    @property
    def name_of_output(self) -> str:
        """What the output is called."""
        return self._naming[self._graph.outputs[0]]

    def find_lines(self, frame: FrameType | None, seen: Iterable[tuple[str, Any]]) -> None:
        """Find the lines of source that made the tensors."""
        self._lines = source_lines(self._ids, frame, seen)

    def add_comparison(self, comparison: Comparison) -> None:
        """Add hand-derived gradients and the verdicts on them."""
        gradients = self._backward.gradients
        self._parts["comparison"] = verdicts(comparison, self._ids, gradients, self._arrays)

    def add_history(self, history: History | Iterations) -> None:
        """Add the iterations of a training."""
        nodes = {self._naming[node]: node for node in self._ids}
        self._parts["history"] = iterations(history, nodes, self._ids, self._arrays)

    def data(self, title: str) -> dict[str, Any]:
        """Return all of it, for JSON."""
        named = copy.copy(self._graph)
        named.names = MappingProxyType({node: self._naming[node] for node in self._ids})
        facts = {node: self._facts(node) for node in self._ids}
        drawing = nodes_and_edges(self._graph, self._ids, self._naming, facts)
        found = steps(named, self._ids, self._backward, self._arrays, local_rule)
        return {
            "title": title,
            **drawing,
            "steps": found,
            **self._parts,
            "arrays": self._arrays.described(),
        }

    def _facts(self, node: Node) -> dict[str, Any]:
        line = self._lines.get(node)
        return {
            "value": self._arrays.add(self._values.get(node)),
            "gradient": self._arrays.add(self._backward.gradients.get(node)),
            "line": None if line is None else line._asdict(),
            "findings": [finding.text for finding in self._findings.get(node, ())],
        }
