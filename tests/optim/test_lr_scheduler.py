"""Schedules against closed forms; their order, state, and errors."""

import json
import math

import numpy as np
import pytest

import microtensor as mt
from microtensor import optim
from microtensor.errors import ArgumentError, StateDictError
from microtensor.optim import lr_scheduler as schedules


def optimizer_of(kind=optim.SGD, **settings):
    return kind([mt.tensor([1.0], requires_grad=True)], lr=0.8, **settings)


def rates(scheduler, count=30):
    found = []
    for _ in range(count):
        found.append(scheduler.get_last_lr()[0])
        scheduler.optimizer.step()
        scheduler.step()
    return found


CLOSED = [
    (lambda o: schedules.StepLR(o, 4, 0.5), lambda t: 0.8 * 0.5 ** (t // 4)),
    (
        lambda o: schedules.MultiStepLR(o, [3, 3, 10], 0.5),
        lambda t: 0.8 * 0.5 ** (2 * (t >= 3) + (t >= 10)),
    ),
    (lambda o: schedules.ConstantLR(o, 0.25, 6), lambda t: 0.8 * (0.25 if t < 6 else 1)),
    (
        lambda o: schedules.LinearLR(o, 0.2, 0.9, 10),
        lambda t: 0.8 * (0.2 + 0.7 * min(t, 10) / 10),
    ),
    (lambda o: schedules.ExponentialLR(o, 0.9), lambda t: 0.8 * 0.9**t),
    (
        lambda o: schedules.PolynomialLR(o, 12, 2.0),
        lambda t: 0.8 * max(0.0, 1 - t / 12) ** 2,
    ),
    (
        lambda o: schedules.CosineAnnealingLR(o, 7, 0.1),
        lambda t: 0.1 + 0.7 * (1 + math.cos(math.pi * t / 7)) / 2,
    ),
    (
        lambda o: schedules.CosineAnnealingWarmRestarts(o, 5, 1, 0.1),
        lambda t: 0.1 + 0.7 * (1 + math.cos(math.pi * (t % 5) / 5)) / 2,
    ),
    (lambda o: schedules.LambdaLR(o, lambda t: 1 / (1 + t)), lambda t: 0.8 / (1 + t)),
    (lambda o: schedules.MultiplicativeLR(o, lambda t: 0.5), lambda t: 0.8 * 0.5**t),
    (
        lambda o: schedules.CyclicLR(o, 0.1, 0.5, 4, cycle_momentum=False),
        lambda t: 0.1 + 0.4 * (1 - abs(t % 8 - 4) / 4),
    ),
    (
        lambda o: schedules.SequentialLR(
            o, [schedules.LinearLR(o, 0.1, total_iters=5), schedules.ExponentialLR(o, 0.9)], [5]
        ),
        lambda t: 0.8 * (0.1 + 0.9 * t / 5) if t < 5 else 0.8 * 0.9 ** (t - 5),
    ),
    (
        lambda o: schedules.ChainedScheduler(
            [schedules.ExponentialLR(o, 0.9), schedules.StepLR(o, 4, 0.5)]
        ),
        lambda t: 0.8 * 0.9**t * 0.5 ** (t // 4),
    ),
    (
        lambda o: schedules.OneCycleLR(
            o, 1.0, 40, pct_start=0.275, anneal_strategy="linear", cycle_momentum=False
        ),
        lambda t: 0.04 + 0.96 * t / 10 if t <= 10 else 1.0 + (0.04 / 1e4 - 1.0) * (t - 10) / 29,
    ),
]


@pytest.mark.parametrize(("make", "closed"), CLOSED)
def test_the_closed_form(make, closed):
    found = rates(make(optimizer_of()))
    np.testing.assert_allclose(found, [closed(t) for t in range(30)], rtol=1e-12, atol=1e-15)


def test_restarts_after_longer_and_longer_times():
    found = rates(schedules.CosineAnnealingWarmRestarts(optimizer_of(), 2, 3))
    assert [t for t, rate in enumerate(found) if rate == 0.8] == [0, 2, 8, 26]


@pytest.mark.parametrize(("kind", "name"), [(optim.SGD, "momentum"), (optim.Adam, "betas")])
def test_the_momentum_goes_the_other_way(kind, name):
    optimizer = optimizer_of(kind, **({"momentum": 0.5} if kind is optim.SGD else {}))
    scheduler = schedules.OneCycleLR(optimizer, 1.0, 20, pct_start=0.5)
    found = []
    for _ in range(20):
        value = optimizer.param_groups[0][name]
        found.append(value[0] if isinstance(value, tuple) else value)
        optimizer.step()
        scheduler.step()
    assert found[0] == 0.95
    assert found.index(min(found)) == 9
    assert math.isclose(min(found), 0.85)
    assert math.isclose(found[19], 0.95)


def test_lists_for_groups():
    groups = [{"params": [mt.tensor([1.0], requires_grad=True)], "lr": rate} for rate in (0.1, 0.2)]
    optimizer = optim.SGD(groups)
    scheduler = schedules.LambdaLR(optimizer, [lambda t: 1.0, lambda t: 2.0])
    assert scheduler.get_last_lr() == [0.1, 0.4]
    assert [group["initial_lr"] for group in optimizer.param_groups] == [0.1, 0.2]
    with pytest.raises(ArgumentError, match=r"lr_lambda has 1 values.*2 groups"):
        schedules.LambdaLR(optimizer, [lambda t: 1.0])
    with pytest.raises(ArgumentError, match=r"max_lr has 3 values, \[1, 2, 3\]"):
        schedules.OneCycleLR(optimizer, [1, 2, 3], 10)


class TestPlateau:
    def test_it_falls_when_nothing_gets_better(self):
        optimizer = optimizer_of()
        scheduler = schedules.ReduceLROnPlateau(
            optimizer, factor=0.5, patience=1, cooldown=2, min_lr=0.3
        )
        found = []
        for loss in (3, 2, 2, 2, 2, 2, 2, 2, 2):
            scheduler.step(mt.tensor(float(loss)))
            found.append(optimizer.param_groups[0]["lr"])
        assert found == [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.4, 0.3, 0.3]

    def test_what_is_better(self):
        for mode, threshold_mode, better, not_better in (
            ("min", "rel", 0.89, 0.91), ("min", "abs", 0.89, 0.91), ("max", "rel", 1.11, 1.09),
            ("max", "abs", 1.11, 1.09),
        ):  # fmt: skip
            for measure, expected in ((better, 0), (not_better, 1), (math.nan, 1)):
                scheduler = schedules.ReduceLROnPlateau(
                    optimizer_of(), mode, threshold=0.1, threshold_mode=threshold_mode
                )
                scheduler.step(1.0)
                scheduler.step(measure)
                assert scheduler.num_bad_epochs == expected

    def test_errors(self):
        for settings, message in (
            ({"factor": 1.0}, "factor is 1.0, and must be below 1"),
            ({"mode": "least"}, "mode is 'least'"),
            ({"threshold_mode": "r"}, "threshold_mode is 'r'"),
            ({"patience": -1}, "patience is -1"),
            ({"min_lr": [1, 2]}, "min_lr has 2 values"),
        ):
            with pytest.raises(ArgumentError, match=message):
                schedules.ReduceLROnPlateau(optimizer_of(), **settings)
        with pytest.raises(ArgumentError, match="measure is 'low'"):
            schedules.ReduceLROnPlateau(optimizer_of()).step("low")


ALL = [make for make, _ in CLOSED] + [
    lambda o: schedules.OneCycleLR(o, 1.0, 40, cycle_momentum=False),
    lambda o: schedules.CyclicLR(o, 0.1, 0.5, 4, mode="exp_range", gamma=0.9, cycle_momentum=False),
]


@pytest.mark.parametrize("make", ALL)
def test_a_state_in_json_is_gone_on_from(make):
    one = make(optimizer_of())
    rates(one, 9)
    state = json.loads(json.dumps(one.state_dict()))
    settings = json.loads(json.dumps(one.optimizer.state_dict()))
    rest = rates(one, 15)
    other = make(optimizer_of())
    other.optimizer.load_state_dict(settings)
    other.load_state_dict(state)
    assert rates(other, 15) == rest


def test_a_callable_object_is_saved_with_its_attributes():
    class Halving:
        def __init__(self, base):
            self.base = base

        def __call__(self, t):
            return self.base**t

    saved = schedules.LambdaLR(optimizer_of(), Halving(0.5)).state_dict()
    assert saved["lr_lambdas"] == [{"base": 0.5}]
    other = Halving(0.9)
    schedules.LambdaLR(optimizer_of(), other).load_state_dict(saved)
    assert other.base == 0.5


def test_a_state_of_another_scheduler_is_refused():
    scheduler = schedules.StepLR(optimizer_of(), 3)
    for state in (schedules.ExponentialLR(optimizer_of(), 0.9).state_dict(), {}, None):
        with pytest.raises(StateDictError, match="A state_dict of StepLR has step_size, gamma"):
            scheduler.load_state_dict(state)
    assert scheduler.step_size == 3


def test_a_step_before_the_optimizers_warns():
    scheduler = schedules.StepLR(optimizer_of(), 3)
    with pytest.warns(UserWarning, match=r"call optimizer\.step\(\) first"):
        scheduler.step()


def test_after_a_compiled_step_there_is_no_warning():
    p = mt.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=0.8)
    scheduler = schedules.StepLR(optimizer, 3)

    @mt.compile
    def step():
        (p * p).sum().backward()
        optimizer.step()

    step()
    scheduler.step()


def test_going_on_from_an_epoch_needs_what_it_began_with():
    with pytest.raises(ArgumentError, match="group 0 of the optimizer has no 'initial_lr'"):
        schedules.StepLR(optimizer_of(), 3, last_epoch=4)


def test_repr():
    assert repr(schedules.StepLR(optimizer_of(), 3)) == "StepLR(last_epoch=0, lr=[0.8])"


BAD = [
    (lambda o: schedules.StepLR(o, 0), "step_size is 0, and must be 1 or more"),
    (lambda o: schedules.StepLR(o, 1.5), "step_size is 1.5, and must be a whole number"),
    (lambda o: schedules.StepLR(o, 1, -1), "gamma is -1"),
    (lambda o: schedules.MultiStepLR(o, [1, -2]), r"milestones\[1\] is -2"),
    (lambda o: schedules.MultiStepLR(o, 30), "milestones is 30, and must be a list"),
    (lambda o: schedules.ConstantLR(o, 0.0), "factor is 0.0, and must be above 0"),
    (lambda o: schedules.LinearLR(o, 1.5), "start_factor is 1.5"),
    (lambda o: schedules.LinearLR(o, 0.5, -0.1), "end_factor is -0.1"),
    (lambda o: schedules.LinearLR(o, total_iters=0), "total_iters is 0"),
    (lambda o: schedules.ExponentialLR(o, math.nan), "gamma is nan"),
    (lambda o: schedules.PolynomialLR(o, 0), "total_iters is 0"),
    (lambda o: schedules.CosineAnnealingLR(o, 0), "T_max is 0"),
    (lambda o: schedules.CosineAnnealingWarmRestarts(o, 5, 0), "T_mult is 0"),
    (lambda o: schedules.CosineAnnealingWarmRestarts(o, 5).step(-1), "epoch is -1"),
    (lambda o: schedules.OneCycleLR(o, 1.0), "give total_steps, or epochs"),
    (lambda o: schedules.OneCycleLR(o, 1.0, 10, pct_start=1.5), "pct_start is 1.5"),
    (lambda o: schedules.OneCycleLR(o, 1.0, 10, anneal_strategy="x"), "anneal_strategy is 'x'"),
    (lambda o: schedules.OneCycleLR(o, 1.0, 10, div_factor=0), "div_factor is 0"),
    (
        lambda o: schedules.OneCycleLR(optimizer_of(optim.Adagrad), 1.0, 10),
        "Adagrad has neither momentum nor betas",
    ),
    (lambda o: schedules.CyclicLR(o, 0.1, 1.0, mode="square"), "mode is 'square'"),
    (lambda o: schedules.CyclicLR(o, 0.1, 1.0, 0), "step_size_up is 0"),
    (lambda o: schedules.CyclicLR(o, 0.1, 1.0, scale_mode="t"), "scale_mode is 't'"),
    (lambda o: schedules.SequentialLR(o, [], []), r"takes a list of schedulers, and got \[\]"),
    (
        lambda o: schedules.SequentialLR(o, [schedules.StepLR(o, 1)], [3]),
        "1 schedulers and 1 milestones",
    ),
    (
        lambda o: schedules.SequentialLR(
            o, [schedules.StepLR(o, 1), schedules.StepLR(optimizer_of(), 1)], [3]
        ),
        "number 1, a StepLR, has another",
    ),
    (
        lambda o: schedules.ChainedScheduler([schedules.ReduceLROnPlateau(o)]),
        "needs a measure in every step",
    ),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_impossible_settings(make, message):
    with pytest.raises(ArgumentError, match=message):
        make(optimizer_of())


def test_more_steps_than_a_cycle_has():
    scheduler = schedules.OneCycleLR(optimizer_of(), 1.0, 3)
    rates(scheduler, 3)
    with pytest.raises(ArgumentError, match="stepped 4 times, and total_steps is 3"):
        scheduler.step()
    assert scheduler.last_epoch == 3


def test_what_is_no_optimizer():
    for make in (schedules.ExponentialLR, schedules.CosineAnnealingLR):
        with pytest.raises(TypeError, match="takes an optimizer, and got one list"):
            make([], 3)
    with pytest.raises(TypeError, match=r"lr_lambda is 0\.5"):
        schedules.LambdaLR(optimizer_of(), 0.5)
