"""A single neuron with 3 inputs, and a layer of neurons with 4, forward and backward by hand.

The second tutorial only shows these as a picture, and links to "Neural Networks from Scratch,
P.2: Coding a Layer" (sentdex); inputs, weights and biases are those of that video. A layer's
weights are (neurons, inputs): one neuron to a row.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.float64]


def single_neuron() -> tuple[Array, Array, float]:
    """Return the video's neuron with 3 inputs: inputs (3,), weights (3,), bias.

    >>> round(neuron(*single_neuron()), 12)
    2.3
    """
    return np.array([1.0, 2.0, 3.0]), np.array([0.2, 0.8, -0.5]), 2.0


def neuron_layer() -> tuple[Array, Array, Array]:
    """Return the video's layer of 3 neurons: inputs (4,), weights (3, 4), biases (3,).

    >>> layer(*neuron_layer())
    array([4.8  , 1.21 , 2.385])
    """
    inputs = np.array([1.0, 2.0, 3.0, 2.5])
    weights = np.array(
        [
            [0.2, 0.8, -0.5, 1.0],
            [0.5, -0.91, 0.26, -0.5],
            [-0.26, -0.27, 0.17, 0.87],
        ]
    )
    biases = np.array([2.0, 3.0, 0.5])
    return inputs, weights, biases


def neuron(inputs: ArrayLike, weights: ArrayLike, bias: float) -> float:
    """Return inputs[0]·weights[0] + inputs[1]·weights[1] + … + bias.

    `inputs` and `weights` are both (inputs,); ValueError otherwise.

    >>> neuron([1.0, 2.0], [3.0, 4.0], 0.5)
    11.5
    """
    inputs, weights = np.asarray(inputs, np.float64), np.asarray(weights, np.float64)
    if inputs.ndim != 1 or inputs.shape != weights.shape:
        raise ValueError(
            f"a neuron needs one weight for each input; inputs have shape {inputs.shape}, "
            f"weights {weights.shape}"
        )
    return sum(float(x) * float(w) for x, w in zip(inputs, weights, strict=True)) + bias


def neuron_backward(
    d_output: float, inputs: ArrayLike, weights: ArrayLike
) -> tuple[Array, Array, float]:
    """Return the loss's gradients by inputs, weights and bias, given d_output = dloss/doutput.

    output = Σ inputs·weights + bias, so each input's gradient is its weight, each weight's is
    its input, the bias's is 1, all times d_output.

    >>> neuron_backward(2.0, [1.0, 2.0], [3.0, 4.0])
    (array([6., 8.]), array([2., 4.]), 2.0)
    """
    d_inputs = d_output * np.asarray(weights, np.float64)
    d_weights = d_output * np.asarray(inputs, np.float64)
    return d_inputs, d_weights, d_output


def layer(inputs: ArrayLike, weights: ArrayLike, biases: ArrayLike) -> Array:
    """Return the output of each neuron, (neurons,): each has all the inputs, a row, and a bias.

    `inputs` is (inputs,), `weights` is (neurons, inputs), `biases` is (neurons,); ValueError
    otherwise.

    >>> layer([1.0, 2.0], [[3.0, 4.0], [5.0, 6.0]], [0.5, 0.0])
    array([11.5, 17. ])
    """
    inputs, weights, biases = (np.asarray(a, np.float64) for a in (inputs, weights, biases))
    if not inputs.ndim == biases.ndim == 1 or weights.shape != (biases.size, inputs.size):
        raise ValueError(
            f"a layer needs weights (neurons, inputs), one bias for each neuron; weights have "
            f"shape {weights.shape}, biases {biases.shape}, inputs {inputs.shape}"
        )
    return np.array(
        [neuron(inputs, row, float(bias)) for row, bias in zip(weights, biases, strict=True)]
    )


def layer_backward(
    d_outputs: ArrayLike, inputs: ArrayLike, weights: ArrayLike
) -> tuple[Array, Array, Array]:
    """Return the loss's gradients by inputs, weights and biases, given d_outputs (neurons,).

    Each neuron has its own row of the weights' gradient and its own bias; the inputs are
    shared, so that what the neurons say of them is summed.

    >>> d_inputs, d_weights, d_biases = layer_backward([1.0, 2.0], [1.0, 2.0], np.eye(2))
    >>> d_inputs
    array([1., 2.])
    >>> d_weights
    array([[1., 2.],
           [2., 4.]])
    >>> d_biases
    array([1., 2.])
    """
    d_outputs, weights = np.asarray(d_outputs, np.float64), np.asarray(weights, np.float64)
    if weights.ndim != 2 or d_outputs.shape != weights.shape[:1]:
        raise ValueError(
            f"d_outputs must be (neurons,), one for each row of the weights; d_outputs has shape "
            f"{d_outputs.shape}, weights {weights.shape}"
        )
    by_neuron = [
        neuron_backward(float(d_output), inputs, row)
        for d_output, row in zip(d_outputs, weights, strict=True)
    ]
    d_inputs, d_weights, d_biases = (np.array(part) for part in zip(*by_neuron, strict=True))
    return d_inputs.sum(axis=0), d_weights, d_biases


def squared_error(outputs: ArrayLike, targets: ArrayLike) -> float:
    """Return Σ (outputs - targets)²; ValueError if the shapes differ.

    >>> squared_error([1.0, 2.0], [0.0, 4.0])
    5.0
    """
    return float(np.sum(_errors(outputs, targets) ** 2))


def squared_error_backward(outputs: ArrayLike, targets: ArrayLike) -> Array:
    """Return the gradient of `squared_error` by the outputs, 2 (outputs - targets).

    >>> squared_error_backward([1.0, 2.0], [0.0, 4.0])
    array([ 2., -4.])
    """
    return 2 * _errors(outputs, targets)


def _errors(outputs: ArrayLike, targets: ArrayLike) -> Array:
    outputs, targets = np.asarray(outputs, np.float64), np.asarray(targets, np.float64)
    if outputs.shape != targets.shape:
        raise ValueError(
            f"outputs and targets must have one shape; they have {outputs.shape} "
            f"and {targets.shape}"
        )
    difference: Array = outputs - targets
    return difference
