"""Activations beyond sigmoid, tanh, relu and softplus, which ``elementwise.py`` has.

Each is finite, with all its derivatives, at any size of x: nothing overflows on the way. Which
derivative a kink has is PyTorch's choice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import Op
from .elementwise import relu, sigmoid


def _below(x: Any) -> Any:
    """Return x where it is below 0, else 0: flat at 0, unlike NumPy's minimum."""
    return -relu(-x)


def _leaky_relu(x: Any, slope: Any) -> Any:
    return np.maximum(x, 0.0) + slope * np.minimum(x, 0.0)


def _elu(x: Any, alpha: float = 1.0) -> Any:
    return np.maximum(x, 0.0) + alpha * np.expm1(np.minimum(x, 0.0))


def _celu(x: Any, alpha: float = 1.0) -> Any:
    return np.maximum(x, 0.0) + alpha * np.expm1(np.minimum(x, 0.0) / alpha)


def _silu(x: Any) -> Any:
    return x * (np.exp(np.minimum(x, 0.0)) / (np.exp(-np.absolute(x)) + 1.0))


def _silu_slope(out: Any, s: Any) -> Any:
    return s + out * (1.0 - s)


def _tanh_of_softplus(x: Any) -> Any:
    """Return (p² + 2pq) / (p² + 2pq + 2q²), where p/q is exp(x), and neither is above 1."""
    p, q = np.exp(np.minimum(x, 0.0)), np.exp(-np.maximum(x, 0.0))
    rise = p * (p + 2.0 * q)
    return rise / (rise + 2.0 * q * q)


def _mish(x: Any) -> Any:
    return x * _tanh_of_softplus(x)


def _mish_slope(x: Any, t: Any) -> Any:
    return t + silu(x) * (1.0 - t * t)


def _hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    return np.minimum(np.maximum(x, min_val), max_val)


# One line per rule. `g` is the gradient of the output, `out` the output; x is the input.
# fmt: off
leaky_relu = Op("leaky_relu", _leaky_relu, saves="x slope", broadcasts=True, vjps=(
    lambda g, out, x, slope: g * (x > 0) + g * (x <= 0) * slope,
    lambda g, out, x, slope: g * np.minimum(x, 0.0)))
elu = Op("elu", _elu, saves="x", vjps=(
    lambda g, out, x, alpha: g * (x > 0) + g * (x <= 0) * (alpha * np.exp(_below(x))),))
celu = Op("celu", _celu, saves="x", vjps=(
    lambda g, out, x, alpha: g * (x > 0) + g * (x <= 0) * np.exp(_below(x) / alpha),))
silu = Op("silu", _silu, saves="out x", vjps=(
    lambda g, out, x: g * _silu_slope(out, sigmoid(x)),))
mish = Op("mish", _mish, saves="x", vjps=(
    lambda g, out, x: g * _mish_slope(x, _tanh_of_softplus(x)),))
hardtanh = Op("hardtanh", _hardtanh, saves="x", vjps=(
    lambda g, out, x, min_val, max_val: g * ((x > min_val) & (x < max_val)),))
# fmt: on
