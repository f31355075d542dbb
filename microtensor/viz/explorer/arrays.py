"""Arrays as a page holds them: in full while they are small, summarised past that."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Arrays"]

FEWEST, MOST = 64, 1024
"""How many elements of an array are written at least, if it has them, and at most."""
BUDGET = 300_000
"""How many elements are written of a computation's arrays together, as far as FEWEST permits, and
again of a training's."""
_EXACT = 64
"""Up to this size the numbers themselves are shown, so they are written to the last digit."""
_BINS = 24

Array = npt.NDArray[Any]


class Arrays:
    """The table of a page's arrays, to which its nodes and steps refer by index."""

    def __init__(self) -> None:
        self._arrays: list[tuple[Array, bool]] = []
        self._indices: dict[int, int] = {}

    def add(self, value: Any, *, of_training: bool = False) -> int | None:
        """Return the index of an array, entering it unless it is there; ``None`` for ``None``."""
        if value is None:
            return None
        key = id(value)
        if key not in self._indices:
            self._indices[key] = len(self._arrays)
            self._arrays.append((value, of_training))  # which keeps it alive, and its id its own
        return self._indices[key]

    def described(self) -> list[dict[str, Any]]:
        """Return the table, for JSON."""
        counts = Counter(of_training for _, of_training in self._arrays)
        limits = {part: max(FEWEST, min(MOST, BUDGET // n)) for part, n in counts.items()}
        return [
            described(np.asarray(array), limits[of_training]) for array, of_training in self._arrays
        ]


def described(array: Array, limit: int) -> dict[str, Any]:
    """Return an array for JSON: all its elements, or a summary if there are more than ``limit``."""
    facts: dict[str, Any] = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if array.size <= limit:
        digits = None if array.size <= _EXACT else 6
        facts["values"] = _numbers(array, digits)
    else:
        facts["blocks"] = _blocks(array, limit)
    if array.size > 1:
        facts["statistics"] = _statistics(array)
    if array.size > 16:
        facts["histogram"] = _histogram(array)
    return facts


def _statistics(array: Array) -> dict[str, Any]:
    data = array.astype(np.float64)
    finite = data[np.isfinite(data)]
    facts: dict[str, Any] = {
        "zeros": int(np.count_nonzero(data == 0)),
        "nan": int(np.isnan(data).sum()),
        "inf": int(np.isinf(data).sum()),
    }
    if finite.size:
        with np.errstate(over="ignore"):
            measures = {
                "min": finite.min(),
                "max": finite.max(),
                "mean": finite.mean(),
                "std": finite.std(),
                "norm": np.sqrt(np.square(finite).sum()),
            }
        facts |= {name: number(value, 6) for name, value in measures.items()}
    return facts


def _histogram(array: Array) -> dict[str, Any] | None:
    data = array.astype(np.float64)
    finite = data[np.isfinite(data)]
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    width = high - low
    if not (math.isfinite(width) and width > 1e-12 * max(abs(low), abs(high))):
        return None
    counts, _ = np.histogram(finite, _BINS, (low, high))
    return {"low": low, "high": high, "counts": counts.tolist()}


def _blocks(array: Array, limit: int) -> dict[str, Any]:
    """Average an array, as a matrix, over blocks so that at most ``limit`` means remain."""
    matrix = array.astype(np.float64)
    matrix = matrix.reshape(-1, matrix.shape[-1]) if matrix.ndim > 1 else matrix.reshape(1, -1)
    rows, columns = matrix.shape
    side = math.isqrt(limit)
    wide = min(columns, max(side, limit // max(1, min(rows, side))))
    high = min(rows, limit // wide)
    starts = np.arange(high) * rows // high, np.arange(wide) * columns // wide
    counts = [np.diff([*at, n]) for at, n in zip(starts, (rows, columns), strict=True)]
    with np.errstate(all="ignore"):
        sums = np.add.reduceat(np.add.reduceat(matrix, starts[0], 0), starts[1], 1)
        means = sums / np.outer(*counts)
    return {"rows": high, "columns": wide, "of": [rows, columns], "values": _numbers(means, 4)}


def _numbers(array: Array, digits: int | None) -> list[Any]:
    flat = array.reshape(-1)
    if array.dtype.kind == "b":
        flat = flat.astype(np.int64)
    return [number(value, digits) for value in flat.tolist()]


def number(value: Any, digits: int | None = None) -> Any:
    """Return a number for JSON, which knows neither NaN nor infinities: these as text."""
    if isinstance(value, int):
        return value
    value = float(value)
    if not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if digits is not None:
        value = float(f"{value:.{digits}g}")
    return int(value) if value.is_integer() and abs(value) < 1e6 else value
