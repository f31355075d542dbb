"""Tests of docs/tutorial-2-mistakes.md: each mistake, as published, does what the page says."""

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from microtensor.tutorials.by_hand import deep, two_layer

Array = NDArray[np.float64]
Stop = tuple[str, str, type[Exception], str]

PAGE = Path(__file__).parents[2] / "docs" / "tutorial-2-mistakes.md"

SIGMOID = """
def sigmoid(Z):
\tA = 1/(1+np.exp(np.dot(-1, Z)))
    cache = (Z)

    return A, cache
"""
COST = "cost = (-1/m)*(np.dot(np.log(A), Y.T) + np.dot(log(1-A), 1-Y.T))"
SIGMOID_BACKWARD = "dZ = dA*sigmoid(Z)*(1-sigmoid(Z))"
LAST_LAYER = (
    "grads['dA'+str(L-1)], grads['dW'+str(L-1)], grads['db'+str(L-1)] = "
    "one_layer_backward(dAL, current_cache)"
)
UPDATE_W = "parameters['W'+str(l+1)] = parameters['W'+str(l+1)] -learning_rate*grads['W'+str(l+1)]"
UPDATE_B = UPDATE_W.replace("'W'", "'b'")
DAL = "dAL = -(np.divide(Y, AL) - np.divide(1-Y, 1-AL))"
CLASS = """
class NeuralNetwork:
    def __init__(self, x, y):
        self.input      = x
        self.weights1   = np.random.rand(self.input.shape[1],4)
        self.weights2   = np.random.rand(4,1)
        self.y          = y
        self.output     = np.zeros(y.shape)

    def feedforward(self):
        self.layer1 = sigmoid(np.dot(self.input, self.weights1))
        self.output = sigmoid(np.dot(self.layer1, self.weights2))

    def backprop(self):
        d_weights2 = np.dot(self.layer1.T, (2*(self.y - self.output) * sigmoid_derivative(self.output)))
        self.weights2 += d_weights2
"""  # noqa: E501 - as published

# What corrects each mistake that stops the deep network, what the tutorial has there, and how it
# stops, in the order in which they are met.
STOPS: list[Stop] = [
    (
        inspect.getsource(deep.sigmoid),
        SIGMOID,
        IndentationError,
        "unindent does not match any outer indentation level",
    ),
    ("_log(1 - A)", "log(1-A)", NameError, "name 'log' is not defined"),
    ("        caches.append(cache)\n", "", IndexError, "list index out of range"),
    (
        "    A, _ = sigmoid(activation_cache)\n    dZ = dA * A * (1 - A)\n",
        f"    Z = activation_cache\n    {SIGMOID_BACKWARD}\n",
        TypeError,
        "unsupported operand type(s) for -: 'int' and 'tuple'",
    ),
    ('grads["d" + W]', "grads[W]", KeyError, "'W1'"),
    ('grads["d" + b]', "grads[b]", KeyError, "'b1'"),
    (
        'grads["dW" + str(L)], grads["db" + str(L)] = dA_prev',
        "grads['dW'+str(L-1)], grads['db'+str(L-1)] = dA_prev",
        KeyError,
        "'dW2'",
    ),
]


def run(code: str, **names: Any) -> dict[str, Any]:
    """Execute published code among the given names, and return all names after it."""
    exec(code, names)
    return names


def with_mistakes(mistakes: Iterable[Stop]) -> dict[str, Any]:
    """Return the names of `deep` with some mistakes put back."""
    source = inspect.getsource(deep)
    for corrected, published, _, _ in mistakes:
        assert source.count(corrected) == 1, corrected
        source = source.replace(corrected, published)
    return run(source, __name__="published")


# It stops


@pytest.mark.parametrize("mended", range(len(STOPS)))
def test_published_mistakes_in_the_order_met(mended: int) -> None:
    assert_stops(STOPS[mended:], STOPS[mended])


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop[2].__name__)
def test_each_mistake_alone_stops(stop: Stop) -> None:
    assert_stops([stop], stop)


def assert_stops(mistakes: list[Stop], stop: Stop) -> None:
    _, _, error, message = stop
    with pytest.raises(error) as caught:
        with_mistakes(mistakes)["train"](*deep.truth_table(), [3, 4, 1], 1, 1.0, rng(0))
    assert caught.type is error
    assert message in str(caught.value)


def test_all_mended_trains() -> None:
    _, costs = with_mistakes(())["train"](
        *deep.truth_table(), [3, 4, 1], 1500, 1.0, rng(0), scale=1.0
    )
    assert costs[-1] < 0.02


