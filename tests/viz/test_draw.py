"""Tests of microtensor.viz.draw: the DOT source, read back by Graphviz itself."""

import json
import xml.etree.ElementTree as ET
from typing import Any

import graphviz
import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.errors import ArgumentError, GradientError
from microtensor.viz import draw
from microtensor.viz.drawing import laid_out


def parsed(
    drawing: graphviz.Digraph,
) -> tuple[dict[str, dict[str, Any]], list[tuple[str, str, str]]]:
    """Return nodes by their tooltips, and edges as (tooltip, tooltip, label)."""
    graph = json.loads(laid_out(drawing, "json0"))
    nodes = graph.get("objects", [])
    tips = {node["_gvid"]: node["tooltip"] for node in nodes}
    edges = [
        (tips[edge["tail"]], tips[edge["head"]], edge.get("label", "").strip())
        for edge in graph.get("edges", [])
    ]
    return {node["tooltip"]: node for node in nodes}, edges


def network() -> mt.Tensor:
    X, y = mt.tensor(np.ones((4, 3)), name="X"), mt.tensor(np.ones((4, 1)), name="y")
    W1 = mt.tensor(np.ones((3, 4), np.float32), requires_grad=True, name="W1")
    return ((y - 2 * mt.sigmoid(X @ W1)) ** 2).sum()


def test_nodes_and_edges() -> None:
    loss = network()
    nodes, edges = parsed(draw(loss))
    X, W1 = "input X (4, 3) float64", "parameter W1 (3, 4) float32"
    product = "operation matmul(X, W1) (4, 4) float64"
    sigmoid = "operation sigmoid(matmul) (4, 4) float64"
    doubled = "operation multiply(2, sigmoid) (4, 4) float64"
    error = "operation subtract(y, multiply) (4, 4) float64"
    squared = "operation square(subtract) (4, 4) float64"
    total = "operation loss = sum(square) () float64"
    y, two = "input y (4, 1) float64", "constant 2"
    assert set(nodes) == {X, W1, product, sigmoid, doubled, error, squared, total, y, two}
    assert sorted(edges) == sorted(
        [
            (X, product, "1"),
            (W1, product, "2"),
            (product, sigmoid, ""),
            (two, doubled, ""),
            (sigmoid, doubled, ""),
            (y, error, "1"),
            (doubled, error, "2"),
            (error, squared, ""),
            (squared, total, ""),
        ]
    )


def test_kinds_differ_in_colour_and_shape() -> None:
    nodes, _ = parsed(draw(network()))
    looks = {
        tip.split()[0] + node["peripheries"] * ("sum" in tip)
        if "peripheries" in node
        else tip.split()[0]: (node["shape"], node["fillcolor"], node["style"])
        for tip, node in nodes.items()
    }
    assert set(looks) == {"input", "parameter", "constant", "operation", "operation2"}
    shapes = {(shape, style) for shape, _, style in looks.values()}
    assert len(shapes) == 4  # the output has an operation's shape, and a double line
    assert len({colour for _, colour, _ in looks.values()}) == 5


def test_classes_for_style_sheets() -> None:
    nodes, _ = parsed(draw(network()))
    assert {node["class"] for node in nodes.values()} == {
        "input",
        "parameter",
        "constant",
        "operation",
        "operation output",
    }


def test_operands_are_called_as_in_the_rules() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    chosen = mt.where(x > 1, x, 0.5 * x)
    _, edges = parsed(draw(chosen))
    labels = {tail: label for tail, head, label in edges if "chosen" in head}
    assert labels == {
        "input input (2,) bool": "cond",
        "parameter x (2,) float64": "x",
        "operation multiply(0.5, x) (2,) float64": "y",
    }


def test_operands_of_the_users_own_operations_are_called_as_in_their_functions() -> None:
    scaled = mt.custom_op(
        lambda values, factor: values * factor,
        lambda g, out, values, factor: g * factor,
        lambda g, out, values, factor: g * values,
        name="scaled",
    )
    w = mt.tensor([1.0, 2.0], requires_grad=True, name="w")
    _, edges = parsed(draw(scaled(w, mt.tensor([3.0, 4.0], name="s"))))
    assert [label for _, _, label in edges] == ["values", "factor"]


