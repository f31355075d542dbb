"""Linear, the activations, Flatten."""

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn
from microtensor.errors import DtypeError, ShapeError, UnsupportedError


class TestLinear:
    @pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 4, 3), (0, 3)])
    @pytest.mark.parametrize("bias", [True, False])
    def test_forward_and_gradients(self, shape, bias):
        layer = nn.Linear(3, 2, bias=bias)
        x = np.random.default_rng(0).normal(size=shape)
        t = mt.tensor(x, requires_grad=True)
        out = layer(t)
        W = layer.weight.data
        expected = np.zeros((*shape[:-1], 2))
        for index in np.ndindex(*shape[:-1], 2):
            expected[index] = sum(x[index[:-1]][k] * W[index[-1], k] for k in range(3))
            if bias:
                expected[index] += layer.bias.data[index[-1]]
        assert out.shape == expected.shape
        assert np.allclose(out.data, expected, rtol=1e-14, atol=1e-15)
        g = np.random.default_rng(1).normal(size=out.shape)
        out.backward(g)
        g_rows, x_rows = g.reshape(-1, 2), x.reshape(-1, 3)
        assert np.allclose(layer.weight.grad.data, np.einsum("ni,nj->ij", g_rows, x_rows))
        assert np.allclose(t.grad.data, np.einsum("...i,ij->...j", g, W))
        if bias:
            assert np.allclose(layer.bias.grad.data, np.einsum("ni->i", g_rows))

    def test_parameters(self):
        layer = nn.Linear(3, 2)
        assert layer.weight.shape == (2, 3)
        assert layer.bias.shape == (2,)
        assert layer.weight.dtype == np.float64
        assert nn.Linear(3, 2, bias=False).bias is None
        assert (layer.in_features, layer.out_features) == (3, 2)

    def test_float32_stays(self):
        layer = nn.Linear(3, 2, dtype=np.float32)
        out = layer(np.ones((4, 3), dtype=np.float32))
        out.sum().backward()
        assert out.dtype == layer.weight.grad.dtype == layer.bias.grad.dtype == np.float32

    def test_default_initialization_is_pytorchs(self):
        layer = nn.Linear(400, 300, generator=np.random.default_rng(0))
        for values in (layer.weight.data, layer.bias.data):
            assert np.abs(values).max() <= 1 / 20
            assert np.abs(values).max() > 0.99 / 20
            # The deviation of the uniform distribution between ±b is b / √3.
            assert np.isclose(values.std(), 1 / 20 / np.sqrt(3), rtol=0.06)

    def test_the_generator_decides(self):
        def weight(seed):
            return nn.Linear(3, 2, generator=np.random.default_rng(seed)).weight.data

        assert np.array_equal(weight(1), weight(1))
        assert not np.array_equal(weight(1), weight(2))
        assert not np.array_equal(nn.Linear(3, 2).weight.data, nn.Linear(3, 2).weight.data)

    def test_layers_share_a_generator(self):
        rng = np.random.default_rng(0)
        a, b = nn.Linear(3, 2, generator=rng), nn.Linear(3, 2, generator=rng)
        assert not np.array_equal(a.weight.data, b.weight.data)

    def test_a_wrong_input_names_the_layer_and_the_shape(self):
        model = nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 1, bias=False))
        with pytest.raises(ShapeError, match=r"in_features=5, .* length 5 .* shape \(2, 4\)"):
            model(np.ones((2, 3)))
        with pytest.raises(ShapeError, match=r"in_features=3, out_features=4.* shape \(3, 2\)"):
            model(np.ones((3, 2)))
        with pytest.raises(ShapeError, match=r"got the shape \(\)"):
            model(1.0)

    def test_wrong_sizes_and_dtypes(self):
        with pytest.raises(ShapeError, match="-1"):
            nn.Linear(-1, 2)
        with pytest.raises(DtypeError, match="int64"):
            nn.Linear(1, 2, dtype=int)
        with pytest.raises(TypeError, match=r"Linear\('a', 2\): features"):
            nn.Linear("a", 2)
        with pytest.raises(TypeError, match=r"Linear\(2\.5, 2\)"):
            nn.Linear(2.5, 2)
        assert nn.Linear(np.int64(3), 2).weight.shape == (2, 3)

    @pytest.mark.parametrize("seed", [0, 3])
    def test_a_seed_is_no_generator(self, seed):
        with pytest.raises(TypeError, match=f"generator is {seed}"):
            nn.Linear(1, 2, generator=seed)

    def test_no_features(self):
        assert nn.Linear(0, 2, bias=False)(np.ones((3, 0))).data.tolist() == [[0.0, 0.0]] * 3

    def test_integers_and_lists_are_taken(self):
        layer = nn.Linear(2, 1)
        with mt.no_grad():
            layer.weight[...] = [[1.0, 2.0]]
            layer.bias[...] = 0.5
        assert layer([[1, 2]]).tolist() == [[5.5]]


