"""Tests of microtensor.func: against closed forms and HIPS autograd."""

import gc
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import microtensor as mt
from microtensor import nn
from microtensor.errors import (
    ArgumentError,
    DtypeError,
    GradientError,
    ShapeError,
)
from microtensor.func import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from microtensor.func.trees import leaves
from microtensor.op import REGISTRY
from tests.cases import CASES, Case

RNG = np.random.default_rng(0)
A = RNG.standard_normal((3, 3))
X = RNG.standard_normal(3)
V = RNG.standard_normal(3)


def smooth(x: Any) -> Any:
    """Return one number, of which every derivative of low order is dense."""
    return np.exp(np.sin(A @ x)).sum() * x[0] + (x**4).sum()


def many(x: Any) -> Any:
    return np.tanh(A @ x)[:2] * x[1:]


def hips(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same function for HIPS autograd."""
    constants = {"np": anp, "A": A}
    return type(function)(function.__code__, constants, function.__name__)


# Each transform


def test_grad_is_that_of_hips_autograd() -> None:
    assert_allclose(grad(smooth)(X), autograd.grad(hips(smooth))(X), rtol=1e-12)


def test_value_and_grad_returns_the_value_first() -> None:
    value, gradient = value_and_grad(smooth)(X)
    assert_allclose(value, smooth(X), rtol=1e-14)
    assert_array_equal(gradient, grad(smooth)(X))


def test_vjp_returns_the_output_and_a_pullback_that_can_be_called_again() -> None:
    out, pullback = vjp(many, X)
    expected, theirs = autograd.make_vjp(hips(many))(X)[::-1]
    assert_allclose(out, expected, rtol=1e-14)
    for seed in (np.array([1.0, 0.0]), np.array([-3.0, 2.0])):
        (found,) = pullback(seed)
        assert_allclose(found, theirs(seed), rtol=1e-12)


def test_jvp_is_the_derivative_along_the_tangent() -> None:
    out, tangent = jvp(many, (X,), (V,))
    assert_array_equal(out, many(X))
    assert_allclose(tangent, autograd.jacobian(hips(many))(X) @ V, rtol=1e-12)


def test_jvp_of_several_primals_adds_up() -> None:
    out, tangent = jvp(lambda x, y: x * y**2, (2.0, 3.0), (1.0, 10.0))
    assert (out, tangent) == (18.0, 9 + 2 * 2 * 3 * 10)


def test_jacobian_has_the_shape_of_the_output_and_then_of_the_input() -> None:
    assert_allclose(jacobian(many)(X), autograd.jacobian(hips(many))(X), rtol=1e-12)
    W = RNG.standard_normal((2, 3))
    found = jacobian(lambda W: W @ X)(W)
    assert found.shape == (2, 2, 3)
    assert_allclose(found, np.einsum("ik,j->ikj", np.eye(2), X), rtol=1e-15)


def test_hessian_is_that_of_hips_autograd() -> None:
    assert_allclose(hessian(smooth)(X), autograd.hessian(hips(smooth))(X), rtol=1e-11)


def test_hessian_of_several_outputs() -> None:
    found = hessian(lambda x: np.stack([(x**2).sum(), x[0] * x[1]]))(np.ones(2))
    assert_array_equal(found, [[[2, 0], [0, 2]], [[0, 1], [1, 0]]])


def test_hvp_is_the_product_with_the_hessian() -> None:
    (found,) = hvp(smooth, (X,), (V,))
    assert_allclose(found, autograd.hessian(hips(smooth))(X) @ V, rtol=1e-11)


def test_hvp_of_several_primals_has_the_mixed_blocks() -> None:
    of_x, of_y = hvp(lambda x, y: x**2 * y**3, (2.0, 3.0), (1.0, 10.0))
    assert of_x == 2 * 27 * 1 + 2 * 2 * 27 * 10
    assert of_y == 2 * 2 * 27 * 1 + 4 * 6 * 3 * 10


@pytest.mark.parametrize("case", [c for c in CASES if REGISTRY[c.op].differentiable], ids=str)
def test_jvp_and_vjp_of_every_operation_are_transposes(case: Case) -> None:
    rng = np.random.default_rng(2)

    def fn(*differentiated: Any) -> Any:
        given: list[Any] = [mt.tensor(x) for x in case.inputs]
        for i, x in zip(case.differentiated, differentiated, strict=True):
            given[i] = x
        return case.on_tensors(*given)

    primals = tuple(case.inputs[i] for i in case.differentiated)
    tangents = tuple(rng.standard_normal(x.shape) for x in primals)
    out, pullback = vjp(fn, *primals)
    again, pushed = jvp(fn, primals, tangents)
    assert_array_equal(out, again)
    assert np.shape(pushed) == np.shape(out)
    seed = rng.standard_normal(np.shape(out))
    pulled = sum(np.vdot(g, t) for g, t in zip(pullback(seed), tangents, strict=True))
    assert_allclose(np.vdot(seed, pushed), pulled, rtol=1e-10, atol=1e-12)


# Structures


class Layer(NamedTuple):
    W: Any
    b: Any


def test_gradients_have_the_structure_of_the_argument() -> None:
    params = {
        "layers": [Layer(np.eye(2), None), Layer(2 * np.eye(2), np.ones(2))],
        "scale": 3.0,
        "none": (),
        "ordered": OrderedDict(a=np.zeros(2)),
    }

    def loss(params: Any, x: Any) -> Any:
        first, second = params["layers"]
        assert first.b is None
        return params["scale"] * (x @ first.W @ second.W + second.b + params["ordered"]["a"]).sum()

    found = grad(loss)(params, np.array([1.0, 10.0]))
    assert type(found["layers"][0]) is Layer
    assert found["layers"][0].b is None
    assert found["none"] == ()
    assert type(found["ordered"]) is OrderedDict
    assert [path for path, _ in leaves(found)] == [path for path, _ in leaves(params)]
    assert_array_equal(found["layers"][0].W, 6 * np.outer([1, 10], [1, 1]))
    assert_array_equal(found["layers"][1].W, 3 * np.outer([1, 10], [1, 1]))
    assert_array_equal(found["layers"][1].b, [3, 3])
    assert found["scale"] == 24


def test_outputs_may_be_nested_as_well() -> None:
    def fn(x: Any) -> Any:
        return {"double": 2 * x, "pair": (x.sum(), None)}

    out, pullback = vjp(fn, X)
    assert_array_equal(out["double"], 2 * X)
    assert out["pair"][1] is None
    (g,) = pullback({"pair": (10.0, None), "double": np.ones(3)})
    assert_array_equal(g, np.full(3, 12.0))
    tangent = jvp(fn, (X,), (V,))[1]
    assert_array_equal(tangent["double"], 2 * V)
    assert_allclose(tangent["pair"][0], V.sum())
    found = jacobian(fn)(X)
    assert_array_equal(found["double"], 2 * np.eye(3))
    assert_array_equal(found["pair"][0], np.ones(3))


def test_the_jacobian_of_several_arguments_has_their_structure_inside_that_of_the_outputs() -> None:
    of_x, of_d = jacobian(lambda x, d: x * d["y"], argnums=(0, 1))(np.ones(2), {"y": 3.0})
    assert_array_equal(of_x, 3 * np.eye(2))
    assert_array_equal(of_d["y"], np.ones(2))
    found = hessian(lambda p: p["a"] * p["b"] ** 2)({"a": 2.0, "b": 3.0})
    assert found == {"a": {"a": 0.0, "b": 6.0}, "b": {"a": 6.0, "b": 4.0}}


@pytest.mark.parametrize(
    ("argnums", "expected"), [(0, 5.0), (1, 3.0), (-1, 15.0), ((2, 0), (15.0, 5.0))]
)
def test_argnums_says_which_arguments(argnums: Any, expected: Any) -> None:
    assert grad(lambda x, y, z: x * y * z, argnums)(3.0, 5.0, 1.0) == expected


def test_other_arguments_are_passed_on_as_they_are() -> None:
    seen: list[Any] = []

    def fn(x: Any, n: Any, *, label: Any) -> Any:
        seen[:] = [type(x), n, label]
        return x * n

    assert grad(fn)(2.0, 3, label="label") == 3.0
    assert seen == [mt.Tensor, 3, "label"]


def test_aux_is_returned_besides() -> None:
    def fn(x: Any) -> Any:
        return (x**2).sum(), {"doubled": 2 * x, "text": "kept", "none": None}

    gradient, aux = grad(fn, has_aux=True)(X)
    assert_array_equal(gradient, 2 * X)
    assert_array_equal(aux["doubled"], 2 * X)
    assert isinstance(aux["doubled"], np.ndarray)
    assert aux["text"] == "kept"
    (value, aux), gradient = value_and_grad(fn, has_aux=True)(X)
    assert_allclose(value, X @ X)
    _, pullback, aux = vjp(fn, X, has_aux=True)
    assert_array_equal(pullback(1.0)[0], 2 * X)
    _, tangent, aux = jvp(fn, (X,), (V,), has_aux=True)
    assert_allclose(tangent, 2 * X @ V)
    assert_array_equal(aux["doubled"], 2 * X)
    assert_allclose(grad(lambda x: (grad(fn, has_aux=True)(x)[1]["doubled"] ** 2).sum())(X), 8 * X)


# Any depth


def test_gradients_of_every_order() -> None:
    f = np.sin
    for expected in (np.cos(0.7), -np.sin(0.7), -np.cos(0.7), np.sin(0.7), np.cos(0.7)):
        f = grad(f)
        assert_allclose(f(0.7), expected, rtol=1e-14)


def test_transforms_of_transforms_agree() -> None:
    H = autograd.hessian(hips(smooth))(X)
    ways = {
        "jacobian of grad": jacobian(grad(smooth))(X),
        "jvp of grad": np.stack([jvp(grad(smooth), (X,), (e,))[1] for e in np.eye(3)]),
        "vjp of grad": np.stack([vjp(grad(smooth), X)[1](e)[0] for e in np.eye(3)]),
        "grad of jvp": np.stack(
            [grad(lambda x, e=e: jvp(smooth, (x,), (e,))[1])(X) for e in np.eye(3)]
        ),
        "jacobian of vjp": jacobian(lambda x: vjp(smooth, x)[1](1.0)[0])(X),
        "hessian of the value": hessian(lambda x: value_and_grad(smooth)(x)[0])(X),
        "jvp of jvp": np.array(
            [
                [jvp(lambda x, e=e: jvp(smooth, (x,), (e,))[1], (X,), (d,))[1] for e in np.eye(3)]
                for d in np.eye(3)
            ]
        ),
        "hvp": np.stack([hvp(smooth, (X,), (e,))[0] for e in np.eye(3)]),
    }
    for way, found in ways.items():
        assert isinstance(found, np.ndarray), way
        assert_allclose(found, H, rtol=1e-10, err_msg=way)


def test_a_hessian_of_a_vjp_and_a_gradient_of_a_hessian() -> None:
    def pulled(x: Any) -> Any:
        return (vjp(lambda y: y**3, x)[1](np.ones(2))[0]).sum()  # 3 x² summed

    assert_array_equal(hessian(pulled)(np.array([1.0, 2.0])), 6 * np.eye(2))
    third = jacobian(hessian(lambda x: x[0] ** 2 * x[1] ** 2))(np.array([2.0, 3.0]))
    assert_array_equal(third, [[[0, 12], [12, 8]], [[12, 8], [8, 0]]])
    assert grad(lambda x: hvp(lambda y: y**4, (x,), (1.0,))[0])(2.0) == 24 * 2


def test_an_inner_variable_is_not_confused_with_an_outer_one() -> None:
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6.0
    assert grad(lambda x: x * grad(lambda y: x + y)(x))(3.0) == 1.0
    assert grad(lambda x: grad(lambda y: x * y**2)(x))(3.0) == 4 * 3.0
    assert jvp(lambda x: jvp(lambda y: x * y, (x,), (1.0,))[1] * x, (3.0,), (1.0,)) == (9.0, 6.0)


def test_the_pullback_of_a_pullback_is_a_plain_result() -> None:
    """The leaves of a run that is over are nobody's any more."""
    pullback = vjp(many, X)[1]
    found = jacobian(lambda u: pullback(u)[0])(np.ones(2))
    assert isinstance(found, np.ndarray)
    assert_allclose(found, autograd.jacobian(hips(many))(X).T, rtol=1e-12)


# What comes out: arrays, Tensors, recorded Tensors


def test_arrays_give_arrays_and_tensors_give_tensors() -> None:
    assert type(grad(smooth)(X)) is np.ndarray
    assert type(grad(np.sin)(1.0)) is np.float64
    for given in (mt.tensor(X), nn.Parameter(X, requires_grad=False)):
        found = grad(smooth)(given)
        assert type(found) is mt.Tensor
        assert not found.requires_grad
        assert_array_equal(found.data, grad(smooth)(X))
    for found in (*jvp(many, (mt.tensor(X),), (V,)), jvp(many, (X,), (mt.tensor(V),))[1]):
        assert type(found) is mt.Tensor
        assert not found.requires_grad
    assert type(vjp(many, X)[1](mt.tensor(np.ones(2)))[0]) is mt.Tensor
    assert type(jacobian(many)(mt.tensor(X))) is mt.Tensor
    assert type(jacobian(lambda x: np.zeros((0, 2)) * x)(mt.tensor(np.ones(2)))) is mt.Tensor


def test_a_gradient_has_its_arguments_dtype() -> None:
    assert grad(lambda x: (x * 2.5).sum())(X.astype(np.float32)).dtype == np.float32
    assert jacobian(lambda x: x * A)(X.astype(np.float32)).dtype == np.float32
    assert jvp(np.sin, (X.astype(np.float32),), (V,))[1].dtype == np.float32
    assert hvp(lambda x: (x**3).sum(), (X.astype(np.float16),), (V,))[0].dtype == np.float16


def test_a_tensor_the_function_closes_over_is_still_differentiated() -> None:
    w = mt.tensor(3.0, requires_grad=True)
    found = grad(lambda x: w**2 * x**3)(2.0)  # 3 w² x²
    assert found.requires_grad
    assert found.item() == 108.0
    found.backward()
    assert w.grad.item() == 2 * 3 * 3 * 4
    value, gradient = value_and_grad(lambda x: w * x)(2.0)
    (value * gradient).backward()  # 2 w²
    assert w.grad.item() == 72 + 4 * 3
    constant = grad(lambda x: x**2 + 0 * w.detach())(2.0)
    assert type(constant) is np.float64


def test_a_tensor_that_requires_a_gradient_keeps_its_history() -> None:
    w = mt.tensor(X, requires_grad=True)
    penalty = (grad(smooth)(w * 2) ** 2).sum()
    expected = autograd.grad(lambda w: (autograd.grad(hips(smooth))(w * 2) ** 2).sum())(X)
    assert w.grad is None
    penalty.backward()
    assert_allclose(w.grad.data, expected, rtol=1e-10)


def test_under_no_grad_it_works_and_results_are_constants() -> None:
    w = mt.tensor(3.0, requires_grad=True)
    with mt.no_grad():
        assert grad(lambda x: w * x**2)(2.0) == 12.0
        found = grad(lambda x: x**2)(w)
        assert found.item() == 6.0
        assert not found.requires_grad
        assert_allclose(hessian(smooth)(X), autograd.hessian(hips(smooth))(X), rtol=1e-11)
        assert_allclose(jvp(many, (X,), (V,))[1], autograd.jacobian(hips(many))(X) @ V)
        assert not mt.is_grad_enabled()
    assert w.grad is None


def test_no_grad_in_the_function_makes_a_constant() -> None:
    def fn(x: Any) -> Any:
        with mt.no_grad():
            frozen = x**2
        return frozen * x

    assert grad(fn)(3.0) == 9.0


# No dependency


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: 3.0,
        lambda x: np.array(3.0),
        lambda x: mt.tensor(3.0),
        lambda x: x.detach()[0],
        lambda x: (x > 0).any(),
        lambda x: mt.argmax(x),
        lambda x: float(x[0]),
    ],
)
def test_an_output_that_does_not_depend_on_the_input_has_gradient_zero(fn: Any) -> None:
    assert_array_equal(grad(fn)(X), np.zeros(3))
    assert_array_equal(jacobian(fn)(X), np.zeros(3))
    assert_array_equal(hessian(fn)(X), np.zeros((3, 3)))
    assert_array_equal(hvp(fn, (X,), (V,))[0], np.zeros(3))
    assert jvp(fn, (X,), (V,))[1] == 0
    assert_array_equal(vjp(fn, X)[1](1.0)[0], np.zeros(3))