def test_operands_left_out() -> None:
    layer = nn.Linear(2, 1, bias=False)
    _, edges = parsed(draw(layer(mt.tensor(np.ones((3, 2)), name="x"))))
    assert [label for _, _, label in edges] == ["x", "weight"]


def test_parameters_of_operations() -> None:
    x = mt.tensor(np.ones((2, 3)), requires_grad=True)
    total = x[:, 1:].sum(axis=0)
    source = draw(total).source
    assert "getitem[:, 1:]" in source
    assert "sum axis=0" in source
    assert "keepdims" not in source


HOSTILE = [
    "<b>bold</b>",
    'say "hi"',
    "a\nb\tc\r",
    "back\\slash \\N \\G \\\\",
    "&lt; & &amp;",
    "σ′ 日本語 🙂 é",
    "]]> --> <!--",
    "\x00\x07\u202e\ud800",
    "<",
    ">",
    "x" * 500,
    "'; DROP TABLE",
    "{a|b}",
    "two words",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_any_name(name: str) -> None:
    w = mt.tensor([1.0], requires_grad=True, name=name)
    drawing = draw(w * 2)
    nodes, edges = parsed(drawing)
    assert len(nodes) == 3
    assert len(edges) == 2
    svg = ET.fromstring(laid_out(drawing, "svg"))
    texts = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    links = svg.iter("{http://www.w3.org/2000/svg}a")
    tips = [link.get("{http://www.w3.org/1999/xlink}title") for link in links]
    shown = ascii_controls(name)
    assert f"parameter {shown} (1,) float64" in tips
    assert (shown if len(shown) <= 40 else f"{shown[:39]}…") in texts


def ascii_controls(name: str) -> str:
    """Write what a line of text cannot show as Python does."""
    escapes = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\x00", "\7": "\\x07"}
    escapes |= {"\u202e": "\\u202e", "\ud800": "\\ud800"}
    return "".join(escapes.get(c, c) for c in name)


def test_equal_names_are_numbered() -> None:
    v, w = (mt.tensor([1.0], requires_grad=True, name="w") for _ in range(2))
    nodes, _ = parsed(draw(v * w))
    assert {tip for tip in nodes if "parameter" in tip} == {
        "parameter w (1,) float64",
        "parameter w_2 (1,) float64",
    }


def test_names_come_from_the_caller_or_are_given() -> None:
    x = mt.tensor([1.0], requires_grad=True)
    hidden = x * 2
    assert "hidden = multiply" in draw(hidden + 1).source
    assert "z1 = multiply" in draw(hidden + 1, names={"z1": hidden}).source


def test_module_paths() -> None:
    model = nn.Sequential(nn.Linear(2, 1))
    loss = model(mt.tensor(np.ones((3, 2)))).sum()
    source = draw(loss, module=model, names={}).source
    assert "0.weight" in source
    assert "0.bias" in source


def test_after_backward() -> None:
    loss = network()
    before = draw(loss).source
    loss.backward()
    assert draw(loss).source == before


def test_numbers_are_drawn_wherever_they_are_used() -> None:
    x = mt.tensor([1.0], requires_grad=True)
    nodes = json.loads(laid_out(draw(2 * (2 * (2 * x))), "json0"))["objects"]
    assert [node["tooltip"] for node in nodes].count("constant 2") == 3


def test_several_outputs_are_marked() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    source = draw([x.sum(), x.max()]).source
    assert source.count("peripheries=2") == 2


def test_direction() -> None:
    assert "rankdir=LR" in draw(network(), rankdir="LR").source
    with pytest.raises(ArgumentError, match="not 'down'"):
        draw(network(), rankdir="down")


def test_nothing_recorded() -> None:
    leaf = mt.tensor([1.0], requires_grad=True)
    with pytest.raises(GradientError, match=r"'leaf' of shape \(1,\) was not computed"):
        draw(leaf)
    with mt.no_grad(), pytest.raises(GradientError, match=r"requires_grad=True, outside no_grad"):
        draw(leaf * 2)
    with pytest.raises(GradientError, match="no output was given"):
        draw([])
