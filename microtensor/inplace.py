"""Which arrays were changed in place, and when: a backward pass checks its saved arrays by it.

One clock orders the nodes of all graphs and all changes. A saved array is stale if its memory was
changed after the node that saved it was recorded. So recording costs one tick, and a backward pass
over a graph younger than the latest change looks at no array at all.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from typing import Any

import numpy as np

__all__ = ["clock", "tick"]

tick = itertools.count(1).__next__
"""The next moment."""


class Clock:
    """The moments at which memory was last changed through the Tensor API."""

    def __init__(self) -> None:
        self.latest = 0
        self._moments: dict[int, int] = {}
        self._owners: dict[int, weakref.ref[Any]] = {}
        self._changing = threading.RLock()  # or a thread sets `latest` back to its earlier moment

    def mark_changed(self, *arrays: np.ndarray[Any, Any]) -> None:
        """Note that ``arrays``, and so whatever shares their memory, are being changed now."""
        moments = self._moments
        with self._changing:
            self.latest = moment = tick()
            for array in arrays:
                key = id(array if array.base is None else _owner(array))
                if key not in moments:
                    self._watch(_owner(array))
                moments[key] = moment

    def changed_since(self, array: Any, moment: int) -> bool:
        """Tell whether the memory of ``array`` was changed after ``moment``."""
        return self._moments.get(id(_owner(array)), 0) > moment

    def _watch(self, owner: Any) -> None:
        key = id(owner)
        self._owners[key] = weakref.ref(owner, lambda _: self._forget(key))

    def _forget(self, key: int) -> None:
        del self._owners[key], self._moments[key]


def _owner(array: Any) -> Any:
    while isinstance(array, np.ndarray) and isinstance(array.base, np.ndarray):
        array = array.base
    return array


clock = Clock()
