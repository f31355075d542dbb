"""The computation graph as something to read: what a drawing or a comparison sees of it."""

from __future__ import annotations

import copy
import enum
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np

from .names import caller, variables
from .op import Node
from .record import leaf_of
from .scopes import Scope, scopes_of
from .tensor import Tensor

__all__ = ["Edge", "Graph", "Kind"]

_MOST_ENTRIES = 10_000
"""A larger list, dict or object among the caller's variables is not searched for tensors."""


class Kind(enum.Enum):
    """What a node of a graph is."""

    PARAMETER = "parameter"
    """A leaf that requires a gradient."""
    INPUT = "input"
    """A leaf that does not: data."""
    CONSTANT = "constant"
    """A number: a Python one, or a leaf without axes that nobody named."""
    OPERATION = "operation"
    """The result of a recorded operation."""


class Edge(NamedTuple):
    """``source`` is operand number ``position`` (from 0) of the operation that made ``target``."""

    source: Node
    target: Node
    position: int


class _HasParameters(Protocol):
    def named_parameters(self) -> Iterable[tuple[str, Tensor]]: ...


class Graph:
    """What ``outputs`` were computed from: a view of the recorded nodes that changes nothing.

    It can be taken before `backward`, and after it, when the arrays are gone and the skeleton is
    left. Recording goes on independently of it.

    Parameters
    ----------
    outputs
        One tensor, or several.
    module
        An `nn.Module` whose parameters are called by their paths, ``layers.0.weight``; without it,
        the modules among the named values serve.
    names
        Pairs of a name and a value (a Tensor, an array, a module; or a dict, list or object that
        holds some), the most telling first; by default the variables that the calling code sees.

    Attributes
    ----------
    outputs
        The nodes of the outputs.
    nodes
        Every node once, each after those it was computed from, in the order of execution.
    names
        The names found, by node. No two nodes have the same: the second ``w`` is ``w_2``. Where a
        tensor has no name of its own, it has its path in the module, else the variable's name.

    Examples
    --------
    >>> import microtensor as mt
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> graph = Graph((w * 3).sum())
    >>> [graph.label(node) for node in graph.nodes]
    ['w', '3', 'multiply', 'sum']
    >>> [graph.kind(node).value for node in graph.nodes]
    ['parameter', 'constant', 'operation', 'operation']
    """

    def __init__(
        self,
        outputs: Tensor | Sequence[Tensor],
        *,
        module: _HasParameters | None = None,
        names: Iterable[tuple[str, Any]] | None = None,
    ) -> None:
        if callable(outputs):
            raise TypeError(
                f"A graph is made of Tensors, and got a {type(outputs).__name__}: call it, and "
                "give the Tensor that it returns"
            )
        several = isinstance(outputs, Iterable) and not isinstance(outputs, (Tensor, np.ndarray))
        tensors: list[Any] = list(outputs) if several else [outputs]
        for position, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    f"A graph is made of Tensors, and output {position} is a "
                    f"{type(tensor).__name__}"
                )
        self.outputs: tuple[Node, ...] = tuple(leaf_of(tensor) for tensor in tensors)
        self.nodes: tuple[Node, ...] = _forward_order(self.outputs)
        self._tensors: dict[Node, Tensor] = {}
        self._arrays: dict[Node, Any] = {}
        self._hold()
        # "@py_assert1", ".0": what Python or a tool keeps among a frame's variables.
        seen = [
            item
            for item in (variables(caller()) if names is None else names)
            if item[0][:1] not in ("@", ".")
        ]
        seen.sort(key=lambda item: item[0].startswith("_"))
        self._models = _models(module, seen)
        self.names: Mapping[Node, str] = MappingProxyType(self._resolve(seen))

    def extended(self, outputs: Iterable[Tensor]) -> Graph:
        """Return the graph of these outputs as well, in which what is in this one has its names.

        >>> import microtensor as mt
        >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
        >>> graph = Graph((w * 3).sum(), names={"w": w}.items())
        >>> (d_w,) = mt.autograd.grad(w @ w, [w], create_graph=True)
        >>> sorted(graph.extended([d_w]).names.values())
        ['w']
        """
        whole = copy.copy(self)
        whole.outputs = (*self.outputs, *map(leaf_of, outputs))
        whole.nodes = _forward_order(whole.outputs)
        whole._tensors, whole._arrays = dict(self._tensors), dict(self._arrays)
        whole._hold()
        names = dict(self.names)
        taken = dict.fromkeys(names.values(), 1)
        for node in whole.nodes:
            if node.name and node not in names:
                names[node] = _free(node.name, taken)
        whole.names = MappingProxyType(names)
        return whole

    def kind(self, node: Node) -> Kind:
        """Tell parameters, inputs, constants and results of operations apart."""
        if node.op is not None:
            return Kind.OPERATION
        if node.is_constant:
            return Kind.CONSTANT
        if node.requires_grad:
            return Kind.PARAMETER
        return Kind.INPUT if node.shape or node in self.names else Kind.CONSTANT

    def label(self, node: Node) -> str:
        """Return what to call a node: its name, else its operation, its value, or its kind."""
        name = self.names.get(node)
        if name is not None:
            return name
        if node.op is not None:
            return node.op.name
        value = self.value(node)
        return str(value) if value is not None and not node.shape else self.kind(node).value

    def value(self, node: Node) -> Any:
        """Return a node's array or number where something still holds it, else ``None``.

        Leaves hold theirs as long as their tensors live; intermediate results do if a variable or a
        derivative rule that is yet to run keeps them.
        """
        if node.is_constant:
            return node.value
        tensor = self._tensors.get(node)
        return self._arrays.get(node) if tensor is None else tensor.data

    def edges(self) -> Iterator[Edge]:
        """Yield every operand of every operation, in the order of nodes and of operands.

        An operand that was left out, as a layer's bias, has a position and no edge.
        """
        for node in self.nodes:
            for position, parent in enumerate(node.parents):
                if not _left_out(parent):
                    yield Edge(parent, node, position)

    def _hold(self) -> None:
        """Find the values that leaves and saved arrays hold."""
        for node in self.nodes:
            if node.is_constant:
                continue
            if node.op is None:
                tensor, array = node.tensor(), node.array()
                if tensor is not None:
                    self._tensors[node] = tensor
                if array is not None:
                    self._arrays[node] = array
            elif node.saved:
                for maker, value in zip((node, *node.parents), node.saved, strict=True):
                    if isinstance(value, (np.ndarray, np.generic)):
                        self._arrays.setdefault(maker, value)

    @functools.cached_property
    def scopes(self) -> Mapping[Node, Scope]:
        """The call of a module that each node belongs to, the innermost; some belong to none."""
        models = sorted(self._models, key=lambda model: -sum(1 for _ in model[1].named_modules()))
        return MappingProxyType(scopes_of(self.nodes, models))

    def module_path(self, node: Node) -> str | None:
        """Return the path of the module whose call a node belongs to, ``layers.0``.

        It is empty for the outermost module, and ``None`` outside of modules, or if the module is
        gone.

        >>> import microtensor as mt
        >>> from microtensor import nn
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
        >>> graph = Graph(model(mt.tensor([[1.0, 2.0]])).sum())
        >>> [(graph.label(node), graph.module_path(node)) for node in graph.nodes[1:]]
        [('0.weight', '0'), ('0.bias', '0'), ('linear', '0'), ('tanh', '1'), ('sum', None)]
        """
        scope = self.scopes.get(node)
        return None if scope is None else scope.path

    def _resolve(self, seen: list[tuple[str, Any]]) -> dict[Node, str]:
        """Choose a name for each node that has one, and make them differ."""
        found: dict[Node, str] = {}
        taken: dict[str, int] = {}
        for candidates in (
            ((node, node.name) for node in self.nodes if node.name),
            self._paths(),
            self._variables(seen),
        ):
            for node, name in candidates:
                if node not in found:
                    found[node] = _free(name, taken)
        return found

    def _paths(self) -> Iterator[tuple[Node, str]]:
        """Yield the parameters of the module, or of those among the caller's variables."""
        known = set(self.nodes)
        owned: list[tuple[str, dict[str, Node]]] = []
        for variable, owner in self._models:
            paths = {path: getattr(p, "_node", None) for path, p in owner.named_parameters()}
            owned.append((variable, {path: node for path, node in paths.items() if node in known}))
        # A model has more of the graph's parameters than the layers that it consists of.
        owned.sort(key=lambda item: len(item[1]), reverse=True)
        first: dict[str, Node] = {}
        for variable, nodes in owned:
            for path, node in nodes.items():
                ambiguous = first.setdefault(path, node) is not node
                yield node, f"{variable}.{path}" if ambiguous and variable else path

    def _variables(self, seen: list[tuple[str, Any]]) -> Iterator[tuple[Node, str]]:
        """Yield the nodes of the tensors that variables are, or that these contain."""
        known = set(self.nodes)
        by_array = {id(array): node for node, array in self._arrays.items() if node.op is None}
        inside = ((entry, held) for name, value in seen for entry, held in _contents(name, value))
        for pairs in (seen, inside):
            for name, value in pairs:
                if isinstance(value, Tensor):
                    node = value._node
                    if node is not None and node in known:
                        self._tensors.setdefault(node, value)
                        yield node, name
                elif isinstance(value, np.ndarray) and id(value) in by_array:
                    yield by_array[id(value)], name


