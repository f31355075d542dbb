"""The second tutorial's deep network without a hand-derived gradient, in two forms.

Sigmoid layers of any number and width, binary cross-entropy, as `by_hand.deep`. Parameters are
``W1, b1, W2, b2, …`` of shape (outputs, inputs) and (outputs, 1), as there. Examples are in
columns, as in the tutorial, or in rows.

On the truth table `Composed` has the hand-derived parameters to the last bit. `Modules` rounds
differently: its BCELoss has a gradient of one fraction where the tutorial's has two, and its layers
take examples in rows. Where training is unstable, as with hidden layers of 5, 4, 3 and 2, such
differences can grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

import microtensor as mt
from microtensor import nn, optim

from .by_hand import deep as by_hand
from .by_hand.deep import init_params, noisy_xor, truth_table
from .side_by_side import Arrays, Network, Step

__all__ = ["Composed", "HandDerived", "Modules", "forms", "init_params", "noisy_xor", "truth_table"]

_LEAST = np.exp(-100.0).item()
"""Keeps logarithms at -100 or more, as `by_hand.deep` does, where a prediction rounds to 0 or 1."""

Array: TypeAlias = NDArray[np.float64]
Layout: TypeAlias = Literal["rows", "columns"]


class HandDerived:
    """The tutorial's functions, corrected; see `by_hand.deep`."""

    def __init__(
        self, X: Array, Y: Array, params: Arrays, lr: float, examples: Layout = "columns"
    ) -> None:
        self.X, self.Y = (X, Y) if examples == "columns" else (X.T, Y.T)
        self.weights = {name: value.copy() for name, value in params.items()}
        self.lr = lr
        self.examples = examples

    @property
    def prediction(self) -> Array:
        """The output, by the weights before the last step."""
        return self.output if self.examples == "columns" else self.output.T

    def step(self) -> Step:
        """Go forward and backward, and change the weights by ``-lr`` times their gradients."""
        self.output, caches = by_hand.forward_prop(self.X, self.weights)
        loss = by_hand.cost_function(self.output, self.Y)
        grads = by_hand.backprop(self.output, self.Y, caches)
        self.weights = by_hand.update_parameters(self.weights, grads, self.lr)
        return Step(loss, {name: grads["d" + name] for name in self.weights})


