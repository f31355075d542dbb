"""The sizes that layers are made with: whole numbers, and not negative."""

from __future__ import annotations

import operator
from typing import Any

from ..errors import ShapeError

__all__ = ["whole", "wholes"]


def whole(layer: str, name: str, value: Any, least: int = 0) -> int:
    """Return a size as an int.

    Raises
    ------
    TypeError
        If it is no integer.
    ShapeError
        If it is less than ``least``.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{layer} has {name}={value!r}, and needs an integer, at least {least}."
        ) from None
    if number < least:
        raise ShapeError(f"{layer} has {name}={number}, and it must be at least {least}.")
    return number


def wholes(layer: str, name: str, value: Any) -> tuple[int, ...]:
    """Return one size or several as a tuple; errors are those of `whole`, and there must be one."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if not values:
        raise ShapeError(f"{layer} has {name}={value!r}, and needs one size at least.")
    return tuple(whole(layer, name, n) for n in values)
