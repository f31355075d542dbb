"""A mistake tried out at one place, and what such trials take from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..step import Step
from ..tape import Edge, Value

__all__ = ["Hypothesis", "Known", "Mistake", "alike", "changed", "if_fit"]

_UNFIT = (ValueError, IndexError, TypeError, AttributeError, ZeroDivisionError, OverflowError)
"""What arrays of unfitting shapes raise in a rule."""


@dataclass(frozen=True)
class Hypothesis:
    """A mistake, and the gradient that it gives.

    ``op`` is the operation at which it is made, ``used`` and ``expected`` are what was taken and
    what belongs there: values, or the gradients of values.
    """

    kind: str
    gradient: Any
    """``None`` where shapes do not fit, so that nobody can have made the mistake there."""
    op: str | None = None
    where: Value | None = None
    used: Value | None = None
    expected: Value | None = None
    detail: str = ""
    """Which of the mistakes of this kind it is."""
    times: int = 1
    """In how many places of the step the mistake was made."""
    is_change: bool = False
    """Whether ``gradient`` is what the mistake changes, of which some multiple is added."""


@dataclass(frozen=True)
class Known:
    """What the mistakes may take from elsewhere in the computation."""

    values: list[Value]
    """Every value, those with names first."""
    hand: Mapping[Value, Any]
    """The hand-derived gradients."""
    right: Mapping[Value, Any]
    """The gradients by autograd."""
    earlier: Callable[[Value], Any]
    """What ``.grad`` of a leaf holds."""
    fused: Mapping[Value, tuple[str, tuple[Value, ...]]]
    """The results of operations that were taken apart: which, and their operands."""

    def arrays(self, shape: tuple[int, ...], *, broadcast: bool = False) -> Iterator[Value]:
        """Yield the values of a shape, or those that broadcast to it, whose arrays are known."""
        for value in self.values:
            fits = value.shape == shape or (broadcast and _broadcasts(value.shape, shape))
            if fits and value.shape and value.data is not None and value.has_gradient:
                yield value

    def gradients(self, target: Value, shape: tuple[int, ...]) -> Iterator[tuple[Value, Any]]:
        """Yield the gradients of a shape that whoever derives the target's can take for it.

        Those that come before are the hand-derived ones; of others what they should be.
        """
        for value, g in self.hand.items():
            if value is not target and value.index > target.index and g.shape == shape:
                yield value, g
        for value, g in self.right.items():
            if value is not target and g.shape == shape:
                yield value, g


Mistake = Callable[[Step, Known], Iterator[Hypothesis]]


def if_fit(compute: Callable[..., Any], *args: Any) -> Any:
    """Return what a function gives, or ``None`` where the shapes of its arguments do not fit."""
    try:
        with np.errstate(all="ignore"):
            return compute(*args)
    except _UNFIT:
        return None


def changed(step: Step, edge: Edge, compute: Callable[..., Any], *args: Any) -> Any:
    """Return what the step gives if a contribution is what ``compute`` makes of ``args``."""
    return if_fit(lambda: step.with_changes([(edge, compute(*args))]))


def alike(edges: list[Edge]) -> list[list[Edge]]:
    """Return the groups of edges that a loop made: the same operation with the same parameter."""
    groups: dict[Any, list[Edge]] = {}
    for edge in edges:
        if edge.operand.is_parameter:
            parameters: tuple[Value, ...] = (edge.operand,)
        else:
            roots = (x.untransposed or x for x in edge.user.parents)
            parameters = tuple(x for x in roots if x.is_parameter)
        key = edge.op.name, edge.position, edge.operand.shape, parameters
        groups.setdefault(key, []).append(edge)
    return [group for group in groups.values() if len(group) > 1]


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False
