"""Smooth activations, of each element; those with a kink are in ``rectifiers.py``."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...errors import ArgumentError, ShapeError
from ...ops import activations, normal
from ...record import apply_unary
from ...tensor import Tensor
from .conventions import floating

__all__ = ["gelu", "glu", "logsigmoid", "mish", "silu", "softplus", "softsign", "tanhshrink"]


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """Return ``x Φ(x)``, where Φ is the distribution function of the standard normal distribution.

    After Hendrycks and Gimpel, "Gaussian error linear units" (2016).

    Parameters
    ----------
    approximate
        ``"none"``, or ``"tanh"``: ``Φ(x) ≈ (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2``.

    Raises
    ------
    ArgumentError
        If ``approximate`` is neither.

    Examples
    --------
    >>> import microtensor as mt
    >>> gelu(mt.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.15865525,  0.        ,  0.84134475])
    """
    x = floating(input)
    if approximate == "none":
        return x * apply_unary(normal.normal_cdf, x)
    if approximate == "tanh":
        return x * apply_unary(normal.normal_cdf_by_tanh, x)
    raise ArgumentError(f"gelu() has approximate={approximate!r}, and takes 'none' or 'tanh'.")


def silu(input: Any) -> Tensor:
    """Return ``x sigmoid(x)``, also called swish.

    >>> import microtensor as mt
    >>> silu(mt.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.26894142,  0.        ,  0.73105858])
    """
    return apply_unary(activations.silu, floating(input))


def mish(input: Any) -> Tensor:
    """Return ``x tanh(softplus(x))``; Misra, "Mish: a self regularized activation" (2019).

    >>> import microtensor as mt
    >>> mish(mt.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.30340146,  0.        ,  0.86509839])
    """
    return apply_unary(activations.mish, floating(input))


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return ``log(1 + exp(beta x)) / beta``.

    Where ``beta x`` is above ``threshold``, PyTorch returns x instead. From 20 on, the two differ
    by less than 2.1e-9 / beta, and the exact value is returned; a lower threshold is kept.

    Raises
    ------
    ArgumentError
        If ``beta`` is 0.

    Examples
    --------
    >>> import microtensor as mt
    >>> softplus(mt.tensor([-1.0, 0.0, 1.0]), beta=2.0)
    tensor([0.06346401, 0.34657359, 1.06346401])
    """
    if beta == 0:
        raise ArgumentError("softplus() has beta=0, and divides by it: give another.")
    x = floating(input)
    scaled = x if beta == 1 else x * beta
    smooth = apply_unary(ops.softplus, scaled)
    if beta != 1:
        smooth = smooth / beta
    return smooth if threshold >= 20 else ops.where(scaled > threshold, x, smooth)


def logsigmoid(input: Any) -> Tensor:
    """Return ``log(sigmoid(x))``, which is ``-softplus(-x)``.

    >>> import microtensor as mt
    >>> logsigmoid(mt.tensor([-1000.0, 0.0]))
    tensor([-1.00000000e+03, -6.93147181e-01])
    """
    return -ops.softplus(-floating(input))


def softsign(input: Any) -> Tensor:
    """Return ``x / (1 + abs(x))``, between -1 and 1.

    >>> import microtensor as mt
    >>> softsign(mt.tensor([-1.0, 0.0, 3.0]))
    tensor([-0.5 ,  0.  ,  0.75])
    """
    x = floating(input)
    return x / (1.0 + ops.absolute(x))


def tanhshrink(input: Any) -> Tensor:
    """Return ``x - tanh(x)``.

    >>> import microtensor as mt
    >>> tanhshrink(mt.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.23840584,  0.        ,  0.23840584])
    """
    x = floating(input)
    return x - ops.tanh(x)


def glu(input: Any, dim: int = -1) -> Tensor:
    """Return the first half of x along ``dim`` times the sigmoid of the second half.

    After Dauphin et al., "Language modeling with gated convolutional networks" (2017).

    Raises
    ------
    ShapeError
        If there is no such axis, or its length is odd.

    Examples
    --------
    >>> import microtensor as mt
    >>> glu(mt.tensor([[1.0, 2.0, 0.0, 100.0]]))
    tensor([[0.5, 2. ]])
    """
    x = floating(input)
    if dim not in range(-x.ndim, x.ndim):
        raise ShapeError(f"glu() has dim={dim}, and an input of shape {x.shape} has no such axis.")
    length = x.shape[dim]
    if length % 2:
        raise ShapeError(
            f"glu() halves the axis {dim}, and that of an input of shape {x.shape} has the odd "
            f"length {length}."
        )
    lead = (slice(None),) * (dim % x.ndim)
    return x[(*lead, slice(length // 2))] * ops.sigmoid(x[(*lead, slice(length // 2, None))])
