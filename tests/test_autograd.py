"""Tests of microtensor.autograd: gradients on request."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import microtensor as mt
from microtensor.autograd import grad
from microtensor.errors import GradientError, ReleasedGraphError, ShapeError


def network() -> dict[str, mt.Tensor]:
    """Return the tensors of a network of two layers by their names."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5, 3))
    W1 = mt.tensor(rng.standard_normal((3, 4)), requires_grad=True)
    W2 = mt.tensor(rng.standard_normal((4, 1)), requires_grad=True)
    z1 = X @ W1
    a1 = np.tanh(z1)
    z2 = a1 @ W2
    loss = np.square(z2 - 1.0).sum()
    return {"W1": W1, "W2": W2, "z1": z1, "a1": a1, "z2": z2, "loss": loss, "X": mt.tensor(X)}


def test_gradients_of_leaves_and_intermediates_are_those_derived_by_hand() -> None:
    t = network()
    dz2 = 2 * (t["z2"].data - 1)
    da1 = dz2 @ t["W2"].data.T
    dz1 = da1 * (1 - t["a1"].data ** 2)
    by_hand = {
        "z2": dz2,
        "a1": da1,
        "W2": t["a1"].data.T @ dz2,
        "z1": dz1,
        "W1": t["X"].data.T @ dz1,
        "loss": np.ones(()),
    }
    found = grad(t["loss"], [t[name] for name in by_hand])
    for g, expected in zip(found, by_hand.values(), strict=True):
        assert_allclose(g.data, expected, rtol=1e-12)


def test_grad_touches_no_grad_attribute() -> None:
    t = network()
    t["W1"].grad = np.full((3, 4), 9.0)
    grad(t["loss"], [t["W1"], t["z1"]])
    assert_array_equal(t["W1"].grad.data, 9)
    assert t["W2"].grad is None


def test_one_input_gives_one_tensor_and_several_a_tuple() -> None:
    x = mt.tensor(2.0, requires_grad=True)
    assert isinstance(grad(x * x, x), mt.Tensor)
    assert [g.item() for g in grad(x * x, [x])] == [4.0]
    assert [g.item() for g in grad(x * x, (x, x))] == [4.0, 4.0]
    assert grad([x * x], []) == ()


def test_gradients_of_several_outputs_add_up() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    y, z = x * 2, x * x
    g = grad([y, z, y], x, [[1.0, 0.0], [0.0, 1.0], [10.0, 10.0]])
    assert_array_equal(g.data, [22, 24])


def test_an_output_that_another_was_computed_from_counts_on_both_ways() -> None:
    x = mt.tensor(3.0, requires_grad=True)
    y = x * x
    z = y * 2
    dy, dx = grad([y, z], [y, x])
    assert (dy.item(), dx.item()) == (3.0, 18.0)


def test_grad_of_a_leaf_with_respect_to_itself() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    seed = np.array([3.0, 4.0])
    g = grad(x, x, seed)
    seed[...] = 0
    assert_array_equal(g.data, [3, 4])


def test_grad_outputs_have_the_outputs_shape() -> None:
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(GradientError, match="needs one element"):
        grad(x * 2, x)
    for wrong in (np.ones(3), np.ones((2, 1)), 1.0):
        with pytest.raises(ShapeError, match="never broadcast"):
            grad(x * 2, x, wrong)
    with pytest.raises(GradientError, match="2 outputs and 1 grad_outputs"):
        grad([x * 2, x * 3], x, [np.ones(2)])


def test_an_input_that_was_not_used_is_an_error_unless_allowed() -> None:
    x = mt.tensor(1.0, requires_grad=True)
    other = mt.tensor(1.0, requires_grad=True, name="other")
    y = x * 2
    with pytest.raises(GradientError, match="do not depend on input 1, tensor 'other'"):
        grad(y, [x, other], retain_graph=True)
    g, missing = grad(y, [x, other], allow_unused=True)
    assert g.item() == 2.0
    assert missing is None


