"""Tests of completion: what argcomplete offers, and the script that a shell reads."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import NET, Run

ROOT = str(Path(__file__).parents[2])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NET, "utf-8")
    (tmp_path / "broken.py").write_text("def (", "utf-8")
    (tmp_path / "notes.txt").touch()
    (tmp_path / "nested").mkdir()
    command = tmp_path / "bin" / "microtensor"
    command.parent.mkdir()
    command.write_text(
        f"#!{sys.executable}\nimport sys\nfrom microtensor.cli import main\nsys.exit(main())\n"
    )
    command.chmod(0o755)
    return tmp_path


def in_shell(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": ROOT, "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


BASH = """
eval "$(microtensor completion bash)"
for line in "$@"; do
    COMP_LINE=$line COMP_POINT=${#line} COMP_TYPE=9
    read -ra COMP_WORDS <<< "$line"
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _python_argcomplete microtensor
    echo "${COMPREPLY[@]}"
done
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash(folder: Path) -> None:
    expected = {
        "microtensor d": "draw derive",
        "microtensor draw n": "nested/ net.py:",
        "microtensor draw net.py:l": "loss loss_fn",
        "microtensor draw broken.py:": "",
        "microtensor draw net.py:loss --f": "--format",
        "microtensor draw net.py:loss --format p": "png pdf",
        "microtensor tutorial t": "two-layer",
        "microtensor tutorial --data t": "truth-table",
        "microtensor completion z": "zsh",
    }
    offered = in_shell(folder, "bash", "-c", BASH, "bash", *expected).splitlines()
    assert dict(zip(expected, map(str.strip, offered), strict=True)) == expected


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
def test_fish(folder: Path) -> None:
    script = 'microtensor completion fish | source; complete -C "microtensor draw net.py:l"'
    assert in_shell(folder, "fish", "-c", script).split() == ["net.py:loss", "net.py:loss_fn"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_zsh(folder: Path) -> None:
    script = 'autoload -U compinit; compinit -D; eval "$(microtensor completion zsh)"; '
    assert in_shell(folder, "zsh", "-fc", f"{script} echo $_comps[microtensor]").strip()


def test_without_argcomplete(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    done = run("completion", "bash")
    assert (done.status, done.out) == (1, "")
    assert "pip install 'microtensor[completion]'" in done.err
    monkeypatch.setenv("_ARGCOMPLETE", "1")
    assert run("--version").status == 0
