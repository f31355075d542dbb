"""The transformer's encoder beside PyTorch's."""

import numpy as np
import pytest
import torch

import microtensor as mt
from microtensor import nn

from .beside import arguments, same_function, same_layer, same_signature

RNG = np.random.default_rng(0)


def x(*shape: int, dtype: type = np.float64) -> np.ndarray:
    return RNG.standard_normal(shape).astype(dtype)


def test_signatures() -> None:
    ours, theirs = nn.TransformerEncoderLayer, torch.nn.TransformerEncoderLayer
    assert [name for name in arguments(ours) if name != "generator"] == [
        name for name in arguments(theirs) if name != "device"
    ]
    same_signature(ours.forward, theirs.forward)
    leaving = ["enable_nested_tensor", "mask_check"]
    same_signature(nn.TransformerEncoder, torch.nn.TransformerEncoder, leaving)
    same_signature(nn.TransformerEncoder.forward, torch.nn.TransformerEncoder.forward)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_first": True},
        {"norm_first": True, "layer_norm_eps": 1e-2},
        {"bias": False},
        {"activation": "gelu"},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_layer(options: dict, dtype: type) -> None:
    torch_dtype = torch.float64 if dtype is np.float64 else torch.float32
    ours = nn.TransformerEncoderLayer(8, 2, 16, 0.0, **options, dtype=dtype)
    theirs = torch.nn.TransformerEncoderLayer(8, 2, 16, 0.0, **options, dtype=torch_dtype)
    same_layer(ours, theirs, x(4, 3, 8, dtype=dtype))


@pytest.mark.parametrize("norm_first", [False, True])
def test_an_encoder_with_masks(norm_first: bool) -> None:
    shared = {"batch_first": True, "norm_first": norm_first}
    ours = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, 0.0, **shared), 3, nn.LayerNorm(8)
    )
    theirs = torch.nn.TransformerEncoder(
        torch.nn.TransformerEncoderLayer(8, 2, 16, 0.0, **shared, dtype=torch.float64),
        3,
        torch.nn.LayerNorm(8, dtype=torch.float64),
        enable_nested_tensor=False,
    )
    same_layer(ours, theirs, x(2, 5, 8))
    causal = ~np.tri(5, dtype=bool)
    padding = np.array([[False] * 5, [False, False, False, True, True]])

    def call(model, a, tensor):
        return model(a, tensor(causal), tensor(padding))

    same_function(lambda a: call(ours, a, mt.tensor), lambda a: call(theirs, a, torch.tensor),
                  x(2, 5, 8))  # fmt: skip
