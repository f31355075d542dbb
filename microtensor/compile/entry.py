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
from typing import Any

from ..op import Recordable
from ..record import wrap
from .deliveries import Deliveries
from .guards import Surroundings
from .kernel import Kernel
from .lookups import BUSY, MISS
from .program import Atom, Program
from .slots import TensorSlot

__all__ = ["BUSY", "MISS", "Entry"]

_numbers = itertools.count(1)


class Entry(Deliveries):
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
        super().__init__(program, kernel, around, leaves, trace)
        self._reuse = reuse_results
        self._results = {var: f"out{i}" for i, var in enumerate(kernel.results)}
        self._sets: list[tuple[Any, ...]] = []
        self._names["rebind"] = self._rebind
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
        result: tuple[Callable[..., Any], ...] = names["make"](**state)
        return result

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
        by_var: dict[Atom, Any] = dict(zip(self._kernel.results, results, strict=True))
        gradients = [wrap(by_var[update.atom]) for _, update in self._gradients()]
        return (self._kernel.bind(held, results), *results, *gradients)

    @staticmethod
    def _references(made: tuple[Any, ...]) -> list[int]:
        """Return how many hold each of a set's results."""
        return [sys.getrefcount(made[i]) for i in range(1, len(made))]


def _array(value: Any) -> Any:
    return value._array if isinstance(value, Recordable) else value
