"""Normalisation: closed forms, an independent implementation, running statistics, programs."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn, optim
from microtensor.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return 3 * RNG.standard_normal(shape) + 5


def normalised(x: np.ndarray, axis: Any, eps: float = 1e-5) -> np.ndarray:
    """Compute (x - mean) / √(var + eps) as it is written."""
    mean = x.mean(axis=axis, keepdims=True)
    var = ((x - mean) ** 2).mean(axis=axis, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)


@pytest.mark.parametrize(
    ("layer", "shape", "axis"),
    [
        (nn.BatchNorm1d(3), (8, 3), 0),
        (nn.BatchNorm1d(3), (8, 3, 20), (0, 2)),
        (nn.BatchNorm2d(3), (4, 3, 5, 6), (0, 2, 3)),
        (nn.InstanceNorm1d(3), (4, 3, 9), 2),
        (nn.InstanceNorm2d(3), (4, 3, 5, 6), (2, 3)),
        (nn.LayerNorm(6), (4, 3, 6), 2),
        (nn.LayerNorm((3, 6)), (4, 3, 6), (1, 2)),
        (nn.GroupNorm(1, 3), (4, 3, 5), (1, 2)),
        (nn.GroupNorm(3, 3), (4, 3, 5), 2),
    ],
    ids=str,
)
def test_the_output_has_mean_0_and_variance_1(layer: Any, shape: Any, axis: Any) -> None:
    x = normal(*shape)
    out = layer(mt.tensor(x)).data
    assert np.allclose(out.mean(axis=axis), 0, atol=1e-12)
    assert np.allclose(out.var(axis=axis), 1, rtol=1e-4)
    assert np.allclose(out, normalised(x, axis), rtol=1e-12, atol=1e-12)


def test_rms_norm_divides_by_the_root_mean_square() -> None:
    x = normal(4, 6)
    out = nn.RMSNorm(6)(mt.tensor(x)).data
    assert np.allclose((out**2).mean(axis=1), 1)
    assert np.allclose(out, x / np.sqrt((x**2).mean(axis=1, keepdims=True)))


def test_weight_and_bias_scale_and_shift() -> None:
    x, weight, bias = normal(4, 6, 5), normal(6), normal(6)
    for layer, axis in ((nn.BatchNorm1d(6), (0, 2)), (nn.InstanceNorm1d(6, affine=True), 2)):
        layer.weight.data[...], layer.bias.data[...] = weight, bias
        expected = normalised(x, axis) * weight[:, None] + bias[:, None]
        assert np.allclose(layer(mt.tensor(x)).data, expected)


each_gradient = pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), ((4, 3), (3,), (3,))),
        (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), ((2, 3, 9), (3,), (3,))),
        (lambda x, w, b: F.batch_norm(x, np.ones(3), np.full(3, 2.0), w, b),
         ((2, 3, 4), (3,), (3,))),
        (lambda x, w, b: F.layer_norm(x, (2, 3), w, b), ((2, 2, 3), (2, 3), (2, 3))),
        (lambda x, w, b: F.group_norm(x, 2, w, b), ((2, 4, 3), (4,), (4,))),
        (lambda x, w, b: F.instance_norm(x, None, None, w, b), ((2, 3, 4), (3,), (3,))),
        (lambda x, w: F.rms_norm(x, (3,), w), ((2, 3), (3,))),
        (lambda x: F.normalize(x, dim=0), ((3, 2),)),
    ],
    ids=["batch", "sequences", "evaluation", "layer", "group", "instance", "rms", "vector"],
)  # fmt: skip


@each_gradient
def test_gradients_agree_with_finite_differences(function: Any, shapes: Any) -> None:
    inputs = [mt.tensor(normal(*shape), requires_grad=True) for shape in shapes]
    assert mt.autograd.gradcheck(function, inputs)
    assert mt.autograd.gradgradcheck(function, inputs)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 5),
    channels=st.integers(1, 4),
    length=st.integers(1, 12),
    momentum=st.one_of(st.none(), st.floats(0.0, 1.0)),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 1000),
)
def test_batch_norm_of_any_shape(
    n: int, channels: int, length: int, momentum: float | None, dtype: Any, seed: int
) -> None:
    if n * length == 1:
        return
    rng = np.random.default_rng(seed)
    layer = nn.BatchNorm1d(channels, momentum=momentum, dtype=dtype)
    mean, var = np.zeros(channels), np.ones(channels)
    for step in range(1, 4):
        x = rng.normal(2.0, 3.0, (n, channels, length)).astype(dtype)
        out = layer(mt.tensor(x))
        assert out.dtype == dtype
        assert np.allclose(out.data, normalised(x.astype(float), (0, 2)), atol=2e-3)
        m = 1 / step if momentum is None else momentum
        mean = (1 - m) * mean + m * x.mean(axis=(0, 2), dtype=float)
        var = (1 - m) * var + m * x.var(axis=(0, 2), ddof=1, dtype=float)
    assert np.allclose(layer.running_mean.data, mean, rtol=1e-4, atol=1e-4)
    assert np.allclose(layer.running_var.data, var, rtol=1e-4, atol=1e-4)
    assert layer.num_batches_tracked.item() == 3
    assert layer.num_batches_tracked.dtype == np.int64
    assert layer.running_mean.dtype == dtype
    expected = (x - mean[:, None]) / np.sqrt(var[:, None] + 1e-5)
    assert np.allclose(layer.eval()(mt.tensor(x)).data, expected, rtol=1e-3, atol=1e-3)
    assert layer.num_batches_tracked.item() == 3


def test_a_large_mean_loses_no_digits() -> None:
    x = (normal(64, 2) + 1e4).astype(np.float32)
    out = nn.BatchNorm1d(2, dtype=np.float32)(mt.tensor(x)).data
    assert np.allclose(out, normalised(x.astype(float), 0), atol=2e-3)


def test_running_statistics_run_under_no_grad_too() -> None:
    layer = nn.BatchNorm1d(2)
    with mt.no_grad():
        out = layer(mt.tensor([[1.0, 2.0], [3.0, 6.0]]))
    assert out.is_leaf
    assert np.allclose(layer.running_mean.data, [0.2, 0.4])
    assert np.allclose(layer.running_var.data, [0.9 + 0.1 * 2, 0.9 + 0.1 * 8])


def test_without_running_statistics_evaluation_is_as_training() -> None:
    layer = nn.BatchNorm1d(2, track_running_stats=False)
    x = mt.tensor(normal(5, 2))
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert np.array_equal(layer(x).data, layer.eval()(x).data)


def test_reset() -> None:
    layer = nn.BatchNorm1d(2)
    fresh = layer.state_dict()
    layer(mt.tensor(normal(5, 2)))
    layer.weight.data[...] = 3.0
    layer.reset_parameters()
    for name, value in layer.state_dict().items():
        assert np.array_equal(value, fresh[name]), name


def test_constant_channels_are_finite() -> None:
    x = mt.tensor(np.full((4, 2), 7.0), requires_grad=True)
    out = nn.BatchNorm1d(2)(x)
    (out * [[1.0, 2.0]] * np.arange(4.0)[:, None]).sum().backward()
    assert np.array_equal(out.data, np.zeros((4, 2)))
    assert np.isfinite(x.grad.data).all()


@pytest.mark.parametrize(
    ("backend", "momentum", "dtype"),
    [
        ("numpy", 0.3, np.float64),
        ("numpy", None, np.float64),
        ("numpy", None, np.float32),
        ("numba", None, np.float32),
    ],
)
def test_a_compiled_training_step_is_the_eager_one(
    backend: str, momentum: float | None, dtype: Any
) -> None:
    if backend == "numba":
        pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Linear(4, 6, generator=rng, dtype=dtype),
        nn.BatchNorm1d(6, momentum=momentum, dtype=dtype),
        nn.ReLU(),
        nn.LayerNorm(6, dtype=dtype),
        nn.GroupNorm(2, 6, dtype=dtype),
        nn.RMSNorm(6, dtype=dtype),
        nn.Linear(6, 2, generator=rng, dtype=dtype),
    )
    twin = copy.deepcopy(model)

    def step_of(network: nn.Module) -> Any:
        optimizer = optim.SGD(network.parameters(), lr=0.1)

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = F.mse_loss(network(x), y)
            loss.backward()
            optimizer.step()
            return loss

        return step

    eager, compiled = step_of(model), mt.compile(step_of(twin), backend=backend)
    tolerance = 1e-9 if dtype is np.float64 else 1e-3
    for _ in range(4):
        x, y = (rng.normal(size=(8, n)).astype(dtype) for n in (4, 2))
        assert np.isclose(eager(x, y).item(), compiled(x, y).item(), rtol=tolerance)
    assert len(compiled.specializations) == 1
    for (name, value), other in zip(
        model.state_dict().items(), twin.state_dict().values(), strict=True
    ):
        assert value.dtype == other.dtype
        assert np.allclose(value, other, rtol=tolerance, atol=tolerance), name
    assert twin[1].num_batches_tracked.item() == 4


def test_one_axis_is_given_as_a_number() -> None:
    x = mt.tensor(normal(2, 3))
    assert np.array_equal(F.layer_norm(x, 3).data, F.layer_norm(x, (3,)).data)
    assert np.array_equal(F.rms_norm(x, 3).data, F.rms_norm(x, (3,)).data)
    with pytest.raises(ShapeError, match=r"normalized_shape=\(2,\) .* shape \(2, 3\)"):
        F.layer_norm(x, 2)


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm1d(3), nn.InstanceNorm1d(3, track_running_stats=True)]
)
def test_an_empty_batch_leaves_running_statistics_as_they_are(layer: Any) -> None:
    assert layer(mt.tensor(normal(0, 3, 4))).shape == (0, 3, 4)
    assert layer.running_mean.tolist() == [0.0, 0.0, 0.0]
    assert layer.running_var.tolist() == [1.0, 1.0, 1.0]


def test_errors_quote_what_was_given() -> None:
    with pytest.raises(ShapeError, match=r"C = 3 .* shape \(4, 2\)"):
        nn.BatchNorm1d(3)(mt.tensor(normal(4, 2)))
    with pytest.raises(ShapeError, match=r"\(N, C, H, W\) .* shape \(4, 3\)"):
        nn.BatchNorm2d(3)(mt.tensor(normal(4, 3)))
    with pytest.raises(ShapeError, match=r"more than one value per channel.* \(1, 3\)"):
        nn.BatchNorm1d(3)(mt.tensor(normal(1, 3)))
    assert nn.BatchNorm1d(3).eval()(mt.tensor(normal(1, 3))).shape == (1, 3)
    with pytest.raises(ShapeError, match="num_features=-1"):
        nn.BatchNorm1d(-1)
    with pytest.raises(TypeError, match=r"num_features=2\.5"):
        nn.BatchNorm2d(2.5)
    with pytest.raises(ShapeError, match=r"num_channels=5.* num_groups=2"):
        nn.GroupNorm(2, 5)
    with pytest.raises(ShapeError, match="num_groups=0"):
        nn.GroupNorm(0, 4)
    with pytest.raises(ShapeError, match=r"C = 4.* \(2, 3\)"):
        nn.GroupNorm(2, 4)(mt.tensor(normal(2, 3)))
    with pytest.raises(ShapeError, match=r"4 channels .* num_groups=3"):
        F.group_norm(mt.tensor(normal(2, 4)), 3)
    with pytest.raises(ShapeError, match=r"normalized_shape=\(3, 5\).* \(2, 5\)"):
        nn.LayerNorm((3, 5))(mt.tensor(normal(2, 5)))
    with pytest.raises(ShapeError, match="one size at least"):
        nn.LayerNorm(())
    with pytest.raises(ShapeError, match=r"normalized_shape=\(4,\).* \(2, 5\)"):
        nn.RMSNorm(4)(mt.tensor(normal(2, 5)))
    with pytest.raises(ShapeError, match=r"weight of shape \(3,\), and got \(4,\)"):
        F.batch_norm(mt.tensor(normal(2, 3)), None, None, mt.tensor(np.ones(4)), training=True)
    with pytest.raises(ArgumentError, match="running_mean and running_var"):
        F.batch_norm(mt.tensor(normal(2, 3)), None, None)
    with pytest.raises(ShapeError, match=r"\(2, 3, 1\)"):
        nn.InstanceNorm1d(3)(mt.tensor(normal(2, 3, 1)))


def test_integers_and_float16() -> None:
    out = F.layer_norm([[1, 3], [5, 9]], (2,))
    assert np.allclose(out.data, [[-1, 1], [-1, 1]], atol=1e-4)
    x = normal(4, 300).astype(np.float16)
    out = nn.LayerNorm(300, dtype=np.float16)(mt.tensor(x))
    assert out.dtype == np.float16
    assert np.allclose(out.data, normalised(x.astype(float), 1), atol=2e-2)