@pytest.mark.parametrize("wrong", [1.0, np.ones(2), None, "x"])
def test_only_tensors_have_gradients(wrong: Any) -> None:
    x = mt.tensor(1.0, requires_grad=True)
    with pytest.raises(TypeError):
        grad(x * 2, [wrong])
    with pytest.raises(TypeError):
        grad([wrong], x)


def test_constants_have_no_gradient() -> None:
    x, c = mt.tensor(1.0, requires_grad=True), mt.tensor(1.0, name="c")
    with pytest.raises(GradientError, match=r"Input 0 of grad.*'c'"):
        grad(x * c, c)
    with pytest.raises(GradientError, match="Output 0 of grad"):
        grad(c * 2, x)


def test_grad_drops_what_it_walked_and_no_more() -> None:
    t = network()
    grad(t["loss"], t["z2"])  # walks the square and the sum only
    with pytest.raises(ReleasedGraphError):
        grad(t["loss"], t["W1"])
    dW1 = grad(t["z2"].sum(), t["W1"])
    assert dW1.shape == (3, 4)


def test_retain_graph_keeps_and_create_graph_implies_it() -> None:
    x = mt.tensor(3.0, requires_grad=True)
    y = np.exp(x * x)
    first = grad(y, x, retain_graph=True)
    second = grad(y, x, create_graph=True)
    third = grad(y, x, create_graph=True, retain_graph=False)
    assert first.item() == second.item() == third.item()
    with pytest.raises(ReleasedGraphError):
        grad(y, x)


def test_a_hessian_vector_product_is_that_of_the_closed_form() -> None:
    rng = np.random.default_rng(1)
    A = rng.standard_normal((4, 4))
    v = rng.standard_normal(4)
    x = mt.tensor(rng.standard_normal(4), requires_grad=True)
    g = grad(np.square(A @ x).sum() + (x**4).sum(), x, create_graph=True)
    hvp = grad((g * v).sum(), x)
    assert_allclose(hvp.data, (2 * A.T @ A + np.diag(12 * x.data**2)) @ v, rtol=1e-12)


def test_a_gradient_penalty_trains_through_the_gradient() -> None:
    """d/dw (d/dx tanh(w x))² = d/dw w² (1 − tanh²)² in closed form."""
    w, x = mt.tensor(0.7, requires_grad=True), mt.tensor(0.4, requires_grad=True)
    g = grad(np.tanh(w * x), x, create_graph=True)
    np.square(g).backward()
    t = np.tanh(0.28)
    s = 1 - t * t
    assert_allclose(w.grad.data, 2 * 0.7 * s**2 + 0.49 * 2 * s * (-2 * t * s * 0.4), rtol=1e-13)


def test_a_gradient_has_its_inputs_dtype() -> None:
    x = mt.tensor([1.0, 2.0], dtype=np.float32, requires_grad=True)
    y = mt.tensor([1.0, 2.0], requires_grad=True)
    dx, dy = grad((x * y).sum(), [x, y])
    assert (dx.dtype, dy.dtype) == (np.float32, np.float64)
    dx, dy = grad((x * y).sum(), [x, y], create_graph=True)
    assert (dx.dtype, dy.dtype) == (np.float32, np.float64)
    assert grad(dx.sum(), y).dtype == np.float64


def test_gradcheck_is_found_here() -> None:
    assert mt.autograd.gradcheck(np.exp, np.ones(2))
    assert mt.autograd.gradgradcheck(np.exp, np.ones(2))


@pytest.mark.parametrize("zero", [np.array([0.0]), [0.0], mt.tensor([0.0])])
def test_a_gradient_of_zero_is_a_gradient(zero: Any) -> None:
    x = mt.tensor([3.0], requires_grad=True)
    assert grad(x * x, x, zero).data == [0.0]
    assert grad([x * x], [x], [zero])[0].data == [0.0]


def test_an_input_named_twice_has_gradients_of_its_own() -> None:
    x = mt.tensor([3.0], requires_grad=True)
    first, second = grad(x * x, [x, x])
    first.data[:] = 0
    assert second.data == [6.0]
