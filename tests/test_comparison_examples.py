"""Tests of the examples that compare trainings: small runs show what the full ones do."""

import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.examples import is_picture, of


@of("compare_activations", "learning_rates")
def test_the_same_seed_gives_the_same_run_bit_for_bit(example: ModuleType, tmp_path: Path) -> None:
    arguments = ["--small", "--epochs", "1", "--out", str(tmp_path)]
    first, second, other = (example.main([*arguments, "--seed", seed]) for seed in "002")
    assert repr(first) == repr(second)
    assert repr(first) != repr(other)


@of("compare_activations")
def test_sigmoids_gradient_vanishes_and_the_others_learn(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = example.main(["--small", "--out", str(tmp_path)])
    ratios = {
        name: max(run.gradients[0] / run.gradients[-1] for run in runs)
        for name, runs in results.runs.items()
    }
    assert ratios.pop("Sigmoid") < 0.001
    assert min(ratios.values()) > 0.3
    for run in results.runs["Sigmoid"]:
        assert run.gradients == sorted(run.gradients)  # from the first layer to the last
        assert run.accuracies[-1] < 0.2
    assert min(run.accuracies[-1] for run in results.runs["Tanh"]) > 0.8
    assert is_picture(*results.files)
    assert "LeakyReLU" in capsys.readouterr().out


@of("compare_activations")
def test_all_activations_begin_with_the_same_weights(example: ModuleType) -> None:
    first, *others = (
        example.make_network(activation, np.random.default_rng(0)).state_dict()
        for activation in example.ACTIVATIONS.values()
    )
    assert len(first) == 14
    for other in others:
        assert all(np.array_equal(first[name], other[name]) for name in first)


@of("learning_rates")
def test_rates_that_are_too_high_diverge_and_the_right_ones_learn(
    example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = example.main(["--small", "--out", str(tmp_path)])
    for runs in results.constant.values():
        assert runs[10.0].diverged()
        assert not any(runs[lr].diverged() for lr in (0.001, 0.01, 0.1))
    assert results.constant["SGD, momentum 0.9"][1.0].diverged()
    assert results.constant["Adam"][0.01].accuracy > 0.9
    assert results.constant["SGD, momentum 0.9"][0.1].accuracy > 0.8
    assert results.constant["SGD"][0.001].accuracy < 0.5
    assert all(map(is_picture, results.files))
    assert "diverged: " in capsys.readouterr().out


@of("learning_rates")
def test_schedules_change_the_rate_as_their_formulas_say(
    example: ModuleType, tmp_path: Path
) -> None:
    results = example.main(["--small", "--out", str(tmp_path)])
    rates = {name: np.array(run.rates) for name, run in results.scheduled.items()}
    steps = np.arange(84)
    assert np.all(rates["constant"] == 0.5)
    np.testing.assert_allclose(rates["StepLR"], 0.5 * 0.3 ** (steps // 21))
    cosine = 0.25 * (1 + np.cos(math.pi * steps / 84))
    np.testing.assert_allclose(rates["CosineAnnealingLR"], cosine, atol=1e-12)
    after = 0.25 * (1 + np.cos(math.pi * np.arange(76) / 76))
    rise = 0.5 * (0.01 + 0.99 * np.arange(8) / 8)
    np.testing.assert_allclose(
        rates["LinearLR, then cosine"], np.concatenate([rise, after]), atol=1e-12
    )
    assert rates["OneCycleLR"][0] == pytest.approx(0.5 / 25)
    assert rates["OneCycleLR"].max() == pytest.approx(0.5, rel=1e-2)
    assert set(rates["ReduceLROnPlateau"]) <= {0.5, 0.15}


@of("learning_rates")
def test_a_loss_that_is_no_number_has_diverged(example: ModuleType) -> None:
    assert example.Run([2.0, math.nan], [1.0, 1.0]).diverged()
    assert example.Run([2.0, math.inf], [1.0, 1.0]).diverged()
    assert not example.Run([2.0, 1.0], [1.0, 1.0]).diverged()
