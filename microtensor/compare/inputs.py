"""What a comparison is given: checked, and as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..diagnosis import called
from ..errors import ArgumentError, DtypeError, GradientError
from ..graph import Graph
from ..op import Node
from ..record import leaf_of
from ..tensor import Tensor

__all__ = [
    "Closeness",
    "check_mapping",
    "check_output",
    "closeness",
    "floats",
    "node_of",
    "seed_of",
]

Closeness = Callable[[Any, Any], Any]
"""Which elements of two arrays are equal enough."""


def check_output(output: Any) -> None:
    """Raise if an output is none that gradients can be compared of."""
    if not isinstance(output, Tensor):
        raise ArgumentError(
            f"compare() needs the loss as a Tensor with its graph, and got {output!r}: compute it "
            "with Tensors, and do not convert it to a number."
        )
    if not output.requires_grad:
        raise GradientError(
            f"compare() has nothing to compare with: {called(output)} was not computed by recorded "
            "operations from a tensor that requires a gradient."
        )
    if not np.isfinite(output.data).all():
        raise GradientError(
            f"compare() has nothing to compare with: the output is {output.data!r}. Compute it "
            "inside mt.autograd.detect_anomaly() to see what made it so."
        )


def check_mapping(function: str, given: Any) -> None:
    """Raise if what a function got is no mapping of Tensors to anything."""
    if not isinstance(given, Mapping):
        raise ArgumentError(
            f"{function}() takes a dict of arrays by their tensors, {{W1: dW1, b1: db1}}, and got "
            f"a {type(given).__name__}."
        )
    if not given:
        raise ArgumentError(
            f"{function}() got no hand-derived gradients: give some by their tensors, {{W1: dW1}}."
        )
    for key in given:
        if not isinstance(key, Tensor):
            raise ArgumentError(
                f"{function}() takes the tensors themselves as keys, {{W1: dW1}}, and got {key!r}."
            )


def closeness(rtol: float | None, atol: float | None) -> Closeness | None:
    """Return what tolerances mean; ``None`` if there are none."""
    for name, value in (("rtol", rtol), ("atol", atol)):
        is_number = isinstance(value, (int, float, np.number))
        if value is not None and not (is_number and value >= 0):
            raise ArgumentError(f"compare() needs {name} to be 0 or more, and got {value!r}.")
    if rtol is None and atol is None:
        return None
    return lambda hand, other: np.abs(hand - other) <= (atol or 0.0) + (rtol or 0.0) * np.abs(other)


def node_of(graph: Graph, tensor: Tensor) -> Node:
    """Return the node of a tensor; raise if it has none in the graph, or no gradient."""
    node = leaf_of(tensor)
    if node not in graph.nodes:
        raise GradientError(
            f"compare() got a gradient for {called(tensor)}, which the output was not computed "
            "from: give the tensor that the forward pass used, before any copy() or detach(), and "
            "of the same pass."
        )
    if tensor.dtype.kind != "f":
        raise DtypeError(
            f"compare() got a gradient for {called(tensor)}, which is {tensor.dtype}: only "
            "floating-point tensors have a gradient."
        )
    return node


def floats(tensor: Tensor, given: Any, what: str = "gradient") -> Any:
    """Return a hand-derived gradient as an array of floating-point numbers."""
    if given is None:
        raise GradientError(
            f"The {what} given for {called(tensor)} is None. If it is a .grad: that is None until "
            "backward() reached the tensor, and again when it was cleared."
        )
    if isinstance(given, Tensor):
        given = given.data
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise DtypeError(f"The {what} given for {called(tensor)} is no array: {error}.") from None
    if array.dtype.kind != "f":
        hint = (
            "convert it with .astype(float), if it is meant to be whole numbers"
            if array.dtype.kind in "iub"
            else "give an array of floats of the tensor's shape"
        )
        raise DtypeError(
            f"The {what} given for {called(tensor)} has dtype {array.dtype}, and a gradient is "
            f"made of floating-point numbers: {hint}."
        )
    return array


def seed_of(output: Tensor, gradient: Any) -> Any:
    """Return the gradient of the output."""
    if gradient is None and output.size != 1:
        raise GradientError(
            f"compare() needs an output of one element, and {called(output)} has shape "
            f"{output.shape}: reduce it, with .sum() or a loss, or give gradient=, the gradient of "
            "something with respect to it."
        )
    seed = output._seed(gradient)
    if not np.isfinite(seed).all():
        raise GradientError(
            f"compare() got a gradient of the output that is not finite: {gradient!r}."
        )
    return seed
