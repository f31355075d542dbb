"""Tests of microtensor.viz.render, with the system's dot and with graphviz-pure."""

import os
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import graphviz
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.errors import OutputError, RenderError
from microtensor.viz import draw, drawing, render

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=["dot", "graphviz-pure"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "dot" and shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    if request.param == "graphviz-pure":
        monkeypatch.setenv("PATH", "/nonexistent")
    return str(request.param)


def graph() -> graphviz.Digraph:
    w = mt.tensor([1.0, 2.0], requires_grad=True, name="w")
    return draw((w * 3).sum())


def texts(svg: bytes | str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_svg(engine: str, tmp_path: Path) -> None:
    path = render(graph(), tmp_path / "graph.svg")
    shown = texts(path.read_bytes())
    assert {"w", "3", "multiply", "sum", "(2,) float64"} <= set(shown)
    assert ("graphviz-pure" in path.read_text(encoding="utf-8")) == (engine == "graphviz-pure")
    assert os.listdir(tmp_path) == ["graph.svg"]


def test_png(engine: str, tmp_path: Path) -> None:
    path = render(graph(), tmp_path / "graph.png")
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_pdf(tmp_path: Path) -> None:
    assert render(graph(), tmp_path / "graph.pdf").read_bytes().startswith(b"%PDF")


def test_all_that_a_drawing_can_show(engine: str, tmp_path: Path) -> None:
    layers = [layer for _ in range(6) for layer in (nn.Linear(2, 2), nn.ReLU())]
    model = nn.Sequential(nn.Linear(3, 2), *layers)
    loss = model(mt.tensor([[1.0, 2.0, 3.0]] * 4)).sum()
    drawing = draw(loss, values=True, gradients=True, health=True, show_backward=True)
    shown = texts(render(drawing, tmp_path / "graph.svg").read_bytes())
    assert {"× 6", "model", "backward", "gradient", "d_0.weight = matmul"} <= set(shown)
    assert any("health: " in text for text in shown)
    png = render(drawing, tmp_path / "graph.png").read_bytes()
    assert png.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["graph.dot", "graph.gv"])
def test_dot_needs_no_engine(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "layout_engines", None)
    made = graph()
    assert render(made, tmp_path / name).read_text(encoding="utf-8") == made.source


def test_a_drawing_is_a_digraph_that_renders_itself(engine: str, tmp_path: Path) -> None:
    made = graph()
    assert isinstance(made, graphviz.Digraph)
    assert "multiply" in texts(made.pipe(format="svg"))
    assert "multiply" in texts(made._repr_mimebundle_()["image/svg+xml"])
    path = made.render(tmp_path / "graph.gv", format="svg")
    assert "multiply" in texts(Path(path).read_bytes())


def test_a_user_can_add_to_it(engine: str, tmp_path: Path) -> None:
    made = graph()
    made.node("note", "a note")
    assert "a note" in texts(render(made, tmp_path / "graph.svg").read_bytes())


def test_any_digraph(engine: str, tmp_path: Path) -> None:
    plain = graphviz.Digraph()
    plain.edge("é", "b")
    assert texts(render(plain, tmp_path / "plain.svg").read_bytes()) == ["é", "b"]


def test_format_given(engine: str, tmp_path: Path) -> None:
    assert texts(render(graph(), tmp_path / "graph", format="svg").read_bytes())


def test_formats_that_are_missing_or_unknown(engine: str, tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"What format is .*graph' to have\? End it in \.svg"):
        render(graph(), tmp_path / "graph")
    with pytest.raises(RenderError, match=r"cannot write 'nonsense'.*svg"):
        render(graph(), tmp_path / "graph.nonsense")
    assert not list(tmp_path.iterdir())


def test_what_graphviz_pure_cannot_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(RenderError, match=r"'pdf'.*png svg.*Graphviz itself, if installed"):
        render(graph(), tmp_path / "graph.pdf")


def test_what_graphviz_pure_cannot_write_for_a_drawing_that_renders_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    expected = r"'pdf'.*png svg.*Graphviz itself, if installed"
    with pytest.raises(RenderError, match=expected):
        graph().pipe(format="pdf")
    with pytest.raises(RenderError, match=expected):
        graph().pipe(format="pdf", encoding="utf-8")
    with pytest.raises(RenderError, match=expected):
        graph().render(tmp_path / "graph.gv", format="pdf")
    assert capfd.readouterr() == ("", "")


def test_an_engine_that_is_gone_for_a_drawing_that_renders_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(drawing, "_graphviz_pure", lambda: tmp_path / "gone")
    with pytest.raises(RenderError, match="gone cannot be run: No such file"):
        graph().pipe(format="svg")


def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(drawing, "_graphviz_pure", lambda: None)
    with pytest.raises(RenderError, match=r"install Graphviz .*pip install graphviz-pure"):
        render(graph(), tmp_path / "graph.svg")


def test_an_engine_that_cannot_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(drawing, "_graphviz_pure", lambda: tmp_path / "gone")
    with pytest.raises(RenderError, match="gone cannot be run: No such file"):
        render(graph(), tmp_path / "graph.svg")


@pytest.mark.parametrize(
    "script",
    ["#!/bin/sh\necho 'Error: no plugins' >&2; exit 1\n", "#!/nonexistent/interpreter\n"],
    ids=["fails", "cannot be run"],
)
def test_a_dot_that_fails(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dot = tmp_path / "bin" / "dot"
    dot.parent.mkdir()
    dot.write_text(script)
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", str(dot.parent))
    path = render(graph(), tmp_path / "graph.svg")
    assert "multiply" in texts(path.read_bytes())
    assert "multiply" in texts(graph().pipe(format="svg"))
    assert "multiply" in texts(Path(graph().render(tmp_path / "g", format="svg")).read_bytes())
    with pytest.raises(RenderError, match=r"dot (cannot write 'pdf': Error: no|cannot be run)"):
        render(graph(), tmp_path / "graph.pdf")


def test_source_that_is_broken(engine: str, tmp_path: Path) -> None:
    broken = graphviz.Digraph(body=["a -> ->\n"])
    with pytest.raises(RenderError, match="syntax error"):
        render(broken, tmp_path / "graph.svg")
    assert not list(tmp_path.iterdir())


def test_unwritable_paths(engine: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"missing/graph\.svg' cannot be written: there is no"):
        render(graph(), tmp_path / "missing" / "graph.svg")
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(OutputError, match="Is a directory"):
        render(graph(), tmp_path / "folder.svg")


def test_a_notebook_that_takes_no_svg_has_a_png(engine: str) -> None:
    shown = graph()
    assert shown._repr_png_().startswith(b"\x89PNG")
    shown.body += ["// much\n"] * 300
    assert shown._repr_png_() is None
    assert drawing.Drawing(body=["a -> ->\n"])._repr_png_() is None


def test_what_describes_a_drawing_is_the_same_each_time() -> None:
    assert repr(graph()) == repr(graph()) == "<Drawing, 7 statements in DOT>"
