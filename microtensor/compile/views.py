"""Which operations only look at memory of their operand in another way."""

from __future__ import annotations

from collections.abc import Iterable
from types import EllipsisType
from typing import Any

import numpy as np

from .program import Equation, Var

__all__ = ["VIEWS", "is_basic", "is_view", "roots"]

VIEWS = frozenset(
    {"broadcast_to", "class_indices", "diagonal", "expand_dims", "flip", "moveaxis", "ravel",
     "reshape", "squeeze", "swapaxes", "transpose"}
)  # fmt: skip


def is_view(equation: Equation) -> bool:
    """Tell whether a result may share the memory of its operand."""
    name = equation.op.name
    return name in VIEWS or (name == "getitem" and is_basic(equation.params["index"]))


def is_basic(index: Any) -> bool:
    """Tell whether an index is made of numbers and slices: it selects a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        isinstance(part, (int, np.integer, slice, EllipsisType, type(None)))
        and not isinstance(part, bool)
        for part in parts
    )


def roots(equations: Iterable[Equation]) -> dict[Var, Var]:
    """Return for each value that may be a view the value whose memory it looks at."""
    found: dict[Var, Var] = {}
    for equation in equations:
        source = equation.inputs[0] if equation.inputs else None
        if isinstance(source, Var) and is_view(equation):
            found[equation.out] = found.get(source, source)
    return found
