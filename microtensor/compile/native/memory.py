"""Which memory each value has: the caller's, or a part of one block for all that is temporary."""

from __future__ import annotations

from collections.abc import Sequence

from ... import ops
from ..program import Equation, Program, Var
from .elementwise import SUPPORTED
from .items import Access, Call, Check, Element, Nest, Scatter, roots_of
from .layout import as_space, contiguous, whole
from .plan import Plan

__all__ = ["Memory"]

_ALIGNED = 64


class Memory:
    """Where the blocks of a plan lie, after the plan was made to leave its results where they go.

    Every result is written to the memory that the caller gives for it. That of a parameter's new
    value is the parameter's own, so it may be written to only when nothing reads the old one any
    more, and nothing can fail any more: at once where that is so, and else by a copy at the end.

    Attributes
    ----------
    direct
        The blocks that lie in the memory of a result, and which.
    temporary
        The blocks that lie among the temporaries, and at which byte.
    size
        How many bytes the temporaries take.
    partners
        For each result, the read whose memory it may be.
    """

    def __init__(self, plan: Plan, program: Program, results: Sequence[Var]) -> None:
        self.direct: dict[Var, int] = {}
        self.temporary: dict[Var, int] = {}
        self.slots: dict[Var, int] = {}
        self.size = 0
        self.partners = [_partner(program, var) for var in results]
        self._plan = plan
        plan.gather_calls()
        self._leave(program, results)
        self.items = plan.items
        self.stored = self._needing_memory()
        self._allocate()

    def _leave(self, program: Program, results: Sequence[Var]) -> None:
        """Add what brings results to their places."""
        plan = self._plan
        staged = [self._apart(var) for var in results]
        waiting = []
        for j, (var, partner) in enumerate(zip(staged, self.partners, strict=True)):
            old = None if partner is None else program.reads[partner].var
            if plan.views[var].root is var and self._may_be_direct(var, old):
                self.direct[var] = j
            else:
                waiting.append((j, var))
        last = len(plan.items)
        for j, var in waiting:
            target = Var(var.shape, var.dtype)
            self.direct[target] = j
            equation = Equation(ops.copy, (var,), {}, target)
            plan.views[target] = whole(target)
            if var.dtype.char in SUPPORTED:
                plan.store(equation, var, whole(target), last - 1)
            else:
                plan.call(equation, f"numba does not compute with {var.dtype}")

    def _apart(self, var: Var) -> Var:
        """Return a result as a block of the program's own, if it is a part of what was read.

        Another result may be written to the memory of that.
        """
        plan = self._plan
        if plan.made[plan.views[var].root] >= 0:
            return var
        copy = Equation(ops.copy, (var,), {}, Var(var.shape, var.dtype))
        if var.dtype.char in SUPPORTED:
            return plan.copied(var, copy)
        plan.call(copy, f"numba does not compute with {var.dtype}")
        return copy.out

    def _may_be_direct(self, var: Var, partner: Var | None) -> bool:
        """Whether a result may be written to its place as it is computed."""
        if partner is None:
            return True
        items = self._plan.items
        start = min(i for i, item in enumerate(items) if var in item.written())
        for item in items[start:]:
            if isinstance(item, Call):
                return False
            if isinstance(item, Check) and item is not items[start]:
                return False
            if partner in item.roots() and not (
                item is items[start] and isinstance(item, Nest) and _reads_in_step(item, partner)
            ):
                return False
        return True

    def _needing_memory(self) -> set[Var]:
        """Return the blocks that are read elsewhere than where they are computed."""
        found: set[Var] = set(self.direct)
        plan = self._plan
        for i, item in enumerate(self.items):
            for root in item.roots():
                if root not in plan.pointwise or plan.made[root] != i:
                    found.add(root)
            found.update(root for root in item.written() if root not in plan.pointwise)
        return found

    def _allocate(self) -> None:
        """Give each temporary a place that no other needs while it is needed."""
        first: dict[Var, int] = {}
        last: dict[Var, int] = {}
        for i, item in enumerate(self.items):
            for root in (*item.written(), *item.roots()):
                if self._plan.made.get(root, -1) >= 0 and root not in self.direct:
                    first.setdefault(root, i)
                    last[root] = i
        sizes: list[int] = []
        free_from: list[int] = []
        for root in sorted(first, key=lambda r: first[r]):
            if root not in self.stored:
                continue
            need = max(root.size, 1) * root.dtype.itemsize
            free = [s for s, end in enumerate(free_from) if end < first[root]]
            fitting = [s for s in free if sizes[s] >= need]
            if fitting:
                slot = min(fitting, key=lambda s: sizes[s])
            elif free:
                slot = max(free, key=lambda s: sizes[s])
                sizes[slot] = need
            else:
                slot = len(sizes)
                sizes.append(need)
                free_from.append(-1)
            free_from[slot] = last[root]
            self.slots[root] = slot
        starts = []
        for size in sizes:
            starts.append(self.size)
            self.size += -(-size // _ALIGNED) * _ALIGNED
        self.temporary = {root: starts[slot] for root, slot in self.slots.items()}


def _partner(program: Program, var: Var) -> int | None:
    """Return which read has the place that a result goes to."""
    for slot, atom in program.updates:
        if atom is var:
            for i, (_, other) in enumerate(program.reads):
                if slot.place == other.place:
                    return i
    return None


def _reads_in_step(nest: Nest, root: Var) -> bool:
    """Whether loops read of a block only the element of the point that they are at."""
    if any(isinstance(m, Scatter) for m in nest.members) or as_space(root.shape) != nest.space:
        return False
    for member in nest.members:
        operands = member.operands if isinstance(member, Element) else (member.operand,)
        for x in operands:
            if isinstance(x, Access):
                if x.root is root and (x.offset or x.strides != contiguous(nest.space)):
                    return False
            elif root in roots_of(x):
                return False
    return True
