"""Tests of microtensor.custom: operations with hand-derived rules, right ones and broken ones."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import microtensor as mt
from microtensor.autograd import gradcheck, gradgradcheck
from microtensor.errors import ArgumentError, DtypeError, GradcheckError, InternalError
from microtensor.func import grad, hessian
from microtensor.graph import Graph
from microtensor.op import REGISTRY

X = np.array([[0.3, -1.2, 0.7], [2.1, 0.4, -0.5]])

cube = mt.custom_op(lambda x: x**3, lambda g, out, x: g * 3 * x**2, name="cube")


def leaf(value: Any = X, **options: Any) -> mt.Tensor:
    return mt.tensor(value, requires_grad=True, **options)


def scaled(x: Any, y: Any, *, scale: float = 2.0) -> Any:
    """Multiply two arrays and a number."""
    return x * y * scale


scaled_product = mt.custom_op(
    scaled,
    lambda g, out, x, y, scale: g * y * scale,
    lambda g, out, x, y, scale: g * x * scale,
    broadcasts=True,
)


# It takes part in everything


def test_it_computes_records_and_is_differentiated() -> None:
    x = leaf()
    y = cube(x * 2)
    assert_allclose(y.data, 8 * X**3)
    assert y._node.op is cube
    y.sum().backward()
    assert_allclose(x.grad.data, 24 * X**2)


def test_of_arrays_numbers_and_lists_it_gives_arrays() -> None:
    assert_allclose(cube(X), X**3)
    assert cube(2.0) == 8.0
    assert_array_equal(scaled_product(X, 1.0, scale=1.0), X)
    assert not cube(mt.tensor(X)).requires_grad
    with mt.no_grad():
        assert not cube(leaf()).requires_grad


def test_rules_that_can_be_differentiated_give_every_order() -> None:
    assert mt.func.grad(mt.func.grad(cube))(2.0) == 12.0
    assert mt.func.grad(grad(grad(cube)))(2.0) == 6.0
    assert_allclose(hessian(lambda x: cube(x).sum())(X[0]), np.diag(6 * X[0]))
    found = mt.func.jvp(scaled_product, (X, X[0]), (X, X[0]))[1]
    assert_allclose(found, 2 * 2 * X * X[0])


def test_it_is_checked_by_gradcheck() -> None:
    assert gradcheck(cube, X)
    assert gradgradcheck(cube, X)
    assert gradcheck(scaled_product, (X, X[0]))
    assert gradgradcheck(scaled_product, (X, X[:, :1]))
    wrong = mt.custom_op(lambda x: x**3, lambda g, out, x: g * 3.003 * x**2)
    with pytest.raises(GradcheckError, match=r"ratio"):
        gradcheck(wrong, X)


def test_it_is_seen_in_the_graph_by_its_name() -> None:
    x = leaf(name="x")
    assert [node.op.name for node in Graph(cube(x)).nodes if node.op] == ["cube"]
    assert "cube" in repr(cube(x))
    assert repr(cube) == "<op cube>"
    assert "cube" not in REGISTRY


def test_the_name_is_that_of_the_function_unless_given() -> None:
    assert scaled_product.name == "scaled"
    assert mt.custom_op(lambda x: x, lambda g, out, x: g).name == "custom_op"
    assert mt.custom_op(np.cosh, lambda g, out, x: g * np.sinh(x)).name == "cosh"
    assert mt.custom_op(scaled, None, None, name="product").name == "product"


def test_a_ufunc_may_be_the_forward_function() -> None:
    hypot = mt.custom_op(
        np.hypot, lambda g, out, x, y: g * x / out, lambda g, out, x, y: g * y / out
    )
    of_x, of_y = grad(hypot, (0, 1))(3.0, 4.0)
    assert (of_x, of_y) == (0.6, 0.8)


# Parameters, constants, broadcasting, what is saved


def test_parameters_come_by_keyword_or_position_and_reach_the_rules() -> None:
    x = leaf()
    scaled_product(x, 3.0, scale=5.0).sum().backward()
    assert_allclose(x.grad.data, np.full(X.shape, 15.0))
    shifted = mt.custom_op(lambda x, by=1.0: x * by, lambda g, out, x, by: g * by, name="shifted")
    assert grad(lambda x: shifted(x, 4.0))(2.0) == 4.0
    assert grad(shifted)(2.0) == 1.0
    with pytest.raises(TypeError, match=r"shifted\(\) .*argument by_how="):
        shifted(leaf(2.0), by_how=3.0)
    needed = mt.custom_op(lambda x, *, by: x * by, lambda g, out, x, by: g * by, name="needed")
    assert needed(leaf(2.0), by=3.0).item() == 6.0


def test_a_rule_that_is_none_makes_a_constant_of_the_input() -> None:
    chosen = mt.custom_op(
        lambda x, mask: np.where(mask, x, 0.0), lambda g, out, x, mask: np.where(mask, g, 0.0), None
    )
    x, mask = leaf(), leaf(X > 0, dtype=float)
    chosen(x, mask).sum().backward()
    assert_array_equal(x.grad.data, X > 0)
    assert_array_equal(mask.grad.data, np.zeros(X.shape))
    assert chosen(leaf(), X > 0).requires_grad
    constant = mt.custom_op(lambda x: (x > 0).astype(int), None, name="constant")
    assert not constant(leaf()).requires_grad


def test_gradients_are_summed_over_what_was_broadcast_only_if_it_is_said() -> None:
    y = leaf(X[0])
    scaled_product(X, y).sum().backward()
    assert_allclose(y.grad.data, 2 * X.sum(axis=0))
    strict = mt.custom_op(scaled, lambda g, out, x, y, scale: g, lambda g, out, x, y, scale: g)
    with pytest.raises(
        InternalError, match=r"rule of scaled for its input y .* shape \(2, 3\), .* has \(3,\)"
    ):
        strict(X, leaf(X[0])).sum().backward()


def test_saves_says_what_is_kept() -> None:
    seen: list[Any] = []

    def rule(g: Any, out: Any, x: Any) -> Any:
        seen[:] = [out, x]
        return g * out

    exp = mt.custom_op(np.exp, rule, name="exp_", saves="out")
    grad(lambda x: exp(x).sum())(X)
    assert isinstance(seen[0], np.ndarray)
    assert seen[1].shape == X.shape
    assert not isinstance(seen[1], np.ndarray)
    exp = mt.custom_op(np.exp, rule, saves="")
    with pytest.raises(InternalError, match="for its input x raised"):
        exp(leaf()).sum().backward()
    with pytest.raises(ArgumentError, match="saves 'z', and has out, x"):
        mt.custom_op(lambda x: x, rule, saves="z")


# What does not own, does not write


def test_neither_forward_nor_a_rule_can_change_what_it_is_given() -> None:
    def forward(x: Any) -> Any:
        x += 1
        return x

    x = leaf()
    with pytest.raises(ValueError, match="read-only") as caught:
        mt.custom_op(forward, lambda g, out, x: g)(x)
    assert caught.value.__notes__ == ["in the forward function of the custom operation forward"]
    assert_array_equal(x.data, X)

    def rule(g: Any, out: Any, x: Any) -> Any:
        g[0] = 0
        return g

    careless = mt.custom_op(lambda x: x * 1, rule, name="careless")
    with pytest.raises(InternalError, match=r"careless for its input x raised .*read-only"):
        careless(leaf()).sum().backward()
    twice = x * 1.0
    loss = (careless(twice) + twice).sum()
    mt.autograd.grad(loss, x, create_graph=True)  # a Tensor is bound anew: the other path is right
    found = mt.autograd.grad(loss, x, create_graph=True)
    assert_array_equal(found.data, [[1, 1, 1], [2, 2, 2]])


def test_a_gradient_shares_memory_with_nothing() -> None:
    lazy = mt.custom_op(lambda x: x * 1, lambda g, out, x: x, name="lazy")
    x = leaf()
    lazy(x).sum().backward()
    x.grad.data[...] = 0
    assert_array_equal(x.data, X)


# Broken when it is defined


@pytest.mark.parametrize(
    ("define", "message"),
    [
        (lambda: mt.custom_op(np.exp), "exp needs a rule for each input.* got none"),
        (lambda: mt.custom_op(np.exp, 3), "needs a rule for each input.*got 3"),
        (lambda: mt.custom_op(lambda x, y: x, None, name="f"), "f has 1 rules, .* takes x, y"),
        (lambda: mt.custom_op(lambda x: x, None, None, name="f"), "f has 2 rules, .* takes x:"),
        (lambda: mt.custom_op(lambda: 1.0, None, name="f"), "takes no inputs"),
        (
            lambda: mt.custom_op(lambda x: x, lambda g, x: g, name="f"),
            r"rule of f for x takes \(g, x\), .* rule\(g, out, x\)",
        ),
        (
            lambda: mt.custom_op(scaled, lambda g, out, x, y: g, None),
            r"rule of scaled for x .* rule\(g, out, x, y, scale=\)",
        ),
    ],
)
def test_a_rule_that_does_not_fit_is_refused_when_it_is_defined(
    define: Callable[[], Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        define()


def test_any_number_of_inputs_is_as_many_as_there_are_rules() -> None:
    total = mt.custom_op(
        lambda *xs: xs[0] + 2 * xs[1], lambda g, out, *xs: g, lambda g, out, *xs: 2 * g
    )
    assert grad(total, (0, 1))(1.0, 1.0) == (1.0, 2.0)


def test_too_few_inputs_are_refused() -> None:
    with pytest.raises(TypeError, match=r"scaled\(\) takes x, y by position, and got 1"):
        scaled_product(leaf())


# Broken when it is used


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "dtype object"),
        ("text", "convert the strings"),
        (np.array([1.0, None]), "dtype object"),
        ([[1.0], [1.0, 2.0]], "ragged"),
        (1j, "complex"),
        (mt.tensor(1.0), "returned a Tensor"),
        (np.array([1, 2]), "returned int64, which has no gradient"),
        (True, "returned bool"),
    ],
)
def test_forward_returns_an_array_of_numbers(result: Any, message: str) -> None:
    broken = mt.custom_op(lambda x: result, lambda g, out, x: g, name="broken")
    with pytest.raises((DtypeError, ValueError), match=f"broken.*{message}"):
        broken(leaf())


def test_integers_may_stay_integers() -> None:
    assert cube(mt.tensor([1, 2])).dtype == np.int64


def test_a_list_is_made_an_array() -> None:
    assert mt.custom_op(lambda x: [1.0, 2.0], None)(leaf()).shape == (2,)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda g, out, x: None, "gave None instead of an array"),
        (lambda g, out, x: [1.0, 2.0], "gave a list instead"),
        (lambda g, out, x: (g,), "gave a tuple instead of an array"),
        (lambda g, out, x: 2.0, r"shape \(\), and the input has \(2, 3\)"),
        (lambda g, out, x: g[0], r"gave a gradient of shape \(3,\)"),
        (lambda g, out, x: g.T, r"gave a gradient of shape \(3, 2\)"),
        (lambda g, out, x: g.sum(keepdims=True), r"gave a gradient of shape \(1, 1\)"),
        (lambda g, out, x: g.astype(object), "dtype object"),
        (lambda g, out, x: g * 1j, "dtype complex"),
        (lambda g, out, x: g / {}["x"], "raised KeyError: 'x'"),
        (lambda g, out, x: g @ x, "raised ValueError: matmul"),
    ],
)
def test_a_broken_rule_is_named_with_its_input(rule: Any, message: str) -> None:
    broken = mt.custom_op(lambda x: x * 1, rule, name="broken")
    x = leaf()
    with pytest.raises(InternalError, match=f"The rule of broken for its input x .*{message}"):
        broken(x).sum().backward()
    assert x.grad is None


def test_gradcheck_says_so_in_one_sentence() -> None:
    broken = mt.custom_op(lambda x: x * 1, lambda g, out, x: g.T, name="broken")
    with pytest.raises(mt.errors.GradcheckError, match=r"the input has \(2, 3\)\.$"):
        mt.autograd.gradcheck(broken, X)


def test_an_exception_in_forward_keeps_its_type_and_names_the_operation() -> None:
    def fail(x: Any) -> Any:
        raise KeyError("the user's own")

    for given in (leaf(), X):
        with pytest.raises(KeyError, match="the user's own") as caught:
            mt.custom_op(fail, None, name="failing")(given)
        assert "failing" in caught.value.__notes__[0]


def test_a_rule_that_cannot_be_differentiated_says_so() -> None:
    def rule(g: Any, out: Any, x: Any) -> Any:
        return g * np.asarray(x)

    first_order = mt.custom_op(lambda x: x**2 / 2, rule, name="first_order")
    assert_allclose(grad(lambda x: first_order(x).sum())(X), X)
    with pytest.raises(InternalError, match="first_order for its input x raised GradientError"):
        hessian(lambda x: first_order(x).sum())(X)


def test_a_rule_that_gives_an_array_where_tensors_are_recorded() -> None:
    """Constant gradients meet products, whose rules call methods of the gradient."""
    total = mt.custom_op(lambda x: x.sum(), lambda g, out, x: np.ones(x.shape), name="total")
    W = leaf(np.eye(3))
    found = mt.autograd.grad(total(X @ W), W, create_graph=True)
    assert_allclose(found.data, X.T @ np.ones((2, 3)))
