"""Arrays in tuples, lists and dicts, nested in any way: what the transforms take."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from ..errors import ArgumentError

__all__ = ["leaves", "leaves_like", "rebuild"]


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what is not a tuple, list, dict or ``None``, and how Python code gets at it.

    >>> list(leaves({"W": [1.0, 2.0], "b": None}, "params"))
    [("params['W'][0]", 1.0), ("params['W'][1]", 2.0)]
    """
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{path}[{key!r}]")
    elif isinstance(tree, (tuple, list)):
        names = getattr(tree, "_fields", None)
        for i, value in enumerate(tree):
            yield from leaves(value, f"{path}.{names[i]}" if names else f"{path}[{i}]")
    elif tree is not None:
        yield path, tree


def leaves_like(tree: Any, other: Any, path: str, of: str) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of ``tree`` at the places where ``other`` has its own, in that order.

    Raises
    ------
    ArgumentError
        If the two are not nested in the same way; ``of`` says what ``other`` is.
    """
    if isinstance(other, dict):
        if not isinstance(tree, dict) or tree.keys() != other.keys():
            raise ArgumentError(_other_structure(path, tree, f"the keys {list(other)}", of))
        for key, value in other.items():
            yield from leaves_like(tree[key], value, f"{path}[{key!r}]", of)
    elif isinstance(other, (tuple, list)):
        if not isinstance(tree, (tuple, list)) or len(tree) != len(other):
            wanted = f"a {type(other).__name__} of {len(other)}"
            raise ArgumentError(_other_structure(path, tree, wanted, of))
        for i, value in enumerate(other):
            yield from leaves_like(tree[i], value, f"{path}[{i}]", of)
    elif (tree is None) != (other is None) or isinstance(tree, (dict, tuple, list)):
        wanted = "None" if other is None else "an array"
        raise ArgumentError(_other_structure(path, tree, wanted, of))
    elif other is not None:
        yield path, tree


def rebuild(tree: Any, values: Iterator[Any]) -> Any:
    """Return the same nesting with other leaves.

    >>> rebuild({"W": [1.0, 2.0], "b": None}, iter("xy"))
    {'W': ['x', 'y'], 'b': None}
    """
    if tree is None:
        return None
    if isinstance(tree, dict):
        rebuilt = copy.copy(tree)
        for key, value in tree.items():
            rebuilt[key] = rebuild(value, values)
        return rebuilt
    if isinstance(tree, (tuple, list)):
        items = [rebuild(value, values) for value in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    return next(values)


def _other_structure(path: str, tree: Any, wanted: str, of: str) -> str:
    given = (
        f"a dict with the keys {list(tree)}"
        if isinstance(tree, dict)
        else f"a {type(tree).__name__} of {len(tree)}"
        if isinstance(tree, (tuple, list))
        else "None"
        if tree is None
        else f"a {type(tree).__name__}"
    )
    return f"{path} is {given}, where {of} has {wanted}: both must be nested in the same way."
