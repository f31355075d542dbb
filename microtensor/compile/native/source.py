"""The source of a native program: functions for its parts, between the calls of NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from ..program import Program, Var
from .items import Call, Check, Item, Line, Nest, Product
from .lines import write_check, write_line
from .loops import Addresses, LoopWriter
from .memory import Memory
from .plan import Plan
from .products import write_product

__all__ = ["Source", "Table"]

_LONG = 200
"""How many lines a function may have: numba's time grows faster than their number."""

_HEADER = '''\
"""A program of microtensor as numba compiles it."""

import math

import numpy as np
from numba import carray, farray
from numba import float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64

from microtensor.compile.native.intrinsics import (
    ACCESSES,
    add_in_any_order,
    copy_bytes,
    multiply_add,
    pointer,
)
from microtensor.compile.native.scalars import *

globals().update(ACCESSES)
'''


class Table:
    """What stands where in the table of addresses that native code is given.

    First come the values that the program reads, its constants, the block of all temporaries, and
    the results; then for each result where its values after each step go (0 for nowhere), and how
    many bytes it has.
    """

    def __init__(self, program: Program, plan: Plan, results: list[Var]) -> None:
        self.reads = 0
        self.constants = len(program.reads)
        self.temporaries = self.constants + len(plan.constants)
        self.results = self.temporaries + 1
        self.stacks = self.results + len(results)
        self.bytes = self.stacks + len(results)
        self.size = self.bytes + len(results)


class Source:
    """The generated module.

    Attributes
    ----------
    text
        Its source.
    functions
        The names of its functions, in an order in which they can be compiled.
    pieces
        Those among them that others call.
    parts
        In the order of execution, each the name of a function or an operation for NumPy.
    checks
        By error code, what an index did not exist in.
    """

    def __init__(
        self, program: Program, plan: Plan, memory: Memory, table: Table, results: list[Var]
    ) -> None:
        self.functions: list[str] = []
        self.pieces: list[str] = []
        self.parts: list[str | Call] = []
        self.checks: dict[int, Check] = {}
        self._memory, self._table = memory, table
        self._results = len(results)
        self._entries: dict[Var, int] = {}
        for i, read in enumerate(program.reads):
            self._entries[read.var] = i
        for i, var in enumerate(plan.constants):
            self._entries[var] = table.constants + i
        for var, j in memory.direct.items():
            self._entries[var] = table.results + j
        self._regions = self._regions_of(plan)
        self._names: Iterator[int] = count()
        self._bases: dict[Var, str] = {}
        texts = [_HEADER]
        pending: list[Item] = []
        native = not any(isinstance(item, Call) for item in memory.items)
        for item in memory.items:
            if isinstance(item, Call):
                texts += self._function(pending, False)
                pending = []
                self.parts.append(item)
            else:
                pending.append(item)
        texts += self._function(pending, native)
        self.text = "\n\n".join(texts)

    def _regions_of(self, plan: Plan) -> dict[Var, int]:
        """Number the regions of memory that do not overlap.

        A read and the result that takes its place are one; what the caller gives beside lies apart,
        or `NativeKernel` sees to it.
        """
        regions = {}
        for var, entry in self._entries.items():
            regions[var] = 1 + entry
        for var, j in self._memory.direct.items():
            partner = self._memory.partners[j]
            if partner is not None:
                regions[var] = 1 + partner
        for var, slot in self._memory.slots.items():
            regions[var] = 1 + self._table.size + slot
        return regions

    def _name_of(self, var: Var) -> str:
        if var not in self._bases:
            self._bases[var] = f"m{len(self._bases)}"
        return self._bases[var]

    def _function(self, items: list[Item], stacking: bool) -> list[str]:
        """Write a function for consecutive items; a long one calls others that do the work."""
        if not items and not stacking:
            return []
        name = f"part_{len(self.functions) - len(self.pieces)}"
        pieces = self._pieces(items)
        texts: list[str] = []
        head: list[str] = []
        body: list[str] = []
        if len(pieces) == 1:
            head, body = pieces[0]
        else:
            for i, (bases, lines) in enumerate(pieces):
                piece = f"{name}_{i}"
                self.pieces.append(piece)
                self.functions.append(piece)
                shallow = [line[4:] for line in lines]
                text = [f"def {piece}(table):", *bases, *shallow, "    return 0", ""]
                texts.append("\n".join(text))
                body += [
                    f"        code = {piece}(table)",
                    "        if code != 0:",
                    "            return code",
                ]
        self.functions.append(name)
        self.parts.append(name)
        if stacking and self._results:
            body = body + self._stacking()
        start = [f"def {name}(table, steps):", *head, "    for step in range(steps):"]
        return [*texts, "\n".join([*start, *(body or ["        pass"]), "    return 0", ""])]

    def _pieces(self, items: list[Item]) -> list[tuple[list[str], list[str]]]:
        """Write items down, some hundred lines together; for each the addresses and the rest."""
        pieces = []
        body: list[str] = []
        self._begin()
        addresses = Addresses(self._name_of, self._regions.__getitem__)
        for item in items:
            if len(body) > _LONG:
                pieces.append((self._addresses(), body))
                body = []
                self._begin()
            body += self._item(item, addresses, " " * 8)
        pieces.append((self._addresses(), body))
        return pieces

    def _begin(self) -> None:
        self._bases = {}
        self._names = count()

    def _addresses(self) -> list[str]:
        """Write down where the blocks that were named are."""
        lines = [f"    temporaries = load_int64(table, {self._table.temporaries}, 0)"]
        for var, base in self._bases.items():
            if var in self._entries:
                lines.append(f"    {base} = load_int64(table, {self._entries[var]}, 0)")
            else:
                lines.append(f"    {base} = temporaries + {self._memory.temporary[var]}")
        return lines

    def _stacking(self) -> list[str]:
        """Write the loop that keeps every step's results."""
        table, n = self._table, self._results
        return [
            f"        for j in range({n}):",
            f"            stack = load_int64(table, {table.stacks} + j, 0)",
            "            if stack != 0:",
            f"                size = load_int64(table, {table.bytes} + j, 0)",
            f"                of = load_int64(table, {table.results} + j, 0)",
            "                copy_bytes(stack + step * size, of, size)",
        ]

    def _item(self, item: Item, addresses: Addresses, indent: str) -> list[str]:
        lines = [f"{indent}# {_described(item)}"]
        if isinstance(item, Nest):
            writer = LoopWriter(item, addresses, self._memory.stored, self._fresh)
            return lines + writer.write(indent)
        if isinstance(item, Product):
            return lines + write_product(item, addresses, self._fresh, indent)
        if isinstance(item, Line):
            return lines + write_line(item, addresses, self._fresh, indent)
        assert isinstance(item, Check)
        code = len(self.checks) + 1
        self.checks[code] = item
        return lines + write_check(item, code, addresses, self._fresh, indent)

    def _fresh(self) -> str:
        return f"v{next(self._names)}"


def _described(item: Item) -> str:
    if isinstance(item, Nest):
        names = dict.fromkeys(member.equation.op.name for member in item.members)
        return f"{', '.join(names)}, over {item.space}"
    if isinstance(item, Check):
        return f"the indices exist, in an axis of length {item.length}"
    return item.equation.op.name