def test_tab() -> None:
    with pytest.raises(IndentationError, match="unindent does not match") as caught:
        run(SIGMOID)
    assert caught.type is IndentationError
    run(SIGMOID.replace("\t", "    "))


def test_log() -> None:
    A, Y = np.full((1, 4), 0.5), deep.truth_table()[1]
    with pytest.raises(NameError, match="name 'log' is not defined"):
        run(COST, np=np, A=A, Y=Y, m=4)
    mended = run(COST.replace("dot(log", "dot(np.log"), np=np, A=A, Y=Y, m=4)
    assert mended["cost"].item() == pytest.approx(deep.cost_function(A, Y), rel=1e-15)


def test_caches() -> None:
    with pytest.raises(IndexError, match="list index out of range"):
        deep.backprop(np.full((1, 4), 0.5), deep.truth_table()[1], [])


def test_sigmoid_pair() -> None:
    names = {"sigmoid": deep.sigmoid, "dA": np.ones((1, 4)), "Z": np.zeros((1, 4))}
    with pytest.raises(TypeError, match=r"for -: 'int' and 'tuple'"):
        run(SIGMOID_BACKWARD, **names)
    assert run("left = dA*sigmoid(Z)", **names)["left"].shape == (2, 1, 4)
    mended = run("A, _ = sigmoid(Z); dZ = dA*A*(1-A)", **names)
    np.testing.assert_array_equal(mended["dZ"], np.full((1, 4), 0.25))


@pytest.mark.parametrize(("line", "key"), [(UPDATE_W, "W1"), (UPDATE_B, "b1")])
def test_update_keys(line: str, key: str) -> None:
    params, grads = start_and_gradients([3, 4, 1])
    names = {"parameters": params, "grads": grads, "learning_rate": 0.5, "l": 0}
    with pytest.raises(KeyError, match=key):
        run(line, **names)
    run(line.replace("grads['", "grads['d"), **names)
    expected = deep.update_parameters(start_and_gradients([3, 4, 1])[0], grads, 0.5)
    np.testing.assert_array_equal(params[key], expected[key])


@pytest.mark.parametrize(
    ("layers", "stored"), [(1, {"dA0", "dW0", "db0"}), (2, {"dA1", "dW1", "db1"})]
)
def test_last_layer_keys(layers: int, stored: set[str]) -> None:
    def one_layer_backward(dAL: Array, cache: object) -> tuple[int, int, int]:
        return 0, 0, 0

    names = run(
        LAST_LAYER,
        grads={},
        L=layers,
        one_layer_backward=one_layer_backward,
        dAL=None,
        current_cache=None,
    )
    assert set(names["grads"]) == stored
    assert f"dW{layers}" not in stored
    _, grads = start_and_gradients([3, *[4] * (layers - 1), 1])
    assert f"dW{layers}" in grads
    assert "dW0" not in grads


# It runs, and is wrong


def test_cost_history() -> None:
    source = inspect.getsource(deep)
    corrected = "cost_history.append(cost_function(Y_hat, Y))"
    assert source.count(corrected) == 1
    published = run(source.replace(corrected, "cost = cost_function(Y_hat, Y)"), __name__="x")
    assert published["train"](*deep.truth_table(), [3, 4, 1], 5, 1.0, rng(0))[1] == []
    assert len(deep.train(*deep.truth_table(), [3, 4, 1], 5, 1.0, rng(0))[1]) == 5


@pytest.mark.parametrize("outputs", [1, 3])
def test_cost_matrix(outputs: int) -> None:
    A = rng(0).uniform(0.1, 0.9, (outputs, 4))
    Y = rng(1).integers(0, 2, (outputs, 4)).astype(np.float64)
    cost = run(COST.replace("dot(log", "dot(np.log"), np=np, A=A, Y=Y, m=4)["cost"]
    assert cost.shape == (outputs, outputs)
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{cost:.3f}"
    assert deep.cost_function(A, Y) == pytest.approx(np.trace(cost), rel=1e-14)


def test_cost_matrix_is_not_plotted() -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    with pytest.raises(ValueError, match="no greater than 2D"):
        figure.subplots().plot([np.ones((1, 1)), np.zeros((1, 1))])


