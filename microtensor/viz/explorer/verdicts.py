"""Hand-derived gradients, as `microtensor.compare` judged them, beside autograd's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ...errors import ArgumentError
from ...op import Node
from .arrays import Arrays

__all__ = ["Comparison", "verdicts"]


class _Cause(Protocol):
    @property
    def kind(self) -> Any: ...
    @property
    def text(self) -> str: ...


class _Row(Protocol):
    @property
    def tensor(self) -> Any: ...
    @property
    def name(self) -> str: ...
    @property
    def hand(self) -> Any: ...
    @property
    def status(self) -> Any: ...
    @property
    def cause(self) -> _Cause | None: ...


class Comparison(Protocol):
    """What a page reads of a comparison."""

    @property
    def rows(self) -> Sequence[_Row]:
        """The tensors compared."""


def verdicts(
    comparison: Comparison, ids: Mapping[Node, int], arrays: Arrays
) -> list[dict[str, Any]]:
    """Return the rows of a comparison, for JSON.

    Raises
    ------
    ArgumentError
        If a tensor that was compared is none of the graph's.
    """
    found = []
    for row in comparison.rows:
        id = ids.get(row.tensor._node)
        if id is None:
            raise ArgumentError(
                f"comparison= is of another graph: it compares {row.name!r} of shape "
                f"{row.tensor.shape}, which is no tensor that the output was computed from. Give "
                "explore() the output that was given to compare()."
            )
        cause = row.cause
        found.append(
            {
                "node": id,
                "status": _text(row.status),
                "hand": arrays.add(np.asarray(row.hand)),
                "cause": None if cause is None else {"kind": _text(cause.kind), "text": cause.text},
            }
        )
    return found


def _text(value: Any) -> str:
    """Return an enumeration's value, or a plain text."""
    return str(getattr(value, "value", value))
