"""The first tutorial's network: two sigmoid layers, no bias, sum of squared errors.

The class keeps the tutorial's names and lines. New are the random generator, given weights,
the checks of shapes, the learning rate, and gradients that stay readable after the update.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), elementwise.

    Below about -709 NumPy warns of an overflow; the value, 0, is right.

    >>> sigmoid(np.array([0.0, np.log(3.0)]))
    array([0.5 , 0.75])
    """
    result: Array = 1.0 / (1 + np.exp(-x))
    return result


def sigmoid_derivative(x: Array) -> Array:
    """Return the sigmoid's derivative, given its *output* x = sigmoid(z): x * (1 - x).

    >>> sigmoid_derivative(sigmoid(np.array([0.0])))
    array([0.25])
    """
    return x * (1.0 - x)


def truth_table() -> tuple[Array, Array]:
    """Return the tutorial's four examples: X (4, 3) and y (4, 1), one example to a row.

    The target is the exclusive or of the first two features; the third is always 1.

    >>> X, y = truth_table()
    >>> np.hstack([X, y]).astype(int)
    array([[0, 0, 1, 0],
           [0, 1, 1, 1],
           [1, 0, 1, 1],
           [1, 1, 1, 0]])
    """
    X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=np.float64)
    y = np.array([[0], [1], [1], [0]], dtype=np.float64)
    return X, y


class NeuralNetwork:
    """The tutorial's network, one example to a row.

    `x` is (examples, features) and `y` is (examples, outputs). `weights1` is (features, hidden)
    and `weights2` is (hidden, outputs): drawn uniformly from [0, 1) by `rng`, or copied from
    `weights`, a pair; exactly one of the two is given. `lr` is 1 in the tutorial, unsaid.
    Raises ValueError if shapes do not fit.

    >>> X, y = truth_table()
    >>> network = NeuralNetwork(X, y, rng=np.random.default_rng(0))
    >>> for _ in range(1500):
    ...     network.feedforward()
    ...     network.backprop()
    >>> network.output.round().ravel()
    array([0., 1., 1., 0.])
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        hidden: int = 4,
        *,
        rng: np.random.Generator | None = None,
        weights: tuple[ArrayLike, ArrayLike] | None = None,
        lr: float = 1.0,
    ) -> None:
        self.input = np.asarray(x, dtype=np.float64)
        self.y = np.asarray(y, dtype=np.float64)
        _check_examples(self.input, self.y, axis=0)
        shape1, shape2 = (self.input.shape[1], hidden), (hidden, self.y.shape[1])
        self.weights1, self.weights2 = _starting_weights(shape1, shape2, rng, weights)
        self.output = np.zeros(self.y.shape)
        self.lr = lr

    def feedforward(self) -> None:
        """Compute `layer1` and `output` from the input and the present weights."""
        self.layer1 = sigmoid(np.dot(self.input, self.weights1))
        self.output = sigmoid(np.dot(self.layer1, self.weights2))

    def backprop(self) -> None:
        """Compute `d_weights1` and `d_weights2`, then take a step; `feedforward` comes first.

        As the tutorial names them, `d_weights1` and `d_weights2` are the *negative* gradients of
        the loss, for the error is written y - output. So they are added. `gradients` has the
        true sign.
        """
        self.d_weights2 = np.dot(
            self.layer1.T, 2 * (self.y - self.output) * sigmoid_derivative(self.output)
        )
        self.d_weights1 = np.dot(
            self.input.T,
            np.dot(2 * (self.y - self.output) * sigmoid_derivative(self.output), self.weights2.T)
            * sigmoid_derivative(self.layer1),
        )

        self.weights1 += self.lr * self.d_weights1
        self.weights2 += self.lr * self.d_weights2

    def loss(self) -> float:
        """Return the sum of squared errors of the last `feedforward`."""
        return float(np.sum((self.y - self.output) ** 2))

    def gradients(self) -> tuple[Array, Array]:
        """Return dloss/dweights1 and dloss/dweights2, as the last `backprop` found them.

        They belong to the weights *before* that step.

        >>> network = NeuralNetwork([[1.0]], [[1.0]], 1, weights=([[0.0]], [[0.0]]))
        >>> network.feedforward()
        >>> network.backprop()
        >>> network.gradients()[1]  # the output, 1/2, is too small: more weight is less loss
        array([[-0.125]])
        """
        return -self.d_weights1, -self.d_weights2


class ColumnNeuralNetwork(NeuralNetwork):
    """The same network, one example to a column: every array is the transpose.

    `x` is (features, examples), `y` is (outputs, examples), `weights1` is (hidden, features),
    `weights2` is (outputs, hidden). All else is as in `NeuralNetwork`.

    >>> X, y = truth_table()
    >>> W1, W2 = np.full((3, 4), 0.5), np.full((4, 1), 0.25)
    >>> rows = NeuralNetwork(X, y, weights=(W1, W2))
    >>> columns = ColumnNeuralNetwork(X.T, y.T, weights=(W1.T, W2.T))
    >>> np.allclose(train(rows, 10), train(columns, 10), rtol=1e-14)
    True
    >>> np.allclose(rows.weights1, columns.weights1.T, rtol=1e-14)
    True
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        hidden: int = 4,
        *,
        rng: np.random.Generator | None = None,
        weights: tuple[ArrayLike, ArrayLike] | None = None,
        lr: float = 1.0,
    ) -> None:
        self.input = np.asarray(x, dtype=np.float64)
        self.y = np.asarray(y, dtype=np.float64)
        _check_examples(self.input, self.y, axis=1)
        shape1, shape2 = (hidden, self.input.shape[0]), (self.y.shape[0], hidden)
        self.weights1, self.weights2 = _starting_weights(shape1, shape2, rng, weights)
        self.output = np.zeros(self.y.shape)
        self.lr = lr

    def feedforward(self) -> None:
        """Compute `layer1` and `output` from the input and the present weights."""
        self.layer1 = sigmoid(np.dot(self.weights1, self.input))
        self.output = sigmoid(np.dot(self.weights2, self.layer1))

    def backprop(self) -> None:
        """Compute `d_weights1` and `d_weights2`, the negative gradients, then take a step."""
        d_output = 2 * (self.y - self.output) * sigmoid_derivative(self.output)
        d_layer1 = np.dot(self.weights2.T, d_output) * sigmoid_derivative(self.layer1)
        self.d_weights2 = np.dot(d_output, self.layer1.T)
        self.d_weights1 = np.dot(d_layer1, self.input.T)

        self.weights1 += self.lr * self.d_weights1
        self.weights2 += self.lr * self.d_weights2


