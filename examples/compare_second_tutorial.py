"""Put the second tutorial's published backward passes to the test, as they were published.

    python examples/compare_second_tutorial.py

`CLASS` and `DEEP` are the tutorial's own lines. Neither runs as it is. What was changed to make
them run, and no more:

- `CLASS` uses `np`, `sigmoid` and `sigmoid_derivative` without defining them: they are given to it,
  `sigmoid_derivative` in the two ways in which a reader may understand it.
- `DEEP` has four lines that stop it: `MENDED` lists them, and what stands there now.

`docs/tutorial-2-mistakes.md` has all of the tutorial's mistakes; here are those of the gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import microtensor as mt
import microtensor.nn.functional as F
from microtensor.tutorials.by_hand import deep, two_layer

CLASS = """
class NeuralNetwork:
    def __init__(self, x, y):
        self.input      = x
        self.weights1   = np.random.rand(self.input.shape[1],4)
        self.weights2   = np.random.rand(4,1)
        self.y          = y
        self.output     = np.zeros(self.y.shape)

    def feedforward(self):
        self.layer1 = sigmoid(np.dot(self.input, self.weights1))
        self.output = sigmoid(np.dot(self.layer1, self.weights2))

    def backprop(self):
        # application of the chain rule to find derivative of the loss function with respect to weights2 and weights1
        d_weights2 = np.dot(self.layer1.T, (2*(self.y - self.output) * sigmoid_derivative(self.output)))
        d_weights1 = np.dot(self.input.T,  (np.dot(2*(self.y - self.output) * sigmoid_derivative(self.output), self.weights2.T) * sigmoid_derivative(self.layer1)))

        # update the weights with the derivative (slope) of the loss function
        self.weights1 += d_weights1
        self.weights2 += d_weights2
"""  # noqa: E501 - as published

DEEP = """
def sigmoid(Z):
\tA = 1/(1+np.exp(np.dot(-1, Z)))
    cache = (Z)

    return A, cache

def forward_prop(X, params):

    A = X # input to first layer i.e. training data
    caches = []
    L = len(params)//2
    for l in range(1, L+1):
        A_prev = A

        # Linear Hypothesis
        Z = np.dot(params['W'+str(l)], A_prev) + params['b'+str(l)]

        # Storing the linear cache
        linear_cache = (A_prev, params['W'+str(l)], params['b'+str(l)])

        # Applying sigmoid on linear hypothesis
        A, activation_cache = sigmoid(Z)

         # storing the both linear and activation cache
        cache = (linear_cache, activation_cache)

    return A, caches

def one_layer_backward(dA, cache):
    linear_cache, activation_cache = cache

    Z = activation_cache
    dZ = dA*sigmoid(Z)*(1-sigmoid(Z)) # The derivative of the sigmoid function

    A_prev, W, b = linear_cache
    m = A_prev.shape[1]

    dW = (1/m)*np.dot(dZ, A_prev.T)
    db = (1/m)*np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)

    return dA_prev, dW, db

def backprop(AL, Y, caches):
    grads = {}
    L = len(caches)
    m = AL.shape[1]
    Y = Y.reshape(AL.shape)

    dAL = -(np.divide(Y, AL) - np.divide(1-Y, 1-AL))

    current_cache = caches[L-1]
    grads['dA'+str(L-1)], grads['dW'+str(L-1)], grads['db'+str(L-1)] = one_layer_backward(dAL, current_cache)

    for l in reversed(range(L-1)):

        current_cache = caches[l]
        dA_prev_temp, dW_temp, db_temp = one_layer_backward(grads["dA" + str(l+1)], current_cache)
        grads["dA" + str(l)] = dA_prev_temp
        grads["dW" + str(l + 1)] = dW_temp
        grads["db" + str(l + 1)] = db_temp

    return grads
"""  # noqa: E501 - as published

MENDED = {
    # IndentationError: a tab among spaces
    "\tA = 1/(1+np.exp(np.dot(-1, Z)))": "    A = 1/(1+np.exp(np.dot(-1, Z)))",
    # IndexError in backprop: nothing is kept in caches
    "    return A, caches": "        caches.append(cache)\n\n    return A, caches",
    # TypeError: sigmoid returns a pair
    "dA*sigmoid(Z)*(1-sigmoid(Z))": "dA*sigmoid(Z)[0]*(1-sigmoid(Z)[0])",
    # KeyError in the update: the last layer's gradients go by the names of the layer before
    "grads['dW'+str(L-1)], grads['db'+str(L-1)]": "grads['dW'+str(L)], grads['db'+str(L)]",
}


def deep_network() -> dict[str, Any]:
    """Return the functions of `DEEP`, mended."""
    code = DEEP
    for published, mended in MENDED.items():
        assert code.count(published) == 1, published
        code = code.replace(published, mended)
    names = {"np": np}
    exec(code, names)
    return names


def calculus_derivative(x: Any) -> Any:
    """Return σ'(x): what `sigmoid_derivative(x)` means in calculus."""
    return two_layer.sigmoid(x) * (1 - two_layer.sigmoid(x))


