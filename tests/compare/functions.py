"""Functions that NumPy lacks, of Tensors as microtensor has them, and written out for the rest."""

from __future__ import annotations

from typing import Any

import autograd.numpy as np

import microtensor as mt
import microtensor.nn.functional as F


def sigmoid(x: Any) -> Any:
    return mt.sigmoid(x) if isinstance(x, mt.Tensor) else 1 / (1 + np.exp(-x))


def relu(x: Any) -> Any:
    return mt.relu(x) if isinstance(x, mt.Tensor) else np.where(x > 0, x, 0 * x)


def softmax(x: Any) -> Any:
    if isinstance(x, mt.Tensor):
        return mt.softmax(x, axis=-1)
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def log_softmax(x: Any) -> Any:
    if isinstance(x, mt.Tensor):
        return mt.log_softmax(x, axis=-1)
    shifted = x - np.max(x, axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def cross_entropy(logits: Any, y: Any) -> Any:
    if isinstance(logits, mt.Tensor):
        return F.cross_entropy(logits, y)
    return -np.mean(log_softmax(logits)[np.arange(len(y)), y])


def one_hot(y: Any, classes: int) -> Any:
    return np.eye(classes)[y]


def linear(x: Any, weight: Any, bias: Any) -> Any:
    """Return x Wᵀ + b: weight is (out, in), as in PyTorch."""
    return F.linear(x, weight, bias) if isinstance(x, mt.Tensor) else x @ weight.T + bias


def mse_loss(x: Any, y: Any) -> Any:
    return F.mse_loss(x, y) if isinstance(x, mt.Tensor) else np.mean((x - y) ** 2)


def bce_with_logits(z: Any, y: Any) -> Any:
    if isinstance(z, mt.Tensor):
        return F.binary_cross_entropy_with_logits(z, y)
    return np.mean(np.log(1 + np.exp(z)) - y * z)
