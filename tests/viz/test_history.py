"""Tests of microtensor.viz.History."""

import math
import warnings
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn, optim
from microtensor.errors import ArgumentError, DtypeError, GradientError, ShapeError, TracingError
from microtensor.viz import History

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([[0.0], [1.0], [1.0], [0.0]])


def model() -> nn.Sequential:
    """Two layers of the same weights at each call."""
    made = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    rng = np.random.default_rng(0)
    for parameter in made.parameters():
        parameter.data = rng.normal(size=parameter.shape)
    return made


def backward(network: nn.Module) -> mt.Tensor:
    network.zero_grad()
    loss: mt.Tensor = ((network(X) - Y) ** 2).mean()
    loss.backward()
    return loss


def test_norms_are_those_of_training_by_hand() -> None:
    network = model()
    optimizer = optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    history = History(network, keep=True)
    expected: list[dict[str, Any]] = []
    for _ in range(3):
        loss = backward(network)
        before = network.state_dict()
        gradients = {n: np.array(p.grad.numpy()) for n, p in network.named_parameters()}
        optimizer.step()
        history.record(loss=loss)
        expected.append({"w": before, "g": gradients, "new": network.state_dict()})
        assert history.metrics["loss"][-1] == loss.item()
    assert history.iterations == [1, 2, 3]
    assert len(history) == 3
    assert list(history.gradient_norms) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    for name in history.gradient_norms:
        for i, at in enumerate(expected):
            w, g, new = at["w"][name], at["g"][name], at["new"][name]
            assert history.gradient_norms[name][i] == pytest.approx(math.sqrt((g * g).sum()))
            assert history.parameter_norms[name][i] == pytest.approx(math.sqrt((w * w).sum()))
            update = math.sqrt(((new - w) ** 2).sum())
            assert history.update_norms[name][i] == pytest.approx(update)
            np.testing.assert_array_equal(history.values[name][i], w)
            np.testing.assert_array_equal(history.gradients[name][i], g)


def test_what_is_kept_does_not_change_any_more() -> None:
    network = model()
    history = History(network, keep=True)
    hidden = np.ones(3)
    backward(network)
    first = network[0].weight.grad.numpy().copy()
    optim.SGD(network.parameters(), lr=0.1).step()
    history.record(activations={"hidden": hidden})
    hidden[:] = 0
    network[0].weight.grad.data[:] = 0
    network[0].weight.data[:] = 0
    np.testing.assert_array_equal(history.gradients["0.weight"][0], first)
    assert history.values["0.weight"][0].any()
    np.testing.assert_array_equal(history.values["hidden"][0], np.ones(3))


def test_a_layer_is_a_module_that_has_parameters() -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            self.scale = nn.Parameter([1.0])
            self.body = model()

    assert History(Network()).layers == {
        "scale": ["scale"],
        "body.0": ["body.0.weight", "body.0.bias"],
        "body.2": ["body.2.weight", "body.2.bias"],
    }


def test_tensors_by_their_names() -> None:
    w = mt.tensor([3.0, 4.0], requires_grad=True)
    history = History({"net.w": w})
    (w * w).sum().backward()
    with mt.no_grad():
        w -= 0.5 * w.grad
    history.record()
    assert history.layers == {"net.w": ["net.w"]}
    assert history.gradient_norms == {"net.w": [10.0]}
    assert history.parameter_norms == history.update_norms == {"net.w": [5.0]}


def test_metrics_alone() -> None:
    history = History()
    history.record(loss=2.0)
    history.record(loss=np.float32(1.0), accuracy=mt.tensor([0.5]))
    history.record(accuracy=1, loss=None)
    assert history.metrics == {"loss": [2.0, 1.0, None], "accuracy": [None, 0.5, 1.0]}
    assert repr(history) == "History(3 iterations of loss, accuracy, 0 parameters)"


def test_metrics_that_are_not_finite_are_written_down() -> None:
    history = History()
    for value in (math.nan, math.inf, -math.inf):
        history.record(loss=value)
    np.testing.assert_array_equal(history.metrics["loss"], [math.nan, math.inf, -math.inf])


def test_activations_and_their_gradients() -> None:
    network = model()
    history = History(network)
    optimizer = optim.SGD(network.parameters(), lr=0.1)
    for iteration in (1, 2):
        hidden = network[1](network[0](X))
        loss = ((network[2](hidden) - Y) ** 2).mean()
        (d_hidden,) = mt.autograd.grad(loss, [hidden], retain_graph=True)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if iteration == 1:
            history.record(loss=loss)
        else:
            history.record(activations={"hidden": hidden}, gradients={"hidden": d_hidden})
    (nothing, value), (no_gradient, gradient) = (
        history.values["hidden"],
        history.gradients["hidden"],
    )
    assert nothing is None
    assert no_gradient is None
    np.testing.assert_array_equal(value, hidden.numpy())
    np.testing.assert_array_equal(gradient, d_hidden.numpy())


def test_arrays_are_kept_at_every_third_iteration_and_numbers_at_all() -> None:
    network = model()
    history = History(network, keep="2.weight", every=3)
    optimizer = optim.SGD(network.parameters(), lr=0.1)
    for _ in range(7):
        backward(network)
        optimizer.step()
        history.record(activations={"x": X})
    for columns in (history.values, history.gradients):
        assert [array is not None for array in columns["2.weight"]] == [1, 0, 0, 1, 0, 0, 1]
    assert [array is not None for array in history.values["x"]] == [1, 0, 0, 1, 0, 0, 1]
    assert set(history.values) == {"2.weight", "x"}
    assert None not in history.gradient_norms["0.bias"]


