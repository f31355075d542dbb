"""Selecting elements by index, and its adjoint: adding gradients back where they were selected."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import Op, Recordable
from ..record import current_array, current_trace

_BASIC = (int, slice, type(None), type(Ellipsis), np.integer)


def prepare(index: Any) -> Any:
    """Return ``index`` with its tensors and sequences as arrays that nobody else can change."""
    return tuple(map(_prepared, index)) if isinstance(index, tuple) else _prepared(index)


def _prepared(index: Any) -> Any:
    if isinstance(index, _BASIC):
        return index
    if isinstance(index, Recordable):
        if getattr(index, "is_number", False):
            return index.__index__()  # type: ignore[attr-defined]  # a traced number has it
        return current_array(index).copy()
    trace = current_trace()
    if trace is not None and type(index) is np.ndarray and trace.is_held(index):
        return trace.known(index)
    array = np.array(index)
    return array.astype(np.intp) if array.size == 0 and array.dtype.kind == "f" else array


def _selects_repeatedly(index: Any) -> bool:
    """Tell whether an element may be selected more than once: if an array of integers selects."""
    if isinstance(index, tuple):
        return any(map(_selects_repeatedly, index))
    return getattr(index, "ndim", 0) > 0 and index.dtype != np.bool_


def _scatter_add(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, x.dtype)
    if _selects_repeatedly(index):
        np.add.at(out, index, x)
    else:
        out[index] = x
    return out


def _setitem(x: Any, value: Any, index: Any) -> Any:
    out = np.array(x)  # x.copy() of a NumPy scalar is a scalar, which takes no assignment
    out[index] = value
    return out


def _arrived(g: Any, value: Any, index: Any) -> Any:
    """Return the gradient of an assigned value: of repeated indices, only the last one arrived."""
    part = g[index]
    if _selects_repeatedly(index):
        each = np.arange(part.size).reshape(part.shape)
        if current_trace() is None:
            last = np.empty(g.shape, np.intp)
            last[index] = each
        else:
            last = setitem(np.zeros_like(g).astype(np.intp), each, index)
        part = np.where(last[index] == each, part, 0)
    return part.reshape((1,) * (value.ndim - part.ndim) + part.shape)


# fmt: off
getitem = Op("getitem", lambda x, index: x[index], (
    lambda g, out, x, index: scatter_add(g, index, x.shape),))
scatter_add: Op = Op("scatter_add", _scatter_add, (
    lambda g, out, x, index, shape: g[index],))
setitem: Op = Op("setitem", _setitem, broadcasts=True, vjps=(
    lambda g, out, x, value, index: setitem(g, 0, index),
    lambda g, out, x, value, index: _arrived(g, value, index)))
# fmt: on
