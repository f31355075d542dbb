"""Changing large arrays in place, a piece after the other, so that each stays in a fast cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["PIECE", "Change", "in_pieces"]

Change = Callable[..., None]
"""What changes an array in place, given its gradient, and by name other arrays that change too."""

PIECE = 1 << 19
"""How many bytes of all arrays together are changed at a time: they fit into a fast cache."""


def in_pieces(change: Change, p: Any, g: Any, others: Mapping[str, Any]) -> None:
    """Call ``change(p, g, **others)``; of large arrays, for one piece of all after the other.

    So the temporaries of an update have the size of a piece, not of the parameter.

    Parameters
    ----------
    change
        Changes what it is given in place, each element by the elements at the same place.
    p, g, others
        Arrays of one shape. Those that are not contiguous are changed as a whole.
    """
    count = 2 + len(others)
    if count * p.nbytes <= PIECE or not all(
        array.flags.c_contiguous for array in (p, g, *others.values())
    ):
        change(p, g, **others)
        return
    length = PIECE // (count * p.itemsize)
    p, g = p.reshape(-1), g.reshape(-1)
    flat = {name: array.reshape(-1) for name, array in others.items()}
    for start in range(0, p.size, length):
        piece = slice(start, start + length)
        change(p[piece], g[piece], **{name: array[piece] for name, array in flat.items()})
