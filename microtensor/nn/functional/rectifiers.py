"""Activations that are a straight line in places, of each element; smooth ones are in another file.

Where two pieces meet, the derivative is that of one of them: the one that PyTorch takes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...errors import ArgumentError, ShapeError
from ...ops import activations
from ...record import apply_binary, apply_unary, draw
from ...tensor import Tensor
from .conventions import floating, like

__all__ = [
    "celu",
    "elu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "prelu",
    "relu6",
    "rrelu",
    "selu",
    "softshrink",
    "threshold",
]

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Tensor:
    """Return x where it is positive, else ``negative_slope * x``; so is the derivative at 0.

    >>> import microtensor as mt
    >>> leaky_relu(mt.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.01,  0.  ,  2.  ])
    """
    return apply_binary(activations.leaky_relu, floating(input), negative_slope)


def prelu(input: Any, weight: Any) -> Tensor:
    """Return x where it is positive, else ``weight * x``; the weight is a parameter.

    After He et al., "Delving deep into rectifiers" (2015).

    Parameters
    ----------
    weight
        One number, or one for each channel: each index of the input's second axis.

    Raises
    ------
    ShapeError
        If there are as many weights as neither.

    Examples
    --------
    >>> import microtensor as mt
    >>> prelu(mt.tensor([[-1.0, -1.0]]), mt.tensor([0.25, 0.5]))
    tensor([[-0.25, -0.5 ]])
    """
    x = floating(input)
    slopes = like(x, weight)
    if slopes.size != 1:
        channels = x.shape[1] if x.ndim > 1 else 1
        if slopes.shape != (channels,):
            raise ShapeError(
                f"prelu() needs one weight, or one for each of the {channels} channels of an input "
                f"of shape {x.shape}, and got weights of shape {slopes.shape}."
            )
        slopes = slopes.reshape((channels,) + (1,) * (x.ndim - 2))
    elif slopes.ndim > x.ndim:
        slopes = slopes.reshape(())
    return apply_binary(activations.leaky_relu, x, slopes)


def rrelu(
    input: Any,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    *,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Return `leaky_relu` with slopes drawn at random, evenly between ``lower`` and ``upper``.

    After Xu et al., "Empirical evaluation of rectified activations" (2015).

    Parameters
    ----------
    training
        Whether to draw; if not, the slope is the mean of the two.
    generator
        Where the random numbers come from; by default a new one.

    Raises
    ------
    ArgumentError
        If ``lower`` is greater than ``upper``.

    Examples
    --------
    >>> import microtensor as mt
    >>> rrelu(mt.tensor([-1.0, 2.0]), 0.1, 0.3)
    tensor([-0.2,  2. ])
    """
    if not lower <= upper:
        raise ArgumentError(f"rrelu() draws slopes from {lower} to {upper}: exchange the two.")
    x = floating(input)
    if not training:
        return apply_binary(activations.leaky_relu, x, (lower + upper) / 2)
    numbers = draw(generator or np.random.default_rng(), x.shape, x.dtype)
    return apply_binary(activations.leaky_relu, x, numbers * (upper - lower) + lower)


def elu(input: Any, alpha: float = 1.0) -> Tensor:
    """Return x where it is positive, else ``alpha (exp(x) - 1)``.

    After Clevert et al., "Fast and accurate deep network learning by exponential linear units"
    (2015).

    >>> import microtensor as mt
    >>> elu(mt.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.63212056,  0.        ,  2.        ])
    """
    return apply_unary(activations.elu, floating(input), {"alpha": alpha})


def selu(input: Any) -> Tensor:
    """Return ``1.0507 elu(x, 1.6733)``, which keeps mean 0 and variance 1 from layer to layer.

    After Klambauer et al., "Self-normalizing neural networks" (2017), with both constants to 16
    digits.

    >>> import microtensor as mt
    >>> selu(mt.tensor([-1.0, 0.0, 1.0]))
    tensor([-1.11133074,  0.        ,  1.05070099])
    """
    return elu(input, _SELU_ALPHA) * _SELU_SCALE


