"""The NumPy backend: a program as one Python function, whose every call writes into a buffer."""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .buffers import Buffers
from .commit import Commit, numbers_of, planned
from .emit import Emitter
from .program import Equation, Program, Site, Var
from .slots import ArgumentSlot

__all__ = ["NumPyKernel"]

_numbers = itertools.count(1)


class NumPyKernel:
    """A program, ready to run with NumPy.

    Every array has its place: temporaries share the memory of those that are no longer needed, and
    what the program changes is written where it is, at the end, when nothing can fail any more.

    Parameters
    ----------
    program
        Simplified and lowered.
    loose
        Values read whose arrays are not contiguous: views of them are made in every call.

    Attributes
    ----------
    given
        What `run` takes in every call: the arguments, and numbers.
    held
        The other values read: the arrays of parameters, bound once.
    results
        What is handed out, each written into an array that `bind` is given.
    numbers
        The Python numbers that are handed out: what the function that `bind` gives returns.
    source
        The text of the generated function.
    """

    def __init__(self, program: Program, loose: frozenset[Var] = frozenset()) -> None:
        self.program = program
        reads = [read.var for read in program.reads]
        slots = {read.var: read.slot for read in program.reads}
        self.given = [
            v for v in reads if v.scalar or v in loose or isinstance(slots[v], ArgumentSlot)
        ]
        given = set(self.given)
        self.held = [v for v in reads if v not in given]
        self.commit: Commit = planned(program, set(self.held))
        self.results = self.commit.handed_out
        self.numbers = numbers_of(program)
        self.buffers = Buffers()
        emitter = Emitter(self.buffers, self.given, self.held, self.results, program.constants)
        lines, self.sites = self._body(emitter)
        self.source = "\n".join(lines) + "\n"
        self.file = f"<microtensor {program.name} {next(_numbers)}>"
        text = self.source.splitlines(keepends=True)
        linecache.cache[self.file] = len(self.source), None, text, self.file
        names: dict[str, Any] = dict(emitter.functions)
        exec(compile(self.source, self.file, "exec"), names)
        self._allocating = [
            f"{e.op.name} {', '.join(str(x.shape) for x in e.inputs)} -> {e.out.shape}"
            + (f" ({e.site.file}:{e.site.line}, in {e.site.function})" if e.site else "")
            for e in emitter.allocating
        ]
        self._make: Callable[..., Callable[..., None]] = names["make"]
        self._fixed = emitter.fixed()

    def bind(self, held: Sequence[Any], results: Sequence[Any]) -> Callable[..., None]:
        """Return the function that runs the program on these arrays, and on what it is given."""
        return self._make(*held, *results, *self._fixed)

    def new_results(self) -> list[Any]:
        """Return arrays for what is handed out."""
        return [np.empty(var.shape, var.dtype) for var in self.results]

    def explained(self, error: Exception) -> Exception:
        """Add to an exception from the generated code where in the user's that came from."""
        traceback = error.__traceback__
        site: Site | None = None
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == self.file:
                site = self.sites.get(traceback.tb_lineno)
            traceback = traceback.tb_next
        if site is not None:
            error.add_note(
                f"In the compiled {self.program.name}(), computing what {site.function}() does at\n"
                f'  File "{site.file}", line {site.line}\n'
                f"    {linecache.getline(site.file, site.line).strip()}"
            )
        return error

    def explain(self) -> list[str]:
        """Say how much memory there is, and which operations make arrays of their own."""
        return [
            f"{self._statements} NumPy calls, in {self.buffers.nbytes} bytes of buffers",
            *(f"{name}: in an array of its own, then copied" for name in self._allocating),
        ]

    def forget(self) -> None:
        """Let go of what only making the kernel needed."""
        self.program = self.program.with_equations([])
        del self.commit

    def _body(self, emitter: Emitter) -> tuple[list[str], dict[int, Site]]:
        commit = self.commit
        equations = [*commit.first, *commit.last]
        together = {e.out: [*commit.before[e.out], e] for e in commit.last}
        ends = _last_uses(equations, together, emitter, commit)
        statements: list[tuple[str, Equation | None]] = []

        def write(equation: Equation, ends: list[Var]) -> None:
            target = commit.targets.get(equation.out)
            if target is not None and len(together[equation.out]) > 1:
                written = emitter.by_pieces(together[equation.out], target, ends, commit.inside)
            else:
                written = emitter.statements(equation, target, ends)
            for statement in written:
                statements.append((statement, equation))

        middle = len(commit.first)
        for equation, done in zip(commit.first, ends[:middle], strict=True):
            write(equation, done)
        statements += [(statement, None) for statement in emitter.deliveries()]
        for var in commit.saved:
            statements += [(statement, None) for statement in emitter.kept(var)]
        for equation, done in zip(commit.last, ends[middle:], strict=True):
            write(equation, done)
        for var, target in commit.copies:
            statements.append((f"copyto({emitter.name(target)}, {emitter.name(var)})", None))
        if self.numbers:
            returned = ", ".join(map(emitter.name, self.numbers))
            statements.append((f"return ({returned},)", None))
        lines = [
            f"def make({', '.join(emitter.parameters())}):",
            *(f"    {line}" for line in emitter.preparations()),
            f"    def run({', '.join(map(emitter.name, self.given))}):",
        ]
        self._statements = len(statements)
        sites: dict[int, Site] = {}
        lines += [f"        {cell}" for cell in emitter.cells()]
        for statement, maker in statements:
            lines.append(f"        {statement}")
            if maker is not None and maker.site is not None:
                sites[len(lines)] = maker.site
        if lines[-1].startswith("    def "):
            lines.append("        pass")
        lines.append("    return run")
        return lines, sites


def _last_uses(
    equations: Sequence[Equation],
    together: dict[Var, list[Equation]],
    emitter: Emitter,
    commit: Commit,
) -> list[list[Var]]:
    """Return for each equation the values that nobody needs after it."""
    last: dict[Var, int] = {}
    for i, equation in enumerate(equations):
        emitter.note(equation)
        last[emitter.root(equation.out)] = i
        for part in together.get(equation.out, [equation]):
            for var in part.uses():
                last[emitter.root(var)] = i
    kept = {emitter.root(v) for v in commit.handed_out} | {
        emitter.root(v) for v, _ in commit.copies
    }
    ends: list[list[Var]] = [[] for _ in equations]
    for var, i in last.items():
        if var not in kept:
            ends[i].append(var)
    return ends
