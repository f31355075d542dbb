"""Changes to plain lists, dicts and arrays by a traced function: a program cannot repeat them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import TracingError
from ..op import Recordable
from .guards import is_plain
from .surroundings import Place

__all__ = ["Mutable"]

_LARGE = 1 << 20
"""Arrays of more elements are not looked at: that would take too much time and memory."""


class Mutable:
    """The lists, dicts, sets and arrays that a function refers to, as they were before it ran."""

    def __init__(self, around: Iterable[tuple[Place, Any]]) -> None:
        self._before: dict[int, tuple[str, Any, Any]] = {}
        for place, value in around:
            if isinstance(value, np.ndarray) and value.size > _LARGE:
                continue
            if isinstance(value, (list, dict, set, np.ndarray)):
                self._before.setdefault(id(value), (place.name, value, value.copy()))

    def check(self, name: str) -> None:
        """Raise if the function changed one of them, but for what is a Tensor's or an array's."""
        for where, value, before in self._before.values():
            if isinstance(value, np.ndarray):
                if not np.array_equal(value, before, equal_nan=value.dtype.kind in "fc"):
                    raise TracingError(
                        f"{name}() changes the array {where} with NumPy alone, in place, which its "
                        "program cannot repeat: make it a Tensor, or an argument."
                    )
            elif self._differs(value, before):
                raise TracingError(
                    f"{name}() changes the {type(value).__name__} {where}, which its program "
                    "cannot repeat, since the function runs only once: return what it collects."
                )

    def restore(self) -> None:
        """Set all of them back."""
        for _, value, before in self._before.values():
            if isinstance(value, np.ndarray):
                if value.flags.writeable:
                    value[...] = before
            elif isinstance(value, list):
                value[:] = before
            elif (
                any(v is not before.get(k) for k, v in value.items())
                if isinstance(value, dict)
                else value != before
            ):
                value.clear()
                value.update(before)

    @staticmethod
    def _differs(value: Any, before: Any) -> bool:
        """Tell whether more changed than which arrays and Tensors a list or dict holds."""
        if isinstance(value, set):
            return bool(value != before)
        if isinstance(value, dict):
            if not before.keys() <= value.keys():
                return True
            pairs = [(value[key], before.get(key)) for key in value]
        else:
            if len(value) != len(before):
                return True
            pairs = list(zip(value, before, strict=True))
        return any(
            now is not then
            and not isinstance(now, (Recordable, np.ndarray))
            and not (is_plain(now) and is_plain(then) and now == then)
            for now, then in pairs
        )
