"""Elementwise operations: each element of the result depends on one element of each input."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..op import Op, implements

_EXP_LIMITS = {
    dtype.char: (np.array(limit, dtype), np.array(1, dtype))
    for dtype, limit in ((np.dtype(np.float64), 709), (np.dtype(np.float32), 88))
}
"""By dtype, the largest whole number with a finite exponential, and 1; as arrays, for speed."""


def _sigmoid(x: Any) -> Any:
    """Compute 1 / (1 + exp(-x)), limiting -x to where the exponential is finite."""
    try:
        limit, one = _EXP_LIMITS[x.dtype.char]
    except KeyError:
        wide = np.float32 if x.dtype == np.float16 else np.float64
        return _sigmoid(x.astype(wide)).astype(np.result_type(x.dtype, np.float16))
    z = np.exp(np.minimum(-x, limit))
    return np.reciprocal(z + one)


def _softplus(x: Any) -> Any:
    """Compute log(1 + exp(x)) without overflow, and many times faster than NumPy's logaddexp."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(np.absolute(x) * -1.0))


def _greater(g: Any, x: Any, y: Any) -> Any:
    """Give ``g`` to ``x`` where it is greater than ``y``, and half of it at a tie."""
    return np.where(x < y, 0.0, np.where(x == y, g / 2.0, g))


def _one_less(y: Any) -> Any:
    """Return the exponent ``y - 1``, but 1 for 0: the derivative of ``x ** 0`` is 0 everywhere."""
    if isinstance(y, (int, float)):
        return y - 1 if y else 1
    return np.where(y == 0, 1, y - 1)


def _log_of_base(x: Any, y: Any) -> Any:
    """Return ``log(x)``, but 0 at ``x = 0`` for ``y >= 0``, where ``x ** y`` is flat in ``y``."""
    return np.log(np.where((x == 0) & (y >= 0), 1, x))


def _clip(x: Any, lo: Any, hi: Any) -> Any:
    return np.clip(x, lo, hi)


def _where(cond: Any, x: Any, y: Any) -> Any:
    return np.where(cond, x, y)


def _inside(x: Any, lo: Any, hi: Any) -> Any:
    above = True if lo is None else x >= lo
    below = True if hi is None else x <= hi
    return above & below


def _below(x: Any, lo: Any, hi: Any) -> Any:
    return x < lo if hi is None else (x < lo) & (lo <= hi)


def _above(x: Any, lo: Any, hi: Any) -> Any:
    return x > hi if lo is None else (x > hi) | (lo > hi)


# One line per rule. `g` is the gradient of the output, `out` the output; x, y are the inputs.
# fmt: off

# Arithmetic
add = Op("add", operator.add, broadcasts=True, numpy=np.add, vjps=(
    lambda g, out, x, y: g,
    lambda g, out, x, y: g))
subtract = Op("subtract", operator.sub, broadcasts=True, numpy=np.subtract, vjps=(
    lambda g, out, x, y: g,
    lambda g, out, x, y: -g))
multiply = Op("multiply", operator.mul, saves="x y", broadcasts=True, numpy=np.multiply, vjps=(
    lambda g, out, x, y: g * y,
    lambda g, out, x, y: g * x))
divide = Op("divide", operator.truediv, saves="out y", broadcasts=True, numpy=np.divide, vjps=(
    lambda g, out, x, y: g / y,
    lambda g, out, x, y: -g * out / y))
power = Op("power", operator.pow, saves="out x y", broadcasts=True, numpy=np.power, vjps=(
    lambda g, out, x, y: g * (y * x ** _one_less(y)),
    lambda g, out, x, y: g * out * _log_of_base(x, y)))
