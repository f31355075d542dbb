"""Listening to a backward pass: the rules that it applies, and the gradients they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .. import record
from ..op import Node, Op
from ..state import modes

__all__ = ["Listener", "Rule", "listening"]

Rule = Callable[..., Any]


class Listener:
    """Is told what a backward pass does, as what looks for anomalies is; notes the gradients."""

    def __init__(self) -> None:
        self.gradients: dict[Node, Any] = {}
        """The gradient of each node that got one."""

    def made(self, op: Op, inputs: Sequence[Any], out: Any) -> None:
        """Hear of an operation that is applied, and of its result."""

    def watched(self, rule: Rule, g: Any, node: Node, position: int) -> Rule:
        """Hear of a gradient that is complete; return the rule to apply to it."""
        self.gradients[node] = g
        return rule

    def arrived(self, gradients: dict[Node, Any]) -> None:
        """Hear of the gradients that the pass ends with."""
        self.gradients |= gradients


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let ``listener`` hear what this thread computes in the block."""
    before = modes.watcher
    modes.watcher = listener
    record.watch(1)
    try:
        yield
    finally:
        record.watch(-1)
        modes.watcher = before