def test_one_of_several_inputs_may_be_unused() -> None:
    assert grad(lambda x, y: x**2, argnums=(0, 1))(3.0, 4.0) == (6.0, 0.0)
    assert_array_equal(hessian(lambda x: 2 * x.sum())(X), np.zeros((3, 3)))


def test_empty_arrays_and_structures() -> None:
    assert grad(lambda x: x.sum())(np.zeros((0, 2))).shape == (0, 2)
    assert jacobian(lambda x: x * 2)(np.zeros((0, 2))).shape == (0, 2, 0, 2)
    assert grad(lambda p, x: x)({}, 1.0) == {}


# Free of side effects


def test_nothing_that_is_given_changes() -> None:
    w, x = mt.tensor(X, requires_grad=True, name="w"), X.copy()
    w.grad = np.full(3, 7.0)
    node = w._node
    grad(smooth)(w)
    hessian(smooth)(w)
    jvp(smooth, (w,), (V,))

    def spiteful(x: Any) -> Any:
        x += 1
        x[0] = 5.0
        return (x**2).sum()

    assert_array_equal(grad(spiteful)(x), [0, *(2 * (X[1:] + 1))])
    assert_array_equal(grad(spiteful)(w).data, [0, *(2 * (X[1:] + 1))])
    assert_array_equal(x, X)
    assert_array_equal(w.data, X)
    assert_array_equal(w.grad.data, np.full(3, 7.0))
    assert w._node is node
    assert w.requires_grad


