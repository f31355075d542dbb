"""Models saved here load in PyTorch by `safetensors.torch`, with the same outputs; and the reverse.

A layer is a line of `MODELS`. Float32 on both sides, or float64.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import microtensor as mt
from microtensor import nn

torch_files = pytest.importorskip("safetensors.torch")

rng = np.random.default_rng(0)


def numbers(*shape: int) -> Any:
    return rng.standard_normal(shape)


MODELS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "Linear": (lambda n: n.Linear(3, 4), numbers(5, 3)),
    "Linear without bias": (lambda n: n.Linear(3, 4, bias=False), numbers(5, 3)),
    "Sequential": (
        lambda n: n.Sequential(
            n.Flatten(), n.Linear(6, 4), n.ReLU(), n.Sequential(n.Linear(4, 2), n.Tanh())
        ),
        numbers(5, 2, 3),
    ),
    "PReLU": (lambda n: n.PReLU(3), numbers(5, 3)),
    "Conv1d": (lambda n: n.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), numbers(2, 4, 9)),
    "Conv2d": (lambda n: n.Conv2d(2, 3, (3, 2), dilation=2, bias=False), numbers(2, 2, 7, 8)),
    "ConvTranspose1d": (lambda n: n.ConvTranspose1d(4, 6, 3, stride=2, groups=2), numbers(2, 4, 5)),
    "ConvTranspose2d": (lambda n: n.ConvTranspose2d(2, 3, 3, stride=2), numbers(2, 2, 4, 5)),
    "LeNet-5": (
        lambda n: n.Sequential(
            *(n.Conv2d(1, 6, 5, padding=2), n.Tanh(), n.AvgPool2d(2)),
            *(n.Conv2d(6, 16, 5), n.Tanh(), n.AvgPool2d(2)),
            *(n.Flatten(), n.Linear(400, 120), n.Tanh(), n.Linear(120, 84), n.Tanh()),
            n.Linear(84, 10),
        ),
        numbers(2, 1, 28, 28),
    ),
    "BatchNorm1d": (lambda n: n.BatchNorm1d(3), numbers(5, 3)),
    "BatchNorm2d": (lambda n: n.BatchNorm2d(3), numbers(5, 3, 2, 2)),
    "BatchNorm2d without parameters": (
        lambda n: n.BatchNorm2d(3, affine=False),
        numbers(5, 3, 2, 2),
    ),
    "InstanceNorm2d": (
        lambda n: n.InstanceNorm2d(3, affine=True, track_running_stats=True),
        numbers(5, 3, 2, 2),
    ),
    "LayerNorm": (lambda n: n.LayerNorm((2, 3)), numbers(5, 2, 3)),
    "GroupNorm": (lambda n: n.GroupNorm(2, 4), numbers(5, 4, 3)),
    "RMSNorm": (lambda n: n.RMSNorm(3), numbers(5, 3)),
    "Embedding": (lambda n: n.Embedding(5, 3, padding_idx=0), np.array([[0, 1], [4, 2]])),
    "RNN": (lambda n: n.RNN(3, 4, 2, nonlinearity="relu"), numbers(5, 2, 3)),
    "GRU": (lambda n: n.GRU(3, 4, batch_first=True, bidirectional=True), numbers(2, 5, 3)),
    "LSTM": (lambda n: n.LSTM(3, 4, 2, bidirectional=True), numbers(5, 2, 3)),
    "LSTM without bias": (lambda n: n.LSTM(3, 4, bias=False), numbers(5, 2, 3)),
    "RNNCell": (lambda n: n.RNNCell(3, 4), numbers(5, 3)),
    "GRUCell": (lambda n: n.GRUCell(3, 4), numbers(5, 3)),
    "LSTMCell": (lambda n: n.LSTMCell(3, 4), numbers(5, 3)),
    "TransformerEncoderLayer": (
        lambda n: n.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        numbers(2, 3, 8),
    ),
    "TransformerEncoder": (
        lambda n: n.TransformerEncoder(
            n.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=False), 2
        ),
        numbers(2, 3, 8),
    ),
}
"""Models that are made of ``torch.nn`` and of ours alike, and an input of each."""


def made(name: str, library: Any, dtype: Any) -> Any:
    """Return a model of a library, ready to evaluate, with parameters and buffers that are random.

    As they are made, those of many layers are all ones or zeros, and tell nothing.
    """
    model = MODELS[name][0](library)
    draws = np.random.default_rng(1)
    if library is nn:
        state = model.state_dict()
    else:
        model = model.to(dtype)
        state = {key: value.numpy() for key, value in model.state_dict().items()}
    changed = {
        key: (value + draws.uniform(0.1, 1, value.shape)).astype(value.dtype)
        if value.dtype.kind == "f"
        else value + 1
        for key, value in state.items()
    }
    model.load_state_dict(
        changed if library is nn else {k: torch.tensor(v) for k, v in changed.items()}
    )
    return model.eval()


def same_outputs(name: str, ours: Any, theirs: Any, dtype: Any) -> None:
    x = MODELS[name][1]
    y = torch.tensor(x)
    if x.dtype.kind == "f":
        y = y.to(dtype)
    out, expected = ours(y.numpy()), theirs(y)
    while isinstance(out, tuple):
        assert isinstance(expected, tuple)
        out, expected = out[0], expected[0]
    tolerance = 1e-9 if dtype is torch.float64 else 3e-5
    expected = expected.detach().numpy()
    np.testing.assert_allclose(out.data, expected, rtol=tolerance, atol=tolerance)


def names(path: Path) -> set[str]:
    data = path.read_bytes()
    return set(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])) - {"__metadata__"}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_saved_here_loads_in_pytorch(name: str, tmp_path: Path) -> None:
    ours, theirs = made(name, nn, torch.float64), MODELS[name][0](torch.nn).double().eval()
    path = mt.save(tmp_path / "model.safetensors", ours.state_dict())
    assert names(path) == set(theirs.state_dict())
    theirs.load_state_dict(torch_files.load_file(path), strict=True)
    same_outputs(name, ours, theirs, torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_saved_by_pytorch_loads_here(name: str, dtype: Any, tmp_path: Path) -> None:
    ours, theirs = MODELS[name][0](nn).eval(), made(name, torch.nn, dtype)
    path = tmp_path / "model.safetensors"
    torch_files.save_file(theirs.state_dict(), path, metadata={"format": "pt"})
    loaded = mt.load(path)
    assert {key: value.shape for key, value in loaded.items()} == {
        key: tuple(value.shape) for key, value in theirs.state_dict().items()
    }
    ours.load_state_dict(loaded)
    same_outputs(name, ours, theirs, dtype)


@pytest.mark.parametrize(
    "dtype",
    [
        "bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64",
        "float16", "float32", "float64", "bfloat16",
    ],
)  # fmt: skip
def test_every_dtype_of_pytorchs_that_numpy_has_loads(dtype: str, tmp_path: Path) -> None:
    tensors = {
        "matrix": torch.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(torch, dtype)),
        "number": torch.tensor(3).to(getattr(torch, dtype)),
        "empty": torch.zeros(0, 2).to(getattr(torch, dtype)),
    }
    torch_files.save_file(tensors, tmp_path / "a.safetensors")
    for name, array in mt.load(tmp_path / "a.safetensors").items():
        expected = tensors[name]
        expected = (expected.float() if dtype == "bfloat16" else expected).numpy()
        assert array.dtype == expected.dtype
        assert array.shape == expected.shape
        assert np.array_equal(array, expected)


def test_a_model_within_a_checkpoint_loads_in_pytorch(tmp_path: Path) -> None:
    ours, theirs = nn.Linear(3, 4), torch.nn.Linear(3, 4, dtype=torch.float64)
    path = mt.save(tmp_path / "a.safetensors", {"model": ours.state_dict(), "epoch": 3})
    loaded = torch_files.load_file(path)
    theirs.load_state_dict({name.removeprefix("model."): t for name, t in loaded.items()})
    assert np.array_equal(theirs.weight.detach().numpy(), ours.weight.data)
