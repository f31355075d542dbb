"""A program as display mathematics, in commands that KaTeX, MathJax and matplotlib know."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from .expressions import Expression
from .formulas import Formulas
from .multiples import LEVELS, plain_text
from .naming import Names
from .program import Program, Var
from .readable import readable
from .slots import GradientSlot
from .symbols import symbol

__all__ = ["latex", "lines", "symbol"]

_LONGEST = 160
"""Expressions longer than this, as text, get a line of their own."""
_LONGEST_TARGET = 60
"""What a gradient is that of, if it is no longer than this."""


def latex(program: Program) -> str:
    r"""Return a program as one display: a line for each value, and one for each gradient.

    >>> import microtensor as mt
    >>> def loss_fn(w, x):
    ...     loss = ((x @ w) ** 2).sum()
    ...     return loss
    >>> w, x = mt.tensor([1.0, 2.0], requires_grad=True), mt.tensor([[3.0, 4.0]])
    >>> print(mt.derive(loss_fn, w, x).latex)
    $$\begin{aligned}
    z &= x \, w \\
    L &= \sum z^{2} \\
    \frac{\partial L}{\partial z} &= 2 \, z \\
    \frac{\partial L}{\partial w} &= x^{\top} \, \frac{\partial L}{\partial z}
    \end{aligned}$$
    """
    rows = (f"{left} &{sign} {right}" for left, sign, right in _Equations(program).rows())
    return "$$\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}$$"


def lines(program: Program) -> list[str]:
    """Return each line of the display by itself, without alignment or dollar signs."""
    return [f"{left} {sign} {right}" for left, sign, right in _Equations(program).rows()]


class _Equations:
    """Writes the equations of a program as mathematics."""

    def __init__(self, program: Program) -> None:
        self.program = readable(program)
        self.names = Names(self.program)
        self.formulas = Formulas(self._operand, self._symbol)
        self._inlined: dict[Var, Expression] = {}
        self._symbols: dict[Var, str] = {}
        self._taken: set[str] = set()
        self._resolving: set[Var] = set()
        outputs = [o.atom for o in self.program.outputs if isinstance(o.atom, Var)]
        self._loss = outputs[0] if outputs else None
        self._derives = any(eq.out.gradient_of is not None for eq in self.program.equations)
        self._before = self.names.values_before()
        made = [var for var, _ in self.program.reads]
        made += [eq.out for eq in self.program.equations]
        self._given = Counter(symbol(var.name) for var in made if var.name)
        self._behind = self._behind_the_loss()
        self.formulas.e_is_a_name = "e" in self._given
        for var, array in self.program.constants.items():
            self._add_constant(var, np.asarray(array))

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the left side, the sign and the right side of each line."""
        rows: list[tuple[str, str, str]] = []
        shown: set[Var] = set()
        for eq in self.program.equations:
            expression = self.formulas.written(eq)
            if not self.names.is_line(eq.out) and not self._is_the_loss(eq.out):
                if sum(_length(piece) for piece in expression.pieces) <= _LONGEST:
                    self._inlined[eq.out] = expression
                    continue
                self.names.name(eq)
            sign = r"\leftarrow" if eq.out in self._before else "="
            rows.append((self._symbol(eq.out), sign, self._rendered(expression)))
            shown.add(eq.out)
        rows += self._left(shown)
        return rows + self._returned(shown, not rows)

    def _left(self, shown: set[Var]) -> list[tuple[str, str, str]]:
        """Return lines for what the program leaves somewhere, and no line said."""
        return [
            (symbol(slot.name), r"\leftarrow", self._rendered(self.formulas.operand(atom)))
            for slot, atom in self.program.updates
            if atom not in shown and not isinstance(slot, GradientSlot) and slot.name
        ]

    def _returned(self, shown: set[Var], alone: bool) -> list[tuple[str, str, str]]:
        """Return lines for what the program returns, and no line said."""
        atoms = [output.atom for output in self.program.outputs if output.kind != "static"]
        atoms = [x for x in atoms if not isinstance(x, Var) or x not in shown]
        if alone and not atoms:
            atoms = [output.atom for output in self.program.outputs] or [None]
            atoms = [x for x in atoms if not isinstance(x, Var) or x not in shown]
        atoms = list({id(x): x for x in atoms}.values())
        lefts = [
            symbol(f"result{i + 1}" if len(atoms) > 1 else "result") for i in range(len(atoms))
        ]
        return [
            (left, "=", self._rendered(self.formulas.operand(atom)))
            for left, atom in zip(lefts, atoms, strict=True)
        ]

    def _behind_the_loss(self) -> set[Var]:
        """Return what the first result was computed from: gradients there are not its own."""
        behind = {self._loss} if self._loss is not None else set()
        for eq in reversed(self.program.equations):
            if eq.out in behind:
                behind.update(eq.uses())
        return behind - {self._loss}

    def _is_the_loss(self, var: Var) -> bool:
        return var is self._loss and self._derives

    def _add_constant(self, var: Var, array: Any) -> None:
        flat = array.reshape(-1)
        if array.size and (flat == flat[0]).all():
            self._inlined[var] = self.formulas.number(flat[0])
        elif array.ndim == 1 and array.size <= 4 and not var.name:
            self._inlined[var] = self.formulas.listed([self.formulas.number(x) for x in flat])
        elif _is_diagonal(array) and "I" not in self._given:
            self._inlined[var] = self.formulas.times(flat[0].item(), plain_text("I"))
        else:
            self.names.name_as(var, var.name or "C")

    def _rendered(self, expression: Expression) -> str:
        return "".join(
            self._symbol(piece) if isinstance(piece, Var) else piece for piece in expression.pieces
        )

    def _operand(self, var: Var) -> Expression:
        if var in self._inlined:
            return self._inlined[var]
        level = "fraction" if self._symbol(var).startswith(r"\frac") else "atom"
        return Expression((var,), LEVELS[level])

    def _symbol(self, var: Var) -> str:
        if var in self._before:
            return self._symbol(self._before[var])
        if var not in self._symbols:
            self._resolving.add(var)
            found = self._new_symbol(var)
            self._resolving.discard(var)
            self._symbols[var] = found
            self._taken.add(found)
        return self._symbols[var]

    def _new_symbol(self, var: Var) -> str:
        if var.gradient_of is not None and (var.name is None or var.name.startswith("d_")):
            gradient = _is_gradient(var)
            found = self._quotient(var) if gradient else None
            number = 0
            while found is None or found in self._taken:
                number += 1
                found = rf"\delta_{{{number}}}" if gradient else f"u_{{{number}}}"
            return found
        if var is self._loss and not self.names.is_line(var):
            return "L"
        known = self.names.of(var)
        given = symbol(var.name) if var.name else None
        candidates = [given] if given is not None and self._given[given] == 1 else []
        for text in (*candidates, symbol(self.names.told(var)), symbol(known)):
            if text not in self._taken:
                return text
        return rf"\mathrm{{{known.replace('_', chr(92) + '_')}}}"

    def _quotient(self, var: Var) -> str | None:
        """Return a gradient as ``dL/dx``, if what it is that of can be written."""
        target = var.gradient_of
        if target is None or target in self._resolving:
            return None
        if target in self._inlined:
            expression = self._inlined[target]
            of = self._rendered(expression)
            if not expression.variables() or len(of) > _LONGEST_TARGET:
                return None
            of = of if expression.level == LEVELS["atom"] else rf"\left( {of} \right)"
        elif self.names.is_line(target):
            of = self._symbol(target)
        else:
            return None
        if of.count(r"\partial") > 2:
            return None
        return rf"\frac{{\partial {self._differentiated(var)}}}{{\partial {of}}}"

    def _differentiated(self, var: Var) -> str:
        """Return what a gradient is the gradient of: the loss, or what came before it."""
        loss = self._loss
        if var in self._behind:
            return r"\ell"
        if loss is None or loss.gradient_of is not None or not self.names.is_line(loss):
            return "L"
        return self._symbol(loss)


def _is_diagonal(array: Any) -> bool:
    """Tell whether an array is a multiple of the identity matrix."""
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        return False
    return bool((array == array[0, 0] * np.eye(len(array))).all())


def _is_gradient(var: Var) -> bool:
    """Tell whether a value is the gradient of another, and not, by others, of itself."""
    chain = [var]
    while (target := chain[-1].gradient_of) is not None:
        if target in chain:
            return False
        chain.append(target)
    return len(chain) > 1


def _length(piece: Any) -> int:
    return 4 if isinstance(piece, Var) else len(piece)
