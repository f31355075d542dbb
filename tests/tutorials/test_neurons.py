"""Tests of microtensor.tutorials.neurons against the hand-derived neurons."""

import numpy as np
import pytest
from numpy.typing import NDArray

import microtensor as mt
from microtensor.errors import ShapeError
from microtensor.tutorials import neurons
from microtensor.tutorials.by_hand import neurons as by_hand

Array = NDArray[np.float64]


def assert_close(found: object, expected: object) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=0, atol=1e-12)


def test_the_videos_outputs() -> None:
    assert_close(neurons.neuron(*neurons.single_neuron()), 2.3)
    assert_close(neurons.layer(*neurons.neuron_layer()), [4.8, 1.21, 2.385])


@pytest.mark.parametrize("seed", range(3))
def test_neuron(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs, weights, d_output = rng.normal(size=3), rng.normal(size=3), rng.normal()
    assert_close(neurons.neuron(inputs, weights, 0.5), by_hand.neuron(inputs, weights, 0.5))
    found = neurons.neuron_backward(d_output, inputs, weights)
    expected = by_hand.neuron_backward(d_output, inputs, weights)
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("size", [(1, 1), (3, 4), (5, 2)])
def test_layer(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    inputs, weights = rng.normal(size=size[1]), rng.normal(size=size)
    biases, d_outputs = rng.normal(size=size[0]), rng.normal(size=size[0])
    assert_close(neurons.layer(inputs, weights, biases), by_hand.layer(inputs, weights, biases))
    found = neurons.layer_backward(d_outputs, inputs, weights)
    expected = by_hand.layer_backward(d_outputs, inputs, weights)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert_close(ours, theirs)


def test_gradients_of_an_error_of_the_layer() -> None:
    """From the error to the weights at once, which by hand takes two steps."""
    inputs, weights, biases = neurons.neuron_layer()
    targets = np.array([5.0, 1.0, 2.0])
    W, b = (mt.tensor(value, requires_grad=True) for value in (weights, biases))
    loss = neurons.squared_error(neurons.layer(inputs, W, b), targets)
    loss.backward()

    outputs = by_hand.layer(inputs, weights, biases)
    d_outputs = by_hand.squared_error_backward(outputs, targets)
    _, d_weights, d_biases = by_hand.layer_backward(d_outputs, inputs, weights)
    assert_close(loss.item(), by_hand.squared_error(outputs, targets))
    assert_close(W.grad.numpy(), d_weights)
    assert_close(b.grad.numpy(), d_biases)
    assert_close(neurons.squared_error_backward(outputs, targets), d_outputs)


def test_shapes_that_do_not_fit() -> None:
    inputs, weights, biases = neurons.neuron_layer()
    with pytest.raises(ShapeError, match=r"inputs must have one axis, but have shape \(2, 2\)"):
        neurons.neuron(np.ones((2, 2)), np.ones(2), 0.0)
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2,\)"):
        neurons.neuron(np.ones(3), np.ones(2), 0.0)
    with pytest.raises(ShapeError, match=r"weights have shape \(4, 3\), biases \(3,\)"):
        neurons.layer(inputs, weights.T, biases)
    with pytest.raises(ShapeError, match=r"\(2,\) and \(2, 1\)"):
        neurons.squared_error([1.0, 2.0], [[1.0], [2.0]])
