"""The functions of single numbers that generated code calls, where Python's are not NumPy's.

Each is compiled by numba with the code that calls it. Arguments have the dtype that NumPy computes
in, and the caller converts the result to it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

__all__ = [
    "float_floor_divide",
    "float_remainder",
    "fmax",
    "fmin",
    "heaviside",
    "int_floor_divide",
    "int_power",
    "int_remainder",
    "logaddexp",
    "logaddexp2",
    "maximum",
    "minimum",
    "sigmoid",
    "sign",
    "sinc",
    "wrapped",
]


@register_jitable
def wrapped(index: int, length: int) -> int:
    """Return an index that may count from the end as one that counts from the start."""
    return index + length if index < 0 else index


@register_jitable
def maximum(x: Any, y: Any) -> Any:
    """Return the larger, and NaN if either is."""
    return x if x > y or x != x else y


@register_jitable
def minimum(x: Any, y: Any) -> Any:
    """Return the smaller, and NaN if either is."""
    return x if x < y or x != x else y


@register_jitable
def fmax(x: Any, y: Any) -> Any:
    """Return the larger, or the one that is not NaN."""
    return x if x >= y or y != y else y


@register_jitable
def fmin(x: Any, y: Any) -> Any:
    """Return the smaller, or the one that is not NaN."""
    return x if x <= y or y != y else y


@register_jitable
def sign(x: Any) -> Any:
    """Return -1, 0 or 1; of NaN, NaN."""
    return x if x != x else type(x)((x > 0) * 1 - (x < 0) * 1)


@register_jitable
def sigmoid(x: Any, limit: Any, one: Any) -> Any:
    """Compute 1 / (1 + exp(-x)), limiting -x to where the exponential is finite."""
    return one / (math.exp(limit if -x > limit else -x) + one)


@register_jitable
def logaddexp(x: Any, y: Any) -> Any:
    """Compute log(exp(x) + exp(y)) with the larger taken out."""
    if x == y:  # infinities of one sign as well
        return x + math.log(2.0)
    difference = x - y
    if difference > 0:
        return x + math.log1p(math.exp(-difference))
    if difference <= 0:
        return y + math.log1p(math.exp(difference))
    return difference


@register_jitable
def logaddexp2(x: Any, y: Any) -> Any:
    """Compute log2(2**x + 2**y) with the larger taken out."""
    if x == y:
        return x + 1.0
    difference = x - y
    if difference > 0:
        return x + math.log1p(2.0**-difference) / math.log(2.0)
    if difference <= 0:
        return y + math.log1p(2.0**difference) / math.log(2.0)
    return difference


@register_jitable
def heaviside(x: Any, y: Any) -> Any:
    """Return 0 below 0, 1 above, ``y`` at 0, and NaN of NaN."""
    if x == 0:
        return y
    return x if x != x else x * 0 + (1 if x > 0 else 0) if abs(x) < math.inf else y * 0 + (x > 0)


@register_jitable
def sinc(x: Any) -> Any:
    """Compute sin(pi x) / (pi x), and 1 at 0, as `numpy.sinc` does."""
    y = math.pi * (x if x != 0 else 1.0e-20)
    return math.sin(y) / y


@register_jitable
def float_remainder(x: Any, y: Any) -> Any:
    """Return the remainder with the sign of ``y``."""
    rest = np.fmod(x, y)
    if rest == 0:
        return math.copysign(rest, y)
    return rest + y if (y < 0) != (rest < 0) else rest


@register_jitable
def float_floor_divide(x: Any, y: Any) -> Any:
    """Return the quotient, rounded down, of what the remainder leaves."""
    if y == 0:
        return x / y
    rest = np.fmod(x, y)
    quotient = (x - rest) / y
    if rest != 0 and (y < 0) != (rest < 0):
        quotient -= 1
    if quotient == 0:
        return math.copysign(0.0, x / y)
    low = math.floor(quotient) + 0.0 if abs(quotient) < 2.0**62 else quotient
    return low + 1 if quotient - low > 0.5 else low


@register_jitable
def int_remainder(x: Any, y: Any) -> Any:
    """Return the remainder with the sign of ``y``; 0 of a division by 0."""
    if y == 0 or y + 1 == 0:  # the processor traps on the least integer by -1
        return x * 0
    return x % y


@register_jitable
def int_floor_divide(x: Any, y: Any) -> Any:
    """Return the quotient, rounded down; 0 of a division by 0."""
    if y == 0:
        return x * 0
    return 0 - x if y + 1 == 0 else x // y


@register_jitable
def int_power(x: Any, y: Any) -> Any:
    """Return a power of a whole exponent that is not negative, by repeated squaring."""
    power = np.int64(1)
    base = np.int64(x)
    rest = np.int64(y)
    while rest > 0:
        if rest & 1:
            power *= base
        base *= base
        rest >>= 1
    return power
