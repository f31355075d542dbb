"""Tests of drawings with values and gradients, and of how arrays are written."""

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn, optim
from microtensor.errors import GradientError, InPlaceError
from microtensor.graph import Graph
from microtensor.viz import draw
from microtensor.viz.passes import gradients
from microtensor.viz.summary import summary
from microtensor.viz.values import values
from tests.viz.reading import Reading


def network() -> tuple[mt.Tensor, dict[str, mt.Tensor]]:
    X = mt.tensor([[1.0, 2.0], [3.0, 4.0]], name="X")
    W = mt.tensor([[0.5], [-0.25]], requires_grad=True, name="W")
    z = X @ W
    z.name = "z"
    return ((z - 1.0) ** 2).sum(), {"X": X, "W": W, "z": z}


def rows(reading: Reading, title: str) -> list[str]:
    return reading.node(title).lines[2:]


def test_values_are_numbers() -> None:
    loss, _tensors = network()
    reading = Reading(draw(loss, values=True))
    assert rows(reading, "W") == ["value [[  0.5],\n [-0.25]]"]
    assert rows(reading, "z = matmul") == ["value [[  0],\n [0.5]]"]
    assert rows(reading, "loss = sum") == ["value 1.25"]


def test_gradients_are_those_of_autograd_and_change_nothing() -> None:
    loss, tensors = network()
    reading = Reading(draw(loss, gradients=True))
    W, z = tensors["W"], tensors["z"]
    assert W.grad is None
    # By hand: d_z = 2 (z - 1), d_W = X.T d_z.
    assert rows(reading, "z = matmul") == ["gradient [[-2],\n [-1]]"]
    assert rows(reading, "W") == ["gradient [[-5],\n [-8]]"]
    assert rows(reading, "loss = sum") == ["gradient 1"]
    assert rows(reading, "X") == []  # it requires none
    np.testing.assert_array_equal(mt.autograd.grad(loss, z, retain_graph=True), [[-2.0], [-1.0]])
    loss.backward()
    np.testing.assert_array_equal(W.grad, [[-5.0], [-8.0]])


def test_gradients_of_every_node_are_those_of_autograd() -> None:
    rng = np.random.default_rng(0)
    W = mt.tensor(rng.standard_normal((3, 3)), requires_grad=True)
    h = np.tanh(W @ W) * W
    e = np.exp(h).sum(axis=0)
    loss = (e * e).mean() + h.sum()
    found = gradients(Graph(loss))
    for tensor, expected in zip((W, h, e), mt.autograd.grad(loss, [W, h, e]), strict=True):
        assert tensor._node is not None
        np.testing.assert_allclose(found[tensor._node], expected.numpy(), rtol=1e-12)


def test_gradients_do_not_accumulate() -> None:
    loss, tensors = network()
    loss.backward(retain_graph=True)
    before = tensors["W"].grad
    reading = Reading(draw(loss, gradients=True))
    assert rows(reading, "W") == ["gradient [[-5],\n [-8]]"]
    assert tensors["W"].grad is before


def test_after_backward_leaves_show_what_they_hold() -> None:
    loss, _tensors = network()
    loss.backward()
    reading = Reading(draw(loss, values=True, gradients=True))
    assert rows(reading, "W") == ["value [[  0.5],\n [-0.25]]", "gradient [[-5],\n [-8]]"]
    assert rows(reading, "z = matmul")[1] == "gradient not computed"


def test_a_leaf_without_a_gradient_shows_none_rather_than_zero() -> None:
    loss, tensors = network()
    loss.backward()
    tensors["W"].grad = None
    assert rows(Reading(draw(loss, gradients=True)), "W") == ["gradient not computed"]


def test_values_of_results_that_nothing_holds_are_computed_again() -> None:
    w = mt.tensor([1.0, 2.0], requires_grad=True)
    out = ((w + 1.0) + 2.0).sum()  # add keeps nothing
    reading = Reading(draw(out, values=True))
    assert [node.lines[-1] for node in reading.nodes.values() if node.title == "add"] == [
        "value [2, 3]",
        "value [4, 5]",
    ]


def test_after_a_step_results_are_not_computed_from_the_new_weights() -> None:
    W = nn.Parameter([[0.5], [-0.25]])
    X = mt.tensor([[1.0, 2.0], [3.0, 4.0]])
    z = X @ W
    loss = (z * z).sum()
    loss.backward()
    optim.SGD([W], lr=0.1).step()
    reading = Reading(draw(loss, values=True))
    del z
    assert rows(Reading(draw(loss, values=True, names={})), "matmul") == ["value not kept"]
    assert "value" in rows(reading, "z = matmul")[0]  # the variable holds it


