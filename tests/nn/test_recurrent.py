"""RNN, GRU, LSTM and their cells: loops in plain NumPy, closed forms, gradients, errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import microtensor as mt
from microtensor import nn, optim
from microtensor.errors import ArgumentError, ShapeError
from microtensor.gradcheck import gradcheck, gradgradcheck
from tests.nn.recurrence import layers, sigmoid

KINDS = ("RNN", "GRU", "LSTM")
each_kind = pytest.mark.parametrize("kind", KINDS)
each_cell = pytest.mark.parametrize("kind", ["RNNCell", "GRUCell", "LSTMCell"])


def layer(kind: str, *args: Any, seed: int = 0, **options: Any) -> Any:
    return getattr(nn, kind)(*args, **options, generator=np.random.default_rng(seed))


def arrays(module: nn.Module) -> dict[str, Any]:
    return {name: p.numpy() for name, p in module.named_parameters()}


def flat(result: Any) -> list[Any]:
    output, states = result
    return [output, *(states if isinstance(states, tuple) else (states,))]


def normal(*shape: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


# Values


@pytest.mark.parametrize(
    ("num_layers", "bias", "bidirectional", "with_states"),
    list(itertools.product([1, 3], [True, False], [True, False], [True, False])),
)
@pytest.mark.parametrize("kind", [*KINDS, "RNN relu"])
def test_a_layer_is_a_loop_over_its_steps(
    kind: str, num_layers: int, bias: bool, bidirectional: bool, with_states: bool
) -> None:
    kind, _, nonlinearity = kind.partition(" ")
    more = {"nonlinearity": nonlinearity} if nonlinearity else {}
    module = layer(kind, 3, 4, num_layers, bias=bias, bidirectional=bidirectional, **more)
    x = normal(5, 2, 3)
    states = tuple(normal(num_layers * (1 + bidirectional), 2, 4, seed=s) for s in (2, 3))
    hx = None if not with_states else states if kind == "LSTM" else states[0]
    output, last = layers(
        kind, arrays(module), x, num_layers, bidirectional, nonlinearity or "tanh",
        states if with_states else None,
    )  # fmt: skip
    for ours, expected in zip(flat(module(x, hx)), [output, *last], strict=True):
        assert_allclose(ours.numpy(), expected, rtol=1e-12, atol=1e-12)


@given(
    kind=st.sampled_from(KINDS),
    steps=st.integers(1, 6),
    batch=st.integers(0, 4),
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    batch_first=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_any_sizes(kind, steps, batch, sizes, num_layers, bidirectional, batch_first) -> None:
    module = layer(
        kind, *sizes, num_layers, bidirectional=bidirectional, batch_first=batch_first
    )  # fmt: skip
    x = normal(steps, batch, sizes[0])
    result = flat(module(x.swapaxes(0, 1) if batch_first else x))
    expected, last = layers(kind, arrays(module), x, num_layers, bidirectional)
    output = result[0].numpy()
    assert_allclose(output.swapaxes(0, 1) if batch_first else output, expected, atol=1e-12)
    for ours, state in zip(result[1:], last, strict=True):
        assert ours.shape == (num_layers * (1 + bidirectional), batch, sizes[1])
        assert_allclose(ours.numpy(), state, atol=1e-12)
    sum(part.sum() for part in result).backward()
    for name, p in module.named_parameters():
        assert p.grad is not None, name
        assert np.isfinite(p.grad.data).all(), name


@each_kind
def test_without_a_batch_it_is_a_batch_of_one(kind: str) -> None:
    module = layer(kind, 3, 4, 2, bidirectional=True, batch_first=True)
    x, h = normal(5, 3), normal(4, 4)
    hx = (h, 2 * h) if kind == "LSTM" else h
    one = (h[:, None], 2 * h[:, None]) if kind == "LSTM" else h[:, None]
    alone, batch = flat(module(x, hx)), flat(module(x[None], one))
    assert_array_equal(alone[0].numpy(), batch[0].numpy()[0])
    for state, expected in zip(alone[1:], batch[1:], strict=True):
        assert_array_equal(state.numpy(), expected.numpy()[:, 0])


@pytest.mark.parametrize(
    ("kind", "args", "shapes"),
    # The examples of PyTorch's documentation.
    [("RNN", (10, 20, 2), [(5, 3, 20), (2, 3, 20)]),
     ("GRU", (10, 20, 2), [(5, 3, 20), (2, 3, 20)]),
     ("LSTM", (10, 20, 2), [(5, 3, 20), (2, 3, 20), (2, 3, 20)])],
)  # fmt: skip
def test_the_documented_shapes(kind: str, args: Any, shapes: Any) -> None:
    states = normal(2, 3, 20), normal(2, 3, 20)
    result = layer(kind, *args)(normal(5, 3, 10), states if kind == "LSTM" else states[0])
    assert [part.shape for part in flat(result)] == shapes


def test_a_step_with_all_weights_zero_is_known() -> None:
    """All gates are 1/2, and the candidate is 0."""
    x, h, c = normal(1, 2, 3), normal(1, 2, 4), normal(1, 2, 4, seed=2)
    found = {}
    for kind in KINDS:
        module = layer(kind, 3, 4)
        for p in module.parameters():
            nn.init.zeros_(p)
        found[kind] = flat(module(x, (h, c) if kind == "LSTM" else h))
    assert_array_equal(found["RNN"][0].numpy(), np.zeros((1, 2, 4)))
    assert_allclose(found["GRU"][0].numpy(), h / 2, rtol=1e-15)
    assert_allclose(found["LSTM"][2].numpy(), c / 2, rtol=1e-15)
    assert_allclose(found["LSTM"][0].numpy(), np.tanh(c / 2) / 2, rtol=1e-15)


def test_the_gates_have_pytorchs_order() -> None:
    """A bias of ±100 opens or closes one gate, by its place in the parameter."""
    x, h, c = normal(1, 1, 1), np.full((1, 1, 1), 0.5), np.full((1, 1, 1), 0.25)

    def with_bias(kind: str, *bias: float) -> Any:
        module = layer(kind, 1, 1)
        for p in module.parameters():
            nn.init.zeros_(p)
        with mt.no_grad():
            module.bias_ih_l0[...] = bias
        return [part.item() for part in flat(module(x, (h, c) if kind == "LSTM" else h))]

    i, f, g, o = 100.0, -100.0, 100.0, 100.0
    assert with_bias("LSTM", i, f, g, o) == pytest.approx([np.tanh(1), np.tanh(1), 1])
    assert with_bias("LSTM", -i, -f, g, o)[2] == pytest.approx(0.25)
    assert with_bias("LSTM", i, f, g, -o)[0] == pytest.approx(0)
    assert with_bias("GRU", 0.0, 100.0, 100.0)[0] == pytest.approx(0.5)
    assert with_bias("GRU", 0.0, -100.0, 100.0)[0] == pytest.approx(1)


def test_the_reset_gate_takes_the_states_bias_too() -> None:
    """PyTorch's n = tanh(... + r (h W_hn + b_hn)): a closed r takes out b_hn."""
    module = layer("GRU", 1, 1)
    for p in module.parameters():
        nn.init.zeros_(p)
    with mt.no_grad():
        module.bias_ih_l0[...] = [-100.0, -100.0, 0.0]
        module.bias_hh_l0[...] = [0.0, 0.0, 3.0]
    assert module(np.zeros((1, 1, 1)))[0].item() == pytest.approx(0)


