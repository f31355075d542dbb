"""Chains of equal blocks in a graph: layers in a row, a loop's turns."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..graph import Graph
from ..op import Node
from ..scopes import Scope

__all__ = ["Call", "Repeats", "Unit"]

FEWEST = 3
"""How many equal blocks in a row are a chain of them."""
LEAST_SAVED = 8
"""How many operations must become superfluous, or drawing the chain once makes nothing clearer."""
LONGEST = 100
"""How many units, operations or calls of modules, a block may have."""


class Call:
    """A call of a module, and what was recorded in it: operations, and calls within.

    ``scope`` is ``None`` of the whole graph.
    """

    def __init__(self, scope: Scope | None) -> None:
        self.scope = scope
        self.units: list[Unit] = []

    @property
    def nodes(self) -> Iterator[Node]:
        """The results of operations in it, in order, those of the calls within among them."""
        for unit in self.units:
            if isinstance(unit, Call):
                yield from unit.nodes
            else:
                yield unit


Unit = Node | Call


class Block:
    """Some units in a row."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = units
        self.nodes = [
            node for unit in units for node in (unit.nodes if isinstance(unit, Call) else (unit,))
        ]
        self.position = {node: i for i, node in enumerate(self.nodes)}


class Repeats:
    """Finds in rows of units the chains of equal blocks.

    Blocks are equal if the same operations, with the same parameters but for indices, give results
    of the same shapes and dtypes, from operands at the same places: results in the block, results
    in the block before, values that all share, or parameters and data of the block's own.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._users: dict[Node, list[Node]] = {}
        for source, target, _ in graph.edges():
            self._users.setdefault(source, []).append(target)
        self._kinds: dict[Hashable, int] = {}

    def chains(self, units: Sequence[Unit]) -> Iterator[list[Block]]:
        """Yield all units in order, as blocks: in a list of one, or of as many as are equal."""
        kinds = [self._kind(unit) for unit in units]
        start = alone = 0
        while start < len(units):
            chain = self._chain(units, kinds, start)
            if chain is None:
                start += 1
                continue
            if alone < start:
                yield [Block(units[alone:start])]
            yield chain
            start += len(chain) * len(chain[0].units)
            alone = start
        if alone < len(units):
            yield [Block(units[alone:])]

    def counterparts(self, first: Block, other: Block) -> Iterator[tuple[Node, Node]]:
        """Yield what two blocks of a chain have of their own, in pairs: results, and leaves."""
        for a, b in zip(first.nodes, other.nodes, strict=True):
            yield a, b
            for x, y in zip(a.parents, b.parents, strict=True):
                if x is not y and self._belongs(x, first) and self._belongs(y, other):
                    yield x, y

    def _chain(self, units: Sequence[Unit], kinds: list[int], start: int) -> list[Block] | None:
        """Return the chain that begins here and makes the most superfluous, if any does enough."""
        best: list[Block] | None = None
        most, covered = LEAST_SAVED - 1, 0
        for length in range(1, min(LONGEST, (len(units) - start) // FEWEST) + 1):
            if kinds[start] != kinds[start + length]:
                continue
            block = kinds[start : start + length]
            times = 1
            while kinds[start + times * length : start + (times + 1) * length] == block:
                times += 1
            if times < FEWEST or times * length <= covered:  # shorter blocks do it
                continue
            blocks = [
                Block(units[i : i + length]) for i in range(start, start + times * length, length)
            ]
            chain = self._equal(blocks)
            saved = (len(chain) - 1) * len(chain[0].nodes)
            if len(chain) >= FEWEST and saved > most:
                best, most, covered = chain, saved, len(chain) * length
        return best

    def _equal(self, blocks: list[Block]) -> list[Block]:
        """Return the blocks up to the first that is not equal to the one before."""
        carried: dict[tuple[int, int], int] = {}
        for count in range(1, len(blocks)):
            if not self._follows(blocks[count - 1], blocks[count], carried):
                return blocks[:count]
        return blocks

    def _follows(self, first: Block, second: Block, carried: dict[tuple[int, int], int]) -> bool:
        """Tell whether the operands of two blocks correspond.

        ``carried`` says of each operand that is a result of the block before which one that is.
        """
        for i, (a, b) in enumerate(zip(first.nodes, second.nodes, strict=True)):
            if len(a.parents) != len(b.parents):
                return False
            for slot, (x, y) in enumerate(zip(a.parents, b.parents, strict=True)):
                inside = first.position.get(x), second.position.get(y)
                if inside != (None, None):
                    if inside[0] != inside[1]:
                        return False
                elif x is y:
                    continue
                elif y in first.position:
                    if x.shape != y.shape or x.dtype != y.dtype:
                        return False
                    if carried.setdefault((i, slot), first.position[y]) != first.position[y]:
                        return False
                elif not (
                    self._belongs(x, first) and self._belongs(y, second) and self._alike(x, y)
                ):
                    return False
        return True

    def _belongs(self, leaf: Node, block: Block) -> bool:
        """Tell whether a leaf is used in the block, and nowhere else."""
        if leaf.op is not None or leaf.is_constant:
            return False
        return all(user in block.position for user in self._users[leaf])

    def _alike(self, x: Node, y: Node) -> bool:
        return (
            self._graph.kind(x) is self._graph.kind(y) and x.shape == y.shape and x.dtype == y.dtype
        )

    def _kind(self, unit: Unit) -> int:
        """Return a number that is the same for units that can be equal."""
        kind: Hashable
        if isinstance(unit, Call):
            module = None if unit.scope is None else type(unit.scope.module)
            kind = (module, tuple(map(self._kind, unit.units)))
        else:
            constants = tuple(repr(p.value) if p.is_constant else None for p in unit.parents)
            kind = (unit.op, _params(unit.params), unit.shape, unit.dtype, constants)
        return self._kinds.setdefault(kind, len(self._kinds))


def _params(params: Mapping[str, Any] | None) -> str:
    """Write the parameters in which equal operations agree: not where each took something from."""
    if not params:
        return ""
    agreed = {
        name: (value.shape, value.dtype) if isinstance(value, np.ndarray) else value
        for name, value in params.items()
        if name != "index"
    }
    return repr(agreed)
