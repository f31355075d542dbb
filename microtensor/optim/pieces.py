"""Changing arrays in place: large ones piece by piece, so that each piece stays in a fast cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["NOTHING", "PIECE", "Change", "Update", "change_all"]

Change = Callable[..., None]
"""What changes an array in place, given its gradient, and by name other arrays that change too."""

Update = tuple[Change, Any, Any, Mapping[str, Any]]
"""A change, and what it is called with: an array, its gradient, and other arrays by name."""

NOTHING: Mapping[str, Any] = {}
"""No other arrays."""

PIECE = 1 << 19
"""How many bytes of all arrays together are changed at a time: they fit into a fast cache."""

SMALL = PIECE // 8
"""Arrays of so few bytes are changed as a whole, whatever other arrays come with them."""


@np.errstate(all="ignore")  # as a decorator it takes half the time
def change_all(updates: Iterable[Update], in_pieces: bool) -> None:
    """Do the updates, without warnings or errors of numbers that overflow.

    Parameters
    ----------
    updates
        What changes, and how.
    in_pieces
        Whether large arrays may be changed piece by piece.
    """
    for change, p, g, others in updates:
        if in_pieces and p.nbytes > SMALL:
            change_in_pieces(change, p, g, others)
        elif others:
            change(p, g, **others)
        else:  # the same, in less than half the time
            change(p, g)


def change_in_pieces(change: Change, p: Any, g: Any, others: Mapping[str, Any]) -> None:
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