def test_keep_takes_layers_too() -> None:
    history = History(model(), keep=["2", "0.bias", "2.weight"])
    assert list(history.values) == ["2.weight", "2.bias", "0.bias"]
    assert list(History(model(), keep=True).values) == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_a_frozen_parameter_has_no_gradient_and_no_update() -> None:
    network = model()
    network[0].requires_grad_(False)
    history = History(network, keep=True)
    backward(network)
    optim.SGD(network[2].parameters(), lr=0.1).step()
    history.record()
    assert history.gradient_norms["0.weight"] == [None]
    assert history.gradients["0.weight"] == [None]
    assert history.update_norms["0.weight"] == [0.0]
    assert history.gradient_norms["2.weight"][0] > 0


def test_compiled_steps_are_recorded_as_eager_ones() -> None:
    histories = []
    for make in (lambda fn: fn, mt.compile):
        network = model()
        optimizer = optim.SGD(network.parameters(), lr=0.1)
        history = History(network, keep=True)

        @make
        def step(x: Any, y: Any, network: Any = network, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = ((network(x) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        for _ in range(3):
            history.record(loss=step(X, Y))
        histories.append(history)
    eager, compiled = histories
    assert compiled.metrics["loss"] == pytest.approx(eager.metrics["loss"])
    for name in eager.gradient_norms:
        assert compiled.gradient_norms[name] == pytest.approx(eager.gradient_norms[name])
        assert compiled.update_norms[name] == pytest.approx(eager.update_norms[name])
        np.testing.assert_allclose(compiled.values[name], eager.values[name])
        np.testing.assert_allclose(compiled.gradients[name], eager.gradients[name], atol=1e-15)


def test_recording_inside_a_compiled_step_says_no() -> None:
    network = model()
    history = History(network)

    @mt.compile
    def step(x: Any, y: Any) -> Any:
        loss = ((network(x) - y) ** 2).mean()
        loss.backward()
        history.record(loss=loss)
        return loss

    with pytest.raises(TracingError):
        step(X, Y)
    assert history.iterations == []
    assert history.metrics == {}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_gradients_and_weights_that_are_not_finite(bad: float) -> None:
    w = mt.tensor([1.0, 2.0], requires_grad=True)
    history = History({"w": w})
    w.grad = [bad, 1.0]
    with mt.no_grad():
        w -= w.grad
    history.record()
    assert not math.isfinite(history.gradient_norms["w"][0])
    assert not math.isfinite(history.update_norms["w"][0])
    assert history.parameter_norms["w"][0] == pytest.approx(math.sqrt(5))


def test_single_precision_does_not_overflow() -> None:
    w = mt.tensor(np.full(4, 1e30, np.float32), requires_grad=True)
    history = History({"w": w})
    w.grad = np.full(4, 1e30)
    w.data = np.zeros(4)
    history.record()
    assert history.gradient_norms["w"][0] == pytest.approx(2e30)
    assert history.update_norms["w"][0] == pytest.approx(2e30)


def test_recording_before_backward_says_what_to_do() -> None:
    history = History(model())
    with pytest.raises(GradientError, match=r"'0\.weight'.* after backward\(\)"):
        history.record(loss=1.0)
    assert history.iterations == []
    assert history.metrics == {}
    assert history.gradient_norms["0.weight"] == []


def test_recording_before_the_first_step_warns() -> None:
    network = model()
    history = History(network)
    backward(network)
    with pytest.warns(UserWarning, match=r"after optimizer\.step\(\)") as caught:
        history.record()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history.record()


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (ArgumentError, "nothing to record", lambda h: h.record()),
        (ShapeError, r"'loss' has shape \(2,\)", lambda h: h.record(loss=[1.0, 2.0])),
        (DtypeError, "'loss' has dtype <U4", lambda h: h.record(loss="nine")),
        (DtypeError, "'z' has dtype complex128", lambda h: h.record(activations={"z": [1j]})),
        (ArgumentError, "'a' needs its activation", lambda h: h.record(gradients={"a": X})),
        (
            ShapeError,
            r"gradient of 'a' has shape \(4, 1\), and the activation \(4, 2\)",
            lambda h: h.record(activations={"a": X}, gradients={"a": Y}),
        ),
    ],
)
def test_what_cannot_be_recorded(error: type[Exception], match: str, call: Any) -> None:
    history = History()
    with pytest.raises(error, match=match):
        call(history)
    assert history.iterations == []
    assert history.values == {}


def test_an_activation_is_not_called_as_a_parameter() -> None:
    with pytest.raises(ArgumentError, match=r"'0\.weight' is a parameter"):
        History(model()).record(activations={"0.weight": X})


@pytest.mark.parametrize(
    ("error", "match", "make"),
    [
        (ArgumentError, r"keep has 'w', .* '0', '2', '0\.w", lambda: History(model(), keep="w")),
        (ArgumentError, "every is 0", lambda: History(every=0)),
        (ArgumentError, "every is 1.5", lambda: History(every=1.5)),
        (TypeError, "not for a generator", lambda: History(model().parameters())),
        (TypeError, "'w' is a ndarray", lambda: History({"w": X})),
        (
            ArgumentError,
            r"'z' of shape \(2,\) was computed",
            lambda: History({"z": 2 * mt.tensor([1.0, 2.0], requires_grad=True)}),
        ),
    ],
)  # fmt: skip
def test_what_no_history_can_be_made_of(error: type[Exception], match: str, make: Any) -> None:
    with pytest.raises(error, match=match):
        make()
