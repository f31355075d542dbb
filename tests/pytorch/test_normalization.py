"""Normalisation beside PyTorch's: outputs, gradients, running statistics, signatures."""

import numpy as np
import pytest
import torch

import microtensor.nn.functional as F
from microtensor import nn

from .beside import same_function, same_layer, same_signature

RNG = np.random.default_rng(0)
LAYERS = [
    "BatchNorm1d", "BatchNorm2d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "LayerNorm",
    "RMSNorm",
]  # fmt: skip


def x(*shape: int, dtype: type = np.float64) -> np.ndarray:
    return (3 * RNG.standard_normal(shape) + 2).astype(dtype)


@pytest.mark.parametrize("name", LAYERS)
def test_signatures(name: str) -> None:
    same_signature(getattr(nn, name), getattr(torch.nn, name))


@pytest.mark.parametrize(
    "name",
    ["batch_norm", "group_norm", "instance_norm", "layer_norm", "normalize", "rms_norm"],
)
def test_signatures_of_functions(name: str) -> None:
    same_signature(getattr(F, name), getattr(torch.nn.functional, name), leaving=["out"])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": None},
        {"momentum": 0.7, "eps": 0.1},
        {"affine": False},
        {"track_running_stats": False},
        {"bias": False},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("name", "shape"),
    [("BatchNorm1d", (6, 3)), ("BatchNorm1d", (4, 3, 5)), ("BatchNorm2d", (2, 3, 4, 5)),
     ("InstanceNorm1d", (4, 3, 9)), ("InstanceNorm2d", (2, 3, 4, 5))],
)  # fmt: skip
def test_channel_norms(name: str, shape: tuple[int, ...], options: dict, training: bool) -> None:
    if name.startswith("Instance") and options.get("momentum", 1) is None:
        return  # PyTorch has no such average there
    for dtype in (np.float64, np.float32):
        ours = getattr(nn, name)(3, **options, dtype=dtype)
        theirs = getattr(torch.nn, name)(
            3, **options, dtype=torch.float64 if dtype is np.float64 else torch.float32
        )
        if ours.running_mean is not None:
            ours.running_mean[...] = [1.0, 2.0, 3.0]
            ours.running_var[...] = [0.5, 2.0, 30.0]
        ours.train(training)
        theirs.train(training)
        same_layer(ours, theirs, x(*shape, dtype=dtype), steps=3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("LayerNorm", (5,), (4, 5)),
        ("LayerNorm", (5,), (5,)),
        ("LayerNorm", (16,), (2, 3, 16)),
        ("LayerNorm", ((3, 5),), (4, 3, 5)),
        ("LayerNorm", (5, 1e-3, False), (4, 5)),
        ("LayerNorm", (5, 1e-3, True, False), (4, 5)),
        ("RMSNorm", (5,), (4, 5)),
        ("RMSNorm", ((3, 5), 0.1), (4, 3, 5)),
        ("RMSNorm", (5, None, False), (2, 4, 5)),
        ("GroupNorm", (2, 6), (4, 6)),
        ("GroupNorm", (3, 6, 0.1), (4, 6, 5)),
        ("GroupNorm", (1, 4), (2, 4, 3, 3)),
        ("GroupNorm", (4, 4, 1e-5, False), (2, 4, 3, 3)),
    ],
)
def test_the_others(name: str, arguments: tuple, shape: tuple[int, ...], dtype: type) -> None:
    ours = getattr(nn, name)(*arguments, dtype=dtype)
    for p in ours.parameters():
        p.data += RNG.standard_normal(p.shape)
    theirs = getattr(torch.nn, name)(
        *arguments, dtype=torch.float64 if dtype is np.float64 else torch.float32
    )
    same_layer(ours, theirs, x(*shape, dtype=dtype))


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5, np.inf])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_normalize(p: float, dim: int) -> None:
    same_function(
        lambda a: F.normalize(a, p, dim),
        lambda a: torch.nn.functional.normalize(a, p, dim),
        x(3, 4),
    )
