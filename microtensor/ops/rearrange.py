"""Operations that move, repeat or leave out elements; all others come from one of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..op import Op, implements
from .index import scatter_add
from .shape import broadcast_to, flip, transpose
from .shape import ravel as flatten
from .shape import reshape as to_shape

__all__ = [
    "broadcast_arrays",
    "diag",
    "fliplr",
    "flipud",
    "matrix_transpose",
    "ravel",
    "reshape",
    "rollaxis",
]


def _back(moves: Callable[..., Any]) -> Callable[..., Any]:
    """Return the rule of a function that only moves elements, however it does.

    The function, run on the positions of the elements, tells where each came from; there its
    gradient goes.
    """

    def rule(g: Any, out: Any, x: Any, **params: Any) -> Any:
        positions = moves(np.arange(x.size).reshape(x.shape), **params)
        return scatter_add(g.reshape(-1), positions.reshape(-1), (x.size,)).reshape(x.shape)

    return rule


def _negated(shift: int | Sequence[int]) -> Any:
    return -shift if isinstance(shift, int) else tuple(-s for s in shift)


def _pad(x: Any, pad_width: Any, mode: Any = "constant", constant_values: Any = 0) -> Any:
    if mode == "constant":
        return np.pad(x, pad_width, constant_values=constant_values)
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return np.pad(x, pad_width, mode)
    raise UnsupportedError(
        f"pad() of a Tensor does not support mode={mode!r}: it takes 'constant', 'edge', "
        "'reflect', 'symmetric' and 'wrap'."
    )


def _inside(x: Any, pad_width: Any) -> tuple[slice, ...]:
    """Index the part of a padded array that is not padding."""
    if isinstance(pad_width, dict):
        widths: dict[int, Any] = {axis % x.ndim: width for axis, width in pad_width.items()}
        before = [np.broadcast_to(widths.get(axis, 0), 2)[0] for axis in range(x.ndim)]
    else:
        before = [pair[0] for pair in np.broadcast_to(pad_width, (x.ndim, 2))]
    return tuple(slice(int(b), int(b) + n) for b, n in zip(before, x.shape, strict=True))


# One line per rule. `g` is the gradient of the output; of the input x only the shape is needed.
# fmt: off

# Another order
roll = Op("roll", lambda x, shift, axis=None: np.roll(x, shift, axis), numpy=np.roll, vjps=(
    lambda g, out, x, shift, axis: np.roll(g, _negated(shift), axis),))
rot90 = Op("rot90", lambda x, k=1, axes=(0, 1): np.rot90(x, k, axes), numpy=np.rot90, vjps=(
    lambda g, out, x, k, axes: np.rot90(g, -k, axes),))

# Repeating
tile = Op("tile", lambda x, reps: np.tile(x, reps), (_back(np.tile),), numpy=np.tile)
repeat = Op("repeat", lambda x, repeats, axis=None: np.repeat(x, repeats, axis),
    (_back(np.repeat),), numpy=np.repeat)
resize = Op("resize", lambda x, new_shape: np.resize(x, new_shape), (_back(np.resize),),
    numpy=np.resize)
pad = Op("pad", _pad, numpy=np.pad, vjps=(
    lambda g, out, x, pad_width, mode, constant_values:
        g[_inside(x, pad_width)] if mode == "constant"
        else _back(np.pad)(g, out, x, pad_width=pad_width, mode=mode),))

# Parts of matrices; a vector is broadcast to one
tril = Op("tril", lambda x, k=0: np.tril(x, k), broadcasts=True, numpy=np.tril, vjps=(
    lambda g, out, x, k: np.tril(g, k),))
triu = Op("triu", lambda x, k=0: np.triu(x, k), broadcasts=True, numpy=np.triu, vjps=(
    lambda g, out, x, k: np.triu(g, k),))
diagonal = Op("diagonal",
    lambda x, offset=0, axis1=0, axis2=1: np.diagonal(x, offset, axis1, axis2),
    (_back(np.diagonal),), numpy=np.diagonal)
diagflat = Op("diagflat", lambda x, k=0: np.diagflat(x, k), numpy=np.diagflat, vjps=(
    lambda g, out, x, k: np.diagonal(g, k).reshape(x.shape),))
# fmt: on


@implements(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    """Return the ``k``-th diagonal of a matrix, or the matrix that has a vector on it."""
    return diagonal(v, k) if np.ndim(v) == 2 else diagflat(v, k)


@implements(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Add up the elements of a diagonal."""
    return diagonal(a, offset, axis1, axis2).sum(axis=-1)


@implements(np.flipud)
def flipud(m: Any) -> Any:
    """Reverse the first axis."""
    return flip(m, 0)


@implements(np.fliplr)
def fliplr(m: Any) -> Any:
    """Reverse the second axis."""
    return flip(m, 1)


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Any) -> Any:
    """Exchange the last two axes."""
    return np.swapaxes(x, -1, -2)


@implements(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """Move an axis to before the axis ``start``."""
    axis, start = axis % a.ndim, start + a.ndim if start < 0 else start
    order = [i for i in range(a.ndim) if i != axis]
    order.insert(start - (start > axis), axis)
    return transpose(a, order)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any) -> tuple[Any, ...]:
    """Broadcast arrays against each other."""
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(x if np.shape(x) == shape else broadcast_to(x, shape) for x in args)


def _half(x: Any, axes: Any) -> tuple[list[int], list[int]]:
    """Return axes, and half of the length of each."""
    axes = range(x.ndim) if axes is None else (axes,) if isinstance(axes, int) else axes
    return [x.shape[axis] // 2 for axis in axes], list(axes)


@implements(np.fft.fftshift)
def _fftshift(x: Any, axes: Any = None) -> Any:
    """Move the middle of each axis from the front to the centre."""
    shift, axes = _half(x, axes)
    return roll(x, tuple(shift), tuple(axes))


@implements(np.fft.ifftshift)
def _ifftshift(x: Any, axes: Any = None) -> Any:
    """Move the middle of each axis from the centre to the front."""
    shift, axes = _half(x, axes)
    return roll(x, _negated(shift), tuple(axes))


def _fortran(function: str, order: str) -> bool:
    """Tell Fortran order from C order; an order that depends on the memory is refused."""
    if order not in ("C", "F"):
        raise UnsupportedError(
            f"np.{function}() of a Tensor takes order='C' or 'F', and not {order!r}."
        )
    return order == "F"


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    """Return the elements along one axis, in C order or Fortran order."""
    return flatten(transpose(a) if _fortran("ravel", order) else _array(a))


def _array(x: Any) -> Any:
    return x if hasattr(x, "shape") else np.asarray(x)


@implements(np.reshape)
def reshape(a: Any, shape: Any, order: str = "C") -> Any:
    """Return the elements in another shape, in C order or Fortran order."""
    if not _fortran("reshape", order):
        return to_shape(_array(a), shape)
    shape = shape if isinstance(shape, tuple | list) else (shape,)
    return transpose(to_shape(transpose(a), shape[::-1]))
