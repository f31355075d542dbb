"""An ONNX graph in the making: its nodes, and the arrays that they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..compile.program import Site
from .value import Shape, Value

__all__ = ["Graph", "Node", "Origin"]


class Origin(NamedTuple):
    """Which operation of the model a node belongs to, in which module, and where in the code."""

    op: str
    module: str = ""
    """The path of the module, such as ``layers.0``."""
    site: Site | None = None

    def __str__(self) -> str:
        places = [f"of {self.module}"] if self.module else []
        if self.site is not None:
            places.append(f"at {self.site.file}:{self.site.line}, in {self.site.function}")
        return " ".join([self.op, *places])


@dataclass
class Node:
    """``outputs = op_type(*inputs, **attributes)``, all values by their names."""

    op_type: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    origin: Origin


@dataclass
class Graph:
    """The nodes in order of execution, and what they read and give.

    Attributes
    ----------
    inputs, outputs
        Values, in the order of the arguments and results.
    parameters
        Arrays that the model keeps, by their names in its ``state_dict``.
    constants
        All other arrays, and the operation that each is for.
    """

    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    parameters: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    constants: dict[str, tuple[npt.NDArray[Any], Origin]] = field(default_factory=dict)
    origin: Origin = Origin("the model")  # noqa: RUF009 - a tuple, which nobody changes
    """The operation whose nodes are being made."""
    names: set[str] = field(default_factory=set)
    """Those that are taken."""

    def name(self, wanted: str) -> str:
        """Return a name that nothing else in the graph has."""
        name, count = wanted, 1
        while name in self.names:
            count += 1
            name = f"{wanted}_{count}"
        self.names.add(name)
        return name

    def reserve(self, names: Iterable[str]) -> None:
        """Keep names from being given to anything else."""
        self.names.update(names)

    def rename(self, value: Value, name: str, since: int) -> None:
        """Give a value a name of the user's, if a node since the ``since``-th just made it."""
        if len(self.nodes) > since and value.name in self.nodes[-1].outputs:
            outputs = self.nodes[-1].outputs
            at = outputs.index(value.name)
            value.name = outputs[at] = self.name(name)

    def renamed(self, names: Mapping[str, str]) -> None:
        """Let nodes, and the graphs in them, read and give values by other names."""
        for node in self.nodes:
            node.inputs = [names.get(name, name) for name in node.inputs]
            node.outputs = [names.get(name, name) for name in node.outputs]
            for each in node.attributes.values():
                if isinstance(each, Graph):
                    each.renamed(names)

    def read(self) -> set[str]:
        """Return the names of all values that nodes read, those of the graphs in them as well."""
        found = {name for node in self.nodes for name in node.inputs}
        for node in self.nodes:
            for each in node.attributes.values():
                if isinstance(each, Graph):
                    found |= each.read()
        return found

    def input(self, name: str, shape: Shape, dtype: Any) -> Value:
        """Add an input."""
        value = Value(self, self.name(name), shape, np.dtype(dtype))
        self.inputs.append(value)
        return value

    def parameter(self, name: str, array: npt.NDArray[Any]) -> Value:
        """Add an array that the model keeps."""
        name = self.name(name)
        self.parameters[name] = array
        return Value(self, name, array.shape, array.dtype)

    def constant(self, value: Any, dtype: Any = None) -> Value:
        """Add an array or number that belongs to the operation itself."""
        array = np.array(value, dtype)
        name = self.name("constant")
        self.constants[name] = array, self.origin
        return Value(self, name, array.shape, array.dtype)

    def integers(self, values: Sequence[int]) -> Value:
        """Add a vector of integers: a shape, axes."""
        return self.constant([int(x) for x in values], np.int64)

    def node(
        self,
        op_type: str,
        inputs: Sequence[Value | None],
        shape: Shape,
        dtype: Any,
        **attributes: Any,
    ) -> Value:
        """Add a node, and return its output; ``None`` among inputs is one left out."""
        name = self.name(op_type.lower())
        given = ["" if x is None else x.name for x in inputs]
        self.nodes.append(Node(op_type, given, [name], attributes, self.origin))
        return Value(self, name, shape, np.dtype(dtype))
