"""Tests of microtensor.viz.explorer.source_lines and naming: how tensors are called, and made."""

import linecache
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.viz import explore
from tests.viz.explorer.written import node, read


def test_tensors_without_a_name_are_called_by_their_operations(tmp_path: Path) -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    data = read(
        explore(
            -(x * 2 + x[0] * 3).sum(axis=0, keepdims=True)[0],
            tmp_path / "page.html",
            names={"x": x},
        )
    )
    made = [(node["name"], node.get("made")) for node in data["nodes"]]
    assert made == [
        ("x", None),
        ("multiply_1", "x * 2"),
        ("getitem_1", "x[0]"),
        ("multiply_2", "getitem_1 * 3"),
        ("add", "multiply_1 + multiply_2"),
        ("sum", "sum(add, axis=0, keepdims=True)"),
        ("getitem_2", "sum[0]"),
        ("negative", "-getitem_2"),
    ]


def test_operands_are_written_so_that_the_expression_is_right(tmp_path: Path) -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True, name="1 - y")
    data = read(explore((x * np.exp(x) * -(x / 3.0 * 0.12345678901)).sum(), tmp_path / "page.html"))
    assert [node["made"] for node in data["nodes"] if "made" in node] == [
        "exp(1 - y)",
        "(1 - y) * exp",
        "(1 - y) / 3.0",
        "divide * 0.123457",
        "-multiply_2",
        "multiply_1 * negative",
        "sum(multiply_3)",
    ]


def test_in_a_notebook_lines_are_found_in_the_cells_that_ran_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = ModuleType("__main__")
    main.__dict__["In"] = []
    monkeypatch.setitem(sys.modules, "__main__", main)
    for number, cell in enumerate(
        [
            "",
            "import microtensor as mt\nx = mt.tensor([1.0, 2.0], requires_grad=True)",
            "h = x + 5",
            "h = x * 2  # this one",
            "x.shape",
            "with mt.autograd.record_source():\n    loss = h.sum()",
            "loss.shape\nw = 3\npath = mt.viz.explore(loss, folder / 'page.html')\nh = None",
        ]
    ):
        file = str(tmp_path / "ipykernel_12" / f"{number}.py")  # which is not there
        linecache.cache[file] = len(cell), None, cell.splitlines(keepends=True), file
        main.__dict__.update(folder=tmp_path, In=[*main.__dict__["In"], cell])
        exec(compile(cell, file, "exec"), main.__dict__)
    data = read(tmp_path / "page.html")
    lines = {node["name"]: node["line"] for node in data["nodes"] if "line" in node}
    assert [(name, line["file"], line["number"], line["text"]) for name, line in lines.items()] == [
        ("x", "In[1]", 2, "x = mt.tensor([1.0, 2.0], requires_grad=True)"),
        ("h", "In[3]", 1, "h = x * 2  # this one"),
        ("loss", "In[5]", 2, "loss = h.sum()"),
    ]
    assert lines["loss"]["exact"]


def test_the_line_that_assigns_a_variable_is_found(tmp_path: Path) -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    h = x * 2
    h = np.tanh(h)  # this one
    loss = h.sum()
    data = read(explore(loss, tmp_path / "page.html"))
    h = loss
    line = node(data, "h")["line"]
    assert (line["text"], line["file"]) == ("h = np.tanh(h)  # this one", "test_source_lines.py")
    assert line["function"] == "test_the_line_that_assigns_a_variable_is_found"
    assert line["exact"] is False
    assert node(data, "multiply")["line"] is None


def test_a_statement_of_several_lines_is_shown_whole(tmp_path: Path) -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    loss = (
        (x * 2)  # first
        .sum()
    )
    data = read(explore(loss, tmp_path / "page.html"))
    assert node(data, "loss")["line"]["text"].splitlines() == [
        "loss = (",
        "    (x * 2)  # first",
        "    .sum()",
        ")",
    ]


def test_the_line_that_assigns_an_attribute_is_found(tmp_path: Path) -> None:
    class Model:
        def __init__(self) -> None:
            self.w = mt.tensor([2.0], requires_grad=True)  # in __init__

        def page(self) -> dict[str, Any]:
            return read(explore((self.w * 2).sum(), tmp_path / "page.html"))

    line = node(Model().page(), "self.w")["line"]
    assert line["text"] == "self.w = mt.tensor([2.0], requires_grad=True)  # in __init__"


def test_lines_are_exact_for_what_ran_in_record_source(tmp_path: Path) -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    with mt.autograd.record_source():
        loss = (x * 2).sum()  # recorded
    data = read(explore(loss, tmp_path / "page.html"))
    for name in ("multiply", "loss"):
        line = node(data, name)["line"]
        assert line["text"] == "loss = (x * 2).sum()  # recorded"
        assert line["exact"] is True


def test_parameters_know_their_module(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    data = read(explore(model(mt.tensor(np.ones((1, 2)))).sum(), tmp_path / "page.html"))
    assert node(data, "0.weight")["module"] == node(data, "linear")["module"] == "0"
    assert node(data, "relu")["module"] == "1"
    assert node(data, "sum")["module"] is None