X = np.array([[-2.0, 0.0, 0.5], [1.0, 3.0, -0.1]])


@pytest.mark.parametrize(
    ("module", "value", "derivative"),
    [
        (nn.Identity(), X, np.ones_like(X)),
        (nn.Sigmoid(), 1 / (1 + np.exp(-X)), np.exp(-X) / (1 + np.exp(-X)) ** 2),
        (nn.Tanh(), np.tanh(X), 1 / np.cosh(X) ** 2),
        (nn.ReLU(), np.where(X > 0, X, 0), np.where(X > 0, 1, 0)),
        (nn.Softplus(), np.log(1 + np.exp(X)), 1 / (1 + np.exp(-X))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_activations(module, value, derivative):
    t = mt.tensor(X, requires_grad=True)
    out = module(t)
    assert np.allclose(out.data, value, rtol=1e-14)
    out.sum().backward()
    assert np.allclose(t.grad.data, derivative, rtol=1e-13)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_and_log_softmax(dim):
    e = np.exp(X)
    p = e / e.sum(axis=dim, keepdims=True)
    assert np.allclose(nn.Softmax(dim=dim)(mt.tensor(X)).data, p)
    assert np.allclose(nn.LogSoftmax(dim)(mt.tensor(X)).data, np.log(p))


def test_softmax_of_huge_logits_is_finite():
    x = mt.tensor([[1000.0, -1000.0]], requires_grad=True)
    assert nn.Softmax(1)(x).tolist() == [[1.0, 0.0]]
    out = nn.LogSoftmax(1)(x)
    assert out.tolist() == [[0.0, -2000.0]]
    out.sum().backward()
    assert x.grad.tolist() == [[-1.0, 1.0]]


def test_softmax_wants_dim():
    with pytest.raises(UnsupportedError, match="axis=: write dim=1"):
        nn.Softmax(axis=1)
    with pytest.raises(TypeError, match=r"Softmax\(\) needs dim"):
        nn.Softmax()
    with pytest.raises(UnsupportedError, match=r"log_softmax\(\).* write dim=0"):
        nn.functional.log_softmax(mt.tensor([1.0]), axis=0)
    with pytest.raises(UnsupportedError, match="takes dim="):
        nn.functional.softmax(mt.tensor([1.0]), dims=0)
    with pytest.raises(ShapeError, match="3"):
        nn.Softmax(dim=3)(mt.tensor(X))


def test_reprs():
    assert repr(nn.Softmax(dim=-1)) == "Softmax(dim=-1)"
    assert repr(nn.ReLU()) == "ReLU()"
    assert repr(nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"


def test_flatten():
    x = mt.tensor(np.arange(24.0).reshape(2, 3, 4), requires_grad=True)
    assert nn.Flatten()(x).shape == (2, 12)
    assert nn.Flatten(0)(x).shape == (24,)
    assert nn.Flatten(0, 1)(x).shape == (6, 4)
    assert nn.functional.flatten(mt.tensor(1.0)).shape == (1,)
    nn.Flatten()(x)[0, 5].backward()
    assert np.flatnonzero(x.grad.data).tolist() == [5]
    with pytest.raises(ShapeError, match=r"\(2, 3, 4\) has no axes 1 and 3"):
        nn.Flatten(1, 3)(x)
    with pytest.raises(ShapeError, match="comes after"):
        nn.Flatten(2, 1)(x)
