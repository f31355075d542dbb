"""The path of a page in HTML, which notebooks show as the page."""

from __future__ import annotations

import html
import sys

if sys.platform == "win32":
    from pathlib import WindowsPath as _Path
else:
    from pathlib import PosixPath as _Path

__all__ = ["ShownPage"]

_STYLE = "width: 100%; height: 640px; border: 1px solid #c4c7cc"


class ShownPage(_Path):
    """A path like any other; a notebook has the page in its output, and needs the file no more."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        """Return a frame with the page; ``None`` if the file is not there, or not a page."""
        try:
            text = self.read_text("utf-8")
        except (OSError, ValueError):
            return None
        if not text.startswith("<!doctype html>"):
            return None
        # A notebook that is not trusted yet shows what is between the tags.
        instead = f"{html.escape(self.name)}: run this cell, and the page is here."
        source = html.escape(text)
        return f'<iframe srcdoc="{source}" style="{_STYLE}" loading="lazy">{instead}</iframe>'
