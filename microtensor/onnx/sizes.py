"""Axes whose length differs from call to call: one graph from those of several lengths.

A program is of one size. So the model is traced at three, and the graphs are compared node by node.
Numbers in which they differ must follow the lengths exactly: a multiple of one, or of a product of
several, plus a constant. These become computed; anything else that differs is an error.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import UnsupportedError
from .graph import Graph, Node, Origin
from .lengths import Lengths
from .value import Value

__all__ = ["Size", "merged"]


class Size(NamedTuple):
    """``factor`` times the product of the lengths called ``names``, plus ``offset``."""

    factor: int
    names: tuple[str, ...]
    offset: int

    def __str__(self) -> str:
        product = "*".join(self.names if self.factor == 1 else (str(self.factor), *self.names))
        return product if not self.offset else f"{product}{self.offset:+d}"


def merged(
    graphs: Sequence[Graph], lengths: Lengths
) -> tuple[Graph, dict[str, tuple[int | str, ...]]]:
    """Return one graph for all lengths, and the lengths of the axes of what goes in and out.

    Raises
    ------
    UnsupportedError
        If the graphs, one for each trace, differ in something that does not follow the lengths.
    """
    return _Merger(graphs, lengths).run()


class _Merger:
    def __init__(self, graphs: Sequence[Graph], lengths: Lengths) -> None:
        self.graphs, self.axes = graphs, lengths.axes
        self.first = graphs[0]
        self.products = {
            names: [
                int(np.prod(each)) for each in zip(*(lengths.rows[n] for n in names), strict=True)
            ]
            for count in range(1, len(lengths.rows) + 1)
            for names in itertools.combinations(lengths.rows, count)
        }
        self.made = Graph(inputs=self.first.inputs, outputs=self.first.outputs)
        self.made.reserve(self.first.names)
        self.computed: dict[str, str] = {}
        """What takes the place of a constant."""
        self.known: dict[Size | tuple[str, ...], Value] = {}

    def run(self) -> tuple[Graph, dict[str, tuple[int | str, ...]]]:
        self._check_nodes()
        self._find_made_parameters()
        for name, (array, origin) in list(self.first.constants.items()):
            arrays = [graph.constants[name][0] for graph in self.graphs]
            if not all(_same(array, other) for other in arrays):
                uses = (node.origin for node in _all_nodes(self.first) if name in node.inputs)
                origin = self.made.origin = next(uses, origin)
                del self.first.constants[name]
                self._compute(name, arrays, origin)
        self.first.renamed(self.computed)
        self.first.nodes[:0] = self.made.nodes
        self.first.constants |= self.made.constants
        dims: dict[str, tuple[int | str, ...]] = {}
        for values in zip(*([*graph.inputs, *graph.outputs] for graph in self.graphs), strict=True):
            sizes = self._sizes([value.shape for value in values], Origin("the result"))
            dims[values[0].name] = tuple(x if isinstance(x, int) else str(x) for x in sizes)
        return self.first, dims

    def _check_nodes(self) -> None:
        first, *others = self.graphs
        for graph in others:
            if (
                len(graph.nodes) != len(first.nodes)
                or graph.parameters.keys() != first.parameters.keys()
            ):
                raise UnsupportedError(
                    f"The model does more or fewer operations when {self._names()} has another "
                    "length, as a loop over it does: export it without dynamic_axes for this axis."
                )
            for one, other in zip(first.nodes, graph.nodes, strict=True):
                if _said(one) != _said(other):
                    raise UnsupportedError(
                        f"{one.origin} does something else when {self._names()} has another "
                        "length: export it without dynamic_axes, for one length."
                    )

    def _find_made_parameters(self) -> None:
        """Count arrays that are others in each trace, and were kept, among the constants."""
        for name in list(self.first.parameters):
            arrays = [graph.parameters[name] for graph in self.graphs]
            if not all(_same(arrays[0], array) for array in arrays):
                for graph in self.graphs:
                    graph.constants[name] = graph.parameters.pop(name), Origin(name)

    def _names(self) -> str:
        return " or ".join(map(repr, self.axes))

    def _compute(self, name: str, arrays: list[npt.NDArray[Any]], origin: Origin) -> None:
        """Compute what differs from the lengths: numbers, a repeated number, positions."""
        if all(array.shape == arrays[0].shape for array in arrays) and arrays[0].ndim <= 1:
            value = self._numbers(arrays, name, origin)
        elif all(_fill(array) is not None for array in arrays) and _same(*map(_fill, arrays)):
            shape = self._vector(self._sizes([array.shape for array in arrays], origin))
            value = self.made.constant(_fill(arrays[0])).node("Expand", shape)
        elif all(map(_is_counted, arrays)):
            shape = self._vector(self._sizes([array.shape for array in arrays], origin))
            (count,) = self._sizes([(array.size,) for array in arrays], origin)
            ends = [self.made.constant(0), self._scalar(count), self.made.constant(1)]
            value = ends[0].node("Range", *ends[1:]).astype(arrays[0].dtype)
            value = value if arrays[0].ndim == 1 else value.node("Reshape", shape)
        elif (found := _triangle(arrays)) is not None:
            diagonal, below, above = found
            shape = self._vector(self._sizes([array.shape for array in arrays], origin))
            ones = self.made.constant(np.float32(1.0)).node("Expand", shape)
            lower = ones.node("Trilu", self.made.constant(np.int64(diagonal)), upper=0)
            value = lower.astype(bool)
            if arrays[0].dtype != bool:
                ends = [self.made.constant(end) for end in (below, above)]
                value = value.node("Where", *ends, dtype=arrays[0].dtype)
            elif not below:
                value = value.node("Not")
        else:
            raise self._refusal(origin, [array.shape for array in arrays])
        self.computed[name] = value.name

    def _numbers(self, arrays: list[npt.NDArray[Any]], name: str, origin: Origin) -> Value:
        numbers = [tuple(np.ravel(array).tolist()) for array in arrays]
        sizes = self._sizes(numbers, origin)
        dtype = arrays[0].dtype
        if not arrays[0].ndim:
            return self._scalar(sizes[0]).astype(dtype)
        rest = [size for size in sizes if not isinstance(size, Size)]
        if self._is_new_shape(name) and len(rest) == len(sizes) - 1 and 0 not in rest:
            return self.made.integers([-1 if isinstance(x, Size) else int(x) for x in sizes])
        for node in _all_nodes(self.first):
            if node.op_type == "Reshape" and node.inputs[1] == name:
                node.attributes["allowzero"] = 1  # a length of 0 is meant
        return self._vector(sizes).astype(dtype)

    def _is_new_shape(self, name: str) -> bool:
        """Tell whether a constant is only the shape in a reshape, where -1 is what is left."""
        uses = [
            (node.op_type, i)
            for node in _all_nodes(self.first)
            for i, used in enumerate(node.inputs)
            if used == name
        ]
        return all(use == ("Reshape", 1) for use in uses)

    def _sizes(self, rows: Sequence[tuple[Any, ...]], origin: Origin) -> list[Any]:
        """Return, for numbers of the traces, each that is the same, and how the others follow."""
        if any(len(row) != len(rows[0]) for row in rows):
            raise self._refusal(origin, rows)
        sizes = []
        for numbers in zip(*rows, strict=True):
            if all(_same(np.asarray(x), np.asarray(numbers[0])) for x in numbers):
                sizes.append(numbers[0])
            else:
                size = next(self._fits(numbers), None)
                if size is None:
                    raise self._refusal(origin, rows)
                sizes.append(size)
        return sizes

    def _fits(self, numbers: Sequence[Any]) -> Iterator[Size]:
        if not all(float(x).is_integer() for x in numbers):
            return
        values = [int(x) for x in numbers]
        for names, product in self.products.items():
            factor, rest = divmod(values[1] - values[0], product[1] - product[0])
            offset = values[0] - factor * product[0]
            follows = all(v == factor * p + offset for v, p in zip(values, product, strict=True))
            if not rest and factor and follows:
                yield Size(factor, names, offset)

    def _refusal(self, origin: Origin, rows: Sequence[Any]) -> UnsupportedError:
        return UnsupportedError(
            f"{origin} cannot follow the length of {self._names()}: in three traces it needs "
            f"{', '.join(_number_or_all(row) for row in rows)}, which is no multiple of it plus a "
            "constant. Export it without dynamic_axes, for one length."
        )

    # What is computed

    def _vector(self, sizes: Sequence[Any]) -> Value:
        """Return sizes as a vector of integers."""
        parts = [
            self._size(size) if isinstance(size, Size) else self.made.integers([size])
            for size in sizes
        ]
        if len(parts) == 1:
            return parts[0]
        return parts[0].node("Concat", *parts[1:], shape=(len(parts),), axis=0)

    def _scalar(self, size: Any) -> Value:
        if not isinstance(size, Size):
            return self.made.constant(size)
        axes = self.made.integers([0])
        return self._size(size).node("Squeeze", axes, shape=())

    def _size(self, size: Size) -> Value:
        """Return a size as a vector of one integer."""
        if size in self.known:
            return self.known[size]
        value = self._length(size.names[0])
        for name in size.names[1:]:
            value = value * self._length(name)
        value = value if size.factor == 1 else value * size.factor
        value = value if not size.offset else value + size.offset
        self.known[size] = value
        return value

    def _length(self, name: str) -> Value:
        if (name,) not in self.known:
            position, axis = self.axes[name]
            value = self.made.inputs[position]
            shape = Value(self.made, value.name, value.shape, value.dtype)
            self.known[(name,)] = shape.node(
                "Shape", shape=(1,), dtype=np.int64, start=axis, end=axis + 1
            )
        return self.known[(name,)]


def _number_or_all(row: tuple[Any, ...]) -> str:
    return str(row[0] if len(row) == 1 else row)


def _said(node: Node) -> tuple[Any, ...]:
    """Return what two nodes have in common that do the same."""
    attributes = {
        key: [_said(each) for each in value.nodes] if isinstance(value, Graph) else value
        for key, value in node.attributes.items()
    }
    return node.op_type, node.inputs, node.outputs, attributes


def _all_nodes(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        yield node
        for value in node.attributes.values():
            if isinstance(value, Graph):
                yield from _all_nodes(value)


def _same(one: Any, *others: Any) -> bool:
    """Tell whether arrays are equal, to the bit."""
    return all(
        one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
        for other in others
    )


def _is_counted(array: npt.NDArray[Any]) -> bool:
    """Tell whether the elements are 0, 1, 2 and so on."""
    if array.dtype == bool:
        return False
    return _same(array.reshape(-1), np.arange(array.size, dtype=array.dtype))


def _triangle(arrays: Sequence[npt.NDArray[Any]]) -> tuple[int, Any, Any] | None:
    """Return where a triangle ends, and the numbers in it and above it, as of a causal mask."""
    if any(array.ndim < 2 or not array.size for array in arrays):
        return None
    first = arrays[0]
    below, above = first[..., -1:, :1].flat[0], first[..., :1, -1:].flat[0]
    for diagonal in (-1, 0, 1):
        triangles = (np.tri(a.shape[-2], a.shape[-1], diagonal, bool) for a in arrays)
        made = (np.where(triangle, below, above) for triangle in triangles)
        if all(map(_same, arrays, map(np.broadcast_to, made, (a.shape for a in arrays)))):
            return diagonal, below, above
    return None


def _fill(array: npt.NDArray[Any]) -> Any:
    """Return the number that every element is, if there is one."""
    if not array.size:
        return None
    first = array.reshape(-1)[0]
    return first if array.tobytes() == first.tobytes() * array.size else None
