"""Tests of `microtensor tutorial`, in this process and in one of its own."""

import csv
import json
import math
import os
import pty
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from microtensor.cli import main
from microtensor.tutorials.by_hand import deep, two_layer

ALL_FILES = {"history.csv", "loss.png", "gradients.png", "graph.svg", "graph.dot", "explorer.html"}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def run(*argv: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "microtensor", *map(str, argv)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )


def rows(path: Path) -> list[dict[str, float]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


# What it does


def test_both_tutorials(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tutorial", "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert {path.name for path in out.iterdir()} == {
        f"{name}-{file}" for name in ("two-layer", "deep") for file in ALL_FILES
    }
    assert captured.out.count("4 of 4 predictions are right") == 2
    assert "1500   0.001701" in captured.out
    for path in out.iterdir():
        assert str(path) in captured.out
    assert captured.out.splitlines()[-3:] == [
        "Open in a browser, to step through forward and backward pass:",
        f"  {out / 'two-layer-explorer.html'}",
        f"  {out / 'deep-explorer.html'}",
    ]
    assert (out / "deep-loss.png").read_bytes().startswith(b"\x89PNG")
    assert "digraph" in (out / "deep-graph.dot").read_text(encoding="utf-8")
    page = (out / "deep-explorer.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert '"name":"cost"' in page
    numbers = re.search(r'"history":\{"numbers":\[([\d,]+)\],"of":1500', page)
    assert numbers is not None
    assert numbers[1].startswith("1,31,61,")
    svg = ET.parse(out / "two-layer-graph.svg").getroot()
    shown = {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"X", "y", "W1", "W2", "layer1 = sigmoid", "output = sigmoid", "loss = sum"} <= shown


@pytest.mark.parametrize(
    ("name", "line", "weights"),
    [
        ("two-layer", "self.output = mt.sigmoid(self.layer1 @ self.W2)", 2),
        ("deep", 'A = self.activations[f"A{layer}"] = mt.sigmoid(W @ A + b)', 6),
    ],
)
def test_a_page_has_the_lines_of_the_code_and_the_hand_derived_gradients(
    name: str, line: str, weights: int, out: Path
) -> None:
    assert main(["tutorial", name, "--iterations", "3", "--out", str(out)]) == 0
    page = (out / f"{name}-explorer.html").read_text(encoding="utf-8")
    lines = set(re.findall(r'"text":("(?:[^"\\]|\\.)*"),"exact":true', page))
    assert line in {json.loads(text) for text in lines}
    found = re.search(r'"comparison":(\[.*?\])', page)
    assert found is not None
    statuses = [verdict["status"] for verdict in json.loads(found[1])]
    assert len(statuses) == weights
    assert set(statuses) <= {"exact", "close"}


def test_the_first_and_the_last_gradients_are_compared(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tutorial", "all", "--iterations", "7", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    for sentence in ("Both gradients are right.", "All 6 gradients are right."):
        assert f"iteration 1: {sentence}" in text
        assert f"iteration 7: {sentence}" in text


def test_history_is_that_of_the_hand_derived_training(out: Path) -> None:
    argv = ["tutorial", "--iterations", "40", "--lr", "0.5", "--seed", "3", "--hidden", "5,3"]
    assert main([*argv, "--no-plots", "--out", str(out)]) == 0
    X, y = two_layer.truth_table()
    network = two_layer.NeuralNetwork(X, y, 5, rng=np.random.default_rng(3), lr=0.5)
    losses = two_layer.train(network, 40)
    history = rows(out / "two-layer-history.csv")
    assert [row["iteration"] for row in history] == list(range(1, 41))
    columns = [name for name in history[0] if name.startswith("loss")]
    assert len(columns) == 4
    for name in columns:
        np.testing.assert_allclose([row[name] for row in history], losses, rtol=0, atol=1e-12)
    differences = [value for row in history for name, value in row.items() if "difference" in name]
    assert len(differences) == 40 * 6
    assert max(differences) <= 1e-12

    X, Y = deep.truth_table()
    _, costs = deep.train(X, Y, [3, 5, 3, 1], 40, 0.5, np.random.default_rng(3), scale=1.0)
    history = rows(out / "deep-history.csv")
    np.testing.assert_array_equal([row["loss (by hand)"] for row in history], costs)


@pytest.mark.parametrize("name", ["two-layer", "deep"])
def test_one_tutorial_and_no_plots(name: str, out: Path) -> None:
    assert main(["tutorial", name, "--iterations", "3", "--no-plots", "--out", str(out)]) == 0
    assert os.listdir(out) == [f"{name}-history.csv"]


def test_noisy_xor(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["tutorial", "deep", "--data", "noisy-xor", "--hidden", "8", "--no-plots"]
    assert main([*argv, "--out", str(out)]) == 0
    captured = capsys.readouterr().out
    assert "A deep network, 2-8-1" in captured
    assert "Predictions, 8 of 200" in captured
    assert "200 of 200 predictions are right" in captured


def test_the_tutorials_small_weights(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["tutorial", "deep", "--scale", "0.01", "--no-plots", "--out", str(out)]
    assert main(argv) == 0
    captured = " ".join(capsys.readouterr().out.split())
    assert f"{math.log(2):.6f}" in captured
    assert "2 of 4 predictions are right" in captured
    assert "try other --iterations" in captured


@pytest.mark.parametrize("lr", ["1e6", "1e300"])
def test_divergence_is_said(lr: str, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tutorial", "--lr", lr, "--iterations", "20", "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    said = " ".join(captured.out.split())
    assert "not finite from iteration" in said
    assert "Training diverged: try a smaller --lr." in said
    assert (out / "two-layer-loss.png").exists()


def test_one_iteration(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tutorial", "--iterations", "1", "--out", str(out)]) == 0
    assert len(rows(out / "deep-history.csv")) == 1


def test_without_matplotlib(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "microtensor.viz.notebook_figure", raising=False)
    argv = ["tutorial", "--iterations", "3", "--out", str(out)]
    assert main(argv) == 0
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "no curves: " in captured.err
    assert "pip install 'microtensor[plot]'" in captured.err
    assert (out / "two-layer-graph.svg").exists()
    assert main([*argv, "--no-plots"]) == 0
    assert capsys.readouterr().err == ""


def test_without_a_layout_engine(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from microtensor.viz import drawing

    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(drawing, "_graphviz_pure", lambda: None)
    assert main(["tutorial", "deep", "--iterations", "3", "--out", str(out)]) == 0
    assert "no compute graph as SVG" in capsys.readouterr().err
    assert (out / "deep-graph.dot").exists()
    assert not (out / "deep-graph.svg").exists()
    assert not (out / "deep-explorer.html").exists()


def test_with_a_backend_that_does_not_exist(out: Path) -> None:
    done = run("tutorial", "deep", "--iterations", "3", "--out", out, MPLBACKEND="nonsense")
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "no curves: matplotlib cannot be imported: " in done.stderr
    assert {path.name for path in out.iterdir()} == {
        "deep-history.csv", "deep-graph.svg", "deep-graph.dot", "deep-explorer.html",
    }  # fmt: skip


def test_growing_differences_are_said(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["tutorial", "deep", "--hidden", "5,4,3,2", "--seed", "2", "--no-plots"]
    assert main([*argv, "--out", str(out)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "such rounding errors grow, for this training is unstable" in said


# Wrong options


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["tutorial", "dep"], "'dep' is unknown: did you mean 'deep'?"),
        (["tutorial", "xyz"], "'xyz' is unknown: choose from two-layer, deep, all"),
        (["tutorial", "--iterations", "0"], "--iterations: '0' is not a whole number of 1 or more"),
        (["tutorial", "--iterations", "1.5"], "'1.5' is not a whole number"),
        (["tutorial", "--lr", "0"], "--lr: '0' is not a number greater than 0"),
        (["tutorial", "--lr", "nan"], "'nan' is not a number"),
        (["tutorial", "--lr", "inf"], "'inf' is not a number"),
        (["tutorial", "--lr", "fast"], "'fast' is not a number"),
        (["tutorial", "--seed", "-1"], "--seed: '-1' is not a whole number of 0 or more"),
        (["tutorial", "--hidden", "0"], "--hidden: '0' is not a whole number of 1 or more"),
        (["tutorial", "--hidden", "4,,4"], "'' is not a whole number"),
        (["tutorial", "--hidden", "4", "deep"], "'deep' is no width; write it before"),
        (["tutorial", "two-layer", "--hidden", "4", "4"], "one hidden layer, and 2 widths"),
        (["tutorial", "--scale", "-1"], "--scale: '-1' is not a number greater than 0"),
        (["tutorial", "--data", "truth"], "did you mean 'truth-table'?"),
        (["tutorial", "--out"], "--out: expected one argument"),
        (["tutorial", "--out", ""], "--out: '' is no folder"),
        (["tutorial", "--iter", "3"], "unknown"),
        (["tutorial", "--itertions", "3"], "--itertions is unknown: did you mean --iterations?"),
        (["tutorial", "--what\nnow"], "--what now is unknown"),
        (["tutorial", "deep", "deep"], "unrecognized arguments: deep"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options(
    argv: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.startswith("microtensor")
    assert captured.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_folders_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder, message in (
        (file, "is a file, not a folder"),
        (file / "inside", "Not a directory"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        assert main(["tutorial", "--out", str(folder)]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert message in captured.err
        assert captured.err.count("\n") == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_without_permission(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o500)
    assert main(["tutorial", "--out", str(tmp_path)]) == 2
    assert "Permission denied" in capsys.readouterr().err


def test_a_full_disk(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert main(["tutorial", "--iterations", "2", "--out", str(out)]) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "No space left on device" in captured.err
    assert not list(out.iterdir())


# Where it runs


def test_piped(out: Path) -> None:
    done = run("tutorial", "--iterations", "5", "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(c.isprintable() or c == "\n" for c in done.stdout)
    assert max(map(len, done.stdout.split("Written:")[0].splitlines())) <= 80


def test_an_encoding_without_lines(out: Path) -> None:
    done = run(
        "tutorial", "deep", "--iterations", "5", "--out", out / "é", PYTHONIOENCODING="ascii"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert (out / "é" / "deep-loss.png").exists()


def test_a_reader_that_leaves(out: Path) -> None:
    command = [sys.executable, "-m", "microtensor", "tutorial", "--iterations", "5", "--out", out]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize("argv", [["--version"], ["tutorial", "--iterations", "3"]], ids=str)
def test_a_closed_output(argv: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", sys.executable, "-m", "microtensor", *argv],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": os.getcwd()}, stderr=subprocess.PIPE,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    if "tutorial" in argv:
        assert len(list((tmp_path / "microtensor-tutorial").iterdir())) == 12


@pytest.mark.parametrize("columns", ["0", "1", "20", "many"])
def test_a_width_too_small(columns: str, out: Path) -> None:
    argv = ["tutorial", "--iterations", "3", "--no-plots", "--out", out]
    done = run(*argv, COLUMNS=columns)
    assert (done.returncode, done.stderr) == (0, "")
    for heading in ("iteration", "by hand", "nn.Sequential", "weights"):
        assert heading in done.stdout


def in_terminal(*argv: object, interrupt_after: bytes = b"", **environment: str) -> tuple[int, str]:
    """Run the command in a terminal of 80 columns; return its exit status and what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(environment)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which a job in the background ignores
        os.execv(sys.executable, [sys.executable, "-m", "microtensor", *map(str, argv)])
    shown = b""
    began = time.monotonic()
    while time.monotonic() - began < 60:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
        if interrupt_after and interrupt_after in shown:
            os.kill(pid, signal.SIGINT)
            interrupt_after = b""
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode()


def test_a_terminal_shows_progress(out: Path) -> None:
    status, shown = in_terminal("tutorial", "two-layer", "--no-plots", "--out", out)
    assert status == 0
    assert "/1500" in shown
    assert "loss 0." in shown


def test_no_color(out: Path) -> None:
    _, shown = in_terminal(
        "tutorial", "two-layer", "--iterations", 5, "--no-plots", "--out", out, NO_COLOR="1"
    )
    assert "\x1b[3" not in shown


def test_interrupted(out: Path) -> None:
    status, shown = in_terminal(
        "tutorial", "--iterations", 10**7, "--out", out, interrupt_after=b"loss 0."
    )
    assert status == 130
    assert shown.rstrip().endswith("microtensor: interrupted")
    assert "Traceback" not in shown
    assert not list(out.iterdir())
