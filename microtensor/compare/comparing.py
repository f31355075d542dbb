"""Comparing gradients that were derived by hand with autograd's, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import engine
from ..diagnosis import called
from ..errors import (
    ArgumentError,
    GradientError,
    InPlaceError,
    ReleasedGraphError,
    ShapeError,
)
from ..graph import Graph
from ..names import caller, variables
from ..op import Node
from ..record import leaf_of
from ..tensor import Tensor
from .comparison import Comparison
from .diagnose import Diagnosis
from .inputs import (
    Closeness,
    check_mapping,
    check_output,
    closeness,
    floats,
    node_of,
    seed_of,
)
from .judge import Judge
from .names import Names
from .tape import Tape, Value
from .verdict import Row, Status

__all__ = ["compare", "compare_step"]


def compare(
    output: Tensor,
    hand: Mapping[Tensor, Tensor | npt.ArrayLike],
    *,
    gradient: Tensor | npt.ArrayLike | None = None,
    names: Mapping[str, Any] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> Comparison:
    """Compare gradients that were derived by hand with autograd's, and say what is wrong with them.

    Each is judged by itself. The hand-derived gradients of the tensors downstream are pushed
    through the true local rules to the next tensor that one is given of: if that gives what was
    derived for it, a wrong gradient is only a consequence (``inherited``); if not, its own step is
    ``wrong``. Why, `Row.cause` says, if a mistake that people make reproduces the array to
    rounding. Nothing is broadcast into agreement.

    Parameters
    ----------
    output
        The loss. Its graph is read and not used up: call `backward` afterwards, or with
        ``retain_graph=True`` before.
    hand
        The hand-derived gradients by tensor: parameters, intermediate results, inputs, as many as
        there are. The more, the closer a mistake is located.
    gradient
        The gradient of something with respect to ``output``, of its shape; 1 by default, if it has
        one element.
    names
        What to call which tensor or array, ``{"z1": z1, "dz1": dz1}``; by default what the calling
        code's variables are called. A tensor's own ``name`` goes first.
    rtol, atol
        Gradients are equal if no elements differ by more than ``atol + rtol * |autograd's|``. By
        default they are if rounding explains the difference, which is estimated for each element
        from how the computation amplifies it.

    Returns
    -------
    A `Comparison`: ``.ok``, ``.rows`` in the order of backpropagation, ``.roots``, the wrong ones
    among them; printed, it is a report. Names are the tensors' own, else those of the variables of
    the calling code.

    Raises
    ------
    ArgumentError
        If ``hand`` is no mapping of Tensors, or is empty, or a tolerance is negative.
    GradientError
        If the output has several elements and no ``gradient`` is given, requires no gradient, was
        not computed from a tensor of ``hand``, or is not finite itself.
    ReleasedGraphError
        If `backward` has dropped the arrays that are needed.
    InPlaceError
        If one of them was changed in place since.
    DtypeError
        If a gradient is not made of floating-point numbers, or is that of integers.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> x, y = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 0.5]]), np.array([[1.0], [0.0], [1.0]])
    >>> W = mt.tensor([[0.3], [-0.2]], requires_grad=True)
    >>> z = x @ W
    >>> a = mt.sigmoid(z)
    >>> loss = ((a - y) ** 2).sum()

    By hand; the derivative of the sigmoid was forgotten:

    >>> da = 2 * (a.numpy() - y)
    >>> dz = da
    >>> dW = x.T @ dz
    >>> comparison = mt.compare(loss, {a: da, z: dz, W: dW})
    >>> [(row.name, str(row.status)) for row in comparison.rows]
    [('a', 'exact'), ('z', 'wrong'), ('W', 'inherited')]
    >>> comparison.roots[0].cause.text
    'σ′(z) is missing: the gradient of a is passed on as it is'
    >>> comparison.roots[0].step
    'dz = da * a * (1 - a)'
    """
    return _compared(output, hand, gradient, closeness(rtol, atol), names)


def compare_step(
    output: Tensor,
    updated: Mapping[Tensor, Any],
    lr: float,
    *,
    gradient: Tensor | npt.ArrayLike | None = None,
    names: Mapping[str, Any] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> Comparison:
    """Compare the gradients that one hand-written update of the parameters shows.

    Many tutorials fold the update into backpropagation, as ``weights1 += d_weights1``. From a
    parameter before and after, the gradient is ``(before - after) / lr``, whatever the signs in
    between; those are compared.

    Parameters
    ----------
    output
        The loss, computed with the parameters as they were before.
    updated
        The parameters after the update, by their tensors; or pairs of an array before and one
        after.
    lr
        The learning rate: 1 where the code has none.
    gradient, names, rtol, atol
        As in `compare`. By default, what rounding takes from a gradient in the update is allowed
        for.

    Raises
    ------
    ArgumentError
        If the rate is not a positive number, or what is given before an update is not what the
        tensor holds; and as `compare`.
    GradientError
        If an update is lost in rounding; and as `compare`.
    ShapeError
        If a parameter has not the shape of its tensor.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> w = mt.tensor([1.0, -2.0], requires_grad=True)
    >>> loss = (w * w).sum()
    >>> mt.compare_step(loss, {w: np.array([0.8, -1.6])}, lr=0.1).ok
    True
    """
    if not isinstance(lr, (int, float, np.floating)) or not np.isfinite(lr) or lr <= 0:
        raise ArgumentError(f"compare_step() needs a positive learning rate, and got lr={lr!r}.")
    check_mapping("compare_step", updated)
    hand: dict[Tensor, Any] = {}
    lost: dict[Tensor, Any] = {}
    for tensor, given in updated.items():
        if isinstance(given, tuple) and len(given) != 2:
            raise ArgumentError(
                f"compare_step() takes the array after the update for {called(tensor)}, or a pair "
                f"of those before and after, and got {len(given)} values."
            )
        before, after = given if isinstance(given, tuple) else (tensor, given)
        before, after = (floats(tensor, x, "parameter") for x in (before, after))
        for x in (before, after):
            if x.shape != tensor.shape:
                raise ShapeError(
                    f"compare_step() got an array of shape {x.shape} for {called(tensor)}, which "
                    f"has shape {tensor.shape}."
                )
        if not np.array_equal(before, tensor.data, equal_nan=True):
            raise ArgumentError(
                f"compare_step() got an array before the update that is not what {called(tensor)} "
                "holds, with which the output was computed: give copies made at the same time."
            )
        hand[tensor] = (before - after) / lr
        eps = max(float(np.finfo(x.dtype).eps) for x in (before, after))
        lost[tensor] = eps * np.maximum(np.abs(before), np.abs(after)) / lr
    comparison = _compared(output, hand, gradient, closeness(rtol, atol), names, lost)
    for row in comparison.rows:
        size = float(np.max(np.abs(row.autograd), initial=0.0))
        if float(np.max(lost[row.tensor], initial=0.0)) > size > 0:
            raise GradientError(
                f"compare_step() cannot tell the gradient of {row.name}: the update changes it by "
                f"about {lr * size:.1e}, less than its rounding. Compare the gradient itself, with "
                "compare()."
            )
    return Comparison([_of_update(row) for row in comparison.rows])


_HINTS = {
    "sign": "the update goes uphill, or before and after are exchanged",
    "factor": "or the update has another learning rate",
    "nonfinite": "the update made it so",
}
"""What else the kinds of causes mean where only an update is known."""


def _of_update(row: Row) -> Row:
    cause = row.cause
    if cause is None or row.status is not Status.WRONG or cause.kind not in _HINTS:
        return row
    hint = "the parameter did not change" if cause.factor == 0 else _HINTS[cause.kind]
    return replace(row, cause=replace(cause, text=f"{cause.text} ({hint})"))


def _compared(
    output: Tensor,
    given: Mapping[Tensor, Any],
    gradient: Any,
    close: Closeness | None,
    given_names: Mapping[str, Any] | None,
    lost: Mapping[Tensor, Any] | None = None,
) -> Comparison:
    check_mapping("compare", given)
    check_output(output)
    seen = list(variables(caller()) if given_names is None else given_names.items())
    graph = Graph(output, names=seen)
    hand = {node_of(graph, tensor): floats(tensor, x) for tensor, x in given.items()}
    tensors = {leaf_of(tensor): tensor for tensor in given}
    seed = seed_of(output, gradient)
    right = _right(output, seed, hand, graph)
    tape = Tape(graph)
    seeds = {tape.of[graph.outputs[0]]: seed}
    by_value = {tape.of[node]: array for node, array in hand.items()}
    unrecorded = [tape.of[node] for node in hand if node not in right]
    found = tape.gradients(seeds, toward=unrecorded) if unrecorded else {}
    reference = {
        value: right[node] if node in right else found.get(value, np.zeros(node.shape, node.dtype))
        for node, value in ((node, tape.of[node]) for node in hand)
    }
    slack = {tape.of[leaf_of(tensor)]: amount for tensor, amount in (lost or {}).items()}
    order = sorted(by_value, key=_rank, reverse=True)
    judge = Judge(tape, seeds, by_value, reference, order, close, slack)
    by_node = {leaf_of(tensor): x for tensor, x in given.items()}
    names = Names(graph, by_node, seen)
    diagnosis = Diagnosis(graph, judge, names, seeds)
    rows = []
    for value in order:
        assert value.node is not None
        h, r = by_value[value], reference[value]
        rows.append(
            Row(
                name=names.tensor(value.node),
                gradient_name=names.gradient(value),
                tensor=tensors[value.node],
                shape=value.shape,
                hand=h,
                autograd=np.asarray(r),
                status=judge.status[value],
                max_difference=_largest_difference(h, r),
                cause=diagnosis.cause(value),
                step=diagnosis.step(value),
                rule=diagnosis.rule(value),
                between=diagnosis.between(value),
            )
        )
    return Comparison(rows)


def _right(output: Tensor, seed: Any, hand: Mapping[Node, Any], graph: Graph) -> dict[Node, Any]:
    """Return autograd's gradients, by the engine itself."""
    root = leaf_of(output)
    wanted = {node for node in hand if node.requires_grad}
    leaves = {node for node in graph.nodes if node.op is None and node.requires_grad}
    try:  # as far as the leaves, so that every array is known to be there
        found = engine.backward({root: seed}, targets=wanted | leaves, retain=True)
    except ReleasedGraphError:
        raise ReleasedGraphError(
            "compare() needs the arrays that backward() dropped: call it before backward(), or use "
            "backward(retain_graph=True)."
        ) from None
    except InPlaceError as error:
        raise InPlaceError(
            f"{error} For compare(): call it before the update, or compute the output again."
        ) from None
    return {node: np.asarray(found[node]) for node in wanted if node in found}


def _rank(value: Value) -> tuple[float, bool, int]:
    """Order values by when backpropagation has the last of their contributions."""
    uses = [edge.user.index for edge in value.consumers]
    is_leaf = value.op is None
    return (min(uses) if uses else float("inf"), is_leaf, -value.index if is_leaf else value.index)


def _largest_difference(hand: Any, right: Any) -> float:
    if hand.shape != right.shape:
        return float("inf")
    if not hand.size:
        return 0.0
    with np.errstate(all="ignore"):
        apart = np.where(hand == right, 0.0, np.abs(hand - right))
        apart = np.where(np.isnan(hand) & np.isnan(right), 0.0, apart)
    largest = float(np.max(apart))
    return largest if np.isfinite(largest) else float("inf")
