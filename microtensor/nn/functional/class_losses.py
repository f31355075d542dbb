"""Losses of scores for C classes: an input of shape (N, C), (C,) or (N, C, d1, d2, ...).

A target of class indices has the input's shape without C. ``reduction`` is ``"mean"``, ``"sum"`` or
``"none"``; the mean is weighted where ``weight`` is given.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...errors import ArgumentError, DtypeError, IndexingError, ShapeError
from ...ops import fused
from ...record import apply_binary, as_tensor, current_trace
from ...tensor import Tensor
from .conventions import floating, like, reduced

__all__ = ["class_indices", "class_weights", "cross_entropy", "nll_loss"]


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return ``-log(softmax(input))`` of the true class, exact for logits of any size.

    The formulas are those of `torch.nn.CrossEntropyLoss`. With probabilities y as the target it is
    ``-sum(weight * y * log(softmax(input)))`` over the classes, and the mean is over the examples.

    Parameters
    ----------
    input
        Logits, any numbers, of shape (N, C), (C,) or (N, C, d1, ...).
    target
        Class indices, integers from 0 to C - 1, of the input's shape without C; or probabilities
        of the input's shape.
    weight
        Shape (C,): a factor for each class.
    ignore_index
        A class index that marks examples which do not count.
    label_smoothing
        Which part of the target, from 0 to 1, is spread evenly over all classes.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    DtypeError
        If class indices are not integers.
    IndexingError
        If a class index is not from 0 to C - 1.
    ArgumentError
        If ``label_smoothing`` is not between 0 and 1, or ``reduction`` is unknown.

    Examples
    --------
    >>> import microtensor as mt
    >>> logits = mt.tensor([[0.0, 0.0], [50.0, 0.0]])
    >>> cross_entropy(logits, [1, 1], reduction="none")
    tensor([ 0.69314718, 50.        ])
    >>> cross_entropy(logits, [[0.5, 0.5], [0.5, 0.5]], reduction="none")
    tensor([ 0.69314718, 25.        ])
    """
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(f"label_smoothing is {label_smoothing}, and must be between 0 and 1.")
    input, target = floating(input), as_tensor(target)
    logits = _classes_last("cross_entropy", input)
    weight = class_weights(weight, logits)
    if target.shape == input.shape:
        y = _classes_last("cross_entropy", like(logits, target))
        if label_smoothing:
            y = (1.0 - label_smoothing) * y + label_smoothing / logits.shape[-1]
        return reduced(_over_classes(y * ops.log_softmax(logits, axis=-1), weight), reduction)
    indices, counted = class_indices("cross_entropy", logits, target, ignore_index)
    if reduction == "mean" and weight is None and counted is None and not label_smoothing:
        return apply_binary(fused.mean_cross_entropy, logits, indices)
    losses = apply_binary(fused.cross_entropy, logits, indices)
    factors = None if weight is None else weight[indices]
    if factors is not None:
        losses = losses * factors
    if label_smoothing:
        spread = _over_classes(ops.log_softmax(logits, axis=-1), weight) / logits.shape[-1]
        losses = (1.0 - label_smoothing) * losses + label_smoothing * spread
    return _reduced(losses, factors, counted, reduction)


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Return ``-input`` of the true class; after `log_softmax`, that is the `cross_entropy`.

    Parameters
    ----------
    input
        Log-probabilities of shape (N, C), (C,) or (N, C, d1, ...).
    target
        Class indices, integers from 0 to C - 1, of the input's shape without C.
    weight
        Shape (C,): a factor for each class.
    ignore_index
        A class index that marks examples which do not count.

    Raises
    ------
    ShapeError, DtypeError, IndexingError
        As `cross_entropy`.

    Examples
    --------
    >>> import microtensor as mt
    >>> nll_loss(mt.tensor([[-0.5, -1.5], [-3.0, -4.0]]), [0, 1])
    tensor(2.25)
    """
    scores = _classes_last("nll_loss", floating(input))
    weight = class_weights(weight, scores)
    indices, counted = class_indices("nll_loss", scores, as_tensor(target), ignore_index)
    rows = scores.reshape(-1, scores.shape[-1])
    losses = -rows[np.arange(len(rows)), indices.reshape(-1)].reshape(indices.shape)
    factors = None if weight is None else weight[indices]
    if factors is not None:
        losses = losses * factors
    return _reduced(losses, factors, counted, reduction)


def _classes_last(loss: str, input: Tensor) -> Tensor:
    """Move the axis of the classes, the second of a batch, to the end."""
    if input.ndim == 0:
        raise ShapeError(
            f"{loss}() needs a score for each class, (N, C) or (C,), and got a single number."
        )
    return input if input.ndim <= 2 else ops.moveaxis(input, 1, -1)


def class_weights(weight: Any, scores: Tensor) -> Tensor | None:
    """Return a factor for each class, if given; raise if there are more or fewer."""
    if weight is None:
        return None
    weights = like(scores, weight)
    if weights.shape != scores.shape[-1:]:
        raise ShapeError(
            f"weight has shape {weights.shape}, and must have one factor for each class: "
            f"{scores.shape[-1:]}."
        )
    return weights


def _over_classes(products: Tensor, weight: Tensor | None) -> Tensor:
    """Return minus the weighted sum over the classes."""
    return -(products if weight is None else products * weight).sum(axis=-1)


def class_indices(
    loss: str, scores: Tensor, target: Tensor, ignore_index: int | None = None
) -> tuple[Tensor, Any]:
    """Return the class indices, and which examples count, or ``None`` if all do."""
    *shape, count = scores.shape
    if target.shape != tuple(shape):
        raise ShapeError(
            f"{loss}() got a target of shape {target.shape} for {count} classes. It takes class "
            f"indices of shape {tuple(shape)}"
            + (", or probabilities of the input's own shape." if loss == "cross_entropy" else ".")
        )
    if target.dtype.kind not in "iu":
        raise DtypeError(
            f"{loss}() got class indices of dtype {target.dtype}, and they are integers: give "
            "target.astype(int)."
        )
    ignored = ignore_index is not None and 0 <= ignore_index < count
    trace = current_trace()
    if trace is not None:
        given = trace.example(target)
        if ignored or (ignore_index is not None and np.any(given == ignore_index)):
            counted = target != ignore_index
            checked = ops.where(counted, target, 0)
            return fused.class_indices(checked, count), counted
        return fused.class_indices(target, count), None
    classes = target._array
    if not ignored and (not classes.size or (classes.min() >= 0 and classes.max() < count)):
        return target, None
    known = (classes >= 0) & (classes < count)
    counts: Any = np.ones_like(known) if ignore_index is None else classes != ignore_index
    wrong = np.argwhere(counts & ~known)
    if len(wrong):
        where = tuple(wrong[0].tolist())
        raise IndexingError(
            f"{loss}() got the class index {classes[where]} at {where} of the target, and there "
            f"are {count} classes: indices go from 0 to {count - 1}."
        )
    return as_tensor(np.where(counts, classes, 0)), counts


def _reduced(losses: Tensor, factors: Tensor | None, counted: Any, reduction: str) -> Tensor:
    """Reduce; the mean is over the examples that count, by their factors."""
    if counted is None:
        return reduced(losses, reduction, None if factors is None else factors.sum())
    losses = ops.where(counted, losses, 0.0)
    if factors is None:
        return reduced(losses, reduction, _number_counted(counted, losses))
    return reduced(losses, reduction, ops.where(counted, factors, 0.0).sum())


def _number_counted(counted: Any, losses: Tensor) -> Any:
    if current_trace() is None:
        return int(np.count_nonzero(counted))
    return counted.astype(losses.dtype).sum()
