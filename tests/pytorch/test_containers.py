"""Bilinear, dropout of channels, containers and their ``state_dict`` beside PyTorch's."""

import numpy as np
import pytest
import torch

import microtensor.nn.functional as F
from microtensor import nn

from .beside import arguments, same_layer, same_signature

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "name",
    ["AlphaDropout", "Bilinear", "Dropout1d", "Dropout2d", "ModuleDict", "ModuleList",
     "ParameterDict", "ParameterList"],
)  # fmt: skip
def test_signatures(name: str) -> None:
    same_signature(getattr(nn, name), getattr(torch.nn, name))


@pytest.mark.parametrize("name", ["alpha_dropout", "dropout1d", "dropout2d"])
def test_signatures_of_functions(name: str) -> None:
    same_signature(getattr(F, name), getattr(torch.nn.functional, name))


def test_the_arguments_of_attention() -> None:
    ours = F.scaled_dot_product_attention
    assert [name for name in arguments(ours) if name != "generator"] == [
        "query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale",
    ]  # fmt: skip


@pytest.mark.parametrize("bias", [True, False])
def test_bilinear(bias: bool) -> None:
    ours = nn.Bilinear(3, 4, 5, bias)
    theirs = torch.nn.Bilinear(3, 4, 5, bias, dtype=torch.float64)
    same_layer(ours, theirs, RNG.standard_normal((6, 3)), RNG.standard_normal((6, 4)))


@pytest.mark.parametrize("methods", [
    ("ModuleList", ["append", "extend", "insert", "pop"]),
    ("ModuleDict", ["clear", "items", "keys", "pop", "update", "values"]),
    ("ParameterList", ["append", "extend"]),
    ("ParameterDict", ["clear", "get", "items", "keys", "pop", "update", "values"]),
])  # fmt: skip
def test_methods(methods: tuple[str, list[str]]) -> None:
    name, wanted = methods
    for method in wanted:
        assert hasattr(getattr(torch.nn, name), method)
        assert hasattr(getattr(nn, name), method)


def test_state_dicts_have_the_same_keys() -> None:
    keys = []
    for modules, array in ((nn, np.ones), (torch.nn, torch.ones)):
        model = modules.ModuleDict({
            "list": modules.ModuleList([modules.Linear(2, 3), modules.BatchNorm2d(3)]),
            "scales": modules.ParameterList([array(2), array(3)]),
            "named": modules.ParameterDict({"a": array(2)}),
        })  # fmt: skip
        model["list"].insert(0, modules.Identity())
        model["scales"].append(array(1))
        keys.append([(name, tuple(value.shape)) for name, value in model.state_dict().items()])
    assert keys[0] == keys[1]
