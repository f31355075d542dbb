"""A backward pass that is written down: every contribution, as the engine made it."""

from __future__ import annotations

from typing import Any, NamedTuple

from ... import engine
from ...op import Node
from ...ops.shape import astype, sum_to
from ..listening import Listener, Rule, listening

__all__ = ["BackwardPass", "Contribution"]


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


class BackwardPass(Listener):
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
        super().__init__()
        self.gradients |= seeds
        self.contributions: list[Contribution] = []
        with listening(self):
            engine.backward(dict(seeds), retain=True)

    def watched(self, rule: Rule, g: Any, node: Node, position: int) -> Rule:
        """Return the rule as one whose result is written down."""
        rule = super().watched(rule, g, node, position)
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

    def _of(self, node: Node) -> list[Contribution]:
        """Return the contributions of an operation, which are the latest if there are any."""
        found = []
        for contribution in reversed(self.contributions):
            if contribution.node is not node:
                break
            found.append(contribution)
        return found