remainder = Op("remainder", operator.mod, saves="x y", broadcasts=True, numpy=np.remainder, vjps=(
    lambda g, out, x, y: g,
    lambda g, out, x, y: -g * (x // y)))
negative = Op("negative", operator.neg, (lambda g, out, x: -g,), numpy=np.negative)
positive = Op("positive", np.positive, (lambda g, out, x: g,), numpy=np.positive)
square = Op("square", np.square, (lambda g, out, x: g * (x + x),), saves="x", numpy=np.square)
reciprocal = Op("reciprocal", np.reciprocal, saves="out", numpy=np.reciprocal, vjps=(
    lambda g, out, x: -g * out * out,))

# Exponentials and logarithms
exp   = Op("exp",   np.exp,   (lambda g, out, x: g * out,),       saves="out", numpy=np.exp)
expm1 = Op("expm1", np.expm1, (lambda g, out, x: g * (out + 1.0),), saves="out", numpy=np.expm1)
log   = Op("log",   np.log,   (lambda g, out, x: g / x,),         saves="x",   numpy=np.log)
log1p = Op("log1p", np.log1p, (lambda g, out, x: g / (1.0 + x),),   saves="x",   numpy=np.log1p)
sqrt  = Op("sqrt",  np.sqrt,  (lambda g, out, x: g / (2.0 * out),), saves="out", numpy=np.sqrt)

# Trigonometric and hyperbolic
sin  = Op("sin",  np.sin,  (lambda g, out, x: g * np.cos(x),),       saves="x",   numpy=np.sin)
cos  = Op("cos",  np.cos,  (lambda g, out, x: -g * np.sin(x),),      saves="x",   numpy=np.cos)
tanh = Op("tanh", np.tanh, (lambda g, out, x: g * (1.0 - out * out),), saves="out", numpy=np.tanh)

# Activations
sigmoid = Op("sigmoid", _sigmoid, (lambda g, out, x: g * out * (1.0 - out),), saves="out")
relu = Op("relu", lambda x: np.maximum(x, 0.0), (lambda g, out, x: g * (out > 0),), saves="out")
softplus = Op("softplus", _softplus, saves="x", vjps=(
    lambda g, out, x: g * sigmoid(x),))

# Kinks: relu'(0) = abs'(0) = 0, a tie is split evenly, clip passes the gradient at its bounds
absolute = Op("absolute", np.absolute, saves="x", numpy=np.absolute, vjps=(
    lambda g, out, x: g * np.sign(x),))
maximum = Op("maximum", np.maximum, saves="x y", broadcasts=True, numpy=np.maximum, vjps=(
    lambda g, out, x, y: _greater(g, x, y),
    lambda g, out, x, y: _greater(g, y, x)))
minimum = Op("minimum", np.minimum, saves="x y", broadcasts=True, numpy=np.minimum, vjps=(
    lambda g, out, x, y: _greater(g, y, x),
    lambda g, out, x, y: _greater(g, x, y)))
clip_between = Op("clip", _clip, saves="x lo hi", broadcasts=True, vjps=(
    lambda g, out, x, lo, hi: np.where(_inside(x, lo, hi), g, 0),
    lambda g, out, x, lo, hi: np.where(_below(x, lo, hi), g, 0),
    lambda g, out, x, lo, hi: np.where(_above(x, lo, hi), g, 0)))
where_choose = Op("where", _where, saves="cond", broadcasts=True, vjps=(
    lambda g, out, cond, x, y: np.zeros_like(g),
    lambda g, out, cond, x, y: np.where(cond, g, 0),
    lambda g, out, cond, x, y: np.where(cond, 0, g)))

# Steps: flat wherever they have a derivative
sign  = Op("sign",  np.sign,  (lambda g, out, x: np.zeros_like(g),), numpy=np.sign)
floor = Op("floor", np.floor, (lambda g, out, x: np.zeros_like(g),), numpy=np.floor)
ceil  = Op("ceil",  np.ceil,  (lambda g, out, x: np.zeros_like(g),), numpy=np.ceil)
rint  = Op("rint",  np.rint,  (lambda g, out, x: np.zeros_like(g),), numpy=np.rint)
trunc = Op("trunc", np.trunc, (lambda g, out, x: np.zeros_like(g),), numpy=np.trunc)
floor_divide = Op("floor_divide", operator.floordiv, broadcasts=True, numpy=np.floor_divide, vjps=(
    lambda g, out, x, y: np.zeros_like(g),
    lambda g, out, x, y: np.zeros_like(g)))

# Constants to differentiation
equal         = Op("equal",         operator.eq, arity=2, numpy=np.equal)
not_equal     = Op("not_equal",     operator.ne, arity=2, numpy=np.not_equal)
less          = Op("less",          operator.lt, arity=2, numpy=np.less)
less_equal    = Op("less_equal",    operator.le, arity=2, numpy=np.less_equal)
greater       = Op("greater",       operator.gt, arity=2, numpy=np.greater)
greater_equal = Op("greater_equal", operator.ge, arity=2, numpy=np.greater_equal)
logical_and   = Op("logical_and",   np.logical_and,     arity=2, numpy=np.logical_and)
logical_or    = Op("logical_or",    np.logical_or,      arity=2, numpy=np.logical_or)
logical_xor   = Op("logical_xor",   np.logical_xor,     arity=2, numpy=np.logical_xor)
logical_not   = Op("logical_not",   np.logical_not,     numpy=np.logical_not)
bitwise_and   = Op("bitwise_and",   operator.and_,      arity=2, numpy=np.bitwise_and)
bitwise_or    = Op("bitwise_or",    operator.or_,       arity=2, numpy=np.bitwise_or)
bitwise_xor   = Op("bitwise_xor",   operator.xor,       arity=2, numpy=np.bitwise_xor)
invert        = Op("invert",        operator.invert,    numpy=np.invert)
isnan         = Op("isnan",         np.isnan,           numpy=np.isnan)
isinf         = Op("isinf",         np.isinf,           numpy=np.isinf)
isfinite      = Op("isfinite",      np.isfinite,        numpy=np.isfinite)
signbit       = Op("signbit",       np.signbit,         numpy=np.signbit)
# fmt: on


@implements(np.clip)
def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """Limit values to between ``a_min`` and ``a_max``, or ``min`` and ``max``, as `numpy.clip`.

    The gradient passes where the value is inside or on a bound, as in PyTorch.

    >>> import microtensor as mt
    >>> x = mt.tensor([-2.0, 0.5, 1.0], requires_grad=True)
    >>> mt.clip(x, 0, 1).sum().backward()
    >>> x.grad
    tensor([0., 1., 1.])
    """
    lo = min if a_min is None else a_min
    hi = max if a_max is None else a_max
    if lo is None and hi is None:
        return positive(a)
    return clip_between(a, lo, hi)


@implements(np.where)
def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """Choose ``x`` where ``condition`` holds, else ``y``, as `numpy.where`; the three broadcast.

    >>> import microtensor as mt
    >>> x = mt.tensor([-2.0, 3.0], requires_grad=True)
    >>> mt.where(x > 0, x, 0.1 * x)
    tensor([-0.2,  3. ], op=where)
    """
    if x is None and y is None:
        return np.nonzero(condition)
    if x is None or y is None:
        raise TypeError("where() takes a condition alone, or a condition and both x and y")
    return where_choose(condition, x, y)
