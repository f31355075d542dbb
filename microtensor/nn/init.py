"""Initial values for parameters, written into a tensor in place; PyTorch's names and formulas.

Each function returns the tensor. Those that draw take a ``generator``: a `numpy.random.Generator`,
or, to get the numbers of ``np.random.seed(1); np.random.rand(3, 4)``, a
``np.random.RandomState(1)``. Without one they draw from a fresh, unpredictable generator: there is
no global seed.

>>> import numpy as np
>>> from microtensor import nn
>>> weight = nn.Parameter(np.empty((3, 4)))
>>> rand = nn.init.uniform_(weight, generator=np.random.RandomState(1))
>>> np.random.seed(1)
>>> np.array_equal(rand.numpy(), np.random.rand(3, 4))
True

``0.01 * np.random.randn(3, 4)`` is ``nn.init.normal_(weight, std=0.01)``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, DtypeError, ShapeError
from ..state import no_grad
from ..tensor import Tensor

__all__ = [
    "calculate_gain",
    "constant_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

if TYPE_CHECKING:
    Generator = np.random.Generator | np.random.RandomState

_GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which weights before a ``nonlinearity`` are larger than before none.

    ``param`` is the slope of ``"leaky_relu"`` below 0, by default 0.01.

    >>> calculate_gain("tanh") == 5 / 3
    True
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ArgumentError(
            f"No gain is known for {nonlinearity!r}: it is one of {', '.join(_GAINS)}, leaky_relu."
        )
    return _GAINS[nonlinearity]


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw uniformly between ``a`` and ``b``; by default as `numpy.random.rand` does."""
    if not (a <= b and math.isfinite(b - a)):
        raise ArgumentError(f"Nothing can be drawn between a={a} and b={b}: a is the lower bound.")
    return _fill(tensor, _random(tensor, generator).uniform(a, b, tensor.shape))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw normally; by default as `numpy.random.randn` does."""
    if not std >= 0:
        raise ArgumentError(f"std is {std}, and must be 0 or more.")
    return _fill(tensor, _random(tensor, generator).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Draw normally, and again what is not between ``a`` and ``b``.

    ``mean`` and ``std`` are those of the distribution before it is cut off; the bounds are values,
    not multiples of ``std``.
    """
    if not std > 0:
        raise ArgumentError(f"std is {std}, and must be above 0.")
    if not (a < b and a <= mean + 4 * std and b >= mean - 4 * std):
        raise ArgumentError(
            f"Nothing can be drawn between a={a} and b={b} with mean={mean} and std={std}: the "
            "bounds must be in order, and no more than 4 deviations from the mean."
        )
    rng = _random(tensor, generator)
    values = rng.normal(mean, std, tensor.size)
    while (outside := np.flatnonzero((values < a) | (values > b))).size:
        values[outside] = rng.normal(mean, std, outside.size)
    return _fill(tensor, values.reshape(tensor.shape))


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Set a matrix to ``gain`` times one with orthonormal rows or columns, whichever are fewer.

    Axes after the second count as columns. It is drawn uniformly: the Q of a QR decomposition of
    normal numbers, with the signs of R's diagonal (Saxe et al., 2014; Mezzadri, 2007).

    >>> weight = orthogonal_(Tensor(np.empty((2, 3))), generator=np.random.default_rng(0))
    >>> (weight @ weight.T).numpy().round(6).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_() needs two axes or more, and got the shape {tensor.shape}.")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    values = _random(tensor, generator).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(values)
    q = q * np.copysign(1.0, np.diagonal(r))
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Set every element to ``val``."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Set every element to 0."""
    return _fill(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Set every element to 1."""
    return _fill(tensor, 1)


def eye_(tensor: Tensor) -> Tensor:
    """Set a matrix to the identity, or the part of it that fits."""
    if tensor.ndim != 2:
        raise ShapeError(f"eye_() needs a matrix, and got the shape {tensor.shape}.")
    rows, columns = tensor.shape
    return _fill(tensor, np.eye(rows, columns))


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw uniformly between ±gain·√(6 / (fan_in + fan_out)) (Glorot & Bengio, 2010)."""
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw normally with the deviation gain·√(2 / (fan_in + fan_out)) (Glorot & Bengio, 2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Draw uniformly between ±gain·√(3 / fan), with `calculate_gain` (He et al., 2015).

    Parameters
    ----------
    a
        The slope of a leaky ReLU below 0.
    mode
        ``"fan_in"`` keeps the size of values in the forward pass, ``"fan_out"`` of gradients.
    nonlinearity
        What comes after the layer.
    """
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3 / _fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Draw normally with the deviation gain / √fan; the arguments are `kaiming_uniform_`'s."""
    std = calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def _fans(tensor: Tensor) -> tuple[int, int]:
    """Return how many inputs an output has, and how many outputs an input goes to.

    Neither is less than 1: where one is 0, the tensor has no elements that could depend on it.
    """
    if tensor.ndim < 2:
        raise ShapeError(
            "fan_in and fan_out need a weight with two axes or more, (out, in, ...), and got the "
            f"shape {tensor.shape}: use uniform_() or zeros_() for a bias."
        )
    outputs, inputs, *window = tensor.shape
    return max(inputs * math.prod(window), 1), max(outputs * math.prod(window), 1)


def _fan(tensor: Tensor, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ArgumentError(f"mode is {mode!r}, and must be 'fan_in' or 'fan_out'.")
    return _fans(tensor)[mode == "fan_out"]


def _random(tensor: Tensor, generator: Generator | None) -> Generator:
    if tensor.dtype.kind != "f":
        raise DtypeError(
            f"A tensor of dtype {tensor.dtype} cannot hold random fractions: make it "
            "floating-point."
        )
    if generator is None:
        return np.random.default_rng()
    if not isinstance(generator, (np.random.Generator, np.random.RandomState)):
        raise TypeError(
            f"generator is {generator!r}, and must be a numpy.random.Generator or RandomState, "
            "such as np.random.default_rng(0)."
        )
    return generator


def _fill(tensor: Tensor, values: Any) -> Tensor:
    with no_grad():
        tensor[...] = values
    return tensor