def test_no_graph_of_the_caller_is_released() -> None:
    w = mt.tensor(X, requires_grad=True)
    hidden = np.tanh(w) * 2
    kept: list[mt.Tensor] = []

    def fn(x: Any) -> Any:
        kept.append(np.exp(x * hidden).sum())
        return kept[-1] * hidden.sum()

    grad(fn)(hidden)
    grad(fn)(X)
    for loss in (*kept, hidden.sum()):
        loss.backward(retain_graph=True)


def test_a_later_change_of_the_arguments_does_not_reach_the_pullback() -> None:
    x = X.copy()
    pullback = vjp(lambda x: (x**2).sum(), x)[1]
    x[...] = np.nan
    assert_array_equal(pullback(1.0)[0], 2 * X)


def test_a_failure_sets_the_mode_back() -> None:
    def fail(x: Any) -> Any:
        raise ZeroDivisionError

    with mt.no_grad():
        with pytest.raises(ZeroDivisionError):
            grad(fail)(1.0)
        assert not mt.is_grad_enabled()


def test_reference_counting_frees_what_a_transform_recorded() -> None:
    gc.collect()
    gc.disable()
    try:
        arrays: list[Any] = []

        def fn(x: Any) -> Any:
            y = np.exp(x)
            arrays.append(weakref.ref(y.data))
            return (y * y).sum()

        grad(fn)(X)
        hessian(fn)(X)
        hvp(fn, (X,), (V,))
        jvp(fn, (X,), (V,))
        assert all(array() is None for array in arrays)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_transformed_function_keeps_its_name() -> None:
    assert grad(smooth).__name__ == "smooth"
    assert jacobian(smooth).__doc__ == smooth.__doc__
    assert grad(np.sin)(0.0) == 1.0


