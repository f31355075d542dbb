"""Trigonometric and hyperbolic operations, their inverses, and what is measured by angles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..op import Op

_DEGREE = math.pi / 180


def _ratio(x: Any, y: Any) -> Any:
    """Return x / y, but 0 where ``y`` is 0."""
    return np.where(y == 0, 0, x / np.where(y == 0, 1, y))


def _sinc_slope(x: Any) -> Any:
    """Return the derivative of sinc; near 0, where its terms cancel, by its Taylor series."""
    near = abs(x) < 0.01
    square = x * x
    series = square * (square * (-(math.pi**6) / 840.0) + math.pi**4 / 30.0) - math.pi**2 / 3.0
    quotient = (np.cos(math.pi * x) - np.sinc(x)) / np.where(near, 1, x)
    return np.where(near, x * series, quotient)


# One line per rule. `g` is the gradient of the output, `out` the output; x, y are the inputs.
# fmt: off

tan     = Op("tan",     np.tan,     (lambda g, out, x: g * (1.0 + out * out),),
             saves="out", numpy=np.tan)
arcsin  = Op("arcsin",  np.arcsin,  (lambda g, out, x: g / np.sqrt(1.0 - x * x),),
             saves="x", numpy=np.arcsin)
arccos  = Op("arccos",  np.arccos,  (lambda g, out, x: -g / np.sqrt(1.0 - x * x),),
             saves="x", numpy=np.arccos)
arctan  = Op("arctan",  np.arctan,  (lambda g, out, x: g / (1.0 + x * x),),
             saves="x", numpy=np.arctan)
sinh    = Op("sinh",    np.sinh,    (lambda g, out, x: g * np.cosh(x),),
             saves="x", numpy=np.sinh)
cosh    = Op("cosh",    np.cosh,    (lambda g, out, x: g * np.sinh(x),),
             saves="x", numpy=np.cosh)
arcsinh = Op("arcsinh", np.arcsinh, (lambda g, out, x: g / np.hypot(x, 1.0),),
             saves="x", numpy=np.arcsinh)
arccosh = Op("arccosh", np.arccosh, (lambda g, out, x: g / np.sqrt((x - 1.0) * (x + 1.0)),),
             saves="x", numpy=np.arccosh)
arctanh = Op("arctanh", np.arctanh, (lambda g, out, x: g / ((1.0 - x) * (1.0 + x)),),
             saves="x", numpy=np.arctanh)
sinc    = Op("sinc",    np.sinc,    (lambda g, out, x: g * _sinc_slope(x),),
             saves="x", numpy=np.sinc, parameters={})

# Angles. At the origin, the gradient of hypot is 0, as that of a norm; arctan2 has none there: NaN
hypot = Op("hypot", np.hypot, saves="out x y", broadcasts=True, numpy=np.hypot, vjps=(
    lambda g, out, x, y: g * _ratio(x, out),
    lambda g, out, x, y: g * _ratio(y, out)))
arctan2 = Op("arctan2", np.arctan2, saves="x y", broadcasts=True, numpy=np.arctan2, vjps=(
    lambda g, out, x, y: g * (y / (x * x + y * y)),
    lambda g, out, x, y: -g * (x / (x * x + y * y))))
deg2rad = Op("deg2rad", np.deg2rad, numpy=(np.deg2rad, np.radians), vjps=(
    lambda g, out, x: g * _DEGREE,))
rad2deg = Op("rad2deg", np.rad2deg, numpy=(np.rad2deg, np.degrees), vjps=(
    lambda g, out, x: g / _DEGREE,))
unwrap = Op("unwrap", numpy=np.unwrap, vjps=(lambda g, out, x, discont, axis, period: g,),
    kernel=lambda x, discont=None, axis=-1, period=2 * math.pi:
        np.unwrap(x, discont, axis, period=period))
# fmt: on
