"""Products with NumPy's signatures: of vectors, of stacks of them, and convolutions."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..op import Op, implements
from .linalg import einsum, matmul, outer, tensordot
from .shape import moveaxis, ravel, reshape

__all__ = ["convolve", "correlate", "cross", "inner", "kron", "matvec", "vdot", "vecdot", "vecmat"]


def _array(x: Any) -> Any:
    return x if hasattr(x, "shape") else np.asarray(x)


def _start(mode: str, shorter: int) -> int:
    """Return which element of the full convolution the result of a mode begins with."""
    try:
        return {"full": 0, "same": (shorter - 1) // 2, "valid": shorter - 1}[mode]
    except KeyError:
        raise ArgumentError(f"mode is 'full', 'same' or 'valid', not {mode!r}") from None


def _whole(g: Any, x: Any, y: Any, mode: str) -> Any:
    """Put the gradient of a convolution into zeros for the full one."""
    before = _start(mode, min(x.size, y.size))
    return np.pad(g, (before, x.size + y.size - 1 - g.size - before))


# The rules: what an element was multiplied by, summed, is a correlation.
# fmt: off
convolve_vectors = Op("convolve", lambda x, y, mode: np.convolve(x, y, mode), saves="x y", vjps=(
    lambda g, out, x, y, mode: np.correlate(_whole(g, x, y, mode), y, "valid"),
    lambda g, out, x, y, mode: np.correlate(_whole(g, x, y, mode), x, "valid")))
# fmt: on


@implements(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Return the discrete convolution of two vectors.

    >>> import microtensor as mt
    >>> mt.convolve(mt.tensor([1.0, 2.0]), [1.0, 0.0, 10.0])
    tensor([ 1.,  2., 10., 20.])
    """
    return convolve_vectors(*map(np.atleast_1d, (a, v)), mode=mode)


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Return the cross-correlation of two vectors: the convolution with the second reversed."""
    a, v = np.atleast_1d(a), np.atleast_1d(v)
    if v.size > a.size:  # NumPy then correlates the other way round
        return np.flip(convolve(v, np.flip(a), mode))
    return convolve(a, np.flip(v), mode)


@implements(np.inner)
def inner(a: Any, b: Any) -> Any:
    """Sum products over the last axes of both."""
    a, b = _array(a), _array(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return matmul(a, b) if b.ndim == 1 else tensordot(a, b, axes=((-1,), (-1,)))


@implements(np.vdot)
def vdot(a: Any, b: Any) -> Any:
    """Sum the products of the elements, flattened."""
    return matmul(ravel(_array(a)), ravel(_array(b)))


@implements(np.linalg.outer)
def _outer(x1: Any, x2: Any, /) -> Any:
    """Multiply each element of ``x1`` by each of ``x2``."""
    return outer(x1, x2)


@implements(np.linalg.matmul)
def _matmul(x1: Any, x2: Any, /) -> Any:
    """Multiply matrices."""
    return matmul(x1, x2)


@implements(np.linalg.tensordot)
def _tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """Sum products over pairs of axes."""
    return tensordot(x1, x2, axes)


@implements(np.vecdot)
def vecdot(x1: Any, x2: Any, axis: int = -1) -> Any:
    """Sum products over one axis of both; the others broadcast."""
    x1, x2 = (moveaxis(_array(x), axis, -1) for x in (x1, x2))
    return einsum("...i,...i->...", x1, x2)


implements(np.linalg.vecdot)(vecdot)


def matvec(x1: Any, x2: Any) -> Any:
    """Multiply (stacks of) matrices by (stacks of) vectors."""
    return einsum("...ij,...j->...i", _array(x1), _array(x2))


def vecmat(x1: Any, x2: Any) -> Any:
    """Multiply (stacks of) vectors by (stacks of) matrices."""
    return einsum("...i,...ij->...j", _array(x1), _array(x2))


if hasattr(np, "matvec"):  # since NumPy 2.2
    implements(np.matvec)(matvec)
    implements(np.vecmat)(vecmat)

_CROSS = np.zeros((3, 3, 3))
"""What e_i × e_j has along e_k."""
_CROSS[[0, 1, 2], [1, 2, 0], [2, 0, 1]] = 1
_CROSS[[1, 2, 0], [0, 1, 2], [2, 0, 1]] = -1


@implements(np.cross)
def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """Return the vector product of (stacks of) vectors of three elements, or two.

    >>> import microtensor as mt
    >>> mt.cross(mt.tensor([1.0, 0.0, 0.0]), [0.0, 1.0, 0.0])
    tensor([0., 0., 1.])
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = moveaxis(_array(a), axisa, -1), moveaxis(_array(b), axisb, -1)
    m, n = a.shape[-1], b.shape[-1]
    if not {m, n} <= {2, 3}:
        raise ShapeError(f"cross() is of vectors of 2 or 3 elements, not of {m} and {n}.")
    table = _CROSS[:m, :n].astype(np.result_type(a.dtype, b.dtype))
    if m == n == 2:
        return einsum("...i,...j,ij->...", a, b, table[..., 2])
    return moveaxis(einsum("...i,...j,ijk->...k", a, b, table), -1, axisc)


@implements(np.linalg.cross)
def _cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Return the vector product of (stacks of) vectors."""
    return cross(x1, x2, axis=axis)


@implements(np.kron)
def kron(a: Any, b: Any) -> Any:
    """Multiply each element of ``a`` by all of ``b``, side by side: the Kronecker product."""
    a, b = _array(a), _array(b)
    ndim = max(a.ndim, b.ndim)
    a, b = (reshape(x, (1,) * (ndim - x.ndim) + x.shape) for x in (a, b))
    letters = string.ascii_letters
    of_a, of_b = letters[:ndim], letters[ndim : 2 * ndim]
    pairs = "".join(i + j for i, j in zip(of_a, of_b, strict=True))
    shape = tuple(m * n for m, n in zip(a.shape, b.shape, strict=True))
    return reshape(einsum(f"{of_a},{of_b}->{pairs}", a, b), shape)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Any]) -> Any:
    """Multiply several matrices, in the order that costs least; the ends may be vectors."""
    arrays = [_array(x) for x in arrays]
    letters = string.ascii_letters
    if any(x.ndim != 2 for x in arrays[1:-1]) or {arrays[0].ndim, arrays[-1].ndim} - {1, 2}:
        shapes = ", ".join(str(x.shape) for x in arrays)
        raise ShapeError(f"multi_dot() is of matrices, and vectors at the ends, not of {shapes}.")
    terms = [letters[i : i + 2] for i in range(len(arrays))]
    terms[0] = terms[0][-arrays[0].ndim :]
    terms[-1] = terms[-1][: arrays[-1].ndim]
    output = "".join(c for c in terms[0] + terms[-1] if "".join(terms).count(c) == 1)
    return einsum(f"{','.join(terms)}->{output}", *arrays)
