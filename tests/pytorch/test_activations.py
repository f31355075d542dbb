"""Activations beside PyTorch's: values and gradients, at kinks and far out, and signatures."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn

from .beside import arguments, same_function, same_layer, same_signature

RNG = np.random.default_rng(0)
KINKS = np.array([-6.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 20.0])
INPUTS = {
    "normal": RNG.standard_normal((4, 6)),
    "wide": np.linspace(-30, 30, 60).reshape(6, 10),
    "kinks": np.stack([KINKS[:-1], KINKS[1:]]),
    "number": np.array(-0.3),
    "none": np.zeros((0, 4)),
    "float32": RNG.standard_normal((2, 3, 4)).astype(np.float32),
}
MODULES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Identity", (), {}),
    ("Sigmoid", (), {}),
    ("LogSigmoid", (), {}),
    ("Tanh", (), {}),
    ("Tanhshrink", (), {}),
    ("Softsign", (), {}),
    ("Softplus", (), {}),
    ("Softplus", (2.0, 3.0), {}),
    ("Softplus", (), {"beta": 0.5, "threshold": 1}),
    ("GELU", (), {}),
    ("GELU", ("tanh",), {}),
    ("SiLU", (), {}),
    ("Mish", (), {}),
    ("ReLU", (), {}),
    ("ReLU6", (), {}),
    ("LeakyReLU", (), {}),
    ("LeakyReLU", (1.5,), {}),
    ("LeakyReLU", (), {"negative_slope": -0.2}),
    ("ELU", (), {}),
    ("ELU", (0.5,), {}),
    ("SELU", (), {}),
    ("CELU", (), {}),
    ("CELU", (0.5,), {}),
    ("Hardtanh", (), {}),
    ("Hardtanh", (-3.0, 0.5), {}),
    ("Hardswish", (), {}),
    ("Softshrink", (), {}),
    ("Softshrink", (0.0,), {}),
    ("Softshrink", (3.0,), {}),
    ("Hardshrink", (), {}),
    ("Hardshrink", (3.0,), {}),
    ("Threshold", (0.5, -7.0), {}),
    ("RReLU", (0.25, 0.25), {}),
]


@pytest.mark.parametrize("x", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize(("name", "args", "kwargs"), MODULES, ids=lambda value: str(value))
def test_an_activation_is_pytorchs(name: str, args: Any, kwargs: Any, x: Any) -> None:
    same_layer(getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs), x)


@pytest.mark.parametrize("x", INPUTS.values(), ids=INPUTS)
def test_hardsigmoid_is_pytorchs_whose_derivative_is_a_sixth_in_float32(x: Any) -> None:
    same_layer(nn.Hardsigmoid(), torch.nn.Hardsigmoid(), x.astype(np.float32))


@pytest.mark.parametrize("name", sorted({m[0] for m in MODULES} | {"Hardsigmoid", "PReLU", "GLU"}))
def test_signatures_of_modules(name: str) -> None:
    leaving = {"Hardtanh": ["min_value", "max_value"]}.get(name, [])
    same_signature(getattr(nn, name), getattr(torch.nn, name), leaving)


@pytest.mark.parametrize(
    "name",
    ["leaky_relu", "elu", "selu", "celu", "silu", "mish", "softsign", "hardtanh", "hardsigmoid",
     "hardswish", "relu6", "tanhshrink", "threshold", "glu", "rrelu"],
)  # fmt: skip
def test_signatures_of_functions(name: str) -> None:
    same_signature(getattr(F, name), getattr(TF, name))


def test_signatures_that_pytorch_has_in_its_documentation_only() -> None:
    assert arguments(F.gelu) == {"input": arguments(F.selu)["input"], "approximate": "none"}
    assert list(arguments(F.softplus).items())[1:] == [("beta", 1.0), ("threshold", 20.0)]
    assert list(arguments(F.softshrink).items())[1:] == [("lambd", 0.5)]
    assert list(arguments(F.hardshrink).items())[1:] == [("lambd", 0.5)]
    assert list(arguments(F.prelu)) == ["input", "weight"]
    assert list(arguments(F.logsigmoid)) == ["input"]


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (2, 3, 2, 2), (3,), ()])
@pytest.mark.parametrize("count", [1, 3])
def test_prelu_is_pytorchs(shape: tuple[int, ...], count: int) -> None:
    if count == 3 and len(shape) < 2:
        return
    x = RNG.standard_normal(shape)
    ours = nn.PReLU(count, init=0.1)
    same_layer(ours, torch.nn.PReLU(count, init=0.1, dtype=torch.float64), x)
    same_function(F.prelu, TF.prelu, x, RNG.standard_normal(count))


def test_prelu_of_one_number_without_axes_is_pytorchs() -> None:
    same_function(F.prelu, TF.prelu, RNG.standard_normal((2, 3)), np.array(0.2))


@pytest.mark.parametrize("dim", [0, 1, -1, -2])
def test_glu_softmin_and_the_rest_along_a_dim(dim: int) -> None:
    x = RNG.standard_normal((4, 6))
    same_layer(nn.GLU(dim), torch.nn.GLU(dim), x)
    for name in ("Softmax", "LogSoftmax", "Softmin"):
        same_layer(getattr(nn, name)(dim=dim), getattr(torch.nn, name)(dim=dim), x)
        same_signature(getattr(nn, name), getattr(torch.nn, name))


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 4, 5)])
def test_softmax2d_is_pytorchs(shape: tuple[int, ...]) -> None:
    same_layer(nn.Softmax2d(), torch.nn.Softmax2d(), RNG.standard_normal(shape))


def test_rrelu_in_evaluation_is_pytorchs() -> None:
    same_layer(nn.RReLU(0.1, 0.4).eval(), torch.nn.RReLU(0.1, 0.4).eval(), INPUTS["normal"])


@pytest.mark.parametrize(("name", "args", "kwargs"), MODULES, ids=lambda value: str(value))
def test_second_derivatives_are_pytorchs(name: str, args: Any, kwargs: Any) -> None:
    """Off the kinks: there, PyTorch's own choices differ from function to function."""
    if name == "RReLU":  # PyTorch has none
        return
    x = np.concatenate([np.linspace(-9, 9, 37) + 0.01, [-700.0, 700.0]])
    ours, theirs = getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs)
    t = mt.tensor(x, requires_grad=True)
    (first,) = mt.autograd.grad([ours(t).sum()], [t], create_graph=True)
    second = np.zeros_like(x)
    if first.requires_grad:
        (found,) = mt.autograd.grad([first.sum()], [t], allow_unused=True)
        second = second if found is None else found.data
    y = torch.tensor(x, requires_grad=True)
    (slope,) = torch.autograd.grad(theirs(y).sum(), y, create_graph=True)
    expected = torch.zeros_like(y)
    if slope.requires_grad:
        (found,) = torch.autograd.grad(slope.sum(), y, allow_unused=True)
        expected = expected if found is None else found
    np.testing.assert_allclose(second, expected.detach().numpy(), rtol=1e-9, atol=1e-11)
