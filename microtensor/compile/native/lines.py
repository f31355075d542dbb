"""What goes along one axis in order: running sums, the place of an extremum, and index checks."""

from __future__ import annotations

from collections.abc import Callable

from .elementwise import number
from .items import Check, Line
from .layout import contiguous
from .loops import Addresses, converted, position

__all__ = ["write_check", "write_line"]


def write_check(
    check: Check, code: int, addresses: Addresses, names: Callable[[], str], indent: str
) -> list[str]:
    """Return the lines that leave with an error code if an index does not exist."""
    view = check.index
    lines = []
    loops = []
    for n in view.shape:
        name = names()
        lines.append(f"{indent}for {name} in range({n}):")
        loops.append(name)
        indent += "    "
    index = names()
    load = addresses.load(view.root, position(view.offset, view.strides, loops))
    return [
        *lines,
        f"{indent}{index} = int64({load})",
        f"{indent}if {index} < {check.least} or {index} >= {check.length}:",
        f"{indent}    return {code}",
    ]


def write_line(
    line: Line, addresses: Addresses, names: Callable[[], str], indent: str
) -> list[str]:
    """Return the lines that go along an axis, for each place on the other axes."""
    view, axis, out = line.x, line.axis, line.out
    loops = [names() for _ in view.shape]
    lines = []
    for a, n in enumerate(view.shape):
        if a != axis:
            lines.append(f"{indent}for {loops[a]} in range({n}):")
            indent += "    "
    along = f"for {loops[axis]} in range({view.shape[axis]}):"
    element = addresses.load(view.root, position(view.offset, view.strides, loops))
    if line.equation.op.name == "cumsum":
        total = names()
        value = converted(element, view.root.dtype, out.dtype)
        place = position(0, contiguous(view.shape), loops)
        return [
            *lines,
            f"{indent}{total} = {number(0, out.dtype)}",
            f"{indent}{along}",
            f"{indent}    {total} = {out.dtype.name}({total} + {value})",
            f"{indent}    {addresses.store(out, place, total)}",
        ]
    best, found, value = names(), names(), names()
    better = ">" if line.equation.op.name == "argmax" else "<"
    others = [a for a in range(len(view.shape)) if a != axis]
    place = position(
        0, contiguous(tuple(view.shape[a] for a in others)), [loops[a] for a in others]
    )
    first = addresses.load(
        view.root,
        position(view.offset, view.strides, ["0" if a == axis else x for a, x in enumerate(loops)]),
    )
    return [
        *lines,
        f"{indent}{best} = {first}",
        f"{indent}{found} = 0",
        f"{indent}{along}",
        f"{indent}    {value} = {element}",
        f"{indent}    if {best} == {best} and ({value} {better} {best} or {value} != {value}):",
        f"{indent}        {best} = {value}",
        f"{indent}        {found} = {loops[axis]}",
        f"{indent}{addresses.store(out, place, found)}",
    ]
