"""Tests of microtensor.tutorials.two_layer: each form trains as the hand-derived network does."""

import inspect

import numpy as np
import pytest
from numpy.typing import NDArray

from microtensor.tutorials import two_layer
from microtensor.tutorials.by_hand import two_layer as by_hand
from microtensor.tutorials.side_by_side import (
    Network,
    largest_difference,
    train,
    train_side_by_side,
)

Array = NDArray[np.float64]

FORMS = ["tutorial's code", "tensor operations", "nn.Sequential"]


def forms(
    seed: int, hidden: int, examples: two_layer.Layout, lr: float = 1.0
) -> dict[str, Network]:
    X, y = two_layer.truth_table()
    W1, W2 = two_layer.starting_weights(np.random.default_rng(seed), hidden=hidden)
    if examples == "columns":
        return two_layer.forms(X.T, y.T, (W1.T, W2.T), lr, examples)
    return two_layer.forms(X, y, (W1, W2), lr, examples)


@pytest.mark.parametrize("examples", ["rows", "columns"])
@pytest.mark.parametrize(
    ("hidden", "seed"), [(4, 0), (4, 1), (4, 2), (4, 3), (4, 4), (1, 0), (7, 1), (16, 2)]
)
def test_weights_agree_after_each_iteration(
    hidden: int, seed: int, examples: two_layer.Layout
) -> None:
    reference, *others = networks = list(forms(seed, hidden, examples).values())
    for _ in range(1500):
        expected, *found = [network.step() for network in networks]
        for network, step in zip(others, found, strict=True):
            for name, W in reference.weights.items():
                assert network.weights[name].shape == W.shape
                assert np.abs(network.weights[name] - W).max() <= 1e-12
                assert np.abs(step.gradients[name] - expected.gradients[name]).max() <= 1e-12
            assert step.loss == pytest.approx(expected.loss, rel=0, abs=1e-12)


class Regrouped(np.ndarray):
    """A sigmoid's derivative a (1 - a) that multiplies as (g a) (1 - a), not as g (a (1 - a))."""

    def __rmul__(self, g: Array) -> Array:
        a = np.asarray(self)
        return g * a * (1.0 - a)

    __array_ufunc__ = None


def test_only_the_grouping_of_a_product_keeps_it_from_being_equal_to_the_last_bit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(by_hand, "sigmoid_derivative", lambda a: a.view(Regrouped))
    networks = forms(4, 16, "rows")
    for row in train_side_by_side(networks, 1500):
        assert row.weight_differences["tensor operations"] == 0
        assert row.weight_differences["nn.Sequential"] == 0


def test_unstable_training_differs_by_growing_rounding_errors() -> None:
    """From equal weights every gradient agrees to rounding, wherever training has led."""
    X, y = two_layer.truth_table()
    trained = forms(4, 16, "rows")["by hand"]
    for _ in range(150):
        networks = two_layer.forms(X, y, tuple(trained.weights.values()))
        expected, *found = [network.step().gradients for network in networks.values()]
        assert max(largest_difference(gradients, expected) for gradients in found) <= 2e-15
        train(trained, 10)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_every_form_learns_the_table(form: str, seed: int) -> None:
    network = forms(seed, 4, "rows")[form]
    losses = train(network)
    assert losses.shape == (1500,)
    assert np.all(np.diff(losses) < 0)
    assert losses[-1] < 0.01
    np.testing.assert_array_equal(network.prediction.round(), [[0], [1], [1], [0]])


def test_weights_of_rows_and_columns_are_transposes() -> None:
    for name in FORMS:
        rows, columns = forms(0, 5, "rows", 0.5)[name], forms(0, 5, "columns", 0.5)[name]
        train(rows, 50)
        train(columns, 50)
        for weights in ("weights1", "weights2"):
            np.testing.assert_allclose(
                rows.weights[weights], columns.weights[weights].T, rtol=0, atol=1e-13
            )
        np.testing.assert_allclose(rows.prediction, columns.prediction.T, rtol=0, atol=1e-13)


def test_the_tutorials_forward_pass_is_unchanged() -> None:
    for ours, theirs in (
        (two_layer.NeuralNetwork, by_hand.NeuralNetwork),
        (two_layer.ColumnNeuralNetwork, by_hand.ColumnNeuralNetwork),
    ):
        assert ours.feedforward is theirs.feedforward
        assert ours.loss is theirs.loss
        assert ours.backprop is not theirs.backprop
    lines = inspect.getsource(by_hand.NeuralNetwork.feedforward)
    assert "self.layer1 = sigmoid(np.dot(self.input, self.weights1))" in lines
    assert "1.0 / (1 + np.exp(-x))" in inspect.getsource(by_hand.sigmoid)


def test_no_gradient_is_derived_here() -> None:
    source = inspect.getsource(two_layer)
    assert "sigmoid_derivative" not in source
    assert "2 *" not in source


def test_the_tutorials_train_function_trains_it() -> None:
    X, y = two_layer.truth_table()
    ours = two_layer.NeuralNetwork(X, y, rng=np.random.default_rng(0), lr=0.5)
    theirs = by_hand.NeuralNetwork(X, y, rng=np.random.default_rng(0), lr=0.5)
    np.testing.assert_allclose(
        by_hand.train(ours, 100), by_hand.train(theirs, 100), rtol=0, atol=1e-13
    )


def test_starting_weights_are_copied() -> None:
    X, y = two_layer.truth_table()
    W1, W2 = np.full((3, 4), 0.5), np.full((4, 1), 0.25)
    for network in two_layer.forms(X, y, (W1, W2)).values():
        train(network, 3)
    assert np.all(W1 == 0.5)
    assert np.all(W2 == 0.25)


class Halving:
    """A made-up network that halves its weight, 1, at every step, and is off by `wrong`."""

    def __init__(self, wrong: float) -> None:
        self.weights = {"w": np.array([1.0])}
        self.prediction = np.zeros(1)
        self.wrong = wrong

    def step(self) -> two_layer.Step:
        gradient = self.weights["w"] / 2
        self.weights = {"w": gradient + self.wrong}
        return two_layer.Step(1.0, {"w": gradient - self.wrong})


def test_side_by_side_sees_what_differs() -> None:
    first, second = train_side_by_side({"a": Halving(0.0), "b": Halving(0.25)}, 2)
    assert first == (1, {"a": 1.0, "b": 1.0}, {"b": 0.25}, {"b": 0.25})
    assert second.iteration == 2
    assert second.gradient_differences == {"b": 0.125}  # 0.75/2 - 0.25 against 0.25
    assert second.weight_differences == {"b": 0.375}


def test_largest_difference() -> None:
    ours = {"a": np.array([1.0, -2.0]), "b": np.array([[3.0]])}
    assert largest_difference(ours, {"a": np.array([1.0, 2.0]), "b": np.array([[3.0]])}) == 4.0
    assert np.isnan(largest_difference(ours, {**ours, "a": np.array([np.nan, -2.0])}))
