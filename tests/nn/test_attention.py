"""Attention and the transformer: an implementation in loops, masks, dropout, copies, programs."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn, optim
from microtensor.errors import ArgumentError, DtypeError, ShapeError

RNG = np.random.default_rng(0)


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Compute attention of one head, in loops."""
    out = np.zeros((len(q), v.shape[1]))
    for i, query in enumerate(q):
        scores = {
            j: math.exp(query @ k[j] / math.sqrt(len(query))) for j in np.flatnonzero(allowed[i])
        }
        for j, score in scores.items():
            out[i] += score / sum(scores.values()) * v[j]
    return out


def test_attention_is_what_loops_compute() -> None:
    q, k, v = (RNG.normal(size=shape) for shape in ((4, 5), (6, 5), (6, 3)))
    everything = np.ones((4, 6), bool)
    mask = RNG.random((4, 6)) > 0.5
    mask[2] = False
    causal = np.tri(4, 6, dtype=bool)
    call = F.scaled_dot_product_attention
    assert np.allclose(call(q, k, v).data, attention(q, k, v, everything))
    assert np.allclose(call(q, k, v, mask).data, attention(q, k, v, mask))
    assert np.allclose(call(q, k, v, is_causal=True).data, attention(q, k, v, causal))
    added = np.where(mask, 0.0, -np.inf)
    assert np.allclose(call(q, k, v, added).data, attention(q, k, v, mask))


def test_what_attends_to_nothing_is_0_and_has_the_gradient_0() -> None:
    q, k, v = (mt.tensor(RNG.normal(size=(3, 2)), requires_grad=True) for _ in range(3))
    mask = np.array([[True, True, False], [False] * 3, [True] * 3])
    out = F.scaled_dot_product_attention(q, k, v, mask)
    assert out[1].tolist() == [0.0, 0.0]
    out.sum().backward()
    assert q.grad[1].tolist() == [0.0, 0.0]
    assert all(np.isfinite(x.grad.data).all() for x in (q, k, v))


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.2}], ids=str)
def test_gradients_agree_with_finite_differences(options: Any) -> None:
    inputs = [mt.tensor(RNG.normal(size=(2, 3, 4)), requires_grad=True) for _ in range(3)]

    def call(*xs: Any) -> Any:
        return F.scaled_dot_product_attention(*xs, **options)

    assert mt.autograd.gradcheck(call, inputs)
    assert mt.autograd.gradgradcheck(call, inputs)


def test_a_layer_is_projections_and_attention_of_each_head() -> None:
    layer = nn.MultiheadAttention(6, 2, batch_first=True, generator=np.random.default_rng(1))
    layer.in_proj_bias.data[...] = RNG.normal(size=18)
    x = RNG.normal(size=(2, 4, 6))
    out, weights = layer(x, x, x, attn_mask=~np.tri(4, dtype=bool), average_attn_weights=False)
    w, b = layer.in_proj_weight.data, layer.in_proj_bias.data
    for n in range(2):
        q, k, v = (x[n] @ w[i : i + 6].T + b[i : i + 6] for i in (0, 6, 12))
        heads = [
            attention(q[:, s], k[:, s], v[:, s], np.tri(4, dtype=bool))
            for s in (slice(0, 3), slice(3, 6))
        ]
        expected = np.hstack(heads) @ layer.out_proj.weight.data.T + layer.out_proj.bias.data
        assert np.allclose(out[n].data, expected)
    assert np.allclose(weights.sum(axis=-1).data, 1)
    assert np.array_equal(weights.data[..., 0, 1:], np.zeros((2, 2, 3)))


def test_padding_changes_nothing() -> None:
    layer = nn.MultiheadAttention(6, 2, kdim=3, vdim=5)
    q, k, v = (RNG.normal(size=shape) for shape in ((4, 1, 6), (3, 1, 3), (3, 1, 5)))
    more = [np.concatenate([x, RNG.normal(size=(2, *x.shape[1:]))]) for x in (k, v)]
    padding = np.array([[False] * 3 + [True] * 2])
    out, weights = layer(q, k, v)
    padded, padded_weights = layer(q, *more, key_padding_mask=padding)
    assert np.allclose(out.data, padded.data)
    assert np.allclose(padded_weights.data, np.pad(weights.data, ((0, 0), (0, 0), (0, 2))))


def test_dropout_is_of_the_generator_and_of_training_only() -> None:
    x = RNG.normal(size=(5, 1, 4))

    def outputs(seed: int) -> tuple[np.ndarray, np.ndarray]:
        layer = nn.MultiheadAttention(4, 2, dropout=0.5, generator=np.random.default_rng(seed))
        return layer(x, x, x)[0].data, layer.eval()(x, x, x)[0].data

    assert all(map(np.array_equal, outputs(1), outputs(1)))
    assert not np.allclose(*outputs(1))
    q = mt.tensor(np.ones((2, 3)))
    out = F.scaled_dot_product_attention(q, q, q, dropout_p=1.0)
    assert out.tolist() == [[0.0] * 3] * 2


