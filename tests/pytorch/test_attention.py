"""Attention beside PyTorch's: outputs, weights, gradients, masks, signatures."""

import numpy as np
import pytest
import torch

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn

from .beside import same_function, same_layer, same_signature

RNG = np.random.default_rng(0)
theirs_attention = torch.nn.functional.scaled_dot_product_attention


def x(*shape: int, dtype: type = np.float64) -> np.ndarray:
    return RNG.standard_normal(shape).astype(dtype)


def test_signatures() -> None:
    same_signature(nn.MultiheadAttention, torch.nn.MultiheadAttention)
    same_signature(nn.MultiheadAttention.forward, torch.nn.MultiheadAttention.forward)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.3}], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_attention(shape: tuple[int, ...], options: dict, dtype: type) -> None:
    q, k, v = (
        x(*shape, 4, 5, dtype=dtype),
        x(*shape, 6, 5, dtype=dtype),
        x(*shape, 6, 3, dtype=dtype),
    )
    same_function(F.scaled_dot_product_attention, theirs_attention, q, k, v, **options)


def test_attention_with_masks() -> None:
    q, k, v = x(2, 3, 4, 5), x(2, 3, 6, 5), x(2, 3, 6, 3)
    boolean = RNG.random((2, 1, 4, 6)) > 0.4
    boolean[0, 0, 1] = False  # attends to nothing
    for mask in (boolean, x(4, 6), np.where(boolean, 0.0, -np.inf)):
        same_function(F.scaled_dot_product_attention, theirs_attention, q, k, v, mask)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_first": True},
        {"bias": False},
        {"kdim": 3, "vdim": 5},
        {"kdim": 3, "vdim": 5, "add_bias_kv": True, "add_zero_attn": True},
        {"add_bias_kv": True, "batch_first": True},
        {"add_zero_attn": True, "bias": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_multihead_attention(options: dict, dtype: type) -> None:
    torch_dtype = torch.float64 if dtype is np.float64 else torch.float32
    for call in (
        {},
        {"need_weights": False},
        {"average_attn_weights": False},
    ):
        ours = nn.MultiheadAttention(8, 2, **options, dtype=dtype)
        theirs = torch.nn.MultiheadAttention(8, 2, **options, dtype=torch_dtype)
        for p in ours.parameters():
            p.data += 0.3 * x(*p.shape, dtype=dtype)
        k, v = options.get("kdim", 8), options.get("vdim", 8)
        inputs = [x(4, 3, 8, dtype=dtype), x(5, 3, k, dtype=dtype), x(5, 3, v, dtype=dtype)]
        if options.get("batch_first"):
            inputs = [np.ascontiguousarray(each.swapaxes(0, 1)) for each in inputs]
        same_layer(ours, theirs, *inputs, **call)


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("kind", ["boolean", "numbers", "mixed"])
@pytest.mark.parametrize("of_heads", [False, True])
@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask:UserWarning")
def test_masks_of_multihead_attention(kind: str, of_heads: bool, add: bool) -> None:
    padding = np.array([[False, False, True, True], [False] * 4, [False, True, False, True]])
    mask = RNG.random((6, 4, 4) if of_heads else (4, 4)) > 0.6
    mask[..., 0] = False
    if kind == "numbers":
        padding, mask = np.where(padding, -np.inf, 0.0), x(*mask.shape)
    if kind == "mixed":
        mask = x(*mask.shape)
    ours = nn.MultiheadAttention(8, 2, batch_first=True, add_bias_kv=add)
    theirs = torch.nn.MultiheadAttention(
        8, 2, batch_first=True, add_bias_kv=add, dtype=torch.float64
    )
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    q = x(3, 4, 8)

    def call(layer, a, tensor):
        return layer(a, a, a, key_padding_mask=tensor(padding), attn_mask=tensor(mask))

    same_function(lambda a: call(ours, a, mt.tensor), lambda a: call(theirs, a, torch.tensor), q)


def test_an_input_without_a_batch() -> None:
    ours = nn.MultiheadAttention(8, 2)
    theirs = torch.nn.MultiheadAttention(8, 2, dtype=torch.float64)
    same_layer(ours, theirs, x(4, 8), x(5, 8), x(5, 8))
    padding = np.array([False, True, False, False, True])
    query, keys = x(4, 8), x(5, 8)
    out = ours(query, keys, keys, key_padding_mask=padding)
    tensors = torch.tensor(query), torch.tensor(keys), torch.tensor(keys)
    expected = theirs(*tensors, key_padding_mask=torch.tensor(padding))
    for a, b in zip(out, expected, strict=True):
        np.testing.assert_allclose(a.data, b.detach().numpy(), atol=1e-12)


def test_initial_values_are_drawn_between_the_same_bounds() -> None:
    ours = nn.MultiheadAttention(64, 4, add_bias_kv=True, generator=np.random.default_rng(0))
    theirs = torch.nn.MultiheadAttention(64, 4, add_bias_kv=True)
    for (name, p), (_, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        q = q.detach().numpy()
        assert np.isclose(p.data.std(), q.std(), rtol=0.35, atol=1e-12), name
        if "weight" in name:
            assert np.isclose(np.abs(p.data).max(), np.abs(q).max(), rtol=0.02), name
