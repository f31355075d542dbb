"""Tests of microtensor.tutorials.by_hand: hand-derived gradients against finite differences."""

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from microtensor.tutorials.by_hand import deep, neurons, two_layer
from microtensor.tutorials.by_hand.two_layer import ColumnNeuralNetwork, NeuralNetwork

Array = NDArray[np.float64]

SEEDS = range(5)
LAYER_DIMS = [[3, 1], [3, 4, 1], [3, 4, 4, 1], [3, 5, 2], [3, 2, 6, 3, 2]]


def central_difference(loss: Callable[[Array], float], x: Array, eps: float = 1e-5) -> Array:
    """Return the numeric gradient of loss(x) by each element of x."""
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = eps
        gradient[index] = (loss(x + step) - loss(x - step)) / (2 * eps)
    return gradient


def assert_gradient(by_hand: Array, loss: Callable[[Array], float], x: Array) -> None:
    np.testing.assert_allclose(by_hand, central_difference(loss, x), rtol=1e-6, atol=1e-9)


# Two layers


def rows(weights1: Array, weights2: Array, hidden: int) -> NeuralNetwork:
    X, y = two_layer.truth_table()
    return NeuralNetwork(X, y, hidden, weights=(weights1, weights2))


def columns(weights1: Array, weights2: Array, hidden: int) -> NeuralNetwork:
    X, y = two_layer.truth_table()
    return ColumnNeuralNetwork(X.T, y.T, hidden, weights=(weights1, weights2))


