"""Expressions of Python: text with the precedence of its outermost operator."""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .program import Var

__all__ = ["LEVELS", "Expression", "as_fraction", "fill", "function_path", "number", "plain"]

LEVELS = {
    "": 0, "compare": 6, "or": 7, "xor": 8, "and": 9, "sum": 10, "term": 11, "matmul": 12,
    "unary": 13, "power": 14, "atom": 16,
}  # fmt: skip
"""How tightly the operators of Python bind; ``@`` seems to bind more tightly than ``*``."""
_SHORT = 8
"""Numbers of more characters are written as fractions, if they are one."""


class Expression(NamedTuple):
    """An expression: text and the values in it, whose names may still change."""

    pieces: tuple[Any, ...]
    level: int

    def variables(self) -> list[Var]:
        """Return the values that the expression names."""
        return [piece for piece in self.pieces if isinstance(piece, Var)]

    @property
    def is_simple(self) -> bool:
        """Whether it costs nothing to write it twice: a name, a number, or a transposed name."""
        if len(self.pieces) == 1:
            return True
        return len(self.pieces) == 2 and isinstance(self.pieces[0], Var) and self.pieces[1] == ".T"


def plain(text: str, level: str = "atom") -> Expression:
    """Return text as an expression."""
    return Expression((text,), LEVELS[level])


def fill(
    template: str,
    level: str,
    operands: Sequence[Expression],
    brackets: tuple[str, str] = ("(", ")"),
) -> Expression:
    """Put operands into a template, in parentheses where they bind less than it says.

    >>> total = fill("{0:sum} + {1:term}", "sum", [plain("x"), plain("y")])
    >>> "".join(fill("{0:term} * {1:unary}", "term", [total, plain("z")]).pieces)
    '(x + y) * z'
    """
    pieces: list[Any] = []
    for text, field, spec, _ in _parsed(template):
        pieces.append(text)
        if field is None:
            continue
        operand = operands[int(field)]
        if operand.level < LEVELS[spec or ""]:
            pieces += [brackets[0], *operand.pieces, brackets[1]]
        else:
            pieces += operand.pieces
    return Expression(_joined(pieces), LEVELS[level])


@functools.cache
def _parsed(template: str) -> list[tuple[str, str | None, str | None, str | None]]:
    return list(string.Formatter().parse(template))


def _joined(pieces: list[Any]) -> tuple[Any, ...]:
    joined: list[Any] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        elif piece != "":
            joined.append(piece)
    return tuple(joined)


def as_fraction(value: float, dtype: Any = np.float64) -> tuple[int, int] | None:
    """Return the small fraction that a long decimal is, to the last bit of a dtype.

    >>> as_fraction(-0.14285714285714285), as_fraction(0.125), as_fraction(0.3333, np.float32)
    ((-1, 7), None, None)
    """
    kind = np.dtype(dtype).type
    if (
        not math.isfinite(value)
        or len(repr(abs(value))) <= _SHORT
        or not math.isfinite(kind(value))
    ):
        return None
    found = Fraction(value).limit_denominator(100_000)
    over, under = found.numerator, found.denominator
    exact = bool(kind(over / under) == kind(value))
    return (over, under) if exact and 0 < abs(over) < 100 and under > 2 else None


def number(value: Any) -> Expression:
    """Write a number; a NumPy scalar says its dtype.

    >>> [number(x).pieces[0] for x in (2, -1.5, -1 / 7, np.float32(0.5), math.inf)]
    ['2', '-1.5', '-1 / 7', 'np.float32(0.5)', 'np.inf']
    """
    if isinstance(value, np.generic):
        if value.dtype == np.bool_:
            return plain(f"np.{value!r}".replace("np.np.", "np."))
        return plain(f"np.{value.dtype.name}({number(value.item()).pieces[0]})")
    if isinstance(value, float) and not math.isfinite(value):
        text = "np.nan" if math.isnan(value) else "np.inf" if value > 0 else "-np.inf"
    elif isinstance(value, float) and (parts := as_fraction(value)) is not None:
        return plain(f"{parts[0]} / {parts[1]}", "term")
    else:
        text = repr(value)
    return plain(text, "unary" if text.startswith("-") else "atom")


def function_path(function: Callable[..., Any]) -> str | None:
    """Return how a function of NumPy is called.

    >>> function_path(np.linalg.inv), function_path(np.add.reduce)
    ('np.linalg.inv', 'np.add.reduce')
    """
    name = getattr(function, "__name__", "")
    for prefix, module in (("np", np), ("np.linalg", np.linalg), ("np.fft", np.fft)):
        if getattr(module, name, None) is function:
            return f"{prefix}.{name}"
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc) and getattr(owner, name, None) == function:
        return f"np.{owner.__name__}.{name}"
    return None
