"""Pooling against loops over the windows and closed forms; ties, derivatives, errors."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn
from microtensor.errors import ArgumentError, DtypeError, ShapeError
from microtensor.gradcheck import gradcheck, gradgradcheck
from microtensor.ops import pooling as kernels

rng = np.random.default_rng(0)


def windows_of(shape, kernel, stride, padding, dilation):
    """Yield the place of each window, and those of its elements that exist, in order."""
    counts = [
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(shape, kernel, stride, padding, dilation, strict=True)
    ]
    for place in itertools.product(*map(range, counts)):
        elements = []
        for offset in itertools.product(*map(range, kernel)):
            at = [
                i * s + o * d - p[0]
                for i, s, o, d, p in zip(place, stride, offset, dilation, padding, strict=True)
            ]
            if all(0 <= a < n for a, n in zip(at, shape, strict=True)):
                elements.append(tuple(at))
        yield place, elements


@st.composite
def configurations(draw):
    """Draw an input's shape and the parameters of windows."""
    dims = draw(st.integers(1, 2))

    def each(least, most):
        return tuple(draw(st.integers(least, most)) for _ in range(dims))

    kernel, dilation = each(1, 3), each(1, 2)
    padding = tuple((a, b) for a, b in zip(each(0, 2), each(-1, 2), strict=True))
    size = tuple(
        max(d * (k - 1) + 1 - sum(p), 1) + more
        for k, d, p, more in zip(kernel, dilation, padding, each(0, 4), strict=True)
    )
    params = {"kernel": kernel, "stride": each(1, 4), "padding": padding, "dilation": dilation}
    return (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size), params


@given(configurations(), st.integers(0, 9))
def test_the_largest_is_found_and_the_first_of_several_has_the_gradient(configuration, seed):
    shape, params = configuration
    x = np.random.default_rng(seed).integers(0, 4, shape).astype(float)
    out = kernels.max_pool(x, **params)
    g = np.random.default_rng(seed).standard_normal(out.shape)
    expected, d_x, chosen = np.full(out.shape, -np.inf), np.zeros(shape), np.zeros(out.shape)
    for n, c in np.ndindex(shape[:2]):
        for place, elements in windows_of(shape[2:], **params):
            if elements:
                values = [x[n, c][at] for at in elements]
                first = elements[values.index(max(values))]
                expected[n, c][place] = max(values)
                d_x[n, c][first] += g[n, c][place]
                chosen[n, c][place] = x[n, c][first]
    assert_array_equal(out, expected)
    assert_allclose(kernels.max_pool_scatter(g, x, out, **params), d_x, rtol=1e-12)
    assert_array_equal(kernels.max_pool_gather(x, x, out, **params), chosen)


@given(configurations(), st.integers(0, 9))
def test_sums_are_those_of_the_windows_and_spreading_is_the_adjoint(configuration, seed):
    shape, params = configuration
    params = {**params, "dilation": (1,) * len(params["kernel"])}
    x = np.random.default_rng(seed).standard_normal(shape)
    expected = {
        place: sum(x[(..., *at)] for at in elements)
        for place, elements in windows_of(shape[2:], **params)
    }
    del params["dilation"]
    out = kernels.window_sum(x, **params)
    assert len(expected) == out[0, 0].size
    for place, total in expected.items():
        assert_allclose(out[(..., *place)], total, rtol=1e-12, atol=1e-12)
    y = np.random.default_rng(seed + 1).standard_normal(out.shape)
    back = kernels.window_spread(y, size=shape[2:], **params)
    assert_allclose(np.vdot(back, x), np.vdot(out, y), rtol=1e-9, atol=1e-9)


def test_of_equal_elements_the_first_row_by_row_has_the_gradient():
    x = mt.tensor(np.ones((1, 1, 2, 4)), requires_grad=True)
    F.max_pool2d(x, 2).backward([[[[3.0, 5.0]]]])
    assert_array_equal(x.grad.numpy()[0, 0], [[3, 0, 5, 0], [0, 0, 0, 0]])


def test_windows_that_overlap_add_up():
    x = mt.tensor([[[1.0, 9.0, 2.0]]], requires_grad=True)
    F.max_pool1d(x, 2, stride=1).backward([[[3.0, 5.0]]])
    assert_array_equal(x.grad.numpy(), [[[0, 8, 0]]])


def test_nan_is_the_largest():
    assert np.isnan(F.max_pool1d([[1.0, np.nan, 3.0, 4.0]], 2).numpy()).tolist() == [[True, False]]


def test_means():
    x = np.arange(16.0).reshape(1, 4, 4)
    assert_array_equal(F.avg_pool2d(x, 2).numpy(), [[[2.5, 4.5], [10.5, 12.5]]])
    line = [[2.0, 4.0, 6.0]]
    assert_array_equal(F.avg_pool1d(line, 2, 1, 1).numpy(), [[1, 3, 5, 3]])
    without = F.avg_pool1d(line, 2, 1, 1, count_include_pad=False)
    assert_array_equal(without.numpy(), [[2, 3, 5, 6]])
    assert_array_equal(F.avg_pool1d(line, 2, ceil_mode=True).numpy(), [[3, 6]])
    assert_array_equal(F.avg_pool2d(x, 4, divisor_override=2).numpy(), [[[60.0]]])


