"""A program as display mathematics, in commands that KaTeX, MathJax and matplotlib know."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from .. import ops
from ..op import REGISTRY
from .expressions import Expression, fill, plain
from .naming import Names
from .program import Equation, Literal, Program, Var
from .readable import readable

__all__ = ["latex", "lines", "symbol"]

_BRACKETS = (r"\left( ", r" \right)")
_LONGEST = 160
"""Expressions longer than this, as text, get a line of their own."""
_GREEK = frozenset(
    {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
     "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
     "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi",
     "Psi", "Omega"}
)  # fmt: skip

_TEMPLATES = {
    "add": ("{0:sum} + {1:term}", "sum"),
    "subtract": ("{0:sum} - {1:term}", "sum"),
    "divide": (r"\frac{{{0}}}{{{1}}}", "power"),
    "matmul": (r"{0:term} \, {1:unary}", "term"),
    "negative": ("-{0:unary}", "sum"),
    "power": ("{0:atom}^{{{1}}}", "power"),
    "square": ("{0:atom}^{{2}}", "power"),
    "reciprocal": (r"\frac{{1}}{{{0}}}", "power"),
    "sqrt": (r"\sqrt{{{0}}}", "atom"),
    "exp": (r"e^{{{0}}}", "power"),
    "sigmoid": (r"\sigma\left( {0} \right)", "atom"),
    "absolute": (r"\left| {0} \right|", "atom"),
    "transpose": (r"{0:atom}^{{\top}}", "power"),
    "linear": (r"{0:term} \, {1:atom}^{{\top}} + {2:term}", "sum"),
    "linear_no_bias": (r"{0:term} \, {1:atom}^{{\top}}", "term"),
    "equal": ("{0:sum} = {1:sum}", "compare"),
    "not_equal": (r"{0:sum} \neq {1:sum}", "compare"),
    "less": ("{0:sum} < {1:sum}", "compare"),
    "less_equal": (r"{0:sum} \leq {1:sum}", "compare"),
    "greater": ("{0:sum} > {1:sum}", "compare"),
    "greater_equal": (r"{0:sum} \geq {1:sum}", "compare"),
    "copy": ("{0}", ""),
    "astype": ("{0}", ""),
    "broadcast_to": ("{0}", ""),
}  # fmt: skip
_FUNCTIONS = {
    "log": r"\log", "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "tanh": r"\tanh",
    "sinh": r"\sinh", "cosh": r"\cosh", "arctan": r"\arctan", "arcsin": r"\arcsin",
    "arccos": r"\arccos", "maximum": r"\max", "minimum": r"\min", "max": r"\max", "min": r"\min",
    "det": r"\det",
}  # fmt: skip


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


def symbol(name: str) -> str:
    r"""Return what a name looks like in a formula.

    >>> [symbol(name) for name in ("W1", "y_hat", "theta", "loss", "model.0.bias")]
    ['W_{1}', '\\hat{y}', '\\theta', 'L', '\\mathrm{model.0.bias}']
    """
    name = name.removeprefix("self.")
    if name == "loss":
        return "L"
    matched = re.fullmatch(r"([^\W\d_]+)_?(\d+)", name)
    if matched:
        return f"{_word(matched[1])}_{{{matched[2]}}}"
    base, _, rest = name.partition("_")
    if rest == "hat" and len(base) == 1:
        return rf"\hat{{{base}}}"
    if len(base) == 1 and rest and re.fullmatch(r"\w+", rest):
        return f"{base}_{{{_word(rest)}}}"
    return _word(name)


def _word(text: str) -> str:
    text = re.sub(r"[^\w.\[\]]", "", text)
    if text in _GREEK:
        return f"\\{text}"
    if (len(text) == 1 and text.isalnum()) or text.isdigit():
        return text
    return rf"\mathrm{{{text.replace('_', chr(92) + '_')}}}"


class _Equations:
    """Writes the equations of a program as mathematics."""

    def __init__(self, program: Program) -> None:
        self.program = readable(program)
        self.names = Names(self.program)
        self._inlined: dict[Var, Expression] = {}
        self._symbols: dict[Var, str] = {}
        self._taken: set[str] = set()
        for var, array in self.program.constants.items():
            self._add_constant(var, np.asarray(array))
        outputs = [o.atom for o in self.program.outputs if isinstance(o.atom, Var)]
        self._loss = outputs[0] if outputs else None
        self._before = self.names.values_before()

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the left side, the sign and the right side of each line."""
        rows: list[tuple[str, str, str]] = []
        for eq in self.program.equations:
            expression = fill(*self._form(eq), _BRACKETS)
            if not self.names.is_line(eq.out) and eq.out is not self._loss:
                if sum(_length(piece) for piece in expression.pieces) <= _LONGEST:
                    self._inlined[eq.out] = expression
                    continue
                self.names.name(eq)
            sign = r"\leftarrow" if eq.out in self._before else "="
            rows.append((self._symbol(eq.out), sign, self._rendered(expression)))
        returned = [o.atom for o in self.program.outputs if o.atom in self._inlined]
        return rows + [
            (r"\mathrm{result}", "=", self._rendered(self._inlined[var]))
            for var in dict.fromkeys(returned)
        ]

    def _add_constant(self, var: Var, array: Any) -> None:
        if array.size == 1:
            self._inlined[var] = _number(array.reshape(-1)[0])
        else:
            self.names.name_as(var, var.name or "C")

    def _rendered(self, expression: Expression) -> str:
        return "".join(
            self._symbol(piece) if isinstance(piece, Var) else piece for piece in expression.pieces
        )

    def _symbol(self, var: Var) -> str:
        if var in self._before:
            return self._symbol(self._before[var])
        if var not in self._symbols:
            found = self._new_symbol(var)
            self._symbols[var] = symbol(self.names.of(var)) if found in self._taken else found
            self._taken.add(found)
        return self._symbols[var]

    def _new_symbol(self, var: Var) -> str:
        target = var.gradient_of
        if target is not None and (var.name is None or var.name.startswith("d_")):
            of = self._symbol(target) if self.names.is_line(target) else None
            if of is None and target in self._inlined:
                of = self._rendered(self._inlined[target])
            if of is not None and r"\partial" not in of:
                return rf"\frac{{\partial {self._loss_symbol()}}}{{\partial {of}}}"
            return symbol(self.names.of(var))
        if var is self._loss and not self.names.is_line(var):
            return "L"
        return symbol(self.names.told(var))

    def _loss_symbol(self) -> str:
        return "L" if self._loss is None or not self._loss.name else symbol(self._loss.name)

    def _operand(self, atom: Any) -> Expression:
        if isinstance(atom, Literal):
            return _number(atom.value)
        return self._inlined.get(atom) or Expression((atom,), 16)

    def _form(self, eq: Equation) -> tuple[str, str, list[Expression]]:
        """Return how an equation is written: a template, its level, and its operands."""
        operands = [self._operand(x) for x in eq.inputs]
        name = eq.op.name
        if REGISTRY.get(name) is not eq.op:
            return self._function(eq, operands)
        if name == "multiply":
            numbers = any(not x.shape for x in eq.inputs)
            return (
                (r"{0:term} \, {1:unary}" if numbers else r"{0:term} \odot {1:unary}"),
                "term",
                operands,
            )
        if name == "transpose" and eq.params.get("axes") is not None and eq.out.ndim > 2:
            return self._function(eq, operands)
        if name in _TEMPLATES:
            return (*_TEMPLATES[name], operands)
        if name in ("sum", "sum_to", "mean"):
            return self._sum(eq, operands)
        if name == "relu":
            return r"\max\left( {0}, 0 \right)", "atom", operands
        if name == "log1p":
            return r"\log\left( 1 + {0:term} \right)", "atom", operands
        return self._function(eq, operands)

    def _sum(self, eq: Equation, operands: list[Expression]) -> tuple[str, str, list[Expression]]:
        shape = eq.inputs[0].shape
        axis = eq.params.get("axis")
        axes = [] if axis is None else [axis] if isinstance(axis, int) else list(axis)
        if eq.op is not ops.sum and eq.op is not ops.mean:
            kept = eq.params["shape"]
            lead = len(shape) - len(kept)
            axes = [i for i in range(len(shape)) if i < lead or kept[i - lead] != shape[i]]
            axes = [] if len(axes) == len(shape) else axes
        under = ",".join("ijklmn"[a % len(shape)] for a in axes) if len(shape) <= 6 else ""
        factor = ""
        if eq.op is ops.mean:
            count = math.prod(shape) // max(1, eq.out.size)
            factor = rf"\frac{{{{1}}}}{{{{{count}}}}} "
        return rf"{factor}\sum{f'_{{{{{under}}}}}' if under else ''} {{0:unary}}", "term", operands

    @staticmethod
    def _function(eq: Equation, operands: list[Expression]) -> tuple[str, str, list[Expression]]:
        name = eq.op.name
        function = _FUNCTIONS.get(name)
        if function is None:
            text = re.sub(r"\W", "", name).replace("_", r"\_")
            function = rf"\operatorname{{{{{text}}}}}"
        arguments = ", ".join(f"{{{i}}}" for i in range(len(operands)))
        return rf"{function}\left( {arguments} \right)", "atom", operands


def _length(piece: Any) -> int:
    return 4 if isinstance(piece, Var) else len(piece)


def _number(value: Any) -> Expression:
    """Write a number, a large or small one with a power of ten."""
    if value is None:
        return plain(r"\cdot")
    if isinstance(value, (bool, np.bool_)):
        return plain(rf"\mathrm{{{bool(value)}}}")
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not math.isfinite(value):
        text = r"\mathrm{NaN}" if math.isnan(value) else r"\infty" if value > 0 else r"-\infty"
    else:
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
        mantissa, _, exponent = text.partition("e")
        if exponent:
            return plain(rf"{mantissa} \cdot 10^{{{int(exponent)}}}", "term")
    return plain(text, "term" if text.startswith("-") else "atom")
