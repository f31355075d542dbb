"""The order of items: what does not depend on a call of NumPy need not wait for it."""

from __future__ import annotations

from ..program import Var
from .items import Call, Check, Item

__all__ = ["gathered_calls"]


def gathered_calls(items: list[Item]) -> list[int]:
    """Return an order that brings calls of NumPy together: few native parts lie between them."""
    waiting = dict(enumerate(items))
    before = _dependencies(items)
    order: list[int] = []
    done: set[int] = set()
    calls = False
    while waiting:
        found = False
        for i, item in list(waiting.items()):
            if isinstance(item, Call) is calls and before[i] <= done:
                order.append(i)
                done.add(i)
                del waiting[i]
                found = True
        if not found or not calls:
            calls = not calls
        elif not any(isinstance(items[i], Call) and before[i] <= done for i in waiting):
            calls = False
    return order


def _dependencies(items: list[Item]) -> list[set[int]]:
    """Return for each item those that must come first."""
    writers: dict[Var, list[int]] = {}
    before: list[set[int]] = []
    checks: list[int] = []
    last_draw: int | None = None
    for i, item in enumerate(items):
        mine = {j for root in item.roots() for j in writers.get(root, ()) if j != i}
        for root in item.written():
            mine.update(j for j in writers.get(root, ()) if j != i)
            writers.setdefault(root, []).append(i)
        if isinstance(item, Check):
            checks.append(i)
        else:
            mine.update(checks)
        if isinstance(item, Call) and item.equation.op.name == "random":
            if last_draw is not None:
                mine.add(last_draw)
            last_draw = i
        before.append(mine)
    return before
