"""Writing equations down in place of one: what the rules of `expand` are made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ... import ops
from ...op import REGISTRY, Op
from ...ops import shape
from ..program import Atom, Equation, Literal, Var

__all__ = ["Expansion", "Rule", "axes_of", "common", "is_float"]


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes that a parameter means."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(sorted({int(a) % ndim for a in (axis if isinstance(axis, tuple) else (axis,))}))


class Expansion:
    """A list of equations under construction."""

    def __init__(self, constants: dict[Var, Any], rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self.equations: list[Equation] = []
        self.constants = constants
        self._known: dict[Any, Var] = {}
        self._site: Any = None

    def add(self, equation: Equation) -> None:
        """Take an equation apart, or leave it."""
        rule = self._rules.get(equation.op.name)
        if rule is None or REGISTRY.get(equation.op.name) is not equation.op:
            self.equations.append(equation)
            return
        self._site = equation.site
        before = len(self.equations)
        value = rule(self, equation)
        if value is None:
            gone = {left.out for left in self.equations[before:]}
            del self.equations[before:]
            self._known = {k: v for k, v in self._known.items() if v not in gone}
            self.equations.append(equation)
        elif value is not equation.out:
            last = self.equations[-1] if self.equations else None
            if len(self.equations) > before and last is not None and last.out is value:
                self._known = {k: v for k, v in self._known.items() if v is not value}
                last.out = equation.out
            else:
                self.equations.append(Equation(ops.copy, (value,), {}, equation.out, equation.site))

    def do(
        self,
        op: Op,
        *inputs: Atom,
        like: tuple[int, ...],
        dtype: Any,
        **params: Any,
    ) -> Var:
        """Write an equation down, or find the one that computes the same; return its result."""
        key = (op, tuple(map(_identity, inputs)), _frozen(params), np.dtype(dtype))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Var(like, np.dtype(dtype))
            self.equations.append(Equation(op, inputs, params, found, self._site))
        return found

    def binary(self, op: Op, x: Atom, y: Atom, dtype: Any = None) -> Var:
        """Apply an operation to two values that broadcast."""
        like = np.broadcast_shapes(x.shape, y.shape)
        return self.do(op, x, y, like=like, dtype=dtype or common(x, y))

    def unary(self, op: Op, x: Atom) -> Var:
        """Apply an operation that keeps shape and dtype."""
        return self.do(op, x, like=x.shape, dtype=x.dtype)

    def over(self, op: Op, x: Var, axis: Any, keepdims: bool, dtype: Any = None) -> Var:
        """Reduce over axes."""
        axes = axes_of(axis, x.ndim)
        like = tuple(
            1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes
        )
        return self.do(op, x, like=like, dtype=dtype or x.dtype, axis=axes, keepdims=keepdims)

    def reshaped(self, x: Var, like: tuple[int, ...]) -> Var:
        """See a value in another shape."""
        return (
            x
            if x.shape == like
            else self.do(shape.reshape, x, like=like, dtype=x.dtype, shape=like)
        )

    def transposed(self, x: Var, axes: tuple[int, ...]) -> Var:
        """See a value with its axes in another order."""
        like = tuple(x.shape[a] for a in axes)
        return self.do(shape.transpose, x, like=like, dtype=x.dtype, axes=axes)

    def constant(self, value: np.ndarray[Any, Any]) -> Var:
        """Return a value that stands in the program."""
        key = ("constant", value.tobytes(), value.shape, value.dtype)
        if key not in self._known:
            self._known[key] = Var(value.shape, value.dtype)
            self.constants[self._known[key]] = value
        return self._known[key]


def _identity(x: Atom) -> Any:
    return (type(x.value), repr(x.value)) if isinstance(x, Literal) else x


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((name, _frozen(part)) for name, part in sorted(value.items()))
    return tuple(map(_frozen, value)) if isinstance(value, tuple | list) else value


def common(x: Atom, y: Atom) -> np.dtype[Any]:
    """Return the dtype of a result; a Python number adapts to the other operand."""
    if x.scalar != y.scalar:
        return y.dtype if x.scalar else x.dtype
    return np.result_type(x.dtype, y.dtype)


def is_float(x: Any) -> bool:
    """Whether a value is an array of a floating-point dtype that numba has."""
    return isinstance(x, Var) and x.dtype.char in "fd" and not x.scalar


Rule = Callable[[Expansion, Equation], Var | None]