def test_a_result_that_was_changed_since_has_the_value_it_was_computed_with() -> None:
    w = mt.tensor([1.0, 2.0], requires_grad=True)
    h = w + 1.0
    out = (h + 2.0).sum()
    with mt.no_grad():
        h[...] = 100.0
    reading = Reading(draw(out, values=True))
    assert rows(reading, "h = add") == ["value [2, 3]"]
    assert rows(reading, "out = sum") == ["value 9"]


def test_gradients_are_not_computed_from_arrays_that_were_changed() -> None:
    W = nn.Parameter([[0.5], [-0.25]])
    loss = (W * W).sum()
    with mt.no_grad():
        W -= 0.1
    with pytest.raises(InPlaceError, match="changed in place"):
        draw(loss, gradients=True)


def test_the_users_own_operations_are_not_run_again() -> None:
    runs = []

    def forward(x: np.ndarray) -> np.ndarray:
        runs.append(x)
        return x * 2

    double = mt.custom_op(forward, lambda g, out, x: g * 2, saves="")
    w = mt.tensor([1.0, 2.0], requires_grad=True)
    out = double(w + 1.0).sum()
    reading = Reading(draw(out, values=True, names={}))
    assert len(runs) == 1
    assert rows(reading, "forward") == ["value not kept"]
    assert rows(reading, "sum") == ["value not kept"]


def test_values_known_agree_with_the_computation() -> None:
    rng = np.random.default_rng(1)
    W = mt.tensor(rng.standard_normal((4, 3)), requires_grad=True)
    tensors = [W]
    for operation in (np.exp, np.tanh, lambda t: t @ t.T, lambda t: t.sum(axis=0), np.square):
        tensors.append(operation(tensors[-1]))
    nodes = [tensor._node for tensor in tensors]
    arrays = [tensor.numpy().copy() for tensor in tensors]
    last = tensors[-1]
    del tensors
    found = values(Graph(last, names=()))
    for node, array in zip(nodes, arrays, strict=True):
        assert node is not None
        np.testing.assert_array_equal(found[node], array)


def test_blocks_drawn_once_show_the_range_over_all() -> None:
    layers = [nn.Linear(2, 2, bias=False) for _ in range(12)]
    for i, layer in enumerate(layers):
        with mt.no_grad():
            layer.weight[...] = float(i)
    model = nn.Sequential(*layers)
    out = model(mt.tensor(np.zeros((1, 2)))).sum()
    reading = Reading(draw(out, values=True))
    assert rows(reading, "0.weight") == ["12 values min 0, mean 5.5, max 11"]


def test_gradients_need_one_number() -> None:
    w = mt.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(GradientError, match=r"multiply, shape \(2,\) has 2 elements: draw its sum"):
        draw(w * 2, gradients=True)


def test_several_outputs_give_the_gradients_of_their_sum() -> None:
    w = mt.tensor([1.0, 2.0], requires_grad=True, name="w")
    reading = Reading(draw([(w * 2).sum(), (w * w).sum()], gradients=True))
    assert rows(reading, "w") == ["gradient [4, 6]"]


@pytest.mark.parametrize(
    ("array", "lines"),
    [
        (0.1234567, ["0.123457"]),
        (np.float32(2.5), ["2.5"]),
        (7, ["7"]),
        (True, ["True"]),
        ([1.0, -2.5], ["[1, -2.5]"]),
        ([-0.0, 1e-9], ["[0, 1e-09]"]),
        ([[1.0, 10.0], [100.0, 0.5]], ["[[  1,  10],", " [100, 0.5]]"]),
        (np.zeros((0, 3)), ["empty"]),
        (np.arange(13), ["min 0, mean 6, max 12"]),
        (np.ones((2, 2, 2)), ["min 1, mean 1, max 1"]),
        (np.arange(20) > 14, ["5 of 20 true"]),
        ([np.nan, np.inf], ["[nan, inf]"]),
        ([*range(20), np.nan], ["min 0, mean 9.5, max 19", "1 of 21 not finite"]),
        (np.full(30, np.nan), ["30 of 30 not finite"]),
        (np.full(30, 1e308), ["min 1e+308, mean inf, max 1e+308"]),
    ],
)
def test_arrays_are_written_short(array: object, lines: list[str]) -> None:
    assert summary(array) == lines
