"""What is wrong with the numbers in a graph: signs that training is stuck, or about to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ..graph import Graph, Kind
from ..op import Node

__all__ = ["Finding", "Thresholds", "findings"]

Array = npt.NDArray[Any]

_ORIGIN = "first made here"


@dataclass(frozen=True)
class Thresholds:
    """Beyond which numbers something counts as unhealthy.

    Attributes
    ----------
    exploding
        A gradient whose Euclidean norm is larger explodes. Gradients are usually clipped to norms
        between 1 and 10.
    vanishing
        A gradient vanishes whose norm is smaller than this times the largest among parameters, for
        a parameter, or among results, for the result of an operation. One that is zero everywhere
        vanishes in any case.
    dead
        A unit of a ReLU is dead if it gives zero for every example. A layer is reported if more
        than this part of its units are.
    examples
        In a batch of fewer examples no unit counts as dead: a single one silences half of the units
        of a healthy layer, and four silence a sixteenth.
    saturated
        A sigmoid or tanh is reported if at least this part of its results is saturated.
    margin
        A result is saturated if it is closer than this to a limit of the function. There the
        derivative of a sigmoid is below 0.01, that of tanh below 0.02.

    Examples
    --------
    >>> Thresholds(exploding=100.0).exploding
    100.0
    """

    exploding: float = 1e3
    vanishing: float = 1e-6
    dead: float = 0.1
    examples: int = 4
    saturated: float = 0.5
    margin: float = 0.01


class Finding(NamedTuple):
    """One thing that is wrong with a node."""

    kind: Literal[
        "nan",
        "inf",
        "nan gradient",
        "inf gradient",
        "exploding gradient",
        "vanishing gradient",
        "dead relu",
        "saturated",
    ]
    text: str
    """What it is, with the numbers, in a few words."""

    @property
    def is_origin(self) -> bool:
        """Whether this is where a NaN or an Inf was made, from operands that are finite."""
        return _ORIGIN in self.text


def findings(
    graph: Graph,
    values: Mapping[Node, Array],
    gradients: Mapping[Node, Array],
    thresholds: Thresholds | None = None,
) -> dict[Node, list[Finding]]:
    """Return what is wrong, by node; those that nothing is wrong with are missing.

    Parameters
    ----------
    graph
        The graph.
    values, gradients
        The values and gradients of its nodes, as far as they are known; what is not known is not
        judged.
    thresholds
        Beyond which numbers something counts as unhealthy.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> x = mt.tensor([4.0, -1.0], requires_grad=True)
    >>> with np.errstate(invalid="ignore"):
    ...     graph = Graph(np.sqrt(x).sum())
    >>> root = graph.nodes[1]
    >>> findings(graph, {graph.nodes[0]: x.data, root: np.array([2.0, np.nan])}, {})[root]
    [Finding(kind='nan', text='NaN first made here: 1 of 2')]
    """
    thresholds = thresholds or Thresholds()
    found: dict[Node, list[Finding]] = {}
    largest = _largest_norms(graph, gradients)
    for node in graph.nodes:
        if node.is_constant:
            continue
        of_node: list[Finding] = []
        if node in values:
            of_node += _value(node, values)
            of_node += _activation(graph, node, values, thresholds)
        if node in gradients:
            of_node += _gradient(graph, node, gradients[node], largest, thresholds)
        if of_node:
            found[node] = of_node
    return found


def _value(node: Node, values: Mapping[Node, Array]) -> Iterator[Finding]:
    """Yield what is NaN, and what is infinite, but for data: an Inf is put there on purpose."""
    nan, inf, size = _not_finite(values[node])
    origin = _origin(node, values) if nan or inf else ""
    if nan:
        yield Finding("nan", f"NaN{origin}: {nan} of {size}")
    if inf and node.requires_grad:
        yield Finding("inf", f"Inf{origin}: {inf} of {size}")


def _not_finite(array: Array) -> tuple[int, int, int]:
    """Return how many NaN and how many infinities there are among how many elements."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return 0, 0, array.size
    return int(np.isnan(array).sum()), int(np.isinf(array).sum()), array.size


