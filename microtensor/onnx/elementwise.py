"""Elementwise operations in ONNX's: one line each, as the formulas of `ops` are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .value import Value

__all__ = ["AS_GIVEN", "TOGETHER", "TO_RESULT", "ldexp"]

_LN2, _LN10 = math.log(2), math.log(10)


def _is(op_type: str, dtype: Any = None) -> Callable[..., Value]:
    """Return the translation of an operation that ONNX has as well."""
    return lambda out, x, *others: x.node(op_type, *others, dtype=dtype)


def _or_logic(op_type: str, logic: str) -> Callable[..., Value]:
    """Return the translation of arithmetic, which NumPy does with truth values as well."""
    return lambda out, x, y: x.node(logic if out.dtype == bool else op_type, y)


def _bits(name: str) -> Callable[..., Value]:
    """Return the translation of what acts on bits, or on truth values."""
    return lambda out, x, *y: x.node(name if out.dtype == bool else f"Bitwise{name}", *y)


def _truths(op_type: str) -> Callable[..., Value]:
    return lambda out, *xs: xs[0].astype(bool).node(op_type, *(x.astype(bool) for x in xs[1:]))


_ORDERED = {np.dtype(kind): np.dtype(np.int32) for kind in ("?", "b", "B", "h", "H")}


def _order(op_type: str) -> Callable[..., Value]:
    """Return the translation of a comparison; ONNX orders no truth values or small integers."""

    def translation(out: Any, x: Value, y: Value) -> Value:
        wide = _ORDERED.get(x.dtype, x.dtype)
        return x.astype(wide).node(op_type, y.astype(wide), dtype=bool)

    return translation


def _fmod(x: Value, y: Value) -> Value:
    return x.node("Mod", y, fmod=1)


def _remainder(out: Any, x: Value, y: Value) -> Value:
    """Give the remainder the sign of the divisor, as Python does."""
    if out.dtype.kind != "f":
        return x.node("Mod", y, fmod=0)
    rest = _fmod(x, y)
    differs = (rest * y.node("Sign")) < 0
    return differs.where(rest + y, rest)


def _floor_divide(out: Any, x: Value, y: Value) -> Value:
    """Return the whole number of times, by way of the remainder, as NumPy computes it."""
    times = (x - _remainder(out, x, y)) / y
    return y.equals(0).where(x / y, times.node("Round")) if out.dtype.kind == "f" else times


def _log1p(out: Any, x: Value) -> Value:
    """Compute log(1 + x), exact where 1 + x rounds (Kahan's correction)."""
    one_more = x + 1.0
    plain = one_more.node("Log")
    rounded = one_more.equals(1.0)
    corrected = plain * (x / (rounded.where(2.0, one_more) - 1.0))
    return rounded.where(x, one_more.node("IsInf", dtype=bool).where(plain, corrected))


def _expm1(out: Any, x: Value) -> Value:
    """Compute exp(x) - 1, exact where exp(x) is near 1 (Kahan's correction)."""
    power = x.node("Exp")
    near = (abs(x) < 0.5) & ~power.equals(1.0)
    corrected = (power - 1.0) * (x / near.where(power, 2.0).node("Log"))
    return power.equals(1.0).where(x, near.where(corrected, power - 1.0))


def _log_of_sum(out: Any, x: Value, y: Value) -> Value:
    """Compute log(exp(x) + exp(y)); equal infinities have no difference."""
    apart = -abs(x - y)
    top = x.node("Max", y)
    return x.equals(y).where(x + _LN2, top + apart.node("Softplus"))


def _sinc(out: Any, x: Value) -> Value:
    angle = x.equals(0.0).where(1e-20, x) * math.pi
    return angle.node("Sin") / angle


def _hypot(out: Any, x: Value, y: Value) -> Value:
    large, small = abs(x).node("Max", abs(y)), abs(x).node("Min", abs(y))
    ratio = small / large.equals(0.0).where(1.0, large)
    return large * (ratio * ratio + 1.0).node("Sqrt")


def _arctan2(out: Any, y: Value, x: Value) -> Value:
    """Return the angle of the point (x, y), by its quadrant."""
    zero = x.equals(0.0)
    angle = (y / zero.where(1.0, x)).node("Atan")
    turn = x.graph.constant(math.pi, out.dtype)
    left = angle + _signbit(out, y).where(-turn, turn)
    upright = y.node("Sign") * (math.pi / 2)
    at_zero = y.equals(0.0).where(_signbit(out, x).where(left, angle), upright)
    return zero.where(at_zero, (x < 0.0).where(left, angle))


def _signbit(out: Any, x: Value) -> Value:
    """Tell whether a number is negative, or -0."""
    if x.dtype.kind != "f":
        return x < 0
    return (x < 0.0) | (x.equals(0.0) & ((1.0 / x) < 0.0))


def _heaviside(out: Any, x: Value, y: Value) -> Value:
    step = x.equals(0.0).where(y, (x > 0.0).astype(out.dtype))
    return x.node("IsNaN", dtype=bool).where(x, step)


def _not_nan(op_type: str) -> Callable[..., Value]:
    """Return the translation of an extremum of two of which one may be NaN."""

    def translation(out: Any, x: Value, y: Value) -> Value:
        if out.dtype.kind != "f":
            return x.node(op_type, y)
        chosen = y.node("IsNaN", dtype=bool).where(x, x.node(op_type, y))
        return x.node("IsNaN", dtype=bool).where(y, chosen)

    return translation


def _nan_to_num(out: Any, x: Value, nan: Any, posinf: Any, neginf: Any) -> Value:
    if out.dtype.kind != "f":
        return x
    limits = np.finfo(out.dtype)
    posinf = float(limits.max) if posinf is None else float(posinf)
    neginf = float(limits.min) if neginf is None else float(neginf)
    x = x.node("IsNaN", dtype=bool).where(float(nan), x)
    x = x.node("IsInf", dtype=bool, detect_negative=0).where(posinf, x)
    return x.node("IsInf", dtype=bool, detect_positive=0).where(neginf, x)


def _round(out: Any, x: Value, decimals: int) -> Value:
    if out.dtype.kind != "f":
        return x
    scale = 10.0 ** abs(decimals)
    if decimals >= 0:
        return (x * scale).node("Round") / scale if decimals else x.node("Round")
    return (x / scale).node("Round") * scale


def _power(out: Any, x: Value, y: Value) -> Value:
    return x.node("Pow", y)


def _isfinite(out: Any, x: Value) -> Value:
    x = x if x.dtype.kind == "f" else x.astype(np.float32)
    return ~(x.node("IsNaN", dtype=bool) | x.node("IsInf", dtype=bool))


def _only_floats(op_type: str) -> Callable[..., Value]:
    return lambda out, x: (x if x.dtype.kind == "f" else x.astype(np.float32)).node(
        op_type, dtype=bool
    )


def _clip(out: Any, x: Value, lo: Value | None, hi: Value | None) -> Value:
    x = x if lo is None else x.node("Max", lo)
    return x if hi is None else x.node("Min", hi)


def _where(out: Any, condition: Value, x: Value, y: Value) -> Value:
    x, y = x.astype(out.dtype), y.astype(out.dtype)
    return condition.astype(bool).where(x, y)


def _trunc(out: Any, x: Value) -> Value:
    return x.node("Sign") * abs(x).node("Floor") if x.dtype.kind == "f" else x


def _choose(out: Any, *xs: Value, index: Any) -> Value:
    """Choose by one condition for each of the values but the last."""
    index = index if isinstance(index, Value) else xs[0].graph.constant(index)
    chosen = xs[-1].astype(out.dtype)
    for i in reversed(range(len(xs) - 1)):
        chosen = index.equals(i).where(xs[i].astype(out.dtype), chosen)
    return chosen.expand(out.shape)


def ldexp(out: Any, x: Value, exponents: Value) -> Value:
    """Return ``x`` times a power of 2."""
    two = x.graph.constant(2, out.dtype)
    return x.astype(out.dtype) * two ** exponents.astype(out.dtype)


# `out` is what the operation gives, of which shape and dtype are known; x, y are its inputs.
# fmt: off

TO_RESULT: dict[str, Callable[..., Value]] = {
    # Arithmetic
    "add":          _or_logic("Add", "Or"),
    "subtract":     _is("Sub"),
    "multiply":     _or_logic("Mul", "And"),
    "divide":       _is("Div"),
    "power":        _power,
    "float_power":  _power,
    "remainder":    _remainder,
    "floor_divide": _floor_divide,
    "fmod":         lambda out, x, y: _fmod(x, y),
    "negative":     _is("Neg"),
    "positive":     lambda out, x: x,
    "square":       lambda out, x: x * x,
    "reciprocal":   lambda out, x: 1 / x,
    "absolute":     lambda out, x: x if out.dtype == bool else abs(x),
    "fabs":         _is("Abs"),
    "sign":         _is("Sign"),

    # Exponentials and logarithms
    "exp":       _is("Exp"),
    "exp2":      lambda out, x: x.graph.constant(2, out.dtype) ** x,
    "expm1":     _expm1,
    "log":       _is("Log"),
    "log2":      lambda out, x: x.node("Log") / _LN2,
    "log10":     lambda out, x: x.node("Log") / _LN10,
    "log1p":     _log1p,
    "sqrt":      _is("Sqrt"),
    "cbrt":      lambda out, x: x.node("Sign") * abs(x) ** (1 / 3),
    "logaddexp": _log_of_sum,
    "logaddexp2": lambda out, x, y: _log_of_sum(out, x * _LN2, y * _LN2) / _LN2,

    # Trigonometric and hyperbolic
    "sin":  _is("Sin"),  "arcsin": _is("Asin"), "sinh": _is("Sinh"), "arcsinh": _is("Asinh"),
    "cos":  _is("Cos"),  "arccos": _is("Acos"), "cosh": _is("Cosh"), "arccosh": _is("Acosh"),
    "tan":  _is("Tan"),  "arctan": _is("Atan"), "tanh": _is("Tanh"), "arctanh": _is("Atanh"),
    "sinc":    _sinc,
    "hypot":   _hypot,
    "arctan2": _arctan2,
    "deg2rad": lambda out, x: x * (math.pi / 180),
    "rad2deg": lambda out, x: x * (180 / math.pi),

    # Activations
    "sigmoid":  _is("Sigmoid"),
    "relu":     _is("Relu"),
    "softplus": _is("Softplus"),

    # Kinks and steps
    "maximum":  _or_logic("Max", "Or"),
    "minimum":  _or_logic("Min", "And"),
    "fmax":     _not_nan("Max"),
    "fmin":     _not_nan("Min"),
    "clip":     _clip,
    "floor":    lambda out, x: x.node("Floor") if out.dtype.kind == "f" else x,
    "ceil":     lambda out, x: x.node("Ceil") if out.dtype.kind == "f" else x,
    "rint":     _is("Round"),
    "round":    _round,
    "trunc":    _trunc,
    "heaviside": _heaviside,
    "copysign": lambda out, x, y: _signbit(out, y).where(-abs(x), abs(x)),
    "nan_to_num": _nan_to_num,
    "bitwise_and": _bits("And"),
    "bitwise_or":  _bits("Or"),
    "bitwise_xor": _bits("Xor"),
    "invert":      _bits("Not"),
}
"""Operations whose inputs are taken in the dtype of the result."""

TOGETHER: dict[str, Callable[..., Value]] = {
    "equal":         _is("Equal", bool),
    "not_equal":     lambda out, x, y: ~x.equals(y),
    "less":          _order("Less"),
    "less_equal":    _order("LessOrEqual"),
    "greater":       _order("Greater"),
    "greater_equal": _order("GreaterOrEqual"),
}
"""Operations whose inputs are taken in the dtype that both have in common."""

AS_GIVEN: dict[str, Callable[..., Value]] = {
    "where":       _where,
    "astype":      lambda out, x, dtype: x.astype(out.dtype),
    "copy":        lambda out, x: x,
    "logical_and": _truths("And"),
    "logical_or":  _truths("Or"),
    "logical_xor": _truths("Xor"),
    "logical_not": _truths("Not"),
    "isnan":       _only_floats("IsNaN"),
    "isinf":       _only_floats("IsInf"),
    "isfinite":    _isfinite,
    "signbit":     _signbit,
    "choose":      _choose,
}
"""Operations that convert their inputs themselves."""
# fmt: on