@pytest.mark.parametrize("layout", [rows, columns])
@pytest.mark.parametrize("hidden", [1, 4, 7])
@pytest.mark.parametrize("seed", SEEDS)
def test_two_layer_gradients(
    layout: Callable[[Array, Array, int], NeuralNetwork], hidden: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    W1, W2 = rng.standard_normal((3, hidden)), rng.standard_normal((hidden, 1))
    if layout is columns:
        W1, W2 = W1.T, W2.T

    def loss(weights1: Array, weights2: Array) -> float:
        network = layout(weights1, weights2, hidden)
        network.feedforward()
        return network.loss()

    network = layout(W1, W2, hidden)
    network.feedforward()
    network.backprop()
    d_weights1, d_weights2 = network.gradients()
    assert_gradient(d_weights1, lambda w: loss(w, W2), W1)
    assert_gradient(d_weights2, lambda w: loss(W1, w), W2)


@pytest.mark.parametrize("lr", [1.0, 0.25])
def test_two_layer_step_is_gradient_descent(lr: float) -> None:
    X, y = two_layer.truth_table()
    network = NeuralNetwork(X, y, rng=np.random.default_rng(0), lr=lr)
    before = network.weights1.copy(), network.weights2.copy()
    network.feedforward()
    network.backprop()
    after = network.weights1, network.weights2
    for old, new, gradient in zip(before, after, network.gradients(), strict=True):
        np.testing.assert_array_equal(new, old - lr * gradient)


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_and_columns_train_alike(seed: int) -> None:
    X, y = two_layer.truth_table()
    row_wise = NeuralNetwork(X, y, rng=np.random.default_rng(seed))
    weights = row_wise.weights1.T, row_wise.weights2.T
    column_wise = ColumnNeuralNetwork(X.T, y.T, weights=weights)
    for _ in range(1500):
        two_layer.train(row_wise, 1)
        two_layer.train(column_wise, 1)
        np.testing.assert_allclose(row_wise.weights1, column_wise.weights1.T, rtol=0, atol=1e-12)
        np.testing.assert_allclose(row_wise.weights2, column_wise.weights2.T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_the_tutorials_claims_about_its_training(seed: int) -> None:
    X, y = two_layer.truth_table()
    network = NeuralNetwork(X, y, rng=np.random.default_rng(seed))
    losses = two_layer.train(network)
    assert np.all(np.diff(losses) < 0)
    assert losses[-1] < 0.01
    np.testing.assert_array_equal(network.output.round(), y)


def test_two_layer_starts_from_copies() -> None:
    W1, W2 = np.ones((3, 4)), np.ones((4, 1))
    two_layer.train(rows(W1, W2, 4), 3)
    assert np.all(W1 == 1)
    assert np.all(W2 == 1)


def test_two_layer_draws_from_unit_interval_by_seed() -> None:
    X, y = two_layer.truth_table()
    first, second = (NeuralNetwork(X, y, 50, rng=np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first.weights1, second.weights1)
    np.testing.assert_array_equal(first.weights2, second.weights2)
    assert 0 <= first.weights1.min() < 0.1
    assert 0.9 < first.weights1.max() < 1


def test_two_layer_refuses_shapes_that_do_not_fit() -> None:
    X, y = two_layer.truth_table()
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"x has 4 \(shape \(4, 3\)\) and y has 3 \(shape \(3, 1"):
        NeuralNetwork(X, y[:3], rng=rng)
    with pytest.raises(ValueError, match=r"column for each example, but x has 3"):
        ColumnNeuralNetwork(X, y, rng=rng)
    with pytest.raises(ValueError, match=r"y must be 2-D, one example to a row.*\(4,\)"):
        NeuralNetwork(X, y.ravel(), rng=rng)
    with pytest.raises(ValueError, match=r"shapes \(3, 4\) and \(4, 1\), but have \(4, 3\)"):
        NeuralNetwork(X, y, weights=(np.ones((4, 3)), np.ones((1, 4))))
    with pytest.raises(ValueError, match="either rng"):
        NeuralNetwork(X, y)
    with pytest.raises(ValueError, match="either rng"):
        NeuralNetwork(X, y, rng=rng, weights=(np.ones((3, 4)), np.ones((4, 1))))


# The deep network


@pytest.mark.parametrize("layer_dims", LAYER_DIMS, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_deep_gradients(layer_dims: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = 6
    X = rng.standard_normal((layer_dims[0], m))
    Y = rng.integers(0, 2, (layer_dims[-1], m)).astype(np.float64)
    params = deep.init_params(layer_dims, rng, scale=1.0)
    for layer in range(1, len(layer_dims)):
        params[f"b{layer}"] = rng.standard_normal((layer_dims[layer], 1))
    A, caches = deep.forward_prop(X, params)
    grads = deep.backprop(A, Y, caches)

    def cost(name: str, value: Array) -> float:
        return deep.cost_function(deep.forward_prop(X, {**params, name: value})[0], Y)

    for name, value in params.items():
        assert_gradient(grads["d" + name], partial(cost, name), value)
    assert_gradient(
        grads["dA0"] / m, lambda x: deep.cost_function(deep.forward_prop(x, params)[0], Y), X
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_deep_output_gradient_is_prediction_minus_target(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, Y = deep.noisy_xor(50, rng)
    A, caches = deep.forward_prop(X, deep.init_params([2, 1], rng, scale=1.0))
    db = deep.backprop(A, Y, caches)["db1"]
    np.testing.assert_allclose(db, np.mean(A - Y, axis=1, keepdims=True), rtol=0, atol=1e-15)


@pytest.mark.parametrize("layer_dims", [[3, 1], [3, 4, 1], [3, 4, 4, 1]], ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_deep_rows_and_columns_train_alike(layer_dims: list[int], seed: int) -> None:
    X, Y = deep.truth_table()
    start = deep.init_params(layer_dims, np.random.default_rng(seed), scale=1.0)
    by_columns, column_costs = deep.train(X, Y, layer_dims, 1500, 1.0, params=start)
    by_rows, row_costs = deep.train_rows(X.T, Y.T, layer_dims, 1500, 1.0, params=start)
    np.testing.assert_allclose(row_costs, column_costs, rtol=0, atol=1e-12)
    for name, value in by_columns.items():
        np.testing.assert_allclose(by_rows[name], value, rtol=0, atol=1e-12)


@pytest.mark.parametrize("layer_dims", [[3, 4, 1], [3, 4, 4, 1]], ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_deep_network_learns_the_truth_table(layer_dims: list[int], seed: int) -> None:
    X, Y = deep.truth_table()
    rng = np.random.default_rng(seed)
    params, costs = deep.train(X, Y, layer_dims, 1500, 1.0, rng, scale=1.0)
    assert np.all(np.diff(costs) < 0)
    assert costs[-1] < 0.02
    np.testing.assert_array_equal(deep.forward_prop(X, params)[0].round(), Y)


def test_deep_network_learns_noisy_xor() -> None:
    rng = np.random.default_rng(0)
    X, Y = deep.noisy_xor(200, rng)
    params, costs = deep.train(X, Y, [2, 8, 1], 1500, 2.0, rng, scale=1.0)
    assert costs[-1] < 0.05
    np.testing.assert_array_equal(deep.forward_prop(X, params)[0].round(), Y)


@pytest.mark.parametrize(
    ("z", "target", "expected_cost"),
    [(-1000, 0, 0), (-1000, 1, 100), (-50, 0, 0), (-50, 1, 50), (50, 0, 100), (50, 1, 0)],
)
def test_deep_network_is_finite_at_saturated_predictions(
    z: float, target: float, expected_cost: float
) -> None:
    params = {"W1": np.array([[z]]), "b1": np.array([[0.0]])}
    X, Y = np.array([[1.0]]), np.array([[target]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        A, caches = deep.forward_prop(X, params)
        cost = deep.cost_function(A, Y)
        grads = deep.backprop(A, Y, caches)
    assert cost == pytest.approx(expected_cost, abs=1e-15)
    for gradient in grads.values():
        assert np.all(np.abs(gradient) < 1e-8)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_deep_gradient_is_that_of_pytorchs_formula_everywhere(target: float) -> None:
    X = np.concatenate([np.linspace(-800, 800, 401), np.linspace(-40, 40, 401)])[None]
    Y = np.full_like(X, target)
    A, caches = deep.forward_prop(X, {"W1": np.eye(1), "b1": np.zeros((1, 1))})
    # https://docs.pytorch.org: BCELoss' gradient floors input * (1 - input) at 1e-12.
    pytorch = (A - Y) / np.maximum(A * (1 - A), 1e-12) * A * (1 - A)
    np.testing.assert_allclose(deep.backprop(A, Y, caches)["dA0"], pytorch, rtol=0, atol=1e-12)


def test_deep_training_leaves_starting_parameters_alone() -> None:
    X, Y = deep.truth_table()
    start = deep.init_params([3, 4, 1], np.random.default_rng(0))
    copies = {name: value.copy() for name, value in start.items()}
    deep.train(X, Y, [3, 4, 1], 5, 1.0, params=start)
    for name, value in start.items():
        np.testing.assert_array_equal(value, copies[name])


def test_deep_network_refuses_shapes_that_do_not_fit() -> None:
    X, Y = deep.truth_table()
    rng = np.random.default_rng(0)
    params = deep.init_params([3, 4, 1], rng)
    with pytest.raises(ValueError, match=r"same examples, but have shapes \(3, 4\) and \(4, 1\)"):
        deep.train(X, Y.T, [3, 4, 1], 1, 1.0, rng)
    with pytest.raises(ValueError, match=r"from 3 features .* got \[2, 4, 1\]"):
        deep.train(X, Y, [2, 4, 1], 1, 1.0, rng)
    with pytest.raises(ValueError, match=r"to 1 outputs .* got \[3, 4, 2\]"):
        deep.train(X, Y, [3, 4, 2], 1, 1.0, rng)
    with pytest.raises(ValueError, match=r"'W1': \(5, 3\).* got .*'W1': \(4, 3\)"):
        deep.train(X, Y, [3, 5, 1], 1, 1.0, params=params)
    with pytest.raises(ValueError, match="either rng"):
        deep.train(X, Y, [3, 4, 1], 1, 1.0)
    with pytest.raises(ValueError, match=r"two or more positive sizes.*\[3\]"):
        deep.init_params([3], rng)
    with pytest.raises(ValueError, match=r"3 features.* X has shape \(4, 3\)"):
        deep.forward_prop(X.T, params)
    A, caches = deep.forward_prop(X, params)
    with pytest.raises(ValueError, match=r"A has shape \(1, 4\) and Y \(4, 1\)"):
        deep.cost_function(A, Y.T)
    with pytest.raises(ValueError, match=r"AL has shape \(1, 4\) and Y \(4, 1\)"):
        deep.backprop(A, Y.T, caches)


# Neurons


def test_outputs_of_the_video() -> None:
    assert neurons.neuron(*neurons.single_neuron()) == pytest.approx(2.3, rel=1e-15)
    inputs, weights, biases = neurons.neuron_layer()
    outputs = neurons.layer(inputs, weights, biases)
    np.testing.assert_allclose(outputs, [4.8, 1.21, 2.385], rtol=1e-15)
    np.testing.assert_allclose(outputs, weights @ inputs + biases, rtol=1e-15)


@pytest.mark.parametrize("seed", SEEDS)
def test_layer_gradients(seed: int) -> None:
    inputs, weights, biases = neurons.neuron_layer()
    targets = np.random.default_rng(seed).standard_normal(3)

    def loss(inputs: Array, weights: Array, biases: Array) -> float:
        return neurons.squared_error(neurons.layer(inputs, weights, biases), targets)

    d_outputs = neurons.squared_error_backward(neurons.layer(inputs, weights, biases), targets)
    d_inputs, d_weights, d_biases = neurons.layer_backward(d_outputs, inputs, weights)
    assert_gradient(d_outputs, lambda o: neurons.squared_error(o, targets), d_outputs / 2 + targets)
    assert_gradient(d_inputs, lambda x: loss(x, weights, biases), inputs)
    assert_gradient(d_weights, lambda w: loss(inputs, w, biases), weights)
    assert_gradient(d_biases, lambda b: loss(inputs, weights, b), biases)


def test_single_neuron_gradients() -> None:
    inputs, weights, bias = neurons.single_neuron()
    d_inputs, d_weights, d_bias = neurons.neuron_backward(1.0, inputs, weights)
    assert_gradient(d_inputs, lambda x: neurons.neuron(x, weights, bias), inputs)
    assert_gradient(d_weights, lambda w: neurons.neuron(inputs, w, bias), weights)
    assert d_bias == 1


def test_neurons_refuse_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"inputs have shape \(3,\), weights \(4,\)"):
        neurons.neuron([1, 2, 3], [1, 2, 3, 4], 0)
    with pytest.raises(ValueError, match=r"\(2, 4\), biases \(3,\), inputs \(4,\)"):
        neurons.layer(np.ones(4), np.ones((2, 4)), np.ones(3))
    with pytest.raises(ValueError, match=r"d_outputs has shape \(3,\), weights \(2, 4\)"):
        neurons.layer_backward(np.ones(3), np.ones(4), np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"\(3,\) and \(2,\)"):
        neurons.squared_error(np.ones(3), np.ones(2))
