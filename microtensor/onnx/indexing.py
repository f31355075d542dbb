"""Indexing in ONNX's operations: slices, integers, new axes, and arrays of integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .shape import concatenated
from .unsupported import Untranslatable
from .value import Value

__all__ = ["AS_GIVEN"]


def _spelled(index: Any, ndim: int) -> list[Any]:
    """Return an index with a part for each axis: no ellipsis, and masks as where they hold."""
    given = list(index) if isinstance(index, tuple) else [index]
    parts: list[Any] = []
    for part in given:
        if isinstance(part, (bool, np.bool_)) or (isinstance(part, Value) and part.dtype == bool):
            raise Untranslatable("a mask as an index")
        if isinstance(part, (list, np.ndarray)):
            array = np.asarray(part)
            parts += np.nonzero(array) if array.dtype == bool else [array]
        else:
            parts.append(part)
    used = sum(part is not None and part is not Ellipsis for part in parts)
    whole: list[Any] = [slice(None)] * (ndim - used)
    at = next((i for i, part in enumerate(parts) if part is Ellipsis), None)
    return parts + whole if at is None else parts[:at] + whole + parts[at + 1 :]


def _is_array(part: Any) -> bool:
    return isinstance(part, (np.ndarray, Value))


def _sliced(x: Value, parts: list[Any]) -> Value:
    """Apply the slices, and leave the axes of all else as they are."""
    axes = [part for part in parts if part is not None]
    slices = {
        axis: part
        for axis, part in enumerate(axes)
        if isinstance(part, slice) and part != slice(None)
    }
    if any(isinstance(b, Value) for s in slices.values() for b in (s.start, s.stop, s.step)):
        raise Untranslatable("a slice whose bounds are computed")
    return x.sliced(slices)


def _getitem(out: Any, x: Value, index: Any) -> Value:
    parts = _spelled(index, x.ndim)
    x = _sliced(x, parts)
    if any(map(_is_array, parts)):
        return _at_arrays(x, parts)
    axes = [part for part in parts if part is not None]
    for axis in reversed(range(len(axes))):
        if not isinstance(axes[axis], slice):
            x = x.gather(int(axes[axis]), axis)
    result = [part for part in parts if part is None or isinstance(part, slice)]
    return x.unsqueeze(*(i for i, part in enumerate(result) if part is None))


def _at_arrays(x: Value, parts: list[Any]) -> Value:
    """Select by arrays of integers, with which integers count as arrays, as NumPy has it."""
    chosen = [i for i, part in enumerate(parts) if not (part is None or isinstance(part, slice))]
    adjacent = chosen == list(range(chosen[0], chosen[-1] + 1))
    axis_of = np.cumsum([part is not None for part in parts]) - 1
    axes = [int(axis_of[i]) for i in chosen]
    indices = [_integers(x, parts[i]) for i in chosen]
    block = np.broadcast_shapes(*(each.shape for each in indices))
    before = axes[0] if adjacent else 0
    if len(axes) == 1:
        taken = x.gather(indices[0], axes[0])
    else:
        rest = [a for a in range(x.ndim) if a not in axes]
        taken = _gather_nd(x.transpose([*axes, *rest]), indices, block)
        lead, last = list(range(len(block))), range(len(block), taken.ndim)
        taken = taken.transpose([*last[:before], *lead, *last[before:]])
    return taken.unsqueeze(*_new_axes(parts, chosen, len(block), adjacent))


def _integers(x: Value, part: Any) -> Value:
    if isinstance(part, Value):
        return part.astype(np.int64)
    return x.graph.constant(part, np.int64)


def _gather_nd(x: Value, indices: list[Value], block: tuple[int, ...]) -> Value:
    """Return ``x[indices]``, for an array for each of the first axes."""
    columns = [each.expand(block).unsqueeze(len(block)) for each in indices]
    places = concatenated(columns, len(block))
    shape = block + x.shape[len(indices) :]
    return x.node("GatherND", places, shape=shape)


def _new_axes(parts: list[Any], chosen: list[int], width: int, adjacent: bool) -> list[int]:
    """Return where in the result the new axes are; what arrays select has ``width`` axes."""
    position = 0 if adjacent else width
    found = []
    for i, part in enumerate(parts):
        if part is None:
            found.append(position)
            position += 1
        elif i not in chosen:
            position += 1
        elif adjacent and i == chosen[0]:
            position += width
    return found


def _holds_values(index: Any) -> bool:
    if isinstance(index, slice):
        return any(isinstance(bound, Value) for bound in (index.start, index.stop, index.step))
    return isinstance(index, Value) or (isinstance(index, tuple) and any(map(_holds_values, index)))


def _places(x: Value, index: Any, shape: tuple[int, ...]) -> Value:
    """Return the positions, in a flattened array of a shape, that an index selects."""
    positions = np.arange(int(np.prod(shape))).reshape(shape)
    if not _holds_values(index):
        return x.graph.constant(positions[index], np.int64)
    return _getitem(None, x.graph.constant(positions), index)


def _scattered(base: Value, places: Value, x: Value, reduction: str) -> Value:
    """Put elements of ``x``, or add them, at places in the flattened ``base``."""
    flat = base.reshape((base.size,))
    given = places.reshape((places.size,)), x.expand(places.shape).reshape((places.size,))
    done = flat.node("ScatterElements", *given, shape=flat.shape, axis=0, reduction=reduction)
    return done.reshape(base.shape)


def _scatter_add(out: Any, x: Value, index: Any, shape: tuple[int, ...]) -> Value:
    zeros = x.graph.constant(0, x.dtype).expand(shape)
    return _scattered(zeros, _places(x, index, shape), x, "add")


def _setitem(out: Any, x: Value, value: Value, index: Any) -> Value:
    x, value = x.astype(out.dtype), value.astype(out.dtype)
    if isinstance(index, Value) and index.dtype == bool:
        if value.size != 1:
            raise Untranslatable("assigning several values to what a mask selects")
        mask = index.reshape(index.shape + (1,) * (x.ndim - index.ndim))
        return mask.where(value.reshape(()), x)
    places = _places(x, index, x.shape)
    extra = value.ndim - places.ndim
    value = value.reshape(value.shape[extra:]) if extra > 0 else value
    if not _holds_values(index):  # of what is assigned to one place, the last stays
        positions = x.graph.constants.pop(places.name)[0].reshape(-1)
        last = sorted({int(p): i for i, p in enumerate(positions)}.values())
        if len(last) < len(positions):
            value = value.expand(places.shape).reshape((places.size,)).gather(last, 0)
            places = x.graph.constant(positions[last], np.int64)
        else:
            places = x.graph.constant(positions.reshape(places.shape), np.int64)
    elif any(map(_is_array, index if isinstance(index, tuple) else (index,))):
        raise Untranslatable("assigning at computed places, of which some may be the same")
    return _scattered(x, places, value, "none")


def _embedding(out: Any, indices: Value, table: Value, padding: Any) -> Value:
    return table.gather(indices.astype(np.int64), 0)


def _add_rows(out: Any, rows: Value, indices: Value, count: int) -> Value:
    """Add each row to that of the table where it was taken."""
    zeros = rows.graph.constant(0, rows.dtype).expand(out.shape)
    at = indices.astype(np.int64).reshape((indices.size, 1))
    flat = rows.reshape((indices.size, *out.shape[1:]))
    return zeros.node("ScatterND", at, flat, shape=out.shape, reduction="add")


AS_GIVEN: dict[str, Callable[..., Value]] = {
    "getitem": _getitem,
    "embedding": _embedding,
    "add_rows": _add_rows,
    "scatter_add": _scatter_add,
    "setitem": _setitem,
}
"""Operations whose index, or the inputs themselves, are converted by the translation."""
