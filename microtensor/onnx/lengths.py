"""Which axes of a model's inputs differ from call to call, and how long they are in each trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..errors import ArgumentError
from ..tensor import Tensor

__all__ = ["TRACES", "Axis", "DynamicAxes", "Lengths", "by_axis", "lengths_of"]

DynamicAxes: TypeAlias = Mapping[str, Mapping[int, str] | Sequence[int]]

TRACES = 3
"""Two would always lie on a line."""


class Axis(NamedTuple):
    """An axis of an input, by their positions."""

    input: int
    axis: int


class Lengths:
    """The lengths of the axes that have names.

    Parameters
    ----------
    inputs
        The names of the inputs, and their examples.
    dynamic
        The names of the axes, or the axes alone, by the name of the input.
    taken
        Lengths that other axes have, which these are not to have by chance.

    Attributes
    ----------
    rows
        By name, the length in each trace.
    axes
        By name, an axis that has the length.
    """

    def __init__(
        self, inputs: Mapping[str, Any], dynamic: DynamicAxes, taken: Iterable[int]
    ) -> None:
        self._named = {
            Axis(i, axis): called
            for i, (name, example) in enumerate(inputs.items())
            for axis, called in by_axis(name, dynamic.get(name, ()), np.ndim(example)).items()
        }
        self.axes: dict[str, Axis] = {}
        for axis, called in self._named.items():
            self.axes.setdefault(called, axis)
        shapes = [np.shape(example) for example in inputs.values()]
        unavailable = set(taken)
        self.rows: dict[str, list[int]] = {}
        for position, name in enumerate(self.axes):
            row = lengths_of(self._example(name, shapes), position, unavailable)
            self.rows[name] = row
            unavailable.update(row)

    def __bool__(self) -> bool:
        return bool(self.rows)

    def _example(self, name: str, shapes: Sequence[tuple[int, ...]]) -> int:
        """Return the length that the axes of a name have in the examples."""
        found = {shapes[i][axis] for (i, axis), called in self._named.items() if called == name}
        if len(found) > 1 or 0 in found:
            raise ArgumentError(
                f"The axes called {name!r} in dynamic_axes have the lengths {sorted(found)} in the "
                "examples, and must have one, of at least 1: give other names to what differs."
            )
        return found.pop()

    def resized(self, examples: Sequence[Any], trace: int) -> list[Any]:
        """Return examples of the lengths in a trace, their elements repeated."""
        resized = list(examples)
        for (i, axis), name in self._named.items():
            resized[i] = _repeated(resized[i], axis, self.rows[name][trace])
        return resized


def lengths_of(example: int, position: int, taken: Iterable[int] = ()) -> list[int]:
    """Return the lengths in all traces of the axes with the name at a position among all names.

    No length is a multiple of another plus a constant, in all traces, and of each some are even and
    some are odd.
    """
    row = [max(example, 2) + t * (t + 1) // 2 + t * position for t in range(TRACES)]
    while not set(row).isdisjoint(taken):
        row = [n + 1 for n in row]
    return row


def by_axis(name: str, given: Mapping[int, str] | Sequence[int], ndim: int) -> dict[int, str]:
    """Return the names of axes by the axis; one without a name has that of its number.

    Raises
    ------
    ArgumentError
        If there is no such axis, or a name is none.
    """
    if not isinstance(given, (Mapping, list, tuple)):
        raise ArgumentError(
            f"dynamic_axes has {given!r} for {name!r}: give a dict or a list of axes."
        )
    named = given if isinstance(given, Mapping) else dict.fromkeys(given)
    found = {}
    for axis, called in named.items():
        if not isinstance(axis, int) or not -ndim <= axis < ndim:
            raise ArgumentError(
                f"dynamic_axes has axis {axis!r} of {name!r}, which has {ndim} axes."
            )
        if called is None:
            called = f"axis_{axis % ndim}" if axis % ndim else "batch"
        elif not isinstance(called, str) or not called:
            raise ArgumentError(
                f"dynamic_axes calls axis {axis} of {name!r} {called!r}, not a name."
            )
        found[axis % ndim] = called
    return found


def _repeated(value: Any, axis: int, length: int) -> Any:
    """Return an example whose axis has another length."""
    array = value.data if isinstance(value, Tensor) else value
    array = np.take(array, range(length), axis, mode="wrap")
    return Tensor(array, requires_grad=value.requires_grad) if isinstance(value, Tensor) else array
