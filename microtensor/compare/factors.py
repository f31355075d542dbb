"""Constant multiples, and where the number may come from."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .step import Step

__all__ = ["Factors"]

_SMALL = (2.0, 0.5, 3.0, 1 / 3, 4.0, 0.25)


class Factors:
    """The numbers that a step may be wrong by: its own constants, sizes of axes, 2 and so on."""

    def __init__(self, step: Step) -> None:
        self._means = dict.fromkeys(_means(step))
        self._sizes = dict.fromkeys(_sizes(step))
        self._constants = dict.fromkeys(_constants(step))

    def named(self, factor: float, rtol: float) -> bool:
        """Tell whether a number is one that a person gets wrong by."""
        return any(_same(abs(factor), known, rtol) for known in self._known())

    def exact(self, factor: float, rtol: float) -> float:
        """Return the number that is meant, without its rounding."""
        for known in self._known():
            if _same(abs(factor), known, rtol):
                return math.copysign(known, factor)
        nearest = round(factor)
        return float(nearest) if nearest and _same(factor, nearest, rtol) else factor

    def is_constant(self, factor: float, rtol: float = 1e-6) -> bool:
        """Tell whether a number is a constant that the step multiplies or divides by."""
        return any(_same(factor, c, rtol) or _same(factor, 1 / c, rtol) for c in self._constants)

    def told(self, factor: float, rtol: float = 1e-6) -> str:
        """Say what is missing, or too much: "the mean's 1/m is missing (m = 4)"."""
        size = abs(factor)
        if size == 1:
            return "its sign"
        if factor < 0 and self.is_constant(factor):
            missing = any(_same(factor, 1 / c, rtol) for c in self._constants)
            if missing:
                return f"the factor {_short(1 / factor)} is missing"
            return f"the factor {_short(factor)} is there once too often"
        for n in self._means:
            if _same(size, n, rtol):
                return f"the mean's 1/m is missing (m = {_short(n)})"
            if _same(size, 1 / n, rtol):
                return f"the mean's 1/m is there once too often (m = {_short(n)})"
            if n == 4 and _same(size, 2.0, rtol):
                return (
                    "a factor of 2 is too much; or it is missing, and so is the mean's 1/m (m = 4)"
                )
            if _same(size, n / 2, rtol):
                return f"a factor of 2 is missing, and the mean's 1/m (m = {_short(n)})"
        if _same(size, 0.5, rtol):
            return "a factor of 2 is missing"
        if _same(size, 2.0, rtol):
            return "a factor of 2 is too much"
        for n in self._sizes:
            if _same(size, n, rtol):
                return f"1/m is missing, or m is too much (m = {_short(n)})"
            if _same(size, 1 / n, rtol):
                return f"1/m is too much, or m is missing (m = {_short(n)})"
            if n > 1 and _same(size, n / (n - 1), rtol):
                return f"1/(m - 1) stands for 1/m (m = {_short(n)})"
            if _same(size, (n - 1) / n, rtol):
                return f"1/m stands for 1/(m - 1) (m = {_short(n)})"
        for c in map(abs, self._constants):
            if _same(size, 1 / c, rtol):
                return f"the factor {_short(c)} is missing"
            if _same(size, c, rtol):
                return f"the factor {_short(c)} is there once too often"
        if size > 1:
            return f"a factor of {_short(size)} is too much"
        return f"a factor of {_short(1 / size)} is missing" if size else "it is all zeros"

    def _known(self) -> Iterator[float]:
        yield 1.0
        yield from _SMALL
        for n in (*self._means, *self._sizes):
            yield from (n, 1 / n)
        for n in self._means:
            yield from (2 * n, n / 2, 2 / n, 1 / (2 * n))
        for n in self._sizes:
            if n > 1:
                yield from (n / (n - 1), (n - 1) / n)
            yield from (n * n, 1 / (n * n), math.sqrt(n), 1 / math.sqrt(n))
        for c in map(abs, self._constants):
            yield from (c, 1 / c)


def _means(step: Step) -> Iterator[float]:
    for edge in step.edges:
        if edge.op.name == "divide":
            divisor = edge.user.parents[1]
            if type(divisor.data) in (int, float) and divisor.data > 1:
                yield float(divisor.data)
        elif edge.op.name == "mean":
            yield math.prod(edge.operand.shape) / max(math.prod(edge.user.shape), 1)


def _sizes(step: Step) -> Iterator[float]:
    for edge in step.edges:
        for value in (edge.user, *edge.user.parents):
            for n in (*value.shape, math.prod(value.shape)):
                if n > 1:
                    yield float(n)


def _constants(step: Step) -> Iterator[float]:
    for edge in step.edges:
        for x in edge.user.parents:
            if type(x.data) in (int, float) and x.data not in (0, 1, -1):
                yield float(x.data)


def _same(x: float, y: float, rtol: float) -> bool:
    return abs(x - y) <= rtol * abs(y)


def _short(x: float) -> str:
    return f"{x:.6g}"
