"""`nn.Linear` beside PyTorch's; and `beside` itself, on layers that are wrong."""

import numpy as np
import pytest
import torch

import microtensor as mt
from microtensor import nn

from .beside import same_layer, same_signature

X = np.random.default_rng(0).standard_normal((5, 3))


def test_linear_is_pytorchs() -> None:
    same_signature(nn.Linear, torch.nn.Linear)
    same_layer(nn.Linear(3, 4), torch.nn.Linear(3, 4, dtype=torch.float64), X)


class _Wrong(nn.Linear):
    """A layer with a forward that is right and a gradient that is not."""

    def forward(self, input):
        out = super().forward(input)
        return out + 0.5 * (input.sum() - input.detach().sum())


class _Renamed(nn.Module):
    def __init__(self) -> None:
        self.w, self.b = nn.Parameter(np.ones((4, 3))), nn.Parameter(np.ones(4))


@pytest.mark.parametrize(
    ("ours", "what"),
    [(_Wrong(3, 4), "the gradient of input 0"), (_Renamed(), "the keys of state_dict")],
)
def test_a_layer_that_differs_is_found(ours: nn.Module, what: str) -> None:
    with pytest.raises(AssertionError, match=what):
        same_layer(ours, torch.nn.Linear(3, 4, dtype=torch.float64), X)


def test_a_default_that_differs_is_found() -> None:
    def ours(input, dim=None):
        return mt.softmax(input, dim)

    with pytest.raises(AssertionError):
        same_signature(ours, torch.nn.functional.normalize)
