"""How each operation is written in mathematics: an operator, a subscript, a function."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..op import REGISTRY
from .expressions import Expression
from .multiples import ARITHMETIC, Multiples, made, plain_text
from .program import Equation, Var

__all__ = ["Formulas"]

_AXES = "ijklmnpqrs"
_LONGEST_LIST = 4

_TEMPLATES = {
    "matmul": (r"{0:power} \, {1:power}", "juxtaposed"),
    "power": ("{0:atom}^{{{1}}}", "fraction"),
    "float_power": ("{0:atom}^{{{1}}}", "fraction"),
    "square": ("{0:atom}^{{2}}", "fraction"),
    "reciprocal": (r"\frac{{1}}{{{0}}}", "fraction"),
    "sqrt": (r"\sqrt{{{0}}}", "atom"),
    "cbrt": (r"\sqrt[3]{{{0}}}", "atom"),
    "exp": (r"e^{{{0}}}", "fraction"),
    "exp2": (r"2^{{{0}}}", "fraction"),
    "expm1": (r"e^{{{0}}} - 1", "sum"),
    "log1p": (r"\log\left( 1 + {0:term} \right)", "atom"),
    "softplus": (r"\log\left( 1 + e^{{{0}}} \right)", "atom"),
    "logaddexp": (r"\log\left( e^{{{0}}} + e^{{{1}}} \right)", "atom"),
    "sigmoid": (r"\sigma\left( {0} \right)", "atom"),
    "relu": (r"\max\left( {0}, 0 \right)", "atom"),
    "silu": (r"{0:term} \, \sigma\left( {0} \right)", "juxtaposed"),
    "leaky_relu": (
        r"\max\left( {0}, 0 \right) + {1:term} \, \min\left( {0}, 0 \right)", "sum"),
    "absolute": (r"\left| {0} \right|", "atom"),
    "fabs": (r"\left| {0} \right|", "atom"),
    "floor": (r"\left\lfloor {0} \right\rfloor", "atom"),
    "ceil": (r"\left\lceil {0} \right\rceil", "atom"),
    "inv": ("{0:atom}^{{-1}}", "fraction"),
    "solve": (r"{0:atom}^{{-1}} \, {1:power}", "juxtaposed"),
    "pinv": ("{0:atom}^{{+}}", "fraction"),
    "linear": (r"{0:power} \, {1:atom}^{{\top}} + {2:term}", "sum"),
    "linear_no_bias": (r"{0:power} \, {1:atom}^{{\top}}", "juxtaposed"),
    "equal": (r"\left[ {0} = {1} \right]", "atom"),
    "not_equal": (r"\left[ {0} \neq {1} \right]", "atom"),
    "less": (r"\left[ {0} < {1} \right]", "atom"),
    "less_equal": (r"\left[ {0} \leq {1} \right]", "atom"),
    "greater": (r"\left[ {0} > {1} \right]", "atom"),
    "greater_equal": (r"\left[ {0} \geq {1} \right]", "atom"),
    "logical_and": (r"{0:and} \wedge {1:and}", "and"),
    "logical_or": (r"{0:or} \vee {1:or}", "or"),
    "logical_xor": (r"{0:xor} \oplus {1:and}", "xor"),
    "logical_not": (r"\neg {0:atom}", "juxtaposed"),
}  # fmt: skip
_BITWISE = {"bitwise_and": "logical_and", "bitwise_or": "logical_or", "bitwise_xor": "logical_xor",
            "invert": "logical_not"}  # fmt: skip
_FUNCTIONS = {
    "log": r"\log", "log2": r"\log_{2}", "log10": r"\log_{10}", "sin": r"\sin", "cos": r"\cos",
    "tan": r"\tan", "tanh": r"\tanh", "sinh": r"\sinh", "cosh": r"\cosh", "arctan": r"\arctan",
    "arcsin": r"\arcsin", "arccos": r"\arccos", "maximum": r"\max", "minimum": r"\min",
    "fmax": r"\max", "fmin": r"\min", "max": r"\max", "min": r"\min", "det": r"\det",
    "normal_cdf": r"\Phi", "normal_pdf": r"\varphi",
    "normal_cdf_by_tanh": r"\Phi_{\tanh}",
}  # fmt: skip
_SAME = frozenset({"copy", "positive", "broadcast_to"})
_RESHAPING = frozenset({"reshape", "ravel", "squeeze", "expand_dims"})
_MOVING = _RESHAPING | {"transpose", "swapaxes", "moveaxis", "flip"}
_REDUCING = {"sum": r"\sum", "sum_to": r"\sum", "mean": r"\sum", "prod": r"\prod"}
_UNSAID = frozenset({"keepdims", "generator", "dtype", "axis"})


class Formulas(Multiples):
    """Writes single equations."""

    e_is_a_name = False

    def written(self, eq: Equation) -> Expression:
        """Return the formula of what an equation computes."""
        name = eq.op.name
        operands = [self.operand(x) for x in eq.inputs]
        if REGISTRY.get(name) is not eq.op and name != "random":
            return self._function(eq, operands)
        if name in ARITHMETIC:
            return self.arithmetic(name, eq, operands)
        if name in _SAME or (name == "astype" and _is_exact(eq)):
            return operands[0]
        if name in _MOVING and (eq.out.size == 1 or self.is_number(operands[0])):
            return operands[0]
        if (name in _REDUCING or name in ("max", "min")) and not _reduces(eq):
            return operands[0]
        if name in _REDUCING:
            return self._reduction(eq, operands[0])
        if name in _BITWISE and eq.out.dtype == np.bool_:
            name = _BITWISE[name]
        if name == "exp" and self.e_is_a_name:
            return made(r"\exp\left( {0} \right)", "atom", operands)
        if name in _TEMPLATES:
            return made(*_TEMPLATES[name], operands)
        form = getattr(self, f"_{name}", None)
        return form(eq, operands) if form is not None else self._function(eq, operands)

    # Forms that depend on parameters

    def _reduction(self, eq: Equation, x: Expression) -> Expression:
        name = eq.op.name
        count = math.prod(eq.inputs[0].shape) // max(1, eq.out.size)
        factor, rest = self.split(x)
        if rest is None and name != "prod":
            return self.number(factor if name == "mean" else factor * count)
        if factor < 0 and name != "prod":
            return self.times(-1, self._reduction(eq, self.absolute(x)))
        lead = rf"\frac{{{{1}}}}{{{{{count}}}}} " if name == "mean" and count > 1 else ""
        under = _under(_letters(eq))
        return made(f"{lead}{_REDUCING[name]}{_escaped(under)} {{0:unary}}", "prefix", [x])

    def _logsumexp(self, eq: Equation, operands: list[Expression]) -> Expression:
        under = _escaped(_under(_letters(eq)))
        return made(rf"\log\left( \sum{under} e^{{{{{{0}}}}}} \right)", "atom", operands)

    def _transpose(self, eq: Equation, operands: list[Expression]) -> Expression:
        axes = eq.params.get("axes")
        if axes is None or eq.out.ndim <= 2:
            return made(r"{0:atom}^{{\top}}", "fraction", operands)
        order = ",".join(_axis_letter(int(a) % eq.out.ndim) for a in axes)
        return _call(r"\operatorname{transpose}", operands, [plain_text(order)])

    def _reshape(self, eq: Equation, operands: list[Expression]) -> Expression:
        return _call(r"\operatorname{reshape}", operands, [plain_text(_shape(eq.out.shape))])

    _ravel = _squeeze = _expand_dims = _reshape

    def _random(self, eq: Equation, operands: list[Expression]) -> Expression:
        return _call(r"\operatorname{random}", operands, [plain_text(_shape(eq.out.shape) or "1")])

    def _einsum(self, eq: Equation, operands: list[Expression]) -> Expression:
        subscripts = eq.params["subscripts"]
        if not isinstance(subscripts, str):
            return self._function(eq, operands)
        text = subscripts.replace(" ", "").replace("->", r" \to ").replace("...", r"\ldots ")
        return _call(r"\operatorname{einsum}", operands, [plain_text(text)])

    def _clip(self, _: Equation, operands: list[Expression]) -> Expression:
        x, *bounds = operands
        for function, bound in zip((r"\max", r"\min"), bounds, strict=False):
            if bound.pieces != (r"\mathrm{None}",):
                x = _call(function, [x, bound])
        return x

    def _norm(self, eq: Equation, operands: list[Expression]) -> Expression:
        order = eq.params["ord"]
        under = [] if order is None else [self._value(order)]
        under += [plain_text(letter) for letter in _letters(eq)]
        marks = "_{{" + ",".join(f"{{{i + 1}}}" for i in range(len(under))) + "}}" if under else ""
        return made(rf"\left\| {{0}} \right\|{marks}", "atom", operands + under)

    def _getitem(self, eq: Equation, operands: list[Expression]) -> Expression:
        (x,) = operands
        base = "{0:atom}"
        if len(x.pieces) != 1 or (isinstance(x.pieces[0], Var) and "_{" in self._text(x.pieces[0])):
            base = r"\left( {0} \right)"
        under = self._index(eq)
        marks = ",".join(f"{{{i + 1}}}" for i in range(len(under)))
        return made(f"{base}_{{{{{marks}}}}}", "atom", [x, *under])

    def _scatter_add(self, eq: Equation, operands: list[Expression]) -> Expression:
        return _call(r"\operatorname{scatter}", operands, self._index(eq))

    def _setitem(self, eq: Equation, operands: list[Expression]) -> Expression:
        return _call(r"\operatorname{set}", operands, self._index(eq))

    def _choose(self, eq: Equation, operands: list[Expression]) -> Expression:
        return _call(r"\operatorname{choose}", [self._value(eq.params["index"]), *operands])

    def _index(self, eq: Equation) -> list[Expression]:
        index = eq.params["index"]
        parts = index if isinstance(index, tuple) and index else (index,)
        arrays = sum(isinstance(part, (np.ndarray, Var)) for part in parts)
        found: list[Expression] = []
        for i, part in enumerate(parts):
            if isinstance(part, range):
                part = np.arange(part.start, part.stop, part.step)
            if _is_range(part):
                text = _axis_letter(i) if arrays > 1 else f"{part[0]}:{part[-1] + 1}"
                found.append(plain_text(text))
            else:
                found.append(self._value(part))
        return found

    def _value(self, value: Any) -> Expression:
        """Write a parameter: a number, an index, a shape."""
        if isinstance(value, Var):
            return self.operand(value)
        if value is Ellipsis:
            return plain_text(r"\ldots")
        if isinstance(value, slice):
            ends = [value.start, value.stop] + ([] if value.step is None else [value.step])
            texts = [f"{{{i}}}" if end is not None else "" for i, end in enumerate(ends)]
            return made(":".join(texts), "sum", [self._value(end) for end in ends])
        if isinstance(value, np.ndarray):
            if value.ndim == 0:
                return self.number(value[()])
            return self.listed([self._value(part) for part in value[: _LONGEST_LIST + 1]])
        if isinstance(value, (tuple, list)):
            return self.listed([self._value(x) for x in value])
        if isinstance(value, (bool, np.bool_)):
            return plain_text(str(int(value)))
        return self.number(getattr(value, "__name__", value) if callable(value) else value)

    @staticmethod
    def listed(parts: Sequence[Expression]) -> Expression:
        """Write a list, of which a long one is cut."""
        texts = [f"{{{i}}}" for i in range(len(parts))]
        if len(texts) > _LONGEST_LIST:
            texts = [*texts[: _LONGEST_LIST - 1], r"\ldots"]
        return made(rf"\left( {', '.join(texts)} \right)", "atom", parts)

    def _function(self, eq: Equation, operands: list[Expression]) -> Expression:
        name = eq.op.name
        function = _FUNCTIONS.get(name)
        if function is None:
            text = re.sub(r"\W", "", name).replace("_", r"\_")
            function = rf"\operatorname{{{text}}}"
        under = [plain_text(letter) for letter in _letters(eq)]
        for key, value in eq.params.items():
            default = eq.op.parameters.get(key, _UNSAID)
            if key in _UNSAID or value is default or (_is_simple(value) and value == default):
                continue
            lead = _escaped(_plain_name(key))
            under.append(made(f"{lead}={{0}}", "sum", [self._value(value)]))
        return _call(function, operands, under)


def _call(
    function: str, operands: Sequence[Expression], under: Sequence[Expression] = ()
) -> Expression:
    arguments = ", ".join(f"{{{i}}}" for i in range(len(operands)))
    marks = ",".join(f"{{{len(operands) + i}}}" for i in range(len(under)))
    below = f"_{{{{{marks}}}}}" if under else ""
    template = rf"{_escaped(function)}{below}\left( {arguments} \right)"
    return made(template, "atom", [*operands, *under])


def _reduces(eq: Equation) -> bool:
    return eq.params.get("axis") != () and (
        eq.op.name != "sum_to" or eq.inputs[0].shape != eq.out.shape
    )


def _letters(eq: Equation) -> list[str]:
    """Return the letters of the axes along which an operation goes, if those are not all."""
    shape = eq.inputs[0].shape if eq.inputs else ()
    if eq.op.name == "sum_to":
        kept = eq.params["shape"]
        lead = len(shape) - len(kept)
        axes = [i for i in range(len(shape)) if i < lead or kept[i - lead] != shape[i]]
    else:
        axis = eq.params.get("axis")
        given = axis if isinstance(axis, (tuple, list)) else () if axis is None else (axis,)
        ndim = eq.out.ndim if eq.op.name == "stack" else len(shape)
        axes = [int(a) % ndim for a in given if isinstance(a, (int, np.integer)) and ndim]
        if eq.op.name in ("stack", "concatenate") and ndim > 1:
            return [_axis_letter(a) for a in axes]
    return [] if len(axes) == len(shape) else [_axis_letter(a) for a in axes]


def _axis_letter(axis: int) -> str:
    return _AXES[axis] if axis < len(_AXES) else str(axis)


def _under(letters: list[str]) -> str:
    return f"_{{{','.join(letters)}}}" if letters else ""


def _shape(shape: tuple[int, ...]) -> str:
    return r" \times ".join(map(str, shape))


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _plain_name(text: str) -> str:
    return rf"\mathrm{{{text.replace('_', chr(92) + '_')}}}"


def _is_exact(eq: Equation) -> bool:
    """Tell whether a conversion leaves numbers as they are."""
    return "biuf".find(eq.inputs[0].dtype.kind) <= "biuf".find(eq.out.dtype.kind)


def _is_range(part: Any) -> bool:
    if not isinstance(part, np.ndarray) or part.ndim != 1 or part.size < 2:
        return False
    return part.dtype.kind in "iu" and bool((part == np.arange(part.size) + part[0]).all())


def _is_simple(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str, tuple))
