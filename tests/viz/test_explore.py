"""Tests of microtensor.viz.explore: the file, what stands beside the gradients, what is refused."""

import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import microtensor as mt
from microtensor.errors import (
    ArgumentError,
    GradientError,
    InPlaceError,
    OutputError,
    ReleasedGraphError,
    ShapeError,
)
from microtensor.viz import explore
from microtensor.viz.explorer.document import SCRIPTS
from tests.viz.explorer.written import array, network, node, read

HOSTILE = "</script><img src=x onerror=alert(1)>&<!--\u2028\"'\\"


def test_names_inject_no_markup(tmp_path: Path) -> None:
    x = mt.tensor([1.0], requires_grad=True, name=HOSTILE)
    path = explore((x * 2).sum(), tmp_path / "page.html", title=HOSTILE)
    html = path.read_text("utf-8")
    assert "<img" not in html
    assert html.count("</script>") == 2
    assert (
        node(read(explore((x * 2).sum(), tmp_path / "page.html")), HOSTILE)["kind"] == "parameter"
    )


def test_the_page_refers_to_nothing_outside_of_it(tmp_path: Path) -> None:
    html = explore(network()[0], tmp_path / "page.html").read_text("utf-8")
    assert not re.search(r'(src|href)="(?!data:,)', html.partition("<script")[0])
    assert "default-src 'none'" in html
    assert set(re.findall(r"https?://[\w./]+", html)) == {"http://www.w3.org/2000/svg"}


def test_every_script_of_the_package_is_on_the_page() -> None:
    import microtensor.viz.explorer as explorer

    found = {path.name for path in Path(explorer.__path__[0]).glob("*.js")}
    assert found == set(SCRIPTS)


def test_a_notebook_shows_the_page_itself(tmp_path: Path) -> None:
    path = explore(network()[0], tmp_path / "page.html")
    assert path == tmp_path / "page.html"
    shown = path._repr_html_()
    source, rest = re.fullmatch(r'<iframe srcdoc="([^"]*)"(.*)</iframe>', shown, re.DOTALL).groups()
    assert unescape(source) == path.read_text("utf-8")
    assert "page.html: run this cell" in rest


def test_where_there_is_no_page_a_notebook_shows_the_path(tmp_path: Path) -> None:
    path = explore(network()[0], tmp_path / "page.html")
    assert path.parent._repr_html_() is None
    assert path.with_name("missing.html")._repr_html_() is None
    for other in (b"text", b"\xff"):
        path.write_bytes(other)
        assert path._repr_html_() is None


# A comparison


def test_hand_derived_gradients_stand_beside(tmp_path: Path) -> None:
    loss, tensors = network()
    b1, z1 = tensors["b1"], tensors["z1"]
    found = mt.autograd.grad(loss, b1, retain_graph=True).data
    comparison = mt.compare(loss, {b1: -found, z1: np.ones((4, 2))})
    data = read(explore(loss, tmp_path / "page.html", comparison=comparison))
    rows = {data["nodes"][row["node"]]["name"]: row for row in data["comparison"]}
    assert list(rows) == ["z1", "b1"]
    for name, row in rows.items():
        assert row["status"] == comparison[name].status == "wrong"
        assert row["cause"]["text"] == comparison[name].cause.text
    np.testing.assert_array_equal(array(data, rows["b1"]["hand"]), -found)


def test_a_comparison_of_another_graph_is_refused(tmp_path: Path) -> None:
    loss, tensors = network()
    comparison = mt.compare(loss, {tensors["W1"]: np.ones((3, 2))})
    with pytest.raises(ArgumentError, match=r"another graph: it compares 'W1' of shape \(3, 2\)"):
        explore(network()[0], tmp_path / "page.html", comparison=comparison)
    assert list(tmp_path.iterdir()) == []


