"""Losses that are 0 where a score is right by a margin, and the smooth ones like them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...errors import ArgumentError, DtypeError, IndexingError, ShapeError
from ...functions import cumsum
from ...ops import fused
from ...record import apply_binary, as_tensor, current_trace
from ...tensor import Tensor
from .class_losses import class_indices, class_weights
from .conventions import check_labels, floating, like, matched, reduced, same_shape

__all__ = [
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
]


def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, *, reduction: str = "mean"
) -> Tensor:
    """Return the input where the target is 1, and ``max(margin - input, 0)`` where it is -1.

    The input is a distance of two things: small for similar ones, whose label is 1.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ArgumentError
        If a label is neither 1 nor -1.

    Examples
    --------
    >>> import microtensor as mt
    >>> hinge_embedding_loss(mt.tensor([0.25, 0.25, 4.0]), [1, -1, -1], reduction="none")
    tensor([0.25, 0.75, 0.  ])
    """
    input, target = matched("hinge_embedding_loss", input, target)
    check_labels("hinge_embedding_loss", target, (1, -1))
    return reduced(ops.where(target == 1, input, ops.clip(margin - input, 0.0)), reduction)


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0, *, reduction: str = "mean"
) -> Tensor:
    """Return ``max(-target (input1 - input2) + margin, 0)``.

    The target is 1 where the first input should rank higher, -1 where the second should.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ArgumentError
        If a label is neither 1 nor -1.

    Examples
    --------
    >>> import microtensor as mt
    >>> margin_ranking_loss(mt.tensor([3.0, 3.0]), [1.0, 1.0], [1, -1], reduction="none")
    tensor([0., 2.])
    """
    first = floating(input1)
    second, labels = like(first, input2), like(first, target)
    same_shape(
        "margin_ranking_loss", ("first input", first), ("second", second), ("target", labels)
    )
    check_labels("margin_ranking_loss", labels, (1, -1))
    return reduced(ops.clip(labels * (second - first) + margin, 0.0), reduction)


def soft_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """Return ``log(1 + exp(-target * input))``, for targets 1 and -1; exact for any input.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ArgumentError
        If a label is neither 1 nor -1.

    Examples
    --------
    >>> import microtensor as mt
    >>> soft_margin_loss(mt.tensor([0.0, 1000.0]), [1, -1], reduction="none")
    tensor([6.93147181e-01, 1.00000000e+03])
    """
    input, target = matched("soft_margin_loss", input, target)
    check_labels("soft_margin_loss", target, (1, -1))
    return reduced(ops.softplus(-target * input), reduction)


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean over the classes of ``max(margin - score of the true class + score, 0)**p``.

    The true class itself counts as 0.

    Parameters
    ----------
    input
        Scores for C classes: shape (N, C), or (C,).
    target
        Class indices, integers from 0 to C - 1, of shape (N,) or ().
    p
        1 or 2.
    weight
        Shape (C,): a factor for each true class.

    Raises
    ------
    ShapeError, DtypeError, IndexingError
        As `cross_entropy`.
    ArgumentError
        If ``p`` is neither 1 nor 2.

    Examples
    --------
    >>> import microtensor as mt
    >>> multi_margin_loss(mt.tensor([[0.1, 0.2, 0.4, 0.8]]), [3])
    tensor(0.325)
    """
    if p not in (1, 2):
        raise ArgumentError(f"multi_margin_loss() has p={p}, which must be 1 or 2.")
    scores = _scores("multi_margin_loss", input)
    weights = class_weights(weight, scores)
    indices, _ = class_indices("multi_margin_loss", scores, as_tensor(target))
    rows = scores.reshape(-1, scores.shape[-1])
    chosen = rows[np.arange(len(rows)), indices.reshape(-1)].reshape((*indices.shape, 1))
    excess = ops.relu(margin - chosen + scores)
    if p == 2:
        excess = ops.square(excess)
    others = ops.expand_dims(indices, -1) != np.arange(scores.shape[-1])
    losses = ops.where(others, excess, 0.0).mean(axis=-1)
    return reduced(losses if weights is None else losses * weights[indices], reduction)


