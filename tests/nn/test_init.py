"""Initial values: distributions by their bounds and deviations."""

import math

import numpy as np
import pytest
import scipy.stats

import microtensor as mt
from microtensor import nn
from microtensor.errors import ArgumentError, DtypeError, InPlaceError, ShapeError
from microtensor.nn import init


def weight(*shape, dtype=np.float64):
    return nn.Parameter(np.zeros(shape, dtype))


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("fill", "bound"),
    [
        # (out, in) = (300, 400): fan_in is 400, fan_out 300.
        (lambda t: init.uniform_(t, -2.0, 2.0, generator=rng()), 2.0),
        (lambda t: init.xavier_uniform_(t, generator=rng()), math.sqrt(6 / 700)),
        (
            lambda t: init.xavier_uniform_(t, gain=5 / 3, generator=rng()),
            5 / 3 * math.sqrt(6 / 700),
        ),
        (lambda t: init.kaiming_uniform_(t, generator=rng()), math.sqrt(6 / 400)),
        (lambda t: init.kaiming_uniform_(t, a=math.sqrt(5), generator=rng()), 1 / 20),
        (
            lambda t: init.kaiming_uniform_(
                t, mode="fan_out", nonlinearity="relu", generator=rng()
            ),
            math.sqrt(6 / 300),
        ),
    ],
)
def test_uniform(fill, bound):
    t = weight(300, 400)
    assert fill(t) is t
    assert 0.9999 * bound < np.abs(t.data).max() <= bound
    assert np.isclose(t.data.std(), bound / math.sqrt(3), rtol=0.01)
    assert abs(t.data.mean()) < 0.01 * bound


@pytest.mark.parametrize(
    ("fill", "mean", "std"),
    [
        (lambda t: init.normal_(t, generator=rng()), 0.0, 1.0),
        (lambda t: init.normal_(t, 3.0, 0.01, generator=rng()), 3.0, 0.01),
        (lambda t: init.xavier_normal_(t, generator=rng()), 0.0, math.sqrt(2 / 700)),
        (lambda t: init.kaiming_normal_(t, nonlinearity="linear", generator=rng()), 0.0, 1 / 20),
        (
            lambda t: init.kaiming_normal_(t, mode="fan_out", generator=rng()),
            0.0,
            math.sqrt(2 / 300),
        ),
    ],
)
def test_normal(fill, mean, std):
    t = weight(300, 400)
    assert fill(t) is t
    assert np.isclose(t.data.std(), std, rtol=0.01)
    assert abs(t.data.mean() - mean) < 0.01 * std


def test_fans_count_the_window_of_a_convolution():
    t = init.kaiming_uniform_(weight(64, 32, 3, 3), a=math.sqrt(5), generator=rng())
    bound = 1 / math.sqrt(32 * 9)
    assert 0.999 * bound < np.abs(t.data).max() <= bound


def test_constants():
    assert init.zeros_(init.ones_(weight(2))).tolist() == [0.0, 0.0]
    assert init.ones_(weight(2)).tolist() == [1.0, 1.0]
    assert init.constant_(weight(2), 0.3).tolist() == [0.3, 0.3]
    assert init.eye_(weight(2, 3)).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def test_the_tutorials_weights():
    np.random.seed(1)  # noqa: NPY002 - the tutorials do
    uniform, normal = np.random.rand(3, 4), np.random.randn(4, 5) * 0.01  # noqa: NPY002 - the same
    legacy = np.random.RandomState(1)
    assert np.array_equal(init.uniform_(weight(3, 4), generator=legacy).data, uniform)
    assert np.array_equal(init.normal_(weight(4, 5), std=0.01, generator=legacy).data, normal)


def test_gains():
    assert init.calculate_gain("linear") == init.calculate_gain("sigmoid") == 1
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("selu") == 0.75
    assert init.calculate_gain("leaky_relu", 0.5) == math.sqrt(2 / 1.25)
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2))
    with pytest.raises(ValueError, match=r"'gelu': it is one of linear.*leaky_relu"):
        init.calculate_gain("gelu")


