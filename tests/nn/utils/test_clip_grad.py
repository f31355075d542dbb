"""Clipping gradients, against norms of one long vector; and parameters as a vector."""

import math

import numpy as np
import pytest

import microtensor as mt
from microtensor import nn, optim
from microtensor.errors import ArgumentError, GradientError, ShapeError
from microtensor.nn.utils import (
    clip_grad_norm_,
    clip_grad_value_,
    get_total_norm,
    parameters_to_vector,
    vector_to_parameters,
)

ORDERS = [2.0, 1.0, 3.0, 0.5, math.inf, -math.inf, 2]


def parameters(dtype=float):
    rng = np.random.default_rng(0)
    found = [
        mt.tensor(np.zeros(shape), dtype=dtype, requires_grad=True) for shape in ((3, 4), (5,), ())
    ]
    for p in found:
        p.grad = rng.standard_normal(p.shape)
    return [*found, mt.tensor([1.0], requires_grad=True)]


def all_gradients(ps):
    return np.concatenate([p.grad.data.ravel() for p in ps if p.grad is not None])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("max_norm", [0.0, 0.5, 1e6])
def test_the_norm_is_that_of_one_vector(order, max_norm):
    ps = parameters()
    before = all_gradients(ps)
    arrays = [p.grad.data for p in ps[:3]]
    total = clip_grad_norm_(iter(ps), max_norm, order)
    expected = np.linalg.norm(before, order)
    assert math.isclose(total.item(), expected, rel_tol=1e-12)
    factor = min(1.0, max_norm / (expected + 1e-6))
    np.testing.assert_allclose(all_gradients(ps), before * factor, rtol=1e-12)
    assert all(p.grad.data is a for p, a in zip(ps[:3], arrays, strict=True))
    assert ps[3].grad is None


def test_values():
    ps = parameters(np.float32)
    before = all_gradients(ps)
    clip_grad_value_(ps, 0.3)
    assert np.array_equal(all_gradients(ps), np.clip(before, np.float32(-0.3), np.float32(0.3)))
    assert ps[0].grad.dtype == np.float32
    clip_grad_norm_(ps[0], 0.1)
    assert ps[0].grad.dtype == np.float32


def test_a_norm_that_is_not_finite():
    ps = parameters()
    ps[0].grad.data[0, 0] = math.nan
    before = all_gradients(ps)
    with pytest.raises(GradientError, match=r"norm of order 2.0 of the gradients is nan"):
        clip_grad_norm_(ps, 1.0, error_if_nonfinite=True)
    np.testing.assert_array_equal(all_gradients(ps), before)
    assert math.isnan(clip_grad_norm_(ps, 1.0).item())
    assert np.isnan(all_gradients(ps)).all()


def test_errors():
    for wrong in (-1.0, math.nan, "a"):
        with pytest.raises(ArgumentError, match="max_norm is"):
            clip_grad_norm_(parameters(), wrong)
        with pytest.raises(ArgumentError, match="clip_value is"):
            clip_grad_value_(parameters(), wrong)
    with pytest.raises(ArgumentError, match="norm_type is None"):
        clip_grad_norm_(parameters(), 1.0, None)
    with pytest.raises(TypeError, match="number 0 is a float"):
        clip_grad_norm_([1.0], 1.0)
    for clip in (clip_grad_norm_, clip_grad_value_):
        with pytest.raises(TypeError, match=r"one Linear: give its parameters\(\)"):
            clip(nn.Linear(2, 1), 1.0)


def test_nothing_to_clip():
    assert clip_grad_norm_([], 1.0).item() == 0.0
    assert get_total_norm([]).item() == 0.0


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_compiled(backend):
    def parts():
        model = nn.Linear(3, 2, generator=np.random.default_rng(0))
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x):
            optimizer.zero_grad()
            (model(x) ** 2).sum().backward()
            clip_grad_value_(model.parameters(), 0.4)
            norm = clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            return norm

        return model, step

    if backend == "numba":
        pytest.importorskip("numba")
    (one, eager), (other, step) = parts(), parts()
    compiled = mt.compile(step, backend=backend)
    rng = np.random.default_rng(1)
    for scale in (1.0, 0.01, 5.0):
        x = scale * rng.standard_normal((4, 3))
        np.testing.assert_allclose(compiled(x).item(), eager(x).item(), rtol=1e-12)
        np.testing.assert_allclose(other.weight.data, one.weight.data, rtol=1e-12)
        np.testing.assert_allclose(other.weight.grad.data, one.weight.grad.data, rtol=1e-12)
    assert len(compiled.specializations) == 1


def test_vectors():
    model = nn.Linear(3, 2)
    vector = parameters_to_vector(model.parameters())
    assert vector.shape == (8,)
    (vector * vector).sum().backward()
    np.testing.assert_allclose(model.weight.grad.data, 2 * model.weight.data)
    array = model.weight.data
    vector_to_parameters(np.arange(8.0), model.parameters())
    assert model.weight.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert model.bias.tolist() == [6.0, 7.0]
    assert model.weight.data is array
    with pytest.raises(ShapeError, match=r"8 elements, and the vector has shape \(9,\)"):
        vector_to_parameters(np.arange(9.0), model.parameters())
    with pytest.raises(ArgumentError, match="no parameters"):
        parameters_to_vector([])
