"""What native code is made of: loops over a space with what they compute, products, NumPy calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..program import Equation, Literal, Var
from .elementwise import Form
from .layout import View

__all__ = [
    "Access",
    "Call",
    "Check",
    "Element",
    "Gather",
    "Item",
    "Line",
    "Member",
    "Nest",
    "NoNativeForm",
    "Operand",
    "Product",
    "Reduction",
    "Scatter",
    "roots_of",
]


class NoNativeForm(Exception):  # noqa: N818 - it is a reason, not an error
    """Why an equation is a NumPy call."""


class Access(NamedTuple):
    """The element that each point of a space has in the block of ``root``."""

    root: Var
    offset: int
    strides: tuple[int, ...]


class Gather(NamedTuple):
    """An element that indices, which are values themselves, select from a block."""

    access: Access
    indices: tuple[tuple[Access, int, int], ...]
    """Of each index, where it lies, the length of its axis, and the stride of that."""


Operand = Access | Gather | Literal


@dataclass(slots=True)
class Element:
    """One element of a result, from one element of each operand."""

    equation: Equation
    out: Var
    form: Form
    operands: tuple[Operand, ...]
    target: Access | None = None
    """Where it goes, if not to the place of the point in a block of its own."""


@dataclass(slots=True)
class Reduction:
    """A sum or the like over some axes of the space."""

    equation: Equation
    out: Var
    operand: Access
    strides: tuple[int, ...]
    """Of the result, over the space: 0 along the axes that are reduced."""


@dataclass(slots=True)
class Scatter:
    """A sum at places that indices select; what is not selected is 0."""

    equation: Equation
    out: Var
    operand: Access
    place: Gather


Member = Element | Reduction | Scatter


@dataclass(slots=True, eq=False)
class Nest:
    """Loops over a space, and what is computed at each point."""

    space: tuple[int, ...]
    members: list[Member] = field(default_factory=list)

    def roots(self) -> Iterator[Var]:
        """Yield the blocks that are read."""
        for member in self.members:
            operands = member.operands if isinstance(member, Element) else (member.operand,)
            for operand in operands:
                yield from roots_of(operand)
            if isinstance(member, Scatter):
                yield from (index.root for index, _, _ in member.place.indices)

    def written(self) -> list[Var]:
        """Return the blocks that are written to."""
        return [
            m.target.root if isinstance(m, Element) and m.target else m.out for m in self.members
        ]


@dataclass(slots=True, eq=False)
class Product:
    """A product of matrices, for each of a batch."""

    equation: Equation
    out: Var
    x: View
    y: View
    batch: tuple[int, ...]

    def roots(self) -> Iterator[Var]:
        """Yield the blocks that are read."""
        yield self.x.root
        yield self.y.root

    def written(self) -> list[Var]:
        """Return the blocks that are written to."""
        return [self.out]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The lengths m, k, n of an (m, k) times (k, n) product."""
        return self.x.shape[-2], self.x.shape[-1], self.y.shape[-1]


@dataclass(slots=True, eq=False)
class Line:
    """What goes along one axis in order: running sums, and the place of the largest."""

    equation: Equation
    out: Var
    x: View
    axis: int

    def roots(self) -> Iterator[Var]:
        """Yield the blocks that are read."""
        yield self.x.root

    def written(self) -> list[Var]:
        """Return the blocks that are written to."""
        return [self.out]


@dataclass(slots=True, eq=False)
class Check:
    """An error, if an index is not from ``least`` to the length of its axis, less one."""

    equation: Equation
    index: View
    length: int
    least: int

    def roots(self) -> Iterator[Var]:
        """Yield the blocks that are read."""
        yield self.index.root

    def written(self) -> list[Var]:
        """Return the blocks that are written to."""
        return []


@dataclass(slots=True, eq=False)
class Call:
    """A call of an operation's NumPy kernel, and why it is one."""

    equation: Equation
    views: dict[Var, View]
    reason: str

    def roots(self) -> Iterator[Var]:
        """Yield the blocks that are read."""
        for view in self.views.values():
            yield view.root

    def written(self) -> list[Var]:
        """Return the blocks that are written to."""
        return [self.equation.out]


Item = Nest | Product | Line | Check | Call


def roots_of(operand: Any) -> Iterator[Var]:
    """Yield the blocks that an operand is read from."""
    if isinstance(operand, Access):
        yield operand.root
    elif isinstance(operand, Gather):
        yield operand.access.root
        for index, _, _ in operand.indices:
            yield index.root
