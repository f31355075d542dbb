"""Attention as a function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ArgumentError, DtypeError, ShapeError
from ...functions import where
from ...ops.attention import masked_softmax
from ...record import as_tensor
from ...tensor import Tensor
from .dropouts import dropout

__all__ = ["attention_weights", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    *,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Return ``softmax(query @ key.T * scale) @ value``: for each query an average of the values.

    Vaswani and others, "Attention Is All You Need", 2017.

    Parameters
    ----------
    query
        Shape (..., L, E).
    key
        Shape (..., S, E).
    value
        Shape (..., S, Ev).
    attn_mask
        Broadcasts to (..., L, S). Booleans say which keys a query attends to; numbers are added to
        the scores. A query that attends to none gets zeros.
    dropout_p
        The probability with which a weight is left out, also outside of training.
    is_causal
        Whether query i attends to the keys up to i only; then there is no ``attn_mask``.
    scale
        1 / √E by default.
    generator
        Where the random numbers come from; by default a new one.

    Returns
    -------
    A tensor of shape (..., L, Ev).

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    ArgumentError
        If there is a mask, and ``is_causal``.

    >>> import microtensor as mt
    >>> x = mt.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> scaled_dot_product_attention(x, x, [[10.0], [30.0]], is_causal=True)[0]
    tensor([10.])
    """
    query, key, value = as_tensor(query), as_tensor(key), as_tensor(value)
    for name, x in (("query", query), ("key", key), ("value", value)):
        if x.ndim < 2:
            raise ShapeError(f"attention needs a {name} of two axes or more, and got {x.shape}.")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ShapeError(
            "attention needs a query (..., L, E), a key (..., S, E) and a value (..., S, Ev), and "
            f"got {query.shape}, {key.shape} and {value.shape}."
        )
    if is_causal:
        if attn_mask is not None:
            raise ArgumentError(
                "attention is causal or has an attn_mask, not both: give a mask with np.tril()."
            )
        attn_mask = np.tri(query.shape[-2], key.shape[-2], dtype=bool)
    weights = attention_weights(query, key, attn_mask, scale)
    if dropout_p > 0.0:
        weights = dropout(weights, dropout_p, generator=generator)
    return weights @ value


def attention_weights(query: Tensor, key: Tensor, mask: Any, scale: float | None = None) -> Tensor:
    """Return how much of each key's value a query takes: shape (..., L, S), with the sum 1."""
    if scale is None:
        scale = 1.0 / math.sqrt(query.shape[-1] or 1)
    scores = (query * float(scale)) @ key.swapaxes(-1, -2)
    if mask is not None:
        scores = _masked(scores, as_tensor(mask))
    return masked_softmax(scores)


def _masked(scores: Tensor, mask: Tensor) -> Any:
    try:
        shape = np.broadcast_shapes(mask.shape, scores.shape)
    except ValueError:
        shape = ()
    if shape != scores.shape:
        raise ShapeError(
            f"attn_mask has the shape {mask.shape}, which does not broadcast to that of the scores "
            f"{scores.shape}: (..., queries, keys)."
        )
    if mask.dtype == np.bool_:
        return where(mask, scores, -np.inf)
    if mask.dtype.kind != "f":
        raise DtypeError(
            f"attn_mask has dtype {mask.dtype}, and must be of booleans, true where it is attended "
            "to, or of floating-point numbers, which are added to the scores."
        )
    return scores + (mask if mask.dtype == scores.dtype else mask.astype(scores.dtype))
