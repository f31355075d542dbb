"""Layers without parameters of their own, as functions. They take ``dim``, as PyTorch's do."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...errors import ShapeError, UnsupportedError
from ...ops import fused
from ...record import apply, apply_binary, as_tensor
from ...tensor import Tensor

__all__ = ["flatten", "linear", "log_softmax", "required_dim", "softmax", "softmin"]


_NONE: dict[str, Any] = {}


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """Return ``input @ weight.T + bias``.

    Parameters
    ----------
    input
        Shape (..., in_features).
    weight
        Shape (out_features, in_features).
    bias
        Shape (out_features,), or ``None``.

    Examples
    --------
    >>> import microtensor as mt
    >>> linear(mt.tensor([1.0, 2.0]), mt.tensor([[3.0, 4.0]]), mt.tensor([10.0]))
    tensor([21.])
    """
    if bias is None:
        return apply_binary(fused.linear_no_bias, as_tensor(input), weight)
    return apply(fused.linear, (as_tensor(input), weight, bias), _NONE)


def softmax(input: Any, dim: int | None = None, **unknown: Any) -> Tensor:
    """Return ``exp(x) / sum(exp(x))`` along the axis ``dim``, which must be given.

    >>> import microtensor as mt
    >>> softmax(mt.tensor([1000.0, 1000.0, 0.0]), dim=0)
    tensor([0.5, 0.5, 0. ])
    """
    return ops.softmax(as_tensor(input), axis=required_dim("softmax", dim, unknown))


def log_softmax(input: Any, dim: int | None = None, **unknown: Any) -> Tensor:
    """Return ``log(softmax(x))`` along ``dim``, which must be given; finite for any logits.

    >>> import microtensor as mt
    >>> log_softmax(mt.tensor([1000.0, 0.0]), dim=0)
    tensor([    0., -1000.])
    """
    return ops.log_softmax(as_tensor(input), axis=required_dim("log_softmax", dim, unknown))


def softmin(input: Any, dim: int | None = None, **unknown: Any) -> Tensor:
    """Return ``softmax(-x)`` along the axis ``dim``, which must be given.

    >>> import microtensor as mt
    >>> softmin(mt.tensor([1000.0, 1000.0, 2000.0]), dim=0)
    tensor([0.5, 0.5, 0. ])
    """
    return ops.softmax(-as_tensor(input), axis=required_dim("softmin", dim, unknown))


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Make one axis of the axes from ``start_dim`` to ``end_dim``.

    >>> import microtensor as mt
    >>> flatten(mt.tensor([[[1.0, 2.0], [3.0, 4.0]]]), start_dim=1).shape
    (1, 4)
    """
    input = as_tensor(input)
    shape = input.shape or (1,)
    axes = range(len(shape))
    if start_dim not in range(-len(shape), len(shape)) or end_dim not in range(
        -len(shape), len(shape)
    ):
        raise ShapeError(
            f"An input of shape {input.shape} has no axes {start_dim} and {end_dim} to flatten."
        )
    start, end = axes[start_dim], axes[end_dim]
    if start > end:
        raise ShapeError(
            f"start_dim={start_dim} comes after end_dim={end_dim} in the shape {input.shape}."
        )
    return input.reshape((*shape[:start], -1, *shape[end + 1 :]))


def required_dim(function: str, dim: int | None, unknown: dict[str, Any]) -> int:
    """Return ``dim``; raise if it is missing, or called otherwise.

    PyTorch guesses the axis from the number of axes and warns; here it must be said.
    """
    for name in unknown:
        advice = (
            f"write dim={unknown[name]!r}, as in PyTorch" if name == "axis" else "it takes dim="
        )
        raise UnsupportedError(f"{function}() does not support the argument {name}=: {advice}.")
    if dim is None:
        raise TypeError(f"{function}() needs dim, the axis that sums to 1: dim=-1 is the last.")
    return dim
