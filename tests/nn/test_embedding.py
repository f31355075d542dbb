"""Embedding and one_hot: values, gradients of repeated rows, padding, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import microtensor as mt
from microtensor import nn, optim
from microtensor.errors import ArgumentError, DtypeError, IndexingError, ShapeError, TracingError
from microtensor.gradcheck import gradcheck, gradgradcheck
from microtensor.nn import functional as F
from microtensor.ops import rows


def table(rows: int, size: int, **options: Any) -> nn.Embedding:
    return nn.Embedding(rows, size, **options, generator=np.random.default_rng(0))


# Values and gradients


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0,), (2, 0)])
def test_the_vectors_are_rows_of_the_weight(shape: tuple[int, ...]) -> None:
    layer = table(5, 3)
    indices = np.random.default_rng(1).integers(0, 5, shape)
    assert_array_equal(layer(indices).numpy(), layer.weight.numpy()[indices])


def test_it_is_a_linear_layer_of_one_hot_vectors() -> None:
    layer = table(5, 3)
    indices = np.array([[0, 4], [4, 2]])
    vectors = F.one_hot(indices, 5).astype(float)
    product = vectors @ layer.weight
    assert_allclose(layer(indices).numpy(), product.numpy(), rtol=1e-15)
    seed = np.random.default_rng(2).standard_normal((2, 2, 3))
    product.backward(seed)
    expected = layer.weight.grad.numpy().copy()
    layer.zero_grad()
    layer(indices).backward(seed)
    assert_allclose(layer.weight.grad.numpy(), expected, rtol=1e-15)


@given(st.integers(1, 8), st.integers(0, 60), st.integers(0, 5), st.integers(0, 10**6))
@settings(deadline=None)
def test_gradients_of_repeated_rows_add_up(count: int, n: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    indices = rng.integers(0, count, n)
    g = rng.integers(-9, 10, (n, size)).astype(float)  # sums of integers are exact in any order
    expected = np.zeros((count, size))
    np.add.at(expected, indices, g)
    assert_array_equal(rows.add_rows(g, indices, count), expected)


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize("padding_idx", [None, 1])
def test_gradients_agree_with_finite_differences(check: Any, padding_idx: Any) -> None:
    weight = mt.tensor(np.random.default_rng(0).standard_normal((4, 2)), requires_grad=True)
    indices = [0, 3, 3, 2] if padding_idx else [0, 1, 1, 3]
    assert check(lambda w: F.embedding(indices, w, padding_idx) ** 2, [weight])


def test_the_padding_starts_as_zero_and_stays() -> None:
    layer = table(5, 3, padding_idx=-2)
    assert layer.padding_idx == 3
    assert_array_equal(layer.weight.numpy()[3], np.zeros(3))
    optimizer = optim.SGD(layer.parameters(), lr=1.0)
    (layer([3, 3, 1]) + 1.0).sum().backward()
    optimizer.step()
    assert_array_equal(layer.weight.numpy()[3], np.zeros(3))
    assert_array_equal(layer.weight.grad.numpy()[1], np.ones(3))


def test_the_weight_is_normal_and_of_the_dtype() -> None:
    layer = table(400, 100, dtype=np.float32)
    assert layer.weight.dtype == np.float32
    assert layer([1]).dtype == np.float32
    assert layer.weight.numpy().mean() == pytest.approx(0, abs=0.02)
    assert layer.weight.numpy().std() == pytest.approx(1, abs=0.02)


def test_from_pretrained_copies() -> None:
    given_table = np.ones((2, 3), np.float32)
    layer = nn.Embedding.from_pretrained(given_table)
    given_table[...] = 5
    assert_array_equal(layer([0]).numpy(), np.ones((1, 3)))
    assert not layer.weight.requires_grad
    assert nn.Embedding.from_pretrained(given_table, freeze=False).weight.requires_grad
    with pytest.raises(ShapeError, match=r"\(num_embeddings, embedding_dim\), and got \(3,\)"):
        nn.Embedding.from_pretrained([1.0, 2.0, 3.0])


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_compiled_it_takes_other_indices_in_every_call(backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba")
    eager, other = table(6, 3, padding_idx=0), table(6, 3, padding_idx=0)

    def training(layer: nn.Embedding) -> Any:
        optimizer = optim.SGD(layer.parameters(), lr=0.1)

        def step(indices: Any) -> Any:
            optimizer.zero_grad()
            loss = (layer(indices) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        return step

    step, compiled = training(eager), mt.compile(training(other), backend=backend)
    for seed in range(4):
        indices = np.random.default_rng(seed).integers(0, 6, (3, 2))
        assert_allclose(compiled(indices).item(), step(indices).item(), rtol=1e-12)
    assert_allclose(other.weight.numpy(), eager.weight.numpy(), rtol=1e-12)
    with pytest.raises(IndexingError, match="index 6"):
        compiled(np.full((3, 2), 6))


# One-hot


def test_one_hot_counts_the_classes() -> None:
    assert_array_equal(F.one_hot([2, 0]).numpy(), [[0, 0, 1], [1, 0, 0]])
    assert F.one_hot(np.zeros((2, 3), int), 4).shape == (2, 3, 4)
    assert F.one_hot(1, 2).dtype == np.int64


def test_one_hot_is_compiled() -> None:
    compiled = mt.compile(lambda x: F.one_hot(x, 4) * 2.0)
    for given_indices in ([0, 3], [2, 1]):
        x = np.array(given_indices)
        assert_array_equal(compiled(x).numpy(), 2 * np.eye(4)[x])
    with pytest.raises(IndexingError, match="class index 4"):
        compiled(np.array([0, 4]))
    with pytest.raises(TracingError, match="num_classes"):
        mt.compile(F.one_hot)(np.array([0, 3]))


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (([0, 3], 3), IndexingError, r"the class 3 at \(1,\) of the input, and there are 3"),
        (([[0], [-1]],), IndexingError, r"the class -1 at \(1, 0\)"),
        (([0, 1], 0), ArgumentError, "num_classes=0"),
        (([0, 1], -2), ArgumentError, "num_classes=-2"),
        ((np.zeros(0, int),), ArgumentError, r"shape \(0,\) needs num_classes"),
        (([0.0, 1.0], 2), DtypeError, r"one_hot\(\) takes integers, and got float64"),
    ],
)  # fmt: skip
def test_one_hot_refuses(args: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        F.one_hot(*args)


# Errors


@pytest.mark.parametrize(
    ("indices", "error", "message"),
    [
        ([[0, 1], [5, 2]], IndexingError, r"index 5 at \(1, 0\) of the input.* has 5 rows"),
        ([0, -1], IndexingError, r"index -1 at \(1,\)"),
        ([0.0, 1.0], DtypeError, r"takes integers, and got float64 in the shape \(2,\).*astype"),
        ([True, False], DtypeError, "takes integers, and got bool"),
    ],
)  # fmt: skip
def test_indices_of_no_row(indices: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        table(5, 3)(indices)


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((-1, 3), ShapeError, r"Embedding\(-1, 3\): sizes cannot be negative"),
        ((2.5, 3), TypeError, r"Embedding\(2.5, 3\)"),
        ((5, 3, 5), ArgumentError, "padding_idx=5 is none of 5 rows: it goes from -5 to 4"),
        ((5, 3, -6), ArgumentError, "padding_idx=-6"),
    ],
)
def test_an_embedding_that_cannot_be_made(args: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        nn.Embedding(*args)


def test_the_weight_is_a_matrix() -> None:
    with pytest.raises(ShapeError, match=r"\(rows, features\), and got \(3,\)"):
        F.embedding([0], np.ones(3))


def test_repr() -> None:
    assert repr(table(5, 3, padding_idx=-1)) == "Embedding(5, 3, padding_idx=4)"
