"""The NumPy backend: every operation, forward and backward, on other values than it was traced on.

What is expected comes from the functions as they run without the compiler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import microtensor as mt
from microtensor import nn, optim
from microtensor.autograd import grad
from tests.cases import Case

from .test_printing import DIFFERENTIABLE, TRACEABLE, others, weights_for


def on_tensors(case: Case, inputs: Any) -> list[Any]:
    return [mt.tensor(x, requires_grad=i in case.differentiated) for i, x in enumerate(inputs)]


def values_of(result: Any) -> list[Any]:
    parts = result if isinstance(result, (tuple, list)) else [result]
    return [
        np.asarray(x.numpy() if isinstance(x, mt.Tensor) else x) for x in parts if x is not None
    ]


def same(found: Any, expected: Any) -> None:
    for a, b in zip(values_of(found), values_of(expected), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        scale = max(1.0, float(np.max(np.abs(b), initial=0.0))) if np.isfinite(b).all() else 1.0
        assert_allclose(a, b, rtol=1e-9, atol=1e-11 * scale)


@pytest.mark.parametrize("case", TRACEABLE, ids=str)
def test_every_operation(case: Case) -> None:
    def fn(*xs: Any) -> Any:
        return case.on_tensors(*xs)

    compiled = mt.compile(fn)
    with mt.no_grad():
        for inputs in (case.inputs, others(case), others(case)):
            same(compiled(*on_tensors(case, inputs)), fn(*on_tensors(case, inputs)))
    assert len(compiled.specializations) == 1


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_every_gradient(case: Case) -> None:
    def fn(*xs: Any) -> Any:
        out = case.on_tensors(*xs)
        loss = (out * weights_for(out)).sum()
        sources = [xs[i] for i in case.differentiated]
        return [loss, *grad(loss, sources, allow_unused=True)]

    compiled = mt.compile(fn)
    for inputs in (case.inputs, others(case), others(case)):
        same(compiled(*on_tensors(case, inputs)), fn(*on_tensors(case, inputs)))


UNARY: list[Callable[[Any], Any]] = [
    np.tanh, np.exp, mt.sigmoid, mt.relu, np.square, np.negative, np.abs,
    lambda x: x.T, lambda x: x.sum(axis=0, keepdims=True), lambda x: x.mean(axis=-1, keepdims=True),
    lambda x: x.reshape(-1, 1), lambda x: x[::2], lambda x: x.max(axis=0, keepdims=True),
    lambda x: 0.5 * x - 1.0, lambda x: x / (1.0 + x * x), lambda x: np.where(x > 0.1, x, 0.3),
    lambda x: mt.softmax(x, axis=0), lambda x: x - x.mean(),
]  # fmt: skip
BINARY: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + y.sum(), lambda x, y: x * y.mean(axis=0, keepdims=True).sum(),
    lambda x, y: (x.reshape(-1, 1) * y.reshape(1, -1)), lambda x, y: x @ x.T @ x + y.sum(),
    lambda x, y: np.concatenate([x.reshape(-1), y.reshape(-1)]).reshape(1, -1),
    lambda x, y: np.maximum(x, y.max()), lambda x, y: x - y.min(),
]  # fmt: skip


@st.composite
def graphs(draw: Any) -> Callable[..., Any]:
    """Draw a function of two arrays that applies operations to what it has computed so far."""
    count = draw(st.integers(1, 9))
    steps = [
        (
            draw(st.sampled_from([*UNARY, *BINARY])),
            draw(st.integers(0, i + 1)),
            draw(st.integers(0, i + 1)),
        )
        for i in range(count)
    ]
    kept = draw(st.sets(st.integers(2, count + 1), min_size=1, max_size=3))

    def fn(x: Any, y: Any) -> Any:
        values = [x, y]
        for op, i, j in steps:
            value = op(values[i]) if op in UNARY else op(values[i], values[j])
            values.append(value if value.size <= 400 else value.reshape(-1)[:12].reshape(3, 4))
        loss = sum((values[i] * values[i]).mean() for i in kept)
        return [*(values[i] for i in sorted(kept)), loss, *grad(loss, [x, y], allow_unused=True)]

    return fn


@settings(max_examples=150, deadline=None)
@given(graphs(), st.sampled_from([np.float64, np.float32]), st.integers(0, 99))
def test_random_graphs(fn: Callable[..., Any], dtype: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    compiled = mt.compile(fn)
    tolerance = 1e-9 if dtype is np.float64 else 2e-3
    for _ in range(2):
        x, y = (
            mt.tensor(rng.uniform(-1, 1, shape).astype(dtype), requires_grad=True)
            for shape in ((3, 4), (2, 3))
        )
        with np.errstate(all="ignore"):
            for a, b in zip(values_of(compiled(x, y)), values_of(fn(x, y)), strict=True):
                assert (a.shape, a.dtype) == (b.shape, b.dtype)
                scale = max(1.0, float(np.abs(b).max()))
                assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)


def test_memory_is_taken_again() -> None:
    def chain(x: Any) -> Any:
        for _ in range(50):
            x = np.tanh(x * 1.5 + 0.1)
        return x

    f = mt.compile(chain)
    x = np.ones((100, 100))
    assert_allclose(f(x), chain(x), rtol=1e-12)
    assert "80064 bytes" in f.explain() or "80000 bytes" in f.explain()


def test_explain_names_what_makes_arrays_of_its_own() -> None:
    f = mt.compile(lambda x: np.linalg.inv(x + 1.0) * 2.0)
    f(np.eye(2))
    text = f.explain()
    assert "3 NumPy calls" in text
    assert "inv (2, 2) -> (2, 2)" in text
    assert "test_numpy_backend.py" in text


@pytest.mark.parametrize("layout", ["transposed", "strided", "Fortran"])
def test_arrays_that_are_not_contiguous(layout: str) -> None:
    def make(values: Any) -> Any:
        if layout == "transposed":
            return np.ascontiguousarray(values.T).T
        if layout == "Fortran":
            return np.asfortranarray(values)
        wide = np.zeros((values.shape[0], 2 * values.shape[1]))
        wide[:, ::2] = values
        return wide[:, ::2]

    w = mt.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    w.data = make(w.data)
    other = mt.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)

    def step(w: Any) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            loss = ((w.reshape(3, 2) @ x) ** 2).sum()
            w.grad = None
            loss.backward()
            with mt.no_grad():
                w[...] = w - 0.01 * w.grad
            return loss

        return run

    compiled, eager = mt.compile(step(w)), step(other)
    for seed in range(3):
        x = make(np.random.default_rng(seed).standard_normal((2, 4)))
        assert_allclose(compiled(x).item(), eager(x).item(), rtol=1e-12)
        assert_allclose(w.numpy(), other.numpy(), rtol=1e-12)


def test_large_parameters_are_changed_piece_by_piece() -> None:
    def make() -> Any:
        rng = np.random.default_rng(0)
        model = nn.Linear(300, 200, generator=rng, dtype=np.float32)
        optimizer = optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        return model, step

    (model, eager), (other, step) = make(), make()
    compiled = mt.compile(step)
    x = np.random.default_rng(1).standard_normal((8, 300)).astype(np.float32)
    for _ in range(3):
        assert_allclose(compiled(x).item(), eager(x).item(), rtol=1e-5)
        assert_allclose(other.weight.numpy(), model.weight.numpy(), rtol=1e-5, atol=1e-7)
    assert "pieces" in compiled.source