def test_the_generator_decides_and_the_dtype_stays():
    a, b = weight(2, 3, dtype=np.float32), weight(2, 3, dtype=np.float32)
    assert np.array_equal(
        init.normal_(a, generator=rng()).data, init.normal_(b, generator=rng()).data
    )
    assert a.dtype == np.float32
    assert not np.array_equal(init.normal_(a).data, init.normal_(b).data)


def test_the_change_is_noticed_and_not_recorded():
    w = weight(2, 2)
    loss = (w * w).sum()
    init.ones_(w)
    assert w.is_leaf
    assert w.requires_grad
    with pytest.raises(InPlaceError):
        loss.backward()


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (2, 0, 3)])
@pytest.mark.parametrize(
    "fill",
    [
        init.xavier_uniform_,
        init.xavier_normal_,
        init.kaiming_uniform_,
        init.kaiming_normal_,
        lambda t: init.kaiming_normal_(t, mode="fan_out"),
    ],
)
def test_a_tensor_without_elements_has_nothing_to_fill(fill, shape):
    t = weight(*shape)
    assert fill(t) is t


@pytest.mark.parametrize(("a", "b"), [(2, 1), (math.nan, 1), (0, math.inf)])
def test_bounds_that_are_none_raise(a, b):
    with pytest.raises(ArgumentError, match=f"a={a} and b={b}"):
        init.uniform_(weight(2), a, b)


def test_a_negative_deviation_raises():
    with pytest.raises(ArgumentError, match="std is -1"):
        init.normal_(weight(2), 0, -1)


def test_what_is_no_generator_raises():
    with pytest.raises(TypeError, match=r"generator is 3, .*default_rng"):
        init.uniform_(weight(2), generator=3)


def test_errors():
    with pytest.raises(ShapeError, match=r"two axes or more.*\(3,\)"):
        init.xavier_uniform_(weight(3))
    with pytest.raises(ShapeError, match="matrix"):
        init.eye_(weight(3))
    with pytest.raises(ValueError, match="'fan_on'"):
        init.kaiming_normal_(weight(3, 2), mode="fan_on")
    with pytest.raises(DtypeError, match="int64"):
        init.uniform_(mt.tensor([1, 2]))


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (4, 3, 2, 2), (20, 3, 2, 2)])
def test_orthogonal(shape):
    t = weight(*shape)
    assert init.orthogonal_(t, gain=2.0, generator=rng()) is t
    w = t.numpy().reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    assert np.allclose(product, 4 * np.eye(len(product)))


def test_orthogonal_matrices_are_drawn_uniformly():
    """The Q of LAPACK alone has a diagonal that is hardly ever positive."""
    draw = np.random.default_rng(0)
    signs = [init.orthogonal_(weight(3, 3), generator=draw).numpy()[0, 0] > 0 for _ in range(400)]
    assert 0.4 < np.mean(signs) < 0.6


def test_truncated_normal_against_scipy():
    t = weight(300, 400)
    assert init.trunc_normal_(t, mean=0.5, std=2.0, a=-1.0, b=2.5, generator=rng()) is t
    expected = scipy.stats.truncnorm(-0.75, 1.0, loc=0.5, scale=2.0)
    assert -1.0 <= t.data.min() < -0.999
    assert 2.499 < t.data.max() <= 2.5
    assert np.isclose(t.data.mean(), expected.mean(), atol=0.01)
    assert np.isclose(t.data.std(), expected.std(), rtol=0.01)


@pytest.mark.parametrize("bounds", [(1.0, -1.0), (5.0, 6.0), (-6.0, -5.0), (math.nan, 1.0)])
def test_a_truncated_normal_between_impossible_bounds(bounds):
    with pytest.raises(ArgumentError, match=rf"between a={bounds[0]} and b={bounds[1]}"):
        init.trunc_normal_(weight(3), 0.0, 1.0, *bounds)
    with pytest.raises(ArgumentError, match="std is 0"):
        init.trunc_normal_(weight(3), std=0)
    with pytest.raises(ShapeError, match=r"two axes or more, and got the shape \(3,\)"):
        init.orthogonal_(weight(3))
