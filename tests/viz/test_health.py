"""Tests of microtensor.viz.health: what is reported, and what is not; and of its marks."""

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.graph import Graph
from microtensor.viz import Thresholds, draw
from microtensor.viz.health import findings
from microtensor.viz.passes import gradients
from microtensor.viz.values import values
from tests.viz.reading import Reading


def found(output: mt.Tensor, thresholds: Thresholds | None = None) -> dict[str, list[str]]:
    """Return the findings by the label of the node."""
    graph = Graph(output, names=())
    judged = findings(graph, values(graph), gradients(graph), thresholds)
    return {graph.label(node): [each.text for each in of] for node, of in judged.items()}


def kinds(output: mt.Tensor, thresholds: Thresholds | None = None) -> set[str]:
    graph = Graph(output, names=())
    judged = findings(graph, values(graph), gradients(graph), thresholds)
    return {each.kind for of in judged.values() for each in of}


def weight(values: object, name: str = "w") -> mt.Tensor:
    return mt.tensor(values, dtype=float, requires_grad=True, name=name)


def test_a_healthy_network() -> None:
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
    with mt.no_grad():
        for parameter in model.parameters():
            parameter[...] = rng.uniform(-0.5, 0.5, parameter.shape)
    x, y = mt.tensor(rng.standard_normal((32, 3))), mt.tensor(rng.standard_normal((32, 1)))
    assert found(nn.MSELoss()(model(x), y)) == {}


def test_nan_and_where_it_was_made() -> None:
    w = weight([1.0, -1.0, 4.0])
    with np.errstate(invalid="ignore"):
        out = (np.sqrt(w) * 2.0).sum()
    reported = found(out)
    assert reported["sqrt"] == ["NaN first made here: 1 of 3"]
    assert reported["multiply"] == ["NaN: 1 of 3"]
    assert reported["sum"] == ["NaN: 1 of 1"]
    assert reported["w"] == ["NaN in the gradient: 1 of 3"]


def test_inf_and_an_infinite_gradient() -> None:
    w = weight([0.0, 1.0])
    with np.errstate(divide="ignore"):
        out = np.log(w).sum()
    reported = found(out)
    assert reported["log"] == ["Inf first made here: 1 of 2"]
    assert reported["w"] == ["Inf in the gradient: 1 of 2"]


def test_an_inf_in_data_is_there_on_purpose_and_a_nan_is_not() -> None:
    mask = mt.tensor([0.0, -np.inf], name="mask")
    assert found(mt.exp(weight([1.0, 1.0]) + mask).sum()).keys() == {"add"}
    missing = mt.tensor([0.0, np.nan], name="missing")
    assert found((weight([1.0, 1.0]) * missing).sum())["missing"] == ["NaN: 1 of 2"]


def test_exploding_gradients() -> None:
    assert found((weight([3.0, 4.0]) * 200.0).sum()) == {}
    assert found((weight([3.0, 4.0]) * 1000.0).sum()) == {
        "w": ["exploding gradient: norm 1.41e+03"]
    }
    assert kinds((weight([3.0, 4.0]) * 200.0).sum(), Thresholds(exploding=100.0)) == {
        "exploding gradient"
    }


def test_vanishing_gradients_are_small_beside_others() -> None:
    first, second = weight([1.0], "first"), weight([1.0], "second")
    loss = (first * 1e-9 + second).sum()
    assert found(loss) == {"first": ["vanishing gradient: norm 1e-09"]}
    assert found(loss, Thresholds(vanishing=1e-12)) == {}
    alone = weight([1.0])
    assert found((alone * 1e-9).sum()) == {}  # there is nothing to compare it with


def test_a_gradient_of_zero_vanishes() -> None:
    unused, w = weight([1.0, 2.0], "unused"), weight([1.0, 2.0])
    assert found((unused * 0.0 + w).sum()) == {"unused": ["vanishing gradient: zero everywhere"]}


def test_vanishing_through_many_sigmoids() -> None:
    layers = [layer for _ in range(30) for layer in (nn.Linear(4, 4), nn.Sigmoid())]
    model = nn.Sequential(*layers)
    loss = model(mt.tensor(np.ones((4, 4)))).sum()
    graph = Graph(loss, module=model, names=())
    judged = findings(graph, values(graph), gradients(graph))
    names = {graph.label(node) for node in judged}
    assert "0.weight" in names
    assert "58.weight" not in names


def relu_layer(biases: list[float], examples: int = 8) -> mt.Tensor:
    rng = np.random.default_rng(0)
    x = mt.tensor(rng.uniform(-1, 1, (examples, len(biases))))
    return mt.relu(x + mt.tensor(biases, requires_grad=True)).sum()


