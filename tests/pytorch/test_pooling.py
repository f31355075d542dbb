"""Pooling beside PyTorch's, and what reshapes between layers."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import microtensor.nn.functional as F
from microtensor import nn

from .beside import same_function, same_layer, same_signature

rng = np.random.default_rng(0)
LINES = rng.standard_normal((2, 3, 11))
IMAGES = rng.standard_normal((2, 3, 9, 11))
TIES = rng.integers(0, 3, (2, 3, 9, 11)).astype(float)

WINDOWS = [
    {"kernel_size": 2},
    {"kernel_size": 1},
    {"kernel_size": 3, "stride": 1},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 2, "stride": 3},
    {"kernel_size": 2, "ceil_mode": True},
    {"kernel_size": 4, "stride": 3, "padding": 2, "ceil_mode": True},
    {"kernel_size": 3, "stride": 4, "padding": 1, "ceil_mode": True},
]
DILATED = [
    {"kernel_size": 2, "dilation": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True},
]
OBLONG = [
    {"kernel_size": (2, 3)},
    {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 0)},
    {"kernel_size": (1, 4), "stride": (2, 3), "padding": (0, 2), "ceil_mode": True},
]


def name(arguments: object) -> str:
    return str(arguments).strip("{}").replace("'", "")


@pytest.mark.parametrize("arguments", WINDOWS + DILATED, ids=name)
def test_max_pool1d(arguments: dict) -> None:
    same_layer(nn.MaxPool1d(**arguments), torch.nn.MaxPool1d(**arguments), LINES)
    same_layer(nn.MaxPool1d(**arguments), torch.nn.MaxPool1d(**arguments), TIES[:, :, 0])


@pytest.mark.parametrize("arguments", WINDOWS + DILATED + OBLONG, ids=name)
def test_max_pool2d(arguments: dict) -> None:
    same_layer(nn.MaxPool2d(**arguments), torch.nn.MaxPool2d(**arguments), IMAGES)
    same_layer(nn.MaxPool2d(**arguments), torch.nn.MaxPool2d(**arguments), TIES)


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("arguments", WINDOWS, ids=name)
def test_avg_pool1d(arguments: dict, count_include_pad: bool) -> None:
    arguments = {**arguments, "count_include_pad": count_include_pad}
    same_layer(nn.AvgPool1d(**arguments), torch.nn.AvgPool1d(**arguments), LINES)


@pytest.mark.parametrize("more", [{}, {"count_include_pad": False}, {"divisor_override": 3}])
@pytest.mark.parametrize("arguments", WINDOWS + OBLONG, ids=name)
def test_avg_pool2d(arguments: dict, more: dict) -> None:
    same_layer(nn.AvgPool2d(**arguments, **more), torch.nn.AvgPool2d(**arguments, **more), IMAGES)


@pytest.mark.parametrize("kind", ["Avg", "Max"])
@pytest.mark.parametrize("size", [1, 3, 4, 11, 13])
def test_adaptive_pool1d(kind: str, size: int) -> None:
    layer = f"Adaptive{kind}Pool1d"
    same_layer(getattr(nn, layer)(size), getattr(torch.nn, layer)(size), LINES)


@pytest.mark.parametrize("kind", ["Avg", "Max"])
@pytest.mark.parametrize("size", [1, 3, (3, 11), (2, None), (None, 4), (5, 13)])
def test_adaptive_pool2d(kind: str, size: object) -> None:
    layer = f"Adaptive{kind}Pool2d"
    same_layer(getattr(nn, layer)(size), getattr(torch.nn, layer)(size), IMAGES)


LAYERS = [
    "MaxPool1d", "MaxPool2d", "AvgPool1d", "AvgPool2d", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "Flatten", "Unflatten",
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layers_arguments_are_pytorchs(layer: str) -> None:
    same_signature(getattr(nn, layer), getattr(torch.nn, layer), leaving=["return_indices"])


@pytest.mark.parametrize("layer", LAYERS[:-2])
def test_one_image_without_a_batch_and_float32(layer: str) -> None:
    x = (LINES if "1d" in layer else IMAGES)[0]
    for given in (x, x.astype(np.float32)):
        same_layer(getattr(nn, layer)(2), getattr(torch.nn, layer)(2), given)


@pytest.mark.parametrize("layer", LAYERS[:-2])
def test_a_layers_text_is_pytorchs(layer: str) -> None:
    assert repr(getattr(nn, layer)(2)) == repr(getattr(torch.nn, layer)(2))


def test_functions_take_pytorchs_arguments_by_position() -> None:
    same_function(
        lambda x: F.max_pool2d(x, 3, 2, 1, 1, True), lambda x: TF.max_pool2d(x, 3, 2, 1, 1, True),
        IMAGES,
    )  # fmt: skip
    same_function(
        lambda x: F.avg_pool2d(x, 3, 2, 1, True, False, 5),
        lambda x: TF.avg_pool2d(x, 3, 2, 1, True, False, 5),
        IMAGES,
    )
    same_function(
        lambda x: F.avg_pool1d(x, 3, 2, 1, True, False),
        lambda x: TF.avg_pool1d(x, 3, 2, 1, True, False),
        LINES,
    )
    same_function(lambda x: F.max_pool1d(x, (2,)), lambda x: TF.max_pool1d(x, (2,)), LINES)


@pytest.mark.parametrize("size", [(3, 4), (-1, 2), (2, 2, 3)])
def test_unflatten(size: tuple) -> None:
    x = rng.standard_normal((2, 12, 3))
    for dim in (1, -2):
        same_layer(nn.Unflatten(dim, size), torch.nn.Unflatten(dim, size), x)
    assert repr(nn.Unflatten(1, size)) == repr(torch.nn.Unflatten(1, size))
