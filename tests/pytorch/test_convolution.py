"""Convolution beside PyTorch's: layers, functions, their arguments and initial values."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import microtensor.nn.functional as F
from microtensor import nn

from .beside import same_function, same_layer, same_signature

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")  # that it copies

rng = np.random.default_rng(0)
LINES = rng.standard_normal((2, 4, 11))
IMAGES = rng.standard_normal((2, 4, 9, 11))

CONVOLUTIONS = [
    {"kernel_size": 3},
    {"kernel_size": 1},
    {"kernel_size": 1, "stride": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 2, "stride": 3, "bias": False},
    {"kernel_size": 3, "dilation": 2, "padding": 3},
    {"kernel_size": 3, "groups": 2},
    {"kernel_size": 3, "groups": 4, "stride": 2, "padding": 2, "dilation": 2},
    {"kernel_size": 4, "padding": "same"},
    {"kernel_size": 2, "padding": "same", "dilation": 3},
    {"kernel_size": 5, "padding": "valid"},
    *(
        {"kernel_size": 3, "padding": padding, "padding_mode": mode}
        for mode, padding in itertools.product(("reflect", "replicate", "circular"), (2, "same"))
    ),
]
OBLONG = [
    {"kernel_size": (3, 2)},
    {"kernel_size": (2, 3), "stride": (2, 1), "padding": (0, 2), "dilation": (2, 1)},
    {"kernel_size": (1, 5), "stride": (3, 2), "padding": (1, 0), "groups": 2},
    {"kernel_size": (4, 2), "padding": "same", "padding_mode": "circular"},
    {"kernel_size": (2, 3), "padding": (1, 2), "padding_mode": "reflect"},
]
TRANSPOSED = [
    {"kernel_size": 3},
    {"kernel_size": 2, "stride": 2},
    {"kernel_size": 4, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1},
    {"kernel_size": 2, "stride": 1, "dilation": 3, "output_padding": 2},
    {"kernel_size": 3, "stride": 3, "groups": 2, "bias": False},
    {"kernel_size": 1, "stride": 4, "output_padding": 3, "groups": 4},
    {"kernel_size": 3, "stride": 2, "dilation": 2, "padding": 2, "output_padding": 1},
]


def name(arguments: object) -> str:
    return str(arguments).strip("{}").replace("'", "")


def both(ours: type, theirs: type, arguments: dict) -> tuple:
    return ours(4, 8, **arguments), theirs(4, 8, **arguments, dtype=torch.float64)


@pytest.mark.parametrize("arguments", CONVOLUTIONS, ids=name)
def test_conv1d(arguments: dict) -> None:
    same_layer(*both(nn.Conv1d, torch.nn.Conv1d, arguments), LINES)


@pytest.mark.parametrize("arguments", CONVOLUTIONS + OBLONG, ids=name)
def test_conv2d(arguments: dict) -> None:
    same_layer(*both(nn.Conv2d, torch.nn.Conv2d, arguments), IMAGES)


@pytest.mark.parametrize("arguments", TRANSPOSED, ids=name)
def test_conv_transpose1d(arguments: dict) -> None:
    same_layer(*both(nn.ConvTranspose1d, torch.nn.ConvTranspose1d, arguments), LINES)


@pytest.mark.parametrize(
    "arguments",
    [
        *TRANSPOSED,
        {"kernel_size": (3, 2), "stride": (1, 3), "padding": (1, 0), "output_padding": (0, 2)},
        {"kernel_size": (2, 4), "stride": (3, 1), "dilation": (1, 2), "output_padding": (2, 1)},
    ],
    ids=name,
)
def test_conv_transpose2d(arguments: dict) -> None:
    same_layer(*both(nn.ConvTranspose2d, torch.nn.ConvTranspose2d, arguments), IMAGES)


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        ("Conv1d", LINES),
        ("Conv2d", IMAGES),
        ("ConvTranspose1d", LINES),
        ("ConvTranspose2d", IMAGES),
    ],
)
def test_one_image_without_a_batch_and_float32(layer: str, x: np.ndarray) -> None:
    arguments = {"kernel_size": 3, "stride": 2, "padding": 1}
    ours, theirs = getattr(nn, layer), getattr(torch.nn, layer)
    same_layer(*both(ours, theirs, arguments), x[0])
    same_layer(
        ours(4, 8, **arguments, dtype=np.float32), theirs(4, 8, **arguments), x.astype(np.float32)
    )


@pytest.mark.parametrize("layer", ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"])
def test_a_layers_arguments_and_text_are_pytorchs(layer: str) -> None:
    ours, theirs = getattr(nn, layer), getattr(torch.nn, layer)
    same_signature(ours, theirs)
    for arguments in TRANSPOSED if "Transpose" in layer else CONVOLUTIONS:
        assert repr(ours(4, 8, **arguments)) == repr(theirs(4, 8, **arguments))


@pytest.mark.parametrize("layer", ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"])
def test_initial_values_have_pytorchs_bounds(layer: str) -> None:
    arguments = {"in_channels": 32, "out_channels": 64, "kernel_size": 5, "groups": 2}
    ours = getattr(nn, layer)(**arguments, generator=np.random.default_rng(0))
    theirs = getattr(torch.nn, layer)(**arguments)
    for mine, others in ((ours.weight, theirs.weight), (ours.bias, theirs.bias)):
        largest = others.detach().abs().max().item()
        assert abs(mine.numpy()).max() == pytest.approx(largest, rel=0.1)
        assert mine.numpy().std() == pytest.approx(others.std().item(), rel=0.25)


def test_functions_take_pytorchs_arguments_by_position() -> None:
    weight, bias = rng.standard_normal((6, 2, 3, 3)), rng.standard_normal(6)
    same_function(
        lambda *xs: F.conv2d(*xs, 2, 1, 2, 2), lambda *xs: TF.conv2d(*xs, 2, 1, 2, 2),
        IMAGES, weight, bias,
    )  # fmt: skip
    same_function(
        lambda *xs: F.conv1d(*xs, (2,), "valid", (1,), 2),
        lambda *xs: TF.conv1d(*xs, (2,), "valid", (1,), 2),
        LINES, weight[..., 0], bias,
    )  # fmt: skip
    weight, bias = rng.standard_normal((4, 3, 3, 2)), rng.standard_normal(6)
    same_function(
        lambda *xs: F.conv_transpose2d(*xs, 2, 1, 1, 2, 2),
        lambda *xs: TF.conv_transpose2d(*xs, 2, 1, 1, 2, 2),
        IMAGES, weight, bias,
    )  # fmt: skip
    same_function(
        lambda *xs: F.conv_transpose1d(*xs, 2, 1, 1, 2, 2),
        lambda *xs: TF.conv_transpose1d(*xs, 2, 1, 1, 2, 2),
        LINES, weight[..., 0], bias,
    )  # fmt: skip


def test_gradients_of_gradients_are_pytorchs() -> None:
    import microtensor as mt

    weight = rng.standard_normal((3, 4, 3, 2))
    seconds = []
    for library, function in ((mt, F.conv2d), (torch, TF.conv2d)):
        x = library.tensor(IMAGES, requires_grad=True)
        w = library.tensor(weight, requires_grad=True)
        loss = (function(x, w, None, 2, 1, (1, 2)) ** 3).sum()
        gradients = library.autograd.grad(loss, (x, w), create_graph=True)
        sum((g**2).sum() for g in gradients).backward()
        seconds.append([x.grad.numpy(), w.grad.numpy()])
    for ours, theirs in zip(*seconds, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("pad", [(1, 2), (0, 3, 2, 1), (2, 2, 0, 0)])
def test_pad(mode: str, pad: tuple) -> None:
    x = IMAGES if len(pad) == 4 else LINES
    same_function(lambda x: F.pad(x, pad, mode), lambda x: TF.pad(x, pad, mode), x)


@pytest.mark.parametrize("pad", [(-1, 2), (1, -3, 0, -2), (0, 0, 0, 0, 1, 1)])
def test_pad_with_a_value_or_taking_away(pad: tuple) -> None:
    same_function(lambda x: F.pad(x, pad, value=2.5), lambda x: TF.pad(x, pad, value=2.5), IMAGES)
