"""Tests of `microtensor explore`."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run


def part(page: str, name: str) -> Any:
    found = re.search(rf'"{name}":', page)
    assert found is not None, name
    return json.JSONDecoder().raw_decode(page, found.end())[0]


def test_a_page_has_the_lines_of_the_users_code(run: Run) -> None:
    done = run("explore", "net.py:loss")
    assert (done.status, done.out, done.err) == (0, "loss.html\n", "")
    page = Path("loss.html").read_text("utf-8")
    lines = set(re.findall(r'"text":"((?:[^"\\]|\\.)*)","exact":true', page))
    assert {"z1 = X @ W1", "return mt.sigmoid(z1)", "error = hidden() @ W2 - y"} <= lines
    assert "<title>" in page


def test_hand_derived_gradients_stand_beside(run: Run) -> None:
    assert run("explore", "net.py:by_hand", "--out", "page.html", "--title", "Lesson 3").status == 0
    page = Path("page.html").read_text("utf-8")
    assert "<title>Lesson 3" in page
    verdicts = {each["name"]: each["status"] for each in part(page, "comparison")}
    assert verdicts == {
        "dp": "exact", "dW2": "exact", "da1": "exact", "dz1": "wrong", "dW1": "inherited",
    }  # fmt: skip


def test_shapes_of_arguments(run: Run) -> None:
    argv = ("explore", "net.py:loss_fn", "--input", "W=2x1", "x=4x2", "y=4x1", "--wrt", "W")
    assert run(*argv).status == 0


def test_it_is_opened(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    assert run("explore", "net.py:loss", "--open").status == 0
    assert opened == [Path("loss.html").resolve().as_uri()]


def test_what_cannot_be_explored(run: Run) -> None:
    done = run("explore", "net.py:hidden")
    assert done.status == 2
    assert "hidden returned a Tensor of shape" in done.err
    assert done.err.endswith("explore needs a loss, a Tensor of one number\n")
    assert done.err.count("\n") == 1
    assert not Path("hidden.html").exists()
    done = run("explore", "net.py:loss", "--out", "loss.svg")
    assert done.status == 2
    assert "loss.svg is no page: explore writes HTML, draw writes pictures" in done.err
    assert not Path("loss.svg").exists()
    Path("f.py").write_text("from net import loss\ntotal = loss()\ntotal.backward()\n")
    done = run("explore", "f.py:total")
    assert done.status == 1
    assert "Call explore() before backward()" in done.err