def compare_class(sigmoid_derivative: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Compare what the class calls derivatives, and the step that it takes with them."""
    names = {"np": np, "sigmoid": two_layer.sigmoid, "sigmoid_derivative": sigmoid_derivative}
    exec(CLASS, names)
    x, y = two_layer.truth_table()
    rng = np.random.default_rng(0)
    weights1 = mt.tensor(rng.random((3, 4)), requires_grad=True)
    weights2 = mt.tensor(rng.random((4, 1)), requires_grad=True)

    network: Any = names["NeuralNetwork"](x, y)
    network.weights1, network.weights2 = weights1.numpy().copy(), weights2.numpy().copy()
    network.feedforward()
    network.backprop()

    layer1 = mt.sigmoid(x @ weights1)
    output = mt.sigmoid(layer1 @ weights2)
    loss = ((y - output) ** 2).sum()
    d_weights1 = network.weights1 - weights1.numpy()
    d_weights2 = network.weights2 - weights2.numpy()
    derivatives = mt.compare(loss, {weights1: d_weights1, weights2: d_weights2})
    step = mt.compare_step(
        loss,
        {
            weights1: (weights1.numpy(), network.weights1),
            weights2: (weights2.numpy(), network.weights2),
        },
        lr=1.0,
    )
    return derivatives, step


def compare_deep(X: Any, Y: Any, published_Y: Any | None = None, certainty: float = 0.0) -> Any:
    """Compare all that `backprop` returns, for X (features, m) and Y (outputs, m).

    It is given `published_Y` for Y, and a last layer whose bias is larger by `certainty`.
    """
    params = deep.init_params([len(X), 4, len(Y)], np.random.default_rng(0), scale=1.0)
    params["b2"] += certainty
    published = deep_network()
    AL, caches = published["forward_prop"](X, params)
    with np.errstate(divide="ignore", invalid="ignore"):
        grads = published["backprop"](AL, Y if published_Y is None else published_Y, caches)

    X = mt.tensor(X, requires_grad=True)
    W1, b1, W2, b2 = (mt.tensor(value, requires_grad=True) for value in params.values())
    A1 = mt.sigmoid(W1 @ X + b1)
    Z2 = W2 @ A1 + b2
    # The tutorial's cost of sigmoid(Z2), without a logarithm that could overflow
    cost = F.binary_cross_entropy_with_logits(Z2, Y, reduction="sum") / Y.shape[1]
    return mt.compare(
        cost,
        {
            W2: grads["dW2"],
            b2: grads["db2"],
            A1: grads["dA1"],
            W1: grads["dW1"],
            b1: grads["db1"],
            X: grads["dA0"],
        },
    )


def comparisons() -> dict[str, Any]:
    """Return all comparisons, by what is compared."""
    as_meant, as_meant_step = compare_class(two_layer.sigmoid_derivative)
    as_in_calculus, as_in_calculus_step = compare_class(calculus_derivative)
    X, Y = deep.truth_table()
    two_outputs = np.vstack([Y, X[:1]])
    return {
        "The class's d_weights, if sigmoid_derivative(x) is x (1 - x)": as_meant,
        "The class's step, if sigmoid_derivative(x) is x (1 - x)": as_meant_step,
        "The class's d_weights, if sigmoid_derivative(x) is σ(x) (1 - σ(x))": as_in_calculus,
        "The class's step, if sigmoid_derivative(x) is σ(x) (1 - σ(x))": as_in_calculus_step,
        "The deep network": compare_deep(X, Y),
        "The deep network, two outputs, given targets with an example to a row": compare_deep(
            X, two_outputs, published_Y=two_outputs.T
        ),
        "The deep network, so certain that all predictions are rounded to 1": compare_deep(
            X, Y, certainty=40.0
        ),
    }


def main() -> dict[str, Any]:
    """Print all comparisons, and what came of each in a line; return them."""
    found = comparisons()
    for title, comparison in found.items():
        print(f"{title}\n\n{comparison}\n")
    for title, comparison in found.items():
        wrong = ", ".join(f"{row.name} ({row.cause.kind})" for row in comparison.roots)
        print(f"{title}: {wrong or 'right'}")
    return found


if __name__ == "__main__":
    main()