def test_a_mean_over_all_is_the_mean():
    x = rng.standard_normal((2, 3, 5, 7))
    out = nn.AdaptiveAvgPool2d(1)(x).numpy()
    assert_allclose(out[..., 0, 0], x.mean(axis=(2, 3)), rtol=1e-12)
    assert_allclose(nn.AdaptiveMaxPool2d(1)(x).numpy()[..., 0, 0], x.max(axis=(2, 3)))


@pytest.mark.parametrize("size", [(5, 7), (2, 3), (4, 1), (6, 9)])
def test_adaptive_windows_are_those_of_the_formula(size):
    x = rng.standard_normal((1, 2, 5, 7))
    means = F.adaptive_avg_pool2d(x, size).numpy()
    largest = F.adaptive_max_pool2d(x, size).numpy()
    for i, j in np.ndindex(size):
        rows = slice(int(np.floor(i * 5 / size[0])), int(np.ceil((i + 1) * 5 / size[0])))
        columns = slice(int(np.floor(j * 7 / size[1])), int(np.ceil((j + 1) * 7 / size[1])))
        window = x[:, :, rows, columns]
        assert_allclose(means[:, :, i, j], window.mean(axis=(2, 3)), rtol=1e-12)
        assert_array_equal(largest[:, :, i, j], window.max(axis=(2, 3)))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.max_pool2d(x, 2),
        lambda x: F.max_pool2d(x, (3, 2), (2, 1), 1, (1, 2), True),
        lambda x: F.avg_pool2d(x, 3, 2, 1, True, False),
        lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
        lambda x: F.adaptive_max_pool2d(x, (2, 3)),
        lambda x: F.max_pool1d(x[:, 0], 2, 1),
        lambda x: F.avg_pool1d(x[:, 0], 2, 1),
        lambda x: F.adaptive_avg_pool1d(x[:, 0], 3),
    ],
)
def test_derivatives_agree_with_finite_differences(function):
    x = mt.tensor(rng.standard_normal((1, 2, 5, 4)), requires_grad=True)
    assert gradcheck(function, [x])
    assert gradgradcheck(function, [x])


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_compiled_it_is_the_same(backend):
    def function(x):
        parts = [F.max_pool2d(x, 2), F.avg_pool2d(x, 3, 1, 1), F.adaptive_avg_pool2d(x, 2)]
        loss = sum((part**2).sum() for part in parts)
        loss.backward()
        g, x.grad = x.grad, None
        return g

    compiled = mt.compile(function, backend=backend)
    for _ in range(3):
        x = rng.standard_normal((2, 3, 6, 5))
        expected = function(mt.tensor(x, requires_grad=True)).numpy()
        found = compiled(mt.tensor(x, requires_grad=True)).numpy()
        assert_allclose(found, expected, rtol=1e-11)


X = np.zeros((2, 3, 6, 6))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.MaxPool2d(3, padding=2), ArgumentError, "at most half of kernel_size=3"),
        (lambda: F.max_pool2d(X, 3, padding=2), ArgumentError, r"at most half of kernel_size=\(3,"),
        (lambda: nn.MaxPool2d(0), ArgumentError, "kernel_size=0, and the least possible is 1"),
        (lambda: nn.AvgPool2d(2, stride=0), ArgumentError, "stride=0, and the least possible is 1"),
        (lambda: nn.MaxPool1d(2, dilation=0), ArgumentError, "dilation=0, and the least"),
        (lambda: nn.AvgPool1d((2, 2)), ArgumentError, r"kernel_size=\(2, 2\), and takes 1"),
        (lambda: F.avg_pool2d(X, 7), ShapeError, r"\(7, 7\), which is larger than .* \(6, 6\)"),
        (lambda: F.max_pool1d(X, 2), ShapeError, r"max_pool1d\(\) got .* \(2, 3, 6, 6\)"),
        (lambda: F.max_pool2d(X.astype(int), 2), DtypeError, "an input of dtype int64"),
        (lambda: F.avg_pool2d(X, 2, divisor_override=0), ArgumentError, "divisor_override=0"),
        (lambda: F.adaptive_avg_pool2d(X, 0), ArgumentError, "output_size=0, and the least"),
        (lambda: F.adaptive_max_pool2d(X, (1, 2, 3)), ArgumentError, "and takes 2"),
        (lambda: F.adaptive_avg_pool1d(X[0, :, :, :0], 2), ShapeError, r"shape \(3, 6, 0\)"),
        (lambda: nn.Unflatten(1, (-2, 3)), ArgumentError, r"unflattened_size=\(-2, 3\)"),
        (lambda: nn.Unflatten(1, (2, 2))(X), ShapeError, r"length 3 .* \(2, 2\)"),
        (lambda: nn.Unflatten(4, (2, 3))(X), ShapeError, "has no axis 4"),
    ],
)
def test_errors_quote_the_values(call, error, message):
    with pytest.raises(error, match=message):
        call()