def test_extreme_sums_saturate() -> None:
    module = layer("LSTM", 1, 2)
    with np.errstate(all="raise", under="ignore"):
        output, _ = module(np.array([[[1e6]], [[-1e6]]]))
    assert np.isfinite(output.numpy()).all()


@each_kind
def test_float32_stays_float32(kind: str) -> None:
    module = layer(kind, 3, 4, 2, bidirectional=True, dtype=np.float32)
    x = mt.tensor(normal(5, 2, 3).astype(np.float32), requires_grad=True)
    result = flat(module(x))
    result[0].sum().backward()
    assert {part.dtype for part in result} == {np.dtype(np.float32)}
    assert x.grad.dtype == np.float32
    assert {p.grad.dtype for p in module.parameters()} == {np.dtype(np.float32)}


@each_kind
def test_the_initial_values_lie_within_one_over_the_root_of_the_size(kind: str) -> None:
    for p in layer(kind, 3, 400).parameters():
        assert 0.049 < abs(p.data).max() <= 0.05
    one, two = (arrays(layer(kind, 3, 4, seed=5)) for _ in range(2))
    for name in one:
        assert_array_equal(one[name], two[name])


# Dropout


@each_kind
def test_dropout_comes_between_layers_while_training(kind: str) -> None:
    x = normal(5, 2, 3)
    module = layer(kind, 3, 4, 2, dropout=0.5)
    first, second = (module(x)[0].numpy() for _ in range(2))
    assert not np.array_equal(first, second)
    again = layer(kind, 3, 4, 2, dropout=0.5)
    assert_array_equal(again(x)[0].numpy(), first)
    module.eval()
    plain = layer(kind, 3, 4, 2)
    plain.load_state_dict(module.state_dict())
    assert_array_equal(module(x)[0].numpy(), plain(x)[0].numpy())


