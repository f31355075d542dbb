"""What a comparison calls tensors, their gradients and derivatives: as the user does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ..graph import Graph
from ..op import Node
from ..tensor import Tensor
from .tape import Value

__all__ = ["Names"]

_LONGEST = 40
"""Longer expressions are no help as names."""
_MOST = 1000
"""Larger dicts among the variables are not searched for gradients."""

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
        self.indices: dict[str, Any] = {}
        """The user's arrays of whole numbers."""
        for name, value in _with_contents(seen):
            if name.isidentifier():
                called.setdefault(id(value), []).append(name)
                array = value.data if isinstance(value, Tensor) else value
                if isinstance(array, np.ndarray) and array.ndim and array.dtype.kind in "iu":
                    self.indices.setdefault(name, array)
        tensors = {name.rpartition(".")[-1] for name in graph.names.values()}
        self._gradients: dict[Node, str] = {}
        for node, array in hand.items():
            free = [x for x in called.get(id(array), []) if x not in self._gradients.values()]
            if free:  # of an array with two names, as by dz = da, the one like the tensor's
                own = graph.names.get(node, "")
                name = max(free, key=lambda name: bool(own) and own in name)
                self._gradients[node] = f"d{name}" if name in tensors else name  # grads["W1"]

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
        if value.untransposed is not None and self.known(value.untransposed):
            return f"{self.known(value.untransposed)}.T"
        return self._expression(value) or f"the result of {value.op.name}"

    def by_way_of(self, value: Value) -> str:
        """Return what a contribution comes from: the next value after it that has a name."""
        seen = value
        while self.known(seen) is None and len(seen.consumers) == 1:
            seen = seen.consumers[0].user
        name = self.known(seen) if seen.consumers else None  # everything leads to the output
        return name or self.of(value)

    def _expression(self, value: Value) -> str | None:
        """Write a value without a name in those that have one."""
        from .written import expression

        text = expression(value, self)
        return text if text is not None and len(text) <= _LONGEST else None

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

    def derivative(self, op: str | None, at: Value | None, to: Value | None = None) -> str:
        """Return what the derivative of an operation is called: ``σ′(z1)``; of ``z1`` to ``a1``."""
        if at is None or op is None:
            return f"the derivative of {op}"
        others = (
            [] if to is None or at not in to.parents else [x for x in to.parents if x is not at]
        )
        if op == "multiply" and len(others) == 1:
            return f"the factor {self.of(others[0])}"
        if op == "divide" and len(others) == 1 and to is not None and to.parents[0] is at:
            return f"the division by {self.of(others[0])}"
        if op in _SYMBOLS:
            return f"{_SYMBOLS[op]}({self.of(at)})"
        return f"the derivative of {op} at {self.of(at)}"


def _with_contents(seen: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield variables, then what dicts and objects among them hold under a name."""
    variables = list(seen)
    yield from variables
    for name, value in variables:
        held = value if type(value) is dict else getattr(value, "__dict__", None)
        if type(held) is dict and len(held) <= _MOST and not name.startswith("__"):
            yield from ((key, x) for key, x in held.items() if isinstance(key, str))
