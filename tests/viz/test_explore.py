"""Tests of microtensor.viz.explore: the data in the page, and what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn, optim
from microtensor.errors import (
    ArgumentError,
    DtypeError,
    GradientError,
    InPlaceError,
    OutputError,
    ReleasedGraphError,
    ShapeError,
)
from microtensor.graph import Graph
from microtensor.op import REGISTRY
from microtensor.record import leaf_of
from microtensor.viz import explore
from microtensor.viz.explorer.arrays import described
from microtensor.viz.explorer.backward import BackwardPass
from microtensor.viz.explorer.document import SCRIPTS
from microtensor.viz.explorer.values import node_values
from tests.cases import CASES, Case


def read(path: Path) -> dict[str, Any]:
    """Return the data of a page."""
    html = path.read_text("utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    return dict(json.loads(data))


def array(data: dict[str, Any], index: int) -> np.ndarray:
    """Return an array of a page."""
    facts = data["arrays"][index]
    return np.array(facts["values"], dtype=float).reshape(facts["shape"])


def node(data: dict[str, Any], name: str) -> dict[str, Any]:
    return next(node for node in data["nodes"] if node["name"] == name)


def named_step(data: dict[str, Any], step: dict[str, Any]) -> str:
    """Say what a step is about, with names for indices."""
    names = [node["name"] for node in data["nodes"]]
    about = names[step["node"]] if "node" in step else ""
    by = f" by {names[step['by']]}[{step['position']}]" if "by" in step else ""
    return f"{step['kind']} {about}{by}".strip()


def network() -> tuple[mt.Tensor, dict[str, mt.Tensor]]:
    rng = np.random.default_rng(0)
    X = mt.tensor(rng.normal(size=(4, 3)), name="X")
    W1 = mt.tensor(rng.normal(size=(3, 2)), requires_grad=True, name="W1")
    b1 = mt.tensor(rng.normal(size=2), requires_grad=True, name="b1")
    z1 = X @ W1 + b1
    a1 = mt.sigmoid(z1)
    loss = np.square(a1).mean() + (W1 * W1).sum()
    return loss, {"X": X, "W1": W1, "b1": b1, "z1": z1, "a1": a1, "loss": loss}


# Steps


def test_steps_go_forward_in_the_order_of_execution_and_back_by_contribution(
    tmp_path: Path,
) -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    loss = (x * y).sum()
    data = read(explore(loss, tmp_path / "page.html"))
    assert [named_step(data, step) for step in data["steps"]] == [
        "start",
        "forward y",
        "forward multiply",
        "forward loss",
        "seed loss",
        "contribution multiply by loss[0]",
        "contribution x by multiply[0]",
        "contribution y by multiply[1]",
        "contribution x by y[0]",
        "sum x",
    ]
    parts = [(step["part"], step["of"]) for step in data["steps"] if step["kind"] == "contribution"]
    assert parts == [(1, 1), (1, 2), (1, 1), (2, 2)]
    assert data["steps"][-1]["parts"] == [6, 8]


def test_a_contribution_shows_what_came_in_the_rule_and_the_sum_over_broadcast_axes(
    tmp_path: Path,
) -> None:
    W = mt.tensor(np.ones((3, 1)), requires_grad=True)
    b = mt.tensor([[1.0, 2.0]], requires_grad=True)
    z = W + b
    weights = np.arange(6.0).reshape(3, 2)
    data = read(explore(z, tmp_path / "page.html", gradient=weights))
    to_W, to_b = data["steps"][-2:]
    assert named_step(data, to_b) == "contribution b by z[1]"
    assert to_b["rule"] == "d_b = np.sum(d_z, axis=0, keepdims=True)"
    assert (to_W["axes"], to_b["axes"]) == ([1], [0])
    for step, axis in ((to_W, 1), (to_b, 0)):
        np.testing.assert_array_equal(array(data, step["incoming"]), weights)
        np.testing.assert_array_equal(array(data, step["raw"]), weights)
        np.testing.assert_array_equal(
            array(data, step["array"]), weights.sum(axis=axis, keepdims=True)
        )


def test_an_operand_that_is_used_twice_contributes_at_each_position(tmp_path: Path) -> None:
    x = mt.tensor([3.0, 4.0], requires_grad=True)
    data = read(explore((x * x).sum(), tmp_path / "page.html"))
    contributions = [step for step in data["steps"] if step.get("by") == 1]
    assert [step["position"] for step in contributions] == [0, 1]
    edges = [(edge["source"], edge["target"], edge["position"]) for edge in data["edges"]]
    assert edges[:2] == [(0, 1, 0), (0, 1, 1)]
    assert data["edges"][0]["points"] != data["edges"][1]["points"]
    np.testing.assert_array_equal(array(data, data["steps"][-1]["gradient"]), [6.0, 8.0])


# Values and gradients


def test_gradients_are_those_of_autograd_and_sums_of_the_contributions(tmp_path: Path) -> None:
    loss, tensors = network()
    data = read(explore(loss, tmp_path / "page.html", names=tensors))
    wanted = {name: t for name, t in tensors.items() if t.requires_grad}
    expected = mt.autograd.grad(loss, list(wanted.values()))
    for name, gradient in zip(wanted, expected, strict=True):
        about = node(data, name)
        np.testing.assert_array_equal(array(data, about["gradient"]), gradient.data)
        parts = [
            array(data, step["array"])
            for step in data["steps"]
            if step["kind"] == "contribution" and data["nodes"][step["node"]] is about
        ]
        if parts:
            np.testing.assert_allclose(sum(parts), gradient.data, rtol=1e-15)
    assert node(data, "X")["gradient"] is None


def test_values_that_no_rule_saved_are_computed_again(tmp_path: Path) -> None:
    def loss() -> mt.Tensor:
        x = mt.tensor([1.0, 2.0], requires_grad=True, name="x")
        keep.append(x)
        return ((x + 1) * 2 + 5).sum()

    keep: list[mt.Tensor] = []
    data = read(explore(loss(), tmp_path / "page.html"))
    values = [array(data, node["value"]).tolist() for node in data["nodes"]]
    assert values == [[1, 2], [2, 3], [4, 6], [9, 11], 20]


def test_a_value_is_missing_when_a_leaf_is_gone(tmp_path: Path) -> None:
    def loss() -> mt.Tensor:
        return (mt.tensor([1.0, 2.0], requires_grad=True, name="gone") + 1).sum()

    data = read(explore(loss(), tmp_path / "page.html"))
    assert [node["value"] for node in data["nodes"]] == [None, None, None]
    np.testing.assert_array_equal(array(data, node(data, "gone")["gradient"]), [1.0, 1.0])


def test_exploring_changes_nothing(tmp_path: Path) -> None:
    loss, tensors = network()
    read(explore(loss, tmp_path / "page.html"))
    assert tensors["W1"].grad is None
    expected = mt.autograd.grad(loss, tensors["W1"], retain_graph=True)
    read(explore(loss, tmp_path / "page.html"))
    loss.backward()
    np.testing.assert_array_equal(tensors["W1"].grad.data, expected.data)


def test_a_rule_that_is_no_arithmetic_is_shown_too(tmp_path: Path) -> None:
    custom = mt.custom_op(lambda x: x * 2, lambda g, out, x: 2 * g, name="double")
    x = mt.tensor([1.0], requires_grad=True)
    data = read(explore(custom(x).sum(), tmp_path / "page.html"))
    assert data["steps"][-1]["rule"] == "d_x = 2 * d_double"


def test_numbers_that_json_does_not_know_are_text(tmp_path: Path) -> None:
    x = mt.tensor([np.nan, np.inf, -np.inf, -0.5], requires_grad=True)
    data = read(explore((x * 1).sum(), tmp_path / "page.html"))
    facts = data["arrays"][node(data, "x")["value"]]
    assert facts["values"] == ["NaN", "Infinity", "-Infinity", -0.5]
    assert (facts["statistics"]["nan"], facts["statistics"]["inf"]) == (1, 2)


DIFFERENTIABLE = [
    case for case in CASES if REGISTRY[case.op].differentiable and case.differentiated
]


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_contributions_and_values_of_every_operation(case: Case) -> None:
    inputs = [
        mt.tensor(x, requires_grad=i in case.differentiated) for i, x in enumerate(case.inputs)
    ]
    made = case.on_tensors(*inputs)
    outputs = made if isinstance(made, (tuple, list)) else [made]
    output = next(each for each in outputs if each.requires_grad)
    seed = np.random.default_rng(0).normal(size=output.shape)
    leaves = [tensor for tensor in inputs if tensor.requires_grad]
    expected = mt.autograd.grad(output, leaves, seed, retain_graph=True, allow_unused=True)
    found = BackwardPass({leaf_of(output): output._seed(seed)})
    for leaf, gradient in zip(leaves, expected, strict=True):
        parts = [part.array for part in found.contributions if part.parent is leaf._node]
        if gradient is None:
            assert parts == []
            continue
        np.testing.assert_array_equal(found.gradients[leaf._node], gradient.data)
        np.testing.assert_allclose(sum(parts), gradient.data, rtol=1e-12, atol=1e-12)
        assert all(part.shape == leaf.shape for part in parts)
    value = node_values(Graph(output))[leaf_of(output)]
    np.testing.assert_array_equal(value, output.data)


# Large arrays


def test_a_large_array_is_summarised_by_means_over_blocks() -> None:
    values = np.random.default_rng(0).normal(size=(100, 300))
    facts = described(values, 1024)
    assert "values" not in facts
    blocks = facts["blocks"]
    assert (blocks["rows"], blocks["columns"], blocks["of"]) == (32, 32, [100, 300])
    means = np.reshape(blocks["values"], (32, 32))
    np.testing.assert_allclose(means[0, 0], values[:3, :9].mean(), rtol=1e-3)
    np.testing.assert_allclose(means[-1, -1], values[96:, 290:].mean(), rtol=1e-3)
    assert facts["statistics"]["mean"] == pytest.approx(values.mean(), rel=1e-5)
    assert facts["statistics"]["norm"] == pytest.approx(np.linalg.norm(values), rel=1e-5)
    assert sum(facts["histogram"]["counts"]) == values.size


@pytest.mark.parametrize("shape", [(5000,), (1, 5000), (5000, 1), (7, 3, 500), (3, 700)])
def test_summaries_of_any_shape_are_bounded(shape: tuple[int, ...]) -> None:
    values = np.arange(float(np.prod(shape))).reshape(shape)
    blocks = described(values, 256)["blocks"]
    assert blocks["rows"] * blocks["columns"] == len(blocks["values"]) <= 256
    assert np.prod(blocks["of"]) == values.size
    assert blocks["values"][0] < blocks["values"][-1]


def test_arrays_without_elements_or_spread_are_described() -> None:
    assert described(np.zeros((0, 3)), 64)["values"] == []
    assert described(np.full(100, 2.0), 64)["histogram"] is None
    assert described(np.full(100, np.nan), 64)["statistics"] == {"zeros": 0, "nan": 100, "inf": 0}


def test_the_size_of_a_page_is_bounded(tmp_path: Path) -> None:
    x = mt.tensor(np.random.default_rng(0).normal(size=(500, 800)), requires_grad=True)
    y = x
    for _ in range(20):
        y = np.tanh(y)
    path = explore(y.sum(), tmp_path / "page.html")
    assert path.stat().st_size < 1_500_000  # its arrays have 8 400 000 elements


# Names and source


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


def test_the_line_that_assigns_a_variable_is_found(tmp_path: Path) -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    h = x * 2
    h = np.tanh(h)  # this one
    loss = h.sum()
    data = read(explore(loss, tmp_path / "page.html"))
    h = loss
    line = node(data, "h")["line"]
    assert (line["text"], line["file"]) == ("h = np.tanh(h)  # this one", "test_explore.py")
    assert line["function"] == "test_the_line_that_assigns_a_variable_is_found"
    assert line["exact"] is False
    assert node(data, "multiply")["line"] is None


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
    assert node(data, "0.weight")["module"] == "0"


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


# A history


def test_a_list_of_iterations_is_a_history(tmp_path: Path) -> None:
    loss, _ = network()
    rows = [{"cost": 1 / i, "W1": np.full((3, 2), i), "W1.grad": np.ones((3, 2))} for i in (1, 2)]
    found = read(explore(loss, tmp_path / "page.html", history=rows))
    history = found["history"]
    W1 = str(found["nodes"].index(node(found, "W1")))
    assert (history["numbers"], history["of"]) == ([1, 2], 2)
    assert history["metrics"] == {"cost": [1, 0.5]}
    second = array(found, history["values"][W1][1])
    np.testing.assert_array_equal(second, np.full((3, 2), 2.0))
    assert array(found, history["gradients"][W1][0]).sum() == 6


def test_a_history_is_shown_as_it_was_recorded(tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    history = mt.viz.History(model, keep=["weight"], every=2)
    weights = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = np.square(model(np.eye(2))).sum()
        loss.backward()
        weights.append(model.weight.data.copy())
        optimizer.step()
        history.record(error=loss)
    loss = np.square(model(np.eye(2))).sum()
    data = read(explore(loss, tmp_path / "page.html", history=history))
    assert data["history"]["metrics"]["error"] == pytest.approx(history.metrics["error"])
    (column,) = data["history"]["values"].values()
    assert column[1] is None
    np.testing.assert_array_equal(array(data, column[2]), weights[2])
    (column,) = data["history"]["gradients"].values()
    np.testing.assert_array_equal(array(data, column[0]), history.gradients["weight"][0])


def test_of_a_long_history_some_iterations_are_kept(tmp_path: Path) -> None:
    rows = [{"cost": float(i)} for i in range(1, 1001)]
    history = read(explore(network()[0], tmp_path / "page.html", history=rows))["history"]
    assert len(history["numbers"]) == 100
    assert (history["numbers"][0], history["numbers"][-1], history["of"]) == (1, 1000, 1000)
    assert history["metrics"]["cost"] == history["numbers"]


@pytest.mark.parametrize(
    ("history", "error", "message"),
    [
        ([{"V": np.ones(3)}], ArgumentError, "history= has V, and none of it is a tensor"),
        ({"W1": [1.0]}, ArgumentError, "and not a dict"),
        ([1.0, 2.0], ArgumentError, "and has a float"),
        ([{"W1": "text"}], DtypeError, "'W1' of dtype <U4 at iteration 1"),
    ],
)
def test_a_history_of_something_else_is_refused(
    tmp_path: Path, history: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        read(explore(network()[0], tmp_path / "page.html", history=history))
    assert list(tmp_path.iterdir()) == []


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
        read(explore(np.ones(3), tmp_path / "page.html"))  # type: ignore[arg-type]


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


# Layout


def test_nodes_do_not_overlap_and_operands_are_above(tmp_path: Path) -> None:
    data = read(explore(network()[0], tmp_path / "page.html"))
    nodes = data["nodes"]
    for i, a in enumerate(nodes):
        for b in nodes[:i]:
            apart_x = abs(a["x"] - b["x"]) >= (a["width"] + b["width"]) / 2
            apart_y = abs(a["y"] - b["y"]) >= (a["height"] + b["height"]) / 2
            assert apart_x or apart_y, (a["name"], b["name"])
    for edge in data["edges"]:
        assert nodes[edge["source"]]["y"] < nodes[edge["target"]]["y"]


def test_weights_that_a_long_loop_shares_are_laid_out_with_edges_left_out(tmp_path: Path) -> None:
    W = mt.tensor(np.eye(2) * 0.5, requires_grad=True)
    h = mt.tensor(np.ones((1, 2)))
    for _ in range(200):
        h = np.tanh(h @ W)
    data = read(explore(h.sum(), tmp_path / "page.html"))
    W_index = data["nodes"].index(node(data, "W"))
    from_W = [edge for edge in data["edges"] if edge["source"] == W_index]
    assert len(from_W) == 200
    assert 0 < sum(edge["points"] is None for edge in from_W) < 200
