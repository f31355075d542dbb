"""What a person would have written: rewritings for the eye, which equal the program to rounding.

What `simplify` does keeps every bit; these do not, and so serve the readers for people only.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from .. import ops
from ..op import REGISTRY, Op
from .class_losses import with_log_probabilities
from .expressions import as_fraction
from .program import Atom, Equation, Literal, Program, Var
from .shorthand import RULES_FOR_PEOPLE, is_number
from .simplify import simplified

__all__ = ["readable"]

_sum_squared_error = REGISTRY["sum_squared_error"]
_outer = Op("outer", np.outer, arity=2, register=False)
_RESHAPING = frozenset({ops.reshape, ops.transpose, ops.ravel, ops.squeeze, ops.expand_dims})
_SUMMING = frozenset({ops.reshape, ops.sum, REGISTRY["sum_to"]})
_PASSES = 12


def readable(program: Program) -> Program:
    """Return the program as a person would have derived it.

    The derivative of a sigmoid that was written with `exp` becomes ``s * (1 - s)``; a product with
    a vector needs no matrix of one column; ``c * (d * x)`` is ``(c d) * x``, and ``0.125 * x``
    for a mean of eight stays, but a seventh is ``x / 7``.
    """
    program = _Rewriter(simplified(with_log_probabilities(program))).run()
    for _ in range(_PASSES):
        program = simplified(program, RULES_FOR_PEOPLE)
        rewriter = _Rewriter(program)
        program = rewriter.run()
        if not rewriter.changed:
            break
    return _without_aliases(simplified(program, RULES_FOR_PEOPLE))


def _without_aliases(program: Program) -> Program:
    """Return the program without copies of what has the same to say of itself."""
    same: dict[Var, Atom] = {}
    for eq in program.equations:
        x = eq.inputs[0] if eq.op is ops.copy else None
        of, own = getattr(x, "gradient_of", None), eq.out.gradient_of
        if of is not None and own is not None and of.name == own.name is not None:
            assert isinstance(x, Var)
            same[eq.out] = x
    return program.replaced((eq for eq in program.equations if eq.out not in same), same)


class _Rewriter:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.equations: list[Equation] = []
        self.changed = False
        self._made: dict[Var, Equation] = {}
        self._uses = Counter(var for eq in program.equations for var in eq.uses())
        self._uses.update(program.results())

    def run(self) -> Program:
        for eq in self.program.equations:
            rewritten = (
                self._summed_squares(eq)
                or self._sigmoid(eq)
                or self._vector(eq)
                or self._outer(eq)
                or self._transposed(eq)
                or self._scaled(eq)
                or self._factor_first(eq)
                or self._fraction(eq)
                or self._twice(eq)
            )
            self.changed = self.changed or rewritten is not None
            self._keep(rewritten or eq)
        return self.program.with_equations(self.equations)

    def _keep(self, eq: Equation) -> None:
        self.equations.append(eq)
        self._made[eq.out] = eq

    def _new(self, like: Var, op: Op, *inputs: Atom) -> Var:
        return self._shaped(like.shape, like, op, *inputs)

    def _shaped(
        self, shape: tuple[int, ...], like: Var, op: Op, *inputs: Atom, **params: Any
    ) -> Var:
        out = Var(shape, like.dtype)
        self._keep(Equation(op, inputs, params, out))
        return out

    def _operands(self, op: Op, atom: Atom) -> tuple[Any, ...]:
        made = self._made.get(atom) if isinstance(atom, Var) else None
        return made.inputs if made is not None and made.op is op else (None, None)

    def _summed_squares(self, eq: Equation) -> Equation | None:
        """The sum of squared errors has the error in it, of which the gradient is a multiple."""
        if eq.op is not _sum_squared_error:
            return None
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

    # Vectors

    def _vector(self, eq: Equation) -> Equation | None:
        """``(A @ v.reshape(n, 1)).reshape(m)`` is ``A @ v``, and so on."""
        if eq.op not in _SUMMING or eq.out.ndim > 1 or eq.out.scalar:
            return None
        x, y = self._operands(ops.matmul, eq.inputs[0])
        product = eq.inputs[0]
        if x is None or not isinstance(product, Var) or product.size != eq.out.size:
            return None
        if product.name is not None or len(x.shape) != 2 or len(y.shape) != 2:
            return None
        row = self._flat(x) if x.shape[0] == 1 else None
        column = self._flat(y) if y.shape[1] == 1 else None
        if x.shape[1] == 1:
            u, v = self._flat(x), self._flat(y)
            if u is not None and v is not None:
                return self._product(eq, u, v)
        if (row is not None and not row.shape) or (column is not None and not column.shape):
            return None
        if row is not None and column is not None:
            return self._product(eq, row, column) if eq.out.ndim == 0 else None
        if eq.out.ndim == 0:
            return None
        if column is not None:
            return Equation(ops.matmul, (x, column), {}, eq.out, eq.site)
        if row is None:
            return None
        matrix = self._operands(ops.transpose, y)[0]
        operands = (row, y) if matrix is None else (matrix, row)
        return Equation(ops.matmul, operands, {}, eq.out, eq.site)

    def _product(self, eq: Equation, x: Atom, y: Atom) -> Equation | None:
        """Return the product of two vectors, or of a vector and a number."""
        if len(x.shape) == len(y.shape) == 1 and x.shape == y.shape and not eq.out.shape:
            return Equation(ops.matmul, (x, y), {}, eq.out, eq.site)
        if np.broadcast_shapes(x.shape, y.shape) != eq.out.shape:
            return None
        return Equation(ops.multiply, (x, y), {}, eq.out, eq.site)

    def _outer(self, eq: Equation) -> Equation | None:
        """``u.reshape(n, 1) @ v.reshape(1, m)`` is ``np.outer(u, v)``."""
        if eq.op is not ops.matmul or eq.out.ndim != 2 or min(eq.out.shape) < 2:
            return None
        x, y = eq.inputs
        if len(x.shape) != 2 or x.shape[1] != 1:
            return None
        u, v = self._flat(x), self._flat(y)
        if u is None or v is None or u is x or v is y:
            return None
        return Equation(_outer, (u, v), {}, eq.out, eq.site)

    def _flat(self, atom: Atom) -> Atom | None:
        """Return the vector or the number that a matrix of one row or column was made of."""
        while len(atom.shape) > 1 and sum(n > 1 for n in atom.shape) <= 1:
            made = self._made.get(atom) if isinstance(atom, Var) else None
            if made is None or made.op not in _RESHAPING or made.out.name is not None:
                return None
            (atom,) = made.inputs
        return atom if len(atom.shape) <= 1 else None

    def _transposed(self, eq: Equation) -> Equation | None:
        """``(A.T @ B).T`` is ``B.T @ A``."""
        if eq.op is not ops.transpose or eq.out.ndim != 2:
            return None
        x, y = self._operands(ops.matmul, eq.inputs[0])
        if x is None or len(x.shape) != 2 or len(y.shape) != 2 or eq.inputs[0].name:
            return None
        a, b = self._operands(ops.transpose, x)[0], self._operands(ops.transpose, y)[0]
        if a is None and b is None:
            return None
        first, second = (
            side
            if side is not None
            else self._shaped(z.shape[::-1], z, ops.transpose, z, axes=None)
            for side, z in ((b, y), (a, x))
        )
        return Equation(ops.matmul, (first, second), {}, eq.out, eq.site)

    # Numbers

    def _scaled(self, eq: Equation) -> Equation | None:
        """``c * (d * x)`` is ``(c d) * x``, if nobody wrote the product down."""
        if eq.op is not ops.multiply or eq.out.dtype.kind != "f":
            return None
        c, inner = eq.inputs
        d, x = self._operands(ops.multiply, inner)
        if not isinstance(c, Literal) or not isinstance(inner, Var) or inner.name:
            return None
        if not is_number(c) or not is_number(d) or inner.shape != eq.out.shape:
            return None
        if inner.gradient_of is not None and inner.gradient_of.name is not None:
            return None
        factor = float(c.value) * float(d.value)
        if not np.isfinite(factor):
            return None
        return Equation(ops.multiply, (Literal(factor), x), {}, eq.out, eq.site)

    def _factor_first(self, eq: Equation) -> Equation | None:
        """The gradient ``3 * g * (2 * x)`` is ``6 * g * x``."""
        if eq.op is not ops.multiply or eq.out.gradient_of is None or eq.out.dtype.kind != "f":
            return None
        a, inner = eq.inputs
        c, x = self._operands(ops.multiply, inner)
        if not isinstance(a, Var) or a.scalar or not isinstance(inner, Var) or not is_number(c):
            return None
        is_shown = inner.name is not None or inner.gradient_of is not None
        is_quotient = self._operands(ops.divide, a)[0] is not None
        if (
            is_shown
            or is_quotient
            or c.value < 0
            or self._uses[inner] > 1
            or a.shape != eq.out.shape
        ):
            return None
        return Equation(ops.multiply, (self._new(a, ops.multiply, c, a), x), {}, eq.out, eq.site)

    def _fraction(self, eq: Equation) -> Equation | None:
        """``0.14285714285714285 * x`` is ``x / 7``."""
        if eq.op not in (ops.multiply, ops.divide) or eq.out.dtype.kind != "f" or eq.out.scalar:
            return None
        c, x = eq.inputs
        if not isinstance(c, Literal) or not is_number(c):
            return None
        parts = as_fraction(float(c.value), eq.out.dtype)
        if parts is None or not isinstance(x, Var) or x.scalar:
            return None
        over, under = (Literal(float(n)) for n in parts)
        like = Var(x.shape, eq.out.dtype)
        if np.result_type(x.dtype, 1.0) != eq.out.dtype:
            return None
        if eq.op is ops.divide:
            product = self._new(like, ops.multiply, under, x)
            return Equation(ops.divide, (over, product), {}, eq.out, eq.site)
        if over.value < 0:  # it is printed as -1 / 7 * x
            return None
        if over.value != 1:
            x = self._new(like, ops.multiply, over, x)
        return Equation(ops.divide, (x, under), {}, eq.out, eq.site)

    def _twice(self, eq: Equation) -> Equation | None:
        """``a + x + x`` is ``a + 2 * x``."""
        if eq.op is not ops.add or eq.out.dtype.kind != "f":
            return None
        total, x = eq.inputs
        a, same = self._operands(ops.add, total)
        if same is not x or not isinstance(x, Var) or total.name or x.shape != eq.out.shape:
            return None
        return Equation(
            ops.add, (a, self._new(eq.out, ops.multiply, Literal(2.0), x)), {}, eq.out, eq.site
        )


def _is_one(atom: Any) -> bool:
    return is_number(atom) and bool(atom.value == 1)


def _both_ways(pair: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return [pair, pair[::-1]]
