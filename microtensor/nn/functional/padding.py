"""Padding with PyTorch's arguments."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ...errors import ArgumentError, DtypeError, ShapeError
from ...ops import rearrange
from ...record import apply_unary, as_tensor
from ...tensor import Tensor

__all__ = ["pad"]

_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(
    input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """Add elements at the ends of the last axes.

    Parameters
    ----------
    input
        Any shape.
    pad
        How many before and after, of the last axis, then of the one before it, and so on; a
        negative number takes elements away.
    mode
        ``"constant"``, ``"reflect"`` (without the edge), ``"replicate"`` (the edge), or
        ``"circular"``.
    value
        What is added with ``"constant"``; by default 0.

    Raises
    ------
    ArgumentError
        If the numbers are not pairs, or there is no such mode.
    ShapeError
        If the input has fewer axes, or too few elements for what is to be added.

    >>> import microtensor as mt
    >>> pad(mt.tensor([[1.0, 2.0, 3.0]]), (1, 2))
    tensor([[0., 1., 2., 3., 0., 0.]])
    >>> pad(mt.tensor([[1.0, 2.0, 3.0]]), (2, 0), mode="reflect")
    tensor([[3., 2., 1., 2., 3.]])
    """
    x = as_tensor(input)
    widths = [operator.index(width) for width in pad]
    if len(widths) % 2:
        raise ArgumentError(f"pad() has pad={tuple(pad)}, and takes pairs: before, after.")
    if len(widths) > 2 * x.ndim:
        raise ShapeError(
            f"pad() has pad={tuple(pad)} for {len(widths) // 2} axes, and the input of shape "
            f"{x.shape} has {x.ndim}."
        )
    if mode not in _MODES:
        raise ArgumentError(f"pad() has mode={mode!r}, and takes one of {', '.join(_MODES)}.")
    if mode != "constant" and value is not None:
        raise ArgumentError(f"pad() has a value={value!r}, which mode={mode!r} does not use.")
    if mode == "constant" and value and x.dtype.kind != "f" and not float(value).is_integer():
        raise DtypeError(f"pad() cannot add value={value!r} to an input of dtype {x.dtype}.")
    pairs = [(0, 0)] * x.ndim
    for i in range(0, len(widths), 2):
        pairs[-1 - i // 2] = widths[i], widths[i + 1]
    for n, pair in zip(x.shape, pairs, strict=True):
        limit = {"reflect": n - 1, "circular": n}.get(mode, max(*pair, 0) if n else 0)
        if n + sum(pair) < 0 or (mode != "constant" and max(pair) > limit):
            raise ShapeError(
                f"pad() cannot add {pair} to an axis of {n} elements, of an input of shape "
                f"{x.shape}, with mode={mode!r}."
            )
    if min(widths, default=0) < 0:
        kept = (
            slice(max(-before, 0), n - max(-after, 0))
            for n, (before, after) in zip(x.shape, pairs, strict=True)
        )
        x = x[tuple(kept)]
    params: dict[str, Any] = {
        "pad_width": tuple((max(before, 0), max(after, 0)) for before, after in pairs),
        "mode": _MODES[mode],
        "constant_values": 0 if value is None else value,
    }
    return apply_unary(rearrange.pad, x, params)
