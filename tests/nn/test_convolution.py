"""Convolution against SciPy's, its adjoints against each other, all orders of derivative."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import signal

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn, optim
from microtensor.autograd import grad
from microtensor.errors import ArgumentError, DtypeError, ShapeError
from microtensor.gradcheck import gradcheck, gradgradcheck
from microtensor.ops import convolution as kernels

rng = np.random.default_rng(0)


def spread(x, steps):
    """Put zeros between the elements of the last axes."""
    for axis, step in enumerate(steps, start=x.ndim - len(steps)):
        shape = list(x.shape)
        shape[axis] = max((shape[axis] - 1) * step + 1, 0)
        out = np.zeros(shape)
        out[(slice(None),) * axis + (slice(None, None, step),)] = x
        x = out
    return x


def by_scipy(x, weight, stride, padding, dilation, groups):
    """Convolve with `scipy.signal`, channel by channel."""
    dims = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0), *padding])
    weight = spread(weight, dilation)
    each, outputs = weight.shape[1], weight.shape[0] // groups
    steps = tuple(slice(None, None, s) for s in stride)
    images = []
    for image in x:
        channels = []
        for o, kernel in enumerate(weight):
            first = o // outputs * each
            parts = zip(image[first : first + each], kernel, strict=True)
            channels.append(sum(signal.correlate(a, k, "valid", "direct")[steps] for a, k in parts))
        images.append(channels)
    return np.array(images).reshape(len(x), len(weight), *np.shape(images)[-dims:])


@st.composite
def configurations(draw):
    """Draw shapes and parameters that fit together: an input, a weight, and the parameters."""
    dims = draw(st.integers(1, 2))

    def each(least, most):
        return tuple(draw(st.integers(least, most)) for _ in range(dims))

    groups = draw(st.integers(1, 3))
    channels, outputs = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kernel, dilation = each(1, 3), each(1, 3)
    padding = tuple((a, b) for a, b in zip(each(0, 3), each(0, 3), strict=True))
    size = tuple(
        max(d * (k - 1) + 1 - sum(p), 1) + more
        for k, d, p, more in zip(kernel, dilation, padding, each(0, 4), strict=True)
    )
    params = {"stride": each(1, 3), "padding": padding, "dilation": dilation, "groups": groups}
    x = (draw(st.integers(1, 3)), channels * groups, *size)
    return x, (outputs * groups, channels, *kernel), params


@given(configurations(), st.integers(0, 9))
def test_it_is_scipys(configuration, seed):
    x_shape, w_shape, params = configuration
    random = np.random.default_rng(seed)
    x, weight = random.standard_normal(x_shape), random.standard_normal(w_shape)
    bias = random.standard_normal(w_shape[0])
    out = kernels.convolution(x, weight, bias, **params)
    expected = by_scipy(x, weight, **params)
    assert_allclose(out, expected + bias.reshape(-1, *(1,) * (x.ndim - 2)), rtol=1e-11, atol=1e-12)


@given(configurations(), st.integers(0, 9), st.sampled_from([1, 50, 1 << 19]))
def test_each_is_the_others_adjoint_in_blocks_of_any_size(configuration, seed, block):
    x_shape, w_shape, params = configuration
    random = np.random.default_rng(seed)
    x, weight = random.standard_normal(x_shape), random.standard_normal(w_shape)
    before, kernels._BLOCK = kernels._BLOCK, block
    try:
        out = kernels.convolution_no_bias(x, weight, **params)
        y = random.standard_normal(out.shape)
        back = kernels.convolution_transposed(y, weight, size=x_shape[2:], **params)
        d_weight = kernels.convolution_weight(x, y, kernel=w_shape[2:], **params)
    finally:
        kernels._BLOCK = before
    product = np.vdot(out, y)
    assert_allclose(np.vdot(x, back), product, rtol=1e-9, atol=1e-9)
    assert_allclose(np.vdot(weight, d_weight), product, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (3, 2)])
def test_the_transposed_is_scipys_full_convolution(stride, dilation):
    x, weight = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((3, 2, 3, 2))
    out = F.conv_transpose2d(x, weight, stride=stride, dilation=dilation).numpy()
    x, weight = spread(x, (stride, stride)), spread(weight, (dilation, dilation))
    for n in range(2):
        for o in range(2):
            expected = sum(signal.convolve2d(x[n, c], weight[c, o]) for c in range(3))
            assert_allclose(out[n, o], expected, rtol=1e-12, atol=1e-12)


def test_a_line_is_numpys_correlation():
    x, kernel = rng.standard_normal(9), rng.standard_normal(4)
    out = F.conv1d(x[None], kernel[None, None])
    assert_allclose(out.numpy()[0], np.correlate(x, kernel, "valid"), rtol=1e-12)
    same = F.conv1d(x[None], kernel[None, None], padding="same").numpy()[0]
    assert_allclose(same, np.correlate(np.pad(x, (1, 2)), kernel, "valid"), rtol=1e-12)


# Derivatives

FUNCTIONS = {
    "conv1d": (lambda x, w, b: F.conv1d(x, w, b, 2, 1, 1, 2), (1, 2, 5), (2, 1, 2), (2,)),
    "conv2d": (
        lambda x, w, b: F.conv2d(x, w, b, (1, 2), 0, (2, 1)), (2, 1, 4, 4), (2, 1, 2, 3), (2,),
    ),
    "conv_transpose1d": (
        lambda x, w, b: F.conv_transpose1d(x, w, b, 3, 1, 2), (2, 1, 3), (1, 2, 2), (2,),
    ),
    "conv_transpose2d": (
        lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1, 2), (1, 2, 2, 3), (2, 1, 3, 2), (2,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_derivatives_agree_with_finite_differences(name):
    function, *shapes = FUNCTIONS[name]
    inputs = [mt.tensor(rng.standard_normal(shape), requires_grad=True) for shape in shapes]
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


def test_the_third_derivative_of_a_cube():
    x = mt.tensor(rng.standard_normal((1, 1, 4)), requires_grad=True)
    weight = rng.standard_normal((1, 1, 2))
    out = (F.conv1d(x, weight) ** 3).sum()
    for _ in range(3):
        (g,) = grad([out], [x], create_graph=True)
        out = g.sum()
    w0, w1 = weight[0, 0]
    ends = 6 * np.array([w0, w0 + w1, w0 + w1, w1]) * (w0 + w1) ** 2
    assert_allclose(g.numpy()[0, 0], ends, rtol=1e-9)


def test_an_input_that_needs_no_gradient_has_none_computed(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("the gradient of the input was computed")

    layer = nn.Conv2d(1, 2, 3)
    out = layer(mt.tensor(rng.standard_normal((2, 1, 5, 5)))).sum()
    monkeypatch.setattr(kernels.convolution_transposed, "kernel", fail)
    out.backward()
    assert layer.weight.grad is not None


def test_float32_stays():
    layer = nn.Conv2d(2, 3, 3, padding=1, dtype=np.float32)
    x = mt.tensor(np.ones((1, 2, 4, 4), np.float32), requires_grad=True)
    out = nn.MaxPool2d(2)(layer(x))
    assert out.dtype == np.float32
    (out * 2).sum().backward()
    assert {t.grad.dtype for t in (x, layer.weight, layer.bias)} == {np.dtype(np.float32)}


# Layers


def test_documented_shapes():
    x = np.zeros((20, 16, 50, 100))
    assert nn.Conv2d(16, 33, 3, stride=2)(x).shape == (20, 33, 24, 49)
    layer = nn.Conv2d(16, 33, (3, 5), stride=(2, 1), padding=(4, 2), dilation=(3, 1))
    assert layer(x).shape == (20, 33, 26, 100)
    down = nn.Conv2d(16, 16, 3, stride=2, padding=1)
    assert down(np.zeros((1, 16, 12, 12))).shape == (1, 16, 6, 6)
    up = nn.ConvTranspose2d(16, 16, 3, stride=2, padding=1, output_padding=1)
    assert up(np.zeros((1, 16, 6, 6))).shape == (1, 16, 12, 12)


def test_the_size_of_a_transposed_convolution_can_be_said():
    """As in the example of PyTorch's documentation."""
    x = mt.tensor(rng.standard_normal((1, 16, 12, 12)), requires_grad=True)
    down = nn.Conv2d(16, 16, 3, stride=2, padding=1)
    up = nn.ConvTranspose2d(16, 16, 3, stride=2, padding=1)
    assert up(down(x)).shape == (1, 16, 11, 11)
    out = up(down(x), output_size=x.shape)
    assert out.shape == x.shape
    padded = F.conv_transpose2d(down(x), up.weight, up.bias, 2, 1, output_padding=1)
    assert_allclose(out.numpy(), padded.numpy())
    line = nn.ConvTranspose1d(2, 3, 3, stride=2)
    assert [line(np.ones((1, 2, 4)), output_size=[n]).shape[2] for n in (9, 10)] == [9, 10]
    for wrong in ([8], [11], []):
        with pytest.raises(ArgumentError, match=r"output_size=.* from \(9,\) to \(10,\)"):
            line(np.ones((1, 2, 4)), output_size=wrong)


