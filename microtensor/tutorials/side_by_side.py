"""Training several forms of one network in step, and how far they drift apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Arrays", "Network", "Row", "Step", "largest_difference", "train", "train_side_by_side"]

Array: TypeAlias = NDArray[np.float64]
Arrays: TypeAlias = dict[str, Array]


class Step(NamedTuple):
    """What an iteration found, before it changed the weights: the loss, and its gradients."""

    loss: float
    gradients: Arrays


class Network(Protocol):
    """A network that trains itself. Arrays have the same names and shapes in all its forms."""

    @property
    def weights(self) -> Arrays:
        """The present weights."""

    @property
    def prediction(self) -> Array:
        """The output, by the weights before the last step."""

    def step(self) -> Step:
        """Go forward and backward, and change the weights by ``-lr`` times their gradients."""


class Row(NamedTuple):
    """One iteration: the loss of each form, and how each but the first differs from the first."""

    iteration: int
    losses: dict[str, float]
    gradient_differences: dict[str, float]
    weight_differences: dict[str, float]


def train(network: Network, iterations: int = 1500) -> Array:
    """Train in place, and return the loss before each of the steps, (iterations,).

    >>> import numpy as np
    >>> from microtensor.tutorials import two_layer
    >>> X, y = two_layer.truth_table()
    >>> forms = two_layer.forms(X, y, two_layer.starting_weights(np.random.default_rng(0)))
    >>> losses = train(forms["tensor operations"])
    >>> losses.shape, bool(losses[-1] < 0.01)
    ((1500,), True)
    """
    return np.array([network.step().loss for _ in range(iterations)])


def train_side_by_side(networks: Mapping[str, Network], iterations: int) -> Iterator[Row]:
    """Train all the networks, and yield after each iteration how they compare with the first."""
    first, *others = networks
    for iteration in range(1, iterations + 1):
        steps = {name: network.step() for name, network in networks.items()}
        weights = networks[first].weights
        yield Row(
            iteration,
            {name: step.loss for name, step in steps.items()},
            {
                name: largest_difference(steps[name].gradients, steps[first].gradients)
                for name in others
            },
            {name: largest_difference(networks[name].weights, weights) for name in others},
        )


def largest_difference(ours: Arrays, theirs: Arrays) -> float:
    """Return the largest absolute difference of two elements, NaN if one is NaN.

    >>> import numpy as np
    >>> largest_difference({"W": np.array([1.0, 2.0])}, {"W": np.array([1.0, 2.5])})
    0.5
    """
    assert ours.keys() == theirs.keys()
    worst = [np.abs(ours[name] - theirs[name]).max() for name in ours]
    assert all(ours[name].shape == theirs[name].shape for name in ours)
    return float(np.max(worst))
