"""Writing loops down: one nest for what goes through the same space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..program import Literal, Var
from .elementwise import number
from .items import Access, Element, Gather, Member, Nest, Reduction, Scatter
from .layout import as_space, contiguous

__all__ = ["Addresses", "LoopWriter", "converted", "position"]

_BLOCK = 256
"""How many numbers are added up before their sum is added to the others': less is lost so."""


class Addresses:
    """How generated code reads and writes the elements of blocks: a name and a region for each."""

    def __init__(self, name_of: Callable[[Var], str], region_of: Callable[[Var], int]) -> None:
        self.name_of, self.region_of = name_of, region_of

    def load(self, root: Var, index: str) -> str:
        """Return the expression of an element."""
        name, region = self.name_of(root), self.region_of(root)
        return f"load_{root.dtype.name}({name}, {index}, {region})"

    def store(self, root: Var, index: str, value: str) -> str:
        """Return the statement that changes an element."""
        name, region = self.name_of(root), self.region_of(root)
        return f"store_{root.dtype.name}({name}, {index}, {value}, {region})"


def position(offset: int, strides: Sequence[int], names: Sequence[str]) -> str:
    """Return the expression of an element's place in its block."""
    terms = [
        name if s == 1 else f"-{name}" if s == -1 else f"{s} * {name}"
        for s, name in zip(strides, names, strict=True)
        if s
    ]
    if offset or not terms:
        terms.insert(0, str(offset))
    return " + ".join(terms).replace("+ -", "- ")


def converted(text: str, of: np.dtype[Any], to: np.dtype[Any]) -> str:
    """Return an expression of one dtype as one of another."""
    if of == to:
        return text
    return f"({text} != 0)" if to.kind == "b" else f"{to.name}({text})"


def _combined(name: str, dtype: np.dtype[Any], total: str, value: str) -> str:
    """Return the expression that takes one more value into a reduction."""
    if name == "sum":
        if dtype.kind == "f":
            return f"add_in_any_order({total}, {value})"
        return f"{total} or {value}" if dtype.kind == "b" else f"{dtype.name}({total} + {value})"
    if name == "prod":
        return f"{total} and {value}" if dtype.kind == "b" else f"{dtype.name}({total} * {value})"
    if name in ("max", "min"):
        return f"{name}imum({total}, {value})"
    return f"({total} {'and' if name == 'all' else 'or'} {value})"


def _start(name: str, dtype: np.dtype[Any]) -> str:
    """Return what a reduction of nothing gives."""
    if name in ("max", "min"):
        if dtype.kind == "f":
            return number(-np.inf if name == "max" else np.inf, dtype)
        limits = np.iinfo(dtype)
        return number(limits.min if name == "max" else limits.max, dtype)
    return number(name in ("prod", "all"), dtype)


