"""How each operation is written in mathematics: an operator, a subscript, a function."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..op import REGISTRY
from .expressions import Expression, fill
from .program import Equation, Literal, Var
from .symbols import number_text, word

__all__ = ["LEVELS", "Formulas"]

LEVELS = {
    "or": 7, "xor": 8, "and": 9, "sum": 11, "prefix": 12, "product": 13, "juxtaposed": 14,
    "fraction": 15, "atom": 16,
}  # fmt: skip
r"""How tightly formulas bind: ``prefix`` is a minus or a sum sign, ``juxtaposed`` a product
without a sign, which binds more tightly than one with; ``fraction`` also a power, which needs
brackets if it is raised to one. In a template the first four after ``and`` are `fill`'s ``sum``,
``term``, ``unary`` and ``power``."""

_BRACKETS = (r"\left( ", r" \right)")
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
}  # fmt: skip
_SAME = frozenset({"copy", "positive", "broadcast_to"})
_ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide", "negative"})
_RESHAPING = frozenset({"reshape", "ravel", "squeeze", "expand_dims"})
_MOVING = _RESHAPING | {"transpose", "swapaxes", "moveaxis", "flip"}
_REDUCING = {"sum": r"\sum", "sum_to": r"\sum", "mean": r"\sum", "prod": r"\prod"}
_UNSAID = frozenset({"keepdims", "generator", "dtype", "axis"})


class Formulas:
    """Writes single equations: what it makes of numbers and signs it can take apart again."""

    def __init__(self, operand: Callable[[Var], Expression], text: Callable[[Var], str]) -> None:
        self._variable = operand
        self._text = text
        self._scaled: dict[Expression, tuple[Any, Expression | None]] = {}
        self.e_is_a_name = False

    def operand(self, atom: Any) -> Expression:
        """Return the formula of a value or a number."""
        if isinstance(atom, Var):
            return self._variable(atom)
        return self.number(atom.value if isinstance(atom, Literal) else atom)

    def number(self, value: Any) -> Expression:
        """Write a number, a large or small one with a power of ten."""
        if value is None:
            return _plain(r"\mathrm{None}")
        if isinstance(value, (str, complex)) or not isinstance(value, (int, float, np.number)):
            known = isinstance(value, np.bool_)
            return _plain(number_text(value)[0] if known else word(str(value)))
        if isinstance(value, np.generic) and not isinstance(value, np.float32):
            value = value.item()
        negative = not isinstance(value, bool) and value < 0
        text, level = number_text(-value if negative else value)
        found = _plain(f"-{text}" if negative else text, "prefix" if negative else level)
        self._scaled[found] = value, None
        return found

    def written(self, eq: Equation) -> Expression:
        """Return the formula of what an equation computes."""
        name = eq.op.name
        operands = [self.operand(x) for x in eq.inputs]
        if REGISTRY.get(name) is not eq.op and name != "random":
            return self._function(eq, operands)
        if name in _ARITHMETIC:
            return self._arithmetic(name, eq, operands)
        if name in _SAME or (name == "astype" and _is_exact(eq)):
            return operands[0]
        if name in _MOVING and (eq.out.size == 1 or self._is_number(operands[0])):
            return operands[0]
        if name in _REDUCING:
            return self._reduction(eq, operands[0])
        if name in _BITWISE and eq.out.dtype == np.bool_:
            name = _BITWISE[name]
        if name == "exp" and self.e_is_a_name:
            return _made(r"\exp\left( {0} \right)", "atom", operands)
        if name in _TEMPLATES:
            return _made(*_TEMPLATES[name], operands)
        form = getattr(self, f"_{name}", None)
        return form(eq, operands) if form is not None else self._function(eq, operands)

    # Signs and factors

    def _split(self, x: Expression) -> tuple[Any, Expression | None]:
        """Return the number that a formula starts with, and what that is a multiple of."""
        return self._scaled.get(x, (1, x))

    def _is_number(self, x: Expression) -> bool:
        return self._split(x)[1] is None

    def _times(self, factor: Any, rest: Expression | None) -> Expression:
        """Write a multiple."""
        if isinstance(factor, float) and math.isfinite(factor):
            rounded = float(f"{factor:.15g}")
            factor = rounded if len(repr(rounded)) <= 12 else factor
        if rest is None:
            return self.number(factor)
        if factor == 1:
            return rest
        if factor == -1:
            found = _made("-{0:term}", "prefix", [rest])
        else:
            level = "prefix" if factor < 0 or rest.level == LEVELS["prefix"] else "juxtaposed"
            if rest.level == LEVELS["product"] and level == "juxtaposed":
                level = "product"
            found = _made(r"{0} \, {1:term}", level, [self.number(factor), rest])
        self._scaled[found] = factor, rest
        return found

    def _arithmetic(self, name: str, eq: Equation, operands: list[Expression]) -> Expression:
        x = operands[0]
        (a, u), (b, v) = self._split(x), self._split(operands[-1])
        if name == "negative":
            return self._times(_negated(a), u)
        y = operands[1]
        if u is None and v is None and not (name == "divide" and b == 0):
            with np.errstate(all="ignore"):
                return self.number(_NUMBERS[name](_python(a), _python(b)))
        if name == "multiply":
            if u is None or v is None:
                return self._times(_python(a) * _python(b), v if u is None else u)
            return self._times(_python(a) * _python(b), _product(eq, u, v))
        if name == "divide":
            negative = (a < 0) != (b < 0)
            parts = [self._absolute(x), self._absolute(y)]
            found = _made(r"\frac{{{0}}}{{{1}}}", "fraction", parts)
            return self._times(-1 if negative else 1, found)
        if b < 0:
            name = "subtract" if name == "add" else "add"
            y = self._absolute(y)
        if name == "subtract":
            return _made("{0:sum} - {1:term}", "sum", [x, y])
        signed = y.pieces and isinstance(y.pieces[0], str) and y.pieces[0].startswith("-")
        return _made("{0:sum} + {1:term}" if signed else "{0:sum} + {1:sum}", "sum", [x, y])

    def _absolute(self, x: Expression) -> Expression:
        factor, rest = self._split(x)
        return self._times(_negated(factor), rest) if factor < 0 else x

    # Forms that depend on parameters

    def _reduction(self, eq: Equation, x: Expression) -> Expression:
        name = eq.op.name
        count = math.prod(eq.inputs[0].shape) // max(1, eq.out.size)
        factor, rest = self._split(x)
        if rest is None and name != "prod":
            return self.number(factor if name == "mean" else factor * count)
        if factor < 0 and name != "prod":
            return self._times(-1, self._reduction(eq, self._absolute(x)))
        lead = rf"\frac{{{{1}}}}{{{{{count}}}}} " if name == "mean" and count > 1 else ""
        under = _under(_letters(eq))
        return _made(f"{lead}{_REDUCING[name]}{_escaped(under)} {{0:unary}}", "prefix", [x])

    def _logsumexp(self, eq: Equation, operands: list[Expression]) -> Expression:
        under = _escaped(_under(_letters(eq)))
        return _made(rf"\log\left( \sum{under} e^{{{{{{0}}}}}} \right)", "atom", operands)

    def _transpose(self, eq: Equation, operands: list[Expression]) -> Expression:
        axes = eq.params.get("axes")
        if axes is None or eq.out.ndim <= 2:
            return _made(r"{0:atom}^{{\top}}", "fraction", operands)
        order = ",".join(_axis_letter(int(a) % eq.out.ndim) for a in axes)
        return _call(r"\operatorname{transpose}", operands, [_plain(order)])

    def _reshape(self, eq: Equation, operands: list[Expression]) -> Expression:
        return _call(r"\operatorname{reshape}", operands, [_plain(_shape(eq.out.shape))])

    _ravel = _squeeze = _expand_dims = _reshape

    def _random(self, eq: Equation, operands: list[Expression]) -> Expression:
        return _call(r"\operatorname{random}", operands, [_plain(_shape(eq.out.shape) or "1")])

    def _einsum(self, eq: Equation, operands: list[Expression]) -> Expression:
        subscripts = eq.params["subscripts"]
        if not isinstance(subscripts, str):
            return self._function(eq, operands)
        text = subscripts.replace(" ", "").replace("->", r" \to ").replace("...", r"\ldots ")
        return _call(r"\operatorname{einsum}", operands, [_plain(text)])

    def _clip(self, _: Equation, operands: list[Expression]) -> Expression:
        x, *bounds = operands
        for function, bound in zip((r"\max", r"\min"), bounds, strict=False):
            if bound.pieces != (r"\mathrm{None}",):
                x = _call(function, [x, bound])
        return x

    def _norm(self, eq: Equation, operands: list[Expression]) -> Expression:
        order = eq.params["ord"]
        under = [] if order is None else [self._value(order)]
        under += [_plain(letter) for letter in _letters(eq)]
        marks = "_{{" + ",".join(f"{{{i + 1}}}" for i in range(len(under))) + "}}" if under else ""
        return _made(rf"\left\| {{0}} \right\|{marks}", "atom", operands + under)

    def _getitem(self, eq: Equation, operands: list[Expression]) -> Expression:
        (x,) = operands
        base = "{0:atom}"
        if len(x.pieces) != 1 or (isinstance(x.pieces[0], Var) and "_{" in self._text(x.pieces[0])):
            base = r"\left( {0} \right)"
        under = self._index(eq)
        marks = ",".join(f"{{{i + 1}}}" for i in range(len(under)))
        return _made(f"{base}_{{{{{marks}}}}}", "atom", [x, *under])

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
                part = np.arange(part.start, part.stop, part.step)  # noqa: PLW2901
            if _is_range(part):
                text = _axis_letter(i) if arrays > 1 else f"{part[0]}:{part[-1] + 1}"
                found.append(_plain(text))
            else:
                found.append(self._value(part))
        return found

    def _value(self, value: Any) -> Expression:
        """Write a parameter: a number, an index, a shape."""
        if isinstance(value, Var):
            return self.operand(value)
        if value is Ellipsis:
            return _plain(r"\ldots")
        if isinstance(value, slice):
            ends = [value.start, value.stop] + ([] if value.step is None else [value.step])
            texts = [f"{{{i}}}" if end is not None else "" for i, end in enumerate(ends)]
            return _made(":".join(texts), "sum", [self._value(end) for end in ends])
        if isinstance(value, np.ndarray):
            if value.ndim == 0:
                return self.number(value[()])
            return self.listed([self.number(x) for x in value.reshape(-1)[: _LONGEST_LIST + 1]])
        if isinstance(value, (tuple, list)):
            return self.listed([self._value(x) for x in value])
        if isinstance(value, (bool, np.bool_)):
            return _plain(str(int(value)))
        return self.number(getattr(value, "__name__", value) if callable(value) else value)

    @staticmethod
    def listed(parts: Sequence[Expression]) -> Expression:
        """Write a list, of which a long one is cut."""
        texts = [f"{{{i}}}" for i in range(len(parts))]
        if len(texts) > _LONGEST_LIST:
            texts = [*texts[: _LONGEST_LIST - 1], r"\ldots"]
        return _made(rf"\left( {', '.join(texts)} \right)", "atom", parts)

    def _function(self, eq: Equation, operands: list[Expression]) -> Expression:
        name = eq.op.name
        function = _FUNCTIONS.get(name)
        if function is None:
            text = re.sub(r"\W", "", name).replace("_", r"\_")
            function = rf"\operatorname{{{text}}}"
        under = [_plain(letter) for letter in _letters(eq)]
        for key, value in eq.params.items():
            default = eq.op.parameters.get(key, _UNSAID)
            if key in _UNSAID or value is default or (_is_simple(value) and value == default):
                continue
            lead = _escaped(_plain_name(key))
            under.append(_made(f"{lead}={{0}}", "sum", [self._value(value)]))
        return _call(function, operands, under)


def _plain(text: str, level: str = "atom") -> Expression:
    return Expression((text,), LEVELS[level])


def _made(template: str, level: str, operands: Sequence[Expression]) -> Expression:
    filled = fill(template, "atom", operands, _BRACKETS)
    return filled._replace(level=LEVELS[level])


def _call(
    function: str, operands: Sequence[Expression], under: Sequence[Expression] = ()
) -> Expression:
    arguments = ", ".join(f"{{{i}}}" for i in range(len(operands)))
    marks = ",".join(f"{{{len(operands) + i}}}" for i in range(len(under)))
    below = f"_{{{{{marks}}}}}" if under else ""
    template = rf"{_escaped(function)}{below}\left( {arguments} \right)"
    return _made(template, "atom", [*operands, *under])


def _product(eq: Equation, x: Expression, y: Expression) -> Expression:
    if all(atom.shape for atom in eq.inputs):
        return _made(r"{0:unary} \odot {1:unary}", "product", [x, y])
    if y.level == LEVELS["prefix"]:
        return _made(r"{0:power} \, {1:term}", "prefix", [x, y])
    return _made(r"{0:power} \, {1:power}", "juxtaposed", [x, y])


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
        ndim = eq.out.ndim if eq.op is ops.stack else len(shape)
        axes = [int(a) % ndim for a in given if isinstance(a, (int, np.integer)) and ndim]
        if eq.op is ops.stack or (eq.op is ops.concatenate and ndim > 1):
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


def _python(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _negated(value: Any) -> Any:
    return -_python(value)


_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
}
