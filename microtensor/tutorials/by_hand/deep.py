"""The second tutorial's deep network, corrected: sigmoid layers, binary cross-entropy.

Names and order are the tutorial's, so that a diff against it shows the corrections;
`docs/tutorial-2-mistakes.md` tells them one by one. Arrays are (features, examples).

A prediction that rounds to exactly 0 or 1 would make the cost infinite and the gradient NaN.
The cost therefore floors logarithms at -100, and `backprop` floors denominators at 1e-12, the
constants of PyTorch's BCELoss: all stays finite. Predictions within 1e-12 of 0 or 1 (|Z| > 27.6)
have a gradient that fades to 0 even where they are wrong; such an example stops teaching.
All other predictions have the exact gradient.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Params: TypeAlias = dict[str, Array]
Cache: TypeAlias = tuple[tuple[Array, Array, Array], Array]


def init_params(layer_dims: Sequence[int], rng: np.random.Generator, scale: float = 0.01) -> Params:
    """Draw W1, W2, … of shape (layer_dims[l], layer_dims[l-1]) from N(0, scale²); biases are 0.

    `scale` is 0.01 in the tutorial, too small for the truth table: see the docs page.
    Raises ValueError if `layer_dims` has fewer than two entries, or one below 1.

    >>> params = init_params([3, 4, 1], np.random.default_rng(0))
    >>> {name: value.shape for name, value in params.items()}
    {'W1': (4, 3), 'b1': (4, 1), 'W2': (1, 4), 'b2': (1, 1)}
    """
    _check_layer_dims(layer_dims)
    params = {}
    L = len(layer_dims)

    for layer in range(1, L):
        shape = (layer_dims[layer], layer_dims[layer - 1])
        params["W" + str(layer)] = rng.standard_normal(shape) * scale
        params["b" + str(layer)] = np.zeros((layer_dims[layer], 1))

    return params


def sigmoid(Z: Array) -> tuple[Array, Array]:
    """Return A = 1 / (1 + exp(-Z)), and Z itself as the cache for the backward pass.

    >>> A, cache = sigmoid(np.array([[-1000.0, 0.0, 1000.0]]))
    >>> A
    array([[0. , 0.5, 1. ]])
    """
    with np.errstate(over="ignore"):  # exp(-Z) is inf below Z = -709, and 1 / inf is right
        A: Array = 1 / (1 + np.exp(-Z))
    cache = Z

    return A, cache


def forward_prop(X: Array, params: Params) -> tuple[Array, list[Cache]]:
    """Return the prediction (outputs, examples), and per layer ((A_prev, W, b), Z).

    Raises ValueError if `X` is not (features, examples) with the features that W1 takes.

    >>> params = init_params([3, 4, 1], np.random.default_rng(0))
    >>> A, caches = forward_prop(truth_table()[0], params)
    >>> A.shape, len(caches)
    ((1, 4), 2)
    """
    features = params["W1"].shape[1]
    if X.ndim != 2 or X.shape[0] != features:
        raise ValueError(
            f"X must be (features, examples) with {features} features, as W1 "
            f"{params['W1'].shape} takes; X has shape {X.shape}"
        )
    A = X
    caches = []
    L = len(params) // 2
    for layer in range(1, L + 1):
        A_prev = A

        Z = np.dot(params["W" + str(layer)], A_prev) + params["b" + str(layer)]
        linear_cache = (A_prev, params["W" + str(layer)], params["b" + str(layer)])

        A, activation_cache = sigmoid(Z)
        cache = (linear_cache, activation_cache)
        caches.append(cache)

    return A, caches


def cost_function(A: Array, Y: Array) -> float:
    """Return the binary cross-entropy in nats, summed over outputs, averaged over examples.

    `A` and `Y` are (outputs, examples); ValueError if their shapes differ.

    >>> round(cost_function(np.array([[0.5, 0.5]]), np.array([[0.0, 1.0]])), 4)
    0.6931
    >>> cost_function(np.array([[0.0]]), np.array([[1.0]]))
    100.0
    """
    _check_targets("A", A, Y)
    m = Y.shape[1]

    cost = (-1 / m) * np.sum(Y * _log(A) + (1 - Y) * _log(1 - A))

    return float(cost)


def one_layer_backward(dA: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Return dA_prev, dW and db of one layer, from dA and what the forward pass kept.

    As in the tutorial, the 1/m of the mean stays out of dA and dA_prev, and is put into dW and
    db: these are gradients of the cost, dA and dA_prev are m times that.

    >>> cache = ((np.ones((2, 1)), np.ones((1, 2)), np.zeros((1, 1))), np.zeros((1, 1)))
    >>> one_layer_backward(np.array([[4.0]]), cache)
    (array([[1.],
           [1.]]), array([[1., 1.]]), array([[1.]]))
    """
    linear_cache, activation_cache = cache

    A, _ = sigmoid(activation_cache)
    dZ = dA * A * (1 - A)

    A_prev, W, _ = linear_cache
    m = A_prev.shape[1]

    dW = (1 / m) * np.dot(dZ, A_prev.T)
    db = (1 / m) * np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)

    return dA_prev, dW, db