# Errors


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, r"grad\(\) of <lambda> .* argument 0, which is int64, .* write 1\.0"),
        (True, "argument 0, which is bool"),
        (np.array([1, 2]), "argument 0, which is int64"),
        (mt.tensor([1, 2]), "argument 0, which is int64"),
        ({"W": [1.0, 2]}, r"argument 0\['W'\]\[1\], which is int64"),
        ("text", "argument 0 cannot be differentiated"),
        (1j, "complex"),
        (object(), "argument 0"),
    ],
)  # fmt: skip
def test_only_floating_point_arguments_can_be_differentiated(given: Any, message: str) -> None:
    with pytest.raises(DtypeError, match=message):
        grad(lambda x: 1.0)(given)


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (lambda x: x, r"one number, and got an array of shape \(3,\): reduce it.*jacobian"),
        (lambda x: (x.sum(),), "got a tuple"),
        (lambda x: {"loss": x.sum()}, "got a dict"),
        (lambda x: None, "got None"),
        (lambda x: "text", "its output is a str"),
        (lambda x: x[:0], r"shape \(0,\)"),
    ],
)
def test_grad_needs_one_number(fn: Any, message: str) -> None:
    for transform in (grad, value_and_grad):
        with pytest.raises(GradientError, match=message):
            transform(fn)(X)
    with pytest.raises(GradientError, match=message):
        hvp(fn, (X,), (V,))