def multilabel_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """Return the sum of ``max(1 - score of a true class + score of another, 0)`` over C.

    The sum is over all pairs of a true class and one that is not.

    Parameters
    ----------
    input
        Scores for C classes: shape (N, C), or (C,).
    target
        Integers of the same shape: the true classes of each example, then -1, then anything.

    Raises
    ------
    ShapeError, DtypeError
        If the target has another shape, or is not of integers.
    IndexingError
        If a class index is not from -1 to C - 1.

    Examples
    --------
    >>> import microtensor as mt
    >>> multilabel_margin_loss(mt.tensor([[0.1, 0.2, 0.4, 0.8]]), [[3, 0, -1, 1]])
    tensor(0.85)
    """
    scores, labels = _scores("multilabel_margin_loss", input), as_tensor(target)
    _check_lists(scores, labels)
    count = scores.shape[-1]
    rows, lists = scores.reshape(-1, count), labels.reshape(-1, count)
    listed = cumsum((lists < 0).astype(int), axis=1) == 0
    classes = ops.where(listed, lists, 0)
    each = np.arange(count)
    hits = ops.any(listed[:, :, None] & (classes[:, :, None] == each), axis=1)
    chosen = rows[np.arange(len(rows))[:, None], classes]
    excess = ops.relu(1.0 - chosen[:, :, None] + rows[:, None, :])
    counted = listed[:, :, None] & ~hits[:, None, :]
    losses = ops.where(counted, excess, 0.0).sum(axis=(1, 2)) / count
    return reduced(losses.reshape(scores.shape[:-1]), reduction)


def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean"
) -> Tensor:
    """Return the mean over the classes of `binary_cross_entropy_with_logits`, for each example.

    Parameters
    ----------
    input
        Logits of shape (..., C).
    target
        For each class 1 or 0, of the same shape.
    weight
        Shape (C,): a factor for each class.

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> import microtensor as mt
    >>> multilabel_soft_margin_loss(mt.tensor([[0.0, 100.0]]), [[1, 1]])
    tensor(0.34657359)
    """
    input, target = matched("multilabel_soft_margin_loss", input, target)
    if input.ndim == 0:
        raise ShapeError("multilabel_soft_margin_loss() needs a logit for each class, (..., C).")
    losses = apply_binary(fused.binary_cross_entropy_with_logits, input, target)
    weights = class_weights(weight, losses)
    return reduced((losses if weights is None else losses * weights).mean(axis=-1), reduction)


def _scores(loss: str, input: Any) -> Tensor:
    scores = floating(input)
    if scores.ndim not in (1, 2) or not scores.shape[-1]:
        raise ShapeError(
            f"{loss}() needs scores for each class, (N, C) or (C,), and got the shape "
            f"{scores.shape}."
        )
    return scores


def _check_lists(scores: Tensor, labels: Tensor) -> None:
    """Raise if a list of true classes is none."""
    if labels.shape != scores.shape:
        raise ShapeError(
            f"multilabel_margin_loss() takes lists of true classes, filled up with -1 to the "
            f"input's shape {scores.shape}, and got a target of shape {labels.shape}."
        )
    if labels.dtype.kind not in "iu":
        raise DtypeError(
            f"multilabel_margin_loss() got class indices of dtype {labels.dtype}, and they are "
            "integers: give target.astype(int)."
        )
    if current_trace() is None:
        data, count = labels._array, scores.shape[-1]
        wrong = np.argwhere((data < -1) | (data >= count))
        if len(wrong):
            at = tuple(wrong[0].tolist())
            raise IndexingError(
                f"multilabel_margin_loss() got the class index {data[at]} at {at} of the target, "
                f"and there are {count} classes: indices go from 0 to {count - 1}, and -1 ends "
                "them."
            )
