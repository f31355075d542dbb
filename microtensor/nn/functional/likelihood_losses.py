"""Losses that are minus the logarithm of a likelihood, and the divergence of distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...errors import ArgumentError, ShapeError
from ...record import current_trace
from ...tensor import Tensor
from .conventions import floating, like, matched, reduced

__all__ = ["gaussian_nll_loss", "kl_div", "poisson_nll_loss"]


def kl_div(input: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Return ``target (log(target) - input)``: the Kullback-Leibler divergence, added up.

    Parameters
    ----------
    input
        Logarithms of probabilities, as `log_softmax` gives.
    target
        Probabilities of the same shape, or their logarithms.
    reduction
        ``"batchmean"`` is the divergence: the sum over the number of examples. ``"mean"`` is over
        all elements, ``"sum"`` and ``"none"`` are what they are everywhere.
    log_target
        Whether the target is logarithms.

    Raises
    ------
    ShapeError
        If the shapes differ.
    ArgumentError
        If a probability is negative.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> kl_div(mt.tensor(np.log([[0.5, 0.5]])), [[1.0, 0.0]], reduction="batchmean")
    tensor(0.69314718)
    """
    input, target = matched("kl_div", input, target)
    if log_target:
        losses = ops.exp(target) * (target - input)
    else:
        _check_not_negative("kl_div", "probability", target)
        losses = target * ops.log(ops.where(target > 0, target, 1.0)) - target * input
    if reduction == "batchmean":
        return losses.sum() / (input.shape[0] if input.ndim else 1)
    return reduced(losses, reduction)


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """Return ``exp(input) - target * input``: counts of events, predicted by their log rate.

    Parameters
    ----------
    input
        Logarithms of the rates; or the rates, and the loss is ``input - target log(input + eps)``.
    target
        Counts, of the same shape.
    log_input
        Whether the input is logarithms.
    full
        Whether to add Stirling's ``log(target!)``, for targets above 1, which has no gradient to
        the input.
    eps
        What keeps the logarithm of a rate finite.

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> import microtensor as mt
    >>> poisson_nll_loss(mt.tensor([0.0, 1.0]), [1, 2], reduction="none")
    tensor([1.        , 0.71828183])
    """
    input, target = matched("poisson_nll_loss", input, target)
    rate, log_rate = (ops.exp(input), input) if log_input else (input, ops.log(input + eps))
    losses = rate - target * log_rate
    if full:
        counts = ops.where(target > 1, target, 1.0)
        stirling = counts * ops.log(counts) - counts + 0.5 * ops.log(2.0 * math.pi * counts)
        losses = losses + ops.where(target > 1, stirling, 0.0)
    return reduced(losses, reduction)


def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Return ``(log(var) + (input - target)**2 / var) / 2``: a mean and a variance, predicted.

    After Nix and Weigend, "Estimating the mean and variance of the target probability
    distribution" (1994).

    Parameters
    ----------
    input
        The predicted means.
    target
        Values of the same shape.
    var
        The predicted variances: of the same shape, without the last axis, or with the length 1 for
        one of the axes; or one positive number. They count as ``eps`` at least, in the loss; their
        gradient is that at ``eps``, as in PyTorch.
    full
        Whether to add the constant ``log(2 π) / 2``.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ArgumentError
        If a variance is negative, or ``eps`` not positive.

    Examples
    --------
    >>> import microtensor as mt
    >>> gaussian_nll_loss(mt.tensor([1.0, 2.0]), [1.0, 4.0], [1.0, 4.0], reduction="none")
    tensor([0.        , 1.19314718])
    """
    if not eps > 0:
        raise ArgumentError(f"gaussian_nll_loss() has eps={eps}, which must be positive.")
    input, target = matched("gaussian_nll_loss", input, target)
    variance = _variance(input, var)
    _check_not_negative("gaussian_nll_loss", "variance", variance)
    clamped = variance + ops.maximum(eps - variance.detach(), 0.0)
    losses = 0.5 * (ops.log(clamped) + ops.square(input - target) / clamped)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduced(losses, reduction)


def _variance(input: Tensor, var: Any) -> Tensor:
    """Return the variances with as many axes as the input."""
    if isinstance(var, (int, float)):
        return floating(np.full(input.shape, var, input.dtype))
    variance = like(input, var)
    if variance.shape == input.shape:
        return variance
    if variance.shape == input.shape[:-1] and input.ndim:
        return variance.reshape((*variance.shape, 1))
    differing = [v for v, n in zip(variance.shape, input.shape, strict=False) if v != n]
    if variance.ndim == input.ndim and differing == [1]:
        return variance
    raise ShapeError(
        f"gaussian_nll_loss() has variances of shape {variance.shape} for predictions of shape "
        f"{input.shape}: give that shape, or {input.shape[:-1]}, or the length 1 for one axis."
    )


def _check_not_negative(loss: str, what: str, values: Tensor) -> None:
    if current_trace() is not None:
        return
    data = values._array
    if data.size and not np.minimum.reduce(data, axis=None) >= 0:
        wrong = np.argwhere(~(data >= 0))[0]
        at = tuple(wrong.tolist())
        raise ArgumentError(
            f"{loss}() got the {what} {data[at]} at {at}, which must not be negative."
        )
