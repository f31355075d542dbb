"""Dropout: how much it leaves out, its expectation and gradient, and its random numbers."""

from __future__ import annotations

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.errors import ArgumentError, ShapeError
from microtensor.nn import functional as F


def test_it_leaves_out_the_share_p_and_keeps_the_expectation() -> None:
    x = mt.tensor(np.ones(100_000))
    out = F.dropout(x, 0.3, generator=np.random.default_rng(0)).numpy()
    assert abs((out == 0).mean() - 0.3) < 0.01
    assert np.unique(out[out != 0]).tolist() == [1 / 0.7]


def test_its_numbers_are_those_of_the_generator() -> None:
    x = mt.tensor(np.ones((2, 3), np.float32))
    drawn = np.random.default_rng(5).random((2, 3), np.float32)
    out = F.dropout(x, 0.5, generator=np.random.default_rng(5))
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out.numpy(), np.where(drawn >= 0.5, 2.0, 0.0))


def test_the_gradient_passes_where_the_input_did() -> None:
    x = mt.tensor(np.arange(1.0, 9.0), requires_grad=True)
    out = nn.Dropout(0.5, generator=np.random.default_rng(1))(x)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), out.numpy() / x.numpy())


def test_outside_of_training_and_at_the_limits() -> None:
    x = mt.tensor(np.ones(4))
    layer = nn.Dropout(1.0)
    assert layer(x).tolist() == [0.0] * 4
    assert layer.eval()(x) is x
    assert nn.Dropout(0.0)(x) is x
    assert F.dropout(mt.tensor(np.ones(4, np.float16)), 0.5).dtype == np.float16
    assert repr(layer) == "Dropout(p=1.0)"


@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_probabilities_that_are_none(p: float) -> None:
    with pytest.raises(ArgumentError, match="probability"):
        nn.Dropout(p)
    with pytest.raises(ArgumentError, match="probability"):
        F.dropout(mt.tensor([1.0]), p)


@pytest.mark.parametrize(
    ("module", "shape", "of_a_channel"),
    [
        (nn.Dropout1d, (50, 20, 3), (2,)),
        (nn.Dropout1d, (1000, 3), (1,)),
        (nn.Dropout2d, (50, 20, 3, 4), (2, 3)),
        (nn.Dropout2d, (50, 20, 3), (2,)),
    ],
)
def test_whole_channels_are_left_out(module: type, shape: tuple, of_a_channel: tuple) -> None:
    layer = module(0.25, generator=np.random.default_rng(0))
    x = mt.tensor(np.ones(shape, np.float32), requires_grad=True)
    out = layer(x)
    assert out.dtype == np.float32
    channels = out.numpy().min(axis=of_a_channel)
    assert np.array_equal(channels, out.numpy().max(axis=of_a_channel))
    assert np.allclose(np.unique(channels), [0, 1 / 0.75])
    assert abs((channels == 0).mean() - 0.25) < 0.05
    out.sum().backward()
    assert np.array_equal(x.grad.numpy(), out.numpy())
    assert layer.eval()(x) is x


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = mt.tensor(np.random.default_rng(0).normal(size=200_000), requires_grad=True)
    out = nn.AlphaDropout(0.3, generator=np.random.default_rng(1))(x)
    assert abs(out.numpy().mean()) < 0.01
    assert abs(out.numpy().var() - 1) < 0.02
    values, counts = np.unique(out.numpy(), return_counts=True)
    assert abs(counts.max() / x.size - 0.3) < 0.01
    limit, a2 = values[counts.argmax()], 1.7580993408473766**2
    a = (0.7 * (1 + 0.3 * a2)) ** -0.5
    assert np.isclose(limit, -a * np.sqrt(a2) + a * np.sqrt(a2) * 0.3)
    out.sum().backward()
    assert np.allclose(np.unique(x.grad.numpy()), [0, a])
    assert nn.AlphaDropout(1.0)(x).tolist() == [0.0] * x.size
    assert F.alpha_dropout(x, 0.5) is x


def test_inputs_without_channels() -> None:
    with pytest.raises(ShapeError, match=r"2 or 3 axes.* \(4,\)"):
        nn.Dropout1d()(mt.tensor(np.ones(4)))
    with pytest.raises(ShapeError, match=r"3 or 4 axes.* \(4, 3\)"):
        nn.Dropout2d()(mt.tensor(np.ones((4, 3))))
    with pytest.raises(ArgumentError, match="Dropout2d has p=2"):
        nn.Dropout2d(2)
    with pytest.raises(ArgumentError, match=r"dropout1d\(\) has p=-1"):
        F.dropout1d(mt.tensor(np.ones((4, 3))), -1)
