"""What a gradient is where there is none, or more than one: the conventions, from their documents.

The expected values are written down, or follow from a limit; none comes from the library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import microtensor as mt
from microtensor.autograd import grad

nan, inf = np.nan, np.inf
IDENTITY = [[1.0, 0.0], [0.0, 1.0]]
SINGULAR = [[1.0, 2.0], [2.0, 4.0]]

CONVENTIONS: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
    # a norm, or a deviation, of 0 has the gradient 0, as in PyTorch
    "norm at 0": (np.linalg.norm, [0.0, 0.0], [0.0, 0.0]),
    "3-norm at 0": (lambda x: np.linalg.norm(x, 3), [0.0, 0.0], [0.0, 0.0]),
    "1-norm with a 0": (lambda x: np.linalg.norm(x, 1), [0.0, -2.0], [0.0, -1.0]),
    "half-norm with a 0": (lambda x: np.linalg.norm(x, 0.5), [0.0, 4.0], [0.0, 1.0]),
    "0-norm": (lambda x: np.linalg.norm(x, 0), [0.0, 2.0], [0.0, 0.0]),
    "infinity norm, tie": (lambda x: np.linalg.norm(x, inf), [2.0, -2.0, 1.0], [0.5, -0.5, 0.0]),
    "Frobenius norm at 0": (np.linalg.norm, [[0.0, 0.0]], [[0.0, 0.0]]),
    "one row's norm is 0": (
        lambda x: np.sum(np.linalg.norm(x, axis=1)), [[0.0, 0.0], [3.0, 4.0]], [[0, 0], [0.6, 0.8]],
    ),
    "std of equals": (np.std, [2.0, 2.0], [0.0, 0.0]),
    "nanstd of equals": (np.nanstd, [2.0, nan, 2.0], [0.0, 0.0, 0.0]),
    "nanvar": (np.nanvar, [1.0, nan, 4.0], [-1.5, 0.0, 1.5]),
    "nanmean": (np.nanmean, [1.0, nan, 4.0], [0.5, 0.0, 0.5]),
    "nanmedian": (np.nanmedian, [1.0, nan, 4.0], [0.5, 0.0, 0.5]),
    "nancumprod": (lambda x: np.sum(np.nancumprod(x)), [2.0, nan, 3.0], [5.0, 0.0, 2.0]),
    "hypot at the origin": (lambda x: np.hypot(x[0], x[1]), [0.0, 0.0], [0.0, 0.0]),
    # products with zeros
    "prod, one 0": (np.prod, [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
    "prod, two 0": (np.prod, [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
    "cumprod, one 0": (lambda x: np.cumprod(x)[-1], [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
    "cumprod, two 0": (lambda x: np.sum(np.cumprod(x)), [0.0, 0.0, 3.0], [1.0, 0.0, 0.0]),
    "nanprod": (np.nanprod, [2.0, nan, 3.0], [3.0, 0.0, 2.0]),
    # ties: an extremum splits its gradient, sorting goes by position
    "ptp": (np.ptp, [1.0, 3.0, 3.0], [-1.0, 0.5, 0.5]),
    "nanmax": (np.nanmax, [nan, 3.0, 3.0], [0.0, 0.5, 0.5]),
    "sort": (lambda x: np.sum(np.sort(x) * [1, 10, 100]), [2.0, 1.0, 1.0], [100.0, 1.0, 10.0]),
    "median of equals": (np.median, [5.0, 5.0, 5.0], [0.0, 1.0, 0.0]),
    "median, even": (np.median, [4.0, 1.0, 3.0, 2.0], [0.0, 0.0, 0.5, 0.5]),
    "fmax, tie and NaN": (
        lambda x: np.sum(np.fmax(x, [1.0, nan, 5.0])), [1.0, 2.0, nan], [0.5, 1.0, 0.0],
    ),
    # kinks and jumps
    "copysign at 0": (lambda x: np.copysign(x, -1.0), 0.0, 0.0),
    "fabs at 0": (np.fabs, 0.0, 0.0),
    "heaviside": (lambda x: np.heaviside(x, 0.5), 0.0, 0.0),
    "nan_to_num": (lambda x: np.sum(np.nan_to_num(x)), [1.0, nan, inf], [1.0, 0.0, 0.0]),
    "interp at a point": (lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 5.0]), 1.0, 4.0),
    "interp beyond": (lambda x: np.interp(x, [0.0, 1.0], [0.0, 1.0]), 2.0, 0.0),
    "sinc at 0": (np.sinc, 0.0, 0.0),
    "unwrap over a jump": (lambda x: np.sum(np.unwrap(x)), [3.0, -3.0], [1.0, 1.0]),
    # matrices without an inverse, equal eigenvalues and singular values
    "det, singular": (np.linalg.det, SINGULAR, [[4.0, -2.0], [-2.0, 1.0]]),
    "det, rank 0": (np.linalg.det, [[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]),
    "equal eigenvalues": (lambda x: np.sum(np.linalg.eigh(x)[0] ** 2), IDENTITY, [[2, 0], [0, 2]]),
    "equal singular values": (lambda x: np.sum(np.linalg.svd(x)[1]), IDENTITY, IDENTITY),
    "nuclear norm, rank 1": (
        lambda x: np.linalg.norm(x, "nuc"), [[3.0], [4.0]], [[0.6], [0.8]],
    ),
    "pinv, rank 1": (lambda x: np.trace(np.linalg.pinv(x)), SINGULAR, [[-1, -2], [-2, -4]]),
    "only one triangle is read": (
        lambda x: np.sum(np.linalg.eigvalsh(x)), [[1.0, 7.0], [0.5, 2.0]], IDENTITY,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVENTIONS)
def test_the_gradient_is_the_documented_one(name: str) -> None:
    function, value, expected = CONVENTIONS[name]
    x = mt.tensor(value, requires_grad=True)
    function(x).backward()
    if name == "pinv, rank 1":  # within the matrices of rank 1: tr(pinv) is tr(x) / |x|^2
        expected = (np.eye(2) - 2 * np.array(value) / 5) / 25
        expected = projected(expected)
    assert_allclose(x.grad.data, expected, rtol=1e-12, atol=1e-15)


def projected(g: Any) -> Any:
    """Leave out of ``g`` what would raise the rank of SINGULAR."""
    q = np.eye(2) - np.array(SINGULAR) / 5
    return g - q @ g @ q


@pytest.mark.parametrize("name", ["eigh", "svd"])
def test_vectors_of_equal_values_have_no_gradient(name: str) -> None:
    x = mt.tensor(IDENTITY, requires_grad=True)
    vectors = getattr(np.linalg, name)(x)[1 if name == "eigh" else 0]
    np.sum(vectors * [[1.0, 2.0], [3.0, 4.0]]).backward()
    assert np.isnan(x.grad.data).any()


def test_sinc_is_smooth_where_its_terms_cancel() -> None:
    values = np.array([0.0, 1e-9, 1e-4, 0.0099999, 0.0100001, 0.3])
    x = mt.tensor(values, requires_grad=True)
    (first,) = grad(np.sum(np.sinc(x)), [x], create_graph=True)
    (second,) = grad(np.sum(first), [x])
    z = np.pi * values[:5]  # the series, to a relative error of 1e-14
    assert_allclose(first.data[:5], np.pi * (-z / 3 + z**3 / 30 - z**5 / 840), rtol=1e-10)
    series = np.pi**2 * (-1 / 3 + z**2 / 10 - z**4 / 168)
    assert_allclose(second.data[:5], series, rtol=1e-8)


def test_the_sign_of_a_determinant_is_flat() -> None:
    x = mt.tensor([[0.0, 1.0], [2.0, 0.0]], requires_grad=True)
    sign, logarithm = np.linalg.slogdet(x)
    sign.backward()
    assert_allclose(x.grad.data, np.zeros((2, 2)))
    assert (sign.item(), logarithm.item()) == (-1.0, np.log(2.0))


def test_second_derivatives_of_a_singular_determinant() -> None:
    x = mt.tensor([[1.0, 2.0], [3.0, 6.0]], requires_grad=True)
    (g,) = grad(np.linalg.det(x), [x], create_graph=True)
    (h,) = grad(g[0, 0], [x])
    assert_allclose(h.data, [[0.0, 0.0], [0.0, 1.0]], atol=1e-12)  # det = ad - bc
