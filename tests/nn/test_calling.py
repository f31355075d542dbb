"""Hooks of modules: what they get, what they replace, and where they cannot be honoured."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.errors import ArgumentError, TracingError


class Product(nn.Module):
    def forward(self, x: Any, y: Any, scale: float = 1.0) -> Any:
        return x * y * scale, x - y


def tensors() -> tuple[mt.Tensor, mt.Tensor]:
    return mt.tensor([2.0, 3.0], requires_grad=True), mt.tensor([5.0, 7.0], requires_grad=True)


def test_forward_hooks_see_and_replace_arguments_and_output() -> None:
    layer = nn.Tanh()
    layer.register_forward_pre_hook(lambda module, args: args[0] * 0.0)
    layer.register_forward_hook(lambda module, args, out: (args[0].tolist(), out.tolist()))
    assert layer(mt.tensor([1.0])) == ([0.0], [0.0])


def test_hooks_with_keywords() -> None:
    layer, (x, y) = Product(), tensors()
    layer.register_forward_pre_hook(
        lambda module, args, kwargs: (args[::-1], {"scale": kwargs["scale"] + 1.0}),
        with_kwargs=True,
    )
    seen: list[Any] = []
    layer.register_forward_hook(
        lambda module, args, kwargs, out: seen.append((args, kwargs)), with_kwargs=True
    )
    product, difference = layer(x, y, scale=1.0)
    assert product.tolist() == [20.0, 42.0]
    assert difference.tolist() == [3.0, 4.0]
    assert seen == [((y, x), {"scale": 2.0})]


def test_a_backward_hook_gets_all_gradients_at_once() -> None:
    layer, (x, y) = Product(), tensors()
    seen: list[Any] = []
    layer.register_full_backward_hook(lambda *given: seen.append(given))
    product, difference = layer(x, y)
    (product * [1.0, 10.0] + 100.0 * difference).sum().backward()
    ((module, grad_input, grad_output),) = seen
    assert module is layer
    assert [g.tolist() for g in grad_output] == [[1.0, 10.0], [100.0, 100.0]]
    assert [g.tolist() for g in grad_input] == [[105.0, 170.0], [-98.0, -70.0]]
    assert x.grad.tolist() == grad_input[0].tolist()


def test_a_backward_hook_replaces_the_gradients_of_the_arguments() -> None:
    layer, (x, y) = Product(), tensors()
    layer.register_full_backward_hook(lambda module, given, out: (given[0] * 2.0, None))
    layer(x, y)[0].sum().backward()
    assert x.grad.tolist() == [10.0, 14.0]
    assert y.grad.tolist() == [0.0, 0.0]


def test_what_has_no_gradient_is_none() -> None:
    layer, (x, _) = Product(), tensors()
    seen: list[Any] = []
    layer.register_full_backward_hook(lambda module, given, out: seen.append((given, out)))
    layer(x, np.ones(2))[0].sum().backward()
    ((given, out),) = seen
    assert given[1] is None
    assert out[1] is None
    layer(np.ones(2), np.ones(2))
    with mt.no_grad():
        layer(x, x)
    assert len(seen) == 1


def test_a_backward_hook_without_arguments_that_require_a_gradient() -> None:
    layer = nn.Linear(2, 1)
    seen: list[Any] = []
    with layer.register_full_backward_hook(lambda module, given, out: seen.append((given, out))):
        layer(np.ones((1, 2))).sum().backward()
    assert seen[0][0] == (None,)
    assert seen[0][1][0].tolist() == [[1.0]]
    layer.register_full_backward_hook(lambda module, given, out: out)
    with pytest.raises(ArgumentError, match="no argument of the module requires one"):
        layer(np.ones((1, 2))).sum().backward()


def test_a_backward_hook_serves_gradients_of_gradients() -> None:
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda module, given, out: (given[0] * factor,))
    x, factor = mt.tensor([0.3], requires_grad=True), mt.tensor(5.0, requires_grad=True)
    (first,) = mt.autograd.grad(layer(x).sum(), [x], create_graph=True)
    slope = 1 - np.tanh(0.3) ** 2
    assert np.isclose(first.item(), 5 * slope)
    assert np.isclose(mt.autograd.grad(first.sum(), factor).item(), slope)


def test_order_and_handles() -> None:
    layer, order = nn.Identity(), []
    handles = [
        layer.register_forward_pre_hook(lambda *_: order.append("second")),
        layer.register_forward_pre_hook(lambda *_: order.append("first"), prepend=True),
        layer.register_forward_hook(lambda *_: order.append("third")),
    ]
    layer(1.0)
    assert order == ["first", "second", "third"]
    for handle in (*handles, *handles):
        handle.remove()
    layer(1.0)
    assert len(order) == 3
    assert layer._hooks is None


def note(module: Any, args: Any, out: Any) -> Any:
    return out + 1.0


def test_copies_have_the_hooks() -> None:
    layer = nn.Tanh()
    layer.register_forward_hook(note)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin(mt.tensor(0.0)).item() == 1.0
        twin._hooks = None
    assert layer(mt.tensor(0.0)).item() == 1.0


def test_a_program_calls_no_hooks_and_says_so() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())

    @mt.compile
    def loss(x: Any) -> Any:
        return model(x).sum()

    x = np.ones((1, 2))
    loss(x)
    handle = model[1].register_forward_hook(note)
    with pytest.raises(TracingError, match=r"Tanh has hooks.* remove\(\)"):
        loss(x)
    with pytest.raises(TracingError, match="Tanh has hooks"):
        mt.trace(model, x)
    handle.remove()
    loss(x)


def test_what_hooks_must_not_return() -> None:
    layer, (x, y) = Product(), tensors()
    with (
        layer.register_forward_pre_hook(lambda *_: 1, with_kwargs=True),
        pytest.raises(ArgumentError, match="returned 1: return None, or"),
    ):
        layer(x, y)
    with (
        layer.register_full_backward_hook(lambda module, given, out: given[:1]),
        pytest.raises(ArgumentError, match=r"returned 1 gradients.* 2 arguments"),
    ):
        layer(x, y)[0].sum().backward()
