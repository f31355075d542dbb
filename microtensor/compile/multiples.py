"""Sums, products and quotients as formulas, which know their signs and factors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from .expressions import Expression, fill
from .program import Equation, Literal, Var
from .symbols import number_text, word

__all__ = ["ARITHMETIC", "LEVELS", "Multiples", "made", "plain_text"]

LEVELS = {
    "or": 7, "xor": 8, "and": 9, "sum": 11, "prefix": 12, "product": 13, "juxtaposed": 14,
    "fraction": 15, "atom": 16,
}  # fmt: skip
r"""How tightly formulas bind: ``prefix`` is a minus or a sum sign, ``juxtaposed`` a product
without a sign, which binds more tightly than one with; ``fraction`` also a power, which needs
brackets if it is raised to one. In a template the first four after ``and`` are `fill`'s ``sum``,
``term``, ``unary`` and ``power``."""


_BRACKETS = (r"\left( ", r" \right)")
ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide", "negative"})


class Multiples:
    """Writes arithmetic: what it makes of a number or a sign it can take apart again."""

    def __init__(self, operand: Callable[[Var], Expression], text: Callable[[Var], str]) -> None:
        self._variable = operand
        self._text = text
        self._scaled: dict[Expression, tuple[Any, Expression | None]] = {}

    def operand(self, atom: Any) -> Expression:
        """Return the formula of a value or a number."""
        if isinstance(atom, Var):
            return self._variable(atom)
        return self.number(atom.value if isinstance(atom, Literal) else atom)

    def number(self, value: Any) -> Expression:
        """Write a number, a large or small one with a power of ten."""
        if value is None:
            return plain_text(r"\mathrm{None}")
        if isinstance(value, (str, complex)) or not isinstance(value, (int, float, np.number)):
            known = isinstance(value, np.bool_)
            return plain_text(number_text(value)[0] if known else word(str(value)))
        if isinstance(value, np.generic) and not isinstance(value, (np.float32, np.float16)):
            value = value.item()
        negative = not isinstance(value, bool) and value < 0
        text, level = number_text(-value if negative else value)
        found = plain_text(f"-{text}" if negative else text, "prefix" if negative else level)
        self._scaled[found] = value, None
        return found

    def split(self, x: Expression) -> tuple[Any, Expression | None]:
        """Return the number that a formula starts with, and what that is a multiple of."""
        return self._scaled.get(x, (1, x))

    def is_number(self, x: Expression) -> bool:
        """Tell whether a formula is a number."""
        return self.split(x)[1] is None

    def times(self, factor: Any, rest: Expression | None) -> Expression:
        """Write a multiple."""
        if isinstance(factor, float) and math.isfinite(factor):
            rounded = float(f"{factor:.15g}")
            factor = rounded if len(repr(rounded)) <= 12 else factor
        if rest is None:
            return self.number(factor)
        if factor == 1:
            return rest
        if factor == -1:
            found = made("-{0:term}", "prefix", [rest])
        else:
            level = "prefix" if factor < 0 or rest.level == LEVELS["prefix"] else "juxtaposed"
            if rest.level == LEVELS["product"] and level == "juxtaposed":
                level = "product"
            found = made(r"{0} \, {1:term}", level, [self.number(factor), rest])
        self._scaled[found] = factor, rest
        return found

    def arithmetic(self, name: str, eq: Equation, operands: list[Expression]) -> Expression:
        """Write a sum, a difference, a product, a quotient or a negative."""
        x = operands[0]
        (a, u), (b, v) = self.split(x), self.split(operands[-1])
        if name == "negative":
            return self.times(_negated(a), u)
        y = operands[1]
        if u is None and v is None and not (name == "divide" and b == 0):
            with suppress(OverflowError):
                return self.number(_NUMBERS[name](_python(a), _python(b)))
        if name == "multiply":
            if u is None or v is None:
                return self.times(_python(a) * _python(b), v if u is None else u)
            return self.times(_python(a) * _python(b), _product(eq, u, v))
        if name == "divide":
            negative = (a < 0) != (b < 0)
            parts = [self.absolute(x), self.absolute(y)]
            found = made(r"\frac{{{0}}}{{{1}}}", "fraction", parts)
            return self.times(-1 if negative else 1, found)
        if b < 0:
            name = "subtract" if name == "add" else "add"
            y = self.absolute(y)
        if name == "subtract":
            return made("{0:sum} - {1:term}", "sum", [x, y])
        signed = y.pieces and isinstance(y.pieces[0], str) and y.pieces[0].startswith("-")
        return made("{0:sum} + {1:term}" if signed else "{0:sum} + {1:sum}", "sum", [x, y])

    def absolute(self, x: Expression) -> Expression:
        """Return a formula without its minus."""
        factor, rest = self.split(x)
        return self.times(_negated(factor), rest) if factor < 0 else x


def plain_text(text: str, level: str = "atom") -> Expression:
    """Return text as a formula."""
    return Expression((text,), LEVELS[level])


def made(template: str, level: str, operands: Sequence[Expression]) -> Expression:
    """Return a formula of others, in brackets where they bind less than the template says."""
    filled = fill(template, "atom", operands, _BRACKETS)
    return filled._replace(level=LEVELS[level])


def _product(eq: Equation, x: Expression, y: Expression) -> Expression:
    if all(atom.shape for atom in eq.inputs):
        return made(r"{0:unary} \odot {1:unary}", "product", [x, y])
    if y.level == LEVELS["prefix"]:
        return made(r"{0:power} \, {1:term}", "prefix", [x, y])
    return made(r"{0:power} \, {1:power}", "juxtaposed", [x, y])


def _python(value: Any) -> Any:
    if isinstance(value, (np.float32, np.float16)):
        return float(str(value))
    return value.item() if isinstance(value, np.generic) else value


def _negated(value: Any) -> Any:
    return -_python(value)


_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
}