class Composed:
    """The network composed of tensor operations, written as the tutorial writes it.

    >>> X, Y = truth_table()
    >>> params = init_params([3, 4, 1], np.random.default_rng(0), scale=1.0)
    >>> network = Composed(X, Y, params, lr=1.0)
    >>> network.step().gradients["W2"].shape
    (1, 4)
    """

    def __init__(
        self, X: Array, Y: Array, params: Arrays, lr: float, examples: Layout = "columns"
    ) -> None:
        self.X = mt.tensor(X if examples == "columns" else X.T, name="X")
        self.Y = mt.tensor(Y if examples == "columns" else Y.T, name="Y")
        self.rest = mt.tensor(1 - self.Y.numpy(), name="1 - Y")
        self.params = {
            name: mt.tensor(value, requires_grad=True, name=name) for name, value in params.items()
        }
        self.lr = lr
        self.examples = examples

    def forward_prop(self) -> mt.Tensor:
        """Return the prediction; keep every layer's activation, ``A1, A2, …``, in `activations`."""
        A = self.X
        self.activations: dict[str, mt.Tensor] = {}
        for layer in range(1, len(self.params) // 2 + 1):
            W, b = self.params[f"W{layer}"], self.params[f"b{layer}"]
            A = self.activations[f"A{layer}"] = mt.sigmoid(W @ A + b)
        return A

    def cost(self) -> mt.Tensor:
        """Go forward; return the cross-entropy, summed over outputs, averaged over examples."""
        A = self.output = self.forward_prop()
        m = self.Y.shape[1]
        log_A, log_rest = (mt.log(mt.maximum(p, _LEAST)) for p in (A, 1 - A))
        cost: mt.Tensor = (-1 / m) * (self.Y * log_A + self.rest * log_rest).sum()
        return cost

    @property
    def weights(self) -> Arrays:
        """The present parameters."""
        return {name: tensor.numpy() for name, tensor in self.params.items()}

    @property
    def prediction(self) -> Array:
        """The output, by the weights before the last step."""
        output: Array = self.output.numpy()
        return output if self.examples == "columns" else output.T

    def step(self) -> Step:
        """Go forward and backward, and change the parameters by ``-lr`` times their gradients."""
        cost = self.cost()
        for tensor in self.params.values():
            tensor.grad = None
        cost.backward()
        gradients = {name: _gradient(tensor) for name, tensor in self.params.items()}
        with mt.no_grad():
            for name, tensor in self.params.items():
                tensor -= self.lr * gradients[name]
        return Step(cost.item(), gradients)


class Modules:
    """The network of layers: `nn.Sequential`, `nn.BCELoss` and `optim.SGD`.

    Layers take examples in rows.

    >>> X, Y = truth_table()
    >>> params = init_params([3, 4, 1], np.random.default_rng(0), scale=1.0)
    >>> Modules(X, Y, params, lr=1.0).model
    Sequential(
      (0): Linear(in_features=3, out_features=4, bias=True)
      (1): Sigmoid()
      (2): Linear(in_features=4, out_features=1, bias=True)
      (3): Sigmoid()
    )
    """

    def __init__(
        self, X: Array, Y: Array, params: Arrays, lr: float, examples: Layout = "columns"
    ) -> None:
        self.examples = examples
        self.X, self.Y = (mt.tensor(a if examples == "rows" else a.T) for a in (X, Y))
        self.layers: list[Any] = []
        modules: list[Any] = []
        for number in range(1, len(params) // 2 + 1):
            W, b = params[f"W{number}"], params[f"b{number}"]
            layer = nn.Linear(W.shape[1], W.shape[0])
            layer.weight.data = W.copy()
            assert layer.bias is not None
            layer.bias.data = b.ravel().copy()
            self.layers.append(layer)
            modules += [layer, nn.Sigmoid()]
        self.model = nn.Sequential(*modules)
        self.criterion = nn.BCELoss(reduction="sum")
        self.optimizer = optim.SGD(self.model.parameters(), lr=lr)

    @property
    def weights(self) -> Arrays:
        """The present parameters, in the tutorial's shapes."""
        return self._named([(layer.weight.numpy(), layer.bias.numpy()) for layer in self.layers])

    @property
    def prediction(self) -> Array:
        """The output, by the weights before the last step."""
        output: Array = self.output.numpy()
        return output if self.examples == "rows" else output.T

    def step(self) -> Step:
        """Go forward and backward, and let the optimizer change the parameters."""
        self.optimizer.zero_grad()
        self.output = self.model(self.X)
        cost = self.criterion(self.output, self.Y) / len(self.X)
        cost.backward()
        gradients = self._named(
            [(_gradient(layer.weight), _gradient(layer.bias)) for layer in self.layers]
        )
        self.optimizer.step()
        return Step(cost.item(), gradients)

    @staticmethod
    def _named(layers: Sequence[tuple[Array, Array]]) -> Arrays:
        named: Arrays = {}
        for number, (W, b) in enumerate(layers, 1):
            named |= {f"W{number}": W, f"b{number}": b[:, None]}
        return named


def forms(
    X: Array, Y: Array, params: Arrays, lr: float, examples: Layout = "columns"
) -> dict[str, Network]:
    """Return the hand-derived network and the two automatic ones, all with equal parameters.

    In columns ``X`` is (features, examples) and ``Y`` (outputs, examples); in rows both are
    transposed. ``params`` are the same for either.

    >>> X, Y = truth_table()
    >>> params = init_params([3, 4, 4, 1], np.random.default_rng(0), scale=1.0)
    >>> list(forms(X, Y, params, lr=1.0))
    ['by hand', 'tensor operations', 'nn.Sequential']
    """
    return {
        "by hand": HandDerived(X, Y, params, lr, examples),
        "tensor operations": Composed(X, Y, params, lr, examples),
        "nn.Sequential": Modules(X, Y, params, lr, examples),
    }


def _gradient(tensor: mt.Tensor) -> Array:
    assert tensor.grad is not None
    return tensor.grad.numpy()
