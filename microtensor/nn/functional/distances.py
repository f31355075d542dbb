"""How far vectors are from each other, and how alike their directions are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...errors import ShapeError
from ...tensor import Tensor
from .conventions import floating, like

__all__ = ["cosine_similarity", "pairwise_distance"]


def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """Return the norm of ``x1 - x2 + eps`` along the last axis; the two broadcast.

    Thanks to ``eps``, which is added to each difference, there is a gradient at distance 0.

    Parameters
    ----------
    p
        The norm: ``sum(abs(x)**p)**(1 / p)``, or the largest difference for infinity.
    keepdim
        Whether to keep the last axis, with the length 1.

    Raises
    ------
    ShapeError
        If the shapes do not broadcast, or are of single numbers.

    Examples
    --------
    >>> import microtensor as mt
    >>> pairwise_distance(mt.tensor([[0.0, 0.0], [1.0, 1.0]]), [[3.0, 4.0], [1.0, 1.0]], eps=0.0)
    tensor([5., 0.])
    """
    x1 = floating(x1)
    x2 = like(x1, x2)
    if x1.shape != x2.shape:
        x1, x2 = _broadcast("pairwise_distance", x1, x2)
    difference = x1 - x2
    if difference.ndim == 0:
        raise ShapeError("pairwise_distance() is of vectors, and got two numbers.")
    if eps:
        difference = difference + eps
    return ops.norms.vector_norm(difference, axis=-1, keepdims=keepdim, ord=p)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return the cosine of the angle between vectors along ``dim``; the two broadcast.

    Norms count as ``eps`` at least: the cosine with a vector of zeros is 0.

    Raises
    ------
    ShapeError
        If the shapes do not broadcast, or there is no such axis.

    Examples
    --------
    >>> import microtensor as mt
    >>> cosine_similarity(mt.tensor([1.0, 0.0]), [1.0, 1.0], dim=0)
    tensor(0.70710678)
    """
    x1 = floating(x1)
    x2 = like(x1, x2)
    if x1.shape != x2.shape:
        x1, x2 = _broadcast("cosine_similarity", x1, x2)
    if dim not in range(-x1.ndim, x1.ndim):
        raise ShapeError(
            f"cosine_similarity() has dim={dim}, and inputs of shape {x1.shape} have no such axis."
        )
    norms = [ops.norms.vector_norm(x, axis=dim, keepdims=True) for x in (x1, x2)]
    first, second = (x / ops.clip(norm, eps) for x, norm in zip((x1, x2), norms, strict=True))
    return (first * second).sum(axis=dim)


def _broadcast(function: str, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
    try:
        shape = np.broadcast_shapes(x1.shape, x2.shape)
    except ValueError:
        raise ShapeError(
            f"{function}() has inputs of shape {x1.shape} and {x2.shape}, which do not broadcast."
        ) from None
    return ops.broadcast_to(x1, shape), ops.broadcast_to(x2, shape)
