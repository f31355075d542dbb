"""Tests of microtensor.viz.explorer.training: the iterations on the page."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn, optim
from microtensor.errors import (
    ArgumentError,
    DtypeError,
    ShapeError,
)
from microtensor.viz import explore
from tests.viz.explorer.written import array, network, node, read


def test_a_list_of_iterations_is_a_history(tmp_path: Path) -> None:
    loss, _ = network()
    rows = [{"cost": 1 / i, "W1": np.full((3, 2), i), "W1.grad": np.ones((3, 2))} for i in (1, 2)]
    found = read(explore(loss, tmp_path / "page.html", history=rows))
    history = found["history"]
    W1 = str(found["nodes"].index(node(found, "W1")))
    assert (history["numbers"], history["of"]) == ([1, 2], 2)
    assert history["metrics"] == {"cost": [1, 0.5]}
    second = array(found, history["values"][W1][1])
    np.testing.assert_array_equal(second, np.full((3, 2), 2.0))
    assert array(found, history["gradients"][W1][0]).sum() == 6


def test_a_history_is_shown_as_it_was_recorded(tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    history = mt.viz.History(model, keep=["weight"], every=2)  # the first and the third
    weights = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = np.square(model(np.eye(2))).sum()
        loss.backward()
        weights.append(model.weight.data.copy())
        optimizer.step()
        history.record(error=loss)
    loss = np.square(model(np.eye(2))).sum()
    data = read(explore(loss, tmp_path / "page.html", history=history))
    assert data["history"]["numbers"] == [1, 3]
    errors = history.metrics["error"]
    assert data["history"]["metrics"]["error"] == pytest.approx([errors[0], errors[2]])
    (column,) = data["history"]["values"].values()
    np.testing.assert_array_equal(array(data, column[1]), weights[2])
    (column,) = data["history"]["gradients"].values()
    np.testing.assert_array_equal(array(data, column[0]), history.gradients["weight"][0])


def test_what_was_not_recorded_at_an_iteration_is_missing(tmp_path: Path) -> None:
    rows = [{"W1": np.ones((3, 2)), "cost": None}, {"W1.grad": np.ones((3, 2)), "cost": 2.0}]
    loss, _ = network()
    data = read(explore(loss, tmp_path / "page.html", history=rows))
    (values,) = data["history"]["values"].values()
    assert values[1] is None
    (gradients,) = data["history"]["gradients"].values()
    assert gradients[0] is None
    assert data["history"]["metrics"]["cost"] == [None, 2]


def test_what_is_computed_may_be_of_another_batch(tmp_path: Path) -> None:
    loss, tensors = network()
    rows = [{"a1": np.ones((7, 2)), "a1.grad": np.ones((7, 2))}]
    found = read(explore(loss, tmp_path / "page.html", history=rows, names=tensors))
    (values,) = found["history"]["values"].values()
    assert array(found, values[0]).shape == (7, 2)


def test_a_number_called_as_an_array_of_the_graph_is_a_metric(tmp_path: Path) -> None:
    loss, tensors = network()
    rows = [{"a1": 0.5, "loss": 2.0}]
    found = read(explore(loss, tmp_path / "page.html", history=rows, names=tensors))
    assert found["history"]["metrics"] == {"a1": [0.5], "loss": [2]}
    assert list(found["history"]["values"]) == [str(found["nodes"].index(node(found, "loss")))]


def test_of_a_long_history_some_iterations_are_kept(tmp_path: Path) -> None:
    rows = [{"cost": float(i)} for i in range(1, 1001)]
    history = read(explore(network()[0], tmp_path / "page.html", history=rows))["history"]
    assert len(history["numbers"]) == 100
    assert (history["numbers"][0], history["numbers"][-1], history["of"]) == (1, 1000, 1000)
    assert history["metrics"]["cost"] == history["numbers"]


@pytest.mark.parametrize(
    ("history", "error", "message"),
    [
        ([{"V": np.ones(3)}], ArgumentError, "history= has V, and none of it is a tensor"),
        ({"W1": [1.0]}, ArgumentError, "and not a dict"),
        ([1.0, 2.0], ArgumentError, "and has a float"),
        ([{"W1": "text"}], DtypeError, "'W1' of dtype <U4 at iteration 1"),
        (
            [{"W1": np.ones((3, 2))}, {"W1": np.ones(6)}],
            ShapeError,
            r"'W1' of shape \(6,\) at iteration 2, and the tensor on the page has shape \(3, 2\)",
        ),
        ([{"W1.grad": np.ones((2, 3))}], ShapeError, r"'W1.grad' of shape \(2, 3\) at iteration 1"),
        ([{"a1": np.ones(8)}], ShapeError, r"'a1' of shape \(8,\) at iteration 1"),
    ],
)
def test_a_history_of_something_else_is_refused(
    tmp_path: Path, history: Any, error: type[Exception], message: str
) -> None:
    loss, tensors = network()
    with pytest.raises(error, match=message):
        read(explore(loss, tmp_path / "page.html", history=history, names=tensors))
    assert list(tmp_path.iterdir()) == []