def _models(
    module: _HasParameters | None, seen: Iterable[tuple[str, Any]]
) -> list[tuple[str, Any]]:
    """Return the module, or those among the named values, with their names."""
    if module is not None:
        return [("", module)]
    return [(name, value) for name, value in seen if hasattr(type(value), "named_parameters")]


def _forward_order(outputs: Sequence[Node]) -> tuple[Node, ...]:
    seen = set(outputs)
    stack = list(seen)
    while stack:
        for parent in stack.pop().parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    nodes: list[Node] = []
    constants: set[Node] = set()
    for node in sorted((node for node in seen if not node.is_constant), key=attrgetter("order")):
        for parent in node.parents:
            if parent.is_constant and parent not in constants and not _left_out(parent):
                constants.add(parent)
                nodes.append(parent)
        nodes.append(node)
    return tuple(nodes)


def _left_out(node: Node) -> bool:
    """Tell whether this is no operand, but the ``None`` of one that was not given."""
    return node.is_constant and node.value is None


def _contents(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a dict, list, tuple or plain object holds, called as Python code calls it."""
    if isinstance(value, (Tensor, np.ndarray, type, ModuleType, FunctionType)):
        return
    if type(value) in (list, tuple):
        entries = [(f"{name}[{i}]", held) for i, held in enumerate(value[:_MOST_ENTRIES])]
    elif type(value) is dict:
        if len(value) > _MOST_ENTRIES:
            return
        entries = [(f"{name}[{key!r}]", held) for key, held in list(value.items())]
    else:
        attributes = getattr(value, "__dict__", None)
        if type(attributes) is not dict or len(attributes) > _MOST_ENTRIES or name == "self":
            return
        entries = [(f"{name}.{key}", held) for key, held in list(attributes.items())]
    yield from entries


def _free(name: str, taken: dict[str, int]) -> str:
    """Return ``name``, or the first of ``name_2``, ``name_3``, … that is not taken, and take it."""
    number = taken.get(name, 0) + 1
    free = name if number == 1 else f"{name}_{number}"
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken[name] = number
    taken[free] = max(taken.get(free, 0), 1)
    return free
