"""Tests of drawings of the backward pass beside the forward pass."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.errors import AnomalyError, GradientError, ReleasedGraphError
from microtensor.graph import Graph
from microtensor.viz import draw
from microtensor.viz.passes import Backward
from tests.viz.reading import Reading


def loss_of(w: mt.Tensor) -> mt.Tensor:
    z = w * 3.0
    z.name = "z"
    a = np.tanh(z)
    a.name = "a"
    return a.sum()


def w() -> mt.Tensor:
    return mt.tensor([1.0, 2.0], requires_grad=True, name="w")


def test_the_operations_of_gradients_are_drawn_and_named() -> None:
    loss = loss_of(w())
    loss.name = "loss"
    reading = Reading(draw(loss, show_backward=True, names={}))
    gradients = {node.title for node in reading.nodes.values() if "gradient" in node.classes}
    assert gradients == {
        "d_loss",
        "d_a = broadcast_to shape=(2,)",
        "multiply",
        "subtract",
        "d_z = multiply",
        "d_w = multiply",
    }  # d_a is d_loss, repeated; d_z = d_a a' with a' = 1 - a a; d_w = d_z 3
    assert reading.frames["backward"] >= gradients


def test_each_is_linked_to_the_operation_it_differentiates() -> None:
    reading = Reading(draw(loss_of(w()), show_backward=True, names={}))
    assert reading.links() == {
        ("sum", "d_a = broadcast_to shape=(2,)"),
        ("a = tanh", "multiply"),
        ("a = tanh", "subtract"),
        ("a = tanh", "d_z = multiply"),
        ("z = multiply", "d_w = multiply"),
    }


def test_links_are_those_of_the_rules_that_ran() -> None:
    x = mt.tensor(np.ones((2, 3)), name="x")
    layer = nn.Linear(3, 1)
    loss = (np.exp(layer(x)) ** 2).mean()
    backward = Backward(Graph(loss))
    gradients = [g._node for g in backward.gradients.values()]
    assert len(gradients) == 6
    for node in Graph(list(backward.gradients.values())).nodes:
        if node.op is not None and node not in Graph(loss).nodes:
            assert backward.made_by[node] in Graph(loss).nodes


def test_the_recorded_pass_gives_the_gradients() -> None:
    rng = np.random.default_rng(0)
    W = mt.tensor(rng.standard_normal((3, 3)), requires_grad=True)
    b = mt.tensor(rng.standard_normal(3), requires_grad=True)
    h = mt.sigmoid(W @ W + b)
    loss = (h * h).sum() + h.mean()
    backward = Backward(Graph(loss))
    for tensor, expected in zip((W, b, h), mt.autograd.grad(loss, [W, b, h]), strict=True):
        assert tensor._node is not None
        found = backward.gradients[tensor._node]
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)


def test_a_sum_of_contributions_belongs_to_what_is_used_twice() -> None:
    v = w()
    h = np.exp(v)
    h.name = "h"
    loss = (h * 2.0).sum() + (h * h).sum()
    reading = Reading(draw(loss, show_backward=True, names={}))
    assert ("h = exp", "d_h = add") in reading.links()


def test_a_sum_over_broadcast_axes_belongs_to_the_operation_that_broadcast() -> None:
    b = mt.tensor(1.0, requires_grad=True, name="b")
    loss = np.exp(mt.tensor(np.ones((2, 2)), requires_grad=True, name="x") + b).sum()
    reading = Reading(draw(loss, show_backward=True, names={}))
    (linked,) = [head for tail, head in reading.links() if tail == "add"]
    assert linked.startswith("d_b = ")
    assert "sum" in linked


def test_what_it_reads_of_the_forward_pass_is_an_edge() -> None:
    x = mt.tensor([[1.0, 2.0]], name="x")
    W = mt.tensor([[1.0], [2.0]], requires_grad=True, name="W")
    reading = Reading(draw((x @ W).sum(), show_backward=True, names={}))
    assert ("x", "transpose", "") in reading.edges()
    dotted = [arrow for arrow in reading.arrows if arrow.attributes.get("style") == "dotted"]
    assert [(arrow.tail, arrow.head) for arrow in dotted] == [("x", "transpose")]


def test_values_of_gradients() -> None:
    v = w()
    reading = Reading(draw((v * v).sum(), show_backward=True, values=True, names={}))
    assert reading.node("d_w = add").lines[-1] == "value [2, 4]"


def test_nothing_changes_by_it() -> None:
    v = w()
    loss = loss_of(v)
    first = draw(loss, show_backward=True, names={}).source
    assert v.grad is None
    assert draw(loss, show_backward=True, names={}).source == first
    assert "gradient" not in draw(loss, names={}).source
    loss.backward()
    np.testing.assert_allclose(v.grad, 3 * (1 - np.tanh([3.0, 6.0]) ** 2))


def test_closed_modules_have_closed_gradients() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    loss = model(mt.tensor(np.ones((2, 3)), name="x")).sum()
    reading = Reading(draw(loss, depth=0, show_backward=True))
    both = [node for node in reading.nodes.values() if node.title == "model: Sequential"]
    assert [node.classes for node in both] == [["operation", "fold"], ["gradient", "fold"]]
    assert both[0].attributes["fillcolor"] != both[1].attributes["fillcolor"]
    assert ("model: Sequential", "model: Sequential") in reading.links()


def test_repeated_blocks_have_their_gradients_drawn_once() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            self.linear = nn.Linear(3, 3, bias=False)

        def forward(self, x: Any) -> Any:
            return x + np.tanh(self.linear(x))

    model = nn.Sequential(*(Block() for _ in range(12)))
    loss = model(mt.tensor(np.ones((2, 3)), requires_grad=True, name="x")).sum()
    reading = Reading(draw(loss, show_backward=True))
    assert [title for title in reading.titles if "weight" in title] == [
        "0.linear.weight",
        "d_0.linear.weight = matmul",
    ]
    assert len(reading.nodes) < 30
    assert reading.node("d_0.linear.weight = matmul").lines[-1] == "× 12"


def gradients_drawn(loss: mt.Tensor) -> list[str]:
    reading = Reading(draw(loss, show_backward=True, names={}))
    return [node.title for node in reading.nodes.values() if "gradient" in node.classes]


def recurrent(steps: int) -> mt.Tensor:
    rng = np.random.default_rng(0)
    W = mt.tensor(rng.normal(size=(4, 4)), requires_grad=True, name="W")
    U = mt.tensor(rng.normal(size=(3, 4)), requires_grad=True, name="U")
    h: Any = mt.tensor(np.zeros((1, 4)))
    for _ in range(steps):
        h = np.tanh(h @ W + mt.tensor(np.ones((1, 3))) @ U)
    loss: mt.Tensor = h.sum()
    return loss


def attentive(steps: int) -> mt.Tensor:
    memory = np.exp(mt.tensor(np.ones((1, 4)), requires_grad=True, name="x"))
    h: Any = mt.tensor(np.zeros((1, 4)))
    for _ in range(steps):
        h = np.tanh((h + memory) * 2.0) * memory
    loss: mt.Tensor = h.sum()
    return loss


@pytest.mark.parametrize("of", [recurrent, attentive])
def test_repeated_steps_have_their_gradients_drawn_once(of: Callable[[int], mt.Tensor]) -> None:
    drawn = gradients_drawn(of(12))
    assert len(drawn) < 24
    assert sorted(gradients_drawn(of(100))) == sorted(drawn)


def test_gradients_of_repeated_steps_are_computed_from_what_is_drawn() -> None:
    reading = Reading(draw(recurrent(12), show_backward=True, names={}))
    computed = {  # the edges of the pass are drawn upward, from their heads
        edge.attributes["tail"] for edge in reading.arrows if edge.attributes.get("dir") == "back"
    }
    for node in reading.nodes.values():
        if "gradient" in node.classes and node.title.endswith(("matmul", "add")):
            assert node.attributes["_gvid"] in computed, node.lines


def test_a_sum_over_repeated_steps_is_called_the_gradient() -> None:
    assert {"d_W = add", "d_U = add"} <= set(gradients_drawn(recurrent(12)))


def test_a_backward_pass_far_beyond_the_limit_is_left_out_and_the_drawing_says_so() -> None:
    loss = recurrent(3)
    whole = len(gradients_drawn(loss)) + 1  # with a constant, the 1 of 1 - a a
    assert Reading(draw(loss, show_backward=True, limit=3 * whole, names={})).note == ""
    for limit in range(whole):
        reading = Reading(draw(loss, show_backward=True, limit=limit, names={}))
        violet = [node for node in reading.nodes.values() if "gradient" in node.classes]
        assert len(violet) <= 2 * limit
        assert ("The backward pass is not drawn: it would have" in reading.note) == (not violet)


def test_names_of_gradients_do_not_collide_with_the_users() -> None:
    v = mt.tensor([1.0], requires_grad=True, name="v")
    d_v = mt.tensor([1.0], requires_grad=True, name="d_v")
    reading = Reading(draw((v * d_v).sum(), show_backward=True, names={}))
    named = [title.partition(" = ")[0] for title in reading.titles if title.startswith("d_")]
    assert len(named) == len(set(named))


def test_a_released_graph_says_what_to_do() -> None:
    loss = loss_of(w())
    loss.backward()
    with pytest.raises(ReleasedGraphError, match=r"Draw before backward\(\), or call backward"):
        draw(loss, show_backward=True)
    kept = loss_of(w())
    kept.backward(retain_graph=True)
    assert "backward" in Reading(draw(kept, show_backward=True)).frames


def test_the_backward_pass_starts_from_one_number() -> None:
    with pytest.raises(GradientError, match="has 2 elements"):
        draw(w() * 2, show_backward=True)


def test_an_anomaly_detector_stays_in_charge() -> None:
    with mt.autograd.detect_anomaly():
        loss = loss_of(w())
        draw(loss, show_backward=True, gradients=True)
        negative = mt.tensor([-1.0], requires_grad=True)
        with pytest.raises(AnomalyError):
            np.log(negative)
