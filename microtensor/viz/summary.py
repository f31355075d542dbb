"""Arrays in a few short lines of text."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["summary"]

Array = npt.NDArray[Any]

_MOST_NUMBERS = 12
"""A larger array is summarised."""


def summary(array: npt.ArrayLike) -> list[str]:
    """Write an array in a few short lines: its numbers, or what they range over.

    >>> summary([[0.5, -1.0], [0.0, 2.0 / 3]])
    ['[[0.5,     -1],', ' [  0, 0.6667]]']
    >>> summary(range(100))
    ['min 0, mean 49.5, max 99']
    """
    array = np.asarray(array)
    if array.ndim == 0:
        return [f"{array[()]:.6g}" if array.dtype.kind == "f" else str(array[()])]
    if not array.size:
        return ["empty"]
    if array.size <= _MOST_NUMBERS and array.ndim <= 2:
        return _numbers(array)
    if array.dtype.kind == "b":
        return [f"{np.count_nonzero(array)} of {array.size} true"]
    finite = array[np.isfinite(array)]
    lines = []
    if finite.size:
        with np.errstate(over="ignore"):
            mean = finite.mean(dtype=np.float64)
        lines.append(f"min {finite.min():.4g}, mean {mean:.4g}, max {finite.max():.4g}")
    if finite.size < array.size:
        lines.append(f"{array.size - finite.size} of {array.size} not finite")
    return lines


def _numbers(array: Array) -> list[str]:
    """Write a vector in a line, or the rows of a matrix below each other, in columns."""
    rows = [[_number(x) for x in row] for row in np.atleast_2d(array)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "[" + ", ".join(x.rjust(width) for x, width in zip(row, widths, strict=True)) + "]"
        for row in rows
    ]
    if array.ndim == 1:
        return lines
    opening = ["[", *" " * (len(lines) - 1)]
    closing = [*"," * (len(lines) - 1), "]"]
    return [a + line + z for a, line, z in zip(opening, lines, closing, strict=True)]


def _number(x: Any) -> str:
    return f"{x + 0.0:.4g}" if isinstance(x, np.floating) else str(x)  # 0 for -0.0