def _origin(node: Node, values: Mapping[Node, Array]) -> str:
    """Say that what is not finite was made by this operation, if its operands are."""
    operands = [values.get(parent) for parent in node.parents if not parent.is_constant]
    first = operands and all(x is not None and np.isfinite(x).all() for x in operands)
    return f" {_ORIGIN}" if first else ""


def _largest_norms(graph: Graph, gradients: Mapping[Node, Array]) -> dict[Kind, float]:
    """Return the largest finite norm of a gradient, among parameters and among results."""
    largest: dict[Kind, float] = {}
    for node in graph.nodes:
        if node in gradients and node not in graph.outputs:
            norm = _norm(gradients[node])
            if np.isfinite(norm):
                kind = graph.kind(node)
                largest[kind] = max(norm, largest.get(kind, 0.0))
    return largest


def _norm(array: Array) -> float:
    with np.errstate(all="ignore"):
        return float(np.linalg.norm(np.asarray(array, dtype=np.float64)))


def _gradient(
    graph: Graph,
    node: Node,
    gradient: Array,
    largest: Mapping[Kind, float],
    thresholds: Thresholds,
) -> Iterator[Finding]:
    gradient = np.asarray(gradient)
    nan, inf, size = _not_finite(gradient)
    if nan:
        yield Finding("nan gradient", f"NaN in the gradient: {nan} of {size}")
    if inf:
        yield Finding("inf gradient", f"Inf in the gradient: {inf} of {size}")
    if nan or inf:
        return
    norm = _norm(gradient)
    if norm > thresholds.exploding:
        yield Finding("exploding gradient", f"exploding gradient: norm {norm:.3g}")
    elif not gradient.size or node in graph.outputs:
        return
    elif norm == 0:
        yield Finding("vanishing gradient", "vanishing gradient: zero everywhere")
    elif norm < thresholds.vanishing * largest.get(graph.kind(node), 0.0):
        yield Finding("vanishing gradient", f"vanishing gradient: norm {norm:.3g}")


def _activation(
    graph: Graph, node: Node, values: Mapping[Node, Array], thresholds: Thresholds
) -> Iterator[Finding]:
    """Yield what is wrong with the result of a ReLU, a sigmoid or a tanh."""
    value = values[node]
    if not value.size:
        return
    if _is_relu(node):
        yield from _dead(value, thresholds)
        return
    limits = (0.0, 1.0) if _is_sigmoid(node) else (-1.0, 1.0) if _name(node) == "tanh" else None
    if limits is not None:
        low, high = limits
        near = (value < low + thresholds.margin) | (value > high - thresholds.margin)
        part = float(near.mean())
        if part >= thresholds.saturated:
            name = "tanh" if low else "sigmoid"
            yield Finding("saturated", f"saturated {name}: {part:.0%} of {value.size}")


def _dead(value: Array, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding if many units are zero for every example.

    Units are along the last axis; in a batch of images (N, C, H, W) along the second.
    """
    if value.ndim < 2:
        return
    axis = 1 if value.ndim >= 4 else value.ndim - 1
    units = value.shape[axis]
    if value.size // units < thresholds.examples:
        return
    dead = int((value == 0).all(axis=tuple(i for i in range(value.ndim) if i != axis)).sum())
    if dead > thresholds.dead * units:
        yield Finding("dead relu", f"dead ReLU: {dead} of {units} units")


def _name(node: Node) -> str:
    return "" if node.op is None else node.op.name


def _is_relu(node: Node) -> bool:
    """Tell whether a node is ``relu(x)`` or ``maximum(x, 0)``."""
    return _name(node) == "relu" or (
        _name(node) == "maximum" and any(_is_number(parent, 0) for parent in node.parents)
    )


def _is_sigmoid(node: Node) -> bool:
    """Tell whether a node is ``sigmoid(x)`` or ``1 / (1 + exp(x))``."""
    if _name(node) != "divide":
        return _name(node) == "sigmoid"
    one, total = node.parents
    return (
        _is_number(one, 1)
        and _name(total) == "add"
        and any(_is_number(parent, 1) for parent in total.parents)
        and any(_name(parent) == "exp" for parent in total.parents)
    )


def _is_number(node: Node, number: float) -> bool:
    return node.is_constant and node.value == number
