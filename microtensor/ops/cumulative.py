"""Running sums and products, differences of neighbours, and what both make: integrals, slopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..op import Op, implements
from .shape import broadcast_to, concatenate, ravel

__all__ = ["cumulative_prod", "cumulative_sum", "diff", "ediff1d", "gradient", "trapezoid"]


def _cumsum(x: Any, axis: int | None = None) -> Any:
    return np.cumsum(x, axis)


def _cumprod(x: Any, axis: int | None = None) -> Any:
    return np.cumprod(x, axis)


def _suffix_sums(g: Any, axis: int | None) -> Any:
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


def _later(x: Any, steps: int) -> Any:
    """Return along the last axis the elements ``steps`` further on, and then zeros."""
    return np.concatenate([x[..., steps:], np.zeros_like(x[..., :steps])], axis=-1)


def _cumprod_vjp(g: Any, out: Any, x: Any, axis: int | None) -> Any:
    """Return the gradient of a running product, without a division: elements may be 0.

    It is the product of what comes before an element, times s[i] = g[i] + x[i + 1] s[i + 1]. Such a
    recurrence is solved by looking 1, 2, 4, ... steps ahead.
    """
    if axis is None:
        return _cumprod_vjp(g, out, x.reshape(-1), 0).reshape(x.shape)
    g, out, x = (np.moveaxis(a, axis, -1) for a in (g, out, x))
    before = np.concatenate([np.ones_like(out[..., :1]), out[..., :-1]], axis=-1)
    sums, factor, steps = g, _later(x, 1), 1
    while steps < x.shape[-1]:
        sums = sums + factor * _later(sums, steps)
        factor = factor * _later(factor, steps)
        steps *= 2
    return np.moveaxis(before * sums, -1, axis)


def _diff(x: Any, n: int, axis: int) -> Any:
    return np.diff(x, n, axis)


def _diff_vjp(g: Any, out: Any, x: Any, n: int, axis: int) -> Any:
    """Take the differences of ``g`` with zeros around it: the transpose of taking differences."""
    n = min(n, x.shape[axis])
    around = np.pad(g, [(n, n) if i == axis % x.ndim else (0, 0) for i in range(x.ndim)])
    return np.diff(around, n, axis) * (-1.0) ** n


# fmt: off
cumsum = Op("cumsum", _cumsum, numpy=np.cumsum, vjps=(
    lambda g, out, x, axis: _suffix_sums(g, axis).reshape(x.shape),))
cumprod = Op("cumprod", _cumprod, saves="out x", numpy=np.cumprod, vjps=(_cumprod_vjp,))
diff_along = Op("diff", _diff, vjps=(_diff_vjp,))
# fmt: on


def _array(x: Any) -> Any:
    return x if hasattr(x, "shape") else np.asarray(x)


def _along(axis: int, part: Any) -> tuple[Any, ...]:
    return (slice(None),) * axis + (part,)


def _one_wide(value: Any, x: Any, axis: int) -> Any:
    """Return what is put before or after ``x`` along an axis; a number, one wide."""
    value = _array(value)
    if value.ndim == 0:
        return broadcast_to(value, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))
    return value


def _is_given(value: Any) -> bool:
    return value is not None and value is not np._NoValue


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Return the differences of neighbours along an axis, taken ``n`` times.

    >>> import microtensor as mt
    >>> mt.diff(mt.tensor([1.0, 4.0, 9.0]), prepend=0.0)
    tensor([1., 3., 5.])
    """
    a = _array(a)
    axis %= a.ndim
    parts = [prepend, a, append]
    if _is_given(prepend) or _is_given(append):
        parts = [_one_wide(p, a, axis) for p in parts if _is_given(p)]
        a = concatenate(parts, axis)
    return diff_along(a, n=n, axis=axis) if n else a


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Return the differences of neighbours in the flattened array, between two given ends."""
    inner = diff(ravel(_array(ary)))
    parts = [to_begin, inner, to_end]
    return concatenate([ravel(_array(p)) for p in parts if p is not None])


def cumulative_sum(x: Any, /, *, axis: int | None = None, include_initial: bool = False) -> Any:
    """Return the running sums along an axis, with a 0 in front if ``include_initial``."""
    return _cumulative(cumsum, x, axis, np.zeros if include_initial else None)


def cumulative_prod(x: Any, /, *, axis: int | None = None, include_initial: bool = False) -> Any:
    """Return the running products along an axis, with a 1 in front if ``include_initial``."""
    return _cumulative(cumprod, x, axis, np.ones if include_initial else None)


def _cumulative(op: Op, x: Any, axis: int | None, initial: Any) -> Any:
    x = np.atleast_1d(x)
    if axis is None:
        if x.ndim != 1:
            raise ArgumentError(f"{op.name} of shape {x.shape} needs an axis: it has {x.ndim}.")
        axis = 0
    axis %= x.ndim
    out = op(x, axis=axis)
    if initial is None:
        return out
    return concatenate([initial((*x.shape[:axis], 1, *x.shape[axis + 1 :]), x.dtype), out], axis)


if hasattr(np, "cumulative_sum"):  # since NumPy 2.1
    implements(np.cumulative_sum)(cumulative_sum)
    implements(np.cumulative_prod)(cumulative_prod)


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integrate along an axis by the trapezoidal rule, over the points ``x`` or at distance ``dx``.

    >>> import microtensor as mt
    >>> mt.trapezoid(mt.tensor([1.0, 2.0, 3.0]), dx=2.0)
    tensor(8.)
    """
    y = _array(y)
    axis %= y.ndim
    if x is not None:
        x = _array(x)
        dx = diff(x) if x.ndim == 1 else diff(x, axis=axis)
        if x.ndim == 1:
            dx = dx.reshape((-1,) + (1,) * (y.ndim - 1 - axis))
    later, earlier = y[_along(axis, slice(1, None))], y[_along(axis, slice(None, -1))]
    return (dx * (later + earlier) / 2.0).sum(axis=axis)


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Return the slope along each axis by central differences, and by one-sided ones at the edges.

    ``varargs`` are the distances of the points, one number for all axes, or for each axis a number
    or its coordinates; they are constants.

    >>> import microtensor as mt
    >>> mt.gradient(mt.tensor([1.0, 4.0, 9.0, 16.0]))
    tensor([3., 4., 6., 7.])
    """
    f = _array(f)
    axes = range(f.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    spacings: Sequence[Any] = varargs or (1.0,)
    if len(spacings) == 1:
        spacings = list(spacings) * len(axes)
    if len(spacings) != len(axes):
        raise ArgumentError(f"gradient() along {len(axes)} axes has {len(spacings)} distances.")
    slopes = tuple(
        _slope(f, spacing, a % f.ndim, edge_order)
        for a, spacing in zip(axes, spacings, strict=True)
    )
    return slopes[0] if len(slopes) == 1 else slopes


def _slope(f: Any, spacing: Any, axis: int, edge_order: int) -> Any:
    """Return the slope along one axis: sums of three neighbours, weighted by their distances."""
    n = f.shape[axis]
    if n < edge_order + 1 or edge_order not in (1, 2):
        raise ArgumentError(
            f"gradient() with edge_order={edge_order} needs {edge_order + 1} elements along axis "
            f"{axis}, and there are {n}."
        )
    spacing = np.asarray(spacing, f.dtype)
    steps = np.diff(spacing) if spacing.ndim else np.full(n - 1, spacing)
    even = bool((steps == steps[0]).all())
    wide = (-1,) + (1,) * (f.ndim - 1 - axis)

    def at(start: int, stop: int | None) -> Any:
        return f[_along(axis, slice(start, stop))]

    def edge(i: int, h: Any, k: Any) -> Any:
        """Return the slope at an end: of the line, or the parabola, through it and what is next."""
        inward = 1 if i == 0 else -1
        first, second = (at(j, j + 1 or None) for j in (i, i + inward))
        if edge_order == 1:
            return (second - first) * inward / h
        third = at(i + 2 * inward, i + 2 * inward + 1 or None)
        a, b, c = -(2 * h + k) / (h * (h + k)), (h + k) / (h * k), -h / (k * (h + k))
        return (first * a + second * b + third * c) * inward

    parts = [edge(0, steps[0], steps[min(1, n - 2)]), edge(-1, steps[-1], steps[max(n - 3, 0)])]
    if n > 2 and even:
        parts.insert(1, (at(2, None) - at(0, -2)) / (2.0 * steps[0]))
    elif n > 2:
        h, k = steps[:-1].reshape(wide), steps[1:].reshape(wide)
        a, b, c = -k / (h * (h + k)), (k - h) / (h * k), h / (k * (h + k))
        parts.insert(1, at(0, -2) * a + at(1, -1) * b + at(2, None) * c)
    return concatenate(parts, axis)
