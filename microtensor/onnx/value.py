"""A value of a graph, with which one computes as with an array: every operation adds a node."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from .graph import Graph

__all__ = ["Axes", "Number", "Shape", "Value", "together"]

Number: TypeAlias = bool | int | float
Shape: TypeAlias = tuple[int, ...]
Axes: TypeAlias = int | tuple[int, ...] | None


class Value:
    """A value of a graph. Operators and methods add nodes, by NumPy's rules for shape and dtype.

    A Python number takes the dtype of the value it meets, as in NumPy (NEP 50).
    """

    __slots__ = ("dtype", "graph", "name", "shape")

    def __init__(self, graph: Graph, name: str, shape: Shape, dtype: np.dtype[Any]) -> None:
        self.graph, self.name, self.shape, self.dtype = graph, name, shape, dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def node(
        self,
        op_type: str,
        *others: Value | None,
        shape: Shape | None = None,
        dtype: Any = None,
        **attributes: Any,
    ) -> Value:
        """Add a node that takes this value first.

        If not said otherwise the result has this dtype, and the shape to which all broadcast.
        """
        if shape is None:
            shapes = (x.shape for x in others if x is not None)
            shape = np.broadcast_shapes(self.shape, *shapes)
        dtype = self.dtype if dtype is None else dtype
        return self.graph.node(op_type, (self, *others), shape, dtype, **attributes)

    def astype(self, dtype: Any) -> Value:
        """Return the value in another dtype, or this one if it has that."""
        if self.dtype == dtype:
            return self
        import onnx

        to = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.node("Cast", dtype=dtype, to=to)

    # Elementwise

    def _with(self, op_type: str, other: Value | Number, dtype: Any = None) -> Value:
        x, y = together(self, other)
        return x.node(op_type, y, dtype=dtype)

    def __add__(self, other: Value | Number) -> Value:
        return self._with("Add", other)

    def __sub__(self, other: Value | Number) -> Value:
        return self._with("Sub", other)

    def __rsub__(self, other: Number) -> Value:
        x, y = together(self, other)
        return y.node("Sub", x)

    def __mul__(self, other: Value | Number) -> Value:
        return self._with("Mul", other)

    def __truediv__(self, other: Value | Number) -> Value:
        return self._with("Div", other)

    def __rtruediv__(self, other: Number) -> Value:
        x, y = together(self, other)
        return y.node("Div", x)

    def __pow__(self, other: Value | Number) -> Value:
        return self._with("Pow", other)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Value:
        return self.node("Neg")

    def __abs__(self) -> Value:
        return self.node("Abs")

    def __lt__(self, other: Value | Number) -> Value:
        return self._with("Less", other, bool)

    def __gt__(self, other: Value | Number) -> Value:
        return self._with("Greater", other, bool)

    def __ge__(self, other: Value | Number) -> Value:
        return self._with("GreaterOrEqual", other, bool)

    def equals(self, other: Value | Number) -> Value:
        """Compare; `==` is left alone, as Python asks it of lists."""
        return self._with("Equal", other, bool)

    def __and__(self, other: Value) -> Value:
        return self.node("And", other)

    def __or__(self, other: Value) -> Value:
        return self.node("Or", other)

    def __invert__(self) -> Value:
        return self.node("Not")

    def where(self, x: Value | Number, y: Value | Number) -> Value:
        """Choose ``x`` where this value, a condition, holds, else ``y``."""
        x, y = together(x, y)
        shape = np.broadcast_shapes(self.shape, x.shape, y.shape)
        return self.node("Where", x, y, shape=shape, dtype=x.dtype)

    # Along axes

    def axes(self, axis: Axes) -> tuple[int, ...]:
        """Return which axes are meant, counted from the first; all for ``None``."""
        if axis is None:
            return tuple(range(self.ndim))
        return tuple(a % self.ndim for a in (axis if isinstance(axis, tuple) else (axis,)))

    def reduce(self, op_type: str, axis: Axes = None, keepdims: bool = False) -> Value:
        """Reduce over axes with a node such as ``ReduceSum``."""
        if not self.ndim or axis == ():
            return self
        axes = self.axes(axis)
        kept = tuple(1 if i in axes else n for i, n in enumerate(self.shape))
        shape = kept if keepdims else tuple(n for i, n in enumerate(self.shape) if i not in axes)
        given = () if axis is None else (self.graph.integers(axes),)
        return self.node(op_type, *given, shape=shape, keepdims=int(keepdims))

    def sum(self, axis: Axes = None, keepdims: bool = False) -> Value:
        """Add up the elements along axes."""
        return self.reduce("ReduceSum", axis, keepdims)

    def reshape(self, shape: Shape) -> Value:
        """Return the elements in another shape, every length of which is given."""
        if shape == self.shape:
            return self
        return self.node(
            "Reshape", self.graph.integers(shape), shape=shape, allowzero=int(0 in shape)
        )

    def transpose(self, axes: Sequence[int]) -> Value:
        """Return the axes in another order."""
        if list(axes) == list(range(self.ndim)):
            return self
        shape = tuple(self.shape[a] for a in axes)
        return self.node("Transpose", shape=shape, perm=[int(a) for a in axes])

    def expand(self, shape: Shape) -> Value:
        """Repeat along axes of length 1, and new ones in front."""
        if shape == self.shape:
            return self
        return self.node("Expand", self.graph.integers(shape), shape=shape)

    def unsqueeze(self, *axes: int) -> Value:
        """Add axes of length 1 where they are in the result, counted from the first."""
        if not axes:
            return self
        rest = iter(self.shape)
        shape = tuple(1 if i in axes else next(rest) for i in range(self.ndim + len(axes)))
        return self.node("Unsqueeze", self.graph.integers(axes), shape=shape)

    def part(self, axis: int, start: int | None, stop: int | None, step: int = 1) -> Value:
        """Return ``self[start:stop:step]`` along an axis."""
        return self.sliced({axis: slice(start, stop, step)})

    def sliced(self, parts: dict[int, slice]) -> Value:
        """Return slices along axes, as Python has them: from the end if negative."""
        if not parts:
            return self
        most = np.iinfo(np.int64).max
        steps = [1 if part.step is None else int(part.step) for part in parts.values()]
        first = [0 if step > 0 else most for step in steps]
        last = [most if step > 0 else -most for step in steps]
        starts = [
            d if p.start is None else p.start for p, d in zip(parts.values(), first, strict=True)
        ]
        stops = [d if p.stop is None else p.stop for p, d in zip(parts.values(), last, strict=True)]
        shape = tuple(
            len(range(*parts[i].indices(n))) if i in parts else n for i, n in enumerate(self.shape)
        )
        given = map(self.graph.integers, (starts, stops, tuple(parts), steps))
        return self.node("Slice", *given, shape=shape)

    def gather(self, indices: Any, axis: int) -> Value:
        """Return the elements at indices along an axis, as `numpy.take`."""
        if not isinstance(indices, Value):
            indices = self.graph.constant(indices, np.int64)
        shape = self.shape[:axis] + indices.shape + self.shape[axis + 1 :]
        return self.node("Gather", indices, shape=shape, axis=axis)


def together(x: Value | Number, y: Value | Number) -> tuple[Value, Value]:
    """Return two operands in the dtype that NumPy computes with."""
    graph = next(v.graph for v in (x, y) if isinstance(v, Value))
    dtype = np.result_type(*(v.dtype if isinstance(v, Value) else v for v in (x, y)))
    x, y = (v.astype(dtype) if isinstance(v, Value) else graph.constant(v, dtype) for v in (x, y))
    return x, y
