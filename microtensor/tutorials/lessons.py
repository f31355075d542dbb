"""The tutorials as the command runs them: data, starting weights, and the forms of the network."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..compare import Comparison, compare
from ..tensor import Tensor
from . import deep, two_layer
from .side_by_side import Arrays, Network

__all__ = ["Data", "Graph", "Lesson", "deep_lesson", "two_layer_lesson"]

Array: TypeAlias = NDArray[np.float64]
Data: TypeAlias = Literal["truth-table", "noisy-xor"]


class Graph(NamedTuple):
    """A forward pass, to be looked at."""

    loss: Tensor
    names: dict[str, Tensor]
    """What to call intermediate tensors."""
    weights: dict[str, Tensor]
    """By the names that the hand-derived network has for them."""


@dataclass(frozen=True)
class Lesson:
    """One tutorial's network, ready to be trained in all its forms, the hand-derived one first."""

    name: str
    title: str
    about: str
    networks: Mapping[str, Network]
    inputs: Array
    """(examples, features)"""
    targets: Array
    """(examples, outputs)"""
    examples: Literal["rows", "columns"]
    parameters: Mapping[str, Tensor]
    """Those of the network of tensor operations, by their names in `graph`."""
    forward: Callable[[Arrays], Graph]
    """Returns a forward pass with the given weights."""

    def graph(self) -> Graph:
        """Return a forward pass with the present weights of the hand-derived network."""
        weights = next(iter(self.networks.values())).weights
        return self.forward({name: W.copy() for name, W in weights.items()})

    def compare(self) -> Comparison:
        """Compare the gradients of the hand-derived network's next step with autograd's.

        Raises
        ------
        GradientError
            If the loss is not finite.
        """
        return self.compare_graph(self.graph())

    def compare_graph(self, graph: Graph) -> Comparison:
        """Compare the hand-derived gradients of what `graph` just returned with autograd's.

        Raises
        ------
        GradientError
            If the loss is not finite.
        """
        network = copy.deepcopy(next(iter(self.networks.values())))
        gradients = network.step().gradients
        return compare(graph.loss, {graph.weights[name]: gradients[name] for name in gradients})

    def prediction(self, network: Network) -> Array:
        """Return a network's last prediction, (examples, outputs)."""
        return network.prediction if self.examples == "rows" else network.prediction.T


def two_layer_lesson(seed: int, lr: float, hidden: int = 4) -> Lesson:
    """Return the first tutorial: two layers on the truth table, examples in rows."""
    X, y = two_layer.truth_table()
    weights = two_layer.starting_weights(np.random.default_rng(seed), hidden=hidden)
    networks = two_layer.forms(X, y, weights, lr)
    trained = networks["tensor operations"]
    assert isinstance(trained, two_layer.Composed)

    def forward(arrays: Arrays) -> Graph:
        network = two_layer.Composed(X, y, (arrays["weights1"], arrays["weights2"]))
        loss = network.loss()
        names = {"layer1": network.layer1, "output": network.output, "loss": loss}
        return Graph(loss, names, {"weights1": network.W1, "weights2": network.W2})

    return Lesson(
        name="two-layer",
        title=f"Two layers, 3-{hidden}-1",
        about="sigmoid, no bias, sum of squared errors; weights drawn from [0, 1)",
        networks=networks,
        inputs=X,
        targets=y,
        examples="rows",
        parameters={"W1": trained.W1, "W2": trained.W2},
        forward=forward,
    )


def deep_lesson(
    seed: int,
    lr: float,
    hidden: Sequence[int] = (4, 4),
    scale: float = 1.0,
    data: Data = "truth-table",
) -> Lesson:
    """Return the second tutorial: a deep network, examples in columns."""
    rng = np.random.default_rng(seed)
    X, Y = deep.truth_table() if data == "truth-table" else deep.noisy_xor(200, rng)
    layer_dims = [X.shape[0], *hidden, Y.shape[0]]
    params = deep.init_params(layer_dims, rng, scale)
    networks = deep.forms(X, Y, params, lr)
    trained = networks["tensor operations"]
    assert isinstance(trained, deep.Composed)

    def forward(arrays: Arrays) -> Graph:
        network = deep.Composed(X, Y, arrays, lr)
        cost = network.cost()
        return Graph(cost, {**network.activations, "cost": cost}, network.params)

    about = f"sigmoid, binary cross-entropy; weights drawn from N(0, {scale:g}^2)"
    if scale == 1.0:
        about += " (the tutorial's 0.01 is too small to learn this)"
    return Lesson(
        name="deep",
        title=f"A deep network, {'-'.join(map(str, layer_dims))}",
        about=about,
        networks=networks,
        inputs=X.T,
        targets=Y.T,
        examples="columns",
        parameters=trained.params,
        forward=forward,
    )
