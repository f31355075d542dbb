"""The cells of a notebook, as IPython keeps them: its variable ``In``, in the order they ran."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["cells", "shown_file"]


def cells() -> list[str]:
    """Return the source of the cells that ran, each at its number; none outside of a notebook."""
    kept = getattr(sys.modules["__main__"], "In", None)
    if not isinstance(kept, list) or not all(isinstance(cell, str) for cell in kept):
        return []
    return list(kept)


def shown_file(file: str, lines: Sequence[str]) -> str:
    """Return what to call a file: its name without the folder, and a cell ``In[3]``."""
    if not os.path.exists(file):
        text = "".join(lines).strip()
        for number, cell in reversed(list(enumerate(cells()))):
            if text and cell.strip() == text:
                return f"In[{number}]"
    return os.path.basename(file)
