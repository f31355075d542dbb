"""Operations that move elements, and neither change nor mix them; and casts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..op import Op, implements

_SMALL = 4096
"""Below this many elements, filling an array costs less than NumPy's making of a broadcast view."""


def _broadcast_to(x: Any, shape: int | tuple[int, ...]) -> Any:
    if isinstance(shape, int):
        shape = (shape,)
    if math.prod(shape) > _SMALL:
        return np.broadcast_to(x, shape)
    out = np.empty(shape, x.dtype)
    out[...] = x
    return out


def _sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``x`` over the axes along which an array of ``shape`` was broadcast to become like it."""
    lead = x.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(
        axis + lead for axis, n in enumerate(shape) if n == 1 and x.shape[axis + lead] != 1
    )
    return np.add.reduce(x, axis=axes).reshape(shape)


def _moveaxis(x: Any, source: Any, destination: Any) -> Any:
    return np.moveaxis(x, source, destination)


def _inverse(axes: Sequence[int] | None) -> Any:
    """Return the permutation that undoes ``axes``."""
    return None if axes is None else tuple(np.argsort([axis % len(axes) for axis in axes]))


def _part(i: int, xs: Sequence[Any], axis: int) -> tuple[slice, ...]:
    """Index the part of a concatenation that came from ``xs[i]``."""
    start = sum(x.shape[axis] for x in xs[:i])
    return (slice(None),) * axis + (slice(start, start + xs[i].shape[axis]),)


def _layer(i: int, axis: int) -> tuple[slice | int, ...]:
    """Index the ``i``-th of a stack along ``axis``."""
    return (slice(None),) * axis + (i,)


# One line per rule. `g` is the gradient of the output; of the input x only the shape is needed.
# fmt: off

# Another shape
reshape = Op("reshape", lambda x, shape: x.reshape(shape), numpy=np.reshape, vjps=(
    lambda g, out, x, shape: g.reshape(x.shape),))
ravel = Op("ravel", lambda x: x.reshape(-1), numpy=np.ravel, vjps=(
    lambda g, out, x: g.reshape(x.shape),))
squeeze = Op("squeeze", lambda x, axis=None: x.squeeze(axis), numpy=np.squeeze, vjps=(
    lambda g, out, x, axis: g.reshape(x.shape),))
expand_dims = Op("expand_dims", lambda x, axis: np.expand_dims(x, axis), numpy=np.expand_dims,
    vjps=(
    lambda g, out, x, axis: g.reshape(x.shape),))

# Another order
transpose = Op("transpose", lambda x, axes=None: x.transpose(axes), numpy=np.transpose, vjps=(
    lambda g, out, x, axes: g.transpose(_inverse(axes)),))
swapaxes = Op("swapaxes", lambda x, axis1, axis2: x.swapaxes(axis1, axis2), numpy=np.swapaxes,
    vjps=(
    lambda g, out, x, axis1, axis2: g.swapaxes(axis1, axis2),))
moveaxis = Op("moveaxis", _moveaxis, numpy=np.moveaxis, vjps=(
    lambda g, out, x, source, destination: np.moveaxis(g, destination, source),))
flip = Op("flip", lambda x, axis=None: np.flip(x, axis), numpy=np.flip, vjps=(
    lambda g, out, x, axis: np.flip(g, axis),))

# Repeating, and its adjoint
broadcast_to = Op("broadcast_to", _broadcast_to, numpy=np.broadcast_to, vjps=(
    lambda g, out, x, shape: sum_to(g, x.shape),))
sum_to: Op = Op("sum_to", _sum_to, vjps=(
    lambda g, out, x, shape: broadcast_to(g, x.shape),))

# Another dtype, another array
astype: Op = Op("astype", lambda x, dtype: x.astype(dtype), vjps=(
    lambda g, out, x, dtype: astype(g, x.dtype),))
copy = Op("copy", lambda x: x.copy(), numpy=np.copy, vjps=(
    lambda g, out, x: g,))

# Joining; the rule of each of the inputs xs is found by its position i
concatenate_arrays = Op("concatenate", lambda *xs, axis: np.concatenate(xs, axis),
    lambda i: lambda g, out, *xs, axis: g[_part(i, xs, axis)])
stack_arrays = Op("stack", lambda *xs, axis: np.stack(xs, axis),
    lambda i: lambda g, out, *xs, axis: g[_layer(i, axis)])

# Constants to differentiation
zeros_like = Op("zeros_like", lambda x: np.zeros_like(x), numpy=np.zeros_like)
ones_like = Op("ones_like", lambda x: np.ones_like(x), numpy=np.ones_like)
full_like = Op("full_like", lambda x, fill_value: np.full_like(x, fill_value), numpy=np.full_like)
# fmt: on


@implements(np.concatenate)
def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    """Join arrays along an axis they have; with ``axis=None`` they are flattened first.

    >>> import microtensor as mt
    >>> mt.concatenate([mt.tensor([1.0, 2.0]), [3.0]])
    tensor([1., 2., 3.])
    """
    arrays = _arrays("concatenate", arrays)
    if axis is None:
        return concatenate_arrays(*map(ravel, arrays), axis=0)
    return concatenate_arrays(*arrays, axis=_axis(axis, arrays[0].ndim))


@implements(np.stack)
def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Join arrays of one shape along a new axis.

    >>> import microtensor as mt
    >>> mt.stack([mt.tensor([1.0, 2.0]), mt.tensor([3.0, 4.0])], axis=1)
    tensor([[1., 3.],
            [2., 4.]])
    """
    arrays = _arrays("stack", arrays)
    return stack_arrays(*arrays, axis=_axis(axis, arrays[0].ndim + 1))


def _astype(x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
    """Convert to another dtype; to one that is not floating-point, the result is a constant."""
    return x.astype(dtype)


if hasattr(np, "astype"):  # since NumPy 2.1
    implements(np.astype)(_astype)


@implements(np.split)
def split(ary: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Split into equal parts, or at the given positions, along an axis, as `numpy.split`.

    >>> import microtensor as mt
    >>> [part.shape for part in mt.split(mt.tensor([1.0, 2.0, 3.0, 4.0]), [1, 3])]
    [(1,), (2,), (1,)]
    """
    ary = ary if hasattr(ary, "shape") else np.asarray(ary)
    axis = _axis(axis, ary.ndim)
    length = ary.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        if indices_or_sections < 1 or length % indices_or_sections:
            raise ShapeError(
                f"split() cannot divide axis {axis} of length {length} (shape {ary.shape}) into "
                f"{indices_or_sections} equal parts: give the positions to split at instead."
            )
        step = length // indices_or_sections
        cuts = list(range(step, length, step))
    else:
        cuts = list(indices_or_sections)
    before = (slice(None),) * axis
    return [
        ary[(*before, slice(start, stop))]
        for start, stop in zip([0, *cuts], [*cuts, length], strict=True)
    ]


def _arrays(function: str, values: Sequence[Any]) -> list[Any]:
    arrays = [value if hasattr(value, "shape") else np.asarray(value) for value in values]
    if not arrays:
        raise ShapeError(f"{function}() needs at least one array, and got none.")
    return arrays


def _axis(axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise ShapeError(f"axis {axis} is out of range: there are {ndim} axes")
    return axis % ndim
