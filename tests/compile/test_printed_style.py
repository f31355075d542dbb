"""Printed programs read as a person would have written them."""

import re
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn, optim
from microtensor.autograd import grad
from tests.compile.test_printing import X, flat, pasted, printed


def derived(fn: Callable[..., Any], *args: Any, argnums: Any = None) -> str:
    """Return the lines of the gradients; the source computes what the program does."""
    program = mt.derive(fn, *args, argnums=argnums)
    for x, y in zip(flat(pasted(program)(*args)), flat(program(*args)), strict=True):
        assert x.shape == y.shape
        assert x.dtype == y.dtype
        assert_allclose(x, y, rtol=1e-12 if x.dtype == np.float64 else 1e-6, atol=1e-14)
    return re.sub(r"  #.*", "", program.source.split("\n\n\n")[-1])


V, B = np.linspace(-1.0, 2.0, 3), np.linspace(0.5, 1.5, 2)


@pytest.mark.parametrize(
    ("fn", "args", "lines"),
    [
        (lambda w, x: (w @ x - 1.0) ** 2, (V, V + 1), ["d_w = d_error * x", "d_x = w * d_error"]),
        (lambda W, x: ((W @ x) ** 2).sum(), (X, V), ["d_W = np.outer(d_z, x)", "d_x = W.T @ d_z"]),
        (lambda x, W: ((x @ W) ** 2).sum(), (B, X), ["d_W = np.outer(x, d_z)", "d_x = W @ d_z"]),
        (lambda x: x @ x, (V,), ["d_x = 2 * x"]),
        (lambda x: (x + x + x).sum(), (V,), ["d_x = np.full(3, 3.0)"]),
        (lambda x, lam: lam * (x**2).sum(), (V, 0.5), ["d_x = lam * (2 * x)"]),
        (lambda A, C: np.einsum("ij,ij->", A, C), (X, X + 1), ["d_A = C", "d_C = A"]),
        (lambda x: np.where(x > 0, x, 0.0).sum(), (V,), ["d_x = np.where(mask, 1.0, 0)"]),
        (lambda b, W: ((W + b[:, None]) ** 2).sum(), (B, X), ["d_b = np.sum(d_W, axis=1)"]),
        (lambda k, q: ((q @ k.T) ** 2).sum(), (X, X + 1), ["d_k = d_z.T @ q"]),
        (lambda x: (x**2).mean() * 2.0, (np.ones(7),), ["d_x = 4 * x / 7"]),
        (lambda p, y: -np.mean(y * np.log(p)), (V + 2, np.arange(3)), ["d_p = -1 / 3 * y / p"]),
        (lambda x: (x**2).mean(), (np.ones(40, np.float32),), ["d_x = 0.05 * x"]),
        (lambda x: np.sort(x, axis=0).sum(), (X,), ["loss = np.sum(np.sort(x, axis=0))"]),
    ],
)
def test_gradients_are_written_as_a_person_would(fn: Any, args: Any, lines: list[str]) -> None:
    count = 2 if len(args) > 1 and np.asarray(args[1]).shape and args[1].dtype.kind == "f" else 1
    source = derived(fn, *args, argnums=tuple(range(count)))
    for line in lines:
        assert line in [text.strip() for text in source.splitlines()], source


def test_a_cost_of_one_element_has_no_array_of_ones_in_its_gradient() -> None:
    def cost_function(W, x, y):
        A = mt.sigmoid(W @ x)
        cost = (-1 / y.shape[1]) * (np.dot(np.log(A), y.T) + np.dot(np.log(1 - A), (1 - y).T))
        return cost

    y = np.array([[1.0, 0.0, 1.0]])
    source = derived(cost_function, np.ones((1, 2)), X, y, argnums=0)
    assert "ones" not in source.replace("one_minus", "")
    assert "d_A = -1 / 3 * y / A - d_one_minus_A" in source
    assert "d_W = (d_A * A * one_minus_A) @ x.T" in source


def test_a_cross_entropy_is_written_out() -> None:
    def loss_fn(z, t):
        loss = F.cross_entropy(z, t)
        return loss

    z, t = np.random.default_rng(0).standard_normal((3, 5)), np.array([4, 0, 4])
    assert derived(loss_fn, z, t, argnums=0) == textwrap.dedent(
        """\
        def loss_fn(z, t):
            shifted_z = z - np.max(z, axis=1, keepdims=True)
            log_probs = shifted_z - np.log(np.sum(np.exp(shifted_z), axis=1, keepdims=True))
            loss = -np.mean(log_probs[np.arange(3), t])

            d_z = (np.exp(log_probs) - (t[:, None] == np.arange(5))) / 3
            return loss, d_z"""
    )


def test_gradients_of_what_is_selected_are_added_in_place() -> None:
    source = derived(lambda p, t: (p[np.arange(3), t] ** 2).sum(), X.T, np.array([1, 0, 0]))
    assert "    d_p = np.zeros((3, 2))\n    np.add.at(d_p, (np.arange(3), t), d_part)\n" in source
    source = derived(lambda x: (x[0, 1:] ** 2).sum(), X)
    assert (
        "    d_x = np.zeros((2, 3))\n    d_x[0, 1:] = 2 * x[0, 1:]\n" in source
        or "d_x[0, 1:] = d_part" in source
    )


def test_a_product_before_a_matrix_product_is_in_parentheses() -> None:
    source = printed(lambda x, y: (x * y) @ y.T @ x * 2.0, X, X + 1)
    assert source.endswith("return 2 * ((x * y) @ y.T @ x)")


def test_buffers_are_called_as_their_parameters() -> None:
    model = nn.Linear(3, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(x):
        optimizer.zero_grad()
        loss = (model(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    step(mt.tensor(X))
    source = mt.trace(step, X).source
    assert "momentum_model_weight = momentum_model_weight * momentum + " in source


def test_numbers_in_a_gradient_stand_first_as_one() -> None:
    def loss_fn(x):
        g = grad([(x**3).sum()], [x], create_graph=True)[0]
        return (g * g).sum()

    assert "6 * d_g * x" in derived(loss_fn, V)


def test_no_value_takes_the_name_of_a_function_that_it_needs() -> None:
    program = mt.derive(
        lambda p: (F.binary_cross_entropy(p, p, reduction="none") ** 2).sum(), V * V / 5
    )
    assert "def binary_cross_entropy(" in program.source
    assert "binary_cross_entropy = " not in program.source