def test_dropout_of_everything_leaves_the_second_layer_its_biases() -> None:
    module = layer("RNN", 3, 4, 2, dropout=1.0)
    one, two = (module(normal(5, 2, 3, seed=s))[0].numpy() for s in (1, 2))
    assert_array_equal(one, two)


def test_dropout_with_one_layer_is_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"LSTM has dropout=0\.5 and one layer"):
        nn.LSTM(3, 4, dropout=0.5)


# Gradients


@pytest.mark.parametrize("kind", [*KINDS, "RNN relu"])
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_gradients_agree_with_finite_differences(kind: str, check: Any) -> None:
    kind, _, nonlinearity = kind.partition(" ")
    more = {"nonlinearity": nonlinearity} if nonlinearity else {}
    module = layer(kind, 2, 2, 1, bidirectional=True, **more)
    parameters = list(module.parameters())
    x = mt.tensor(normal(2, 1, 2), requires_grad=True)
    states = [mt.tensor(normal(2, 1, 2, seed=s), requires_grad=True) for s in (4, 5)]
    states = states[: 2 if kind == "LSTM" else 1]

    def function(x: Any, *rest: Any) -> Any:
        given = tuple(rest[: len(states)])
        return tuple(flat(module(x, given if kind == "LSTM" else given[0])))

    assert check(function, [x, *states, *parameters])


@each_cell
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_gradients_of_cells(kind: str, check: Any) -> None:
    cell = layer(kind, 2, 2)
    inputs = [mt.tensor(normal(2, 2, seed=s), requires_grad=True) for s in range(3)]
    inputs = inputs[: 3 if kind == "LSTMCell" else 2]

    def function(x: Any, *rest: Any) -> Any:
        return cell(x, tuple(rest[:2]) if kind == "LSTMCell" else rest[0])

    assert check(function, [*inputs, *cell.parameters()])


@each_kind
def test_a_layer_is_its_cell_in_a_loop_and_so_are_its_gradients(kind: str) -> None:
    module, cell = layer(kind, 3, 4), layer(kind + "Cell", 3, 4)
    cell.load_state_dict({name[:-3]: p for name, p in module.state_dict().items()})
    x = mt.tensor(normal(6, 2, 3), requires_grad=True)
    weights = normal(6, 2, 4, seed=3)
    (module(x)[0] * weights).sum().backward()
    expected = x.grad.numpy().copy()
    x.grad = None
    state, total = None, 0.0
    for t in range(6):
        state = cell(x[t], state)
        h = state[0] if kind == "LSTM" else state
        total = total + (h * weights[t]).sum()
    total.backward()
    assert_allclose(x.grad.numpy(), expected, rtol=1e-10)
    for p, q in zip(module.parameters(), cell.parameters(), strict=True):
        assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-10)


def test_only_what_is_asked_for_gets_a_gradient() -> None:
    module = layer("LSTM", 2, 3)
    module.weight_hh_l0.requires_grad = False
    module(normal(4, 2, 2))[0].sum().backward()
    assert module.weight_hh_l0.grad is None
    assert module.weight_ih_l0.grad is not None


def test_the_gradient_through_saturated_steps_is_a_product_of_slopes() -> None:
    """h_T = w^T h_0 for a linear recurrence: relu of positive numbers."""
    module = layer("RNN", 1, 1, nonlinearity="relu", bias=False)
    with mt.no_grad():
        module.weight_hh_l0[...] = 0.9
        module.weight_ih_l0[...] = 1.0
    h = mt.tensor([[[2.0]]], requires_grad=True)
    _, h_n = module(np.zeros((10, 1, 1)), h)
    h_n.backward(np.ones((1, 1, 1)))
    assert h.grad.item() == pytest.approx(0.9**10)
    assert module.weight_hh_l0.grad.item() == pytest.approx(10 * 0.9**9 * 2)


