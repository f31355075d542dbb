"""Tests of microtensor.tutorials.deep: each form trains as the hand-derived network does."""

import inspect

import numpy as np
import pytest
from numpy.typing import NDArray

from microtensor.tutorials import deep
from microtensor.tutorials.by_hand import deep as by_hand
from microtensor.tutorials.side_by_side import Network, largest_difference, train

Array = NDArray[np.float64]


def data(outputs: int) -> tuple[Array, Array]:
    """Return the truth table; a second output is the negation of the first."""
    X, Y = deep.truth_table()
    return X, np.vstack([Y, 1 - Y][:outputs])


def forms(
    layer_dims: list[int], seed: int, examples: deep.Layout, scale: float = 1.0, lr: float = 1.0
) -> dict[str, Network]:
    X, Y = data(layer_dims[-1])
    params = deep.init_params(layer_dims, np.random.default_rng(seed), scale)
    if examples == "rows":
        X, Y = X.T, Y.T
    return deep.forms(X, Y, params, lr, examples)


def assert_trained_alike(networks: dict[str, Network], iterations: int = 1500) -> None:
    reference, *others = networks.values()
    for _ in range(iterations):
        expected, *found = [network.step() for network in networks.values()]
        for network, step in zip(others, found, strict=True):
            for name, value in reference.weights.items():
                assert network.weights[name].shape == value.shape
                assert np.abs(network.weights[name] - value).max() <= 1e-12
                assert np.abs(step.gradients[name] - expected.gradients[name]).max() <= 1e-12
            assert step.loss == pytest.approx(expected.loss, rel=0, abs=1e-12)


@pytest.mark.parametrize("examples", ["columns", "rows"])
@pytest.mark.parametrize(
    ("layer_dims", "seed"),
    [
        ([3, 4, 1], 0),
        ([3, 4, 1], 1),
        ([3, 4, 1], 2),
        ([3, 1], 0),
        ([3, 4, 4, 1], 0),
        ([3, 4, 4, 1], 1),
        ([3, 5, 2], 2),
        ([3, 4, 4, 4, 1], 0),
        ([3, 2, 6, 3, 2], 0),
    ],
    ids=str,
)
def test_parameters_agree_after_each_iteration(
    layer_dims: list[int], seed: int, examples: deep.Layout
) -> None:
    assert_trained_alike(forms(layer_dims, seed, examples))


@pytest.mark.parametrize(
    ("layer_dims", "seed"), [([3, 4, 4, 1], 0), ([3, 5, 4, 3, 2, 1], 2)], ids=str
)
def test_the_composed_network_is_the_hand_derived_one_to_the_last_bit(
    layer_dims: list[int], seed: int
) -> None:
    networks = forms(layer_dims, seed, "columns")
    by_hand, composed = networks["by hand"], networks["tensor operations"]
    for _ in range(1500):
        assert by_hand.step().loss == composed.step().loss
        for name, value in by_hand.weights.items():
            np.testing.assert_array_equal(composed.weights[name], value)


def test_unstable_training_differs_by_growing_rounding_errors() -> None:
    """From equal weights every gradient agrees to rounding, wherever training has led."""
    layer_dims = [3, 5, 4, 3, 2, 1]
    trained = forms(layer_dims, 2, "columns")["by hand"]
    for _ in range(150):
        networks = deep.forms(*data(1), trained.weights, 1.0)
        expected, *found = [network.step().gradients for network in networks.values()]
        assert max(largest_difference(gradients, expected) for gradients in found) <= 1e-15
        train(trained, 10)


def test_with_the_tutorials_small_weights() -> None:
    networks = forms([3, 4, 4, 1], 0, "columns", scale=0.01)
    assert_trained_alike(networks, 300)


def test_on_noisy_data() -> None:
    X, Y = deep.noisy_xor(50, np.random.default_rng(0))
    params = deep.init_params([2, 8, 1], np.random.default_rng(1), scale=1.0)
    assert_trained_alike(deep.forms(X, Y, params, 0.5), 300)


@pytest.mark.parametrize("form", ["tensor operations", "nn.Sequential"])
def test_it_learns_the_table(form: str) -> None:
    network = forms([3, 4, 1], 0, "columns")[form]
    losses = train(network)
    assert losses[-1] < 0.02
    np.testing.assert_array_equal(network.prediction.round(), [[0, 1, 1, 0]])


def test_saturated_predictions_stay_finite() -> None:
    """Both keep the cost and its gradients finite, as PyTorch's BCELoss does."""
    for network in forms([3, 4, 1], 0, "columns", scale=1e4).values():
        step = network.step()
        assert np.isfinite(step.loss)
        assert all(np.isfinite(gradient).all() for gradient in step.gradients.values())


def test_the_hand_derived_form_is_the_tutorials_training() -> None:
    X, Y = deep.truth_table()
    params = deep.init_params([3, 4, 1], np.random.default_rng(0), 1.0)
    trained, costs = by_hand.train(X, Y, [3, 4, 1], 100, 0.5, params=params)
    network = deep.HandDerived(X, Y, params, 0.5)
    np.testing.assert_array_equal(train(network, 100), costs)
    for name, value in trained.items():
        np.testing.assert_array_equal(network.weights[name], value)


def test_starting_parameters_are_copied() -> None:
    X, Y = deep.truth_table()
    params = deep.init_params([3, 4, 1], np.random.default_rng(0), 1.0)
    before = {name: value.copy() for name, value in params.items()}
    for network in deep.forms(X, Y, params, 1.0).values():
        train(network, 3)
    for name, value in before.items():
        np.testing.assert_array_equal(params[name], value)


def test_no_gradient_is_derived_here() -> None:
    for form in (deep.Composed, deep.Modules):
        source = inspect.getsource(form)
        assert "dZ" not in source
        assert "by_hand." not in source
