"""Inverses, determinants and decompositions of (stacks of) matrices, as in ``numpy.linalg``.

An operation has one result; a decomposition's is the transposes of its factors side by side. The
function of NumPy's name takes them apart.

Where a result is not unique it has no derivative: the gradients of eigenvectors of equal
eigenvalues, and of singular vectors of equal singular values, are NaN, as in PyTorch. A loss that
does not depend on them (on the eigenvalues only, say) has its right gradient there too.

Of a matrix taken to be symmetric NumPy reads one triangle. The gradient is the derivative with
respect to what is read: the other triangle's is 0. PyTorch and JAX give both the mean of the two.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from ..errors import UnsupportedError
from ..op import Op, implements
from ..record import current_trace
from .reduce import _others

__all__ = ["eigh", "eigvalsh", "pinv", "qr", "slogdet", "svd", "svdvals"]


class SlogdetResult(NamedTuple):
    """The sign of a determinant and the logarithm of its absolute value."""

    sign: Any
    logabsdet: Any


class EighResult(NamedTuple):
    """The eigenvalues, in ascending order, and the eigenvectors, in columns."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """The factors of a singular value decomposition, ``U @ diag(S) @ Vh``."""

    U: Any
    S: Any
    Vh: Any


class QRResult(NamedTuple):
    """The factors of a QR decomposition: orthonormal columns, and an upper triangle."""

    Q: Any
    R: Any


def _t(x: Any) -> Any:
    return x.swapaxes(-1, -2)


def _times_diagonal(x: Any, d: Any) -> Any:
    """Multiply the columns of (stacks of) matrices."""
    return x * d[..., None, :]


def _per(x: Any, gap: Any) -> Any:
    """Divide by differences; where only they are 0 that gives NaN, and where both are, 0."""
    none = gap == 0
    return np.where(none & (x == 0), 0.0, x / np.where(none, np.where(x == 0, 1.0, np.nan), gap))


def _gaps(w: Any) -> Any:
    """Return ``w[j] - w[i]`` for all pairs, and infinity for what is not a pair."""
    return np.where(np.eye(w.shape[-1], dtype=bool), np.inf, w[..., None, :] - w[..., :, None])


def _halved(x: Any) -> Any:
    """Return the lower triangle, with half its diagonal."""
    return np.tril(x) / (1.0 + np.eye(x.shape[-1], dtype=x.dtype))


def _of_triangle(s: Any, upper: bool) -> Any:
    """Turn the gradient of a symmetric matrix into that of the triangle which was read."""
    half = _halved(s + _t(s))
    return _t(half) if upper else half


def _det_vjp(g: Any, out: Any, x: Any) -> Any:
    """Return the cofactors: det(x) times the inverse, which a singular matrix has not."""
    g = g[..., None, None]
    if current_trace() is None and np.all(out != 0):
        return g * out[..., None, None] * _t(np.linalg.inv(x))
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    signs = np.linalg.det(u) * np.linalg.det(vh)
    return g * signs[..., None, None] * (_times_diagonal(u, _others(s)) @ vh)


def _solve_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    if y.ndim == 1:
        return np.linalg.solve(_t(x), g[..., None])[..., 0]
    return np.linalg.solve(_t(x), g)


def _solve_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    c = _solve_y(g, out, x, y)
    return -c[..., :, None] * out[..., None, :] if y.ndim == 1 else -c @ _t(out)


def _cholesky(x: Any, upper: bool = False) -> Any:
    return np.linalg.cholesky(x, upper=upper)


def _cholesky_vjp(g: Any, out: Any, x: Any, upper: bool) -> Any:
    """Return L⁻ᵀ Φ(Lᵀ g) L⁻¹ (Murray 2016, https://arxiv.org/abs/1602.07527)."""
    lower, g = (_t(out), _t(g)) if upper else (out, g)
    lt = _t(lower)
    inner = _halved(lt @ g)
    return _of_triangle(np.linalg.solve(lt, _t(np.linalg.solve(lt, _t(inner)))), upper)


def _eigh(x: Any, UPLO: Literal["L", "U"] = "L") -> Any:
    w, v = np.linalg.eigh(x, UPLO)
    return np.concatenate([_t(v), w[..., None]], axis=-1)


def _eigh_vjp(g: Any, out: Any, x: Any, UPLO: str) -> Any:
    """Return V (diag(gw) + Vᵀ gV / (w[j] - w[i])) Vᵀ (Giles 2008, section 3.1)."""
    n = x.shape[-1]
    vt, w = out[..., :n], out[..., n]
    turning = _per(vt @ _t(g[..., :n]), _gaps(w))
    stretching = _times_diagonal(np.eye(n, dtype=g.dtype), g[..., n])
    return _of_triangle(_t(vt) @ (turning + stretching) @ vt, UPLO.upper() == "U")


def _svd(x: Any) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([_t(u), s[..., None], vh], axis=-1)


def _svd_vjp(g: Any, out: Any, x: Any) -> Any:
    """Follow Townsend 2016, https://j-towns.github.io/papers/svd-derivative.pdf."""
    m, n = x.shape[-2:]
    ut, s, vh = out[..., :m], out[..., m], out[..., m + 1 :]
    gut, gs, gvh = g[..., :m], g[..., m], g[..., m + 1 :]
    u, gaps = _t(ut), _gaps(s * s)
    of_u, of_v = _per(ut @ _t(gut), gaps), _per(vh @ _t(gvh), gaps)
    inner = _times_diagonal(of_u + _t(of_u), s) + s[..., None] * (of_v + _t(of_v))
    inner = inner + _times_diagonal(np.eye(s.shape[-1], dtype=g.dtype), gs)
    c = u @ inner @ vh
    if m > n:  # what turns u out of the space that its columns span
        outward = _t(_per(gut, s[..., None]))
        c = c + (outward - u @ (ut @ outward)) @ vh
    if n > m:
        outward = _per(gvh, s[..., None])
        c = c + u @ (outward - (outward @ _t(vh)) @ vh)
    return c


def _qr(x: Any) -> Any:
    q, r = np.linalg.qr(x)
    return np.concatenate([_t(q), r], axis=-1)


def _qr_vjp(g: Any, out: Any, x: Any) -> Any:
    """Follow Walter, Lehmann and Lamour 2010, https://arxiv.org/abs/1009.6112, for m >= n."""
    m = x.shape[-2]
    qt, r = out[..., :m], out[..., m:]
    gqt, gr = g[..., :m], g[..., m:]
    inner = r @ _t(gr) - gqt @ _t(qt)
    symmetric = np.tril(inner) + _t(np.tril(inner, -1))
    return _t(np.linalg.solve(r, gqt + symmetric @ qt))


def _pinv(x: Any, rcond: Any = None) -> Any:
    return np.linalg.pinv(x) if rcond is None else np.linalg.pinv(x, rcond)


def _pinv_vjp(g: Any, out: Any, x: Any, rcond: Any) -> Any:
    """Follow Golub and Pereyra 1973, for the rank that ``x`` has."""
    pt, gt = _t(out), _t(g)
    left = gt @ (out @ pt)
    right = (pt @ out) @ gt
    return left - x @ (out @ left) + right - (right @ out) @ x - pt @ g @ pt


def _lstsq(x: Any, y: Any, rcond: Any) -> Any:
    return np.linalg.lstsq(x, y, rcond)[0]


def _lstsq_y(g: Any, out: Any, x: Any, y: Any, rcond: Any) -> Any:
    return _t(np.linalg.pinv(x, rcond)) @ g


def _lstsq_x(g: Any, out: Any, x: Any, y: Any, rcond: Any) -> Any:
    """Return the gradient of ``pinv(x) @ y``, for the rank that ``x`` has."""
    if y.ndim == 1:
        g, out, y = g[:, None], out[:, None], y[:, None]
    p = np.linalg.pinv(x, rcond)
    pt, c = _t(p), _t(p) @ g
    return (y - x @ out) @ _t(p @ c) + (pt @ out) @ _t(g - _t(x) @ c) - c @ _t(out)


# One line per rule. `g` is the gradient of the output, `out` the output; x, y are the inputs.
# fmt: off
inv = Op("inv", np.linalg.inv, saves="out", numpy=np.linalg.inv, parameters={}, vjps=(
    lambda g, out, x: -(_t(out) @ g @ _t(out)),))
det = Op("det", np.linalg.det, saves="out x", numpy=np.linalg.det, parameters={}, vjps=(_det_vjp,))
logabsdet = Op("logabsdet", lambda x: np.linalg.slogdet(x)[1], saves="x", vjps=(
    lambda g, out, x: g[..., None, None] * _t(np.linalg.inv(x)),))
signdet = Op("signdet", lambda x: np.linalg.slogdet(x)[0], vjps=(
    lambda g, out, x: g[..., None, None] * np.zeros(x.shape, x.dtype),))
solve = Op("solve", np.linalg.solve, saves="out x", broadcasts=True, numpy=np.linalg.solve,
    parameters={}, vjps=(
    _solve_x,
    _solve_y))
cholesky = Op("cholesky", _cholesky, saves="out", numpy=np.linalg.cholesky, vjps=(_cholesky_vjp,))
eigh_packed = Op("eigh", _eigh, saves="out", vjps=(_eigh_vjp,))
svd_packed = Op("svd", _svd, saves="out", vjps=(_svd_vjp,))
qr_packed = Op("qr", _qr, saves="out", vjps=(_qr_vjp,))
pinv_with = Op("pinv", _pinv, saves="out x", vjps=(_pinv_vjp,))
lstsq_solution = Op("lstsq", _lstsq, saves="out x y", vjps=(_lstsq_x, _lstsq_y))
# fmt: on


def _array(x: Any) -> Any:
    return x if hasattr(x, "shape") else np.asarray(x)


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> tuple[Any, Any]:
    """Return the sign of the determinant, which is flat, and the logarithm of its absolute value.

    >>> import microtensor as mt
    >>> a = mt.tensor([[2.0, 0.0], [0.0, -4.0]], requires_grad=True)
    >>> sign, logarithm = mt.linalg.slogdet(a)
    >>> logarithm.backward()
    >>> mt.diag(a.grad)
    tensor([ 0.5 , -0.25])
    """
    return SlogdetResult(signdet(_array(a)), logabsdet(_array(a)))


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> tuple[Any, Any]:
    """Return the eigenvalues and eigenvectors of a symmetric matrix, of which one triangle is read.

    The other triangle has a gradient of 0. The gradient of eigenvectors is NaN where eigenvalues
    are equal; that of the eigenvalues is not.
    """
    a = _array(a)
    n = a.shape[-1]
    packed = eigh_packed(a, UPLO=UPLO)
    return EighResult(packed[..., n], _t(packed[..., :n]))


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """Return the eigenvalues of a symmetric matrix, in ascending order."""
    return eigh(a, UPLO)[0]


@implements(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return the singular value decomposition, or with ``compute_uv=False`` the singular values.

    A matrix that is not square needs ``full_matrices=False``: the vectors that would be added are
    not determined by it. The gradient of singular vectors is NaN where singular values are equal.
    """
    a = _array(a)
    m, n = a.shape[-2:]
    packed = svd_packed(a)
    if not compute_uv:
        return packed[..., m]
    if full_matrices and m != n:
        raise UnsupportedError(
            f"np.linalg.svd() of a Tensor of shape {a.shape} does not support full_matrices=True: "
            "the vectors beyond the smaller side have no derivative; give full_matrices=False."
        )
    return SVDResult(_t(packed[..., :m]), packed[..., m], packed[..., m + 1 :])


@implements(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    """Return the singular values, in descending order."""
    return svd(x, compute_uv=False)


@implements(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """Return orthonormal columns and an upper triangle whose product is ``a``.

    ``mode`` is ``"reduced"``, ``"r"``, or ``"complete"`` where that is the same; the first columns
    must be independent.
    """
    a = _array(a)
    m, n = a.shape[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        raise UnsupportedError(
            f"np.linalg.qr() of a Tensor of shape {a.shape} does not support mode={mode!r}: what "
            "it adds to mode='reduced' has no derivative."
        )
    packed = qr_packed(a[..., :m] if n > m else a)
    q, r = _t(packed[..., :m]), packed[..., m:]
    if n > m:
        r = np.concatenate([r, packed[..., :m] @ a[..., m:]], axis=-1)
    return r if mode == "r" else QRResult(q, r)


@implements(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, *, rtol: Any = None) -> Any:
    """Return the pseudo-inverse; its gradient is that within the matrices of the same rank."""
    return pinv_with(_array(a), rcond=rcond if rtol is None else rtol)
