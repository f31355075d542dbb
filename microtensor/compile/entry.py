"""The way into a compiled program: the Python function that a call runs through.

It is written for its program, since each of its lines is paid for in every call: it looks whether
the program still fits, finds the arrays, runs the kernel, and hands out the results. Returning
`MISS` it says that the program does not fit, and has done nothing.
"""

from __future__ import annotations

import itertools
import linecache
import operator
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .. import record
from ..func.trees import rebuild
from ..op import Recordable
from ..record import wrap
from ..state import modes, structure
from ..tensor import Tensor
from .commit import in_place
from .guards import Surroundings, is_plain
from .program import Literal, Program, Update, Var
from .slots import (
    ArgumentSlot,
    ArraySlot,
    GradientSlot,
    ItemSlot,
    StateSlot,
    TensorSlot,
)

__all__ = ["BUSY", "MISS", "Entry", "Kernel"]

MISS = object()
"""What an entry returns for a call that its program does not fit."""
BUSY = object()
"""What an entry returns while another thread, or the function itself, is in it."""

_numbers = itertools.count(1)


class Kernel(Protocol):
    """A program, made ready to run by a backend."""

    program: Program
    source: str
    given: list[Var]
    held: list[Var]
    results: list[Var]
    numbers: list[Var]

    def bind(self, held: Sequence[Any], results: Sequence[Any]) -> Callable[..., Any]:
        """Return what runs the program on these arrays."""

    def new_results(self) -> list[Any]:
        """Return arrays for what is handed out."""

    def explained(self, error: Exception) -> Exception:
        """Say where in the user's code an exception came from."""

    def explain(self) -> list[str]:
        """Say of each operation how it is computed."""

    def forget(self) -> None:
        """Let go of what only making the kernel needed."""


@runtime_checkable
class Repeating(Protocol):
    """A kernel whose bound functions have a ``repeat``, which does several steps."""

    def repeat(self, n: int, kept: dict[Var, Any]) -> None:
        """Run the program ``n`` times on what it ran on last."""


