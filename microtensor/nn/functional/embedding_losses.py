"""Losses that pull vectors of the same kind together, and push others apart.

The vectors are along the last axis: shape (N, D), or (D,) for one; there is a loss for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...errors import ArgumentError, ShapeError
from ...tensor import Tensor
from .conventions import check_labels, floating, like, reduced, same_shape
from .distances import pairwise_distance

__all__ = [
    "contrastive_loss",
    "cosine_embedding_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def contrastive_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 1.0,
    *,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Return ``target d**2 + (1 - target) max(margin - d, 0)**2``, where d is the distance.

    After Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping"
    (2006), who write 0 for similar pairs and halve the loss. Not in PyTorch.

    Parameters
    ----------
    input1, input2
        Vectors of the same shape, (N, D) or (D,): what the two branches of a Siamese network give.
    target
        A label for each pair, of shape (N,) or (): 1 if the two are similar (of one class), 0 if
        they are not.
    margin
        From which distance on different pairs cost nothing.
    eps
        As in `pairwise_distance`: so that different pairs at distance 0 have a gradient.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ArgumentError
        If a label is neither 0 nor 1, or the margin not positive.

    Examples
    --------
    >>> import microtensor as mt
    >>> x1, x2 = mt.tensor([[0.0, 0.0], [0.0, 0.0]]), mt.tensor([[0.3, 0.4], [0.3, 0.4]])
    >>> contrastive_loss(x1, x2, [1, 0], eps=0.0, reduction="none")
    tensor([0.25, 0.25])
    """
    _check_margin("contrastive_loss", margin)
    first, second, similar = _pairs("contrastive_loss", input1, input2, target)
    check_labels("contrastive_loss", similar, (0, 1))
    distance = pairwise_distance(first, second, eps=eps)
    apart = ops.square(ops.relu(margin - distance))
    return reduced(similar * ops.square(distance) + (1.0 - similar) * apart, reduction)


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0, *, reduction: str = "mean"
) -> Tensor:
    """Return ``1 - cos`` of similar pairs, and ``max(cos - margin, 0)`` of different ones.

    Parameters
    ----------
    input1, input2
        Vectors of the same shape, (N, D) or (D,).
    target
        A label for each pair, of shape (N,) or (): 1 if the two are similar, -1 if not.
    margin
        From -1 to 1: up to which cosine different pairs cost nothing.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ArgumentError
        If a label is neither 1 nor -1.

    Examples
    --------
    >>> import microtensor as mt
    >>> x1, x2 = mt.tensor([[1.0, 0.0], [1.0, 0.0]]), mt.tensor([[0.0, 2.0], [3.0, 0.0]])
    >>> cosine_embedding_loss(x1, x2, [1, -1], reduction="none")
    tensor([1., 1.])
    """
    first, second, labels = _pairs("cosine_embedding_loss", input1, input2, target)
    check_labels("cosine_embedding_loss", labels, (1, -1))
    tiny = max(1e-12, float(np.finfo(first.dtype).tiny))  # float16 has no 1e-12
    sizes = [ops.sqrt(ops.square(x).sum(axis=-1) + tiny) for x in (first, second)]
    cosine = (first * second).sum(axis=-1) / (sizes[0] * sizes[1])
    losses = ops.where(labels == 1, 1.0 - cosine, ops.clip(cosine - margin, 0.0))
    return reduced(losses, reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Return ``max(d(anchor, positive) - d(anchor, negative) + margin, 0)``.

    After Schroff, Kalenichenko and Philbin, "FaceNet" (2015). d is the `pairwise_distance`.

    Parameters
    ----------
    anchor, positive, negative
        Vectors of the same shape, (N, D) or (D,): positive is of the anchor's kind, negative not.
    margin
        By how much nearer the positive has to be.
    p, eps
        As in `pairwise_distance`.
    swap
        Whether to take the distance of positive and negative, where that is smaller than that of
        anchor and negative; Balntas et al., "Learning local feature descriptors with triplets and
        shallow convolutional neural networks" (2016).

    Raises
    ------
    ShapeError
        If the shapes differ.
    ArgumentError
        If the margin is not positive.

    Examples
    --------
    >>> import microtensor as mt
    >>> triplet_margin_loss(mt.tensor([0.0, 0.0]), [0.0, 1.0], [0.0, 1.5], eps=0.0)
    tensor(0.5)
    """

    def distance(x1: Any, x2: Any) -> Any:
        return pairwise_distance(x1, x2, p, eps)

    return _triplets(
        "triplet_margin_loss", anchor, positive, negative, distance, margin, swap, reduction
    )


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return the `triplet_margin_loss` with another distance: a function of two Tensors.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ArgumentError
        If the margin is not positive.

    Examples
    --------
    >>> import microtensor as mt
    >>> def taxi(x1, x2):
    ...     return abs(x1 - x2).sum(axis=-1)
    >>> triplet_margin_with_distance_loss(
    ...     mt.tensor([0.0, 0.0]), [0.0, 1.0], [0.5, 1.0], distance_function=taxi
    ... )
    tensor(0.5)
    """
    return _triplets(
        "triplet_margin_with_distance_loss",
        anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction,
    )  # fmt: skip


def _triplets(
    loss: str,
    anchor: Any,
    positive: Any,
    negative: Any,
    distance: Callable[[Any, Any], Any],
    margin: float,
    swap: bool,
    reduction: str,
) -> Any:
    _check_margin(loss, margin)
    anchor = floating(anchor)
    positive, negative = like(anchor, positive), like(anchor, negative)
    same_shape(loss, ("anchor", anchor), ("positive", positive), ("negative", negative))
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = ops.minimum(far, distance(positive, negative))
    return reduced(ops.clip(near - far + margin, 0.0), reduction)


def _check_margin(loss: str, margin: float) -> None:
    if not margin > 0:
        raise ArgumentError(f"{loss}() has margin={margin}, which must be positive.")


def _pairs(loss: str, input1: Any, input2: Any, target: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return pairs of vectors and their labels as Tensors."""
    first = floating(input1)
    second, labels = like(first, input2), like(first, target)
    same_shape(loss, ("first input", first), ("second input", second))
    if first.ndim == 0:
        raise ShapeError(f"{loss}() is of vectors, and got two numbers.")
    if labels.shape != first.shape[:-1]:
        raise ShapeError(
            f"{loss}() needs a label for each pair of vectors, {first.shape[:-1]} for inputs of "
            f"shape {first.shape}, and got a target of shape {labels.shape}."
        )
    return first, second, labels
