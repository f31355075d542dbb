"""What a notebook shows of a value. The pictures are made by `viz`, which is told of here."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

__all__ = ["Shown", "show_with"]

Representations = Mapping[str, str]

_shows: Callable[[Any], Representations] | None = None


def show_with(function: Callable[[Any], Representations]) -> None:
    """Have ``function`` return what notebooks show of a value, by MIME type."""
    global _shows
    _shows = function


class Shown:
    """A value that notebooks show as more than text, where that is possible."""

    __slots__ = ()

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        """Return what IPython asks for: never an exception, at worst nothing but the text."""
        try:
            shown = {} if _shows is None else _shows(self)
        except Exception:
            return {}
        return {
            kind: text
            for kind, text in shown.items()
            if (not include or kind in include) and not (exclude and kind in exclude)
        }
