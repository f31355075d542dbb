"""Rounding, remainders, signs, the larger or smaller: operations with kinks and jumps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import TracingError
from ..op import Op, Recordable, implements
from ..record import current_trace
from .elementwise import divide, floor_divide, multiply, positive, remainder, trunc
from .select import constant


def _round(x: Any, decimals: int = 0) -> Any:
    return np.round(x, decimals)


def _nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def _beyond(g: Any, x: Any, y: Any, x_wins: Any) -> Any:
    """Give ``g`` to ``x`` where it wins or ``y`` is NaN, and half of it at a tie."""
    return np.where(x_wins | np.isnan(y), g, np.where(x == y, g / 2.0, 0.0))


# One line per rule. `g` is the gradient of the output, `out` the output; x, y are the inputs.
# fmt: off

# Steps: flat wherever they have a derivative
round = Op("round", _round, numpy=(np.round, np.around), vjps=(
    lambda g, out, x, decimals: np.zeros_like(g),))
heaviside = Op("heaviside", np.heaviside, saves="x", broadcasts=True, numpy=np.heaviside, vjps=(
    lambda g, out, x, y: np.zeros_like(g),
    lambda g, out, x, y: np.where(x == 0, g, 0)))

# Remainders: flat steps taken off a line
fmod = Op("fmod", np.fmod, saves="x y", broadcasts=True, numpy=np.fmod, vjps=(
    lambda g, out, x, y: g,
    lambda g, out, x, y: -g * np.trunc(x / y)))

# Signs; the slope at 0 is 0
fabs = Op("fabs", np.fabs, saves="x", numpy=np.fabs, vjps=(
    lambda g, out, x: g * np.sign(x),))
copysign = Op("copysign", np.copysign, saves="x y", broadcasts=True, numpy=np.copysign, vjps=(
    lambda g, out, x, y: g * np.sign(x) * np.copysign(1.0, y),
    lambda g, out, x, y: np.zeros_like(g)))

# The larger and the smaller, of which one may be NaN; a tie is split evenly
fmax = Op("fmax", np.fmax, saves="x y", broadcasts=True, numpy=np.fmax, vjps=(
    lambda g, out, x, y: _beyond(g, x, y, x > y),
    lambda g, out, x, y: _beyond(g, y, x, y > x)))
fmin = Op("fmin", np.fmin, saves="x y", broadcasts=True, numpy=np.fmin, vjps=(
    lambda g, out, x, y: _beyond(g, x, y, x < y),
    lambda g, out, x, y: _beyond(g, y, x, y < x)))

# Replacing what is not finite: what was replaced has no gradient
nan_to_num = Op("nan_to_num", _nan_to_num, saves="x", numpy=np.nan_to_num, vjps=(
    lambda g, out, x, nan, posinf, neginf: np.where(np.isfinite(x), g, 0),))
# fmt: on

implements(np.fix)(trunc)
implements(np.conjugate, np.real, np.real_if_close)(positive)

__all__ = ["divmod", "frexp", "imag", "ldexp", "modf"]


@implements(np.divmod)
def divmod(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Return the floored quotient, which is flat, and the remainder."""
    return floor_divide(x1, x2), remainder(x1, x2)


@implements(np.modf)
def modf(x: Any) -> tuple[Any, Any]:
    """Return the fractional and the integral parts; the integral part is flat."""
    whole = trunc(x)
    return x - whole, whole


@implements(np.ldexp)
def ldexp(x1: Any, x2: Any) -> Any:
    """Return ``x1 * 2**x2``; the exponents are integers, constant to differentiation."""
    one, exponents = np.ones((), x1.dtype), constant(x2)
    if isinstance(exponents, Recordable):
        return multiply(x1, current_trace().call(np.ldexp, (one, exponents), {}))
    return multiply(x1, np.ldexp(one, exponents))


@implements(np.frexp)
def frexp(x: Any) -> tuple[Any, Any]:
    """Return mantissas between 0.5 and 1, and the exponents of 2: integers, and constants."""
    values = constant(x)
    if isinstance(values, Recordable):
        raise TracingError(
            "np.frexp() gives two arrays, which a traced function cannot take apart: divide by a "
            "power of 2 instead."
        )
    _, exponents = np.frexp(values)
    return divide(x, np.ldexp(np.ones((), x.dtype), exponents)), exponents


@implements(np.imag)
def imag(val: Any) -> Any:
    """Return the imaginary part of real numbers, 0."""
    return np.zeros_like(val)
