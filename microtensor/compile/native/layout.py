"""Where values lie in memory: a value is a block of its own, or a view of another's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..program import Var

__all__ = ["View", "as_space", "contiguous", "derived", "whole"]


class View(NamedTuple):
    """Elements of the block of ``root``, found as NumPy finds those of a view.

    ``offset`` and ``strides`` count elements.
    """

    root: Var
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def squeezed(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shape and the strides without the axes of length 1."""
        kept = [i for i, n in enumerate(self.shape) if n != 1]
        return tuple(self.shape[i] for i in kept), tuple(self.strides[i] for i in kept)

    def broadcast(self, shape: tuple[int, ...]) -> View:
        """Return the view repeated to a larger shape."""
        lead = len(shape) - len(self.shape)
        strides = tuple(
            0 if i < lead or self.shape[i - lead] == 1 else self.strides[i - lead]
            for i in range(len(shape))
        )
        return View(self.root, self.offset, shape, strides)


def whole(var: Var) -> View:
    """Return the view that is all of a block."""
    return View(var, 0, var.shape, contiguous(var.shape))


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of an array whose elements lie one after the other."""
    strides = []
    step = 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def as_space(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return what loops over a shape go through: an axis of length 1 needs no loop."""
    return tuple(n for n in shape if n != 1)


def derived(view: View, move: Callable[[Any], Any]) -> View | None:
    """Return the view that a function of NumPy's makes of another, ``None`` where it copies.

    NumPy is asked itself, about bytes that lie as the elements do: whatever it knows of indices,
    orders and shapes needs no second description here.
    """
    if 0 in view.shape:
        moved = move(np.empty(view.shape, np.int8))
        return View(view.root, 0, moved.shape, contiguous(moved.shape))
    block = np.empty(max(view.root.size, 1), np.int8)
    start = block[view.offset :]
    before = np.lib.stride_tricks.as_strided(start, view.shape, view.strides)
    after = move(before)
    if after.size == 0:
        return View(view.root, 0, after.shape, contiguous(after.shape))
    if not np.may_share_memory(block, after):
        return None
    offset = after.__array_interface__["data"][0] - block.__array_interface__["data"][0]
    return View(view.root, int(offset), after.shape, after.strides)
