"""The recorded computation with all its values: what a backward pass can be tried out on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..graph import Graph
from ..op import Node, Op
from ..ops.shape import astype, sum_to

__all__ = ["Edge", "Tape", "Value", "contribution", "summed", "with_arguments"]

Array = Any


class Value:
    """A value of the computation: a leaf, a number, or the result of an operation.

    ``data`` is ``None`` where nothing holds the array any more and no rule reads it. ``node`` is
    the recorded node whose value it is; what an operation was taken apart into has none.
    """

    __slots__ = ("consumers", "data", "dtype", "index", "node", "op", "params", "parents", "shape")

    def __init__(
        self,
        op: Op | None,
        parents: tuple[Value, ...],
        params: Mapping[str, Any],
        data: Any,
        node: Node | None,
    ) -> None:
        self.op, self.parents, self.params, self.data, self.node = op, parents, params, data, node
        like = data if node is None or node.is_constant else node
        self.shape: tuple[int, ...] = getattr(like, "shape", ())
        self.dtype = getattr(like, "dtype", None)
        self.index = 0
        self.consumers: list[Edge] = []

    @property
    def has_gradient(self) -> bool:
        """Whether it is floating-point, and no number."""
        return self.dtype is not None and self.dtype.kind == "f"

    @property
    def is_parameter(self) -> bool:
        """Whether it is a leaf that requires a gradient."""
        return self.op is None and self.node is not None and self.node.requires_grad

    @property
    def untransposed(self) -> Value | None:
        """What it is the (stack of) transposed matrices of, if it is."""
        if self.op is None or self.op.name not in ("transpose", "swapaxes", "moveaxis"):
            return None
        (x,) = self.parents
        if x.data is None or self.data is None or np.ndim(x.data) < 2:
            return None
        turned = np.swapaxes(x.data, -1, -2)
        return x if turned.shape == self.shape and np.array_equal(turned, self.data) else None

    @property
    def is_left_out(self) -> bool:
        """Whether it stands for an operand that was not given, as a bias."""
        return self.op is None and self.data is None and self.node is None

    @property
    def argument(self) -> Any:
        """What a derivative rule is given for it."""
        return self.node if self.data is None else self.data


class Edge:
    """An operand of an operation: where one contribution to its gradient comes from."""

    __slots__ = ("position", "user")

    def __init__(self, user: Value, position: int) -> None:
        self.user, self.position = user, position

    @property
    def operand(self) -> Value:
        """The value that is used."""
        return self.user.parents[self.position]

    @property
    def op(self) -> Op:
        """The operation that uses it."""
        assert self.user.op is not None
        return self.user.op


class Tape:
    """The values that an output was computed from, each after those that it was computed from.

    Parameters
    ----------
    graph
        What was recorded; its arrays must not have been dropped.
    unfold
        How to take operations apart, by their names: a function of the tape and of the operation's
        `Value` that applies simpler operations, and returns the last one's result.
    """

    def __init__(
        self,
        graph: Graph,
        unfold: Mapping[str, Callable[[Tape, Value], Value | None]] | None = None,
    ) -> None:
        self.values: list[Value] = []
        self.of: dict[Node, Value] = {}
        self.fused: dict[Value, tuple[str, tuple[Value, ...]]] = {}
        """The results of operations that were taken apart: which, and their operands."""
        for node in graph.nodes:
            if node.op is None:
                self.of[node] = self._add(Value(None, (), {}, graph.value(node), node))
                continue
            parents = tuple(self.of.get(x) or self.number(x.value) for x in node.parents)
            data = graph.value(node)
            if data is None and all(x.data is not None or x.is_left_out for x in parents):
                data = _applied(node.op, parents, node.params or {})
            value = Value(node.op, parents, node.params or {}, data, node)
            take_apart = (unfold or {}).get(node.op.name) if node.op.trusted else None
            start = len(self.values)
            parts = take_apart(self, value) if take_apart and data is not None else None
            if parts is None:
                del self.values[start:]
                self._add(value)
            else:
                parts.node, parts.data = node, data
                self.fused[parts] = node.op.name, parents
                value = parts
            self.of[node] = value
        for value in self.values:
            for position, parent in enumerate(value.parents):
                parent.consumers.append(Edge(value, position))

    def number(self, value: Any) -> Value:
        """Return the value of a Python number, or of ``None`` for an operand that was left out."""
        return Value(None, (), {}, value, None)

    def apply(self, op: Op, *operands: Any, **params: Any) -> Value:
        """Apply an operation to values and numbers."""
        parents = tuple(x if isinstance(x, Value) else self.number(x) for x in operands)
        params = {**op.parameters, **params}
        return self._add(Value(op, parents, params, _applied(op, parents, params), None))

    def _add(self, value: Value) -> Value:
        value.index = len(self.values)
        self.values.append(value)
        return value

    def gradients(
        self,
        seeds: Mapping[Value, Array],
        *,
        given: Callable[[Value, Array], Array] | None = None,
        data: Callable[[Value, Value], Any] | None = None,
        toward: Collection[Value] | None = None,
    ) -> dict[Value, Array]:
        """Push gradients back from some values to all others.

        ``given`` returns for a value and its gradient what is pushed on instead; ``data``, for the
        value of an operation and one of its operands, or itself, the array that the rule gets.
        With such ``data`` gradients keep the dtype that the rules give them. No more is computed
        than what the values of ``toward`` need, if that is given.
        """
        wanted = None if toward is None else self.after(toward)
        total: dict[Value, Array] = dict(seeds)
        for value in reversed(self.values):
            g = total.get(value)
            if g is None:
                continue
            if given is not None:
                g = given(value, g)
            if value.op is None:
                continue
            for position, parent in enumerate(value.parents):
                if parent.has_gradient and (wanted is None or parent in wanted):
                    c = contribution(Edge(value, position), g, data)
                    earlier = total.get(parent)
                    total[parent] = c if earlier is None else earlier + c
        return total

    def after(self, values: Collection[Value]) -> set[Value]:
        """Return some values, and all that was computed from them."""
        found = set(values)
        for value in self.values:
            if value not in found and any(x in found for x in value.parents):
                found.add(value)
        return found


def contribution(
    edge: Edge, g: Array, data: Callable[[Value, Value], Any] | None = None, *, whole: bool = True
) -> Array:
    """Return what the gradient of an operation's result contributes to that of an operand.

    With ``whole=False`` it is not yet summed over the axes along which the operand was broadcast.
    """
    user = edge.user
    read = [user, *user.parents]
    if data is None:
        c = with_arguments(edge, g, [x.argument for x in read])
        c = c if c.dtype == edge.operand.dtype else astype(c, edge.operand.dtype)
    else:
        c = with_arguments(edge, g, [data(user, x) for x in read])
    return summed(edge, c) if whole else c


def with_arguments(edge: Edge, g: Array, arguments: Sequence[Any]) -> Array:
    """Apply the derivative rule of an operand to any arguments: the result, then the operands."""
    rule = edge.op.rules(len(edge.user.parents))[edge.position]
    return rule(g, *arguments, **edge.user.params)


def summed(edge: Edge, c: Array) -> Array:
    """Sum a contribution to the shape of its operand.

    Raises
    ------
    ValueError
        If the operand cannot have been broadcast to that shape.
    """
    shape = edge.operand.shape
    if c.shape == shape:
        return c
    if np.broadcast_shapes(c.shape, shape) != c.shape:
        raise ValueError(f"{c.shape} is not broadcast from {shape}")
    return sum_to(c, shape)


def _applied(op: Op, parents: Iterable[Value], params: Mapping[str, Any]) -> Any:
    with np.errstate(all="ignore"):
        return op.kernel(*(x.data for x in parents), **params)
