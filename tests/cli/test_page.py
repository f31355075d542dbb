"""Tests of docs/command.md: what it shows in a shell is what happens."""

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "command.md").read_text("utf-8")
FILES = re.findall(r'(?ms)^```python title="(.+?)"\n(.*?)^```$', PAGE)
SESSIONS = re.findall(r"(?ms)^```console\n(.*?)^```$", PAGE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES:
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.partition("\n")[0])
def test_a_session_of_the_page(session: str, folder: Path) -> None:
    for each in re.split(r"(?m)^\$ ", session)[1:]:
        command, _, expected = each.partition("\n")
        shown = in_bash(command, folder)
        assert doctest.OutputChecker().check_output(expected, shown, FLAGS), shown


def in_bash(command: str, folder: Path) -> str:
    prelude = f'microtensor() {{ "{sys.executable}" -m microtensor "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-c", prelude + command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout
