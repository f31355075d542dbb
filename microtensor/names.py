"""The names that users gave to their values: found in their frames, when a message needs one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

__all__ = ["caller", "is_internal", "is_name", "is_package_file", "variables"]

_PACKAGE = os.path.dirname(__file__) + os.sep
_TUTORIALS = os.path.join(_PACKAGE, "tutorials", "")
"""Programs that use the package, as its users' are."""
_KEPT = re.compile(r"_+[0-9]*")
"""As what a notebook and the interactive interpreter keep the last results: `_`, `__`, `_3`."""


def caller() -> FrameType | None:
    """Return the innermost frame that runs code from outside this package, or a tutorial's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_internal(frame):
        frame = frame.f_back
    return frame


def variables(frame: FrameType | None) -> Iterator[tuple[str, Any]]:
    """Yield the names and values that code in ``frame`` can see, the nearest first.

    Local variables come first, then the globals of the module, then the attributes of ``self``, as
    ``self.weights1``.
    """
    if frame is None:
        return
    for name, value in list(frame.f_locals.items()):
        if is_name(name):
            yield name, value
    owner = frame.f_locals.get("self")
    if owner is not None:
        try:  # not by way of a __getattr__, which may be what runs in the frame
            attributes = object.__getattribute__(owner, "__dict__")
        except AttributeError:
            attributes = {}
        for name, value in list(attributes.items()):
            yield f"self.{name}", value
    if frame.f_globals is not frame.f_locals:
        yield from ((name, value) for name, value in list(frame.f_globals.items()) if is_name(name))


def is_name(name: str) -> bool:
    """Tell whether a user chose a name: not ``.0``, ``@py_assert1`` or ``_3``, Python and tools.

    >>> [is_name(name) for name in ("x", "_x", "_", "_3", ".0")]
    [True, True, False, False, False]
    """
    return name.isidentifier() and not _KEPT.fullmatch(name)


def is_internal(frame: FrameType) -> bool:
    """Tell whether a frame runs code of this package."""
    return is_package_file(frame.f_code.co_filename)


def is_package_file(file: str) -> bool:
    """Tell whether a source file is one of this package, and no tutorial."""
    return file.startswith(_PACKAGE) and not file.startswith(_TUTORIALS)