def test_one_element_is_one_number() -> None:
    assert_array_equal(grad(lambda x: x[:1, None] * 2)(X), [2, 0, 0])


@pytest.mark.parametrize("argnums", [1, -2, (0, 0), (0, 2), (0, -1)])
def test_argnums_must_exist_and_differ(argnums: Any) -> None:
    with pytest.raises(ArgumentError, match=r"argnums=.* got 1 positional"):
        grad(lambda x: x, argnums)(1.0)


def test_has_aux_needs_a_pair() -> None:
    with pytest.raises(GradientError, match="needs a pair"):
        grad(lambda x: x, has_aux=True)(1.0)


def test_gradients_and_tangents_have_the_structure_and_shape_of_what_they_belong_to() -> None:
    pullback = vjp(lambda x: {"a": x, "b": x.sum()}, X)[1]
    for wrong in (X, {"a": X}, {"a": X, "c": 1.0}, {"a": X, "b": (1.0,)}, {"a": X, "b": None}):
        with pytest.raises(ArgumentError, match="nested in the same way"):
            pullback(wrong)
    for wrong in ({"a": 1.0, "b": 1.0}, {"a": X, "b": np.ones(1)}):
        with pytest.raises(ShapeError, match="never broadcast"):
            pullback(wrong)
    for transform in (jvp, hvp):
        with pytest.raises(ArgumentError, match=r"write \(x,\)"):
            transform(smooth, X, X)
        with pytest.raises(ArgumentError, match="tangents is a tuple of 2, where primals has"):
            transform(smooth, (X,), (V, V))
        with pytest.raises(ShapeError, match=r"tangents\[0\] has shape \(2,\)"):
            transform(smooth, (X,), (V[:2],))
        with pytest.raises(ArgumentError, match=r"tangents\[0\] is None"):
            transform(smooth, (X,), (None,))


def test_a_function_may_assign_into_its_argument() -> None:
    def overwrites(z: Any) -> Any:
        z[0] = z[1] * z[2]
        return (z * z).sum()

    x = np.array([1.0, 2.0, 3.0])
    expected = [0.0, 2 * 2 * 9 + 2 * 2, 2 * 3 * 4 + 2 * 3]
    assert_allclose(grad(overwrites)(x), expected)
    _, pullback = vjp(overwrites, x)
    assert_allclose(pullback(1.0)[0], expected)
    assert_allclose(jvp(overwrites, (x,), (np.ones(3),))[1], sum(expected))
    assert_array_equal(x, [1.0, 2.0, 3.0])


def test_what_vjp_returns_is_the_callers_own() -> None:
    out, pullback = vjp(np.exp, np.array([0.0, 1.0]))
    out *= 0
    assert_allclose(pullback(np.ones(2))[0], np.exp([0.0, 1.0]))


def test_argnums_may_be_a_numpy_integer() -> None:
    assert grad(lambda x, y: x * y, argnums=np.int64(1))(2.0, 3.0) == 2.0
