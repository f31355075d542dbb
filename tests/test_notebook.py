"""Tests of what notebooks show of tensors, modules and programs."""

import base64
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.viz import drawing


def graph() -> mt.Tensor:
    w = mt.tensor([1.0, 2.0], requires_grad=True, name="<w>")
    return (w * 3.0).sum()


def test_a_computed_tensor_shows_its_value_and_its_graph() -> None:
    shown = graph()._repr_mimebundle_()
    assert set(shown) == {"text/html", "image/svg+xml"}
    assert "tensor(9., op=sum)" in shown["text/html"]
    svg = ET.fromstring(shown["image/svg+xml"])
    texts = {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"<w>", "multiply", "sum"} <= texts
    source = re.search('<img src="([^"]*)"', shown["text/html"])
    assert source is not None
    kind, _, data = source[1].partition(";base64,")
    assert kind == "data:image/svg+xml"
    assert base64.b64decode(data).decode() == shown["image/svg+xml"]
    assert "<w>" not in shown["text/html"]


def test_a_tensor_without_a_history_shows_as_its_array() -> None:
    for leaf in (mt.tensor([1.0]), nn.Parameter([1.0]), mt.tensor([1.0]) * 2):
        assert leaf._repr_mimebundle_() == {}
    assert repr(mt.tensor([1.0, 2.0])) == "tensor([1., 2.])"


def test_only_what_is_asked_for() -> None:
    out = graph()
    assert set(out._repr_mimebundle_(include={"image/svg+xml"})) == {"image/svg+xml"}
    assert set(out._repr_mimebundle_(exclude={"image/svg+xml"})) == {"text/html"}


def test_names_are_those_of_the_main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = mt.tensor([1.0, 2.0], requires_grad=True)
    monkeypatch.setattr(sys.modules["__main__"], "my_weights", weights, raising=False)
    assert "my_weights" in (weights * 2)._repr_mimebundle_()["image/svg+xml"]


def test_what_the_notebook_keeps_results_as_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = mt.tensor([1.0, 2.0], requires_grad=True)
    product = weights * 3.0
    for name, value in {"_": product, "_12": product, "__": weights, "_w": weights}.items():
        monkeypatch.setitem(globals(), name, value)
        monkeypatch.setattr(sys.modules["__main__"], name, value, raising=False)
    out = product.sum()
    shown = out._repr_mimebundle_()["image/svg+xml"]
    assert names_in(shown) == {"_w", "multiply", "3", "sum"}
    del weights, product, value
    drawn = mt.viz.draw(out).pipe(format="svg", encoding="utf-8")
    assert names_in(drawn) == {"_w", "multiply", "3", "out = sum"}


def names_in(svg: str) -> set[str | None]:
    texts = [text.text for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    return {text for text in texts if text and "float64" not in text}


def test_after_backward() -> None:
    out = graph()
    out.backward()
    assert "multiply" in out._repr_mimebundle_()["image/svg+xml"]


def test_a_large_graph_is_not_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "layout_engines", None)
    h = mt.tensor(0.5, requires_grad=True)
    for i in range(3001):
        h = h + float(i)
    shown = h._repr_mimebundle_()
    assert set(shown) == {"text/html"}
    assert "more than 3000 nodes" in shown["text/html"]


def test_nothing_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[Any]:
        raise RuntimeError

    out = graph()
    monkeypatch.setattr(drawing, "layout_engines", broken)
    assert out._repr_mimebundle_() == {}


def test_without_a_layout_engine_there_is_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(drawing, "_graphviz_pure", lambda: None)
    assert graph()._repr_mimebundle_() == {}


def test_an_engine_that_takes_too_long_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    dot = tmp_path / "dot"
    dot.write_text("#!/bin/sh\nexec sleep 60\n")
    dot.chmod(0o755)
    monkeypatch.setattr(drawing, "layout_engines", lambda: [dot])
    monkeypatch.setattr("microtensor.viz.notebook._SECONDS", 0.2)
    assert graph()._repr_mimebundle_() == {}


def test_a_module_shows_its_parts_and_sizes() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1, bias=False))
    shown = model._repr_mimebundle_()
    assert set(shown) == {"text/html"}
    table = ET.fromstring(shown["text/html"])
    rows = [[cell.text or "" for cell in row] for row in table]
    assert rows == [
        ["path", "module", "parameters", "numbers"],
        ["", "Sequential()", "", ""],
        ["0", "Linear(in_features=3, out_features=4, bias=True)", "weight (4, 3), bias (4,)", "16"],
        ["1", "Tanh()", "", ""],
        ["2", "Linear(in_features=4, out_features=1, bias=False)", "weight (1, 4)", "4"],
        ["", "", "all", "20"],
    ]


def test_names_in_the_table_are_escaped() -> None:
    model = nn.ModuleDict({"<script>": nn.Linear(1, 1)})
    assert "<script>" not in model._repr_mimebundle_()["text/html"]


def test_a_program_shows_its_drawing() -> None:
    def loss_fn(w: Any) -> Any:
        return (w * w).sum()

    program = mt.derive(loss_fn, mt.tensor([1.0, 2.0]))
    svg = program._repr_svg_()
    assert svg is not None
    assert "multiply" in "".join(ET.fromstring(svg).itertext())
    assert "def loss_fn" in program._repr_markdown_()


def test_importing_the_package_imports_no_graphviz() -> None:
    code = (
        "import sys, microtensor as mt; mt.tensor([1.0])._repr_mimebundle_\n"
        "assert not {'graphviz', 'microtensor.viz'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_showing_changes_nothing() -> None:
    w = mt.tensor([1.0, 2.0], requires_grad=True)
    out = np.exp(w).sum()
    out._repr_mimebundle_()
    assert w.grad is None
    out.backward()
    np.testing.assert_allclose(w.grad, np.exp([1.0, 2.0]))