def backprop(AL: Array, Y: Array, caches: list[Cache]) -> Params:
    """Return dW1, db1, … (gradients of the cost), and dA0, dA1, … (m times the gradients).

    dA0 belongs to X, dA1 to the first layer's activation. `AL` and `Y` are (outputs, examples);
    ValueError if their shapes differ.

    >>> params = init_params([3, 4, 1], np.random.default_rng(0))
    >>> X, Y = truth_table()
    >>> A, caches = forward_prop(X, params)
    >>> sorted(backprop(A, Y, caches))
    ['dA0', 'dA1', 'dW1', 'dW2', 'db1', 'db2']
    """
    _check_targets("AL", AL, Y)
    grads = {}
    L = len(caches)

    dAL = -(np.divide(Y, _denominator(AL)) - np.divide(1 - Y, _denominator(1 - AL)))

    dA_prev, dW, db = one_layer_backward(dAL, caches[L - 1])
    grads["dA" + str(L - 1)], grads["dW" + str(L)], grads["db" + str(L)] = dA_prev, dW, db

    for layer in reversed(range(L - 1)):
        dA_prev, dW, db = one_layer_backward(grads["dA" + str(layer + 1)], caches[layer])
        grads["dA" + str(layer)] = dA_prev
        grads["dW" + str(layer + 1)] = dW
        grads["db" + str(layer + 1)] = db

    return grads


def update_parameters(parameters: Params, grads: Params, learning_rate: float) -> Params:
    """Return the parameters after one step of gradient descent; `parameters` is left as it is.

    >>> before = {"W1": np.array([[1.0]]), "b1": np.array([[0.0]])}
    >>> grads = {"dW1": np.array([[2.0]]), "db1": np.array([[4.0]])}
    >>> update_parameters(before, grads, 0.25)
    {'W1': array([[0.5]]), 'b1': array([[-1.]])}
    """
    parameters = dict(parameters)
    L = len(parameters) // 2

    for layer in range(1, L + 1):
        W, b = "W" + str(layer), "b" + str(layer)
        parameters[W] = parameters[W] - learning_rate * grads["d" + W]
        parameters[b] = parameters[b] - learning_rate * grads["d" + b]

    return parameters


def train(
    X: Array,
    Y: Array,
    layer_dims: Sequence[int],
    epochs: int,
    lr: float,
    rng: np.random.Generator | None = None,
    *,
    params: Params | None = None,
    scale: float = 0.01,
) -> tuple[Params, list[float]]:
    """Train on all of `X` (features, examples) and `Y` (outputs, examples) for some epochs.

    Starting parameters are drawn by `rng` with `scale`, or are `params`, which stay unchanged;
    exactly one of the two is given. Returns the trained parameters, and the cost before each
    epoch's step. Raises ValueError if shapes and `layer_dims` do not fit.

    >>> X, Y = truth_table()
    >>> params, costs = train(X, Y, [3, 4, 1], 1500, 1.0, np.random.default_rng(0), scale=1.0)
    >>> len(costs), costs[-1] < 0.02
    (1500, True)
    >>> forward_prop(X, params)[0].round()
    array([[0., 1., 1., 0.]])
    """
    _check_examples(X, Y, layer_dims)
    if rng is not None and params is None:
        params = init_params(layer_dims, rng, scale)
    elif params is not None and rng is None:
        _check_params(params, layer_dims)
    else:
        raise ValueError("pass either rng, to draw the starting parameters, or params")
    cost_history = []

    for _ in range(epochs):
        Y_hat, caches = forward_prop(X, params)
        cost_history.append(cost_function(Y_hat, Y))
        grads = backprop(Y_hat, Y, caches)

        params = update_parameters(params, grads, lr)

    return params, cost_history


