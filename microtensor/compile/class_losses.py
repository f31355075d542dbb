"""The losses of classes as a textbook has them: with the logarithms of the probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..op import REGISTRY, Op
from .program import Atom, Equation, Program, Var

__all__ = ["with_log_probabilities"]

_LOSSES = frozenset(REGISTRY[name] for name in ("cross_entropy", "mean_cross_entropy"))
_softmax_error = REGISTRY["softmax_error"]


def with_log_probabilities(program: Program) -> Program:
    """Return the program with cross entropies, and their gradients, written out.

    Of logits with an example in each row, that is; others keep their operation.
    """
    if not any(eq.op in _LOSSES or eq.op is _softmax_error for eq in program.equations):
        return program
    return _Expansion(program).run()


class _Expansion:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.equations: list[Equation] = []
        self.constants = dict(program.constants)
        self._log_probabilities: dict[Atom, Var] = {}
        self._counts: dict[int, Var] = {}

    def run(self) -> Program:
        for eq in self.program.equations:
            expanded = None
            if (eq.op in _LOSSES or eq.op is _softmax_error) and len(eq.inputs[0].shape) == 2:
                expanded = (self._loss if eq.op in _LOSSES else self._error)(eq)
            self.equations.append(expanded or eq)
        program = self.program.with_equations(self.equations)
        program.constants = self.constants
        return program

    def _new(self, shape: tuple[int, ...], dtype: Any, op: Op, *inputs: Atom, **params: Any) -> Var:
        out = Var(shape, np.dtype(dtype))
        self.equations.append(Equation(op, inputs, {**op.parameters, **params}, out))
        return out

    def _of(self, x: Any) -> Var:
        """Return ``z - log(sum(exp(z)))``, where ``z`` is ``x`` with its largest taken out."""
        if x not in self._log_probabilities:
            name = f"_{x.name}" if x.name is not None and len(x.name) < 10 else ""
            column, dtype = (x.shape[0], 1), x.dtype
            largest = self._new(column, dtype, ops.max, x, axis=1, keepdims=True)
            shifted = self._new(x.shape, dtype, ops.subtract, x, largest)
            shifted.name = f"shifted{name}"
            powers = self._new(x.shape, dtype, ops.exp, shifted)
            total = self._new(column, dtype, ops.sum, powers, axis=1, keepdims=True)
            log = self._new(column, dtype, ops.log, total)
            found = self._new(x.shape, dtype, ops.subtract, shifted, log)
            found.name = "log_probs"
            self._log_probabilities[x] = found
        return self._log_probabilities[x]

    def _loss(self, eq: Equation) -> Equation:
        """``-np.mean(log_probs[np.arange(n), classes])``."""
        x, classes = eq.inputs
        count = x.shape[0]
        index = (np.arange(count), classes)
        chosen = self._new((count,), x.dtype, ops.getitem, self._of(x), index=index)
        if eq.op.name == "mean_cross_entropy":
            chosen = self._new((), x.dtype, ops.mean, chosen)
        return Equation(ops.negative, (chosen,), {}, eq.out, eq.site)

    def _error(self, eq: Equation) -> Equation:
        """``np.exp(log_probs) - (classes[:, None] == np.arange(m))``."""
        x, classes = eq.inputs
        count, width = x.shape
        if width not in self._counts:
            self._counts[width] = Var((width,), np.dtype(np.intp))
            self.constants[self._counts[width]] = np.arange(width)
        probabilities = self._new(x.shape, x.dtype, ops.exp, self._of(x))
        index = (slice(None), None)
        column = self._new((count, 1), classes.dtype, ops.getitem, classes, index=index)
        right = self._new(x.shape, bool, ops.equal, column, self._counts[width])
        return Equation(ops.subtract, (probabilities, right), {}, eq.out, eq.site)