class Entry:
    """Writes the function that a call runs through.

    Attributes
    ----------
    call
        The function, which takes the leaves of the arguments.
    repeat
        Takes the same, then a number of steps, and stacks of arrays for results.
    fits
        Takes the same, and returns `MISS` if the program does not fit the call.
    """

    def __init__(
        self,
        program: Program,
        kernel: Kernel,
        around: Callable[[dict[str, Any]], Surroundings],
        leaves: Sequence[Any],
        trace: Any,
        reuse_results: bool,
    ) -> None:
        self._program = program
        self._kernel = kernel
        self._trace = trace
        self._reuse = reuse_results
        self._names: dict[str, Any] = {
            "MISS": MISS, "BUSY": BUSY, "modes": modes, "structure": structure, "wrap": wrap,
            "getrefcount": sys.getrefcount, "ndarray": np.ndarray, "Tensor": Tensor,
        }  # fmt: skip
        self._around = around(self._names)
        self._leaves = leaves
        self._state: dict[str, Any] = {"busy": False, "version": structure.version}
        self._held: dict[Var, str] = {}
        self._loads: list[str] = []
        self._loaded: dict[int, str] = {}
        self._slots = {read.var: read.slot for read in program.reads}
        self._results = {var: f"out{i}" for i, var in enumerate(kernel.results)}
        self._sets: list[tuple[Any, ...]] = []
        self._targets = set(in_place(program).values()) & set(kernel.held)
        for var in self._targets:
            slot = self._slots[var]
            if isinstance(slot, TensorSlot):
                slot.tensor._writable()
        held = [_array(self._slots[var].read()) for var in kernel.held]
        first = self._new_set(tuple(held))
        self._unheld = self._references(first)
        self._new_set(tuple(held))  # the kernel holds the results of one set besides
        self._resting = self._references(first)
        self.source = self._written()
        self.call, self.repeat, self.fits = self._compiled()
        del self._leaves, self._trace  # what was written holds what it needs, and no more

    # The text

    def _written(self) -> str:
        arguments = [f"a{i}" for i in range(len(self._leaves))]
        checks = [*self._checks(), *self._argument_checks()]
        lookups = [*self._lookups(), *self._fresh_results()]
        checks += self._identities()
        given = "".join(f"{self._given(var)}, " for var in self._kernel.given)
        assigned = "numbers = " if self._kernel.numbers else ""
        deliveries = self._deliveries()
        returned = self._returned()
        checks = [
            "try:",
            *(f"    {line}" for line in (*self._loads, *checks)),
            "except (AttributeError, IndexError, KeyError, ValueError):",
            "    return MISS",
        ]

        def alone(run: str, *rest: str) -> list[str]:
            """Return the lines that do something while nobody else is here."""
            inner = [*lookups, run, *deliveries, *rest]
            return [
                *checks,
                "if busy:",
                "    return BUSY",
                "busy = True",
                "try:",
                *(f"    {line}" for line in inner),
                "except Exception as error:",
                "    raise failed(error)",
                "finally:",
                "    busy = False",
            ]

        once = alone(f"{assigned}run({given})", f"return {returned}")
        often = alone(f"run.repeat({given}n, kept)")
        state = sorted(self._state)
        lines = [
            f"def make({', '.join(state)}):",
            f"    def call({', '.join(arguments)}):",
            f"        nonlocal {', '.join(state)}",
            *(f"        {line}" for line in once),
            f"    def repeat({', '.join([*arguments, 'n', 'kept'])}):",
            f"        nonlocal {', '.join(state)}",
            *(f"        {line}" for line in often),
            f"    def fits({', '.join(arguments)}):",
            f"        nonlocal {', '.join(state)}",
            *(f"        {line}" for line in checks),
            "    return call, repeat, fits",
        ]
        return "\n".join(lines) + "\n"

    def _checks(self) -> list[str]:
        """Return what looks whether everything is as it was when the function was traced."""
        self._names["same_structure"] = self._same_structure
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
        self._names["rebind"], self._names["shared"] = self._rebind, self._shared
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
        return f"{self._name('place', slot.container)}[{slot.key!r}]"

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

    def _result_state(self) -> list[str]:
        names = list(self._results.values())
        return names + [f"grad{i}" for i, _ in self._gradients()]

    @property
    def _result_names(self) -> str:
        return "".join(f"{name}, " for name in ("run", *self._result_state()))

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

    def _name(self, kind: str, value: Any) -> str:
        for name, known in self._names.items():
            if known is value and name.startswith(kind):
                return name
        name = f"{kind}{len(self._names)}"
        self._names[name] = value
        return name

    # What it calls

    def _compiled(self) -> tuple[Callable[..., Any], ...]:
        file = f"<microtensor call of {self._program.name} {next(_numbers)}>"
        linecache.cache[file] = len(self.source), None, self.source.splitlines(keepends=True), file
        self._names["failed"] = self._kernel.explained
        names = dict(self._names)
        exec(compile(self.source, file, "exec"), names)
        held = [_array(self._slots[var].read()) for var in self._kernel.held]
        run, *results = self._rebind(tuple(held))
        state = dict(self._state)
        state |= {f"held{i}": array for i, array in enumerate(held)}
        state |= dict(zip(self._result_state(), results, strict=True))
        state["run"] = run
        made: tuple[Callable[..., Any], ...] = names["make"](**state)
        return made

    def _rebind(self, held: tuple[Any, ...]) -> tuple[Any, ...]:
        """Bind other arrays; results go to new ones."""
        self._sets.clear()
        return self._other(held)

    def _other(self, held: tuple[Any, ...]) -> tuple[Any, ...]:
        """Take a set of arrays for results that nobody holds, or a new one."""
        for known in self._sets:
            if all(map(operator.le, self._references(known), self._resting)):
                return known
        made = self._new_set(held)
        self._sets = [*self._sets[-2:], made]
        return made

    def _new_set(self, held: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return what runs the program, its results, and Tensors of those that are gradients."""
        results = self._kernel.new_results()
        by_var = dict(zip(self._kernel.results, results, strict=True))
        gradients = [wrap(by_var[update.atom]) for _, update in self._gradients()]  # type: ignore[index]
        return (self._kernel.bind(held, results), *results, *gradients)

    @staticmethod
    def _references(made: tuple[Any, ...]) -> list[int]:
        """Return how many hold each of a set's results."""
        return [sys.getrefcount(made[i]) for i in range(1, len(made))]

    def _same_structure(self) -> bool:
        return self._around.is_same_structure()


def _array(value: Any) -> Any:
    return value._array if isinstance(value, Recordable) else value


def _overlap(array: Any, targets: tuple[Any, ...]) -> bool:
    """Tell whether an array shares memory with one that is changed in place."""
    return any(np.may_share_memory(array, target) for target in targets)