def test_copies_of_a_layer_are_learned_apart_and_drop_other_elements() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, 0.5, generator=np.random.default_rng(0))
    encoder = nn.TransformerEncoder(layer, 3)
    assert len(list(encoder.parameters())) == 3 * len(list(layer.parameters()))
    first, second = encoder.layers[0], encoder.layers[1]
    assert first.linear1.weight is not second.linear1.weight
    assert np.array_equal(first.linear1.weight.data, second.linear1.weight.data)
    first.linear1.weight.data[...] = 0.0
    assert second.linear1.weight.data.any()
    assert first.dropout.generator is second.self_attn.generator
    twin = copy.deepcopy(encoder)
    x = RNG.normal(size=(3, 1, 4))
    assert np.array_equal(encoder(x).data, twin(x).data)  # the generator is copied, too
    assert twin.layers[0].dropout.generator is twin.layers[1].dropout.generator


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_compiled_training_step_is_the_eager_one(norm_first: bool) -> None:
    rng = np.random.default_rng(0)
    layer = nn.TransformerEncoderLayer(
        4, 2, 8, 0.1, batch_first=True, norm_first=norm_first, generator=rng
    )
    model = nn.TransformerEncoder(layer, 2, nn.LayerNorm(4))
    twin = copy.deepcopy(model)
    mask = ~np.tri(5, dtype=bool)

    def step_of(network: nn.Module) -> Any:
        optimizer = optim.SGD(network.parameters(), lr=0.1)

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = F.mse_loss(network(x, mask), y)
            loss.backward()
            optimizer.step()
            return loss

        return step

    eager, compiled = step_of(model), mt.compile(step_of(twin))
    for _ in range(3):
        x, y = RNG.normal(size=(3, 5, 4)), RNG.normal(size=(3, 5, 4))
        assert np.isclose(eager(x, y).item(), compiled(x, y).item(), rtol=1e-9)
    assert len(compiled.specializations) == 1


def test_activations() -> None:
    seen = []

    def activation(x: Any) -> Any:
        seen.append(x.shape)
        return mt.tanh(x)

    nn.TransformerEncoderLayer(4, 2, 8, activation=activation)(np.ones((3, 2, 4)))
    assert seen == [(3, 2, 8)]
    with pytest.raises(ArgumentError, match="activation='swish'"):
        nn.TransformerEncoderLayer(4, 2, activation="swish")


def test_errors_quote_what_was_given() -> None:
    call = F.scaled_dot_product_attention
    x = mt.tensor(np.ones((2, 3, 4)))
    with pytest.raises(ShapeError, match=r"embed_dim=6.* num_heads=4"):
        nn.MultiheadAttention(6, 4)
    with pytest.raises(ShapeError, match="num_heads=0"):
        nn.MultiheadAttention(6, 0)
    with pytest.raises(ShapeError, match="embed_dim=-6"):
        nn.MultiheadAttention(-6, 1)
    with pytest.raises(ArgumentError, match=r"dropout=1\.5"):
        nn.MultiheadAttention(6, 2, dropout=1.5)
    with pytest.raises(ShapeError, match=r"\(2, 3, 4\), \(2, 3, 5\)"):
        call(x, np.ones((2, 3, 5)), x)
    with pytest.raises(ShapeError, match=r"two axes.* \(4,\)"):
        call(np.ones(4), x, x)
    with pytest.raises(ShapeError, match=r"shape \(3, 2\).* \(2, 3, 3\)"):
        call(x, x, x, np.ones((3, 2), bool))
    with pytest.raises(DtypeError, match="int64"):
        call(x, x, x, np.ones((3, 3), int))
    with pytest.raises(ArgumentError, match="not both"):
        call(x, x, x, np.ones((3, 3), bool), is_causal=True)
    layer = nn.MultiheadAttention(4, 2)
    with pytest.raises(ShapeError, match=r"\(L, N, 4\).* \(2, 3, 5\)"):
        layer(np.ones((2, 3, 5)), x, x)
    with pytest.raises(ShapeError, match=r"key_padding_mask has the shape \(2, 3\).* \(3, 2\)"):
        layer(x, x, x, key_padding_mask=np.zeros((2, 3), bool))
    with pytest.raises(
        ShapeError, match=r"attn_mask has the shape \(3, 3\).* \(2, 2\) or \(6, 2, 2\)"
    ):
        layer(x, x, x, attn_mask=np.zeros((3, 3), bool))
    with pytest.raises(DtypeError, match="attn_mask has dtype int64"):
        layer(x, x, x, attn_mask=np.zeros((2, 2), int))
    with pytest.raises(ArgumentError, match="is_causal=True and no attn_mask"):
        layer(x, x, x, is_causal=True)
    with pytest.raises(ShapeError, match="num_layers=-1"):
        nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2), -1)