# What else reads the graph


def training(kind: str, **options: Any) -> Any:
    module = layer(kind, 3, 4, 2, bidirectional=True, **options)
    optimizer = optim.SGD(module.parameters(), lr=0.1)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        output, _ = module(x)
        loss = (output**2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return module, step


@each_kind
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_compiled_training_step_is_the_eager_one(kind: str, backend: str) -> None:
    if backend == "numba":
        pytest.importorskip("numba")
    eager, step = training(kind)
    other, compiled = training(kind)
    compiled = mt.compile(compiled, backend=backend)
    for seed in range(3):
        x = normal(3, 2, 3, seed=seed)
        assert_allclose(compiled(x).item(), step(x).item(), rtol=1e-10)
    for p, q in zip(eager.parameters(), other.parameters(), strict=True):
        assert_allclose(q.numpy(), p.numpy(), rtol=1e-10, atol=1e-13)


def test_dropout_is_drawn_anew_in_every_compiled_step() -> None:
    _, step = training("GRU", dropout=0.5)
    _, compiled = training("GRU", dropout=0.5)
    compiled = mt.compile(compiled)
    for seed in range(3):
        x = normal(3, 2, 3, seed=seed)
        assert_allclose(compiled(x).item(), step(x).item(), rtol=1e-10)


@each_kind
def test_the_backward_code_is_printed(kind: str) -> None:
    module = layer(kind, 3, 4)
    program = mt.derive(lambda x: (module(x)[0] ** 2).sum(), normal(2, 1, 3), argnums=0)
    assert "def " in program.source
    names: dict[str, Any] = {}
    exec(program.source, names)


@each_kind
def test_it_is_drawn_and_compared(kind: str) -> None:
    module = layer(kind, 3, 4)
    x = mt.tensor(normal(2, 1, 3), requires_grad=True, name="x")
    loss = (module(x)[0] ** 2).sum()
    assert kind.lower() in mt.viz.draw(loss).source
    (right,) = mt.autograd.grad(loss, [x], retain_graph=True)
    assert mt.compare(loss, {x: right.numpy()}).ok
    assert not mt.compare(loss, {x: 2 * right.numpy()}).ok


# Errors


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.RNN(3, 4, 0), ShapeError, "RNN has num_layers=0, and needs 1 or more"),
        (lambda: nn.GRU(3, 0), ShapeError, "GRU has hidden_size=0, and needs 1 or more"),
        (lambda: nn.LSTM(-1, 4), ShapeError, "LSTM has input_size=-1, and needs 1 or more"),
        (lambda: nn.LSTM(3, -4), ShapeError, "LSTM has hidden_size=-4"),
        (lambda: nn.LSTM(3, 4.5), TypeError, "LSTM has hidden_size=4.5, and needs an integer"),
        (lambda: nn.LSTM(3, 4, 2, dropout=1.5), ArgumentError, "LSTM has dropout=1.5"),
        (lambda: nn.LSTM(3, 4, 2, dropout=-0.1), ArgumentError, "LSTM has dropout=-0.1"),
        (lambda: nn.RNN(3, 4, nonlinearity="elu"), ArgumentError, "nonlinearity='elu'.*'relu'"),
        (lambda: nn.RNNCell(3, 4, nonlinearity="elu"), ArgumentError, "nonlinearity='elu'"),
        (lambda: nn.LSTMCell(3, 0), ShapeError, "LSTMCell has hidden_size=0"),
    ],
)
def test_a_layer_that_cannot_be_made(make: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@each_kind
@pytest.mark.parametrize(
    ("x", "message"),
    [
        ((5, 2, 4), r"takes an input whose last axis has length 3 \(input_size\).*\(5, 2, 4\)"),
        ((3,), r"takes an input of shape \(steps, batch, 3\), or \(steps, 3\) without.*got \(3,\)"),
        ((1, 5, 2, 3), r"takes an input of shape .*got \(1, 5, 2, 3\)"),
        ((0, 2, 3), "needs one step or more, and got none"),
    ],
)
def test_an_input_of_a_wrong_shape(kind: str, x: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=f"{kind} {message}"):
        layer(kind, 3, 4)(np.zeros(x))


@each_kind
@pytest.mark.parametrize(
    ("x", "h"),
    [((5, 2, 3), (1, 3, 4)), ((5, 2, 3), (2, 2, 4)), ((5, 2, 3), (1, 2, 5)), ((5, 2, 3), (1, 4)),
     ((5, 3), (1, 1, 4))],
)  # fmt: skip
def test_a_state_of_a_wrong_shape(kind: str, x: Any, h: Any) -> None:
    state = np.zeros(h)
    with pytest.raises(ShapeError, match=r"takes h_0 of shape \(1, .*and got \("):
        layer(kind, 3, 4)(np.zeros(x), (state, state) if kind == "LSTM" else state)


@pytest.mark.parametrize("hx", [np.zeros((1, 2, 4)), (np.zeros((1, 2, 4)),)])
def test_an_lstm_takes_a_pair(hx: Any) -> None:
    with pytest.raises(ArgumentError, match=r"as a pair \(h_0, c_0\)"):
        layer("LSTM", 3, 4)(np.zeros((5, 2, 3)), hx)
    with pytest.raises(ShapeError, match=r"c_0 of shape \(1, 2, 4\)"):
        layer("LSTM", 3, 4)(np.zeros((5, 2, 3)), (np.zeros((1, 2, 4)), np.zeros((1, 2, 5))))


@pytest.mark.parametrize("kind", ["RNN", "GRU"])
def test_the_pair_of_an_lstm_is_none_of_another_layers(kind: str) -> None:
    state = mt.tensor(np.zeros((1, 2, 4)), requires_grad=True)
    with pytest.raises(ArgumentError, match=f"{kind} takes .* one tensor h_0, not a tuple of 2"):
        layer(kind, 3, 4)(np.zeros((5, 2, 3)), (state, state))


@each_cell
def test_a_cell_given_wrong_shapes(kind: str) -> None:
    cell = layer(kind, 3, 4)
    with pytest.raises(ShapeError, match=rf"{kind} takes an input of shape \(batch, 3\)"):
        cell(np.zeros((2, 5)))
    with pytest.raises(ShapeError, match=r"got \(5, 2, 3\)"):
        cell(np.zeros((5, 2, 3)))
    state = np.zeros((3, 4))
    with pytest.raises(ShapeError, match=r"a state of shape \(2, 4\).*got \(3, 4\)"):
        cell(np.zeros((2, 3)), (state, state) if kind == "LSTMCell" else state)


def test_the_cell_of_an_lstm_takes_a_pair() -> None:
    with pytest.raises(ArgumentError, match=r"as a pair \(h, c\)"):
        layer("LSTMCell", 3, 4)(np.zeros((2, 3)), np.zeros((2, 4)))


def test_a_closed_form_of_one_step() -> None:
    cell = layer("LSTMCell", 1, 1)
    x, h, c = 0.3, -0.2, 0.7
    sums = [
        (cell.weight_ih.numpy()[k, 0] * x + cell.bias_ih.numpy()[k])
        + (cell.weight_hh.numpy()[k, 0] * h + cell.bias_hh.numpy()[k])
        for k in range(4)
    ]
    new = sigmoid(sums[1]) * c + sigmoid(sums[0]) * np.tanh(sums[2])
    found_h, found_c = cell(np.array([x]), (np.array([h]), np.array([c])))
    assert found_c.item() == pytest.approx(new, rel=1e-14)
    assert found_h.item() == pytest.approx(sigmoid(sums[3]) * np.tanh(new), rel=1e-14)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (lambda: nn.LSTM(3, 4), "LSTM(3, 4)"),
        (lambda: nn.GRU(3, 4, 2, batch_first=True), "GRU(3, 4, num_layers=2, batch_first=True)"),
        (lambda: nn.RNN(3, 4, nonlinearity="relu"), "RNN(3, 4, nonlinearity=relu)"),
        (lambda: nn.GRUCell(3, 4, bias=False), "GRUCell(3, 4, bias=False)"),
    ],
)
def test_repr(module: Any, text: str) -> None:
    assert repr(module()) == text
