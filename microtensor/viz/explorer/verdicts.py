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
    comparison: Comparison, ids: Mapping[Node, int], gradients: Mapping[Node, Any], arrays: Arrays
) -> list[dict[str, Any]]:
    """Return the rows of a comparison, for JSON.

    Raises
    ------
    ArgumentError
        If a tensor that was compared is none of the graph's, or has another gradient here.
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
        if node in gradients and not _same(gradients[node], row.autograd):
            raise ArgumentError(
                f"comparison= is of another output: the gradient of {row.name!r} that it compared "
                "with is not the one here. Give explore() the output, and the gradient= if there "
                "was one, that were given to compare()."
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


def _same(gradient: Any, other: Any) -> bool:
    """Tell whether two gradients are the same up to the order in which they were summed."""
    largest = np.max(np.abs(other), where=np.isfinite(other), initial=0)
    return np.allclose(gradient, other, rtol=1e-5, atol=1e-6 * largest, equal_nan=True)
