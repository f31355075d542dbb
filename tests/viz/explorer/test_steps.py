"""Tests of the steps on the page, of microtensor.viz.explorer.backward."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor.graph import Graph
from microtensor.op import REGISTRY
from microtensor.record import leaf_of
from microtensor.viz import explore
from microtensor.viz.explorer.backward import BackwardPass
from microtensor.viz.values import values
from tests.cases import CASES, Case
from tests.viz.explorer.written import array, network, node, read


def named_step(data: dict[str, Any], step: dict[str, Any]) -> str:
    """Say what a step is about, with names for indices."""
    names = [node["name"] for node in data["nodes"]]
    about = names[step["node"]] if "node" in step else ""
    by = f" by {names[step['by']]}[{step['position']}]" if "by" in step else ""
    return f"{step['kind']} {about}{by}".strip()


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
    value = values(Graph(output))[leaf_of(output)]
    np.testing.assert_array_equal(value, output.data)
