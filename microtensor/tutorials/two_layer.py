"""The first tutorial's network without a hand-derived gradient, in three forms.

Two sigmoid layers, no bias, sum of squared errors, every example at every step, as in
`by_hand.two_layer`. Examples are in rows, with the shapes of its `NeuralNetwork`, or in columns,
with those of its `ColumnNeuralNetwork`.

All compute what the hand-derived class computes, but not in its order, so that each step rounds
differently: the tutorial multiplies an error by (a (1 - a)), the library by a and then by (1 - a),
and `NeuralNetwork` differentiates 1 / (1 + exp(-x)) operation by operation. Where training is
stable such differences stay small, below 1e-12 at the tutorial's 4 hidden units; where it is not,
as with 16 at a learning rate of 1, they can grow.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

import microtensor as mt
from microtensor import nn, optim

from .by_hand import two_layer as by_hand
from .by_hand.two_layer import truth_table
from .side_by_side import Arrays, Network, Step

__all__ = [
    "ColumnNeuralNetwork",
    "Composed",
    "HandDerived",
    "HandDerivedColumns",
    "Modules",
    "NeuralNetwork",
    "forms",
    "starting_weights",
    "truth_table",
]

Array: TypeAlias = NDArray[np.float64]
Weights: TypeAlias = tuple[Array, Array]
Layout: TypeAlias = Literal["rows", "columns"]


class _Steps:
    """What trains a network of the tutorial's class step by step."""

    weights1: Any
    weights2: Any
    output: Any
    feedforward: Any
    loss: Any
    backprop: Any
    gradients: Any

    @property
    def weights(self) -> Arrays:
        """The present weights."""
        return _named(_array(self.weights1), _array(self.weights2))

    @property
    def prediction(self) -> Array:
        """The output, by the weights before the last step."""
        return _array(self.output)

    def step(self) -> Step:
        """Go forward and backward, and change the weights by ``-lr`` times their gradients."""
        self.feedforward()
        loss = self.loss()
        self.backprop()
        return Step(loss, _named(*self.gradients()))


class HandDerived(_Steps, by_hand.NeuralNetwork):
    """The tutorial's class, examples in rows."""


class HandDerivedColumns(_Steps, by_hand.ColumnNeuralNetwork):
    """The tutorial's class, examples in columns."""


class _Automatic(_Steps):
    """The tutorial's class; its weights are Tensors, and `backward` is its backpropagation."""

    y: Any
    lr: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weights1 = mt.tensor(self.weights1, requires_grad=True, name="weights1")
        self.weights2 = mt.tensor(self.weights2, requires_grad=True, name="weights2")

    def backprop(self) -> None:
        """Find the gradients by automatic differentiation, then take a step."""
        self.weights1.grad = self.weights2.grad = None
        np.sum((self.y - self.output) ** 2).backward()
        self.d_weights1 = -self.weights1.grad.numpy()
        self.d_weights2 = -self.weights2.grad.numpy()

        with mt.no_grad():
            self.weights1 += self.lr * self.d_weights1
            self.weights2 += self.lr * self.d_weights2


class NeuralNetwork(_Automatic, by_hand.NeuralNetwork):
    """The tutorial's class with Tensors for weights.

    Its `feedforward` and its NumPy `sigmoid` are unchanged. It is made and used as
    `by_hand.two_layer.NeuralNetwork` is.

    >>> X, y = truth_table()
    >>> network = NeuralNetwork(X, y, rng=np.random.default_rng(0))
    >>> losses = by_hand.train(network)
    >>> network.prediction.round().ravel()
    array([0., 1., 1., 0.])
    >>> NeuralNetwork.feedforward is by_hand.NeuralNetwork.feedforward
    True
    """


class ColumnNeuralNetwork(_Automatic, by_hand.ColumnNeuralNetwork):
    """The same, one example to a column."""


class Composed:
    """The network composed of tensor operations; ``weights`` have the shapes of the layout.

    >>> X, y = truth_table()
    >>> network = Composed(X, y, starting_weights(np.random.default_rng(0)))
    >>> network.loss()
    tensor(1.33247501, op=sum)
    """

    def __init__(
        self, X: Array, y: Array, weights: Weights, lr: float = 1.0, examples: Layout = "rows"
    ) -> None:
        self.X, self.y = mt.tensor(X, name="X"), mt.tensor(y, name="y")
        self.W1, self.W2 = (mt.tensor(W, requires_grad=True) for W in weights)
        self.W1.name, self.W2.name = "W1", "W2"
        self.lr = lr
        self.examples = examples

    def loss(self) -> mt.Tensor:
        """Go forward: compute `layer1`, `output` and from them the sum of squared errors."""
        if self.examples == "rows":
            self.layer1 = mt.sigmoid(self.X @ self.W1)
            self.output = mt.sigmoid(self.layer1 @ self.W2)
        else:
            self.layer1 = mt.sigmoid(self.W1 @ self.X)
            self.output = mt.sigmoid(self.W2 @ self.layer1)
        loss: mt.Tensor = ((self.y - self.output) ** 2).sum()
        return loss

    @property
    def weights(self) -> Arrays:
        """The present weights."""
        return _named(self.W1.numpy(), self.W2.numpy())

    @property
    def prediction(self) -> Array:
        """The output, by the weights before the last step."""
        return _array(self.output)

    def step(self) -> Step:
        """Go forward and backward, and change the weights by ``-lr`` times their gradients."""
        loss = self.loss()
        self.W1.grad = self.W2.grad = None
        loss.backward()
        gradients = _named(_gradient(self.W1), _gradient(self.W2))
        with mt.no_grad():
            for W in (self.W1, self.W2):
                W -= self.lr * _gradient(W)
        return Step(loss.item(), gradients)


