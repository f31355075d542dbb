"""Checks of what is given to an optimizer as parameters, or as groups of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..diagnosis import called
from ..errors import ArgumentError, DtypeError
from ..tensor import Tensor

__all__ = ["check_parameter", "ordered"]


def ordered(params: Any) -> list[Any]:
    """Return parameters, or groups of them, as a list; raise a `TypeError` if they are none."""
    if isinstance(params, (set, frozenset)):
        raise TypeError("Parameters need an order, and a set has none: give a list.")
    if isinstance(params, (Tensor, Mapping)):
        advice = "put it into a list"
    elif hasattr(params, "parameters"):
        advice = "give its parameters()"
    elif isinstance(params, Iterable):
        return list(params)
    else:
        advice = "give model.parameters()"
    raise TypeError(
        "An optimizer takes an iterable of Tensors or of dicts, and got one "
        f"{type(params).__name__}: {advice}."
    )


def check_parameter(i: int, tensor: Any) -> None:
    """Raise if what was given as the parameter number ``i`` cannot be optimized."""
    if not isinstance(tensor, Tensor):
        hint = ": give model.parameters()" if isinstance(tensor, (tuple, str)) else ""
        raise TypeError(
            f"An optimizer takes Tensors, and parameter {i} is a {type(tensor).__name__}{hint}."
        )
    if not tensor.is_leaf:
        raise ArgumentError(
            f"Parameter {i}, {called(tensor)}, was computed by {tensor._op_name()}, and only "
            "leaves can be optimized: give the tensor that it was computed from."
        )
    if tensor.dtype.kind != "f":
        raise DtypeError(
            f"Parameter {i}, {called(tensor)}, has dtype {tensor.dtype}, and only floating-point "
            "tensors have gradients."
        )