def test_a_comparison_of_another_loss_of_the_same_leaves_is_refused(tmp_path: Path) -> None:
    w = mt.tensor([1.0, 2.0], requires_grad=True)
    squares, cubes = (w * w).sum(), (w * w * w).sum()
    message = "another output: the gradient of 'w' that it compared with is not the one here"
    with pytest.raises(ArgumentError, match=message):
        explore(squares, tmp_path / "page.html", comparison=mt.compare(cubes, {w: 3 * w.data**2}))
    comparison = mt.compare(squares, {w: 2 * w.data})
    with pytest.raises(ArgumentError, match=message):
        explore(squares, tmp_path / "page.html", gradient=5.0, comparison=comparison)
    assert list(tmp_path.iterdir()) == []


def test_an_input_that_requires_no_gradient_can_have_been_compared(tmp_path: Path) -> None:
    w, x = mt.tensor([1.0, 2.0], requires_grad=True), mt.tensor([3.0, 4.0])
    loss = (w * x).sum()
    comparison = mt.compare(loss, {w: x.data, x: w.data})
    data = read(explore(loss, tmp_path / "page.html", comparison=comparison))
    assert {row["status"] for row in data["comparison"]} == {"exact"}


# What is refused


def test_a_released_graph_says_to_explore_first(tmp_path: Path) -> None:
    loss, _ = network()
    loss.backward()
    with pytest.raises(ReleasedGraphError, match=r"Call explore\(\) before backward\(\)"):
        read(explore(loss, tmp_path / "page.html"))
    assert list(tmp_path.iterdir()) == []


def test_a_retained_graph_is_explored(tmp_path: Path) -> None:
    loss, tensors = network()
    loss.backward(retain_graph=True)
    data = read(explore(loss, tmp_path / "page.html"))
    found = array(data, node(data, "W1")["gradient"])
    np.testing.assert_array_equal(found, tensors["W1"].grad.data)


@pytest.mark.parametrize("name", ["W1", "b1"])
def test_a_parameter_that_was_updated_since_is_refused(tmp_path: Path, name: str) -> None:
    loss, tensors = network()
    with mt.no_grad():
        tensors[name] -= 0.1
    with pytest.raises(InPlaceError, match=f"'{name}', shape .* was changed in place"):
        read(explore(loss, tmp_path / "page.html"))


def test_a_tensor_without_history_is_refused(tmp_path: Path) -> None:
    w = mt.tensor([1.0], requires_grad=True)
    with pytest.raises(GradientError, match=r"nothing to explore: 'w' of shape \(1,\)"):
        read(explore(w, tmp_path / "page.html"))
    with mt.no_grad():
        y = w * 2
    with pytest.raises(GradientError, match="nothing to explore: 'y'"):
        read(explore(y, tmp_path / "page.html"))
    with pytest.raises(TypeError, match="takes a Tensor, and got a ndarray"):
        read(explore(np.ones(3), tmp_path / "page.html"))


def test_an_output_of_several_elements_needs_a_gradient_of_its_shape(tmp_path: Path) -> None:
    y = mt.tensor([1.0, 2.0], requires_grad=True) * 2
    with pytest.raises(GradientError, match="has 2"):
        read(explore(y, tmp_path / "page.html"))
    with pytest.raises(ShapeError, match=r"shape \(3,\), not \(2,\)"):
        read(explore(y, tmp_path / "page.html", gradient=np.ones(3)))


def test_a_graph_that_is_too_large_is_refused(tmp_path: Path) -> None:
    y = mt.tensor(1.0, requires_grad=True)
    for _ in range(5001):
        y = y + 1
    with pytest.raises(ArgumentError, match="at most 5000"):
        read(explore(y, tmp_path / "page.html"))


def test_a_path_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    loss, _ = network()
    with pytest.raises(OutputError, match="cannot be written"):
        explore(loss, tmp_path / "missing" / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays_if_exploring_fails(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("before")
    loss, _ = network()
    loss.backward()
    with pytest.raises(ReleasedGraphError):
        explore(loss, path)
    assert path.read_text() == "before"