class Modules:
    """The network of layers: `nn.Sequential`, `nn.SSELoss` and `optim.SGD`.

    A layer takes examples in rows and keeps its weights as (outputs, inputs): the tutorial's
    transposed, or those of its columns.

    >>> X, y = truth_table()
    >>> Modules(X, y, starting_weights(np.random.default_rng(0))).model
    Sequential(
      (0): Linear(in_features=3, out_features=4, bias=False)
      (1): Sigmoid()
      (2): Linear(in_features=4, out_features=1, bias=False)
      (3): Sigmoid()
    )
    """

    def __init__(
        self, X: Array, y: Array, weights: Weights, lr: float = 1.0, examples: Layout = "rows"
    ) -> None:
        self.transposed = examples == "rows"
        self.X, self.y = (mt.tensor(a if examples == "rows" else a.T) for a in (X, y))
        (hidden, features), (outputs, _) = (self._turned(W).shape for W in weights)
        self.layers = [
            nn.Linear(features, hidden, bias=False),
            nn.Linear(hidden, outputs, bias=False),
        ]
        for layer, W in zip(self.layers, weights, strict=True):
            layer.weight.data = self._turned(W).copy()
        first, second = self.layers
        self.model = nn.Sequential(first, nn.Sigmoid(), second, nn.Sigmoid())
        self.criterion = nn.SSELoss()
        self.optimizer = optim.SGD(self.model.parameters(), lr=lr)

    def _turned(self, array: Array) -> Array:
        return array.T if self.transposed else array

    @property
    def weights(self) -> Arrays:
        """The present weights, in the shapes of the layout."""
        return _named(*(self._turned(layer.weight.numpy()) for layer in self.layers))

    @property
    def prediction(self) -> Array:
        """The output, by the weights before the last step."""
        output = _array(self.output)
        return output if self.transposed else output.T

    def step(self) -> Step:
        """Go forward and backward, and let the optimizer change the weights."""
        self.optimizer.zero_grad()
        self.output = self.model(self.X)
        loss = self.criterion(self.output, self.y)
        loss.backward()
        gradients = _named(*(self._turned(_gradient(layer.weight)) for layer in self.layers))
        self.optimizer.step()
        return Step(loss.item(), gradients)


def starting_weights(
    rng: np.random.Generator, features: int = 3, hidden: int = 4, outputs: int = 1
) -> Weights:
    """Draw the tutorial's weights for examples in rows, uniform in [0, 1).

    >>> [W.shape for W in starting_weights(np.random.default_rng(0))]
    [(3, 4), (4, 1)]
    """
    return rng.random((features, hidden)), rng.random((hidden, outputs))


def forms(
    X: Array, y: Array, weights: Weights, lr: float = 1.0, examples: Layout = "rows"
) -> dict[str, Network]:
    """Return the hand-derived network and the three automatic ones, all with equal weights.

    Shapes are those of the layout: in rows ``X`` is (examples, features), ``y`` is (examples,
    outputs), ``weights`` are (features, hidden) and (hidden, outputs); in columns all are
    transposed.

    >>> X, y = truth_table()
    >>> list(forms(X, y, starting_weights(np.random.default_rng(0))))
    ['by hand', "tutorial's code", 'tensor operations', 'nn.Sequential']
    """
    rows = examples == "rows"
    hidden = weights[0].shape[1 if rows else 0]
    by_hand_class = HandDerived if rows else HandDerivedColumns
    automatic_class = NeuralNetwork if rows else ColumnNeuralNetwork
    return {
        "by hand": by_hand_class(X, y, hidden, weights=weights, lr=lr),
        "tutorial's code": automatic_class(X, y, hidden, weights=weights, lr=lr),
        "tensor operations": Composed(X, y, weights, lr, examples),
        "nn.Sequential": Modules(X, y, weights, lr, examples),
    }


def _named(weights1: Array, weights2: Array) -> Arrays:
    return {"weights1": weights1, "weights2": weights2}


def _array(value: Any) -> Array:
    array: Array = value.numpy() if isinstance(value, mt.Tensor) else value
    return array


def _gradient(tensor: mt.Tensor) -> Array:
    assert tensor.grad is not None
    return tensor.grad.numpy()