def _total_dtype(name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return in what the sums of blocks are added up: there are few, so nothing need be lost."""
    return np.dtype(np.float64) if name == "sum" and dtype == np.float32 else dtype


class LoopWriter:
    """Writes one nest."""

    def __init__(
        self, nest: Nest, addresses: Addresses, stored: set[Var], names: Callable[[], str]
    ) -> None:
        self.lines: list[str] = []
        self._addresses, self._names = addresses, names
        self._members = nest.members
        self._space = nest.space
        self._loaded: dict[Any, str] = {}
        self._computed: dict[Var, str] = {}
        self._loads: list[Access] = []
        self._gathers = [
            g
            for m in nest.members
            for g in (m.operands if isinstance(m, Element) else ())
            if isinstance(g, Gather)
        ] + [m.place for m in nest.members if isinstance(m, Scatter)]
        self._stores = {
            id(m): m.target or Access(m.out, 0, contiguous(nest.space))
            for m in nest.members
            if isinstance(m, Element) and (m.target or m.out in stored)
        }
        self._find_loads()
        self._groups = self._mergeable()
        self._lengths = [int(np.prod([nest.space[a] for a in group])) for group in self._groups]
        self._loops = [names() for _ in self._groups]
        self._reductions = {
            id(m): self._depth_of(m) for m in nest.members if isinstance(m, Reduction)
        }
        self._totals = {key: (names(), names()) for key in self._reductions}
        self._blocked = (
            bool(self._lengths)
            and self._lengths[-1] > 2 * _BLOCK
            and any(
                isinstance(m, Reduction)
                and self._reductions[id(m)] is not None
                and m.equation.op.name == "sum"
                and m.out.dtype.kind == "f"
                for m in nest.members
            )
        )

    def write(self, indent: str) -> list[str]:
        """Return the lines of the loops."""
        self._prepare(indent)
        self._at(0, indent)
        return self.lines

    # What is read, and how

    def _find_loads(self) -> None:
        """List the elements that are read from memory: those not computed at the same point."""
        computed: set[Var] = set()
        seen: set[Access] = set()
        for member in self._members:
            operands = member.operands if isinstance(member, Element) else (member.operand,)
            for x in operands:
                if isinstance(x, Access) and not self._is_at_hand(x, computed) and x not in seen:
                    seen.add(x)
                    self._loads.append(x)
            if isinstance(member, Element) and member.target is None:
                computed.add(member.out)
        for gather in self._gathers:
            for index, _, _ in gather.indices:
                if index not in seen:
                    seen.add(index)
                    self._loads.append(index)

    def _is_at_hand(self, x: Access, computed: Any) -> bool:
        return (
            x.root in computed
            and as_space(x.root.shape) == self._space
            and not x.offset
            and x.strides == contiguous(self._space)
        )

    def _mergeable(self) -> list[list[int]]:
        """Return the axes in groups that one loop can go through."""
        strides = [x.strides for x in self._loads]
        strides += [g.access.strides for g in self._gathers]
        strides += [x.strides for x in self._stores.values()]
        strides += [m.strides for m in self._members if isinstance(m, Reduction)]
        groups: list[list[int]] = []
        for axis, n in enumerate(self._space):
            if groups and all(s[axis - 1] == s[axis] * n for s in strides):
                groups[-1].append(axis)
            else:
                groups.append([axis])
        return groups

    def _strides(self, strides: Sequence[int]) -> list[int]:
        return [strides[group[-1]] for group in self._groups]

    def _place(self, access: Access) -> str:
        return position(access.offset, self._strides(access.strides), self._loops)

    def _depth_of(self, member: Reduction) -> int | None:
        """Return how many loops are around a reduction that a local variable can hold."""
        strides = self._strides(member.strides)
        depth = sum(1 for s in strides if s)
        return depth if all(strides[:depth]) else None

    # Writing

    def _prepare(self, indent: str) -> None:
        """Fill the blocks that are added to in memory."""
        for member in self._members:
            if isinstance(member, Scatter):
                self._fill(member.out, number(0, member.out.dtype), indent)
            elif isinstance(member, Reduction) and self._reductions[id(member)] is None:
                start = _start(member.equation.op.name, member.out.dtype)
                self._fill(member.out, start, indent)

    def _fill(self, out: Var, value: str, indent: str) -> None:
        name = self._names()
        self.lines.append(f"{indent}for {name} in range({out.size}):")
        self.lines.append(f"{indent}    {self._addresses.store(out, name, value)}")

    def _at(self, depth: int, indent: str) -> None:
        """Write what is done within the first ``depth`` loops."""
        for access in self._loads:
            strides = self._strides(access.strides)
            if max((i + 1 for i, s in enumerate(strides) if s), default=0) == depth:
                name = self._loaded[access] = self._names()
                load = self._addresses.load(access.root, self._place(access))
                self.lines.append(f"{indent}{name} = {load}")
        if depth == len(self._loops):
            self._body(indent)
            return
        innermost = depth == len(self._loops) - 1
        loop, n = self._loops[depth], self._lengths[depth]
        self._begin(depth, indent, 0)
        inner = indent
        if innermost and self._blocked:
            start = self._names()
            self.lines.append(f"{indent}for {start} in range(0, {n}, {_BLOCK}):")
            inner += "    "
            self._begin(depth, inner, 1)
            self.lines.append(f"{inner}for {loop} in range({start}, min({start} + {_BLOCK}, {n})):")
        else:
            if innermost:
                self._begin(depth, indent, 1)
            self.lines.append(f"{indent}for {loop} in range({n}):")
        self._at(depth + 1, inner + "    ")
        if innermost:
            self._end_inner(inner)
        self._end(depth, indent)

    def _registers(self) -> list[tuple[Reduction, int, str, str]]:
        found = []
        for member in self._members:
            if isinstance(member, Reduction):
                depth = self._reductions[id(member)]
                if depth is not None:
                    total, part = self._totals[id(member)]
                    found.append((member, depth, total, part))
        return found

    def _begin(self, depth: int, indent: str, which: int) -> None:
        for member, at, total, part in self._registers():
            if which or at == depth:
                name, dtype = member.equation.op.name, member.out.dtype
                start = _start(name, dtype if which else _total_dtype(name, dtype))
                self.lines.append(f"{indent}{part if which else total} = {start}")

    def _end_inner(self, indent: str) -> None:
        for member, _, total, part in self._registers():
            name, dtype = member.equation.op.name, member.out.dtype
            wide = _total_dtype(name, dtype)
            value = _combined(name, wide, total, converted(part, dtype, wide))
            self.lines.append(f"{indent}{total} = {value}")

    def _end(self, depth: int, indent: str) -> None:
        for member, at, total, _ in self._registers():
            if at == depth:
                access = Access(member.out, 0, member.strides)
                wide = _total_dtype(member.equation.op.name, member.out.dtype)
                value = converted(total, wide, member.out.dtype)
                store = self._addresses.store(member.out, self._place(access), value)
                self.lines.append(f"{indent}{store}")

    def _body(self, indent: str) -> None:
        """Write what is done at a point: everything is read before anything is stored."""
        stores = []
        for member in self._members:
            if isinstance(member, Element):
                name = self._element(member, indent)
                access = self._stores.get(id(member))
                if access is not None:
                    stores.append(self._addresses.store(access.root, self._place(access), name))
            else:
                stores += self._accumulated(member, indent)
        self.lines += [indent + store for store in stores]
        if not self._members:
            self.lines.append(indent + "pass")

    def _element(self, member: Element, indent: str) -> str:
        root = member.target.root if member.target else member.out
        texts = []
        for x, dtype in zip(member.operands, member.form.dtypes, strict=True):
            if isinstance(x, Literal):
                texts.append("" if x.value is None else f"({number(x.value, dtype)})")
            else:
                texts.append(converted(self._value(x), _dtype_of(x), dtype))
        text = member.form.template.format(*texts)
        name = self._names()
        self.lines.append(f"{indent}{name} = {root.dtype.name}({text})")
        if member.target is None:
            self._computed[member.out] = name
        return name

    def _value(self, x: Access | Gather) -> str:
        if isinstance(x, Gather):
            return self._addresses.load(x.access.root, self._gathered(x))
        if self._is_at_hand(x, self._computed):
            return self._computed[x.root]
        return self._loaded[x]

    def _gathered(self, x: Gather) -> str:
        terms = [self._place(x.access)]
        for index, length, stride in x.indices:
            terms.append(f"{stride} * wrapped(int64({self._loaded[index]}), {length})")
        return " + ".join(terms)

    def _accumulated(self, member: Member, indent: str) -> list[str]:
        assert not isinstance(member, Element)
        out = member.out
        of_truth = isinstance(member, Reduction) and member.equation.op.name in ("all", "any")
        value = self._value(member.operand)
        to = np.dtype(bool) if of_truth else out.dtype
        value = converted(value, member.operand.root.dtype, to)
        if isinstance(member, Scatter):
            place, name = self._gathered(member.place), "sum"
        else:
            name = member.equation.op.name
            if self._reductions[id(member)] is not None:
                part = self._totals[id(member)][1]
                total = _combined(name, out.dtype, part, value)
                self.lines.append(f"{indent}{part} = {total}")
                return []
            place = self._place(Access(out, 0, member.strides))
        index = self._names()
        before = self._addresses.load(out, index)
        total = (
            f"{before} + {value}"
            if out.dtype.kind == "f" and name == "sum"
            else _combined(name, out.dtype, before, value)
        )
        return [f"{index} = {place}", self._addresses.store(out, index, total)]


def _dtype_of(x: Access | Gather) -> np.dtype[Any]:
    return x.access.root.dtype if isinstance(x, Gather) else x.root.dtype
