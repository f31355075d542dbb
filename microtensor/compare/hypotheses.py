"""The mistakes that people make in a step, each tried out on the arrays.

Every function yields what the step would give if one such mistake were made, at each place where it
could be. Nothing is decided here: `causes` looks which of them reproduces the hand-derived array.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .segments import Segment, segments
from .step import Override, Step
from .tape import Edge, Value, summed, with_arguments

__all__ = ["HYPOTHESES", "Hypothesis", "Known"]

_MATRIX_PRODUCTS = frozenset({"matmul", "tensordot", "einsum"})
_SCALINGS = frozenset({"multiply", "divide"})


@dataclass(frozen=True)
class Hypothesis:
    """A mistake, and the gradient that it gives.

    ``op`` is the operation at which it is made, ``used`` and ``expected`` are what was taken and
    what belongs there: values, or the gradients of values.
    """

    kind: str
    gradient: Any
    """``None`` where shapes do not fit, so that nobody can have made the mistake there."""
    op: str | None = None
    where: Value | None = None
    used: Value | None = None
    expected: Value | None = None
    detail: str = ""
    times: int = 1
    """In how many places of the step the mistake was made."""


@dataclass(frozen=True)
class Known:
    """What the hypotheses may take from elsewhere in the computation."""

    values: list[Value]
    """Every value, those with names first."""
    hand: Mapping[Value, Any]
    """The hand-derived gradients."""
    right: Mapping[Value, Any]
    """The gradients by autograd."""
    earlier: Callable[[Value], Any]
    """What ``.grad`` of a leaf holds."""

    def shaped(self, shape: tuple[int, ...]) -> Iterator[Value]:
        """Yield the values of a shape whose arrays are known."""
        for value in self.values:
            if value.shape == shape and value.data is not None and value.has_gradient:
                yield value

    def gradients_shaped(self, shape: tuple[int, ...]) -> Iterator[tuple[Value, Any]]:
        """Yield the gradients of a shape, those derived by hand first."""
        for found in (self.hand, self.right):
            for value, g in found.items():
                if g.shape == shape:
                    yield value, g


Rule = Callable[[Step, Known], Iterator[Hypothesis]]

_UNFIT = (ValueError, IndexError, TypeError, AttributeError, ZeroDivisionError, OverflowError)
"""What arrays of unfitting shapes raise in a rule."""


def _if_fit(compute: Callable[..., Any], *args: Any) -> Any:
    try:
        with np.errstate(all="ignore"):
            return compute(*args)
    except _UNFIT:
        return None


def _changed(step: Step, edge: Edge, compute: Callable[..., Any], *args: Any) -> Any:
    """Return what the step gives if a contribution is what ``compute`` makes of ``args``."""
    return _if_fit(lambda: step.with_changes([(edge, compute(*args))]))


def axes_permuted(step: Step, known: Known) -> Iterator[Hypothesis]:
    """The result, or an operand of a matrix product, with its axes in another order."""
    right = step.expected
    if 2 <= right.ndim <= 4:
        for axes in itertools.permutations(range(right.ndim)):
            if list(axes) != sorted(axes):
                yield Hypothesis("transpose", right.transpose(axes), detail="result")
    for edge in step.edges:
        if edge.op.name != "matmul" or edge.operand.shape[-2:] != edge.operand.shape[:-3:-1]:
            continue
        (other,) = (x for i, x in enumerate(edge.user.parents) if i != edge.position)
        g = step.flow[edge.user]
        if other.data is None or other.data.ndim != 2 or g.ndim != 2:
            continue
        y = other.data
        # Where g @ y.T and x.T @ g belong.
        pairs = ((g, y), (g.T, y.T)) if edge.position == 0 else ((y, g), (y.T, g.T))
        for a, b in pairs:
            gradient = _changed(step, edge, np.matmul, a, b)
            yield Hypothesis("transpose", gradient, "matmul", edge.operand, other, detail="operand")


def derivative_left_out(step: Step, known: Known) -> Iterator[Hypothesis]:
    """An operation passed over as if its derivative were 1, or a factor of that left out."""
    yield from _in_segments(step, "missing_derivative", lambda s: [(s.left_out, "")])
    yield from _in_segments(step, "missing_derivative", lambda s: s.partly())


def derivative_twice(step: Step, known: Known) -> Iterator[Hypothesis]:
    """The derivative of an operation multiplied by twice."""
    yield from _in_segments(step, "extra_derivative", lambda s: [(s.twice, "")])


def derivative_at_output(step: Step, known: Known) -> Iterator[Hypothesis]:
    """A derivative formula filled in with the output where the input belongs, or the reverse."""
    yield from _in_segments(step, "derivative_at_output", lambda s: s.taken_elsewhere())


def _in_segments(
    step: Step, kind: str, mistakes: Callable[[Segment], Iterable[tuple[Callable[[Any], Any], str]]]
) -> Iterator[Hypothesis]:
    """Make a mistake in each function of a step, then in all that are the same function."""
    alike: dict[tuple[str, str], list[tuple[Segment, Callable[[Any], Any]]]] = {}
    for segment in segments(step):
        for rule, detail in mistakes(segment):
            gradient = _if_fit(
                lambda s=segment, f=rule: step.with_added(
                    [(s.lower, f(s.incoming) - s.contribution)]
                )
            )
            yield Hypothesis(
                kind, gradient, segment.name, segment.lower, segment.upper, detail=detail
            )
            alike.setdefault((segment.name, detail), []).append((segment, rule))
    for (name, detail), made in alike.items():
        if len(made) > 1:
            overrides: dict[Value, list[Override]] = {}
            for segment, rule in made:
                overrides.setdefault(segment.upper, []).append(
                    Override(segment.lower, rule, segment.edge)
                )
            first = made[-1][0]
            yield Hypothesis(
                kind, _if_fit(step.with_overrides, overrides), name, first.lower, first.upper,
                detail=detail, times=len(made),
            )  # fmt: skip


def path_left_out(step: Step, known: Known) -> Iterator[Hypothesis]:
    """One of several contributions missing, or all but one; repeated indices not added up."""
    for value, edges in step.incoming.items():
        if len(edges) > 1:
            for edge in edges:
                gradient = step.with_added([(value, -step.contribution(edge))])
                yield Hypothesis("missing_path", gradient, edge.op.name, value, edge.user)
        if len(edges) > 2:
            total = sum(step.contribution(edge) for edge in edges)
            for edge in edges:
                gradient = step.with_added([(value, step.contribution(edge) - total)])
                yield Hypothesis(
                    "missing_path", gradient, edge.op.name, value, edge.user, detail="only"
                )
    for edge in step.edges:
        if edge.op.name == "getitem":
            gradient = _changed(step, edge, _assigned, edge, step.flow[edge.user])
            yield Hypothesis(
                "missing_path", gradient, "getitem", edge.operand, edge.user, detail="assigned"
            )


def _assigned(edge: Edge, g: Any) -> Any:
    out = np.zeros(edge.operand.shape, g.dtype)
    out[edge.user.params["index"]] = g
    return out


def only_the_diagonal(step: Step, known: Known) -> Iterator[Hypothesis]:
    """A softmax differentiated element by element, p (1 - p), without the other outputs."""
    for edge in step.edges:
        p = edge.user
        if edge.op.name != "divide" or edge.position != 0 or p.data is None:
            continue
        powers, total = p.parents
        if powers.op is None or powers.op.name != "exp" or total.op is None:
            continue
        if total.op.name != "sum" or total.parents[0] is not powers:
            continue
        shifted = powers.parents[0]
        if shifted not in step.inner and shifted is not step.target:
            continue
        g = step.flow[p]
        full = p.data * (g - (g * p.data).sum(axis=total.params["axis"], keepdims=True))
        gradient = step.with_added([(shifted, g * p.data * (1 - p.data) - full)])
        yield Hypothesis("missing_path", gradient, "softmax", shifted, p, detail="diagonal")


def path_twice(step: Step, known: Known) -> Iterator[Hypothesis]:
    """One of several contributions counted twice, or the gradient of an earlier pass kept."""
    for value, edges in step.incoming.items():
        if len(edges) > 1:
            for edge in edges:
                gradient = step.with_added([(value, step.contribution(edge))])
                yield Hypothesis("extra_path", gradient, edge.op.name, value, edge.user)
    kept = known.earlier(step.target)
    if kept is not None and kept.shape == step.expected.shape:
        yield Hypothesis("extra_path", step.expected + kept, detail="earlier")


def sum_left_out(step: Step, known: Known) -> Iterator[Hypothesis]:
    """What was broadcast: not summed back, summed over other axes, averaged, or one row taken."""
    for edge in step.edges:
        whole = step.unsummed(edge)
        shape = edge.operand.shape
        if whole.shape == shape or not whole.size:
            continue
        c = step.contribution(edge)
        count = whole.size // max(c.size, 1)
        averaged = _changed(step, edge, np.divide, c, float(count))
        yield Hypothesis(
            "missing_sum", averaged, edge.op.name, edge.operand, edge.user, detail="mean"
        )
        for i, detail in ((0, "first"), (-1, "last")):
            gradient = _changed(step, edge, _picked, whole, shape, i)
            yield Hypothesis(
                "missing_sum", gradient, edge.op.name, edge.operand, edge.user, detail=detail
            )
        if edge.operand is step.target:
            yield from _shapes_of(step, edge, whole)


def _picked(whole: Any, shape: tuple[int, ...], i: int) -> Any:
    for axis in _broadcast_axes(whole.shape, shape):
        whole = whole.take([i], axis)
    return whole.reshape(shape)


def _shapes_of(step: Step, edge: Edge, whole: Any) -> Iterator[Hypothesis]:
    rest = step.expected - step.contribution(edge)
    for n in range(whole.ndim + 1):
        for axes in itertools.combinations(range(whole.ndim), n):
            for keepdims in (False, True) if axes else (False,):
                partly = whole.sum(axis=axes, keepdims=keepdims) if axes else whole
                if partly.shape == step.expected.shape and axes == _broadcast_axes(
                    whole.shape, step.expected.shape
                ):
                    continue
                gradient = _if_fit(np.add, partly, rest) if rest.any() else partly
                yield Hypothesis(
                    "missing_sum", gradient, edge.op.name, edge.operand, edge.user,
                    detail="unsummed" if not axes else "other axes",
                )  # fmt: skip


def _broadcast_axes(shape: tuple[int, ...], to: tuple[int, ...]) -> tuple[int, ...]:
    lead = len(shape) - len(to)
    return (*range(lead), *(i + lead for i, n in enumerate(to) if n == 1 and shape[i + lead] != 1))


def other_operand(step: Step, known: Known) -> Iterator[Hypothesis]:
    """Another tensor of the same shape in a rule; or another gradient passed on."""
    for edge in reversed(step.edges):
        arguments = [edge.user, *edge.user.parents]
        saves = edge.op.saves or (False,) * len(arguments)
        if edge.op.variadic:
            saves = (saves[0], *saves[1:2] * len(edge.user.parents))
        arrays = [x.argument for x in arguments]
        for j, (x, is_read) in enumerate(zip(arguments, saves, strict=True)):
            if not is_read or x.data is None or not x.shape:
                continue
            for other in known.shaped(x.shape):
                if other is x or other.data is x.data:
                    continue
                changed = [*arrays[:j], other.data, *arrays[j + 1 :]]
                gradient = _changed(step, edge, with_arguments, edge, step.flow[edge.user], changed)
                yield Hypothesis("wrong_operand", gradient, edge.op.name, edge.operand, other, x)
        for value, g in known.gradients_shaped(step.flow[edge.user].shape):
            if value is edge.user or edge.user not in step.sources:
                continue
            gradient = _changed(step, edge, with_arguments, edge, g, arrays)
            yield Hypothesis(
                "wrong_operand", gradient, edge.op.name, edge.operand, value, edge.user, "gradient"
            )


def operand_after_update(step: Step, known: Known) -> Iterator[Hypothesis]:
    """A parameter in a rule as it is after its update.

    What that changes is some rate times what its own gradient in its place gives: the multiple is
    found by who compares.
    """
    for edge in reversed(step.edges):
        arguments = [edge.user, *edge.user.parents]
        if edge.op.name not in (*_MATRIX_PRODUCTS, "multiply"):
            continue
        for j, x in enumerate(arguments[1:], 1):
            if j - 1 == edge.position or x.data is None:
                continue
            leaf = x.parents[0] if x.op is not None and x.op.name == "transpose" else x
            g = known.hand.get(leaf, known.right.get(leaf))
            if leaf.op is not None or g is None or g.shape != leaf.shape:
                continue
            moved = [y.argument for y in arguments]
            moved[j] = g.T if leaf is not x else g
            change = _if_fit(_added, step, edge, moved)
            yield Hypothesis(
                "wrong_operand", change, edge.op.name, edge.operand, leaf, leaf, detail="update"
            )


def _added(step: Step, edge: Edge, arguments: list[Any]) -> Any:
    c = summed(edge, with_arguments(edge, step.flow[edge.user], arguments))
    return step.with_added([(edge.operand, c)]) - step.expected


def other_product(step: Step, known: Known) -> Iterator[Hypothesis]:
    """An elementwise product where a matrix product belongs, or the reverse."""
    for edge in step.edges:
        if len(edge.user.parents) != 2:
            continue
        other = edge.user.parents[1 - edge.position]
        g = step.flow[edge.user]
        if other.data is None or not np.ndim(other.data) or not g.ndim:
            continue
        name = edge.op.name
        if name in _MATRIX_PRODUCTS:
            products: tuple[Any, ...] = (np.multiply,)
        elif name in _SCALINGS:
            products = (np.matmul,)
        else:
            continue
        for product, x, y in itertools.product(products, _turned(g), _turned(other.data)):
            for a, b in ((x, y), (y, x)):
                gradient = _changed(step, edge, product, a, b)
                if gradient is None and edge.operand is step.target:
                    gradient = _if_fit(product, a, b)
                yield Hypothesis(
                    "elementwise_for_matmul", gradient, name, edge.operand, other, edge.user
                )


def _turned(x: Any) -> list[Any]:
    return [x, x.T] if x.ndim == 2 else [x]


def another_gradient(step: Step, known: Known) -> Iterator[Hypothesis]:
    """The gradient of another tensor."""
    for value, g in known.gradients_shaped(step.expected.shape):
        if value is not step.target:
            yield Hypothesis("swapped", g, where=step.target, used=value)
    if step.expected.ndim == 2:
        for value, g in known.gradients_shaped(step.expected.shape[::-1]):
            if value is not step.target and g.shape != step.expected.shape:
                yield Hypothesis("swapped", g, where=step.target, used=value, detail="shape")


HYPOTHESES: tuple[Rule, ...] = (
    axes_permuted,
    derivative_left_out,
    derivative_twice,
    derivative_at_output,
    path_left_out,
    only_the_diagonal,
    path_twice,
    sum_left_out,
    other_operand,
    operand_after_update,
    other_product,
    another_gradient,
)
"""The mistakes, the simplest first."""
