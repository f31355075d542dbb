"""Tests of the build itself: a mistake in a page fails it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.site.conftest import ROOT

CONFIGURATION = f"""
INHERIT: {ROOT / "mkdocs.yml"}
docs_dir: docs
site_dir: built
hooks: []
nav: [index.md]
"""


def build(folder: Path, text: str, *other: str) -> subprocess.CompletedProcess[str]:
    """Build a page, and others, as the documentation is built."""
    (folder / "docs").mkdir()
    (folder / "mkdocs.yml").write_text(CONFIGURATION, "utf-8")
    for name in ("index.md", *other):
        (folder / "docs" / name).write_text(f"# Page {{#here}}\n\n{text}\n", "utf-8")
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict"],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_page_without_mistakes_is_built(tmp_path: Path) -> None:
    assert build(tmp_path, "[here](index.md#here)").returncode == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[x](nowhere.md)", "contains a link 'nowhere.md'"),
        ("[x](#nowhere)", "there is no such anchor on this page"),
        ("[x](/index.md)", "contains an absolute link '/index.md'"),
        ("[x][microtensor.nowhere]", "target 'microtensor.nowhere'"),
    ],
)
def test_a_link_to_nothing_fails(tmp_path: Path, text: str, said: str) -> None:
    built = build(tmp_path, text)
    assert built.returncode == 1
    assert said in built.stderr


def test_a_page_out_of_the_navigation_fails(tmp_path: Path) -> None:
    built = build(tmp_path, "", "other.md")
    assert built.returncode == 1
    assert "other.md" in built.stderr
