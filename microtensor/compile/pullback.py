"""Differentiating through a compiled function: each of its results is recorded as one operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..autograd import grad
from ..errors import UnsupportedError
from ..func.trees import leaves, rebuild
from ..op import Op
from ..record import apply_unary, recorded, wrap
from ..state import enable_grad
from ..tensor import Tensor

__all__ = ["Pullback"]


class Pullback:
    """Gives the results of a compiled function their histories.

    Going back, the function is computed once more, and its gradients with it, as a program of its
    own. In a backward pass that is itself recorded, the function runs as it was written.

    Parameters
    ----------
    name
        What drawings call the operation.
    fn
        The function as it was written.
    outputs
        The positions of the results that require a gradient, among the leaves of what it returns.
    arguments
        The positions of the arguments that require one, among the leaves of the arguments.
    others
        The Tensors that require one beside the arguments.
    compiled
        Compiles a function.
    """

    def __init__(
        self,
        name: str,
        fn: Callable[..., Any],
        outputs: Sequence[int],
        arguments: Sequence[int],
        others: Sequence[Tensor],
        compiled: Callable[[Callable[..., Any]], Callable[..., Any]],
    ) -> None:
        self._fn = fn
        self._arguments = arguments
        self._others = others
        self._ops = {i: _ResultOp(name, self, i) for i in outputs}
        self._compiled = compiled(self._gradients)

    def attach(self, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result with what it was computed from."""
        given = [leaf for _, leaf in leaves((args, kwargs))]
        operands = (*(given[i] for i in self._arguments), *self._others)
        arrays = [x._array for x in operands]
        call = {"call": (args, kwargs)}
        values = []
        for i, (_, value) in enumerate(leaves(result)):
            op = self._ops.get(i)
            values.append(
                value if op is None else recorded(op, operands, arrays, value._array, call, True)
            )
        return rebuild(result, iter(values))

    def pull(self, position: int, g: Any, call: tuple[Any, ...]) -> list[Any]:
        """Return the gradients of all operands."""
        args, kwargs = call
        with enable_grad():
            if isinstance(g, Tensor):
                return self._gradients(position, g, args, kwargs, create_graph=True)
            found = self._compiled(
                position, wrap(np.asarray(g)), _detached(args), _detached(kwargs)
            )
        return [c._array for c in found]

    def _gradients(
        self, position: int, g: Any, args: Any, kwargs: Any, create_graph: bool = False
    ) -> list[Any]:
        given = [leaf for _, leaf in leaves((args, kwargs))]
        for i in self._arguments:  # new leaves, or what lies before them would be counted twice
            given[i] = apply_unary(ops.positive, given[i])
        own_args, own_kwargs = rebuild((args, kwargs), iter(given))
        result = self._fn(*own_args, **own_kwargs)
        out = [leaf for _, leaf in leaves(result)][position]
        sources = [*(given[i] for i in self._arguments), *self._others]
        found = grad(out, sources, g, create_graph=create_graph, allow_unused=True)
        return [
            wrap(np.zeros(x.shape, x.dtype)) if c is None else c
            for x, c in zip(sources, found, strict=True)
        ]


class _ResultOp(Op):
    """One result of a compiled function, as an operation on every Tensor that it depends on."""

    def __init__(self, name: str, pullback: Pullback, position: int) -> None:
        super().__init__(
            name, _no_kernel, lambda _: _no_rule, parameters={"call": None}, register=False
        )
        self.saves = (False, True)
        self._pullback = pullback
        self._position = position

    def rules(self, count: int) -> tuple[Callable[..., Any], ...]:
        """Return the rules of one backward pass, which share what the first of them computes."""
        found: list[Any] = []

        def rule_of(i: int) -> Callable[..., Any]:
            def rule(g: Any, out: Any, *inputs: Any, call: tuple[Any, ...]) -> Any:
                if not found:
                    found.extend(self._pullback.pull(self._position, g, call))
                return found[i]

            return rule

        return tuple(map(rule_of, range(count)))


def _detached(tree: Any) -> Any:
    """Return arguments without their histories; those that require a gradient still do."""
    return rebuild(
        tree,
        (
            wrap(x._array, requires_grad=x._requires_grad) if isinstance(x, Tensor) else x
            for _, x in leaves(tree)
        ),
    )


def _no_rule(g: Any, out: Any, *inputs: Any, call: Any) -> Any:
    raise UnsupportedError("The rules of a compiled function are made for each backward pass.")


def _no_kernel(*_: Any, **__: Any) -> Any:
    raise UnsupportedError("The result of a compiled function is computed by that function alone.")
