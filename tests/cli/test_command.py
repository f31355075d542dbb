"""Tests of the command line as a whole: its help, its version, options that are none."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import microtensor
from microtensor.cli import main

from .conftest import Run

COMMANDS = ["tutorial", "draw", "explore", "compare", "derive", "bench", "check", "completion"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"microtensor {microtensor.__version__}\n"


@pytest.mark.parametrize("argv", [[], ["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help(
    argv: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(argv) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("usage: microtensor")
    assert captured.err == ""
    assert max(map(len, captured.out.splitlines())) <= 80


def test_the_help_tells_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    told = capsys.readouterr().out
    positions = [told.index(f"\n    {name}") for name in COMMANDS]
    assert positions == sorted(positions)


def test_the_walk_of_the_help_can_be_walked(run: Run) -> None:
    told = run("--help").out
    walk = re.findall(r"(?m)^  microtensor (\w+ net\.py:\w+)", told)
    assert [line.partition(" ")[0] for line in walk] == ["draw", "explore", "compare", "derive"]
    code = told.partition("a net.py to begin with:\n")[2].partition("exit status:")[0]
    Path("net.py").write_text(code)
    drawn, explored, compared, derived = [run(*line.split()) for line in walk]
    assert (drawn.out, explored.out) == ("loss.svg\n", "loss.html\n")
    assert (compared.status, "w: tanh′(w) is missing" in compared.out) == (1, True)
    assert "d_w = d_a * (1 - a * a)" in derived.out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--versoin"], "--versoin is unknown: did you mean --version?"),
        (["darw"], "there is no command 'darw': did you mean draw?"),
        (["net.py:loss"], "no command 'net.py:loss': did you mean microtensor draw net.py:loss?"),
        (["learn"], "there is no command 'learn': there are tutorial, draw, explore,"),
        (["draw", "net.py", "loss"], "unrecognized arguments: loss: did you mean net.py:loss?"),
        (["draw", "net.py:loss", "loss"], "unrecognized arguments: loss (see"),
        (["draw"], "arguments are required: FILE.py:function"),
        (["draw", "net.py", "--valeus"], "did you mean --values?"),
        (["draw", "net.py", "--format", "gif"], "'gif' is unknown: choose from svg, png, pdf, dot"),
        (["draw", "net.py", "--depth", "-1"], "'-1' is not a whole number of 0 or more"),
        (["draw", "net.py", "--rankdir", "lr"], "'lr' is unknown: "),
        (["draw", "net.py", "--out", ""], "'' is no file"),
        (["bench", "--rounds", "0"], "'0' is not a whole number of 1 or more"),
        (["completion", "csh"], "'csh' is unknown: did you mean 'zsh'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.startswith("microtensor")
    assert captured.err.count("\n") == 1


def test_nothing_is_said_if_nobody_reads_the_output() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "microtensor", "completion", "bash"],
            stdout=write, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_too_little_memory_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(steps: object, rounds: int) -> None:
        raise MemoryError

    monkeypatch.setattr("microtensor.cli.bench.contenders", lambda: ({}, []))
    monkeypatch.setattr("microtensor.cli.bench.take_turns", fail)
    assert main(["bench"]) == 1
    assert capsys.readouterr().err == "microtensor: not enough memory; try something smaller\n"


def test_imports_are_light() -> None:
    script = "import sys, microtensor.cli; print(*(n for n in sys.argv[1:] if n in sys.modules))"
    heavy = ["rich", "graphviz", "matplotlib", "importlib.metadata"]
    heavy += ["microtensor.compile", "microtensor.viz"]
    done = subprocess.run(
        [sys.executable, "-c", script, *heavy], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"
