"""Passes that make a program shorter, and leave its results as they are, to the last bit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .. import ops
from ..op import REGISTRY, Op
from .algebra import RULES, Rule
from .program import Atom, Equation, Literal, Program, Var
from .slots import ArgumentSlot

__all__ = ["is_impure", "simplified", "without_dead_code"]

_COMMUTATIVE = frozenset({ops.add, ops.multiply, ops.equal, ops.not_equal, ops.logical_and,
                          ops.logical_or, ops.bitwise_and, ops.bitwise_or})  # fmt: skip
_FILLED: dict[Op, int] = {ops.zeros_like: 0, ops.ones_like: 1}
_ABSORBING = frozenset(
    REGISTRY[name]
    for name in ("exp", "exp2", "cos", "cosh", "sigmoid", "softplus", "log", "square",
                 "absolute", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
                 "isnan", "isfinite", "isinf", "logical_and", "logical_or", "logical_not")
)  # fmt: skip
"""Operations that give the same for both zeros."""
_PASSING = frozenset(
    REGISTRY[name]
    for name in ("add", "subtract", "multiply", "negative", "matmul", "sum", "mean", "transpose",
                 "reshape", "ravel", "broadcast_to", "sum_to", "getitem", "scatter_add", "where",
                 "tanh", "relu", "sqrt", "sin", "linear", "linear_no_bias", "sum_squared_error",
                 "astype", "copy", "positive", "concatenate", "stack", "expm1", "einsum", "var")
)  # fmt: skip
"""Operations in which the sign of a zero shows as the sign of a zero at most."""
_LARGE = 4096
_PASSES = 20
"""Each pass simplifies every equation once; what is left over by the second is rare."""


def simplified(program: Program, rules: Mapping[Op, tuple[Rule, ...]] = RULES) -> Program:
    """Return the program without what is not needed for its results.

    Dead code goes, what is computed twice is computed once, and `algebra.RULES` are applied until
    none applies. The results are those of the program itself, bit by bit; only a zero may have
    another sign. The program itself stays as it is. Other ``rules`` may be less strict.

    >>> import microtensor as mt
    >>> program = mt.trace(lambda x: 1.0 * -(-x) + x, mt.tensor([1.0]).numpy())
    >>> [equation.op.name for equation in program.equations]
    ['multiply']
    """
    program = without_dead_code(_with_own_values(program))
    for _ in range(_PASSES):
        simplifier = _Simplifier(program, rules)
        program = without_dead_code(simplifier.run())
        if not simplifier.changed:
            break
    return program


def is_impure(op: Op) -> bool:
    """Tell whether an operation does more than compute: a draw of random numbers."""
    return op.name == "random"


def without_dead_code(program: Program) -> Program:
    """Return the program without what no result depends on, but with all arguments."""
    needed = set(program.results())
    kept = []
    for eq in reversed(program.equations):
        if eq.out in needed or is_impure(eq.op):
            kept.append(eq)
            needed.update(eq.uses())
    program = program.with_equations(reversed(kept))
    program.reads = [
        read for read in program.reads if isinstance(read.slot, ArgumentSlot) or read.var in needed
    ]
    program.constants = {var: x for var, x in program.constants.items() if var in needed}
    return program


def _with_own_values(program: Program) -> Program:
    """Return the program with other `Var`s for its results, which may then get other names."""
    own: dict[Var, Atom] = {}
    for eq in program.equations:
        var = own[eq.out] = Var(eq.out.shape, eq.out.dtype, eq.out.scalar)
        var.name, var.backward = eq.out.name, eq.out.backward
    for old, new in own.items():
        target = old.gradient_of
        of = own.get(target, target) if target is not None else None
        assert isinstance(new, Var)
        new.gradient_of = of if isinstance(of, Var) else None

    def substitute(atom: Atom) -> Atom:
        return own.get(atom, atom) if isinstance(atom, Var) else atom

    equations = []
    for eq in program.equations:
        equation = eq.replaced(substitute)
        out = own[eq.out]
        assert isinstance(out, Var)
        equation.out = out
        equations.append(equation)
    return program.replaced(equations, own)


class _Simplifier:
    """One pass over a program, first to last equation; it is what the rules ask for `Facts`."""

    def __init__(self, program: Program, rules: Mapping[Op, tuple[Rule, ...]]) -> None:
        self.program = program
        self._rules = rules
        self.changed = False
        self._made: dict[Var, Equation] = {}
        self._known: dict[Any, Var] = {}
        self._substitutes: dict[Var, Atom] = {}
        self._fills: dict[Var, Any] = {}
        for var, array in program.constants.items():
            fill = self._fills[var] = _fill(array)
            if fill is not None and not var.shape:
                self._substitutes[var] = Literal(fill)
        self._exposed = _exposed(program.equations)
        self._results = set(program.results())

    def run(self) -> Program:
        equations = []
        for eq in self.program.equations:
            simpler = self._simplified(eq.replaced(self._substitute))
            if isinstance(simpler, Equation):
                equations.append(simpler)
                self._made[eq.out] = simpler
            else:
                self.changed = True
                self._substitutes[eq.out] = simpler
        return self.program.replaced(equations, self._substitutes)

    def _substitute(self, atom: Atom) -> Atom:
        return self._substitutes.get(atom, atom) if isinstance(atom, Var) else atom

    def _simplified(self, eq: Equation) -> Equation | Atom:
        """Apply rules until none applies; look whether the same was computed before."""
        if is_impure(eq.op):
            return eq
        applied = not eq.out.scalar
        while applied:
            applied = False
            folded = _folded(eq)
            if folded is not None:
                return folded
            for rule in self._rules.get(eq.op, ()):
                simpler = rule(self, eq)
                if isinstance(simpler, Equation):
                    self.changed = applied = True
                    eq = simpler
                    break
                if simpler is not None:
                    return self._standing_in(eq, simpler)
        fill = _FILLED.get(eq.op, eq.params.get("fill_value") if eq.op is ops.full_like else None)
        if eq.op is ops.broadcast_to:
            self._fills[eq.out] = self.fill(eq.inputs[0])
        elif isinstance(fill, (int, float)):
            self._fills[eq.out] = eq.out.dtype.type(fill)
        key = _key(eq)
        if key is None:
            return eq
        same = self._known.setdefault(key, eq.out)
        return eq if same is eq.out else self._standing_in(eq, same)

    def _standing_in(self, eq: Equation, atom: Atom) -> Equation | Atom:
        """Let ``atom`` take the place and the name of ``eq.out``.

        Of a gradient that the program hands out under its own name a copy stays.
        """
        out = eq.out
        if not isinstance(atom, Var):
            return atom
        is_handed_out = out.gradient_of is not None and out in self._results
        if atom not in self._made:
            return self._copy(eq, atom) if is_handed_out else atom
        if out.gradient_of is not None and atom.gradient_of is not out.gradient_of:
            taken = not atom.backward or (atom.gradient_of is None and atom.name is not None)
            taken = taken or (atom.gradient_of is not None and atom in self._results)
            if is_handed_out and (taken or not _tells_more(out.gradient_of, atom.gradient_of)):
                return self._copy(eq, atom)
            if not taken and _tells_more(out.gradient_of, atom.gradient_of):
                atom.gradient_of = out.gradient_of
        if atom.name is None:
            atom.name = out.name
        return atom

    def _copy(self, eq: Equation, atom: Var) -> Equation:
        if eq.op is ops.copy:
            return eq
        self.changed = True
        return Equation(ops.copy, (atom,), {}, eq.out, eq.site)

    # Facts

    def equation_of(self, atom: Atom) -> Equation | None:
        return self._made.get(atom) if isinstance(atom, Var) else None

    def made_by(self, op: Op, atom: Atom) -> tuple[Atom, ...] | None:
        eq = self.equation_of(atom)
        return eq.inputs if eq is not None and eq.op is op else None

    def fill(self, atom: Atom) -> Any:
        if isinstance(atom, Literal):
            return atom.value if isinstance(atom.value, np.generic) else None
        return self._fills.get(atom)

    def sign_of_zero_matters(self, var: Var) -> bool:
        return var in self._exposed


def _tells_more(target: Var, than: Var | None) -> bool:
    return than is None or (than.name is None and target.name is not None)


def _fill(array: Any) -> Any:
    """Return the number that every element of an array is, if there is one."""
    array = np.asarray(array)
    if array.size == 0 or array.dtype.kind not in "fiu":
        return None
    first = array.reshape(-1)[0]
    same = array == first
    if array.dtype.kind == "f":
        same &= np.signbit(array) == np.signbit(first)
    return first if same.all() else None


def _exposed(equations: Iterable[Equation]) -> set[Var]:
    """Find the values in which the sign of a zero matters: those that something divides by."""
    exposed: set[Var] = set()
    for eq in reversed(list(equations)):
        if eq.op in _ABSORBING or (eq.op is ops.add and any(_nonzero(x) for x in eq.inputs)):
            continue
        if eq.op is ops.divide:
            own: Iterable[Atom] = eq.inputs if eq.out in exposed else eq.inputs[1:]
        elif eq.op in _PASSING and eq.out not in exposed:
            continue
        else:
            own = eq.uses()
        exposed.update(x for x in own if isinstance(x, Var))
    return exposed


def _nonzero(atom: Atom) -> bool:
    return isinstance(atom, Literal) and atom.value is not None and bool(atom.value)


def _folded(eq: Equation) -> Literal | None:
    """Return the number that an operation on numbers gives."""
    if not eq.inputs or not all(isinstance(x, Literal) for x in eq.inputs) or any(eq.uses()):
        return None
    if eq.out.shape or eq.op.name not in REGISTRY or REGISTRY[eq.op.name] is not eq.op:
        return None
    with np.errstate(all="ignore"):
        value = eq.op.kernel(*(x.value for x in eq.inputs if isinstance(x, Literal)), **eq.params)
    return Literal(np.asarray(value)[()])


def _key(eq: Equation) -> Any:
    """Return what two equations that compute the same have in common; ``None`` if unknown."""
    inputs = [_frozen(x) for x in eq.inputs]
    if eq.op in _COMMUTATIVE and not eq.out.scalar:
        inputs.sort(key=hash)
    key = (eq.op, tuple(inputs), tuple((k, _frozen(v)) for k, v in sorted(eq.params.items())))
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _frozen(value: Any) -> Any:
    """Return something hashable that is equal for what is the same, of the same type."""
    if isinstance(value, Literal):
        value = value.value
    if isinstance(value, (tuple, list)):
        return type(value), tuple(map(_frozen, value))
    if isinstance(value, slice):
        return slice, _frozen((value.start, value.stop, value.step))
    if isinstance(value, np.ndarray):
        if value.size > _LARGE or value.dtype.hasobject:
            return id(value)
        return value.dtype, value.shape, value.tobytes()
    if isinstance(value, (bool, int, float, np.generic)):
        return type(value), repr(value)
    return value
