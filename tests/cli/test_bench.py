"""Tests of `microtensor bench`: that it measures what it says, not how fast."""

import re
import sys

import numpy as np
import pytest

import microtensor as mt
from microtensor.cli import bench
from microtensor.tutorials import two_layer
from microtensor.tutorials.side_by_side import train

from .conftest import Run


def test_the_contenders_train_the_same_network() -> None:
    X, y = two_layer.truth_table()
    weights = two_layer.starting_weights(np.random.default_rng(0))
    losses = train(two_layer.forms(X, y, weights)["by hand"], 5)
    for step in (bench._composed(weights), bench._layers(weights)):
        found = [float(step(mt.tensor(X), mt.tensor(y)).item()) for _ in range(5)]
        np.testing.assert_allclose(found, losses)


def test_a_table(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_SECONDS", 1e-4)
    done = run("bench", "--rounds", "2")
    assert (done.status, done.err) == (0, "")
    rows = dict(re.findall(r"(?m)^(\S.*?)  +([\d.]+)  +[\d.]+$", done.out))
    assert len(rows) == 6
    assert all(float(microseconds) > 0 for microseconds in rows.values())
    assert re.search(r"(?m)^NumPy by hand +[\d.]+ +1.00$", done.out)


def test_without_numba(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_SECONDS", 1e-4)
    monkeypatch.setitem(sys.modules, "numba", None)
    done = run("bench", "--rounds", "1")
    assert done.status == 0
    assert "not timed, numba: " in done.out
    assert "microtensor[jit]" in done.out


def test_times_are_those_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = {"a": 0, "b": 0}

    def step(name: str) -> None:
        calls[name] += 1

    monkeypatch.setattr(bench, "_SECONDS", 1e-9)
    times = bench.take_turns({name: lambda name=name: step(name) for name in calls}, rounds=3)
    assert {name: len(figures) for name, figures in times.items()} == {"a": 3, "b": 3}
    assert calls["a"] == calls["b"] == 1 + 3 + 3


def test_a_repeated_step_is_timed_by_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timeit.timeit", lambda step, number: 3.0 * number)
    times = bench.take_turns({"one": lambda: None, ".repeat(1500)": lambda: None}, rounds=1)
    assert times == {"one": [3.0], ".repeat(1500)": [3.0 / 1500]}


def test_a_ratio_is_of_a_contender_to_the_one_by_hand(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = {"NumPy by hand": [2e-6, 1e-6, 4e-6], "compiled": [1e-6, 1e-6, 1e-6]}
    monkeypatch.setattr(bench, "contenders", lambda: ({}, []))
    monkeypatch.setattr(bench, "take_turns", lambda steps, rounds: figures)
    rows = run("bench").out
    assert re.search(r"(?m)^NumPy by hand +2.00 +1.00$", rows)
    assert re.search(r"(?m)^compiled +1.00 +0.50$", rows)
