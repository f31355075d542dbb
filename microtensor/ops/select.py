"""Choosing elements by conditions and indices, with NumPy's signatures; most are indexing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..op import Op, Recordable, implements
from ..record import current_array, current_trace
from .index import scatter_add, setitem
from .shape import ravel

__all__ = [
    "bincount",
    "choose",
    "compress",
    "extract",
    "piecewise",
    "select",
    "take",
    "take_along_axis",
    "trim_zeros",
]

# fmt: off
choose_arrays = Op("choose", lambda *xs, index: np.choose(index, xs), broadcasts=True, vjps=
    lambda i: lambda g, out, *xs, index: np.where(index == i, g, 0))
# fmt: on


def constant(x: Any) -> Any:
    """Return the values of ``x`` as an array of its own, whatever it records.

    Of what a traced function computes it returns what stands for the values.
    """
    if isinstance(x, Recordable):
        array = current_array(x)
        return np.array(array) if current_trace() is None else array.copy()
    return np.array(x)


def _bounded(indices: Any, length: int, mode: str) -> Any:
    """Bring indices into range, as NumPy's ``mode`` has it."""
    if mode == "wrap":
        return indices % length
    return np.clip(indices, 0, length - 1) if mode == "clip" else indices


@implements(np.take)
def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """Return the elements at ``indices`` along an axis; of the flattened array without one.

    >>> import microtensor as mt
    >>> mt.take(mt.tensor([[1.0, 2.0], [3.0, 4.0]]), [1, 1, 0], axis=0)[:, 0]
    tensor([3., 3., 1.])
    """
    if axis is None:
        a, axis = ravel(a), 0
    axis %= a.ndim
    return a[(slice(None),) * axis + (_bounded(constant(indices), a.shape[axis], mode),)]


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """Return the elements at the ``indices`` of each row along an axis, such as argsort's."""
    if axis is None:
        return ravel(arr)[constant(indices)]
    indices = constant(indices)
    grid: list[Any] = list(np.ix_(*map(np.arange, arr.shape)))
    grid[axis] = indices
    return arr[tuple(grid)]


@implements(np.compress)
def compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    """Return the slices along an axis for which ``condition`` holds."""
    return take(a, np.flatnonzero(constant(condition)), axis)


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    """Return the elements of the flattened array where the flattened ``condition`` holds."""
    return take(arr, np.flatnonzero(constant(condition)))


@implements(np.choose)
def choose(a: Any, choices: Sequence[Any], mode: str = "raise") -> Any:
    """Return at each place the element of the one of ``choices`` that ``a`` has the number of."""
    return choose_arrays(*choices, index=_bounded(constant(a), len(choices), mode))


@implements(np.select)
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Return at each place the choice of the first condition that holds there, else ``default``.

    >>> import microtensor as mt
    >>> x = mt.tensor([-2.0, 0.5, 2.0], requires_grad=True)
    >>> mt.select([x < -1, x > 1], [-x, x * x], default=0.0)
    tensor([2., 0., 4.], op=choose)
    """
    conditions = np.broadcast_arrays(*map(constant, condlist))
    first = np.argmax(np.stack([*conditions, np.ones(conditions[0].shape, bool)]), axis=0)
    return choose_arrays(*choicelist, default, index=first)


@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Any:
    """Apply to the elements where a condition holds its function, and elsewhere the one left over.

    A function is applied to the elements it is for, and to no others; it may be a number. Where
    several conditions hold, the last counts; what no function is for is 0.
    """
    if np.isscalar(condlist) or (not hasattr(condlist[0], "__len__") and x.ndim):
        condlist = [condlist]
    conditions = [constant(c).astype(bool) for c in condlist]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    out = np.zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        if condition.any():
            value = function(x[condition], *args, **kw) if callable(function) else function
            out = setitem(out, value, condition)
    return out


@implements(np.bincount)
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """Count how often each integer occurs, or add up its ``weights``."""
    x = constant(x)
    if weights is None:
        return np.bincount(x, minlength=minlength)
    weights = weights if weights.dtype == np.float64 else weights.astype(np.float64)
    return scatter_add(weights, x, (max(minlength, int(x.max()) + 1 if x.size else 0),))


@implements(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """Leave out the zeros at the front (``"f"``) and the back (``"b"``) of each axis."""
    places = np.argwhere(constant(filt))
    axes = range(filt.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    index = [slice(None)] * filt.ndim
    for i in axes:
        start = int(places[:, i].min()) if places.size and "f" in trim.lower() else 0
        stop = int(places[:, i].max(initial=-1)) + 1 if "b" in trim.lower() else None
        index[i] = slice(start, stop if places.size else 0)
    return filt[tuple(index)]
