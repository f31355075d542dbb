"""A matplotlib figure that notebooks show. It imports matplotlib, so it is imported when needed."""

from __future__ import annotations

import io

from matplotlib.figure import Figure as _Figure

__all__ = ["Figure"]

_CSS_PIXELS = 96
"""In an inch."""


class Figure(_Figure):
    """A figure that a notebook shows as it is, whether or not pyplot was imported."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Return the picture, and the size to show it at, which has fewer pixels than it."""
        file = io.BytesIO()
        self.savefig(file, format="png")
        width, height = (round(inches * _CSS_PIXELS) for inches in self.get_size_inches())
        return file.getvalue(), {"width": width, "height": height}
