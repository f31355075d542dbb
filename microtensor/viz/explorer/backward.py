"""A backward pass that is written down: every contribution, as the engine made it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ... import engine
from ...op import Node
from ...ops.shape import astype, sum_to
from ...state import Mode

__all__ = ["BackwardPass", "Contribution"]

Rule = Callable[..., Any]


class Contribution(NamedTuple):
    """What one operation adds to the gradient of one of its operands."""

    node: Node
    """The operation's node."""
    position: int
    """The operand's position."""
    incoming: Any
    """The gradient of the operation's result."""
    raw: Any
    """What the rule gave."""
    array: Any
    """The same, summed over the axes along which the operand was broadcast, in its dtype."""

    @property
    def parent(self) -> Node:
        """The operand."""
        return self.node.parents[self.position]


class BackwardPass:
    """The gradients of everything that ``seeds`` depend on, and the contributions they are made of.

    The engine runs as for `backward`, with its rules and its checks; nothing is released, and no
    tensor's ``grad`` changes.

    Parameters
    ----------
    seeds
        The gradient of each output's node.

    Attributes
    ----------
    contributions
        In the order in which the engine made them.
    gradients
        The gradient of each node that got one.

    Raises
    ------
    ReleasedGraphError
        If an earlier backward pass dropped the saved arrays.
    InPlaceError
        If a saved array was changed in place since.
    """

    def __init__(self, seeds: dict[Node, Any]) -> None:
        self.contributions: list[Contribution] = []
        self.gradients: dict[Node, Any] = dict(seeds)
        with _Listening(self):
            self.gradients |= engine.backward(dict(seeds), retain=True)

    def made(self, *_: Any) -> None:
        """Ignore what operations compute meanwhile."""

    def watched(self, rule: Rule, g: Any, node: Node, position: int) -> Rule:
        """Return the rule as one whose result is written down."""
        if node not in self.gradients or self.gradients[node] is not g:
            self.gradients[node] = g
        earlier = [c.position for c in self._of(node)]
        # The engine passes the first position of an operand that is one more than once, as in x*x.
        at = next(
            i
            for i, parent in enumerate(node.parents)
            if parent.requires_grad and i not in earlier and parent is node.parents[position]
        )

        def watched(*arguments: Any, **params: Any) -> Any:
            raw = rule(*arguments, **params)
            parent = node.parents[at]
            array = raw if raw.shape == parent.shape else sum_to(raw, parent.shape)
            array = array if array.dtype == parent.dtype else astype(array, parent.dtype)
            self.contributions.append(Contribution(node, at, g, raw, array))
            return raw

        return watched

    def arrived(self, gradients: dict[Node, Any]) -> None:
        """Accept what the pass ends with."""

    def _of(self, node: Node) -> list[Contribution]:
        """Return the contributions of an operation, which are the latest if there are any."""
        found = []
        for contribution in reversed(self.contributions):
            if contribution.node is not node:
                break
            found.append(contribution)
        return found


class _Listening(Mode):
    """The block in which this thread's backward pass is written down."""

    _mode = "watcher"

    def __init__(self, listener: BackwardPass) -> None:
        super().__init__()
        self._value = listener
