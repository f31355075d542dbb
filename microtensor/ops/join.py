"""Joining and splitting arrays, with NumPy's signatures: concatenation, reshaping and indexing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..op import implements
from .rearrange import broadcast_arrays
from .shape import broadcast_to, concatenate, moveaxis, ravel, reshape, split, stack

__all__ = [
    "append",
    "array_split",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block",
    "column_stack",
    "delete",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "insert",
    "meshgrid",
    "unstack",
    "vsplit",
    "vstack",
]


def _array(x: Any) -> Any:
    return x if hasattr(x, "shape") else np.asarray(x)


# At least so many axes


def _each(function: Any, arrays: tuple[Any, ...]) -> Any:
    done = tuple(function(_array(x)) for x in arrays)
    return done[0] if len(done) == 1 else done


@implements(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    """Give a number an axis."""
    return _each(lambda x: x if x.ndim else reshape(x, 1), arys)


@implements(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    """Give numbers and vectors axes in front, up to two."""
    return _each(lambda x: x if x.ndim >= 2 else reshape(x, (1, -1)), arys)


@implements(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """Give an axis in front to a vector, and one behind to vectors and matrices."""
    return _each(
        lambda x: x if x.ndim >= 3 else reshape(x, (*x.shape, 1) if x.ndim == 2 else (1, -1, 1)),
        arys,
    )


# Joining


@implements(np.hstack)
def hstack(tup: Sequence[Any]) -> Any:
    """Join along the second axis; vectors along their only one.

    >>> import microtensor as mt
    >>> mt.hstack([mt.tensor([1.0, 2.0]), 3.0])
    tensor([1., 2., 3.])
    """
    arrays = [atleast_1d(x) for x in tup]
    return concatenate(arrays, axis=0 if arrays and arrays[0].ndim == 1 else 1)


@implements(np.vstack)
def vstack(tup: Sequence[Any]) -> Any:
    """Join along the first axis; a vector is a row."""
    return concatenate([atleast_2d(x) for x in tup], axis=0)


@implements(np.dstack)
def dstack(tup: Sequence[Any]) -> Any:
    """Join along the third axis."""
    return concatenate([atleast_3d(x) for x in tup], axis=2)


@implements(np.column_stack)
def column_stack(tup: Sequence[Any]) -> Any:
    """Join the columns of a matrix; a vector is one column."""
    arrays = map(_array, tup)
    return concatenate([x if x.ndim >= 2 else reshape(x, (-1, 1)) for x in arrays], axis=1)


@implements(np.block)
def block(arrays: Any) -> Any:
    """Join nested lists of blocks: the innermost along the last axis, the rest along those before.

    >>> import microtensor as mt
    >>> A = mt.tensor([[1.0]])
    >>> mt.block([[A, 2 * A], [3 * A, 4 * A]])
    tensor([[1., 2.],
            [3., 4.]])
    """

    def depth_of(part: Any) -> int:
        return 1 + max(map(depth_of, part)) if isinstance(part, list) else 0

    def leaves(part: Any) -> list[Any]:
        return [leaf for p in part for leaf in leaves(p)] if isinstance(part, list) else [part]

    ndim = max(depth_of(arrays), *map(np.ndim, leaves(arrays)))

    def join(part: Any, depth: int) -> Any:
        if isinstance(part, list):
            return concatenate([join(p, depth - 1) for p in part], axis=-depth)
        x = _array(part)
        return reshape(x, (1,) * (ndim - x.ndim) + x.shape)

    return join(arrays, depth_of(arrays))


@implements(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """Join ``values`` to the end of ``arr``; without an axis both are flattened."""
    return concatenate([_array(arr), _array(values)], axis=axis)


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """Insert ``values`` before the positions ``obj`` along an axis.

    >>> import microtensor as mt
    >>> mt.insert(mt.tensor([1.0, 2.0, 3.0]), [0, 2], 9.0)
    tensor([9., 1., 2., 9., 3.])
    """
    x, new = _array(arr), _array(values)
    if axis is None:
        x, axis = ravel(x), 0
    axis, length = axis % x.ndim, x.shape[axis]
    obj = np.asarray(obj) if isinstance(obj, list) else obj
    if np.ndim(obj) == 0 and not isinstance(obj, slice):
        new = moveaxis(reshape(new, (1,) * (x.ndim - new.ndim) + new.shape), 0, axis)
        count = new.shape[axis]
        where = np.full(count, obj)
    else:
        where = np.arange(length)[obj] if isinstance(obj, slice) else np.asarray(obj)
        where = np.flatnonzero(where) if where.dtype == bool else where
        if where.size == 1 and new.ndim:
            where = np.repeat(where, new.shape[axis])
        count = where.size
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    joined = concatenate([x, broadcast_to(new, shape).astype(x.dtype)], axis=axis)
    order = np.insert(np.arange(length), where, length + np.arange(count))  # of the positions
    return joined[(slice(None),) * axis + (order,)]


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    """Leave out the positions ``obj`` along an axis."""
    x = _array(arr)
    if axis is None:
        x, axis = ravel(x), 0
    axis %= x.ndim
    return x[(slice(None),) * axis + (np.delete(np.arange(x.shape[axis]), obj),)]


@implements(np.meshgrid)
def meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Any, ...]:
    """Return the coordinates of the points of a grid, one array per axis; see `numpy.meshgrid`."""
    count = len(xi)
    grids = tuple(
        reshape(_array(x), (1,) * i + (-1,) + (1,) * (count - 1 - i)) for i, x in enumerate(xi)
    )
    if indexing == "xy" and count > 1:
        grids = tuple(np.swapaxes(grid, 0, 1) for grid in grids)
    return grids if sparse else broadcast_arrays(*grids)


# Splitting


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Split into parts that are as equal as can be, or at the given positions."""
    if not isinstance(indices_or_sections, (int, np.integer)):
        return split(ary, indices_or_sections, axis)
    if indices_or_sections < 1:
        raise ShapeError(f"array_split() makes at least one part, not {indices_or_sections}.")
    each, larger = np.divmod(ary.shape[axis], int(indices_or_sections))
    sizes = [each + (i < larger) for i in range(indices_or_sections)]
    return split(ary, np.cumsum(sizes)[:-1].tolist(), axis)


@implements(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> Any:
    """Split along the first axis."""
    return split(ary, indices_or_sections, 0)


@implements(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> Any:
    """Split along the second axis; a vector along its only one."""
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@implements(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> Any:
    """Split along the third axis."""
    return split(ary, indices_or_sections, 2)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """Return the slices along an axis: the reverse of `stack`."""
    return tuple(moveaxis(x, axis, 0))


if hasattr(np, "unstack"):  # since NumPy 2.1
    implements(np.unstack)(unstack)


@implements(np.apply_along_axis)
def _apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """Apply a function to each row along an axis."""
    rows = moveaxis(arr, axis, -1)
    done = [func1d(rows[index], *args, **kwargs) for index in np.ndindex(rows.shape[:-1])]
    out = stack(done)
    out = out.reshape(rows.shape[:-1] + out.shape[1:])
    lead = rows.ndim - 1
    back = [axis % arr.ndim + i for i in range(out.ndim - lead)]
    return moveaxis(out, list(range(lead, out.ndim)), back)


@implements(np.apply_over_axes)
def _apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    """Apply a function over one axis after another."""
    for axis in (axes,) if isinstance(axes, int) else axes:
        out = func(a, axis)
        a = out if out.ndim == a.ndim else np.expand_dims(out, axis)
    return a
