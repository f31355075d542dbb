"""A neuron, and a layer of neurons, forward as written and backward by automatic differentiation.

The functions take and return what those of `by_hand.neurons` do; no gradient is derived here.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import microtensor as mt
from microtensor.errors import ShapeError

from .by_hand.neurons import neuron_layer, single_neuron

__all__ = [
    "layer",
    "layer_backward",
    "neuron",
    "neuron_backward",
    "neuron_layer",
    "single_neuron",
    "squared_error",
    "squared_error_backward",
]

Array: TypeAlias = NDArray[np.float64]


def neuron(inputs: Any, weights: Any, bias: Any) -> mt.Tensor:
    """Return inputs · weights + bias.

    `inputs` and `weights` are both (inputs,); ShapeError otherwise.

    >>> neuron(*single_neuron())
    tensor(2.3)
    """
    output: mt.Tensor = _vector("inputs", inputs) @ _vector("weights", weights) + bias
    return output


def neuron_backward(
    d_output: float, inputs: ArrayLike, weights: ArrayLike
) -> tuple[Array, Array, float]:
    """Return the loss's gradients by inputs, weights and bias, given d_output = dloss/doutput.

    >>> neuron_backward(2.0, [1.0, 2.0], [3.0, 4.0])
    (array([6., 8.]), array([2., 4.]), 2.0)
    """
    x, w, b = _leaves(inputs, weights, 0.0)
    neuron(x, w, b).backward(d_output)
    d_inputs, d_weights, d_bias = _gradients(x, w, b)
    return d_inputs, d_weights, float(d_bias)


def layer(inputs: Any, weights: Any, biases: Any) -> mt.Tensor:
    """Return the output of each neuron, (neurons,).

    `inputs` is (inputs,), `weights` is (neurons, inputs), `biases` is (neurons,); ShapeError
    otherwise.

    >>> layer(*neuron_layer())
    tensor([4.8  , 1.21 , 2.385])
    """
    inputs, biases = _vector("inputs", inputs), _vector("biases", biases)
    weights = _tensor(weights)
    if weights.shape != (biases.size, inputs.size):
        raise ShapeError(
            f"a layer needs weights (neurons, inputs), one bias for each neuron; weights have "
            f"shape {weights.shape}, biases {biases.shape}, inputs {inputs.shape}"
        )
    outputs: mt.Tensor = weights @ inputs + biases
    return outputs


def layer_backward(
    d_outputs: ArrayLike, inputs: ArrayLike, weights: ArrayLike
) -> tuple[Array, Array, Array]:
    """Return the loss's gradients by inputs, weights and biases, given d_outputs (neurons,).

    >>> d_inputs, d_weights, d_biases = layer_backward([1.0, 2.0], [1.0, 2.0], np.eye(2))
    >>> d_weights
    array([[1., 2.],
           [2., 4.]])
    """
    x, w, b = _leaves(inputs, weights, np.zeros(np.shape(d_outputs)))
    layer(x, w, b).backward(d_outputs)
    return _gradients(x, w, b)


def squared_error(outputs: Any, targets: Any) -> mt.Tensor:
    """Return Σ (outputs - targets)²; ShapeError if the shapes differ.

    >>> squared_error([1.0, 2.0], [0.0, 4.0])
    tensor(5.)
    """
    outputs, targets = _tensor(outputs), _tensor(targets)
    if outputs.shape != targets.shape:
        raise ShapeError(
            f"outputs and targets must have one shape; they have {outputs.shape} "
            f"and {targets.shape}"
        )
    error: mt.Tensor = ((outputs - targets) ** 2).sum()
    return error


def squared_error_backward(outputs: ArrayLike, targets: ArrayLike) -> Array:
    """Return the gradient of `squared_error` by the outputs.

    >>> squared_error_backward([1.0, 2.0], [0.0, 4.0])
    array([ 2., -4.])
    """
    (y,) = _leaves(outputs)
    squared_error(y, targets).backward()
    gradient: Array = _gradients(y)[0]
    return gradient


def _tensor(value: Any) -> mt.Tensor:
    return value if isinstance(value, mt.Tensor) else mt.tensor(value, dtype=np.float64)


def _vector(name: str, value: Any) -> mt.Tensor:
    tensor = _tensor(value)
    if tensor.ndim != 1:
        raise ShapeError(f"{name} must have one axis, but have shape {tensor.shape}")
    return tensor


def _leaves(*values: Any) -> tuple[mt.Tensor, ...]:
    return tuple(mt.tensor(value, dtype=np.float64, requires_grad=True) for value in values)


def _gradients(*leaves: mt.Tensor) -> tuple[Any, ...]:
    assert all(leaf.grad is not None for leaf in leaves)
    return tuple(leaf.grad.numpy() for leaf in leaves if leaf.grad is not None)