def train_rows(
    X: Array,
    Y: Array,
    layer_dims: Sequence[int],
    epochs: int,
    lr: float,
    rng: np.random.Generator | None = None,
    *,
    params: Params | None = None,
    scale: float = 0.01,
) -> tuple[Params, list[float]]:
    """Do as `train`, with `X` (examples, features) and `Y` (examples, outputs).

    The parameters keep their shapes: W is (outputs, inputs) in either layout.

    >>> X, Y = truth_table()
    >>> start = init_params([3, 4, 1], np.random.default_rng(0))
    >>> columns, _ = train(X, Y, [3, 4, 1], 10, 0.5, params=start)
    >>> rows, _ = train_rows(X.T, Y.T, [3, 4, 1], 10, 0.5, params=start)
    >>> all(np.allclose(columns[name], rows[name], rtol=0, atol=1e-14) for name in start)
    True
    """
    return train(X.T, Y.T, layer_dims, epochs, lr, rng, params=params, scale=scale)


def truth_table() -> tuple[Array, Array]:
    """Return the first tutorial's four examples in columns: X (3, 4) and Y (1, 4).

    >>> truth_table()[1]
    array([[0., 1., 1., 0.]])
    """
    X = np.array([[0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1]], dtype=np.float64)
    Y = np.array([[0, 1, 1, 0]], dtype=np.float64)
    return X, Y


def noisy_xor(examples: int, rng: np.random.Generator, noise: float = 0.1) -> tuple[Array, Array]:
    """Draw corners of the unit square, blurred by N(0, noise²), labelled by exclusive or.

    Returns X (2, examples) and Y (1, examples).

    >>> X, Y = noisy_xor(200, np.random.default_rng(0))
    >>> X.shape, Y.shape, float(Y.min()), float(Y.max())
    ((2, 200), (1, 200), 0.0, 1.0)
    """
    corners = rng.integers(0, 2, size=(2, examples))
    X = corners + noise * rng.standard_normal((2, examples))
    Y = np.logical_xor(corners[:1], corners[1:]).astype(np.float64)
    return X, Y


def _log(A: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(A), -100)


def _denominator(A: Array) -> Array:
    return np.maximum(A, 1e-12)


def _check_layer_dims(layer_dims: Sequence[int]) -> None:
    if len(layer_dims) < 2 or min(layer_dims) < 1:
        raise ValueError(
            f"layer_dims needs two or more positive sizes, from features to outputs; "
            f"got {list(layer_dims)}"
        )


def _check_targets(name: str, A: Array, Y: Array) -> None:
    if A.shape != Y.shape:
        raise ValueError(
            f"{name} and Y must both be (outputs, examples), but {name} has shape {A.shape} "
            f"and Y {Y.shape}"
        )


def _check_examples(X: Array, Y: Array, layer_dims: Sequence[int]) -> None:
    _check_layer_dims(layer_dims)
    if X.ndim != 2 or Y.ndim != 2 or X.shape[1] != Y.shape[1]:
        raise ValueError(
            f"X (features, examples) and Y (outputs, examples) need the same examples, "
            f"but have shapes {X.shape} and {Y.shape}"
        )
    if (layer_dims[0], layer_dims[-1]) != (X.shape[0], Y.shape[0]):
        raise ValueError(
            f"layer_dims must lead from {X.shape[0]} features (X has shape {X.shape}) to "
            f"{Y.shape[0]} outputs (Y has shape {Y.shape}); got {list(layer_dims)}"
        )


def _check_params(params: Params, layer_dims: Sequence[int]) -> None:
    expected = {}
    for layer, (inputs, outputs) in enumerate(pairwise(layer_dims), 1):
        expected["W" + str(layer)] = (outputs, inputs)
        expected["b" + str(layer)] = (outputs, 1)
    shapes = {name: value.shape for name, value in params.items()}
    if shapes != expected:
        raise ValueError(f"params of layer_dims {list(layer_dims)} are {expected}; got {shapes}")
