"""The standard normal distribution: its density, and its distribution function Φ, which GELU needs.

NumPy has no error function. After Shepherd and Laframboise, "Chebyshev approximation of
(1 + 2x) exp(x²) erfc(x) in 0 ≤ x < ∞", Mathematics of Computation 36 (1981), the upper tail
``Q(x) = 1 - Φ(x)`` times ``(1 + x) exp(x²/2)`` is a polynomial in ``t = (x - 5) / (x + 5)``, which
maps all x ≥ 0 to -1 ≤ t < 1. The coefficients are those of its Chebyshev series, computed with 50
digits; cut off at degree 23, the tail has a relative error below 5e-16, wherever it is no subnormal
number, and below 5e-7 at degree 10 in float32.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..op import Op

_TAIL = (
    -3.815816262632953e-10, -2.8220772290629865e-10, 4.4011596227599254e-09, 3.627373163401201e-09,
    -3.095201755804207e-08, -2.6286205089898754e-08, 1.9627809920091187e-07, 1.27878221820937e-07,
    -1.3074486019237587e-06, -7.034644683537101e-08, 9.05982468125664e-06, -9.896097759279782e-06,
    -5.36075811148722e-05, 0.00018233414511643843, 7.791597409338999e-06, -0.00167607234455447,
    0.006522000667783896, -0.015170415402514863, 0.024536963243678652, -0.026401042966308307,
    0.010002352385229382, 0.031030368425963708, -0.09155228183400904, 0.46151582985003775,
)  # fmt: skip
_TAIL_SINGLE = (
    0.00015310026, -0.000103231854, -0.0016434885, 0.0066220514, -0.015187213, 0.024495449,
    -0.026397122, 0.010009533, 0.031030033, -0.09155263, 0.46151584,
)  # fmt: skip
_FARTHEST = 40.0
"""From here on, density and tail are too small for a float64."""
_SQRT_TAU = math.sqrt(2 * math.pi)
_SLOPE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715
_PIECE = 1 << 15
"""How many elements are computed at a time, so that what they take stays in a fast cache."""


def _in_pieces(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let a function of each element compute a large array one piece after the other."""

    @functools.wraps(function)
    def whole(x: Any) -> Any:
        if x.size <= 4 * _PIECE:  # pieces of so few would not pay
            return function(x)
        flat = x.reshape(-1)
        pieces = [function(flat[i : i + _PIECE]) for i in range(0, x.size, _PIECE)]
        return np.concatenate(pieces).reshape(x.shape)

    return whole


def _bell(x: Any) -> Any:
    """Return exp(-x²/2), its exponent in two parts, of which the first is exact, as Cody does."""
    near = np.rint(x * 16.0) / 16.0
    return np.exp(-0.5 * near * near) * np.exp(0.5 * (near - x) * (near + x))


@_in_pieces
def _pdf(x: Any) -> Any:
    if x.dtype.char not in "fd":
        return _pdf(_wide(x)).astype(np.result_type(x.dtype, np.float16))
    return _bell(np.minimum(np.absolute(x), _FARTHEST)) / _SQRT_TAU


@_in_pieces
def _cdf(x: Any) -> Any:
    if x.dtype.char not in "fd":
        return _cdf(_wide(x)).astype(np.result_type(x.dtype, np.float16))
    size = np.minimum(np.absolute(x), _FARTHEST)
    t = (size - 5.0) / (size + 5.0)
    first, *rest = _TAIL if x.dtype.char == "d" else _TAIL_SINGLE
    tail = t * first
    for coefficient in rest[:-1]:
        tail += coefficient
        tail *= t
    tail += rest[-1]
    tail /= size + 1.0
    tail *= _bell(size)
    return np.absolute((x > 0) - tail)


def _wide(x: Any) -> Any:
    return x.astype(np.float32 if x.dtype == np.float16 else np.float64)


def _cdf_by_tanh(x: Any) -> Any:
    """Compute (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2; at -10 it is 0, at 10 1."""
    z = np.maximum(np.minimum(x, 10.0), -10.0)
    return 0.5 * np.tanh(_SLOPE * (z + _CUBIC * z * z * z)) + 0.5


def _slope_by_tanh(x: Any) -> Any:
    z = np.maximum(np.minimum(x, 10.0), -10.0)
    return (2.0 * _SLOPE) * (1.0 + (3.0 * _CUBIC) * z * z)


# One line per rule. `g` is the gradient of the output, `out` the output.
# fmt: off
normal_pdf = Op("normal_pdf", _pdf, saves="out x", vjps=(
    lambda g, out, x: -g * (out * x),))
normal_cdf = Op("normal_cdf", _cdf, saves="x", vjps=(
    lambda g, out, x: g * normal_pdf(x),))
normal_cdf_by_tanh = Op("normal_cdf_by_tanh", _cdf_by_tanh, saves="out x", vjps=(
    lambda g, out, x: g * (np.absolute(x) < 10.0) * (out * (1.0 - out) * _slope_by_tanh(x)),))
# fmt: on
