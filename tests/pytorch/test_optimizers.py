"""Optimizers beside PyTorch's: parameters and state after twenty steps, over a grid of settings."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import microtensor as mt
from microtensor import optim

from .beside import arguments

STEPS = 20


def grid(**settings: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return settings with every combination of values."""
    return [
        dict(zip(settings, values, strict=True)) for values in itertools.product(*settings.values())
    ]


SETTINGS = {
    "SGD": [
        *grid(lr=(0.1,), momentum=(0.0, 0.9), weight_decay=(0.0, 0.1), maximize=(False, True)),
        {"lr": 0.05, "momentum": 0.8, "nesterov": True},
        {"lr": 0.05, "momentum": 0.8, "dampening": 0.3},
    ],
    "Adam": [
        {},
        *grid(
            lr=(0.1,), weight_decay=(0.0, 0.1), amsgrad=(False, True), maximize=(False, True),
            decoupled_weight_decay=(False, True),
        ),
        {"lr": 0.2, "betas": (0.5, 0.7), "eps": 1e-2},
        {"betas": (0.0, 0.0)},
    ],
    "AdamW": [{}, *grid(lr=(0.1,), weight_decay=(0.0, 0.3), amsgrad=(False, True))],
    "NAdam": [
        {},
        *grid(
            lr=(0.1,), weight_decay=(0.0, 0.1), momentum_decay=(4e-3, 0.1), maximize=(False, True),
            decoupled_weight_decay=(False, True),
        ),
    ],
    "RAdam": [
        {},
        *grid(
            lr=(0.1,), weight_decay=(0.0, 0.1), maximize=(False, True), betas=((0.9, 0.999),
            (0.5, 0.9), (0.5, 0.5)), decoupled_weight_decay=(False, True),
        ),
    ],
    "RMSprop": [
        {},
        *grid(
            lr=(0.1,), weight_decay=(0.0, 0.1), momentum=(0.0, 0.9), centered=(False, True),
            maximize=(False, True),
        ),
        {"alpha": 0.5, "eps": 1e-3},
    ],
    "Adagrad": [
        {},
        *grid(
            lr=(0.1,), lr_decay=(0.0, 0.1), weight_decay=(0.0, 0.1),
            initial_accumulator_value=(0.0, 0.5), maximize=(False, True),
        ),
    ],
    "Adadelta": [
        {}, *grid(lr=(1.0, 0.5), rho=(0.9, 0.5), weight_decay=(0.0, 0.1), maximize=(False, True))
    ],
    "Adamax": [{}, *grid(lr=(0.1,), weight_decay=(0.0, 0.1), maximize=(False, True))],
    "Rprop": [{}, *grid(lr=(0.1,), etas=((0.5, 1.2), (0.3, 1.5)), step_sizes=((1e-6, 50.0),
              (0.05, 0.2)), maximize=(False, True))],
}  # fmt: skip
CASES = [(name, settings) for name, each in SETTINGS.items() for settings in each]
BY_KEYWORD = {"maximize", "decoupled_weight_decay"}
LEFT_OUT = {"foreach", "fused", "capturable", "differentiable"}


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    """Let PyTorch keep its numbers, such as NAdam's mu_product, in float64 as well."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.parametrize("name", [*SETTINGS, "LBFGS"])
def test_arguments_are_pytorchs(name: str) -> None:
    own, theirs = arguments(getattr(optim, name)), arguments(getattr(torch.optim, name))
    theirs = {key: value for key, value in theirs.items() if key not in LEFT_OUT}
    assert own == theirs
    in_order = [key for key in theirs if key not in BY_KEYWORD]
    assert [key for key in own if key not in BY_KEYWORD] == in_order


@pytest.mark.parametrize(("name", "settings"), CASES, ids=lambda x: str(x)[:60])
def test_twenty_steps(name: str, settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    starts = [rng.standard_normal(shape) for shape in ((3, 4), (5,), ())]
    ours = [mt.tensor(start, requires_grad=True) for start in starts]
    theirs = [torch.tensor(start, requires_grad=True) for start in starts]
    mine, its = (
        getattr(optim, name)(ours, **settings),
        getattr(torch.optim, name)(theirs, **settings),
    )
    for step in range(STEPS):
        for p, q in zip(ours, theirs, strict=True):
            g = rng.standard_normal(p.shape)
            p.grad = None if step == 3 else mt.tensor(g)
            q.grad = None if step == 3 else torch.tensor(g)
        mine.step()
        its.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12, atol=1e-12)
    found, expected = mine.state_dict()["state"], its.state_dict()["state"]
    for number, kept in expected.items():
        kept = {key: value for key, value in kept.items() if value is not None}
        assert found.get(number, {}).keys() == kept.keys()
        for key, value in kept.items():
            np.testing.assert_allclose(found[number][key], value.numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", list(SETTINGS))
def test_a_state_of_pytorchs_is_gone_on_from(name: str) -> None:
    rng = np.random.default_rng(1)
    start, gradients = rng.standard_normal((2, 3)), rng.standard_normal((8, 2, 3))
    settings = {"lr": 0.1} | ({"momentum": 0.9} if name in ("SGD", "RMSprop") else {})
    q = torch.tensor(start, requires_grad=True)
    its = getattr(torch.optim, name)([q], **settings)
    for g in gradients[:4]:
        q.grad = torch.tensor(g)
        its.step()
    p = mt.tensor(q.detach().numpy().copy(), requires_grad=True)
    mine = getattr(optim, name)([p])
    mine.load_state_dict(its.state_dict())
    for g in gradients[4:]:
        p.grad, q.grad = mt.tensor(g), torch.tensor(g)
        mine.step()
        its.step()
    np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12)
    other = getattr(torch.optim, name)([torch.tensor(p.data, requires_grad=True)])
    state = mine.state_dict()
    other.load_state_dict(
        {
            "state": {
                number: {k: torch.as_tensor(v) for k, v in kept.items()}
                for number, kept in state["state"].items()
            },
            "param_groups": [its.param_groups[0] | state["param_groups"][0]],
        }
    )
    other.param_groups[0]["params"][0].grad = torch.tensor(gradients[0])
    p.grad = mt.tensor(gradients[0])
    mine.step()
    other.step()
    np.testing.assert_allclose(
        p.data, other.param_groups[0]["params"][0].detach().numpy(), rtol=1e-12
    )


def rosenbrock(x: Any) -> Any:
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def quadratic(x: Any) -> Any:
    return (x * x * 3.0 - x).sum() + (x[0] - x[-1]) ** 2


@pytest.mark.parametrize("function", [rosenbrock, quadratic])
@pytest.mark.parametrize(
    "settings",
    [
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "lr": 0.3, "history_size": 3},
        {"line_search_fn": "strong_wolfe", "max_eval": 7},
        {"lr": 1e-3, "max_iter": 5},
        {"lr": 1e-3, "history_size": 2},
    ],
    ids=str,
)
def test_lbfgs(function: Any, settings: dict[str, Any]) -> None:
    start = np.array([-1.2, 1.0, 0.5, 2.0])
    p, q = mt.tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)
    mine, its = optim.LBFGS([p], **settings), torch.optim.LBFGS([q], **settings)

    def closure(x: Any, optimizer: Any) -> Any:
        def compute() -> Any:
            optimizer.zero_grad()
            loss = function(x)
            loss.backward()
            return loss

        return compute

    for _ in range(4):
        found, expected = mine.step(closure(p, mine)), its.step(closure(q, its))
        np.testing.assert_allclose(found.item(), expected.item(), rtol=1e-6, atol=1e-14)
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-6)
    kept, theirs = mine.state_dict()["state"][0], its.state_dict()["state"][0]
    for key in ("n_iter", "func_evals"):
        assert kept[key] == theirs[key]
    assert theirs.keys() - {"al"} <= kept.keys()
