"""Memory for what a program computes on the way: taken when needed, given back, and taken again."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from typing import Any

import numpy as np

from .program import Var

__all__ = ["Buffers"]

_ALIGNMENT = 64


class Buffers:
    """Blocks of memory, each for several values that are not needed at the same time."""

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._free: list[tuple[int, int]] = []
        self._block_of: dict[Var, int] = {}

    def take(self, var: Var) -> int:
        """Find a block for a value: the smallest free one that is large enough, or a new one."""
        need = max(_ALIGNMENT, math.ceil(_bytes(var) / _ALIGNMENT) * _ALIGNMENT)
        at = bisect_left(self._free, (need, -1))
        if at < len(self._free):
            _, block = self._free.pop(at)
        elif self._free and self._free[-1][0] * 2 >= need:
            _, block = self._free.pop()
            self._sizes[block] = need
        else:
            block = len(self._sizes)
            self._sizes.append(need)
        self._block_of[var] = block
        return block

    def share(self, var: Var, other: Var) -> int:
        """Let a value take over the block of another, which is no longer needed."""
        block = self._block_of.pop(other)
        self._block_of[var] = block
        return block

    def holds(self, var: Var) -> bool:
        """Tell whether a value has a block."""
        return var in self._block_of

    def give_back(self, var: Var) -> None:
        """Free the block of a value."""
        block = self._block_of.pop(var, None)
        if block is not None:
            insort(self._free, (self._sizes[block], block))

    @property
    def nbytes(self) -> int:
        """The size of all blocks."""
        return sum(self._sizes)

    def allocate(self) -> list[Any]:
        """Return the memory of all blocks."""
        return [_aligned(size) for size in self._sizes]


def _bytes(var: Var) -> int:
    return var.size * var.dtype.itemsize


def _aligned(size: int) -> Any:
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size]
