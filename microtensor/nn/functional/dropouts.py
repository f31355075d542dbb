"""Dropout: of elements, of whole channels, and with mean and variance kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from ...record import as_tensor, draw
from ...tensor import Tensor

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d"]

_ALPHA = -1.7580993408473766
"""What SELU goes to at -∞: -scale · alpha (Klambauer and others, 2017)."""


def dropout(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    *,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Set elements to 0 with probability ``p``, and divide the others by ``1 - p``.

    Parameters
    ----------
    p
        From 0 to 1.
    training
        Whether to do so; if not, the input is returned as it is.
    generator
        Where the random numbers come from; by default a new one. There is no global seed.

    Raises
    ------
    ArgumentError
        If ``p`` is not from 0 to 1.

    >>> import numpy as np
    >>> import microtensor as mt
    >>> dropout(mt.tensor([1.0, 1.0, 1.0, 1.0]), 0.5, generator=np.random.default_rng(0))
    tensor([2., 0., 0., 0.])
    """
    return _dropped("dropout", input, p, training, generator)


def dropout1d(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    *,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Set whole channels to 0 with probability ``p``, and divide the others by ``1 - p``.

    Parameters
    ----------
    input
        Shape (N, C, L) or (C, L).
    p, training, generator
        As of `dropout`.

    >>> import numpy as np
    >>> import microtensor as mt
    >>> dropout1d(mt.tensor(np.ones((3, 2))), 0.5, generator=np.random.default_rng(0))
    tensor([[2., 2.],
            [0., 0.],
            [0., 0.]])
    """
    return _dropped("dropout1d", input, p, training, generator, {2: 1, 3: 2})


def dropout2d(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    *,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Set whole channels to 0 with probability ``p``, and divide the others by ``1 - p``.

    Parameters
    ----------
    input
        Shape (N, C, H, W); or (N, C, L), as in PyTorch.
    p, training, generator
        As of `dropout`.
    """
    return _dropped("dropout2d", input, p, training, generator, {3: 2, 4: 2})


def _dropped(
    function: str,
    input: Any,
    p: float,
    training: bool,
    generator: np.random.Generator | None,
    kept: dict[int, int] | None = None,
) -> Any:
    """Drop elements, or what the first axes number: of an input of so many axes, ``kept`` says."""
    _check(function, p)
    input = as_tensor(input)
    if kept is not None and input.ndim not in kept:
        raise ShapeError(
            f"{function}() takes an input of {' or '.join(map(str, kept))} axes, and got the shape "
            f"{input.shape}."
        )
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return input * 0.0
    axes = input.ndim if kept is None else kept[input.ndim]
    shape = input.shape[:axes] + (1,) * (input.ndim - axes)
    numbers = draw(generator or np.random.default_rng(), shape, input.dtype)
    return input * ((numbers >= p) / (1.0 - p)).astype(input.dtype)


def alpha_dropout(
    input: Any,
    p: float = 0.5,
    training: bool = False,
    *,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """Set elements to SELU's limit with probability ``p``; then scale and shift all.

    So mean 0 and variance 1 stay (Klambauer and others, "Self-Normalizing Neural Networks", 2017).

    Parameters
    ----------
    p, training, generator
        As of `dropout`.
    """
    _check("alpha_dropout", p)
    input = as_tensor(input)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return input * 0.0
    numbers = draw(generator or np.random.default_rng(), input.shape, input.dtype)
    kept = (numbers >= p).astype(input.dtype)
    scale = ((1.0 - p) * (1.0 + p * _ALPHA**2)) ** -0.5
    return (input * kept + _ALPHA * (1.0 - kept)) * scale - scale * _ALPHA * p


def _check(function: str, p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ArgumentError(f"{function}() has p={p}, and must have a probability, from 0 to 1.")
