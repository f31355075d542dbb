"""Norms, and what else ``numpy.linalg`` makes of products, inverses and decompositions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..op import Op, implements
from . import rearrange
from .decompositions import _array, inv, lstsq_solution, solve, svdvals
from .elementwise import absolute, sign
from .linalg import matmul
from .reduce import Axis, _keep, _kept, max, min, sum
from .select import constant
from .shape import moveaxis
from .trigonometric import _ratio

__all__ = [
    "cond",
    "diagonal",
    "lstsq",
    "matrix_norm",
    "matrix_power",
    "norm",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vector_norm",
]


def _p_norm(x: Any, ord: float, axis: Any, keepdims: bool) -> Any:
    if ord == 2:
        return np.sqrt((x * x).sum(axis=axis, keepdims=keepdims))
    return (np.absolute(x) ** ord).sum(axis=axis, keepdims=keepdims) ** (1 / ord)


def _p_norm_vjp(g: Any, out: Any, x: Any, ord: float, axis: Axis, keepdims: bool) -> Any:
    """Return g sign(x) (|x| / out)ᵖ⁻¹; 0 where an element, or the norm, is 0, as in PyTorch."""
    if ord == 2:
        return _keep(_ratio(g, out), x, axis, keepdims) * x
    g, out = _keep(g, x, axis, keepdims), _keep(out, x, axis, keepdims)
    size = np.where(x == 0, 1, np.absolute(x)) / np.where(out == 0, 1, out)
    return g * np.sign(x) * size ** (ord - 1)


# fmt: off
p_norm = Op("norm", _p_norm, saves="out x", vjps=(_p_norm_vjp,))
# fmt: on


def _vector_norm(x: Any, ord: Any, axis: Axis, keepdims: bool) -> Any:
    if ord in (math.inf, -math.inf):
        return (max if ord > 0 else min)(absolute(x), axis=axis, keepdims=keepdims)
    if ord == 0:  # how many are not 0: a step
        return sum(absolute(sign(x)), axis=axis, keepdims=keepdims)
    if isinstance(ord, str):
        raise ArgumentError(f"norm() of vectors has no ord={ord!r}: give a number.")
    return p_norm(x, ord=2 if ord is None else ord, axis=axis, keepdims=keepdims)


def _matrix_norm(x: Any, ord: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    row, column = (axis % x.ndim for axis in axes)
    if ord in (None, "fro"):
        return p_norm(x, ord=2, axis=(row, column), keepdims=keepdims)
    if ord in (2, -2, "nuc"):
        values = svdvals(moveaxis(x, (row, column), (-2, -1)))
        out = {2: max, -2: min, "nuc": sum}[ord](values, axis=-1)
    elif ord in (1, -1, math.inf, -math.inf):
        over, rest = (row, column) if abs(ord) == 1 else (column, row)
        sums = sum(absolute(x), axis=over)
        out = (max if ord > 0 else min)(sums, axis=rest - (rest > over))
    else:
        raise ArgumentError(f"norm() of matrices has no ord={ord!r}.")
    return out.reshape(_kept(x.shape, (row, column))) if keepdims else out


@implements(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return a norm of vectors or matrices; see `numpy.linalg.norm`.

    Its gradient is 0 where the norm is 0, and with respect to elements that are 0. Ties for the
    largest element (``ord=inf``), row, or column share the gradient evenly.

    >>> import microtensor as mt
    >>> x = mt.tensor([3.0, 4.0], requires_grad=True)
    >>> mt.linalg.norm(x).backward()
    >>> x.grad
    tensor([0.6, 0.8])
    """
    x = _array(x)
    if axis is None and ord is None:
        return p_norm(x, ord=2, axis=None, keepdims=keepdims)
    axes = (axis,) if isinstance(axis, int) else tuple(range(x.ndim) if axis is None else axis)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, ord, (axes[0], axes[1]), keepdims)
    raise ArgumentError(f"norm() is over one axis or two, not {len(axes)}: give axis=.")


@implements(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Return the norm of the elements along any axes, taken as one vector."""
    return _vector_norm(_array(x), ord, axis, keepdims)


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Return the norm of the matrices in the last two axes."""
    return _matrix_norm(_array(x), ord, (-2, -1), keepdims)


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """Return the condition number, by default the ratio of the extreme singular values."""
    x = _array(x)
    if p in (None, 2, -2):
        values = svdvals(x)
        large, small = values[..., 0], values[..., -1]
        return small / large if p == -2 else large / small
    return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """Return the ``n``-th power of a square matrix, by repeated squaring, or of its inverse.

    >>> import microtensor as mt
    >>> mt.linalg.matrix_power(mt.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    a = _array(a)
    if n < 0:
        return matrix_power(inv(a), -n)
    out = None
    while n:
        if n % 2:
            out = a if out is None else matmul(out, a)
        n //= 2
        a = matmul(a, a) if n else a
    return np.zeros_like(a) + np.eye(a.shape[-1], dtype=a.dtype) if out is None else out


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, int, Any]:
    """Return the least-squares solution, the residuals, the rank and the singular values.

    The gradient of the solution is that within the matrices of the same rank.
    """
    a, b = _array(a), _array(b)
    m, n = a.shape
    if rcond is None:
        rcond = float(np.finfo(np.result_type(a.dtype, b.dtype, 1.0)).eps * (m if m > n else n))
    x, s = lstsq_solution(a, b, rcond=rcond), svdvals(a)
    values = constant(s)
    rank = int(np.sum(values > rcond * values[:1]))
    error = matmul(a, x) - b
    residuals = np.atleast_1d(sum(error * error, axis=0))
    return x, residuals if rank == n < m else residuals[:0], rank, s


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    """Return the inverse of `tensordot` with ``a`` over its first ``ind`` axes."""
    a = _array(a)
    rows = math.prod(a.shape[:ind])
    return inv(a.reshape((rows, -1))).reshape(a.shape[ind:] + a.shape[:ind])


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """Solve ``tensordot(a, x, x.ndim) == b`` for ``x``."""
    a, b = _array(a), _array(b)
    if axes is not None:
        moved = [axis % a.ndim for axis in axes]
        a = a.transpose([k for k in range(a.ndim) if k not in moved] + moved)
    return solve(a.reshape((b.size, -1)), b.reshape(-1)).reshape(a.shape[b.ndim :])


@implements(np.linalg.diagonal)
def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """Return the diagonals of the last two axes."""
    return rearrange.diagonal(_array(x), offset, -2, -1)


@implements(np.linalg.trace)
def trace(x: Any, /, *, offset: int = 0) -> Any:
    """Add up the diagonals of the last two axes."""
    return diagonal(x, offset=offset).sum(axis=-1)
