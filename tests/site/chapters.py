"""The hook that makes notebooks of chapters, and a chapter to try it on."""

import importlib
import sys
from pathlib import Path

from tests.site.conftest import ROOT

__all__ = ["chapter", "notebooks", "sample"]

sys.path.insert(0, str(ROOT / "docs" / "hooks"))  # as MkDocs does for its hooks
notebooks = importlib.import_module("notebooks")
chapter = importlib.import_module("chapter")


def sample(folder: Path, text: str) -> Path:
    """Write a chapter between other pages."""
    course = folder / "docs" / "course"
    course.mkdir(parents=True)
    for other in ("index.md", "../other.md", "2-next.md"):
        (course / other).write_text("# Other\n\n## With `code`: more\n", "utf-8")
    page = course / "1-sample.md"
    page.write_text(text, "utf-8")
    return page
