"""Hooks of tensors: gradients looked at and replaced, in every kind of backward pass."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn, optim
from microtensor.errors import GradientError, ShapeError, TracingError


def leaf(*values: float, dtype: Any = float) -> mt.Tensor:
    return mt.tensor(values, dtype=dtype, requires_grad=True)


def test_a_hook_gets_the_complete_gradient_once() -> None:
    x = leaf(2.0, 3.0)
    y = x * x
    seen: list[Any] = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y * 2.0 + y * y).sum().backward()
    assert seen == [[2 + 2 * 4, 2 + 2 * 9]]
    assert x.grad.tolist() == [4 * 10, 6 * 20]


def test_what_it_returns_goes_on() -> None:
    x = leaf(1.0, -2.0, dtype=np.float32)
    y = x * 3.0
    y.register_hook(lambda g: 2.0 * g.astype(np.float64))
    y.register_hook(lambda g: g + 1.0)
    x.register_hook(lambda g: -g)
    y.sum().backward()
    assert x.grad.tolist() == [-9.0, -9.0]
    assert x.grad.dtype == np.float32


def test_the_gradient_of_a_leaf_accumulates_after_its_hooks() -> None:
    x = leaf(1.0)
    x.register_hook(lambda g: 10.0 * g)
    for _ in range(2):
        (x * 2.0).sum().backward()
    assert x.grad.tolist() == [40.0]


def test_grad_and_backward_of_a_leaf_itself() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2.0
    for t in (x, y):
        t.register_hook(lambda g: g + 1.0)
    assert mt.autograd.grad(y.sum(), x, retain_graph=True).tolist() == [5.0, 5.0]
    assert mt.autograd.grad(y.sum(), y).tolist() == [2.0, 2.0]
    x.backward([1.0, 1.0])
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_hook_in_a_recorded_pass_is_differentiated() -> None:
    x = leaf(2.0)
    y = x**2
    with y.register_hook(lambda g: g * g):
        (first,) = mt.autograd.grad((y**2).sum(), [x], create_graph=True)
    # dy = (2y)² = 4x⁴, so dx = 4x⁴ · 2x = 8x⁵; its derivative is 40x⁴.
    assert first.item() == 8 * 2**5
    assert mt.autograd.grad(first.sum(), x).item() == 40 * 2**4


def test_func_grad_calls_hooks() -> None:
    def function(x: Any) -> Any:
        y = x * x
        if y.requires_grad:
            y.register_hook(lambda g: 10.0 * g)
        return y.sum()

    assert mt.func.grad(function)(mt.tensor([3.0])).tolist() == [60.0]


def test_a_hook_cannot_spoil_the_gradient_it_looks_at() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2.0

    def spoil(g: Any) -> None:
        g *= 0.0
        g[...] = 7.0

    y.register_hook(spoil)
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_gradient_that_a_hook_returns_is_copied() -> None:
    x = leaf(1.0)
    kept = mt.tensor([5.0])
    x.register_hook(lambda g: kept)
    x.sum().backward()
    x.grad.data[...] = 0.0
    assert kept.tolist() == [5.0]


def test_handles() -> None:
    x = leaf(1.0)
    handle = x.register_hook(lambda g: 0.0 * g)
    handle.remove()
    handle.remove()
    with x.register_hook(lambda g: 100.0 * g):
        x.sum().backward()
    x.sum().backward()
    assert x.grad.tolist() == [101.0]


def test_hooks_stay_when_a_leaf_is_frozen_and_thawed_or_converted() -> None:
    model = nn.Linear(1, 1, bias=False)
    model.weight.name = "w"
    model.weight.register_hook(lambda g: 0.0 * g)
    model.requires_grad_(False).requires_grad_(True).to(np.float32)
    model(np.ones((1, 1), np.float32)).sum().backward()
    assert model.weight.grad.tolist() == [[0.0]]
    assert model.weight.name == "w"


def test_retain_grad() -> None:
    x = leaf(3.0)
    y = x * x
    y.retain_grad()
    y.register_hook(lambda g: 2.0 * g)
    for n in (1, 2):
        y.sum().backward(retain_graph=True)
        assert y.grad.tolist() == [2.0 * n]
    x.retain_grad()
    y.sum().backward(create_graph=True)
    assert y.grad.tolist() == [6.0]
    assert y.grad.data is not x.grad.data


def test_nothing_is_kept_alive() -> None:
    gc.disable()
    try:
        x = leaf(1.0)
        y = x * 2.0
        y.register_hook(lambda g: g)
        y.retain_grad()
        node = weakref.ref(y._node)
        y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_drawings_and_comparisons_show_the_gradients_without_hooks() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    called: list[Any] = []
    y.register_hook(lambda g: called.append(g) or 0.0 * g)
    loss = y.sum()
    assert mt.compare(loss, {x: 2 * x.data}).ok
    mt.viz.draw(loss, gradients=True)
    assert not called


def test_errors() -> None:
    with pytest.raises(GradientError, match=r"register_hook.*requires a gradient"):
        mt.tensor([1.0]).register_hook(print)
    with pytest.raises(GradientError, match=r"retain_grad.*requires a gradient"):
        mt.tensor([1.0]).retain_grad()
    x = leaf(1.0, 2.0)
    y = x * 2.0
    y.register_hook(lambda g: g.sum())
    with pytest.raises(ShapeError, match=r"shape \(\) for .* multiply, shape \(2,\)"):
        y.sum().backward()


def test_a_program_calls_no_hooks_and_says_so() -> None:
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @mt.compile
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    x = np.ones((3, 2))
    step(x)
    handle = model.weight.register_hook(lambda g: 0.0 * g)
    with pytest.raises(TracingError, match=r"has a hook.* remove\(\)"):
        step(x)
    handle.remove()
    step(x)

    @mt.compile
    def of_argument(x: Any) -> Any:
        loss = (x * x).sum()
        loss.backward()
        return loss

    a = leaf(3.0)
    of_argument(a)
    assert a.grad.tolist() == [6.0]
    a.register_hook(lambda g: 0.0 * g)
    with pytest.raises(TracingError, match="has a hook"):
        of_argument(a)

    @mt.compile
    def hooking(x: Any) -> Any:
        y = model(x)
        y.register_hook(print)
        return y.sum()

    with pytest.raises(TracingError, match=r"register_hook\(\) was called in a function"):
        hooking(x)


def test_hooks_of_what_a_compiled_function_is_given_are_called_outside_of_it() -> None:
    w, x = leaf(2.0), leaf(3.0)
    function = mt.compile(lambda x: (w * x).sum())
    x.register_hook(lambda g: 10.0 * g)
    for n in range(1, 4):
        function(x).backward()
        assert x.grad.tolist() == [20.0 * n]
        assert w.grad.tolist() == [3.0 * n]
        nn.Linear(1, 1)  # the structure of some module changes
    assert len(function.specializations) == 1
