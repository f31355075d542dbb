"""Hooks beside PyTorch's: when they are called, in which order, with what, and what they change."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import microtensor as mt
from microtensor import nn

from .beside import same_signature

LIBRARIES = [(mt, nn), (torch, torch.nn)]

pytestmark = pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def values(x: Any) -> Any:
    """Return what a hook was given, as nested lists that can be compared."""
    if isinstance(x, (tuple, list)):
        return [values(each) for each in x]
    if isinstance(x, dict):
        return {key: values(each) for key, each in x.items()}
    if isinstance(x, (mt.Tensor, torch.Tensor)):
        return np.round(x.detach().numpy(), 9).tolist()
    return x


def tensor(library: Any, data: Any) -> Any:
    return library.tensor(np.asarray(data, float).tolist(), requires_grad=True)


@pytest.mark.parametrize(
    "method",
    ["register_forward_pre_hook", "register_forward_hook", "register_full_backward_hook",
     "get_submodule", "get_parameter", "get_buffer"],
)  # fmt: skip
def test_signatures(method: str) -> None:
    same_signature(getattr(nn.Module, method), getattr(torch.nn.Module, method), ["always_call"])


def network(library: Any, modules: Any) -> tuple[Any, list[Any]]:
    class Two(modules.Module):
        def forward(self, x, y, scale=1.0):
            return x * y * scale, x + 2.0 * y

    class Network(modules.Module):
        def __init__(self):
            super().__init__()
            self.first = modules.Tanh()
            self.two = Two()

        def forward(self, x):
            a, b = self.two(self.first(x), x, scale=3.0)
            return (a * b).sum()

    model = Network()
    log: list[Any] = []

    def note(what):
        def hook(module, *arguments):
            log.append((what, type(module).__name__, values(arguments)))

        return hook

    for name in ("first", "two"):
        module = getattr(model, name)
        module.register_forward_pre_hook(note("pre"))
        module.register_forward_pre_hook(note("pre with"), with_kwargs=True)
        module.register_forward_pre_hook(note("pre before"), prepend=True)
        module.register_forward_hook(note("after"))
        module.register_forward_hook(note("after with"), with_kwargs=True)
        module.register_full_backward_hook(note("backward"))
        module.register_full_backward_hook(note("backward before"), prepend=True)
    model.register_full_backward_hook(note("whole"))
    return model, log


def test_the_order_and_the_arguments_of_hooks() -> None:
    logs, gradients = [], []
    for library, modules in LIBRARIES:
        model, log = network(library, modules)
        x = tensor(library, [0.5, -1.0])
        x.register_hook(lambda g, log=log: log.append(("leaf", values(g))))
        out = model(x)
        out.register_hook(lambda g, log=log: log.append(("output", values(g))))
        out.backward()
        logs.append(log)
        gradients.append(values(x.grad))
    assert logs[0] == logs[1]
    assert len(logs[0]) == 17
    assert gradients[0] == gradients[1]


def test_what_hooks_return_takes_the_place() -> None:
    results = []
    for library, modules in LIBRARIES:
        model = modules.Sequential(modules.Tanh(), modules.Sigmoid())
        model[0].register_forward_pre_hook(lambda module, args: args[0] * 2.0)
        model[0].register_forward_hook(lambda module, args, out: out + args[0])
        model[1].register_full_backward_hook(lambda module, given, out: (given[0] * 5.0 + out[0],))
        model[1].register_full_backward_hook(lambda module, given, out: (given[0] - 1.0,))
        x = tensor(library, [[0.5, -1.0]])
        x.register_hook(lambda g: g * 3.0)
        x.register_hook(lambda g: g + 1.0)
        out = model(x)
        (out * out).sum().backward()
        results.append((values(out), values(x.grad)))
    assert results[0] == results[1]


def test_arguments_without_a_gradient() -> None:
    logs = []
    for library, modules in LIBRARIES:
        log: list[Any] = []
        layer = modules.Linear(2, 1, bias=False)
        with library.no_grad():
            layer.weight[...] = library.tensor([[1.0, 2.0]])
        layer.register_full_backward_hook(
            lambda m, a, b, log=log: log.append((values(a), values(b)))
        )
        layer(library.tensor([[3.0, 4.0]])).sum().backward()
        log.append(values(layer.weight.grad))
        logs.append(log)
    assert logs[0] == logs[1]


def test_hooks_of_intermediate_tensors_and_retain_grad() -> None:
    results = []
    for library, _ in LIBRARIES:
        log: list[Any] = []
        x = tensor(library, [1.0, 2.0, 3.0])
        y = x * x
        before = y * 3.0
        y.retain_grad()
        y.register_hook(lambda g, log=log: log.append(values(g)))
        handle = y.register_hook(lambda g: g * 100.0)
        y.register_hook(lambda g: g * 2.0)
        loss = (before * y).sum()
        loss.backward(retain_graph=True)
        log += [values(y.grad), values(x.grad)]
        handle.remove()
        handle.remove()
        loss.backward(retain_graph=True)
        log += [values(y.grad), values(x.grad)]
        for wanted in (x, y):  # of both at once, PyTorch gives that of y before its hooks
            log.append(values(library.autograd.grad(loss, [wanted], retain_graph=True)))
        results.append(log)
    assert results[0] == results[1]


def test_hooks_in_a_recorded_backward_pass() -> None:
    results = []
    for library, _ in LIBRARIES:
        x = tensor(library, [1.0, 2.0])
        y = x * x
        y.register_hook(lambda g: g * g)
        (first,) = library.autograd.grad((y * y).sum(), [x], create_graph=True)
        (second,) = library.autograd.grad(first.sum(), [x])
        results.append((values(first), values(second)))
    assert results[0] == results[1]
