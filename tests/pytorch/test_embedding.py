"""Embedding and one_hot beside PyTorch's."""

import numpy as np
import pytest
import torch

import microtensor.nn.functional as F
from microtensor import nn

from .beside import same_function, same_layer, same_signature

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("padding_idx", [None, 0, 3, -1])
@pytest.mark.parametrize("shape", [(), (5,), (4, 6), (2, 3, 50), (0,)])
@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_embedding(padding_idx, shape, dtype):
    ours = nn.Embedding(7, 3, padding_idx)
    theirs = torch.nn.Embedding(7, 3, padding_idx, dtype=torch.float64)
    assert ours.padding_idx == theirs.padding_idx
    same_layer(ours, theirs, np.array(RNG.integers(0, 7, shape), dtype))


def test_embedding_in_float32():
    ours, theirs = nn.Embedding(7, 3, dtype=np.float32), torch.nn.Embedding(7, 3)
    same_layer(ours, theirs, RNG.integers(0, 7, (9, 300)))


@pytest.mark.parametrize("padding_idx", [None, 2])
def test_the_function_has_the_weights_gradient(padding_idx):
    indices = RNG.integers(0, 5, (4, 3))
    same_function(
        lambda weight: F.embedding(indices, weight, padding_idx),
        lambda weight: torch.nn.functional.embedding(torch.tensor(indices), weight, padding_idx),
        RNG.standard_normal((5, 2)),
    )


@pytest.mark.parametrize("freeze", [True, False])
def test_from_pretrained(freeze):
    table = RNG.standard_normal((4, 3))
    ours = nn.Embedding.from_pretrained(table, freeze, padding_idx=1)
    theirs = torch.nn.Embedding.from_pretrained(torch.tensor(table), freeze, padding_idx=1)
    assert ours.weight.requires_grad == theirs.weight.requires_grad
    same_layer(ours, theirs, np.array([0, 1, 3, 3]))


def test_arguments():
    absent = ("max_norm", "norm_type", "scale_grad_by_freq", "sparse", "_weight", "_freeze")
    same_signature(nn.Embedding, torch.nn.Embedding, absent)
    same_signature(F.embedding, torch.nn.functional.embedding, absent)
    same_signature(nn.Embedding.from_pretrained, torch.nn.Embedding.from_pretrained, absent)


@pytest.mark.parametrize("num_classes", [-1, 5, 8])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_one_hot(num_classes, shape):
    indices = np.array(RNG.integers(0, 5, shape))
    ours = F.one_hot(indices, num_classes)
    theirs = torch.nn.functional.one_hot(torch.tensor(indices), num_classes).numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours.data, theirs)
