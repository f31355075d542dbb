"""Recurrent layers and cells beside PyTorch's, with every option."""

import itertools

import numpy as np
import pytest
import torch

from microtensor import nn

from .beside import arguments, same_layer

RNG = np.random.default_rng(0)
DTYPES = {np.float64: torch.float64, np.float32: torch.float32}
LAYERS = {
    "RNN": [{"nonlinearity": "tanh"}, {"nonlinearity": "relu"}],
    "GRU": [{}],
    "LSTM": [{}],
}


def normal(*shape: int, dtype: type = np.float64) -> np.ndarray:
    return RNG.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize(
    ("num_layers", "bias", "batch_first", "bidirectional"),
    list(itertools.product([1, 2, 3], [True, False], [True, False], [True, False])),
)
@pytest.mark.parametrize(
    ("name", "options"), [(name, o) for name, each in LAYERS.items() for o in each], ids=str
)
@pytest.mark.parametrize("given", [True, False], ids=["given", "zeros"])
@pytest.mark.parametrize("batched", [True, False], ids=["batch", "no batch"])
def test_layers(name, options, num_layers, bias, batch_first, bidirectional, given, batched):
    options = options | {
        "num_layers": num_layers,
        "bias": bias,
        "batch_first": batch_first,
        "bidirectional": bidirectional,
    }
    ours = getattr(nn, name)(3, 4, **options)
    theirs = getattr(torch.nn, name)(3, 4, **options, dtype=torch.float64)
    shape = ((2, 5) if batch_first else (5, 2)) if batched else (5,)
    inputs = [normal(*shape, 3)]
    if given:
        states = (num_layers * (1 + bidirectional), *((2,) if batched else ()), 4)
        inputs.append(normal(*states))
        if name == "LSTM":
            inputs[1:] = [(normal(*states), normal(*states))]
    same_layer(ours, theirs, *inputs)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_in_float32(name):
    ours = getattr(nn, name)(6, 8, 2, dtype=np.float32)
    theirs = getattr(torch.nn, name)(6, 8, 2)
    x = normal(7, 3, 6, dtype=np.float32)
    same_layer(ours, theirs, x)
    output, _ = ours(x)
    assert output.dtype == np.float32


@pytest.mark.parametrize(
    ("name", "options"), [("RNNCell", {"nonlinearity": "relu"})] + [
        (name, {}) for name in ("RNNCell", "GRUCell", "LSTMCell")], ids=str
)  # fmt: skip
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("batch", [(2,), ()])
def test_cells(name, options, bias, given, batch):
    ours = getattr(nn, name)(3, 4, bias=bias, **options)
    theirs = getattr(torch.nn, name)(3, 4, bias=bias, **options, dtype=torch.float64)
    inputs = [normal(*batch, 3)]
    if given:
        states = normal(*batch, 4), normal(*batch, 4)
        inputs.append(states if name == "LSTMCell" else states[0])
    same_layer(ours, theirs, *inputs)


@pytest.mark.parametrize("name", ["RNNCell", "GRUCell", "LSTMCell"])
def test_the_arguments_of_cells(name):
    own, wanted = arguments(getattr(nn, name)), arguments(getattr(torch.nn, name))
    wanted.pop("device")
    assert own == wanted | {"generator": None}


@pytest.mark.parametrize("name", LAYERS)
def test_the_positions_of_arguments(name):
    """PyTorch's signatures are overloads, which `inspect` does not see."""
    middle = ["relu"] if name == "RNN" else []
    given = (3, 4, 2, *middle, False, True, 0.5, True)
    ours, theirs = getattr(nn, name)(*given), getattr(torch.nn, name)(*given)
    shown = ["input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout",
             "bidirectional", *(["nonlinearity"] if middle else [])]  # fmt: skip
    for attribute in shown:
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    plain, other = getattr(nn, name)(3, 4), getattr(torch.nn, name)(3, 4)
    for attribute in shown:
        assert getattr(plain, attribute) == getattr(other, attribute)


def test_weights_start_as_large_as_pytorchs():
    ours = nn.LSTM(30, 100, generator=np.random.default_rng(0))
    theirs = torch.nn.LSTM(30, 100)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert abs(p.data).max() <= 0.1, name
        assert p.data.std() == pytest.approx(q.detach().numpy().std(), rel=0.2)
