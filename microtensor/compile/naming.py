"""What the values of a printed program are called, and which of them get a line of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from .. import ops
from ..op import REGISTRY
from .expressions import Expression, function_path
from .identifiers import Identifiers, identifier
from .program import Atom, Equation, Literal, Program, Var
from .slots import ArgumentSlot, GradientSlot, Slot, StateSlot, TensorSlot

__all__ = ["Names"]

_WORDS = {
    "matmul": "z", "linear": "z", "linear_no_bias": "z", "subtract": "difference",
    "multiply": "product", "divide": "ratio", "add": "total", "sum": "total", "sum_to": "total",
    "power": "power", "square": "square", "negative": "negative", "getitem": "part",
    "reshape": "reshaped", "transpose": "transposed", "sigmoid": "a", "relu": "a",
    "leaky_relu": "a", "elu": "a", "celu": "a", "silu": "a", "mish": "a", "hardtanh": "a",
    "normal_cdf": "phi", "normal_cdf_by_tanh": "phi",
    "where": "chosen", "maximum": "larger", "minimum": "smaller", "greater": "mask",
    "less": "mask", "equal": "mask", "concatenate": "joined", "astype": "converted",
    "broadcast_to": "repeated", "random": "draw", "copy": "copy", "scatter_add": "scattered",
}  # fmt: skip
"""What a value is called that the user did not name, by the operation that made it."""
_SQUARING = frozenset({ops.square, ops.absolute, REGISTRY["sum_squared_error"]})


class Names:
    """The identifiers of a program's values.

    A value has a line of its own, and so a name, if the user named it, if it is used more than
    once, or if it is the gradient of one that has a name. All others stand where they are used.
    """

    def __init__(self, program: Program) -> None:
        self.taken = Identifiers()
        self._program = program
        self._names: dict[Var, str] = {}
        self._made = {eq.out: eq for eq in program.equations}
        self._uses: Counter[Var] = Counter()
        self._squared: set[Var] = set()
        for eq in program.equations:
            self._uses.update(eq.uses())
            if eq.op in _SQUARING:
                self._squared.update(eq.uses())
        self._results = set(program.results())
        self._uses.update(program.results())
        first = next((output.atom for output in program.outputs), None)
        derives = any(eq.out.gradient_of is not None for eq in program.equations)
        self._loss = first if derives and isinstance(first, Var) and not first.shape else None
        self._name_reads()
        self._name_values()
        self._name_gradients()

    def _name_reads(self) -> None:
        self._parameters = {
            id(slot.tensor): var.name or slot.name
            for var, slot in self._program.reads
            if isinstance(slot, TensorSlot)
        }
        for var, slot in self._program.reads:
            if isinstance(slot, ArgumentSlot):
                name = slot.name
            elif isinstance(slot, GradientSlot) and not var.name:
                name = f"d_{slot.tensor.name or 'value'}"
            elif isinstance(slot, StateSlot):
                owner = self._parameters.get(id(slot.parameter))
                name = "_".join(filter(None, (slot.key.removesuffix("_buffer"), owner)))
            else:
                name = var.name or slot.name or "value"
            self._names[var] = self.taken.take(name)

    def _name_values(self) -> None:
        """Give values the names that the user gave them, with a number if that was to several."""
        given: dict[str, list[Var]] = {}
        before = self.values_before()
        for eq in self._program.equations:
            out = eq.out
            if (
                out.name is not None
                and out not in before
                and not (out.gradient_of is not None and identifier(out.name) in self.taken)
            ):
                given.setdefault(identifier(out.name), []).append(out)
        for name, holders in given.items():
            if len(holders) == 1 and name not in self.taken:
                self._names[holders[0]] = self.taken.take(name)
                continue
            for var in holders:
                if self._uses[var] > 1 or (len(holders) > 1 and name not in self.taken):
                    self._names[var] = self.taken.take_numbered(name)
        self._shadowed = {
            eq.out for eq in self._program.equations if eq.out.name and eq.out not in self._names
        }
        of_gradients = {
            eq.out.gradient_of for eq in self._program.equations if self._uses[eq.out] > 1
        }
        unnamed = [
            eq
            for eq in self._program.equations
            if eq.out not in self._names
            and eq.out.gradient_of is None
            and eq.out not in before
            and (
                (self._uses[eq.out] > 1 and eq.op is not ops.transpose)
                or eq.out in of_gradients
                or eq.out is self._loss
            )
        ]
        counts = Counter(map(self._word, unnamed))
        for eq in unnamed:
            word = self._word(eq)
            take = self.taken.take_numbered if counts[word] > 1 else self.taken.take
            self._names[eq.out] = take(word)

    def _name_gradients(self) -> None:
        for eq in self._program.equations:
            var, target = eq.out, eq.out.gradient_of
            if target is None or var in self._names:
                continue
            if target in self._names:
                self._names[var] = self.taken.take(f"d_{self._names[target]}")
            elif self._uses[var] > 1 or self._given_name(target) or var in self._results:
                name = self._given_name(target) or self._word(eq)
                self._names[var] = self.taken.take(f"d_{identifier(name)}")
        for var, old in self.values_before().items():
            if var not in self._names:
                self._names[var] = self.taken.take(f"new_{self._names[old]}")

    def _given_name(self, var: Var) -> str | None:
        """Return the user's name of a value, if it means no other."""
        return None if var in self._shadowed else var.name

    def _word(self, eq: Equation) -> str:
        if eq.out is self._loss:
            return "loss"
        if eq.out in self._squared and eq.op is ops.subtract:
            return "error"
        if eq.op is ops.add and self._is_product(eq.inputs[0]):
            return "z"
        if eq.op is ops.divide and eq.inputs[0] == Literal(1) and self._is_one_plus_exp(eq):
            return "a"
        if eq.op is ops.subtract and eq.inputs[0] == Literal(1):
            subtrahend = eq.inputs[1]
            if isinstance(subtrahend, Var) and subtrahend in self._names:
                return f"one_minus_{self._names[subtrahend]}"
        word = _WORDS.get(eq.op.name)
        if word is not None:
            return word
        operands = [x for x in dict.fromkeys(eq.uses()) if x in self._names]
        of = f"_{self._names[operands[0]]}" if len(operands) == 1 else ""
        of = of if len(of) < 12 else ""
        is_helper = not any(map(function_path, eq.op.numpy)) and not of
        return "result" if is_helper else eq.op.name.strip("_") + of

    def _is_one_plus_exp(self, eq: Equation) -> bool:
        total = self._made.get(eq.inputs[1]) if isinstance(eq.inputs[1], Var) else None
        if total is None or total.op is not ops.add or Literal(1) not in total.inputs:
            return False
        made = (self._made.get(x) for x in total.inputs if isinstance(x, Var))
        return any(e is not None and e.op is ops.exp for e in made)

    def _is_product(self, atom: Atom) -> bool:
        made = self._made.get(atom) if isinstance(atom, Var) else None
        return made is not None and made.op is ops.matmul

    def made_by(self, var: Var) -> Equation:
        """Return the equation that made a value."""
        return self._made[var]

    def is_line(self, var: Var) -> bool:
        """Tell whether a value has a line of its own."""
        return var in self._names

    def is_result(self, var: Var) -> bool:
        """Tell whether the program hands a value out."""
        return var in self._results

    def of(self, var: Var) -> str:
        """Return what a value is called."""
        return self._names[var]

    def told(self, var: Var) -> str:
        """Return the user's name of a value if its identifier is made of it, else that."""
        known = self._names[var]
        return var.name if var.name is not None and identifier(var.name) == known else known

    def name(self, eq: Equation) -> None:
        """Give the result of an equation a name that tells what it is."""
        if eq.out not in self._names:
            if eq.out.gradient_of is not None:
                target = eq.out.gradient_of
                self.name_as(
                    eq.out, f"d_{self._names.get(target) or self._given_name(target) or 'value'}"
                )
            else:
                self.name_as(eq.out, self._word(eq))

    def name_as(self, var: Var, name: str) -> None:
        """Give a value a name."""
        self._names[var] = self.taken.take(name)

    def values_before(self) -> dict[Var, Var]:
        """Return the old value of each new value that the program leaves where it read one."""
        read = {_place(slot): var for var, slot in self._program.reads}
        return {
            atom: read[_place(slot)]
            for slot, atom in self._program.updates
            if isinstance(atom, Var) and _place(slot) in read and atom in self._made
        }

    def share(self, var: Var, old: Var) -> None:
        """Call a new value as the old one, which is not needed again."""
        self._names[var] = self._names[old]

    def comment(
        self,
        var: Var,
        inlined: Mapping[Var, Expression],
        rendered: Callable[[Expression], str],
    ) -> str:
        """Return the comment that says what a value is the gradient of, if it is one."""
        target = var.gradient_of
        if target is None:
            return ""
        name = self._given_name(target) or self._names.get(target)
        if target in self._names and identifier(name or "") != self._names[target]:
            name = self._names[target]
        if name is None and target in inlined:
            name = rendered(inlined[target])
        return f"  # the gradient of {name}" if name and len(name) < 40 else ""


def _place(slot: Slot) -> Any:
    """Return what two slots of the same place have in common."""
    if isinstance(slot, GradientSlot):
        return GradientSlot, id(slot.tensor)
    if isinstance(slot, StateSlot):
        return StateSlot, id(slot.parameter), slot.key
    return id(slot)
