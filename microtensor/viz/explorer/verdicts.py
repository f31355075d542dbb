"""Hand-derived gradients, as `microtensor.compare` judged them, beside autograd's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError
from ...op import Node
from .arrays import Arrays

if TYPE_CHECKING:
    from ...compare import Comparison

__all__ = ["verdicts"]


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
        node = row.tensor._node
        if node is None or node not in ids:
            raise ArgumentError(
                f"comparison= is of another graph: it compares {row.name!r} of shape {row.shape}, "
                "which is no tensor that the output was computed from. Give explore() the output "
                "that was given to compare()."
            )
        cause = row.cause
        found.append(
            {
                "node": ids[node],
                "name": row.gradient_name,
                "status": str(row.status),
                "hand": arrays.add(np.asarray(row.hand)),
                "cause": None if cause is None else {"kind": cause.kind, "text": cause.text},
                "step": row.step,
            }
        )
    return found
