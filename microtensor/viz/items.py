"""What a drawing consists of: nodes, several operations drawn as one, and frames around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ..op import Node
from ..scopes import Scope

__all__ = ["Box", "Fold", "Item", "Span", "begin", "is_leaves"]

Span = tuple[Scope | None, Scope | None]
"""The first and the last of the calls that a frame or a fold is named after."""


class Box:
    """A frame around what is drawn: a module, blocks that are repeated, or the whole drawing.

    ``times`` says how often what is in it is repeated, ``title`` which the first call is, and which
    the last.
    """

    def __init__(
        self, scope: Scope | None = None, times: int = 1, title: Span | None = None
    ) -> None:
        self.scope = scope
        self.times = times
        self.title = title or (scope, scope)
        self.items: list[Item | Box] = []

    def inside(self) -> Iterator[Item]:
        """Yield what is drawn in the frame, and in those within."""
        for item in self.items:
            if isinstance(item, Box):
                yield from item.inside()
            else:
                yield item


class Fold:
    """Operations that are drawn as one: those of a module, or of a stretch between named values.

    ``leaves`` are parameters and data that nothing else uses. Of many that something uses a fold
    may consist altogether.
    """

    def __init__(
        self,
        nodes: Iterable[Node],
        scope: Scope | None = None,
        times: int = 1,
        title: Span | None = None,
    ) -> None:
        self.nodes = list(nodes)
        self.scope = scope
        self.times = times
        self.title = title or (scope, scope)
        self.leaves: list[Node] = []

    @property
    def first(self) -> Node:
        """The first of its operations, or of its leaves."""
        return (self.nodes or self.leaves)[0]

    @property
    def summary(self) -> str:
        """Which operations it stands for, the most frequent first: ``9 add, 2 exp, …``."""
        counted = Counter(node.op.name for node in self.nodes if node.op is not None)
        names = [f"{n} {name}" if n > 1 else name for name, n in counted.most_common()]
        return ", ".join(names[:3] + ["…"] * (len(names) > 3))


Item = Node | Fold


def is_leaves(item: Item | Box | None) -> bool:
    """Tell whether this is a parameter, data, or several of these."""
    if isinstance(item, Fold):
        return not item.nodes
    return isinstance(item, Node) and item.op is None


def begin(item: Item) -> int:
    """Return when the first of its operations was recorded."""
    return (item.first if isinstance(item, Fold) else item).order