def test_a_depthwise_convolution_keeps_channels_apart():
    x = rng.standard_normal((2, 3, 6))
    weight = rng.standard_normal((3, 1, 2))
    out = F.conv1d(x, weight, groups=3).numpy()
    alone = [F.conv1d(x[:, [c]], weight[[c]]).numpy() for c in range(3)]
    assert_allclose(out, np.concatenate(alone, axis=1), rtol=1e-12)


def test_the_same_generator_gives_the_same_layer():
    one, other = (nn.Conv2d(2, 3, 3, generator=np.random.default_rng(7)) for _ in range(2))
    assert_array_equal(one.weight.numpy(), other.weight.numpy())
    assert_array_equal(one.bias.numpy(), other.bias.numpy())


def test_an_empty_batch():
    layer = nn.Conv2d(1, 2, 3)
    out = layer(mt.tensor(np.zeros((0, 1, 5, 5))))
    assert out.shape == (0, 2, 3, 3)
    out.sum().backward()
    assert_array_equal(layer.weight.grad.numpy(), np.zeros((2, 1, 3, 3)))


# Compiled


def training_step(padding_mode="zeros"):
    random = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, padding_mode=padding_mode, generator=random),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, stride=2, groups=2, generator=random),
        nn.Tanh(),
        nn.ConvTranspose2d(4, 2, 2, stride=2, generator=random),
        nn.AvgPool2d(3, 2, 1),
        nn.Flatten(),
        nn.Linear(8, 3, generator=random),
    )
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    criterion = nn.CrossEntropyLoss()

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return model, step


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_compiled_training_step_is_the_eager_one(backend):
    (model, step), (other, compiled) = training_step(), training_step()
    compiled = mt.compile(compiled, backend=backend)
    for i in range(4):
        random = np.random.default_rng(i)
        x, y = random.standard_normal((5, 1, 10, 10)), random.integers(0, 3, 5)
        assert_allclose(compiled(x, y).numpy(), step(x, y).numpy(), rtol=1e-10)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        assert_allclose(q.numpy(), p.numpy(), rtol=1e-9, atol=1e-12)