def celu(input: Any, alpha: float = 1.0) -> Tensor:
    """Return x where it is positive, else ``alpha (exp(x / alpha) - 1)``: smooth for any alpha.

    After Barron, "Continuously differentiable exponential linear units" (2017).

    Raises
    ------
    ArgumentError
        If ``alpha`` is 0.

    Examples
    --------
    >>> import microtensor as mt
    >>> celu(mt.tensor([-1.0, 0.0, 2.0]), alpha=0.5)
    tensor([-0.43233236,  0.        ,  2.        ])
    """
    if alpha == 0:
        raise ArgumentError("celu() has alpha=0, and divides by it: give another.")
    return apply_unary(activations.celu, floating(input), {"alpha": alpha})


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Return x, limited to between ``min_val`` and ``max_val``; the derivative there is 0.

    Raises
    ------
    ArgumentError
        If ``min_val`` is greater than ``max_val``.

    Examples
    --------
    >>> import microtensor as mt
    >>> hardtanh(mt.tensor([-3.0, 0.5, 2.0]))
    tensor([-1. ,  0.5,  1. ])
    """
    if not min_val <= max_val:
        raise ArgumentError(f"hardtanh() limits to from {min_val} to {max_val}: exchange the two.")
    return apply_unary(
        activations.hardtanh, floating(input), {"min_val": min_val, "max_val": max_val}
    )


def relu6(input: Any) -> Tensor:
    """Return x, limited to between 0 and 6.

    >>> import microtensor as mt
    >>> relu6(mt.tensor([-1.0, 3.0, 9.0]))
    tensor([0., 3., 6.])
    """
    return hardtanh(input, 0.0, 6.0)


def hardsigmoid(input: Any) -> Tensor:
    """Return ``relu6(x + 3) / 6``: a sigmoid of straight lines.

    >>> import microtensor as mt
    >>> hardsigmoid(mt.tensor([-4.0, 0.0, 1.5]))
    tensor([0.  , 0.5 , 0.75])
    """
    return relu6(floating(input) + 3.0) / 6.0


def hardswish(input: Any) -> Tensor:
    """Return ``x hardsigmoid(x)``; Howard et al., "Searching for MobileNetV3" (2019).

    >>> import microtensor as mt
    >>> hardswish(mt.tensor([-4.0, -1.5, 4.0]))
    tensor([-0.   , -0.375,  4.   ])
    """
    x = floating(input)
    return x * hardsigmoid(x)


def softshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """Return x, nearer to 0 by ``lambd``; 0 where it is that near.

    Raises
    ------
    ArgumentError
        If ``lambd`` is negative.

    Examples
    --------
    >>> import microtensor as mt
    >>> softshrink(mt.tensor([-2.0, 0.25, 1.0]))
    tensor([-1.5,  0. ,  0.5])
    """
    if not lambd >= 0:
        raise ArgumentError(f"softshrink() has lambd={lambd}, which must not be negative.")
    x = floating(input)
    return x - ops.clip(x, -lambd, lambd)


def hardshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """Return x, but 0 where it is from ``-lambd`` to ``lambd``.

    >>> import microtensor as mt
    >>> hardshrink(mt.tensor([-2.0, 0.25, 1.0]))
    tensor([-2.,  0.,  1.])
    """
    x = floating(input)
    return ops.where((x >= -lambd) & (x <= lambd), 0.0, x)


def threshold(input: Any, threshold: float, value: float) -> Tensor:
    """Return x where it is above ``threshold``, else ``value``.

    >>> import microtensor as mt
    >>> threshold(mt.tensor([-2.0, 0.25, 1.0]), 0.5, 20.0)
    tensor([20., 20.,  1.])
    """
    x = floating(input)
    return ops.where(x <= threshold, value, x)
