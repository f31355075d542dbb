"""One hand-derived step: from the gradients that are given downstream to that of one tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .tape import Edge, Value, contribution, summed, with_arguments

__all__ = ["Override", "Step"]


class Override(NamedTuple):
    """Another rule for a part of a step: from the gradient of a value to that of ``lower``.

    It takes the place of one edge of the value, or of all of them.
    """

    lower: Value
    rule: Callable[[Any], Any]
    edge: Edge | None


class Step:
    """The part of the backward pass between the nearest given gradients and a tensor.

    Parameters
    ----------
    target
        The tensor whose gradient the step derives.
    given
        The values whose gradients are given: where the step begins.
    flow
        The gradient that each value passes on: the given one, else what follows from those.
    expected
        What the step gives by the true rules.

    Attributes
    ----------
    edges
        The operands at which a contribution arises, those nearest the target last.
    inner
        The values between.
    sources
        The values at which the step begins: given ones, or outputs.
    """

    def __init__(
        self,
        target: Value,
        given: Iterable[Value],
        flow: Mapping[Value, Any],
        expected: Any,
    ) -> None:
        self.target, self.flow, self.expected = target, flow, expected
        barrier = set(given) - {target}
        self.inner: set[Value] = set()
        self.sources: list[Value] = []
        edges: list[Edge] = []
        reached = {target}
        pending = [target]
        while pending:
            for edge in pending.pop().consumers:
                user = edge.user
                if user not in flow:
                    continue
                edges.append(edge)
                if user in reached:
                    continue
                reached.add(user)
                if user in barrier or not any(e.user in flow for e in user.consumers):
                    self.sources.append(user)
                else:
                    self.inner.add(user)
                    pending.append(user)
        self.edges = sorted(edges, key=lambda e: (-e.user.index, e.position))
        self._path = sorted(self.inner, key=lambda value: -value.index)
        self._contributions: dict[Edge, Any] = {}
        self.segments: Sequence[Any] | None = None
        """Its elementwise functions, once they were looked for."""
        self.work = 0
        """How many derivative rules were applied to try things out."""

    def contribution(self, edge: Edge) -> Any:
        """Return what an edge contributes by the true rule."""
        if edge not in self._contributions:
            self._contributions[edge] = contribution(edge, self.flow[edge.user])
        return self._contributions[edge]

    def unsummed(self, edge: Edge) -> Any:
        """Return a contribution before it is summed over the axes of broadcasting."""
        return contribution(edge, self.flow[edge.user], whole=False)

    @cached_property
    def incoming(self) -> dict[Value, list[Edge]]:
        """The edges of each value of the step."""
        found: dict[Value, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.operand, []).append(edge)
        return found

    def with_changes(self, changes: Iterable[tuple[Edge, Any]]) -> Any:
        """Return what the step gives if some contributions are others than by the rules."""
        return self.with_added(
            (edge.operand, summed(edge, c) - self.contribution(edge)) for edge, c in changes
        )

    def with_added(self, added: Iterable[tuple[Value, Any]]) -> Any:
        """Return what the step gives if something is added to the gradients of some values."""
        extra: dict[Value, Any] = {}
        for value, g in added:
            extra[value] = extra[value] + g if value in extra else g
        for value in self._path:
            g = extra.get(value)
            if g is None:
                continue
            for position, parent in enumerate(value.parents):
                if parent is self.target or parent in self.inner:
                    self.work += 1
                    c = contribution(Edge(value, position), g)
                    extra[parent] = extra[parent] + c if parent in extra else c
        more = extra.get(self.target)
        return self.expected if more is None else self.expected + more

    def with_overrides(self, overrides: Mapping[Value, Sequence[Override]]) -> Any:
        """Return what the step gives if several of its rules are others, one after another."""
        total: dict[Value, Any] = {source: self.flow[source] for source in self.sources}
        for user in sorted({*self.sources, *self.inner}, key=lambda value: -value.index):
            g = total.get(user)
            if g is None:
                continue
            own = overrides.get(user, ())
            self.work += 1
            for lower, rule, _ in own:
                c = rule(g)
                total[lower] = total[lower] + c if lower in total else c
            if any(override.edge is None for override in own):
                continue
            for edge in self._uses.get(user, ()):
                if all(override.edge is not edge for override in own):
                    c = contribution(edge, g)
                    operand = edge.operand
                    total[operand] = total[operand] + c if operand in total else c
        return total[self.target]

    def as_numpy_does(self) -> Any:
        """Return what the rules give of gradients in any shapes, which NumPy broadcasts.

        It is ``None`` if the shapes do not fit together.
        """
        total: dict[Value, Any] = {source: self.flow[source] for source in self.sources}
        try:
            with np.errstate(all="ignore"):
                for edge in self.edges:
                    arguments = [x.argument for x in (edge.user, *edge.user.parents)]
                    c = with_arguments(edge, total[edge.user], arguments)
                    operand = edge.operand
                    if c.shape != operand.shape and total[edge.user].shape == edge.user.shape:
                        c = summed(edge, c)
                    total[operand] = total[operand] + c if operand in total else c
        except (ValueError, IndexError, TypeError, KeyError):
            return None
        return total[self.target]

    @cached_property
    def _uses(self) -> dict[Value, list[Edge]]:
        uses: dict[Value, list[Edge]] = {}
        for edge in self.edges:
            uses.setdefault(edge.user, []).append(edge)
        return uses
