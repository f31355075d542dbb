"""What a person would have written: rewritings for the eye, which equal the program to rounding.

What `simplify` does keeps every bit; these do not, and so serve the readers for people only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..op import REGISTRY, Op
from .program import Atom, Equation, Literal, Program, Var
from .simplify import simplified

__all__ = ["readable"]

_sum_squared_error = REGISTRY["sum_squared_error"]


def readable(program: Program) -> Program:
    """Return the program as a person would have derived it.

    The derivative of a sigmoid that was written with `exp` becomes ``s * (1 - s)``; a product with
    a vector needs no matrix of one column; ``c * (d * x)`` is ``(c d) * x``.
    """
    return simplified(_Rewriter(simplified(program)).run())


class _Rewriter:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.equations: list[Equation] = []
        self._made: dict[Var, Equation] = {}

    def run(self) -> Program:
        for eq in self.program.equations:
            if eq.op is _sum_squared_error:
                self._keep(self._summed_squares(eq))
                continue
            self._keep(self._sigmoid(eq) or self._vector(eq) or self._scaled(eq) or eq)
        return self.program.with_equations(self.equations)

    def _keep(self, eq: Equation) -> None:
        self.equations.append(eq)
        self._made[eq.out] = eq

    def _new(self, like: Var, op: Op, *inputs: Atom) -> Var:
        out = Var(like.shape, like.dtype)
        self._keep(Equation(op, inputs, {}, out))
        return out

    def _operands(self, op: Op, atom: Atom) -> tuple[Any, ...]:
        made = self._made.get(atom) if isinstance(atom, Var) else None
        return made.inputs if made is not None and made.op is op else (None, None)

    def _summed_squares(self, eq: Equation) -> Equation:
        """The sum of squared errors has the error in it, of which the gradient is a multiple."""
        x, y = eq.inputs
        like = Var(np.broadcast_shapes(x.shape, y.shape), eq.out.dtype)
        squares = self._new(like, ops.square, self._new(like, ops.subtract, x, y))
        return Equation(ops.sum, (squares,), dict(ops.sum.parameters), eq.out, eq.site)

    def _sigmoid(self, eq: Equation) -> Equation | None:
        """``-(u s / d e)`` with ``d = 1 + e`` and ``s = 1 / d`` is ``-u s (1 - s)``."""
        if eq.op is not ops.negative:
            return None
        quotient, e = self._operands(ops.multiply, eq.inputs[0])
        product, d = self._operands(ops.divide, quotient)
        u, s = self._operands(ops.multiply, product)
        one, denominator = self._operands(ops.divide, s)
        if d is None or denominator is not d or not _is_one(one) or e is None:
            return None
        if not any(_is_one(x) and y is e for x, y in _both_ways(self._operands(ops.add, d))):
            return None
        if self._operands(ops.exp, e)[0] is None or s.shape != eq.out.shape:
            return None
        g = self._operands(ops.negative, u)[0]
        if g is None:
            g = self._new(u, ops.negative, u)
            g.gradient_of = s
        rest = self._new(s, ops.subtract, Literal(1.0), s)
        return Equation(ops.multiply, (self._new(s, ops.multiply, g, s), rest), {}, eq.out, eq.site)

    def _vector(self, eq: Equation) -> Equation | None:
        """``(A @ v.reshape(n, 1)).reshape(m)`` is ``A @ v``."""
        if eq.op is not ops.reshape or eq.out.ndim != 1:
            return None
        matrix, column = self._operands(ops.matmul, eq.inputs[0])
        vector = self._operands(ops.reshape, column)[0]
        if (
            not isinstance(vector, Var)
            or vector.ndim != 1
            or matrix.ndim != 2
            or column.shape[-1] != 1
        ):
            return None
        return Equation(ops.matmul, (matrix, vector), {}, eq.out, eq.site)

    def _scaled(self, eq: Equation) -> Equation | None:
        """``c * (d * x)`` is ``(c d) * x``, if nobody wrote the product down."""
        if eq.op is not ops.multiply or eq.out.dtype.kind != "f":
            return None
        c, inner = eq.inputs
        d, x = self._operands(ops.multiply, inner)
        if not isinstance(c, Literal) or not isinstance(inner, Var) or inner.name:
            return None
        if not _is_number(c) or not _is_number(d) or inner.shape != eq.out.shape:
            return None
        if inner.gradient_of is not None and inner.gradient_of.name is not None:
            return None
        factor = float(c.value) * float(d.value)
        if not np.isfinite(factor):
            return None
        return Equation(ops.multiply, (Literal(factor), x), {}, eq.out, eq.site)


def _is_number(atom: Any) -> bool:
    return isinstance(atom, Literal) and type(atom.value) in (int, float)


def _is_one(atom: Any) -> bool:
    return _is_number(atom) and bool(atom.value == 1)


def _both_ways(pair: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return [pair, pair[::-1]]
