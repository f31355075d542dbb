"""Losses in ONNX's operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .reduce import log_softmax, softmax
from .value import Value

__all__ = ["AS_GIVEN", "TO_RESULT"]


def _sum_squared_error(out: Any, x: Value, y: Value) -> Value:
    error = x - y
    return (error * error).sum()


def _binary_cross_entropy(out: Any, x: Value, y: Value) -> Value:
    """Limit the logarithms to -100, as PyTorch does."""
    limit = x.graph.constant(-100, x.dtype)
    log_x, log_rest = (p.node("Log").node("Max", limit) for p in (x, 1.0 - x))
    return (y - 1.0) * log_rest - y * log_x


def _cross_entropy(out: Any, x: Value, classes: Value) -> Value:
    logs = log_softmax(out, x, -1)
    at = classes.astype(np.int64).unsqueeze(classes.ndim)
    chosen = logs.node("GatherElements", at, shape=at.shape, axis=-1)
    return -chosen.reshape(classes.shape)


def _softmax_error(out: Any, x: Value, classes: Value) -> Value:
    numbers = x.graph.constant(np.arange(x.shape[-1]), np.int64)
    at = classes.astype(np.int64).unsqueeze(classes.ndim)
    return softmax(out, x, -1) - at.equals(numbers).astype(x.dtype)


# fmt: off
TO_RESULT: dict[str, Callable[..., Value]] = {
    "sum_squared_error":    _sum_squared_error,
    "binary_cross_entropy": _binary_cross_entropy,
    "binary_cross_entropy_with_logits": lambda out, x, y: (1.0 - y) * x + (-x).node("Softplus"),
}

AS_GIVEN: dict[str, Callable[..., Value]] = {
    "cross_entropy":      _cross_entropy,
    "mean_cross_entropy": lambda out, *inputs: _cross_entropy(out, *inputs).reduce("ReduceMean"),
    "softmax_error":      _softmax_error,
    "class_indices":      lambda out, x, count: x,
}
# fmt: on
