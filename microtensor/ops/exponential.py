"""Exponentials, logarithms and powers beyond those of ``elementwise.py``."""

from __future__ import annotations

import math

import numpy as np

from ..op import Op
from .elementwise import _log_of_base, _one_less

_LN2 = math.log(2)
_LN10 = math.log(10)

# One line per rule. `g` is the gradient of the output, `out` the output; x, y are the inputs.
# fmt: off
exp2  = Op("exp2",  np.exp2,  (lambda g, out, x: g * out * _LN2,),
           saves="out", numpy=np.exp2)
log2  = Op("log2",  np.log2,  (lambda g, out, x: g / (x * _LN2),),
           saves="x", numpy=np.log2)
log10 = Op("log10", np.log10, (lambda g, out, x: g / (x * _LN10),),
           saves="x", numpy=np.log10)
cbrt  = Op("cbrt",  np.cbrt,  (lambda g, out, x: g / (3.0 * out * out),),
           saves="out", numpy=np.cbrt)
logaddexp = Op("logaddexp", np.logaddexp, saves="out x y", broadcasts=True, numpy=np.logaddexp,
    vjps=(
    lambda g, out, x, y: g * np.exp(x - out),
    lambda g, out, x, y: g * np.exp(y - out)))
logaddexp2 = Op("logaddexp2", np.logaddexp2, saves="out x y", broadcasts=True, numpy=np.logaddexp2,
    vjps=(
    lambda g, out, x, y: g * np.exp2(x - out),
    lambda g, out, x, y: g * np.exp2(y - out)))
float_power = Op("float_power", np.float_power, saves="out x y", broadcasts=True,
    numpy=np.float_power, vjps=(
    lambda g, out, x, y: g * (y * x ** _one_less(y)),
    lambda g, out, x, y: g * out * _log_of_base(x, y)))
# fmt: on
