"""The backward pass: from the gradient of an output to the gradients of what it was made from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from .errors import InPlaceError, InternalError, ReleasedGraphError
from .inplace import clock
from .op import Node, Recordable, describe
from .ops.shape import astype, sum_to
from .state import modes

__all__ = ["backward", "unreached"]

Lift = Callable[[Any, Node], Any]

_order = attrgetter("order")


def backward(
    gradients: dict[Node, Any],
    *,
    targets: Collection[Node] | None = None,
    retain: bool = False,
    lift: Lift | None = None,
) -> dict[Node, Any]:
    """Push the gradients of some nodes, the roots, back through the graph.

    Parameters
    ----------
    gradients
        The gradient of each root; used up.
    targets
        The nodes whose gradients are wanted; ``None`` means every leaf that requires one.
    retain
        Keep the saved arrays for another pass.
    lift
        Makes of a saved array and its node a value that records, for a backward pass that is
        itself recorded; ``None`` computes on plain arrays.

    Returns
    -------
    The gradients of the targets that were reached. Those of leaves are arrays of their own, shared
    with no other gradient, nor with the graph.

    Nothing changes, in the graph or elsewhere, if this raises an `InPlaceError` or a
    `ReleasedGraphError`.
    """
    path = _path(gradients)
    wanted: set[Node] | None = None
    found: dict[Node, Any] = {}
    if targets is not None:
        path, wanted = _toward(targets, path)
    if path:
        _check(path)

    earlier_of = gradients.get
    watcher = modes.watcher
    for node in path:
        g = gradients.pop(node)
        if targets is not None and node in targets:
            found[node] = g
        op: Any = node.op
        params = node.params
        saved = node.saved if lift is None else _lifted(node, lift)
        if not saved:
            saved = (None, *node.parents)
        arity = len(saved) - 1
        for parent, rule in zip(node.parents, op.vjps or op.rules(arity)):  # noqa: B905 - time
            if not parent.requires_grad or (wanted is not None and parent not in wanted):
                continue
            if watcher is not None:
                rule = watcher.watched(rule, g, node, node.parents.index(parent))
            if params:
                c = rule(g, *saved, **params)
            elif arity == 1:  # unpacked by hand, since that is a quarter of a microsecond faster
                c = rule(g, saved[0], saved[1])
            elif arity == 2:
                c = rule(g, saved[0], saved[1], saved[2])
            else:
                c = rule(g, *saved)
            if c.shape != parent.shape:
                c = _unbroadcast(c, node, parent)
            if c.dtype is not parent.dtype and c.dtype != parent.dtype:
                c = astype(c, parent.dtype)
            earlier = earlier_of(parent)
            if earlier is not None:
                gradients[parent] = earlier + c
            elif parent.op is None and (c is g or c.base is not None or not op.trusted):
                gradients[parent] = c.copy()
            else:
                gradients[parent] = c
        if not retain:
            node.saved = None
    if watcher is not None:
        watcher.arrived(gradients)
    if targets is not None:
        gradients |= found
        for node in gradients:
            if node.op is not None:
                gradients[node] = gradients[node].copy()
    return gradients


def unreached(roots: Iterable[Node], targets: Collection[Node]) -> set[Node]:
    """Return the targets that the roots do not depend on."""
    reached = set(roots)
    for node in _path(roots):
        reached.update(node.parents)
    return set(targets) - reached


def _path(roots: Iterable[Node]) -> list[Node]:
    """Return the operations' nodes that the roots depend on, each before its parents."""
    path = [root for root in roots if root.op is not None]
    seen = set(path)
    in_order = len(path) == 1
    latest = path[0].order if path else 0
    for node in path:
        for parent in node.parents:
            if parent.op is not None and parent.requires_grad and parent not in seen:
                seen.add(parent)
                path.append(parent)
                if parent.order > latest:
                    in_order = False
                latest = parent.order
    if not in_order:
        path.sort(key=_order, reverse=True)
    return path


def _toward(targets: Collection[Node], path: Sequence[Node]) -> tuple[list[Node], set[Node]]:
    """Return the part of the path that leads to the targets, and all nodes on it."""
    wanted = set(targets)
    part = []
    for node in reversed(path):
        if any(parent in wanted for parent in node.parents):
            wanted.add(node)
            part.append(node)
    part.reverse()
    return part, wanted


def _check(path: Sequence[Node]) -> None:
    """Raise if a node of the path has dropped its saved arrays, or one was changed since."""
    for node in path:
        if node.saved is None:
            raise ReleasedGraphError(
                f"backward() goes through {describe(node)} a second time, but the arrays it saved "
                "were dropped by the first backward(). Call the first with retain_graph=True, or "
                "compute the output again."
            )
    if clock.latest < path[-1].order:
        return
    for node in path:
        saved: Any = node.saved
        op: Any = node.op
        for value, maker in zip(saved, (node, *node.parents)):  # noqa: B905 - it may be empty
            if clock.changed_since(value, node.order):
                raise InPlaceError(
                    f"{describe(maker)}, was changed in place after the operation "
                    f"{op.name} saved it for its gradient. Change it after backward(), or "
                    "change a copy()."
                )


def _lifted(node: Node, lift: Lift) -> tuple[Any, ...]:
    """Return the saved arrays as values that record what a rule does with them."""
    assert node.saved is not None
    return tuple(
        lift(value, maker) if isinstance(value, (np.ndarray, np.generic, Recordable)) else value
        for value, maker in zip(node.saved, (node, *node.parents))  # noqa: B905 - it may be empty
    )


def _unbroadcast(c: Any, node: Node, parent: Node) -> Any:
    """Sum a gradient over the axes along which its input was broadcast."""
    if node.op is not None and node.op.broadcasts:
        return sum_to(c, parent.shape)
    raise InternalError(
        f"the rule of {describe(node)} gave a gradient of shape {c.shape} for {describe(parent)}."
    )
