"""Backward passes that are made to be looked at: nothing of the user's changes by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import engine, record
from ..errors import GradientError, ReleasedGraphError
from ..graph import Graph
from ..op import Node, Op, describe
from ..record import wrap
from ..state import enable_grad
from ..tensor import Tensor
from .listening import Listener, Rule, listening

__all__ = ["Backward", "gradients", "held", "is_released"]

Array = npt.NDArray[Any]


def is_released(graph: Graph) -> bool:
    """Tell whether a backward pass dropped arrays that another one would need."""
    return any(node.op is not None and node.saved is None for node in graph.nodes)


def gradients(graph: Graph) -> dict[Node, Array]:
    """Return the gradients of the sum of the outputs, of all nodes that have one.

    They are computed here, and leave `.grad` and the graph as they are. Of a graph that an earlier
    backward pass released, they are those that leaves hold in `.grad`.

    Raises
    ------
    GradientError
        If an output has several elements.
    """
    if is_released(graph):
        return held(graph)
    listener = Listener()
    with listening(listener), np.errstate(all="ignore"):
        engine.backward(_seeds(graph, lambda array: array), retain=True)
    return listener.gradients


def held(graph: Graph) -> dict[Node, Array]:
    """Return the gradients that leaves hold in `.grad`."""
    tensors = ((node, node.tensor()) for node in graph.nodes if _is_parameter(node))
    return {
        node: tensor.grad.data
        for node, tensor in tensors
        if tensor is not None and tensor.grad is not None
    }


class Backward:
    """The backward pass from the outputs of a graph, recorded.

    Attributes
    ----------
    gradients
        The gradient of each node that has one, as a Tensor whose node is in the pass.
    made_by
        Of each node of the pass the one of ``graph`` whose derivative rule recorded it, or to whose
        gradient it added a contribution; the seeds, with which the pass begins, are missing.
    seeds
        The nodes with which the pass begins, and their Tensors.

    Raises
    ------
    GradientError
        If an output has several elements.
    ReleasedGraphError
        If an earlier backward pass dropped arrays.
    """

    def __init__(self, graph: Graph) -> None:
        if is_released(graph):
            raise ReleasedGraphError(
                "The backward pass cannot be drawn, since an earlier backward() dropped the arrays "
                "that it needs. Draw before backward(), or call backward(retain_graph=True)."
            )
        listener = _Recorder()
        with listening(listener), enable_grad(), np.errstate(all="ignore"):
            seeds = _seeds(graph, lambda array: Tensor(array, requires_grad=True))
            self.seeds = {record.leaf_of(seed): seed for seed in seeds.values()}
            engine.backward(dict(seeds), retain=True, lift=_lifted)
        self.made_by = listener.made_by
        self.gradients: dict[Node, Tensor] = {
            node: _original(g, listener.copies) for node, g in listener.gradients.items()
        }


class _Recorder(Listener):
    """Notes besides which operations are applied, and whose rule applies them."""

    def __init__(self) -> None:
        super().__init__()
        self.made_by: dict[Node, Node] = {}
        self.copies: set[Node] = set()
        """Of gradients that the engine gives a leaf as its own."""
        self._of: Node | None = None
        self._target: Node | None = None
        self._in_rule = False

    def made(self, op: Op, inputs: Sequence[Any], out: Any) -> None:
        if out._node is None or self._of is None or self._target is None:
            return
        if not self._in_rule and op.name == "copy":
            self.copies.add(out._node)
        summed = not self._in_rule and op.name == "add"  # the contributions of several uses
        self.made_by[out._node] = self._target if summed else self._of

    def watched(self, rule: Rule, g: Any, node: Node, position: int) -> Rule:
        rule = super().watched(rule, g, node, position)
        self._of, self._target = node, node.parents[position]

        def watched(*arguments: Any, **params: Any) -> Any:
            self._in_rule = True
            try:
                return rule(*arguments, **params)
            finally:
                self._in_rule = False

        return watched


def _lifted(data: Array, node: Node) -> Tensor:
    """Return a value of the forward pass, all uses of which are recorded, even if it is data."""
    return wrap(data, node, True)


def _original(gradient: Any, copies: set[Node]) -> Tensor:
    """Return the gradient that a leaf was given a copy of."""
    node = gradient._node
    if node in copies:
        return wrap(gradient._array, node.parents[0], True)
    return gradient if isinstance(gradient, Tensor) else wrap(gradient)


def _seeds(graph: Graph, make: Callable[[Array], Any]) -> dict[Node, Any]:
    seeds = {}
    for node in dict.fromkeys(graph.outputs):
        if not node.requires_grad:
            continue
        if node.size != 1:
            raise GradientError(
                f"There are gradients of single numbers, and {describe(node)} has {node.size} "
                "elements: draw its sum(), or a loss."
            )
        seeds[node] = make(np.ones(node.shape, node.dtype))
    return seeds


def _is_parameter(node: Node) -> bool:
    return node.op is None and not node.is_constant and node.requires_grad