@pytest.mark.parametrize("layer_dims", [[3, 4, 1], [3, 4, 4, 1], [3, 4, 4, 4, 1]], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_small_weights(layer_dims: list[int], seed: int) -> None:
    X, Y = deep.truth_table()
    _, published = deep.train(X, Y, layer_dims, 1500, 1.0, rng(seed), scale=0.01)
    assert abs(published[-1] - np.log(2)) < 1e-8
    _, corrected = deep.train(X, Y, layer_dims, 1500, 1.0, rng(seed), scale=1.0)
    assert corrected[-1] < 0.02


@pytest.mark.parametrize("seed", range(3))
def test_small_weights_have_vanishing_gradients(seed: int) -> None:
    _, grads = start_and_gradients([3, 4, 4, 4, 1], seed)
    largest = [np.abs(grads[f"dW{layer}"]).max() for layer in (1, 2, 3, 4)]
    assert 1e-4 < largest[3] < 1e-2
    assert 1e-11 < largest[0] < 1e-9


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("z", "target"), [(40.0, 1.0), (40.0, 0.0), (-1000.0, 1.0), (-1000.0, 0.0)]
)
def test_saturation(z: float, target: float) -> None:
    Z, Y = np.array([[z]]), np.array([[target]])
    A, _ = deep.sigmoid(Z)
    assert A.item() in (0.0, 1.0)
    cost = run(COST.replace("dot(log", "dot(np.log"), np=np, A=A, Y=Y, m=1)["cost"]
    assert np.isinf(cost) if A.item() != target else np.isnan(cost)
    dAL = run(DAL, np=np, AL=A, Y=Y)["dAL"]
    assert np.isnan(dAL * A * (1 - A))

    assert deep.cost_function(A, Y) == (100 if A.item() != target else 0)
    cache = ((np.ones((1, 1)), Z, np.zeros((1, 1))), Z)
    assert all(np.isfinite(gradient) for gradient in deep.backprop(A, Y, [cache]).values())


def test_reshape() -> None:
    AL = np.full((2, 3), 0.5)
    Y = np.array([[0, 1], [0, 1], [0, 1]], dtype=np.float64)  # examples in rows
    accepted = run("Y = Y.reshape(AL.shape)", Y=Y, AL=AL)["Y"]
    assert accepted.tolist() == [[0, 1, 0], [1, 0, 1]]
    assert Y.T.tolist() == [[0, 0, 0], [1, 1, 1]]
    with pytest.raises(ValueError, match=r"AL has shape \(2, 3\) and Y \(3, 2\)"):
        deep.backprop(AL, Y, [])


# It works, and misleads


def test_two_conventions() -> None:
    X, Y = deep.truth_table()
    m = X.shape[1]
    params = deep.init_params([3, 1], rng(0), scale=1.0)
    A, caches = deep.forward_prop(X, params)
    eps = 1e-6
    up, down = ({**params, "b1": params["b1"] + step} for step in (eps, -eps))
    costs = [deep.cost_function(deep.forward_prop(X, p)[0], Y) for p in (up, down)]
    numeric_db = (costs[0] - costs[1]) / (2 * eps)
    dAL = run(DAL, np=np, AL=A, Y=Y)["dAL"]
    A_up = A + np.array([[eps, 0, 0, 0]])
    numeric_dA = (deep.cost_function(A_up, Y) - deep.cost_function(A, Y)) / eps
    assert deep.backprop(A, Y, caches)["db1"].item() == pytest.approx(numeric_db, rel=1e-6)
    assert dAL[0, 0] == pytest.approx(m * numeric_dA, rel=1e-4)


def test_update_changes_its_argument() -> None:
    params, grads = start_and_gradients([3, 1])
    before = params["W1"].copy()
    assert deep.update_parameters(params, grads, 1.0) is not params
    np.testing.assert_array_equal(params["W1"], before)
    line = UPDATE_W.replace("grads['", "grads['d")
    run(line, parameters=params, grads=grads, learning_rate=1.0, l=0)
    assert np.any(params["W1"] != before)


def test_no_seed() -> None:
    X, y = two_layer.truth_table()
    network = run(CLASS, np=np)["NeuralNetwork"]
    assert np.any(network(X, y).weights1 != network(X, y).weights1)
    first, second = (two_layer.NeuralNetwork(X, y, rng=rng(0)) for _ in range(2))
    np.testing.assert_array_equal(first.weights1, second.weights1)


def test_overflow() -> None:
    sigmoid = run(SIGMOID.replace("\t", "    "), np=np)["sigmoid"]
    with pytest.warns(RuntimeWarning, match="overflow encountered in exp"):
        A, _ = sigmoid(np.array([-710.0]))
    assert A == deep.sigmoid(np.array([-710.0]))[0] == 0


# The class