def test_a_derived_program_gives_the_gradient():
    weight, x = rng.standard_normal((2, 1, 3, 3)), rng.standard_normal((2, 1, 6, 6))

    def loss(weight, x):
        return (F.max_pool2d(F.conv2d(x, weight, padding=1), 2) ** 2).sum()

    w = mt.tensor(weight, requires_grad=True)
    loss(w, x).backward()
    _, gradient = mt.derive(loss, weight, x, argnums=0)(weight, x)
    assert_allclose(np.asarray(gradient), w.grad.numpy(), rtol=1e-10)


# Errors

X = np.zeros((2, 3, 8, 8))
W = np.zeros((4, 3, 3, 3))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ArgumentError,
         r"Conv2d has in_channels \(=3\), which must be divisible by groups \(=2\)"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), ArgumentError,
         r"out_channels \(=3\), which must be divisible by groups \(=2\)"),
        (lambda: nn.Conv1d(3, 4, 3)(X), ShapeError,
         r"conv1d\(\) got an input of shape \(2, 3, 8, 8\), and takes \(batch, channels, length\)"),
        (lambda: nn.Conv2d(4, 4, 3)(X), ShapeError,
         r"shape \(2, 3, 8, 8\), which has 3 channels, .* \(4, 4, 3, 3\) with groups=1 takes 4"),
        (lambda: nn.ConvTranspose2d(4, 4, 3)(X), ShapeError, "has 3 channels, and .* takes 4"),
        (lambda: nn.Conv2d(3, 4, 9)(X), ShapeError,
         r"a kernel of \(9, 9\), which is larger than the input of \(8, 8\)"),
        (lambda: nn.Conv2d(3, 4, 4, dilation=3, padding=0)(X), ShapeError,
         r"kernel of \(10, 10\) \(dilated \(4, 4\)\), .* with its padding \(8, 8\)"),
        (lambda: nn.Conv2d(3, 4, 3, stride=0), ArgumentError, "stride=0, and the least"),
        (lambda: nn.Conv2d(3, 4, 3, padding=-1), ArgumentError, "padding=-1, and the least"),
        (lambda: nn.Conv2d(3, 4, 3, dilation=(1, 0)), ArgumentError, r"dilation=\(1, 0\), and the"),
        (lambda: nn.Conv2d(3, 4, -3), ArgumentError, "kernel_size=-3, and the least"),
        (lambda: nn.Conv2d(-3, 4, 3), ArgumentError, "in_channels=-3, and the least"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), ArgumentError, r"=\(3, 3, 3\), and takes 2"),
        (lambda: nn.Conv2d(3, 4, 3.0), ArgumentError, "=3.0, and takes an integer, or 2"),
        (lambda: nn.Conv2d(3, 4, 3, groups=0), ArgumentError, "groups=0, and the least"),
        (lambda: nn.Conv2d(3, 4, 3, padding="full"), ArgumentError, "padding='full'"),
        (lambda: nn.Conv2d(3, 4, 3, 2, padding="same"), ArgumentError, "stride=2: it needs"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), ArgumentError, "padding_mode='mirror'"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), ArgumentError,
         "padding_mode='reflect', and must have 'zeros'"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, output_padding=1)(X), ArgumentError,
         r"output_padding=\(1, 1\), and it must be less than stride=\(1, 1\)"),
        (lambda: nn.ConvTranspose1d(3, 4, 1, padding=4)(X[..., 0]), ShapeError, r"the size \(0,\)"),
        (lambda: nn.Conv2d(3, 4, 3)(X.astype(int)), DtypeError, "an input of dtype int64"),
        (lambda: nn.Conv2d(3, 4, 3, padding=8, padding_mode="reflect")(X), ShapeError,
         r"cannot add \(8, 8\) to an axis of 8 elements"),
        (lambda: F.conv2d(X, W[0]), ShapeError, r"a weight of shape \(3, 3, 3\), .* with 4 axes"),
        (lambda: F.conv2d(X, W, np.zeros(3)), ShapeError, r"a bias of shape \(3,\): it must"),
        (lambda: F.conv2d(X[:, :1], W[:, :1], groups=3), ShapeError, "has 1 channels"),
        (lambda: F.conv2d(X, W[:, :1], groups=3), ShapeError, "divisible by groups"),
        (lambda: F.conv_transpose2d(X, W[:3], groups=2), ShapeError, "divisible by groups"),
        (lambda: F.pad(X, (1,)), ArgumentError, r"pad=\(1,\), and takes pairs"),
        (lambda: F.pad(X, (1, 1) * 5), ShapeError, "for 5 axes"),
        (lambda: F.pad(X, (1, 1), "wrap"), ArgumentError, "mode='wrap'"),
        (lambda: F.pad(X, (1, 1), "reflect", 1.0), ArgumentError, "does not use"),
        (lambda: F.pad(X, (-9, 0)), ShapeError, r"\(-9, 0\) to an axis of 8 elements"),
    ],
)  # fmt: skip
def test_errors_quote_the_values(call, error, message):
    with pytest.raises(error, match=message):
        call()
