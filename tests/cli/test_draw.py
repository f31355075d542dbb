"""Tests of `microtensor draw`."""

from pathlib import Path

import pytest

from microtensor.viz import drawing

from .conftest import Run


@pytest.mark.parametrize(
    ("options", "name", "start"),
    [
        ([], "loss.svg", b"<?xml"),
        (["--format", "png"], "loss.png", b"\x89PNG"),
        (["--format", "dot"], "loss.dot", b"digraph"),
        (["--out", "graph.png"], "graph.png", b"\x89PNG"),
        (["--out", "graph.gv"], "graph.gv", b"digraph"),
        (["--out", "picture", "--format", "svg"], "picture", b"<?xml"),
    ],
)
def test_files(options: list[str], name: str, start: bytes, run: Run) -> None:
    done = run("draw", "net.py:loss", *options)
    assert (done.status, done.out, done.err) == (0, f"{name}\n", "")
    assert Path(name).read_bytes().startswith(start)


def test_what_is_shown(run: Run) -> None:
    def source(*options: str) -> str:
        return run("draw", "net.py:loss", "--format", "dot", "--out", "-", *options).out

    plain = source()
    assert "value" not in plain
    assert ">value" in source("--values")
    assert ">gradient" in source("--gradients")
    assert "d_W1" in source("--backward")
    assert "d_W1" not in plain
    assert "rankdir=LR" in source("--rankdir", "LR")
    assert source("--health") != plain
    assert source("--limit", "0") == plain
    assert len(source("--limit", "3")) < len(plain)


def test_depth(run: Run) -> None:
    argv = ("draw", "net.py:model", "--input", "input=4x2", "--format", "dot", "--out", "-")
    assert run(*argv, "--depth", "0").out.count("<td>linear</td>") == 0
    assert run(*argv).out.count("<td>linear</td>") == 2


def test_svg_to_the_standard_output(run: Run) -> None:
    assert "<svg" in run("draw", "net.py:loss", "--out", "-").out


def test_of_a_loss_with_gradients_the_loss_is_drawn(run: Run) -> None:
    assert run("draw", "net.py:by_hand").out == "by_hand.svg\n"


def test_several_outputs(run: Run) -> None:
    Path("two.py").write_text("from net import loss\ndef main():\n    return loss(), loss()\n")
    done = run("draw", "two.py", "--format", "dot", "--out", "-")
    assert done.out.count('class="operation output"') == 2


def test_it_is_opened(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    assert run("draw", "net.py:loss", "--open").status == 0
    assert opened == [Path("loss.svg").resolve().as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    done = run("draw", "net.py:loss", "--open")
    assert (done.status, done.err) == (
        0, "microtensor: no browser was found to open loss.svg in\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("return None", "f.py:main returned nothing: return the loss, a Tensor"),
        ("return 1", "returned an int: "),
        ("return np.ones(2)", "returned an array of shape (2,): "),
        ("return []", "returned a list of nothing: "),
        ("return mt.tensor([1.0]), 1", "a tuple of a Tensor of shape (1,), an int: "),
    ],
)
def test_what_is_nothing_to_draw(source: str, message: str, run: Run) -> None:
    Path("f.py").write_text(
        f"import numpy as np\nimport microtensor as mt\ndef main():\n    {source}\n"
    )
    done = run("draw", "f.py")
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_a_constant_is_nothing_to_draw(run: Run) -> None:
    Path("f.py").write_text("import microtensor as mt\nmain = mt.tensor([1.0])\n")
    done = run("draw", "f.py")
    assert done.status == 1
    assert "There is nothing to draw: 'main'" in done.err
    done = run("draw", "net.py:X")
    assert done.status == 2
    assert "net.py:X is an array of shape (4, 2): name the loss" in done.err


def test_without_a_layout_engine(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(drawing, "_graphviz_pure", lambda: None)
    done = run("draw", "net.py:loss")
    assert done.status == 1
    assert "install Graphviz" in done.err
    assert done.err.count("\n") == 1
    assert not Path("loss.svg").exists()


def test_a_file_that_cannot_be_written(run: Run) -> None:
    done = run("draw", "net.py:loss", "--out", "absent/loss.svg")
    assert (done.status, done.out) == (1, "")
    assert "'absent/loss.svg' cannot be written: there is no folder 'absent'" in done.err
    done = run("draw", "net.py:loss", "--out", ".")
    assert (done.status, done.out) == (2, "")
    assert "argument --out: '.' is a folder, not a file" in done.err


def test_to_open_there_must_be_a_file(run: Run) -> None:
    assert run("draw", "net.py:loss", "--out", "-", "--open").status == 2
