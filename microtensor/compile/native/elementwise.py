"""How each elementwise operation is written for single numbers, and in which dtype it computes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...op import REGISTRY
from ..program import Atom, Equation, Literal, Var

__all__ = ["SUPPORTED", "Form", "form_of", "number"]

SUPPORTED = frozenset("?bhilqBHILQfd")
"""The dtypes, by character, that native code computes with."""

_FLOAT_LIMITS = {"d": 709, "f": 88}


class Form(NamedTuple):
    """An elementwise operation as an expression of its operands."""

    template: str
    """The expression, of ``{0}``, ``{1}``, ..."""
    dtypes: tuple[np.dtype[Any], ...]
    """What each operand is converted to first."""


_UFUNCS: dict[str, tuple[np.ufunc, str]] = {
    "add": (np.add, "{0} + {1}"),
    "subtract": (np.subtract, "{0} - {1}"),
    "multiply": (np.multiply, "{0} * {1}"),
    "divide": (np.divide, "{0} / {1}"),
    "negative": (np.negative, "-{0}"),
    "positive": (np.positive, "{0}"),
    "square": (np.square, "{0} * {0}"),
    "exp": (np.exp, "math.exp({0})"),
    "expm1": (np.expm1, "math.expm1({0})"),
    "log": (np.log, "math.log({0})"),
    "log1p": (np.log1p, "math.log1p({0})"),
    "sqrt": (np.sqrt, "math.sqrt({0})"),
    "sin": (np.sin, "math.sin({0})"),
    "cos": (np.cos, "math.cos({0})"),
    "tanh": (np.tanh, "math.tanh({0})"),
    "absolute": (np.absolute, "abs({0})"),
    "fabs": (np.fabs, "abs({0})"),
    "maximum": (np.maximum, "maximum({0}, {1})"),
    "minimum": (np.minimum, "minimum({0}, {1})"),
    "fmax": (np.fmax, "fmax({0}, {1})"),
    "fmin": (np.fmin, "fmin({0}, {1})"),
    "sign": (np.sign, "sign({0})"),
    "floor": (np.floor, "np.floor({0})"),
    "ceil": (np.ceil, "np.ceil({0})"),
    "rint": (np.rint, "np.rint({0})"),
    "trunc": (np.trunc, "np.trunc({0})"),
    "equal": (np.equal, "{0} == {1}"),
    "not_equal": (np.not_equal, "{0} != {1}"),
    "less": (np.less, "{0} < {1}"),
    "less_equal": (np.less_equal, "{0} <= {1}"),
    "greater": (np.greater, "{0} > {1}"),
    "greater_equal": (np.greater_equal, "{0} >= {1}"),
    "logical_and": (np.logical_and, "({0} != 0) & ({1} != 0)"),
    "logical_or": (np.logical_or, "({0} != 0) | ({1} != 0)"),
    "logical_xor": (np.logical_xor, "({0} != 0) != ({1} != 0)"),
    "logical_not": (np.logical_not, "{0} == 0"),
    "bitwise_and": (np.bitwise_and, "{0} & {1}"),
    "bitwise_or": (np.bitwise_or, "{0} | {1}"),
    "bitwise_xor": (np.bitwise_xor, "{0} ^ {1}"),
    "invert": (np.invert, "~{0}"),
    "isnan": (np.isnan, "{0} != {0}"),
    "isinf": (np.isinf, "abs({0}) == math.inf"),
    "isfinite": (np.isfinite, "abs({0}) < math.inf"),
    "signbit": (np.signbit, "math.copysign(1.0, {0}) < 0"),
    "tan": (np.tan, "math.tan({0})"),
    "arcsin": (np.arcsin, "math.asin({0})"),
    "arccos": (np.arccos, "math.acos({0})"),
    "arctan": (np.arctan, "math.atan({0})"),
    "sinh": (np.sinh, "math.sinh({0})"),
    "cosh": (np.cosh, "math.cosh({0})"),
    "arcsinh": (np.arcsinh, "math.asinh({0})"),
    "arccosh": (np.arccosh, "math.acosh({0})"),
    "arctanh": (np.arctanh, "math.atanh({0})"),
    "hypot": (np.hypot, "math.hypot({0}, {1})"),
    "arctan2": (np.arctan2, "math.atan2({0}, {1})"),
    "deg2rad": (np.deg2rad, f"{{0}} * {math.pi / 180!r}"),
    "rad2deg": (np.rad2deg, f"{{0}} * {180 / math.pi!r}"),
    "exp2": (np.exp2, "2.0 ** {0}"),
    "log2": (np.log2, "np.log2({0})"),
    "log10": (np.log10, "math.log10({0})"),
    "cbrt": (np.cbrt, "np.cbrt({0})"),
    "logaddexp": (np.logaddexp, "logaddexp({0}, {1})"),
    "logaddexp2": (np.logaddexp2, "logaddexp2({0}, {1})"),
    "float_power": (np.float_power, "{0} ** {1}"),
    "fmod": (np.fmod, "np.fmod({0}, {1})"),
    "copysign": (np.copysign, "math.copysign({0}, {1})"),
    "heaviside": (np.heaviside, "heaviside({0}, {1})"),
}
"""Operations that are one ufunc: what NumPy computes, and the same of numbers."""

_OF_FLOATS = frozenset({"isinf", "isfinite", "signbit", "fmod", "sign", "reciprocal"})
"""Operations whose expression holds for floating-point numbers only."""

_OF_BOOLS = {
    "add": "{0} | {1}",
    "multiply": "{0} & {1}",
    "maximum": "{0} | {1}",
    "minimum": "{0} & {1}",
    "logical_and": "{0} & {1}",
    "logical_or": "{0} | {1}",
    "logical_xor": "{0} != {1}",
    "logical_not": "not {0}",
    "bitwise_and": "{0} & {1}",
    "bitwise_or": "{0} | {1}",
    "bitwise_xor": "{0} != {1}",
    "invert": "not {0}",
    "absolute": "{0}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "isnan": "{0} != {0}",
    "positive": None,
}
"""The expressions for truth values, which NumPy adds and multiplies in its own way."""


def form_of(equation: Equation) -> Form | None:
    """Return how an equation computes one element, or ``None`` if it is not elementwise."""
    op, inputs, out = equation.op, equation.inputs, equation.out
    if REGISTRY.get(op.name) is not op or not all(map(_native, (*inputs, out))):
        return None
    if out.scalar and any(x.dtype.kind == "b" for x in inputs):
        return None  # Python's own arithmetic of True and False
    special = _SPECIAL.get(op.name)
    if special is not None:
        return special(equation)
    if op.name not in _UFUNCS:
        return None
    ufunc, template = _UFUNCS[op.name]
    if op.name == "absolute" and inputs[0].dtype.kind == "u":
        template = "{0}"
    return _of_ufunc(op.name, ufunc, template, inputs)


def number(value: Any, dtype: np.dtype[Any]) -> str:
    """Return a number as it is written in generated code."""
    value = dtype.type(value).item()
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        text = "math.nan" if value != value else "math.inf" if value > 0 else "-math.inf"
    else:
        text = repr(value)
    return text if dtype == np.float64 else f"{dtype.name}({text})"


def _native(x: Atom) -> bool:
    if isinstance(x, Literal) and x.value is None:
        return True
    return x.dtype.char in SUPPORTED


def _resolved(ufunc: np.ufunc, inputs: Sequence[Atom]) -> tuple[np.dtype[Any], ...] | None:
    """Return the dtypes that NumPy converts the operands to; a Python number adapts (NEP 50)."""
    weak = {"i": int, "f": float}
    given: list[Any] = [weak.get(x.dtype.kind, x.dtype) if x.scalar else x.dtype for x in inputs]
    if all(x.scalar for x in inputs):
        given = [x.dtype for x in inputs]
    try:
        resolved = ufunc.resolve_dtypes((*given, *(None,) * ufunc.nout))
    except TypeError:
        return None
    dtypes = resolved[: len(inputs)]
    if any(dtype.char not in SUPPORTED for dtype in resolved):
        return None
    return tuple(dtypes)


def _of_ufunc(name: str, ufunc: np.ufunc, template: str, inputs: Sequence[Atom]) -> Form | None:
    dtypes = _resolved(ufunc, inputs)
    if dtypes is None or len(set(dtypes)) > 1:  # as int64 and uint64, compared
        return None
    kind = dtypes[0].kind
    if kind == "b":
        text = _OF_BOOLS.get(name)
        return Form(text, dtypes) if text else None
    if name in _OF_FLOATS and kind != "f":
        return None
    return Form(template, dtypes)


def _like_out(template: str) -> Callable[[Equation], Form | None]:
    """Return the form of an operation that computes in the dtype of its result."""

    def form(equation: Equation) -> Form | None:
        return Form(template, (equation.out.dtype,) * len(equation.inputs))

    return form


def _of_kinds(name: str, ufunc: np.ufunc, floats: str, ints: str | None) -> Any:
    def form(equation: Equation) -> Form | None:
        dtypes = _resolved(ufunc, equation.inputs)
        if dtypes is None or len(set(dtypes)) > 1 or dtypes[0].kind == "b":
            return None
        text = floats if dtypes[0].kind == "f" else ints
        return Form(text, dtypes) if text else None

    return form


def _sigmoid(equation: Equation) -> Form | None:
    dtype = equation.out.dtype
    if dtype.char not in _FLOAT_LIMITS:
        return None
    limit, one = number(_FLOAT_LIMITS[dtype.char], dtype), number(1, dtype)
    return Form(f"sigmoid({{0}}, {limit}, {one})", (dtype,))


def _relu(equation: Equation) -> Form | None:
    return Form(f"maximum({{0}}, {number(0, equation.out.dtype)})", (equation.out.dtype,))


def _softplus(equation: Equation) -> Form | None:
    return Form(f"logaddexp({{0}}, {number(0, equation.out.dtype)})", (equation.out.dtype,))


def _power(equation: Equation) -> Form | None:
    x, y = equation.inputs
    dtypes = _resolved(np.power, (x, y))
    if dtypes is None or len(set(dtypes)) > 1:
        return None
    exponent = y.value if isinstance(y, Literal) else None
    if isinstance(exponent, int | float) and not isinstance(exponent, bool):
        if exponent == 2:
            return Form("{0} * {0}", dtypes)
        if exponent == 3:
            return Form("{0} * {0} * {0}", dtypes)
    if dtypes[0].kind == "f":
        if isinstance(exponent, float) and exponent == 0.5 and isinstance(x, Var) and not x.scalar:
            return Form("math.sqrt({0})", dtypes)
        return Form("{0} ** {1}", dtypes)
    if dtypes[0].kind == "i" and exponent is not None and exponent >= 0:
        return Form("int_power({0}, {1})", dtypes)
    return None  # NumPy refuses a negative exponent of integers


def _reciprocal(equation: Equation) -> Form | None:
    dtype = equation.out.dtype
    return Form(f"{number(1, dtype)} / {{0}}", (dtype,)) if dtype.kind == "f" else None


def _where(equation: Equation) -> Form | None:
    if equation.inputs[0].dtype.kind != "b" or equation.out.scalar:
        return None
    out = equation.out.dtype
    return Form("({1} if {0} else {2})", (np.dtype(bool), out, out))


def _clip(equation: Equation) -> Form | None:
    _, lo, hi = equation.inputs
    text = "{0}"
    if not (isinstance(lo, Literal) and lo.value is None):
        text = f"maximum({text}, {{1}})"
    if not (isinstance(hi, Literal) and hi.value is None):
        text = f"minimum({text}, {{2}})"
    if equation.out.dtype.kind == "b" or equation.out.scalar:
        return None
    return Form(text, (equation.out.dtype,) * 3)


def _round(equation: Equation) -> Form | None:
    dtype = equation.out.dtype
    if equation.params.get("decimals") != 0 or dtype.kind != "f":
        return None
    return Form("np.rint({0})", (dtype,))


def _nan_to_num(equation: Equation) -> Form | None:
    params, dtype = equation.params, equation.out.dtype
    replaced = [params.get(name) for name in ("nan", "posinf", "neginf")]
    if dtype.kind != "f" or not all(x is None or isinstance(x, int | float) for x in replaced):
        return None
    nan, high, low = replaced
    limits = np.finfo(dtype)
    top = number(limits.max if high is None else high, dtype)
    bottom = number(limits.min if low is None else low, dtype)
    return Form(
        f"({number(nan or 0.0, dtype)} if {{0}} != {{0}} else {top} if {{0}} == math.inf else "
        f"{bottom} if {{0}} == -math.inf else {{0}})",
        (dtype,),
    )


def _filled(value: Any) -> Callable[[Equation], Form | None]:
    def form(equation: Equation) -> Form | None:
        filled = equation.params.get("fill_value") if value is None else value
        if not isinstance(filled, int | float | np.number | np.bool_):
            return None
        return Form(number(filled, equation.out.dtype), ())

    return form


_SPECIAL: dict[str, Callable[[Equation], Form | None]] = {
    "sigmoid": _sigmoid,
    "relu": _relu,
    "softplus": _softplus,
    "power": _power,
    "reciprocal": _reciprocal,
    "where": _where,
    "clip": _clip,
    "round": _round,
    "nan_to_num": _nan_to_num,
    "sinc": _like_out("sinc({0})"),
    "astype": lambda equation: Form("{0}", (equation.inputs[0].dtype,)),
    "copy": _like_out("{0}"),
    "remainder": _of_kinds(
        "remainder", np.remainder, "float_remainder({0}, {1})", "int_remainder({0}, {1})"
    ),
    "floor_divide": _of_kinds(
        "floor_divide", np.floor_divide, "float_floor_divide({0}, {1})",
        "int_floor_divide({0}, {1})",
    ),
    "zeros_like": _filled(0),
    "ones_like": _filled(1),
    "full_like": _filled(None),
}  # fmt: skip
"""Operations that are more than one ufunc, or not written the same for all dtypes."""
