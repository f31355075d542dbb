"""The numba backend, as a call runs through it: a native kernel, and where its arrays are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .commit import handed_out, in_place, numbers_of
from .native import NativeKernel
from .program import Program, Var
from .slots import ArgumentSlot

__all__ = ["NumbaKernel"]


class NumbaKernel:
    """A program, ready to run as native code; the attributes are those of `NumPyKernel`."""

    def __init__(self, program: Program, loose: frozenset[Var] = frozenset()) -> None:
        self.program = program
        self.native = NativeKernel(program)
        reads = self.native.reads
        slots = {read.var: read.slot for read in program.reads}
        self.given = [
            v for v in reads if v.scalar or v in loose or isinstance(slots[v], ArgumentSlot)
        ]
        given = set(self.given)
        self.held = [v for v in reads if v not in given]
        self.changes = {i: var for i, var in in_place(program).items() if var not in given}
        self.results = handed_out(program, self.changes)
        self.numbers = numbers_of(program)
        self.source = self.native.source
        self.compile_seconds = self.native.compile_seconds
        self.from_cache = self.native.from_cache
        self._position = {var: i for i, var in enumerate(reads)}
        self._places = {var: j for j, var in enumerate(self.native.results)}
        self._cells = {var: np.zeros((), var.dtype) for var in self.numbers}
        self._bound: list[Any] = []
        """The arrays that the kernel writes into now: those of the latest binding that ran."""

    def bind(self, held: Sequence[Any], results: Sequence[Any]) -> Callable[..., Any]:
        """Return the function that runs the program on these arrays, and on what it is given."""
        names: dict[str, Any] = {"ascontiguousarray": np.ascontiguousarray}
        copies = self._point(held, results, names)
        parameters, checks = [], []
        for i, var in enumerate(self.given):
            x = f"x{i}"
            parameters.append(x)
            position = self._position[var]
            if var.scalar:
                names[f"cell{i}"] = self.native.cell(position)
                checks += [f"if {x} != last{i}:", f"    cell{i}[()] = last{i} = {x}"]
            else:
                names[f"set{i}"] = self._setter(position)
                checks += [f"if {x} is not last{i}:", f"    last{i} = set{i}({x})"]
        names["bound"], names["mine"] = self._bound, object()
        names["point"] = lambda: self._point(held, results, {})
        lasts = "".join(f"last{i}, " for i in range(len(self.given)))
        lines = [f"def make({lasts}):"]
        body = [f"nonlocal {lasts.rstrip(', ')}"] if lasts else []
        body += ["if bound[0] is not mine:", "    point()", "    bound[0] = mine"]
        body += [f"    last{i} = None" for i in range(len(self.given))]
        body += checks
        often = [*body, "kernel_repeat(n, kept)", *copies]
        body += ["kernel.run()", *copies]
        if self.numbers:
            names |= {f"number{i}": cell for i, cell in enumerate(self._cells.values())}
            items = "".join(f"number{i}.item(), " for i in range(len(self._cells)))
            body.append(f"return ({items})")
        lines += [f"    def run({', '.join(parameters)}):"]
        lines += [f"        {line}" for line in body]
        lines += [f"    def repeat({', '.join([*parameters, 'n', 'kept'])}):"]
        lines += [f"        {line}" for line in often]
        lines += ["    run.repeat = repeat", "    return run"]
        names["kernel_repeat"] = self.repeat
        names["kernel"] = self.native
        exec("\n".join(lines), names)
        self._bound[:] = [names["mine"]]
        result: Callable[..., Any] = names["make"](*[None] * len(self.given))
        return result

    def new_results(self) -> list[Any]:
        """Return arrays for what is handed out."""
        return [np.empty(var.shape, var.dtype) for var in self.results]

    def explained(self, error: Exception) -> Exception:
        """Return the exception; the kernel has said in it where it came from."""
        return error

    def explain(self) -> list[str]:
        """Say of each operation how it is computed: in native code, by BLAS or by NumPy."""
        return self.native.explain()

    def forget(self) -> None:
        """Let go of what only making the kernel needed."""
        self.program = self.program.with_equations([])

    def repeat(self, n: int, kept: dict[Var, Any]) -> None:
        """Run the program ``n`` times on what it ran on last; keep results in stacks of arrays."""
        self.native.repeat(n, [kept.get(var) for var in self.native.results])

    def _setter(self, position: int) -> Callable[[Any], Any]:
        """Return what gives the kernel an array, and returns it if it need not be given again."""

        def set_read(array: Any) -> Any:
            contiguous = np.ascontiguousarray(array).reshape(array.shape)
            self.native.set_read(position, contiguous)
            return array if contiguous is array or contiguous.base is array else None

        return set_read

    def _point(
        self, held: Sequence[Any], results: Sequence[Any], names: dict[str, Any]
    ) -> list[str]:
        """Say where everything is; return the statements that copy what belongs in two places."""
        arrays = dict(zip(self.held, held, strict=True))
        for var, array in arrays.items():
            self.native.set_read(self._position[var], array)
        taken = set()
        copies = []
        places: list[tuple[Any, Any]] = [*zip(self.results, results, strict=True)]
        places += [(var, cell) for var, cell in self._cells.items()]
        for i, target in self.changes.items():
            places.append((self.program.updates[i].atom, arrays[target]))
        for var, array in places:
            if var not in taken:
                taken.add(var)
                self.native.set_result(self._places[var], array)
                names[f"first{self._places[var]}"] = array
            else:
                name = f"copy{len(names)}"
                names[name] = array
                copies.append(f"{name}[...] = first{self._places[var]}")
        return copies
