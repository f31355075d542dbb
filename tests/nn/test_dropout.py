"""Dropout: how much it leaves out, its expectation and gradient, and its random numbers."""

from __future__ import annotations

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.errors import ArgumentError
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
