"""`trace` and `derive`: what they take, what their programs accept, and what they say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor.errors import (
    ArgumentError,
    DtypeError,
    GradientError,
    ReleasedGraphError,
    ShapeError,
    TracingError,
)

V = np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("fn", "traced", "other"),
    [
        (lambda x, act: np.tanh(x) if act == "tanh" else x, "tanh", "none"),
        (lambda x, t: x * 2 if t else x, True, False),
        (lambda x, n: sum(x for _ in range(n)), 2, 5),
        (lambda x, n: x * math.sqrt(n), 4.0, 9.0),
        (lambda x, f: f(x), np.sin, np.cos),
    ],
)
def test_a_program_is_of_what_decided_what_it_does(fn: Any, traced: Any, other: Any) -> None:
    program = mt.trace(fn, V, traced)
    assert np.array_equal(program(V * 3, traced), fn(V * 3, traced))
    with pytest.raises(ArgumentError, match="trace it again"):
        program(V, other)


def test_a_number_that_decides_nothing_may_be_another() -> None:
    program = mt.trace(lambda x, k: x * k, V, 2.0)
    assert program(V, 5.0).tolist() == [5.0, 10.0]


def test_arguments_by_name() -> None:
    def fn(x: Any, scale: float = 2.0) -> Any:
        return x * scale

    program = mt.trace(fn, V, 3.0)
    assert program(x=V, scale=1.0).tolist() == [1.0, 2.0]
    with pytest.raises(ArgumentError, match="missing a required argument: 'x'"):
        program()
    with pytest.raises(ShapeError, match="shape"):
        program(np.ones(3), 3.0)
    with pytest.raises(DtypeError, match="float32"):
        program(V.astype(np.float32), 3.0)


@pytest.mark.parametrize("value", [3, None, V, mt.tensor(V)])
def test_what_is_no_function(value: Any) -> None:
    with pytest.raises(ArgumentError, match="takes a function"):
        mt.derive(value, V)
    with pytest.raises(ArgumentError, match="takes a function"):
        mt.trace(value, V)


@pytest.mark.parametrize("argnums", ["x", (0, "b"), 1.5, ()])
def test_argnums_that_are_no_positions(argnums: Any) -> None:
    with pytest.raises(ArgumentError, match="argnums"):
        mt.derive(lambda x: x.sum(), V, argnums=argnums)


@pytest.mark.parametrize(
    ("fn", "says"),
    [
        (lambda x: x * 2, r"an array of shape \(2,\)"),
        (lambda x: (x.sum(), x), "a tuple"),
        (lambda x: None, "None"),
        (lambda x: 3.0, "a float"),
    ],
)
def test_a_loss_is_one_number(fn: Any, says: str) -> None:
    with pytest.raises(GradientError, match=says):
        mt.derive(fn, V)


def test_integers_have_no_gradient() -> None:
    with pytest.raises(DtypeError, match="floating-point"):
        mt.derive(lambda x: x.sum(), np.arange(3), argnums=0)
    with pytest.raises(GradientError, match="no argument"):
        mt.derive(lambda x: x.sum(), np.arange(3))


def test_by_default_the_gradients_are_those_of_what_requires_one() -> None:
    w = mt.tensor(V, requires_grad=True)

    def loss(w: Any, x: Any) -> Any:
        return (w * x).sum()

    _, gradient = mt.derive(loss, w, V)(w, V)
    assert gradient.tolist() == V.tolist()
    _, gradients = mt.derive(loss, V, V)(V, V)
    assert len(gradients) == 2


def test_a_graph_that_was_released_before() -> None:
    w = mt.tensor(V, requires_grad=True)
    loss = (w * w).sum()
    loss.backward()
    with pytest.raises(ReleasedGraphError, match="retain_graph"):
        mt.trace(lambda x: mt.autograd.grad(loss, [w])[0] * x, V)


def test_a_value_put_into_a_plain_array_is_explained() -> None:
    def fn(x: Any) -> Any:
        out = np.zeros(2)
        out[0] = x[0]
        return out

    with pytest.raises(TracingError, match="zeros_like"):
        mt.trace(fn, V)


def test_after_an_exception_everything_is_as_it_was() -> None:
    w = mt.tensor(V, requires_grad=True, name="w")
    w.grad = np.ones(2)
    data, gradient = w.data, w.grad

    def fn(x: Any) -> Any:
        loss = (w * x).sum()
        loss.backward()
        with mt.no_grad():
            w.data -= w.grad.data
        raise KeyError("stop")

    with pytest.raises(KeyError):
        mt.trace(fn, V)
    assert w.data is data
    assert w.grad is gradient
    assert (w.tolist(), gradient.tolist(), w.name) == ([1.0, 2.0], [1.0, 1.0], "w")
    assert mt.is_grad_enabled()