def test_dead_relus() -> None:
    assert found(relu_layer([-9.0, 0.0, 0.5, -9.0]))["relu"] == ["dead ReLU: 2 of 4 units"]
    assert "relu" not in found(relu_layer([0.0, 0.0, 0.5, 0.0]))
    assert "relu" not in found(relu_layer([-9.0, 0.0, 0.5, 1.0]), Thresholds(dead=0.25))
    dead = relu_layer([-9.0, -9.0])
    assert "dead relu" in kinds(dead)


def test_too_few_examples_to_call_a_relu_dead() -> None:
    assert "dead relu" not in kinds(relu_layer([-9.0, -9.0], examples=3))
    assert "dead relu" in kinds(relu_layer([-9.0, -9.0], examples=3), Thresholds(examples=2))


def test_a_relu_of_images_has_channels_for_units() -> None:
    x = mt.tensor(np.ones((2, 3, 4, 4)))
    b = mt.tensor(np.array([-9.0, 1.0, -9.0]).reshape(3, 1, 1), requires_grad=True)
    assert found(mt.relu(x + b).sum())["relu"] == ["dead ReLU: 2 of 3 units"]


def test_a_relu_written_as_a_maximum() -> None:
    x = mt.tensor(np.ones((8, 2)))
    out = np.maximum(x + mt.tensor([-9.0, 1.0], requires_grad=True), 0)
    assert found(out.sum())["maximum"] == ["dead ReLU: 1 of 2 units"]


@pytest.mark.parametrize(
    ("function", "op", "text"),
    [
        (mt.sigmoid, "sigmoid", "saturated sigmoid: 75% of 4"),
        (mt.tanh, "tanh", "saturated tanh: 75% of 4"),
        (lambda x: 1 / (1 + np.exp(-x)), "divide", "saturated sigmoid: 75% of 4"),
    ],
)
def test_saturated_activations(function: object, op: str, text: str) -> None:
    assert callable(function)
    w = weight([9.0, -9.0, 20.0, 0.5])
    assert text in found(function(w).sum())[op]
    assert "saturated" not in kinds(function(w).sum(), Thresholds(saturated=0.8))
    assert "saturated" not in kinds(function(weight([1.0, -1.0, 0.0, 0.5])).sum())


def test_findings_are_marked_and_named() -> None:
    w = weight([1.0, -1.0])
    with np.errstate(invalid="ignore"):
        out = np.sqrt(w).sum()
    reading = Reading(draw(out, health=True, names={}))
    root = reading.node("sqrt")
    assert root.lines[-1] == "⚠ NaN first made here: 1 of 2"
    assert "finding" in root.classes
    assert root.attributes["color"] == "#c5221f"
    assert float(root.attributes["penwidth"]) > 1
    assert reading.note == "health: 3 findings"


def test_a_clean_drawing_says_so() -> None:
    reading = Reading(draw((weight([1.0, 2.0]) * 2.0).sum(), health=True))
    assert reading.note == "health: nothing found"
    assert all("finding" not in node.classes for node in reading.nodes.values())


def test_what_gradients_would_show_is_not_passed_over_in_silence() -> None:
    reading = Reading(draw(weight([1.0, 2.0]) * 2.0, health=True))
    assert reading.note == "health: nothing found; gradients were not computed"


def test_thresholds_of_the_users_own() -> None:
    out = (weight([3.0, 4.0]) * 200.0).sum()
    note = Reading(draw(out, health=Thresholds(exploding=100.0))).note
    assert note == "health: 1 finding"


def test_findings_in_what_is_drawn_as_one_are_told() -> None:
    layers = [nn.Linear(2, 2, bias=False) for _ in range(12)]
    with mt.no_grad():
        layers[4].weight[0, 0] = np.nan
    model = nn.Sequential(*layers)
    out = model(mt.tensor(np.ones((4, 2)))).sum()
    repeated = Reading(draw(out, health=True)).node("0.weight")
    assert "⚠ 4.weight: NaN: 1 of 4" in repeated.lines
    closed = Reading(draw(out, health=True, depth=0)).node("model: Sequential")
    assert "finding" in closed.classes
    assert any("NaN" in line and "more" in line for line in closed.lines)


def test_after_backward_what_leaves_hold_is_judged() -> None:
    w = weight([3.0, 4.0])
    out = (w * 1000.0).sum()
    out.backward()
    reading = Reading(draw(out, health=True))
    assert "⚠ exploding gradient: norm 1.41e+03" in reading.node("w").lines
    assert reading.note == "health: 1 finding; some gradients were not computed"


def test_values_that_are_gone_are_not_judged_and_that_is_said() -> None:
    w = weight([3.0, 4.0])
    out = (np.exp(w) * 2.0).sum()
    out.backward()
    with mt.no_grad():
        w -= 1.0
    note = Reading(draw(out, health=True, names={})).note
    assert (
        note == "health: nothing found; some values were not kept; some gradients were not computed"
    )
