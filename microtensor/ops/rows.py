"""Picking rows of a table by their numbers, and its adjoint: adding rows up where they belong."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import IndexingError
from ..op import Op

__all__ = ["add_rows", "take_rows"]


def _take_rows(indices: Any, table: Any, padding: int | None = None) -> Any:
    count = len(table)
    if indices.size and not (indices.min() >= 0 and indices.max() < count):
        at = tuple(np.argwhere((indices < 0) | (indices >= count))[0].tolist())
        raise IndexingError(
            f"embedding got the index {indices[at]} at {at} of the input, and the weight has "
            f"{count} rows: indices go from 0 to {count - 1}."
        )
    return table[indices]


def _add_rows(rows: Any, indices: Any, count: int) -> Any:
    """Sort the rows and add up those of each index, which is faster than `numpy.add.at`."""
    out = np.zeros((count, rows.shape[-1]), rows.dtype)
    flat = indices.reshape(-1)
    if flat.size:
        order = flat.argsort(kind="stable")
        flat = flat[order]
        starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
        out[flat[starts]] = np.add.reduceat(rows.reshape((flat.size, -1))[order], starts)
    return out


def _but_padding(g: Any, indices: Any, padding: int | None) -> Any:
    """Leave out the gradients of the padding."""
    return g if padding is None else np.where((indices != padding)[..., None], g, 0.0)


# fmt: off
take_rows = Op("embedding", _take_rows, saves="indices", vjps=(
    lambda g, out, indices, table, padding: np.zeros_like(indices),
    lambda g, out, indices, table, padding: add_rows(
        _but_padding(g, indices, padding), indices, table.shape[0])))
add_rows: Op = Op("add_rows", _add_rows, saves="indices", vjps=(
    lambda g, out, rows, indices, count: take_rows(indices, g),
    lambda g, out, rows, indices, count: np.zeros_like(indices)))
# fmt: on
