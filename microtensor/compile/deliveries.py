"""Handing out results: to the caller, and to where the function leaves them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..func.trees import rebuild
from ..tensor import Tensor
from .commit import in_place
from .lookups import Lookups
from .program import Literal, Update, Var
from .slots import ArgumentSlot, GradientSlot

__all__ = ["Deliveries"]


class Deliveries(Lookups):
    """Writes the lines that take arrays for results, and those that hand results out."""

    _results: dict[Var, str]
    """What each array of results is called."""
    _reuse: bool
    """Whether results may be overwritten by the next call."""
    _unheld: list[int]
    """How many hold each result, if nobody else does."""
    _other: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    """Takes other arrays for results."""

    def _result_state(self) -> list[str]:
        names = list(self._results.values())
        return names + [f"grad{i}" for i, _ in self._gradients()]

    def _gradients(self) -> list[tuple[int, Update]]:
        return [
            (i, update)
            for i, update in enumerate(self._program.updates)
            if isinstance(update.slot, GradientSlot) and isinstance(update.atom, Var)
        ]

    def _fresh_results(self) -> list[str]:
        """Return what takes other arrays for results that somebody still holds."""
        if self._reuse:
            return []
        handed = [
            (name, var) for var, name in self._results.items() if var.shape and self._hands_out(var)
        ]
        grads = {update.atom: f"grad{i}" for i, update in self._gradients()}
        unheld = dict(zip(self._result_state(), self._unheld, strict=True))
        tests = [f"getrefcount({name}) > {unheld[name] + 1}" for name, _ in handed]
        tests += [  # the variable of this function holds it, and the parameter
            f"getrefcount({name}) > {unheld[name] + 2}"
            for atom, name in grads.items()
            if atom in self._results
        ]
        if not tests:
            return []
        self._names["other"] = self._other
        held = "".join(f"{f'held{i}'}, " for i in range(len(self._kernel.held)))
        return [
            f"if {' or '.join(tests)}:",
            f"    {self._result_names} = other(({held}))",
        ]

    def _hands_out(self, var: Var) -> bool:
        return any(o.atom is var for o in self._program.outputs) or any(
            isinstance(u.slot, GradientSlot) and u.atom is var for u in self._program.updates
        )

    def _deliveries(self) -> list[str]:
        """Return what leaves results where they belong."""
        lines = []
        gradients = {i: f"grad{i}" for i, _ in self._gradients()}
        for i, update in enumerate(self._program.updates):
            slot = update.slot
            if isinstance(slot, GradientSlot):
                tensor = self._tensor(slot.tensor) if slot.argument is None else f"a{slot.argument}"
                lines.append(f"{tensor}._grad = {gradients.get(i, 'None')}")
                continue
            if isinstance(update.atom, Var) and update.atom in self._written_in_place(slot):
                continue
            value = self._value(update.atom)
            if isinstance(slot, ArgumentSlot):
                target = f"a{slot.position}"
                if isinstance(self._leaves[slot.position], Tensor):
                    target = f"{target}._writable()"
                lines.append(f"{target}[...] = {value}")
            else:
                write = self._name("write", slot.write)
                lines.append(f"{write}({value})")
        return lines

    def _written_in_place(self, slot: Any) -> set[Var]:
        held = set(self._kernel.held)
        return {
            update.atom
            for i, update in enumerate(self._program.updates)
            if update.slot is slot
            and in_place(self._program).get(i) in held
            and isinstance(update.atom, Var)
        }

    def _value(self, atom: Any) -> str:
        """Return a result as something of its own, which no later call changes."""
        if isinstance(atom, Literal):
            return self._name("literal", atom.value)
        if atom.scalar:
            return f"numbers[{self._kernel.numbers.index(atom)}]"
        name = self._results[atom]
        return f"{name}[()]" if not atom.shape else f"{name}.copy()"

    def _returned(self) -> str:
        """Return the expression of what the function returns."""
        parts: list[str] = []
        for kind, atom, _ in self._program.outputs:
            if kind == "static":
                parts.append(self._name("static", atom))
                continue
            if isinstance(atom, Var) and not atom.scalar and atom.shape:
                value = self._results[atom]
                if parts.count(value) or parts.count(f"wrap({value})") or self._is_gradient(atom):
                    value = f"{value}.copy()"
            else:
                value = self._value(atom)
            parts.append(f"wrap({value})" if kind == "tensor" else value)
        return self._nested(self._program.returned, parts)

    def _is_gradient(self, var: Var) -> bool:
        return any(update.atom is var for _, update in self._gradients())

    def _nested(self, tree: Any, parts: list[str]) -> str:
        if isinstance(tree, int) and not isinstance(tree, bool):
            return parts[tree]
        if tree is None:
            return "None"
        if type(tree) is tuple:
            return f"({''.join(self._nested(part, parts) + ', ' for part in tree)})"
        if type(tree) is list:
            return f"[{', '.join(self._nested(part, parts) for part in tree)}]"
        if type(tree) is dict:
            items = (f"{self._name('key', k)}: {self._nested(v, parts)}" for k, v in tree.items())
            return f"{{{', '.join(items)}}}"
        self._names["rebuild"] = rebuild
        return f"rebuild({self._name('tree', tree)}, iter(({''.join(p + ', ' for p in parts)})))"
