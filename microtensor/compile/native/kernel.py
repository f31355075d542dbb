"""A program as native code, bound to the memory that it reads and writes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import IndexingError
from ..program import Atom, Literal, Program, Var, replaced_in
from .expand import expanded, needed
from .items import Call
from .layout import View, whole
from .memory import Memory
from .module import compiled, load_numba
from .plan import Plan
from .source import Source, Table

__all__ = ["NativeKernel"]

Array = np.ndarray[Any, Any]


class NativeKernel:
    """A program compiled by numba.

    Before it runs, it is told where each value that the program reads is, and where each result
    goes. That may be the memory of a value that it reads: a parameter is changed in place, after
    all that reads the old one. A step that raises has changed nothing.

    Parameters
    ----------
    program
        The program, simplified.

    Attributes
    ----------
    reads
        The values that the program reads, in its order.
    results
        What it computes: its outputs, then its updates, each once.
    compile_seconds
        How long compiling took, or finding the code on disk.
    from_cache
        Whether it was found.
    run
        Do one step. It is another function after a `set_result` that makes a difference: look it
        up when all places are known.

    Raises
    ------
    MissingDependencyError
        If numba is not installed.
    """

    run: Callable[[], object]

    def __init__(self, program: Program) -> None:
        load_numba()
        self.reads = [read.var for read in program.reads]
        self.results = list(dict.fromkeys(program.results()))
        constants = {var: np.asarray(value) for var, value in program.constants.items()}
        equations = needed(program.equations, self.results)
        equations = needed(expanded(equations, constants), self.results)
        plan = Plan((*self.reads, *constants), constants)
        for equation in equations:
            plan.add(equation)
        memory = Memory(plan, program, self.results)
        table = self._layout = Table(program, plan, self.results)
        source = Source(program, plan, memory, table, self.results)
        self.source = source.text
        self.notes = plan.notes
        self._memory = memory
        self._checks = source.checks
        code = compiled(source.text, source.functions, source.pieces)
        self.compile_seconds, self.from_cache = code.seconds, code.from_cache
        self._kept = code.kept
        self._parts = [code.entries[p] if isinstance(p, str) else p for p in source.parts]
        self._bind(plan)

    def _bind(self, plan: Plan) -> None:
        """Make the table of addresses, with memory for all that the caller does not give."""
        layout = self._layout
        self._table = np.zeros(layout.size, np.int64)
        self._address = _address(self._table)
        self._block = np.empty(self._memory.size + 64, np.uint8)
        start = -_address(self._block) % 64
        self._block = self._block[start : start + max(self._memory.size, 1)]
        self._table[layout.temporaries] = _address(self._block)
        self._arrays: dict[Var, Array] = {}
        self._viewed: dict[View, Any] = {}
        for i, (var, value) in enumerate(plan.constants.items()):
            self._arrays[var] = array = np.ascontiguousarray(value, var.dtype).reshape(var.shape)
            self._table[layout.constants + i] = _address(array)
        for root, offset in self._memory.temporary.items():
            part = self._block[offset : offset + root.size * root.dtype.itemsize]
            self._arrays[root] = part.view(root.dtype).reshape(root.shape)
        self._places = [np.zeros(var.shape, var.dtype) for var in self.results]
        self._staged: dict[int, Array] = {}
        self._targets = {j: var for var, j in self._memory.direct.items()}
        for i, var in enumerate(self.reads):
            self._arrays[var] = np.zeros(var.shape, var.dtype)
            self._table[i] = _address(self._arrays[var])
        self._sources = [_span(self._arrays[var]) for var in self.reads]
        self._spans = [_span(place) for place in self._places]
        for j, place in enumerate(self._places):
            self._table[layout.bytes + j] = place.nbytes
            self._point(j, place)
        self._choose_run()

    # Places

    def set_read(self, i: int, array: Array) -> None:
        """Say where the ``i``-th value that the program reads is: C-contiguous, and its dtype."""
        var = self.reads[i]
        if array is self._arrays[var]:
            return
        self._arrays[var] = array
        self._viewed.clear()
        start, stop = self._sources[i] = _span(array)
        self._table[i] = start
        if self._staged or any(
            first < stop and start < last and not (i == partner and start == first)
            for (first, last), partner in zip(self._spans, self._memory.partners, strict=True)
        ):
            self._separate()

    def set_scalar(self, i: int, value: float | int) -> None:
        """Say which Python number the ``i``-th value that the program reads is."""
        self._arrays[self.reads[i]][()] = value

    def cell(self, i: int) -> Array:
        """Return where the ``i``-th value, a Python number, is kept: for a result to go there."""
        return self._arrays[self.reads[i]]

    def set_result(self, j: int, array: Array) -> None:
        """Say where the ``j``-th result goes."""
        if array is not self._places[j]:
            self._places[j] = array
            start, stop = self._spans[j] = _span(array)
            self._point(j, array)
            partner = self._memory.partners[j]
            if (
                self._staged
                or any(
                    start < last and first < stop and not (i == partner and start == first)
                    for i, (first, last) in enumerate(self._sources)
                )
                or any(
                    k != j and start < last and first < stop
                    for k, (first, last) in enumerate(self._spans)
                )
            ):
                self._separate()

    def _point(self, j: int, array: Array) -> None:
        self._table[self._layout.results + j] = _address(array)
        self._arrays[self._targets[j]] = array
        self._viewed.clear()

    def _separate(self) -> None:
        """See to it that results go to memory that nothing but their partner shares.

        Where the caller's does not allow that, they go to an array of their own first.
        """
        spans, sources = self._spans, self._sources
        shared = set()
        for j, (start, stop) in enumerate(spans):
            partner = self._memory.partners[j]
            for i, (first, last) in enumerate(sources):
                if start < last and first < stop and not (i == partner and start == first):
                    shared.add(j)
            for k, (first, last) in enumerate(spans):
                if k != j and start < last and first < stop:
                    shared.add(j)
        if not shared and not self._staged:
            return
        for j in self._staged.keys() - shared:
            self._point(j, self._places[j])
        self._staged = {j: np.zeros_like(self._places[j]) for j in shared}
        for j, array in self._staged.items():
            self._point(j, array)
        self._choose_run()

    # Running

    def _choose_run(self) -> None:
        if len(self._parts) == 1 and callable(self._parts[0]) and not self._staged:
            if self._checks:
                self.run = functools.partial(self._run_checked, self._parts[0])
            else:
                self.run = functools.partial(self._parts[0], self._address, 1)
        elif not self._parts:
            self.run = _nothing
        else:
            self.run = self._run_parts

    def _run_checked(self, entry: Callable[..., int]) -> None:
        code = entry(self._address, 1)
        if code:
            self._fail(code)

    def _run_parts(self) -> None:
        for part in self._parts:
            if isinstance(part, Call):
                self._call(part)
            else:
                code = part(self._address, 1)
                if code:
                    self._fail(code)
        for j, array in self._staged.items():
            np.copyto(self._places[j], array)

    def _call(self, call: Call) -> None:
        equation = call.equation

        def value_of(atom: Atom) -> Any:
            if isinstance(atom, Literal):
                return atom.value
            value = self._value(call.views[atom])
            return value.item() if atom.scalar else value

        try:
            inputs = [value_of(atom) for atom in equation.inputs]
            params = {name: replaced_in(v, value_of) for name, v in equation.params.items()}
            result = equation.op.kernel(*inputs, **params)
        except Exception as error:
            if equation.site is not None:
                error.add_note(_at(equation.site))
            raise
        np.copyto(self._value(whole(equation.out)), result)

    def _value(self, view: View) -> Any:
        found = self._viewed.get(view)
        if found is None:
            block = self._arrays[view.root]
            if view == whole(view.root):
                found = block
            else:
                size = block.itemsize
                found = np.lib.stride_tricks.as_strided(
                    block.reshape(-1)[view.offset :], view.shape, [s * size for s in view.strides]
                )
            self._viewed[view] = found
        return found

    def _fail(self, code: int) -> None:
        check = self._checks[code]
        indices = self._value(check.index)
        wrong = indices[(indices < check.least) | (indices >= check.length)]
        site = check.equation.site
        if check.least == 0:
            limits = f"the class index {wrong.flat[0]} is none of {check.length} classes"
        else:
            limits = (
                f"{check.equation.op.name} got the index {wrong.flat[0]}, and the axis has length "
                f"{check.length}"
            )
        raise IndexingError(limits + (f" ({_at(site)})." if site else "."))

    def repeat(self, n: int, stacked: list[Array | None]) -> None:
        """Do ``n`` steps; after each, keep the ``j``-th result in ``stacked[j][step]``."""
        if len(self._parts) == 1 and callable(self._parts[0]) and not self._staged:
            entries = self._table[self._layout.stacks : self._layout.bytes]
            for j, array in enumerate(stacked):
                entries[j] = 0 if array is None else _address(array)
            try:
                code = self._parts[0](self._address, n)
            finally:
                entries[:] = 0
            if code:
                self._fail(code)
            return
        for step in range(n):
            self.run()
            for place, array in zip(self._places, stacked, strict=True):
                if array is not None:
                    array[step] = place

    def explain(self) -> list[str]:
        """Say of each operation how it is computed: in native code, by BLAS or by NumPy."""
        return [
            f"{equation.op.name} {_shapes(equation)}: {note}"
            + (f" ({_at(equation.site)})" if equation.site else "")
            for equation, note in self.notes
        ]


def _nothing() -> None:
    pass


def _at(site: Any) -> str:
    return f"{site.file}:{site.line}, in {site.function}"


def _shapes(equation: Any) -> str:
    return f"{', '.join(str(x.shape) for x in equation.inputs)} -> {equation.out.shape}"


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def _span(array: Array) -> tuple[int, int]:
    start = _address(array)
    return start, start + array.nbytes
