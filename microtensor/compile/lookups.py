"""Finding what a program runs on, in every call: whether it fits, and where the arrays are.

All is written as lines of Python, for the function that a call runs through.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import record
from ..hooks import has_hooks
from ..record import wrap
from ..state import modes, structure
from ..tensor import Tensor
from .commit import in_place
from .guards import Surroundings, is_plain
from .kernel import Kernel
from .program import Program, Var
from .slots import ArgumentSlot, ArraySlot, GradientSlot, ItemSlot, StateSlot, TensorSlot

__all__ = ["BUSY", "MISS", "Lookups"]

MISS = object()
"""What an entry returns for a call that its program does not fit."""
BUSY = object()
"""What an entry returns while another thread, or the function itself, is in it."""


class Lookups:
    """Writes the lines that look whether a call fits, and those that find its arrays."""

    def __init__(
        self,
        program: Program,
        kernel: Kernel,
        around: Callable[[dict[str, Any]], Surroundings],
        leaves: Sequence[Any],
        trace: Any,
    ) -> None:
        self._program = program
        self._kernel = kernel
        self._trace = trace
        self._names: dict[str, Any] = {
            "MISS": MISS, "BUSY": BUSY, "modes": modes, "structure": structure, "wrap": wrap,
            "getrefcount": sys.getrefcount, "ndarray": np.ndarray, "Tensor": Tensor,
        }  # fmt: skip
        """What the text refers to."""
        self._around = around(self._names)
        self._leaves = leaves
        self._state: dict[str, Any] = {"busy": False, "version": structure.version}
        """What the function remembers from call to call."""
        self._held: dict[Var, str] = {}
        self._loads: list[str] = []
        self._loaded: dict[int, str] = {}
        self._slots = {read.var: read.slot for read in program.reads}
        self._targets = set(in_place(program).values()) & set(kernel.held)

    def _result_state(self) -> list[str]:
        """Return what the arrays of results, and the Tensors of gradients, are called."""
        raise NotImplementedError

    @property
    def _result_names(self) -> str:
        return "".join(f"{name}, " for name in ("run", *self._result_state()))

    def _checks(self) -> list[str]:
        """Return what looks whether everything is as it was when the function was traced."""
        self._names["same_structure"] = self._around.is_same_structure
        self._names["record"] = record
        lines = [
            f"if modes.recording is not {modes.recording} or record.watching:",
            "    return MISS",
            "if structure.version != version:",
            "    if not same_structure():",
            "        return MISS",
            "    version = structure.version",
        ]
        conditions = list(self._around.conditions)
        for tensor, slot, there in self._trace.gradients:
            given = isinstance(slot, ArgumentSlot)
            where = f"a{slot.position}" if given else self._tensor(tensor)
            conditions.append(f"{where}._grad is {'not ' if there else ''}None")
        for slot in self._slots.values():
            if isinstance(slot, StateSlot):
                state = self._name("state", slot.state)
                conditions.append(f"{self._name('parameter', slot.parameter)} in {state}")
        for optimizer in self._trace.optimizers:
            name = self._name("optimizer", optimizer)
            conditions.append(f"len({name}.state) == {len(optimizer.state)}")
            conditions.append(f"len({name}.param_groups) == {len(optimizer.param_groups)}")
            for i, group in enumerate(optimizer.param_groups):
                params = self._name("params", list(group["params"]))
                conditions.append(f"{name}.param_groups[{i}]['params'] == {params}")
        if conditions:
            lines += [f"if not ({' and '.join(conditions)}):", "    return MISS"]
        return lines

    def _hook_checks(self, i: int) -> list[str]:
        """Refuse hooks of an argument whose gradient the program computes: it calls none."""
        slots = [update.slot for update in self._program.updates]
        if not any(isinstance(slot, GradientSlot) and slot.argument == i for slot in slots):
            return []
        self._names["has_hooks"] = has_hooks
        return [f"if has_hooks(a{i}._node):", "    return MISS"]

    def _argument_checks(self) -> list[str]:
        lines: list[str] = []
        reads = {
            slot.position: var
            for var, slot in self._slots.items()
            if isinstance(slot, ArgumentSlot)
        }
        for i, leaf in enumerate(self._leaves):
            a, var = f"a{i}", reads.get(i)
            if isinstance(leaf, Tensor):
                kind = self._name("kind", type(leaf))
                required = leaf._requires_grad
                lines += [
                    f"if {a}.__class__ is not {kind} or {a}._requires_grad is not {required}:",
                    "    return MISS",
                    *self._hook_checks(i),
                    f"x{i} = {a}._array",
                ]
                array, known = f"x{i}", f"last{i}"
            elif isinstance(leaf, (np.ndarray, np.generic)):
                array, known = a, f"last{i}"
                kind = self._name("kind", type(leaf))
            elif var is not None:
                lines += [f"if {a}.__class__ is not {type(leaf).__name__}:", "    return MISS"]
                continue
            else:
                value = self._name("static", leaf)
                same = f"{a} is {value}"
                if is_plain(leaf):
                    kind = self._name("kind", type(leaf))
                    same += f" or ({a}.__class__ is {kind} and {a} == {value})"
                lines += [f"if not ({same}):", "    return MISS"]
                continue
            self._state[known] = None
            shape, dtype = self._name("shape", leaf.shape), self._name("dtype", leaf.dtype)
            targets = "".join(
                f"held{k}, " for k, v in enumerate(self._kernel.held) if v in self._targets
            )
            if targets and var is not None:
                self._names["overlap"] = _overlap
                shared = [f"    if overlap({array}, ({targets})):", "        return MISS"]
            else:
                shared = []
            plain = "" if isinstance(leaf, Tensor) else f"{a}.__class__ is not {kind} or "
            lines += [
                f"if {array} is not {known}:",
                f"    if {plain}{array}.shape != {shape} or {array}.dtype != {dtype}:",
                "        return MISS",
                *shared,
                f"    {known} = {array}",
            ]
        return lines

    def _lookups(self) -> list[str]:
        """Return what finds the arrays of parameters; if one is another, all are bound anew."""
        lines: list[str] = []
        same: list[str] = []
        fits: list[str] = []
        arrays: list[str] = []
        for i, var in enumerate(self._kernel.held):
            slot, known = self._slots[var], f"held{i}"
            found = self._found(slot)
            self._state[known] = None
            if found is None:
                self._state[known] = slot.read()
                self._held[var] = known
                continue
            lines.append(f"h{i} = {found}")
            same.append(f"h{i} is not {known}")
            if isinstance(slot, TensorSlot):
                own = "_writable()" if var in self._targets else "data"
                arrays.append(f"h{i} = {self._tensor(slot.tensor)}.{own}")
            shape, dtype = self._name("shape", var.shape), self._name("dtype", var.dtype)
            fits.append(
                f"h{i}.__class__ is not ndarray or h{i}.shape != {shape} or h{i}.dtype != {dtype} "
                f"or not h{i}.flags.c_contiguous"
            )
            self._held[var] = f"h{i}"
        self._names["shared"] = self._shared
        if same:
            names = "".join(f"{self._held[var]}, " for var in self._kernel.held)
            known = "".join(f"held{i}, " for i in range(len(self._kernel.held)))
            lasts = "".join(f"{last}, " for last in self._state if last.startswith("last"))
            lines += [
                f"if {' or '.join(same)}:",
                *(f"    {line}" for line in arrays),
                f"    if {' or '.join(fits)} or shared(({names}), ({lasts})):",
                "        return MISS",
                f"    {known} = {names}",
                f"    {self._result_names} = rebind(({names}))",
            ]
        self._state["run"] = None
        for name in self._result_state():
            self._state[name] = None
        for var in self._kernel.given:
            slot = self._slots[var]
            if var.scalar and not isinstance(slot, ArgumentSlot):
                name = f"n{len(lines)}"
                kind = var.dtype.type(1).item().__class__.__name__
                lines += [f"{name} = {self._found(slot)}", f"if {name}.__class__ is not {kind}:"]
                if kind == "float":  # a schedule may give a np.float64
                    lines.append(f"    if not isinstance({name}, float):")
                    lines += ["        return MISS", f"    {name} = float({name})"]
                else:
                    lines.append("    return MISS")
                self._held[var] = name
            elif not isinstance(slot, ArgumentSlot):
                self._held[var] = self._found(slot) or self._name("array", slot.read())
        return lines

    def _found(self, slot: Any) -> str | None:
        """Return the expression that looks an array or number up; ``None`` if it is always one."""
        if isinstance(slot, TensorSlot):
            return f"{self._tensor(slot.tensor)}._array"
        if isinstance(slot, GradientSlot):
            if slot.argument is not None:
                return f"a{slot.argument}._grad._array"
            return f"{self._tensor(slot.tensor)}._grad._array"
        if isinstance(slot, ArraySlot):
            return self._around.found.get(id(slot.array))
        if isinstance(slot, StateSlot):
            state = self._name("state", slot.state)
            return f"{state}[{self._name('parameter', slot.parameter)}][{slot.key!r}]"
        assert isinstance(slot, ItemSlot)
        part = "" if slot.part is None else f"[{slot.part}]"
        return f"{self._name('place', slot.container)}[{slot.key!r}]{part}"

    def _tensor(self, tensor: Tensor) -> str:
        """Return what a Tensor is called; one that a variable holds is looked up first."""
        place = self._around.found.get(id(tensor))
        if place is None:
            return self._name("tensor", tensor)
        if id(tensor) not in self._loaded:
            name = self._loaded[id(tensor)] = f"t{len(self._loaded)}"
            known = f"known_{name}"
            self._state[known] = tensor
            kind = self._name("kind", type(tensor))
            other = f"{name}.__class__ is not {kind}"
            self._loads += [
                f"{name} = {place}",
                f"if {name} is not {known}:",
                f"    if {other} or {name}._requires_grad is not {tensor._requires_grad}:",
                "        return MISS",
                f"    {known} = {name}",
            ]
        return self._loaded[id(tensor)]

    def _identities(self) -> list[str]:
        """Return what looks whether the same things are one, and others are not."""
        conditions = [f"a{j} is a{i}" for i, j in self._trace.same_arguments]
        for one, other in self._trace.aliases:
            conditions.append(f"{self._array_of(one)} is {self._array_of(other)}")
        again = {j for _, j in self._trace.same_arguments}
        changed = {
            u.slot.position for u in self._program.updates if isinstance(u.slot, ArgumentSlot)
        }
        arrays = [i for i in range(len(self._leaves)) if self._is_array(i)]
        for i in sorted(changed.intersection(arrays)):
            if rest := "".join(f"{self._argument(j)}, " for j in arrays if j != i):
                self._names["overlap"] = _overlap
                conditions.append(f"not overlap({self._argument(i)}, ({rest}))")
        tensors = [
            (i, leaf)
            for i, leaf in enumerate(self._leaves)
            if isinstance(leaf, Tensor) and i not in again
        ]
        others = [s.tensor for s in self._slots.values() if isinstance(s, TensorSlot)]
        for k, (i, leaf) in enumerate(tensors):
            place = self._around.places_of(leaf)
            if place is not None:
                conditions.append(f"a{i} is {place}")
            conditions += [
                f"a{i} is not a{j}"
                for j, also in tensors[k + 1 :]
                if leaf._requires_grad or also._requires_grad
            ]
            conditions += [
                f"a{i} is not {self._tensor(tensor)}"
                for tensor in others
                if leaf._requires_grad or tensor._requires_grad
            ]
        return [f"if not ({' and '.join(conditions)}):", "    return MISS"] if conditions else []

    def _array_of(self, slot: Any) -> str:
        if isinstance(slot, ArgumentSlot):
            return self._argument(slot.position)
        return self._found(slot) or self._name("array", slot.read())

    def _argument(self, i: int) -> str:
        """Return what the array of an argument is called."""
        return f"{'x' if isinstance(self._leaves[i], Tensor) else 'a'}{i}"

    def _is_array(self, i: int) -> bool:
        """Tell whether an argument has an array of its own."""
        leaf = self._leaves[i]
        alias = any(
            isinstance(slot, ArgumentSlot) and slot.position == i for _, slot in self._trace.aliases
        )
        return isinstance(leaf, (Tensor, np.ndarray)) and not alias

    def _shared(self, held: tuple[Any, ...], given: tuple[Any, ...]) -> bool:
        """Tell whether an array that is changed in place shares memory with another one."""
        for i, var in enumerate(self._kernel.held):
            if var in self._targets:
                for j, other in enumerate((*held, *given)):
                    if j != i and other is not None and np.may_share_memory(held[i], other):
                        return True
        return False

    def _given(self, var: Var) -> str:
        slot = self._slots[var]
        if isinstance(slot, ArgumentSlot):
            leaf = self._leaves[slot.position]
            return f"x{slot.position}" if isinstance(leaf, Tensor) else f"a{slot.position}"
        return self._held[var]

    def _name(self, kind: str, value: Any) -> str:
        for name, known in self._names.items():
            if known is value and name.startswith(kind):
                return name
        name = f"{kind}{len(self._names)}"
        self._names[name] = value
        return name


def _overlap(array: Any, targets: tuple[Any, ...]) -> bool:
    """Tell whether an array shares memory with one that is changed in place."""
    return any(np.may_share_memory(array, target) for target in targets)