def test_undefined_names() -> None:
    X, y = two_layer.truth_table()
    with pytest.raises(NameError, match="name 'np' is not defined"):
        run(CLASS)["NeuralNetwork"](X, y)
    network = run(CLASS, np=np)["NeuralNetwork"](X, y)
    with pytest.raises(NameError, match="name 'sigmoid' is not defined"):
        network.feedforward()
    network = run(CLASS, np=np, sigmoid=two_layer.sigmoid)["NeuralNetwork"](X, y)
    network.feedforward()
    with pytest.raises(NameError, match="name 'sigmoid_derivative' is not defined"):
        network.backprop()


def test_derivative_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    def calculus(x: Array) -> Array:
        return two_layer.sigmoid(x) * (1 - two_layer.sigmoid(x))

    monkeypatch.setattr(two_layer, "sigmoid_derivative", calculus)
    X, y = two_layer.truth_table()
    for seed in range(10):
        losses = two_layer.train(two_layer.NeuralNetwork(X, y, rng=rng(seed)))
        assert np.any(np.diff(losses) > 0)
        assert losses[-1] > 0.01


def test_later_sigmoid() -> None:
    X, y = two_layer.truth_table()
    network = run(
        CLASS, np=np, sigmoid=deep.sigmoid, sigmoid_derivative=two_layer.sigmoid_derivative
    )["NeuralNetwork"](X, y)
    network.feedforward()
    assert isinstance(network.output, tuple)
    assert [part.shape for part in network.output] == [(2, 4, 1), (2, 4, 1)]
    with pytest.raises(AttributeError, match="'tuple' object has no attribute 'T'"):
        network.backprop()


def test_sign() -> None:
    network = two_layer.NeuralNetwork([[1.0]], [[1.0]], 1, weights=([[0.5]], [[0.5]]))
    network.feedforward()
    before = network.loss()
    network.backprop()
    assert network.d_weights2.item() > 0  # more weight is less loss: the slope is negative
    network.feedforward()
    assert network.loss() < before


def test_one_output_only() -> None:
    X, y = two_layer.truth_table()
    network = run(
        CLASS, np=np, sigmoid=two_layer.sigmoid, sigmoid_derivative=two_layer.sigmoid_derivative
    )["NeuralNetwork"](X, np.hstack([y, y]))
    network.feedforward()
    with pytest.raises(ValueError, match=r"\(4,1\).*\(4,2\)"):
        network.backprop()
    two_layer.train(two_layer.NeuralNetwork(X, np.hstack([y, y]), rng=rng(0)), 1)


# It only looks wrong; the prose


def test_not_mistakes() -> None:
    X, Y = deep.truth_table()
    np.testing.assert_array_equal(run("value = 1-Y.T", Y=Y)["value"], (1 - Y).T)
    np.testing.assert_array_equal(run("value = np.dot(-1, Z)", np=np, Z=X)["value"], -X)
    assert run("cache = (Z)", Z=X)["cache"] is X
    params, grads = start_and_gradients([3, 4, 1])
    assert len(params) // 2 == 2

    A, _ = deep.forward_prop(X, params)
    np.testing.assert_allclose(
        run(DAL, np=np, AL=A, Y=Y)["dAL"], (A - Y) / (A * (1 - A)), rtol=1e-14
    )
    assert np.zeros(Y.shape).shape == A.shape

    # Gradients before either update: the same whichever weights are updated first.
    network = two_layer.NeuralNetwork(X.T, Y.T, rng=rng(0))
    weights2 = network.weights2.copy()
    network.feedforward()
    network.backprop()
    np.testing.assert_array_equal(network.weights2, weights2 + network.d_weights2)
    assert "dW2" in grads


def test_claims_that_hold() -> None:
    X, y = two_layer.truth_table()
    for seed in range(10):
        network = two_layer.NeuralNetwork(X, y, rng=rng(seed))
        losses = two_layer.train(network)
        assert np.all(np.diff(losses) < 0)
        assert losses[-1] < 0.01
        np.testing.assert_array_equal(network.output.round(), y)


# The page


def test_tests_named_by_the_page_exist() -> None:
    named = set(re.findall(r"\*(test_\w+)\*", PAGE.read_text(encoding="utf-8")))
    assert len(named) > 20
    assert named <= set(globals())


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def start_and_gradients(layer_dims: list[int], seed: int = 0) -> tuple[deep.Params, deep.Params]:
    """Return the tutorial's starting parameters, and their gradients on the truth table."""
    X, Y = deep.truth_table()
    params = deep.init_params(layer_dims, rng(seed))
    A, caches = deep.forward_prop(X, params)
    return params, deep.backprop(A, Y, caches)
