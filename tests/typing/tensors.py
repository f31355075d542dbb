"""Tensors: arithmetic, indexing, methods, gradients."""

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import microtensor as mt
from microtensor import Tensor

X: npt.NDArray[np.float64] = np.array([[0.0, 1.0], [1.0, 1.0]])
W = mt.tensor([[0.5], [-0.5]], requires_grad=True, name="W")
assert_type(W, Tensor)

# Operators, with numbers and arrays on either side.
assert_type(X @ W, Tensor)
assert_type(W @ W.T, Tensor)
assert_type(2.0 * W + 1, Tensor)
assert_type(X - X @ W, Tensor)
assert_type(np.float64(2.0) * W, Tensor)
assert_type(-(W**2) / 3, Tensor)
assert_type(W > 0, Tensor)
assert_type(W == 0, Tensor)
assert_type(W[0], Tensor)
assert_type(W[:, 0, None], Tensor)
assert_type(list(W), list[Tensor])

# Methods and attributes.
assert_type(W.sum(axis=0, keepdims=True), Tensor)
assert_type(W.mean().reshape(1, 1).squeeze(), Tensor)
assert_type(W.shape, tuple[int, ...])
assert_type(W.dtype, np.dtype[Any])
assert_type(W.numpy(), npt.NDArray[Any])
assert_type(W.data, npt.NDArray[Any])
assert_type(W.detach().item(), float)
assert_type(W.name, str | None)
assert_type(float(W.sum()), float)

# Gradients.
assert_type(((X @ W) ** 2).sum().backward(), None)
assert_type(W.grad, Tensor | None)
assert_type(mt.autograd.grad(W.sum(), W), Tensor)
assert_type(mt.autograd.grad(W.sum(), [W]), tuple[Tensor, ...])


def sgd(parameters: list[Tensor], lr: float) -> None:
    """Change the parameters in place."""
    with mt.no_grad():
        for p in parameters:
            if p.grad is not None:
                p -= lr * p.grad
                p.grad = None


@mt.no_grad()
def accuracy(prediction: Tensor, target: npt.NDArray[np.int64]) -> float:
    """Return which part is right."""
    return (prediction.argmax(axis=1) == target).mean().item()


assert_type(accuracy(W, np.array([0, 0])), float)
