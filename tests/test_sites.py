"""Tests of microtensor.sites: where an operation was applied, remembered on request."""

from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor.autograd import detect_anomaly, record_source
from microtensor.errors import AnomalyError
from microtensor.sites import sites
from microtensor.state import modes
from microtensor.tutorials import two_layer


def line_of(tensor: mt.Tensor) -> str:
    site = sites[tensor._node]
    assert site.line is not None
    return str(site.line.line)


def test_each_operation_in_a_block_has_its_line() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    with record_source():
        doubled = 2 * x  # the first line
        total = np.tanh(doubled).sum()  # the second
    assert line_of(doubled) == "doubled = 2 * x  # the first line"
    assert line_of(total) == "total = np.tanh(doubled).sum()  # the second"


def test_nothing_is_remembered_outside_of_a_block() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    with record_source():
        pass
    assert (x * 2)._node not in sites
    assert modes.watcher is None


def test_a_function_can_be_decorated() -> None:
    @record_source()
    def forward(x: Any) -> Any:
        return np.exp(x)  # here

    assert line_of(forward(mt.tensor(1.0, requires_grad=True))) == "return np.exp(x)  # here"


def test_a_tutorials_lines_are_its_own() -> None:
    X, y = two_layer.truth_table()
    network = two_layer.Composed(X, y, two_layer.starting_weights(np.random.default_rng(0)))
    with record_source():
        loss = network.loss()
    assert line_of(network.output) == "self.output = mt.sigmoid(self.layer1 @ self.W2)"
    assert line_of(loss) == "loss: mt.Tensor = ((self.y - self.output) ** 2).sum()"


def test_a_line_of_python_itself_is_none_of_the_users() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    python = compile("y = x * 2", "<frozen runpy>", "exec")
    ran: dict[str, Any] = {"x": x}
    with record_source():
        exec(python, ran)
    assert sites[ran["y"]._node].line is None


def test_anomalies_are_found_in_a_block_inside_a_block_that_looks_for_them() -> None:
    x = mt.tensor([0.0], requires_grad=True)
    with detect_anomaly(), record_source(), pytest.raises(AnomalyError):
        np.log(x)


def test_a_backward_pass_runs_as_ever() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    with record_source():
        (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
