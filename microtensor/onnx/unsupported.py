"""What cannot be said in ONNX."""

from __future__ import annotations

__all__ = ["Untranslatable"]


class Untranslatable(Exception):  # noqa: N818 - it ends in a list of all, which is the error
    """An operation, or one of its arguments, has no translation; the message says which."""
