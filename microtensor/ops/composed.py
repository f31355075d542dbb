"""An operation with a fast kernel of its own, whose derivatives are those of simpler ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import backward
from ..op import Op, Rule
from ..record import apply_unary, leaf_of, lifted, wrap
from ..state import enable_grad
from .elementwise import positive

__all__ = ["Composed"]


class Composed(Op):
    """An operation that is composed of others, in one node and with a kernel of its own.

    Its derivatives are found by recording what it is composed of, and going back through that; so
    it serves where they are rarely asked for, as those of a derivative are.

    Parameters
    ----------
    composition
        The same function as ``kernel``, written with operations.
    arity
        The number of inputs.
    """

    def __init__(
        self,
        name: str,
        kernel: Callable[..., Any],
        composition: Callable[..., Any],
        *,
        arity: int,
    ) -> None:
        super().__init__(name, kernel, arity=arity)
        self.differentiable = True
        self.saves = (False, *(True,) * arity)
        self._composition = composition

    def rules(self, count: int) -> tuple[Rule, ...]:
        """Return the rules of one backward pass, which share the way back."""
        found: list[Any] = []

        def rule_of(i: int) -> Rule:
            def rule(g: Any, out: Any, *inputs: Any) -> Any:
                if not found:
                    found.extend(self._pull(g, inputs))
                return found[i]

            return rule

        return tuple(map(rule_of, range(count)))

    def _pull(self, g: Any, inputs: tuple[Any, ...]) -> list[Any]:
        """Return the gradients of all inputs, recorded if ``g`` is."""
        recorded = not isinstance(g, np.ndarray)
        with enable_grad():
            sources = [  # not the inputs: what lies before them would be counted twice
                apply_unary(positive, x) if recorded else wrap(x, requires_grad=True)
                for x in inputs
            ]
            out = self._composition(*sources)
            nodes = [leaf_of(x) for x in sources]
            found = backward(
                {leaf_of(out): g},
                targets={node for node in nodes if node.requires_grad},
                retain=recorded,
                lift=lifted if recorded else None,
            )
        return [
            found[node] if node in found else np.zeros_like(x)
            for node, x in zip(nodes, inputs, strict=True)
        ]
