"""What a comparison calls tensors, their gradients and derivatives: as the user does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..graph import Graph
from ..op import Node
from .tape import Value

__all__ = ["Names"]

_SYMBOLS = {"sigmoid": "σ′", "tanh": "tanh′", "relu": "relu′", "exp": "exp′", "log": "log′"}


class Names:
    """The names of values and of hand-derived gradients.

    Parameters
    ----------
    graph
        Where the names of tensors come from.
    hand
        The hand-derived gradients by node.
    seen
        The user's variables, of which some are the gradients.
    """

    def __init__(
        self, graph: Graph, hand: Mapping[Node, Any], seen: Iterable[tuple[str, Any]]
    ) -> None:
        self._graph = graph
        called: dict[int, list[str]] = {}
        for name, value in seen:
            if name.isidentifier():
                called.setdefault(id(value), []).append(name)
        self._gradients: dict[Node, str] = {}
        for node, array in hand.items():
            free = [x for x in called.get(id(array), []) if x not in self._gradients.values()]
            if free:  # of an array with two names, as by dz = da, the one like the tensor's
                own = graph.names.get(node, "")
                self._gradients[node] = max(free, key=lambda name: bool(own) and own in name)

    def known(self, value: Value) -> str | None:
        """Return the user's name of a value, if it has one."""
        return None if value.node is None else self._graph.names.get(value.node)

    def of(self, value: Value) -> str:
        """Return what a value is called; without a name, by its operation."""
        name = self.known(value)
        if name is not None:
            return name
        if value.op is None:
            if value.node is not None:
                return self._graph.label(value.node)
            return str(value.data) if not value.shape else "a constant"
        return f"the result of {value.op.name}"

    def tensor(self, node: Node) -> str:
        """Return what a tensor is called."""
        return self._graph.label(node)

    def gradient(self, value: Value) -> str:
        """Return what the gradient of a value is called."""
        if value.node is not None and value.node in self._gradients:
            return self._gradients[value.node]
        name = self.known(value)
        if name is not None:
            return f"d_{name}"
        return f"the gradient of {self.of(value)}"

    def derivative(self, op: str | None, at: Value | None) -> str:
        """Return what the derivative of an operation at a value is called: ``σ′(z1)``."""
        if at is None or op is None:
            return f"the derivative of {op}"
        where = self.known(at)
        if op in _SYMBOLS and where is not None:
            return f"{_SYMBOLS[op]}({where})"
        return f"the derivative of {op} at {self.of(at)}"
