"""Which call of which module recorded what: the structure of a model, found in its graph.

`nn.Module.__call__` notes on what it returns which module that came from and when the call began.
The nodes of a graph grow in order, so those of a call are the ones between that moment and the
result; calls within calls nest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .op import Node

__all__ = ["Scope", "scopes_of"]


class Scope:
    """One call of a module.

    A module that is called several times has a scope for each.

    Attributes
    ----------
    module
        The module.
    path
        Its path in the model, ``layers.0``; of the model itself, the empty string.
    name
        What a title calls it: the last part of the path; of the model itself, its variable, or its
        class.
    parent
        The call within which this one was made, or ``None``.
    begun, ended
        The moments between which its operations were recorded.
    """

    def __init__(self, module: Any, begun: int, ended: int) -> None:
        self.module = module
        self.begun = begun
        self.ended = ended
        self.path = ""
        self.name = type(module).__name__
        self.parent: Scope | None = None

    @property
    def above(self) -> tuple[Scope, ...]:
        """The scopes around this one, the outermost first, and this one."""
        chain = [self]
        while chain[-1].parent is not None:
            chain.append(chain[-1].parent)
        return tuple(reversed(chain))

    @property
    def depth(self) -> int:
        """How many scopes are around this one."""
        return len(self.above) - 1

    def __repr__(self) -> str:
        return f"<scope {self.path or self.name}: {type(self.module).__name__}>"


def scopes_of(nodes: Sequence[Node], models: Sequence[tuple[str, Any]]) -> Mapping[Node, Scope]:
    """Return the innermost call that each node belongs to; those outside of all are missing.

    Parameters
    ----------
    nodes
        Those of a graph, in order.
    models
        Modules with what to call them, those to be preferred first: paths are paths in them.

    Returns
    -------
    For each result of an operation the call that recorded it; for each parameter and buffer the
    innermost call within which all its uses are, of a module that it is part of.
    """
    scopes = _nested(_calls(nodes))
    if not scopes:
        return {}
    _name(scopes, models)
    found: dict[Node, Scope] = {}
    waiting = iter([*scopes, None])
    upcoming = next(waiting)
    current: Scope | None = None
    for node in nodes:
        if node.op is None:
            continue
        while upcoming is not None and upcoming.begun < node.order:
            current, upcoming = upcoming, next(waiting)
        while current is not None and current.ended < node.order:
            current = current.parent
        if current is not None:
            found[node] = current
    return found | _owned(nodes, found)


def _calls(nodes: Iterable[Node]) -> list[Scope]:
    """Return the calls that are noted on nodes, in the order in which they began."""
    calls: dict[int, Scope] = {}
    for node in nodes:
        noted: Any = getattr(node, "call", None)
        while noted is not None:
            reference, begun, noted = noted
            module = reference()
            if module is not None:
                scope = calls.setdefault(begun, Scope(module, begun, node.order))
                scope.ended = max(scope.ended, node.order)
    return sorted(calls.values(), key=lambda scope: scope.begun)


def _nested(scopes: list[Scope]) -> list[Scope]:
    around: list[Scope] = []
    for scope in scopes:
        while around and around[-1].ended < scope.begun:
            around.pop()
        if around:
            scope.parent = around[-1]
            for outer in around:  # one that returned something before it was over
                outer.ended = max(outer.ended, scope.ended)
        around.append(scope)
    return scopes


def _name(scopes: Iterable[Scope], models: Sequence[tuple[str, Any]]) -> None:
    """Give each scope its module's path: in a model given, else in the outermost call."""
    paths: dict[int, tuple[str, str]] = {}
    for name, model in models:
        for path, module in model.named_modules():
            paths.setdefault(id(module), (path, path.rpartition(".")[2] or name))
    for scope in scopes:
        if id(scope.module) not in paths:
            for path, module in scope.module.named_modules():
                own = path.rpartition(".")[2] or type(module).__name__
                paths.setdefault(id(module), (path, own))
        scope.path, name = paths[id(scope.module)]
        scope.name = name or scope.name


def _owned(nodes: Sequence[Node], found: Mapping[Node, Scope]) -> dict[Node, Scope]:
    """Return the scopes of parameters and buffers."""
    common: dict[Node, tuple[Scope, ...]] = {}
    for node in nodes:
        if node.op is None:
            continue
        scope = found.get(node)
        above = scope.above if scope is not None else ()
        for parent in node.parents:
            if parent.op is None and not parent.is_constant:
                shared = common.get(parent, above)
                pairs = zip(shared, above, strict=False)  # of two depths
                same = [a for a, b in pairs if a is b]
                common[parent] = tuple(same)
    parts: dict[int, set[Node | None]] = {}
    owned = {}
    for leaf, above in common.items():
        for scope in reversed(above):
            key = id(scope.module)
            if key not in parts:
                parts[key] = _parts(scope.module)
            if leaf in parts[key]:
                owned[leaf] = scope
                break
    return owned


def _parts(module: Any) -> set[Node | None]:
    tensors = (*module.named_parameters(), *module.named_buffers())
    return {tensor._node for _, tensor in tensors}
