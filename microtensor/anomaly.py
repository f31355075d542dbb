"""Finding the operation that first made a NaN or an Inf, and the user's line that applied it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from .errors import AnomalyError
from .op import Node, Op, Recordable, describe
from .sites import Site, Watching, sites
from .state import modes

__all__ = ["detect_anomaly"]

Rule = Callable[..., Any]


class detect_anomaly(Watching):  # noqa: N801 - PyTorch's name
    """Raise where the first NaN or Inf is made: a context manager, and a decorator.

    In a block, every operation of this thread is checked, forward and backward. The error names the
    operation, its operands, and the user's line that applied it; for a gradient that is the line
    of the forward pass, which therefore has to be in a block as well. That makes operations
    several times slower. Outside, it costs nothing.

    A NaN that a leaf already held is reported where it is first used. An Inf is not, if it is a
    number or data that requires no gradient: it was given on purpose, in a mask. NumPy's own
    warnings are silenced.

    Raises
    ------
    AnomalyError
        From the operation or the backward pass that made it.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> with mt.autograd.detect_anomaly():
    ...     p = mt.tensor([0.5, 0.0], requires_grad=True)
    ...     loss = -np.log(p).sum()
    Traceback (most recent call last):
    microtensor.errors.AnomalyError: log made the first -Inf: 1 of 2 elements of its result, the
    first at (1,), from 'p' float64 (2,) (there 0.0). That was in
      File "...", line 3, in <module>
        loss = -np.log(p).sum()
    """

    @property
    def _value(self) -> Watcher:
        return Watcher()

    def __enter__(self) -> None:
        super().__enter__()
        modes.watcher.quiet.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        modes.watcher.quiet.__exit__(kind, error, traceback)
        super().__exit__(kind, error, traceback)


class Watcher:
    """What looks at the results of a thread's operations while a block is open."""

    def __init__(self) -> None:
        self.quiet = np.errstate(all="ignore")
        self._running: Node | None = None
        """The node whose rule is running: what that computes on its way is nobody's result."""

    def made(self, op: Op, inputs: Sequence[Any], out: Any) -> None:
        """Look at the result of an operation."""
        if self._running is not None:
            if out._node is not None and self._running in sites:
                sites[out._node] = sites[self._running]._replace(operands=())
            return
        site = Site.of_caller(inputs)
        if (bad := _bad(out)) is not None:
            _blame(op, inputs, out, bad, site)
        if out._node is not None:
            sites[out._node] = site

    def watched(self, rule: Rule, g: Any, node: Node, position: int) -> Rule:
        """Return the rule of a node for the input at ``position``, whose result is looked at."""
        if (given := _bad(g)) is not None:
            raise AnomalyError(
                f"The gradient of {describe(node)} holds {given}: it was given to the backward "
                f"pass, or contributions added up to it. {_recorded(sites.get(node))}"
            )

        def watched(*arguments: Any, **params: Any) -> Any:
            before, self._running = self._running, node
            try:
                c = rule(*arguments, **params)
            finally:
                self._running = before
            if (bad := _bad(c)) is not None:
                _blame_rule(g, bad, node, position)
            return c

        return watched

    def arrived(self, gradients: dict[Node, Any]) -> None:
        """Look at the gradients that a backward pass ends with: a sum can overflow."""
        for node, g in gradients.items():
            if (bad := _bad(g)) is not None:
                raise AnomalyError(
                    f"The gradient of {describe(node)} holds {bad}: the contributions to it are "
                    "finite, and their sum is not."
                )


class Bad(NamedTuple):
    """What of an array is not finite."""

    value: float
    at: tuple[int, ...]
    number: int
    size: int

    @property
    def kind(self) -> str:
        """How it is written in a message."""
        return "NaN" if self.value != self.value else "Inf" if self.value > 0 else "-Inf"

    def among(self, what: str) -> str:
        """Say how much of ``what`` it is, and where."""
        return f"{self.number} of {self.size} elements of {what}, the first at {self.at}"

    def __str__(self) -> str:
        return f"{self.kind} at {self.at}"


def _bad(x: Any) -> Bad | None:
    """Find what is not finite in an array, a Tensor or a number: NaN if there is any, else Inf."""
    data = np.asarray(_array(x))
    if data.dtype.kind != "f" or np.isfinite(data).all():
        return None
    wrong = np.isnan(data)
    if not wrong.any():
        wrong = np.isinf(data)
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return Bad(float(data[at]), at, int(wrong.sum()), data.size)


def _blame(op: Op, inputs: Sequence[Any], out: Any, bad: Bad, site: Site) -> None:
    """Raise, saying that ``op`` made what is not finite, or with what it came in."""
    for x, name in zip(inputs, site.operands, strict=True):
        given = _bad(x)
        if given is None or (bad.kind == "NaN" and given.kind != "NaN"):
            continue
        node = x._node if isinstance(x, Recordable) else None
        is_leaf = node is None or node.op is None
        if given.kind != "NaN" and not (is_leaf and isinstance(x, Recordable) and x._requires_grad):
            return  # given on purpose, or made of what was
        origin = (
            "it came in with that leaf" if is_leaf else "it was computed before the block began"
        )
        raise AnomalyError(
            f"{name}, an operand of {op.name}, holds {given} already: {origin}. {_in(site)}"
        )
    elementwise = any(isinstance(f, np.ufunc) and f.signature is None for f in op.numpy)
    operands = (
        name + (_there(x, np.shape(out), bad.at) if elementwise else "")
        for x, name in zip(inputs, site.operands, strict=True)
    )
    raise AnomalyError(
        f"{op.name} made the first {bad.kind}: {bad.among('its result')}, from "
        f"{' and '.join(operands)}. {_in(site)}"
    )


def _blame_rule(g: Any, bad: Bad, node: Node, position: int) -> None:
    """Raise, saying that the rule of ``node`` made what is not finite."""
    assert node.op is not None
    site, parent = sites.get(node), node.parents[position]
    name = site.operands[position] if site is not None and site.operands else describe(parent)
    out, *inputs = node.saved or (None, *node.parents)
    near = {"the incoming gradient": g, "the result": out, name: inputs[position]}
    facts = [
        f"{what} is {np.asarray(x)[bad.at]}"
        for what, x in ((what, _array(x)) for what, x in near.items())
        if isinstance(x, (np.ndarray, np.generic)) and x.shape == parent.shape
    ]
    there = f"; there {' and '.join(facts)}" if facts else ""
    raise AnomalyError(
        f"In the backward pass, the rule of {node.op.name} made the first {bad.kind}: "
        f"{bad.among(f'the gradient of {name}')}{there}. {_recorded(site)}"
    )


def _array(x: Any) -> Any:
    return x._array if isinstance(x, Recordable) else x


def _there(x: Any, shape: tuple[int, ...], at: tuple[int, ...]) -> str:
    """Say what an operand that broadcasts to ``shape`` is at an index."""
    if not isinstance(x, Recordable):
        return ""
    return f" (there {np.broadcast_to(x._array, shape)[at]})"


def _in(site: Site) -> str:
    """Show the user's line, as a traceback does."""
    if site.line is None:
        return ""
    return "That was in\n" + traceback.format_list([site.line])[0].rstrip()


def _recorded(site: Site | None) -> str:
    if site is None or site.line is None:
        return "It was recorded outside of detect_anomaly(): include the forward pass to see where."
    return _in(site).replace("That was in", "It was recorded in", 1)
