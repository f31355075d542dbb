"""Changes in place while a function is traced: an array is another value from then on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import TracingError
from ..op import Op
from .names_seen import NamesSeen
from .program import Atom, Var
from .traced import TracedArray
from .views import VIEWS

__all__ = ["Changes"]


class Changes:
    """What has changed, and the views whose arrays did: a program has no views to change.

    Parameters
    ----------
    name
        The function's.
    names
        What values are called, for messages.
    """

    def __init__(self, name: str, names: NamesSeen) -> None:
        self._name = name
        self._names = names
        self._roots: dict[Var, Var] = {}
        self._changed: set[Var] = set()
        self._steps: set[Var] = set()
        """Results that took over the name of an array, by changing it in place."""
        self._pending: dict[Var, TracedArray] = {}
        """Arrays of which a part changed in place, and the part, until it is assigned back."""

    def note(self, op: Op, out: Var, value: Any, operands: Iterable[tuple[Atom, Any]]) -> None:
        """Note whose memory a result looks at."""
        for i, (source, x) in enumerate(operands):
            if isinstance(source, Var) and ((op.name in VIEWS and i == 0) or _is_view(value, x)):
                self._roots[out] = self._roots.get(source, source)

    def begin(self, target: TracedArray, op: Op, inputs: tuple[Any, ...]) -> None:
        """Raise if an array is not to change in place; a part is to be assigned back after it."""
        root = self._roots.get(target._var)
        if (
            op.name == "setitem"
            and len(inputs) == 2
            and self._pending.get(target._var) is inputs[1]
        ):
            del self._pending[target._var]  # x[index] += y: the part comes back
        elif root is not None and (root in self._pending or root in self._changed):
            raise self._error(target)
        elif root is not None:
            self._pending[root] = target

    def finish(self, target: TracedArray, op: Op, result: TracedArray) -> None:
        """Let an array be what it was changed into."""
        self._changed.add(target._var)
        if result._var.name is None:
            result._var.name = target._var.name
            if target._var in self._steps and op.name != "setitem":
                target._var.name = None  # on the way to what has the name
            self._steps.add(result._var)
        target._var, target._example = result._var, result._example

    def fresh(self, x: TracedArray) -> TracedArray:
        """Return an array as it is; raise if it is a view of one that changed since."""
        if self._roots.get(x._var) in self._changed:
            raise TracingError(
                f"{self._names.described(x)} is a view of an array that {self._name}() changed in "
                "place since: make the view again after the change, or take a copy() before it."
            )
        if x._var in self._pending:
            raise TracingError(
                f"{self._names.described(x)} is used by {self._name}() while a part of it that "
                "changed in place has not been assigned back: write x[index] = values."
            )
        return x

    def refuse_pending(self) -> None:
        """Raise if a view was changed in place, and not assigned back to what it is a part of."""
        for handle in self._pending.values():
            raise self._error(handle)

    def _error(self, view: TracedArray) -> TracingError:
        return TracingError(
            f"{self._names.described(view)} is a view, and {self._name}() changes it in place, "
            "which a program cannot repeat: change the array itself, as x[index] = values."
        )


def _is_view(value: Any, x: Any) -> bool:
    """Tell whether an operation gave an array that shares memory with its operand."""
    return (
        isinstance(value, np.ndarray)
        and isinstance(x, np.ndarray)
        and value.size > 0
        and np.may_share_memory(value, x)
    )
