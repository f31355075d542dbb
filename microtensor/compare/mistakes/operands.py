"""Mistakes in what a rule is applied to: another tensor, another gradient, another time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..step import Override, Step
from ..tape import Edge, Value, summed, with_arguments
from .hypothesis import Hypothesis, Known, alike, changed, if_fit

__all__ = [
    "after_update",
    "another_gradient",
    "another_gradient_in_a_loop",
    "another_gradient_passed_on",
    "another_tensor",
    "another_tensor_in_a_loop",
]

_PRODUCTS = frozenset({"matmul", "tensordot", "einsum", "multiply"})


def another_tensor(step: Step, known: Known) -> Iterator[Hypothesis]:
    """Another tensor of the same shape in a rule."""
    for edge in reversed(step.edges):
        for j, x in _read(edge):
            for other, array, belongs in _candidates(edge, x, known):
                gradient = changed(step, edge, _with, edge, step.flow[edge.user], j, array)
                yield Hypothesis(
                    "wrong_operand", gradient, edge.op.name, edge.operand, other, belongs
                )


def _read(edge: Edge) -> list[tuple[int, Value]]:
    """Return which arguments the rule of an edge reads: the result is 0, the operands follow."""
    arguments = [edge.user, *edge.user.parents]
    saves = edge.op.saves
    if edge.op.variadic and saves:
        saves = (saves[0], *saves[1:2] * len(edge.user.parents))
    return [
        (j, x)
        for j, x in enumerate(arguments)
        if saves and saves[j] and x.data is not None and x.shape
    ]


def _candidates(edge: Edge, x: Value, known: Known) -> Iterator[tuple[Value, Any, Value]]:
    """Yield what may have been taken for a value, as what array, and for what."""
    turned = x.untransposed
    if turned is not None:
        for other in known.arrays(turned.shape):
            if other is not turned:
                yield other, np.swapaxes(other.data, -1, -2), turned
    elementwise = edge.op.broadcasts or len(edge.user.parents) == 1
    for other in known.arrays(x.shape, broadcast=elementwise):
        if other is not x and other.data is not x.data:
            yield other, other.data, x


def _with(edge: Edge, g: Any, j: int, array: Any) -> Any:
    arguments = [x.argument for x in (edge.user, *edge.user.parents)]
    arguments[j] = array
    return with_arguments(edge, g, arguments)


def another_tensor_in_a_loop(step: Step, known: Known) -> Iterator[Hypothesis]:
    """In every step of a loop the tensor of the step before or after, or another tensor."""
    for group in alike(step.edges):
        yield from _another_step(step, known, group)


def _another_step(step: Step, known: Known, group: list[Edge]) -> Iterator[Hypothesis]:
    group = sorted(group, key=lambda edge: edge.user.index)
    for j, x in _read(group[0]):
        runs: dict[Any, list[Value]] = {}
        for value in sorted(known.arrays(x.shape), key=lambda value: value.index):
            runs.setdefault(value.op, []).append(value)
        for run in runs.values():
            for shift in range(-1, len(run) - len(group) + 2):
                taken = [(e, shift + i) for i, e in enumerate(group) if 0 <= shift + i < len(run)]
                if len(taken) < len(group) - 1:
                    continue
                if all(run[i] is (e.user, *e.user.parents)[j] for e, i in taken):
                    continue
                overrides: dict[Value, list[Override]] = {}
                for e, i in taken:
                    rule = partial(_summed_with, e, j, run[i].data)
                    overrides.setdefault(e.user, []).append(Override(e.operand, rule, e))
                last, i = taken[-1]
                yield Hypothesis(
                    "wrong_operand", if_fit(step.with_overrides, overrides), last.op.name,
                    last.operand, run[i], (last.user, *last.user.parents)[j], times=len(taken),
                )  # fmt: skip


def another_gradient_in_a_loop(step: Step, known: Known) -> Iterator[Hypothesis]:
    """In every step of a loop another gradient passed on, as that of h for that of z."""
    for group in alike(step.edges):
        users = sorted((edge for edge in group), key=lambda edge: edge.user.index)
        if any(edge.user not in step.sources for edge in users):
            continue
        runs: dict[Any, list[tuple[Value, Any]]] = {}
        for value, g in known.gradients(step.target, users[0].user.shape):
            if all(value is not seen for run in runs.values() for seen, _ in run):
                runs.setdefault(value.op, []).append((value, g))
        for run in runs.values():
            run.sort(key=lambda pair: pair[0].index)
            for shift in range(-1, len(run) - len(users) + 2):
                taken = [(e, shift + i) for i, e in enumerate(users) if 0 <= shift + i < len(run)]
                if len(taken) < len(users) - 1 or all(run[i][0] is e.user for e, i in taken):
                    continue
                gradient = if_fit(_passed_on, step, [(e, run[i][1]) for e, i in taken])
                last, i = taken[-1]
                yield Hypothesis(
                    "wrong_operand", gradient, last.op.name, last.operand, run[i][0], last.user,
                    detail="gradient", times=len(taken),
                )  # fmt: skip


def _passed_on(step: Step, taken: list[tuple[Edge, Any]]) -> Any:
    return step.with_changes(
        (edge, with_arguments(edge, g, [x.argument for x in (edge.user, *edge.user.parents)]))
        for edge, g in taken
    )


def _summed_with(edge: Edge, j: int, array: Any, g: Any) -> Any:
    return summed(edge, _with(edge, g, j, array))


def after_update(step: Step, known: Known) -> Iterator[Hypothesis]:
    """A parameter in a rule as it is after its update.

    What that changes is some rate times what its own gradient gives in its place.
    """
    for edge in reversed(step.edges):
        if edge.op.name not in _PRODUCTS:
            continue
        for j, x in enumerate(edge.user.parents, 1):
            if j - 1 == edge.position:
                continue
            turned = x.untransposed
            leaf = x if turned is None else turned
            g = known.hand.get(leaf, known.right.get(leaf))
            if not leaf.is_parameter or g is None or g.shape != leaf.shape:
                continue
            change = if_fit(_change, step, edge, j, g if turned is None else np.swapaxes(g, -1, -2))
            yield Hypothesis(
                "wrong_operand", change, edge.op.name, edge.operand, leaf, leaf,
                detail="update", is_change=True,
            )  # fmt: skip


def _change(step: Step, edge: Edge, j: int, array: Any) -> Any:
    c = summed(edge, _with(edge, step.flow[edge.user], j, array))
    return step.with_added([(edge.operand, c)]) - step.expected


def another_gradient(step: Step, known: Known) -> Iterator[Hypothesis]:
    """The gradient of another tensor given for that of this one."""
    for value, g in known.gradients(step.target, step.expected.shape):
        yield Hypothesis("swapped", g, where=step.target, used=value)


def another_gradient_passed_on(step: Step, known: Known) -> Iterator[Hypothesis]:
    """Another gradient in a rule than that of the operation's result."""
    for edge in reversed(step.edges):
        if edge.user not in step.sources:
            continue
        arguments = [x.argument for x in (edge.user, *edge.user.parents)]
        for value, g in known.gradients(step.target, step.flow[edge.user].shape):
            if value is not edge.user and value.index > step.target.index:
                gradient = changed(step, edge, with_arguments, edge, g, arguments)
                yield Hypothesis(
                    "wrong_operand", gradient, edge.op.name, edge.operand, value, edge.user,
                    detail="gradient",
                )  # fmt: skip
