"""Activations in ONNX's operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .value import Value

__all__ = ["TO_RESULT"]


def _leaky_relu(out: Any, x: Value, slope: Value) -> Value:
    zero = x.graph.constant(0, x.dtype)
    return x.node("Relu") + slope * x.node("Min", zero)


def _elu(out: Any, x: Value, alpha: float) -> Value:
    if out.dtype == np.float32 or float(np.float32(alpha)) == alpha:  # as an attribute has it
        return x.node("Elu", alpha=float(alpha))
    below = x.node("Min", x.graph.constant(0, x.dtype))
    return x.node("Relu") + below.node("Elu") * float(alpha)


def _hardtanh(out: Any, x: Value, min_val: float, max_val: float) -> Value:
    limits = (x.graph.constant(limit, x.dtype) for limit in (min_val, max_val))
    return x.node("Clip", *limits, shape=x.shape)


def _cdf_by_tanh(out: Any, x: Value) -> Value:
    cube = x * x * x
    return ((x + cube * 0.044715) * math.sqrt(2 / math.pi)).node("Tanh") * 0.5 + 0.5


# fmt: off
TO_RESULT: dict[str, Callable[..., Value]] = {
    "leaky_relu": _leaky_relu,
    "elu":        _elu,
    "celu":       lambda out, x, alpha: (x / float(alpha)).node("Elu") * float(alpha),
    "silu":       lambda out, x: x * x.node("Sigmoid"),
    "mish":       lambda out, x: x * x.node("Softplus").node("Tanh"),
    "hardtanh":   _hardtanh,
    "normal_pdf": lambda out, x: (x * x * -0.5).node("Exp") / math.sqrt(2 * math.pi),
    "normal_cdf": lambda out, x: (x / math.sqrt(2)).node("Erf") * 0.5 + 0.5,
    "normal_cdf_by_tanh": _cdf_by_tanh,
}
# fmt: on