def train(network: NeuralNetwork, iterations: int = 1500) -> Array:
    """Train `network` in place, and return the loss before each of the steps, (iterations,).

    >>> X, y = truth_table()
    >>> losses = train(NeuralNetwork(X, y, rng=np.random.default_rng(0)))
    >>> losses.shape, bool(np.all(np.diff(losses) < 0)), bool(losses[-1] < 0.01)
    ((1500,), True, True)
    """
    losses = np.empty(iterations)
    for i in range(iterations):
        network.feedforward()
        losses[i] = network.loss()
        network.backprop()
    return losses


def _check_examples(x: Array, y: Array, axis: int) -> None:
    line = ("row", "column")[axis]
    for name, array in (("x", x), ("y", y)):
        if array.ndim != 2:
            raise ValueError(
                f"{name} must be 2-D, one example to a {line}, but has shape {array.shape}"
            )
    if x.shape[axis] != y.shape[axis]:
        raise ValueError(
            f"x and y need a {line} for each example, but x has {x.shape[axis]} "
            f"(shape {x.shape}) and y has {y.shape[axis]} (shape {y.shape})"
        )


def _starting_weights(
    shape1: tuple[int, int],
    shape2: tuple[int, int],
    rng: np.random.Generator | None,
    weights: tuple[ArrayLike, ArrayLike] | None,
) -> tuple[Array, Array]:
    if rng is not None and weights is None:
        return rng.random(shape1), rng.random(shape2)
    if weights is None or rng is not None:
        raise ValueError("pass either rng, to draw the starting weights, or weights")
    weights1, weights2 = (np.array(w, dtype=np.float64) for w in weights)
    if (weights1.shape, weights2.shape) != (shape1, shape2):
        raise ValueError(
            f"weights must have shapes {shape1} and {shape2}, "
            f"but have {weights1.shape} and {weights2.shape}"
        )
    return weights1, weights2
