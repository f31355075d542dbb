"""Parts of a step that are one elementwise function: an operation, or a formula of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..op import REGISTRY
from ..ops.shape import sum_to
from .step import Step
from .tape import Edge, Value, contribution, with_arguments

__all__ = ["Segment", "segments"]

Rule = Callable[[Any], Any]

_DEPTH = 10
"""Formulas of more operations are not looked through."""
_BETWEEN = frozenset(
    {"add", "subtract", "multiply", "divide", "negative", "exp", "expm1", "power", "square", "sqrt",
     "reciprocal", "tanh", "sigmoid", "log", "log1p", "maximum", "where", "softplus"}
)  # fmt: skip
"""Operations that activation functions are written with."""
_LINEAR = frozenset({"add", "subtract", "negative", "positive"})
_SCALINGS = frozenset({"multiply", "divide"})
_EXTREMA = frozenset({"max", "min"})
_to_each = REGISTRY["sum"].vjps[0]
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sigmoid": REGISTRY["sigmoid"].kernel,
    "tanh": np.tanh,
    "softplus": REGISTRY["softplus"].kernel,
    "relu": REGISTRY["relu"].kernel,
    "silu": lambda x: x * REGISTRY["sigmoid"].kernel(x),
}
"""Activation functions that people write out."""


class Segment:
    """An elementwise function from ``lower`` to ``upper`` that a gradient is pulled back through.

    ``name`` is that of the operation, or of the function that several together are.
    """

    def __init__(
        self, step: Step, lower: Value, upper: Value, name: str, edge: Edge | None
    ) -> None:
        self.edge = edge
        self.lower, self.upper, self.name = lower, upper, name
        self.incoming = step.flow[upper]
        """The gradient that comes in."""
        self.contribution = (
            step.contribution(edge) if edge is not None else self.pulled(self.incoming)
        )
        """What the true rules make of it."""

    def pulled(self, g: Any) -> Any:
        """Multiply a gradient by the derivative."""
        if self.edge is not None:
            return contribution(self.edge, g)
        return _through(self.lower, self.upper, g, {})

    def left_out(self, g: Any) -> Any:
        """Pass a gradient on as it is."""
        if self.name in _EXTREMA and self.edge is not None:  # to each element, not the largest
            return _to_each(g, None, self.lower, **self.upper.params)
        return g if g.shape == self.lower.shape else sum_to(g, self.lower.shape)

    def twice(self, g: Any) -> Any:
        """Multiply a gradient by the derivative twice."""
        return self.pulled(self.pulled(g))

    def partly(self) -> Iterator[tuple[Rule, str]]:
        """Yield the rules that leave a factor of the derivative out, and that factor."""
        out = self.upper.data
        if self.name == "sigmoid" and out is not None:
            yield lambda g: g * out, "1 - {}"
            yield lambda g: g * (1 - out), "{}"

    def taken_elsewhere(self) -> Iterator[tuple[Rule, str]]:
        """Yield the rules with output and input confused, and which was taken."""
        edge, x, out = self.edge, self.lower.data, self.upper.data
        if x is None or out is None or np.shape(x) != np.shape(out):
            return
        if edge is None:
            at = _evaluated(self.lower, self.upper, out)
            yield lambda g: _through(self.lower, self.upper, g, at), "input"
            if self.name in REGISTRY:
                rule = REGISTRY[self.name].vjps[0]
                yield lambda g: rule(g, x, x), "output"
            return
        if edge.op.variadic:
            return
        operands = [parent.argument for parent in self.upper.parents]
        moved = [out if i == edge.position else y for i, y in enumerate(operands)]
        saves = edge.op.saves or (False,) * (len(operands) + 1)
        if len(operands) == 1 or saves[edge.position + 1]:
            with np.errstate(all="ignore"):
                again = edge.op.kernel(*moved, **self.upper.params)
            if np.shape(again) == np.shape(out):
                yield lambda g: with_arguments(edge, g, [again, *moved]), "input"
        if saves[0]:
            yield lambda g: with_arguments(edge, g, [x, *operands]), "output"


Fused = Mapping[Value, tuple[str, tuple[Value, ...]]]


def segments(step: Step, fused: Fused) -> Sequence[Segment]:
    """Return the functions in a step whose result is shaped like an operand.

    Single operations come first, those nearest the target last; then operations that were taken
    apart, ``fused``, and activation functions written as formulas.
    """
    if step.segments is None:
        step.segments = tuple(_segments(step, fused))
    return step.segments


def _segments(step: Step, fused: Fused) -> Iterator[Segment]:
    for edge in step.edges:
        c = step.contribution(edge)
        g = step.flow[edge.user]
        is_scaled = edge.op.name in _SCALINGS and any(not x.shape for x in edge.user.parents)
        if is_scaled or edge.op.name in _LINEAR:  # its derivative is a number: a factor, a sign
            continue
        if np.shape(c) == np.shape(g) or edge.op.broadcasts or edge.op.name in _EXTREMA:
            yield Segment(step, edge.operand, edge.user, edge.op.name, edge)
        lower = logits_of(edge)
        if lower in step.inner or lower is step.target:
            yield Segment(step, lower, edge.user, "softmax", None)
    for upper in [*step.sources, *step.inner]:
        operation, operands = fused.get(upper, ("", ()))
        for lower in operands:
            if lower.shape == upper.shape and (lower in step.inner or lower is step.target):
                yield Segment(step, lower, upper, operation, None)
    for upper in [*step.sources, *step.inner]:
        for lower in _variables(upper, step):
            name = _function(lower, upper)
            if name is not None and name == _formula(upper):
                break  # the operation is this function; below it a bias of zeros was added
            if name is not None or (upper in step.sources and lower is step.target):
                yield Segment(step, lower, upper, name or _formula(upper), None)
            if name is not None:
                break


def logits_of(edge: Edge) -> Value | None:
    """Return what goes into a softmax: exponentials, divided by their sums or times an inverse."""
    powers, p = edge.operand, edge.user.data
    if edge.op.name not in ("divide", "multiply") or powers.op is None or p is None:
        return None
    if powers.op.name != "exp" or not p.ndim or (p < 0).any():
        return None
    is_normalized = any(p.shape[i] > 1 and np.allclose(p.sum(axis=i), 1) for i in range(p.ndim))
    return powers.parents[0] if is_normalized else None


def _variables(upper: Value, step: Step) -> Iterator[Value]:
    """Yield the values of which a value is an elementwise formula of one variable."""
    ends = {upper}
    for depth in range(_DEPTH):
        last = max(ends, key=lambda value: value.index)
        if last.op is None or last.op.name not in _BETWEEN:
            return
        ends.remove(last)
        ends |= {x for x in last.parents if x in step.inner or x is step.target}
        if len(ends) != 1:
            if not ends:
                return
            continue
        (lower,) = ends
        if lower.shape != upper.shape:
            return
        if depth:
            yield lower


def _between(lower: Value, upper: Value) -> list[Value]:
    """Return the values on the way, the last first, and ``upper`` itself."""
    on_the_way: set[Value] = set()
    pending = [upper]
    while pending:
        value = pending.pop()
        if value in on_the_way or value is lower or value.index < lower.index:
            continue
        on_the_way.add(value)
        pending.extend(value.parents)
    above = {lower}
    for value in sorted(on_the_way, key=lambda v: v.index):
        if any(x in above for x in value.parents):
            above.add(value)
    return sorted(on_the_way & above, key=lambda v: -v.index)


def _through(lower: Value, upper: Value, g: Any, at: dict[Value, Any]) -> Any:
    """Pull a gradient back from ``upper`` to ``lower``, with other values where ``at`` has some."""
    total = {upper: g}
    for value in _between(lower, upper):
        own = total.pop(value, None)
        if own is None:
            continue
        for position, parent in enumerate(value.parents):
            if parent is lower or parent in total or parent.has_gradient:
                if parent is not lower and parent.index < lower.index:
                    continue
                c = contribution(Edge(value, position), own, lambda _, x: at.get(x, x.argument))
                total[parent] = total[parent] + c if parent in total else c
    return total[lower]


def _evaluated(lower: Value, upper: Value, x: Any) -> dict[Value, Any]:
    """Evaluate the formula at another point."""
    at = {lower: x}
    with np.errstate(all="ignore"):
        for value in reversed(_between(lower, upper)):
            assert value.op is not None
            at[value] = value.op.kernel(*(at.get(y, y.data) for y in value.parents), **value.params)
    return at


def _function(lower: Value, upper: Value) -> str | None:
    """Return the name of the activation function that a formula is."""
    if lower.data is None or upper.data is None:
        return None
    with np.errstate(all="ignore"):
        for name, function in _FUNCTIONS.items():
            if np.allclose(function(lower.data), upper.data, rtol=1e-9, atol=1e-12):
                return name
    return None


def _formula(upper: Value) -> str:
    return upper.op.name if upper.op is not None else "identity"
