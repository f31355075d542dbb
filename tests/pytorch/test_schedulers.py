"""Schedulers beside PyTorch's: learning rates and momenta, over a grid of settings."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import microtensor as mt
from microtensor import optim

from .beside import arguments

STEPS = 60
Make = Callable[[Any, Any], Any]


def one(name: str, *args: Any, **kwargs: Any) -> Make:
    """Return what makes a scheduler of that name, of either library."""
    return lambda library, optimizer: getattr(library, name)(optimizer, *args, **kwargs)


def in_sequence(milestones: list[int], *parts: Make) -> Make:
    return lambda library, optimizer: library.SequentialLR(
        optimizer, [part(library, optimizer) for part in parts], milestones
    )


def chained(*parts: Make) -> Make:
    return lambda library, optimizer: library.ChainedScheduler(
        [part(library, optimizer) for part in parts]
    )


WARM_UP = one("LinearLR", 0.1, total_iters=7)
CASES = [
    *(one("StepLR", size, gamma) for size in (1, 3, 20) for gamma in (0.1, 0.7)),
    *(one("MultiStepLR", at, 0.3) for at in ([4, 9], [9, 4, 4], [0, 5], [])),
    *(one("ConstantLR", factor, total) for factor in (1 / 3, 1.0) for total in (1, 4)),
    one("ConstantLR"),
    *(one("LinearLR", a, b, n) for a in (0.25, 1.0) for b in (1.0, 0.0, 0.5) for n in (1, 8)),
    one("LinearLR"),
    *(one("ExponentialLR", gamma) for gamma in (0.9, 1.0, 1.1)),
    *(one("PolynomialLR", n, power) for n in (5, 70) for power in (1.0, 2.0, 0.5)),
    *(one("CosineAnnealingLR", n, low) for n in (1, 7, 50) for low in (0.0, 0.01)),
    *(
        one("CosineAnnealingWarmRestarts", n, m, low)
        for n in (1, 7) for m in (1, 2, 3) for low in (0.0, 0.01)
    ),
    *(
        one("OneCycleLR", 0.5, total_steps=n, anneal_strategy=how, three_phase=phases,
            pct_start=part)
        for n in (60, 100) for how in ("cos", "linear") for phases in (False, True)
        for part in (0.3, 0.45)
    ),
    one("OneCycleLR", [0.5, 0.1], epochs=20, steps_per_epoch=5, base_momentum=[0.6, 0.7],
        max_momentum=[0.8, 0.9], div_factor=10.0, final_div_factor=7.0),
    one("OneCycleLR", 0.5, 70, cycle_momentum=False),
    *(
        one("CyclicLR", 0.01, 0.4, up, down, mode, 0.97)
        for up in (4, 9) for down in (None, 3)
        for mode in ("triangular", "triangular2", "exp_range")
    ),
    one("CyclicLR", [0.01, 0.1], [0.4, 0.5], 5, scale_fn=math.sqrt, scale_mode="iterations"),
    one("CyclicLR", 0.01, 0.4, 5, cycle_momentum=False),
    one("LambdaLR", lambda epoch: 0.95**epoch),
    one("LambdaLR", [lambda epoch: 1 / (1 + epoch), lambda epoch: 0.5 + epoch % 3]),
    one("MultiplicativeLR", lambda epoch: 0.99 if epoch % 2 else 0.9),
    in_sequence([7], WARM_UP, one("CosineAnnealingLR", 50)),
    in_sequence([7, 20], WARM_UP, one("ExponentialLR", 0.9), one("StepLR", 4)),
    in_sequence([3, 9], one("ConstantLR", 0.1, 2), WARM_UP, one("CosineAnnealingWarmRestarts", 6)),
    in_sequence([5], WARM_UP, one("PolynomialLR", 30, 2.0)),
    in_sequence([0, 5], one("ExponentialLR", 0.5), one("StepLR", 2), one("ExponentialLR", 0.9)),
    in_sequence([5], chained(one("ExponentialLR", 0.9), one("StepLR", 2)), one("StepLR", 3)),
    in_sequence([4], one("LambdaLR", lambda t: 0.5**t), one("MultiplicativeLR", lambda t: 0.9)),
    in_sequence([30], one("OneCycleLR", 0.5, total_steps=31), one("ExponentialLR", 0.9)),
    chained(one("ConstantLR", 0.1, 4), one("ExponentialLR", 0.9)),
    chained(WARM_UP, one("MultiStepLR", [10, 20]), one("CosineAnnealingLR", 50)),
]  # fmt: skip


def optimizers(kind: str) -> tuple[Any, Any]:
    """Return an optimizer of each library, with two groups."""
    made = []
    for library, tensor in (
        (optim, lambda: mt.tensor([1.0], requires_grad=True)),
        (torch.optim, lambda: torch.ones(1, requires_grad=True)),
    ):
        groups = [{"params": [tensor()]}, {"params": [tensor()], "lr": 0.02}]
        settings = {"momentum": 0.5} if kind == "SGD" else {}
        made.append(getattr(library, kind)(groups, lr=0.3, **settings))
    return made[0], made[1]


def settings_of(optimizer: Any) -> list[tuple[Any, ...]]:
    return [
        (group["lr"], group.get("momentum", 0.0), *group.get("betas", ()))
        for group in optimizer.param_groups
    ]


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("make", CASES, ids=range(len(CASES)))
def test_learning_rates(make: Make, kind: str) -> None:
    mine, its = optimizers(kind)
    ours = make(optim.lr_scheduler, mine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's SequentialLR warns of the way it steps itself
        theirs = make(torch.optim.lr_scheduler, its)
        for _ in range(STEPS):
            np.testing.assert_allclose(settings_of(mine), settings_of(its), rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(
                ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-12, atol=1e-15
            )
            mine.step()
            its.step()
            ours.step()
            theirs.step()


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize("rest", [{}, {"patience": 1, "cooldown": 2, "min_lr": [0.01, 0.001]}])
def test_plateaus(mode: Any, threshold_mode: Any, rest: dict[str, Any]) -> None:
    mine, its = optimizers("SGD")
    settings = {"mode": mode, "threshold_mode": threshold_mode, "patience": 2, "factor": 0.3} | rest
    ours = optim.lr_scheduler.ReduceLROnPlateau(mine, **settings)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(its, **settings)
    rng = np.random.default_rng(0)
    mine.step()
    for i in range(50):
        measure = 1 / (i + 1) + 0.05 * rng.standard_normal()
        ours.step(measure)
        theirs.step(measure)
        np.testing.assert_allclose(settings_of(mine), settings_of(its), rtol=1e-12)
        for name in ("best", "num_bad_epochs", "cooldown_counter", "last_epoch"):
            assert getattr(ours, name) == getattr(theirs, name)


def test_restarts_at_fractions_of_epochs() -> None:
    mine, its = optimizers("SGD")
    ours = optim.lr_scheduler.CosineAnnealingWarmRestarts(mine, 3, 2)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(its, 3, 2)
    mine.step()
    its.step()
    for i in range(60):
        ours.step(i / 4)
        theirs.step(i / 4)
        np.testing.assert_allclose(settings_of(mine), settings_of(its), rtol=1e-12)


@pytest.mark.parametrize(
    "make",
    [one("StepLR", 3), one("ExponentialLR", 0.9), one("CosineAnnealingLR", 9), one("LinearLR"),
     one("MultiStepLR", [5, 8]), one("PolynomialLR", 9), one("LambdaLR", lambda t: 0.9**t)],
)  # fmt: skip
def test_going_on_from_an_epoch(make: Make) -> None:
    rates = []
    for library, optimizer in zip(
        (optim.lr_scheduler, torch.optim.lr_scheduler), optimizers("SGD"), strict=True
    ):
        for group in optimizer.param_groups:
            group["initial_lr"], group["lr"] = group["lr"], group["lr"] * 0.4
        original = make

        def later(library: Any, optimizer: Any, original: Make = original) -> Any:
            before = library.LRScheduler.__init__

            def begin(self: Any, optimizer: Any, last_epoch: int = -1) -> None:
                before(self, optimizer, 4)

            library.LRScheduler.__init__ = begin
            try:
                return original(library, optimizer)
            finally:
                library.LRScheduler.__init__ = before

        scheduler = later(library, optimizer)
        found = []
        for _ in range(8):
            optimizer.step()
            found.append(scheduler.get_last_lr())
            scheduler.step()
        rates.append(found)
    np.testing.assert_allclose(*rates, rtol=1e-12)


@pytest.mark.parametrize("name", optim.lr_scheduler.__all__)
def test_arguments_are_pytorchs(name: str) -> None:
    own = arguments(getattr(optim.lr_scheduler, name))
    theirs = arguments(getattr(torch.optim.lr_scheduler, name))
    assert list(own.items()) == list(theirs.items())
