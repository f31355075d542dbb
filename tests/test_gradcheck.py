"""Tests of microtensor.gradcheck: a checker is worth what it finds, so it gets what is wrong."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microtensor as mt
from microtensor.errors import GradcheckError, GradientError
from microtensor.gradcheck import gradcheck, gradgradcheck
from microtensor.op import Op

X = np.array([[0.3, -1.2, 0.7], [2.1, 0.4, -0.5]])
Y = np.array([[1.5, 0.2], [-0.3, 0.8], [0.6, -1.1]])


def op(kernel: Callable[..., Any], *rules: Callable[..., Any], broadcasts: bool = False) -> Op:
    """Return an operation with hand-written rules, right or wrong."""
    names = "x y" if len(rules) == 2 else "out x"
    return Op("tested", kernel, rules, saves=names, broadcasts=broadcasts, register=False)


def mismatches(fn: Callable[..., Any], *inputs: Any, **options: Any) -> list[Any]:
    with pytest.raises(GradcheckError) as caught:
        gradcheck(fn, inputs, **options)
    return caught.value.mismatches


# What is right passes


@pytest.mark.parametrize(
    ("fn", "inputs"),
    [
        (np.tanh, (X,)),
        (lambda x, y: x @ y, (X, Y)),
        (lambda x, y: np.exp(x @ y).sum(), (X, Y)),
        (lambda x: x * 0 + 3.0, (X,)),
        (lambda x: mt.softmax(x).sum(), (X,)),
        (lambda x: (x - x.mean()).sum(), (X * 1e6,)),
        (lambda x: ((x - x[[0, 0, 0]]) * np.cos([1.0, 2.0, 3.0])).sum(), (np.array([0.7]),)),
        (lambda x: np.log(x), (np.array([1e-8, 1e-3, 1.0, 1e8]),)),
        (lambda x: 1 / x, (np.array([1e-6, -1e-3, 1e5]),)),
        (lambda x: np.sqrt(x), (np.array([1e-10, 4.0]),)),
        (lambda x: x**3, (np.array([0.0, 1e-30, 1e10]),)),
        (lambda x: 1e-8 * x**2, (X,)),
        (lambda x: 1 + 1e-8 * x**2, (X,)),
        (lambda x: np.sin(32 * np.pi * x), (X,)),
        (lambda x: mt.relu(x - 1e-4), (np.zeros(2),)),
        (abs, (np.zeros(2),)),
        (lambda x: np.max(x), (np.ones(2),)),
        (np.exp, (np.zeros((0, 3)),)),
        (np.exp, (1.5,)),
        (np.exp, 1.5),
        (np.exp, X),
        (lambda x: x[0, 0] * x, (X,)),
    ],
)  # fmt: skip
def test_right_gradients_pass(fn: Callable[..., Any], inputs: Any) -> None:
    assert gradcheck(fn, inputs)


# What is wrong does not

SQUARE = [
    ("the sign", lambda g, out, x: -2 * g * x),
    ("a factor of 2", lambda g, out, x: 4 * g * x),
    ("a factor of 1.001", lambda g, out, x: 2.002 * g * x),
    ("a factor of 1.00001", lambda g, out, x: 2.00002 * g * x),
    ("an offset", lambda g, out, x: g * (2 * x + 1e-4)),
    ("a missing g", lambda g, out, x: 2 * x + 0 * g),
    ("a missing x", lambda g, out, x: 2 * g + 0 * x),
    ("zeros", lambda g, out, x: 0 * g * x),
    ("out for x", lambda g, out, x: 2 * g * out),
    ("NaN", lambda g, out, x: g * x * np.nan),
    ("infinity", lambda g, out, x: g * x * np.inf),
    ("one element", lambda g, out, x: 2 * g * x * (np.arange(6).reshape(2, 3) != 4)),
    (
        "two elements swapped",
        lambda g, out, x: (2 * g * x).ravel()[[0, 1, 2, 3, 5, 4]].reshape(2, 3),
    ),
]


@pytest.mark.parametrize(("what", "rule"), SQUARE, ids=[what for what, _ in SQUARE])
@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e-14, 1e8])
def test_a_wrong_rule_is_found_at_every_scale(
    what: str, rule: Callable[..., Any], scale: float
) -> None:
    square = op(np.square, rule)
    assert not gradcheck(lambda x: square(x) * scale, (X,), raise_exception=False)
    assert not gradcheck(lambda x: (square(x) * scale * Y.T).sum(), (X,), raise_exception=False)
    assert gradcheck(lambda x: np.square(x) * scale, (X,))


@pytest.mark.parametrize("options", [{"atol": 1e-3}, {"eps": 1e-6, "atol": 1e-5, "rtol": 1e-3}])
def test_an_absolute_tolerance_hides_no_small_gradient(options: dict[str, float]) -> None:
    double = op(np.square, lambda g, out, x: 4 * g * x)
    assert not gradcheck(lambda x: double(x) * 1e-8, (X,), raise_exception=False, **options)
    assert not gradcheck(double, (X * 1e-8,), raise_exception=False, **options)
    assert gradcheck(lambda x: np.square(x) * 1e-8, (X,), **options)


@pytest.mark.parametrize("scale", [1e-9, 1e-12, 1e-30])
def test_a_large_output_hides_no_small_one(scale: float) -> None:
    double = op(np.square, lambda g, out, x: 4 * g * x)
    found = mismatches(lambda x: (np.sin(x), double(x) * scale), X)
    assert {m.output for m in found} == {1}
    assert gradcheck(lambda x: (np.sin(x), np.square(x) * scale), X)


PRODUCT = [
    ("x for y", lambda g, out, x, y: g @ x.T, lambda g, out, x, y: x.T @ g),
    ("a transpose", lambda g, out, x, y: g @ y, lambda g, out, x, y: x.T @ g),
    ("the transposed result", lambda g, out, x, y: (g @ y.T).T, lambda g, out, x, y: x.T @ g),
    ("elementwise", lambda g, out, x, y: g * y, lambda g, out, x, y: x.T @ g),
    ("the second input", lambda g, out, x, y: g @ y.T, lambda g, out, x, y: x @ g),
]


@pytest.mark.parametrize(("what", "rule_x", "rule_y"), PRODUCT, ids=[what for what, *_ in PRODUCT])
def test_a_wrong_product_rule_is_found(what: str, rule_x: Any, rule_y: Any) -> None:
    product = op(np.matmul, rule_x, rule_y)
    right = op(np.matmul, lambda g, out, x, y: g @ y.T, lambda g, out, x, y: x.T @ g)
    square = X @ Y
    assert gradcheck(right, (square, square.T + 1))
    assert not gradcheck(product, (square, square.T + 1), raise_exception=False)


def test_a_missing_path_is_found() -> None:
    assert not gradcheck(lambda x: x * mt.tensor(x.detach().data), (X,), raise_exception=False)
    assert not gradcheck(lambda x: x.data**2, (X,), raise_exception=False)
    with pytest.raises(GradcheckError, match="Output 0 does not require a gradient"):
        gradcheck(lambda x: np.square(x.data).sum(), (X,))


@pytest.mark.parametrize("shape", [(3, 2), (6,), (1, 2, 3), (1, 3), ()])
def test_a_gradient_of_the_wrong_shape_is_found(shape: tuple[int, ...]) -> None:
    crooked = op(np.square, lambda g, out, x: np.resize(2 * g * x, shape))
    with pytest.raises(GradcheckError, match="shape"):
        gradcheck(crooked, (X,))
    assert not gradcheck(crooked, (X,), raise_exception=False)


def test_a_broadcast_gradient_that_was_not_summed_right_is_found() -> None:
    twice = op(
        lambda x, y: x + y, lambda g, out, x, y: g, lambda g, out, x, y: g / 2, broadcasts=True
    )
    assert {m.input for m in mismatches(twice, X, np.ones(3))} == {"1"}


def test_each_output_is_checked() -> None:
    halved = op(np.square, lambda g, out, x: g * x)
    found = mismatches(lambda x: (np.exp(x), halved(x), [1.0, 2.0]), X)
    assert {m.output for m in found} == {1}
    assert gradcheck(lambda x: (np.exp(x), np.argmax(x), x.sum()), (X,))


def test_each_element_of_the_jacobian_is_checked() -> None:
    wrong = op(
        lambda x: np.cumsum(x),
        lambda g, out, x: np.cumsum(g[::-1])[::-1] + np.array([0, 0, g[3], 0]),
    )
    (found,) = mismatches(wrong, np.ones(4))
    assert (found.input_index, found.output_index, found.analytic) == ((2,), (3,), 2.0)
    assert found.numeric == pytest.approx(1.0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_never_pass(value: float) -> None:
    for fn in (lambda x: x * value, lambda x: x + value, lambda x: np.where(x > 0, x, value)):
        with pytest.raises(GradcheckError, match=r"not finite|nan|inf"):
            gradcheck(fn, (X,))


def test_a_function_at_the_edge_of_its_domain_never_passes() -> None:
    (found,) = mismatches(np.sqrt, np.zeros(1))
    assert found.reason == "not finite"


def test_a_function_that_is_random_never_passes() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(GradcheckError, match="two different values"):
        gradcheck(lambda x: x * rng.random(), (X,))


def test_a_jump_never_passes() -> None:
    step = op(lambda x: np.where(x >= 1, 1.0, 0.0), lambda g, out, x: 0 * g)
    assert gradcheck(step, (np.array([0.5, 1.5]),))
    (found,) = mismatches(step, np.array([0.5, 1.0]))
    assert found.reason == "jump"


# A kink is told from an error


def test_a_kink_is_reported_as_one() -> None:
    found = mismatches(mt.relu, np.array([-1.0, 0.0, 1.0]))
    assert [(m.input_index, m.reason, m.left, m.right) for m in found] == [((1,), "kink", 0.0, 1.0)]
    with pytest.raises(GradcheckError, match="kink: 0 on the left, 1 on the right"):
        gradcheck(mt.relu, np.zeros(1))


def test_a_gradient_outside_the_one_sided_derivatives_of_a_kink_is_wrong() -> None:
    bad = op(lambda x: np.maximum(x, 0), lambda g, out, x: g * np.where(x == 0, 2.0, x > 0))
    (found,) = mismatches(bad, np.array([-1.0, 0.0, 1.0]))
    assert found.reason == "wrong"


def test_a_smooth_function_is_never_called_a_kink() -> None:
    for curved in (lambda x: 1e4 * x**2, lambda x: np.exp(5 * x), lambda x: 1e-6 * np.cos(20 * x)):
        wrong = op(lambda x: x * 1, lambda g, out, x: 1.5 * g)
        assert {m.reason for m in mismatches(lambda x, f=curved, wrong=wrong: f(wrong(x)), X)} == {
            "wrong"
        }


# What the message says


def test_the_table_shows_input_index_analytic_and_numeric_worst_first() -> None:
    weights = mt.tensor(Y, requires_grad=True, name="weights")
    wrong = op(np.matmul, lambda g, out, x, y: g @ y.T, lambda g, out, x, y: x.T @ (g * [1, 3]))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x, w: wrong(x, w).sum(), (X, weights))
    lines = str(caught.value).splitlines()
    assert lines[0] == "gradcheck: 3 of 12 derivatives are not what differences show:"
    assert lines[1].split() == [
        "input",
        "index",
        "output",
        "analytic",
        "numeric",
        "ratio",
        "reason",
    ]
    assert {line.split()[0] for line in lines[2:5]} == {"weights"}
    assert all(" 3  wrong" in line for line in lines[2:5])
    excess = [m.excess for m in caught.value.mismatches]
    assert len(excess) == 3


def test_a_long_table_is_cut() -> None:
    with pytest.raises(GradcheckError, match=r"18 of 36 .*(\n.*)+\.\.\. and 8 more"):
        gradcheck(lambda x: x.detach() @ np.ones((3, 3)), (X,))


# What it takes


def test_inputs_are_copied_and_never_changed() -> None:
    array, tensor = X.copy(), mt.tensor(Y, requires_grad=True)

    def spiteful(x: mt.Tensor, y: mt.Tensor) -> mt.Tensor:
        out = x @ y
        with mt.no_grad():
            x *= 0
            y *= 0
        return out + 0.0

    with pytest.raises(Exception, match="changed in place"):  # its own backward pass fails
        gradcheck(spiteful, (array, tensor))
    np.testing.assert_array_equal(array, X)
    np.testing.assert_array_equal(tensor.data, Y)
    assert tensor.grad is None
    assert gradcheck(lambda x, y: x @ y, (array, tensor))
    assert tensor.grad is None
    np.testing.assert_array_equal(array, X)


def test_constants_are_passed_on() -> None:
    seen: list[Any] = []

    def fn(x: Any, n: Any, constant: Any, mask: Any, label: Any) -> Any:
        seen[:] = [n, type(constant), constant.requires_grad, mask.dtype, label]
        return (x * n * constant)[mask]

    constant = mt.tensor(X)
    assert gradcheck(fn, (X, 3, constant, X > 0, "label"))
    assert seen == [3, mt.Tensor, False, np.bool_, "label"]
    with pytest.raises(GradientError, match="nothing to check"):
        gradcheck(lambda n: mt.tensor(1.0), (3,))


def test_wrong_gradients_of_constants_do_not_matter() -> None:
    wrong = op(np.multiply, lambda g, out, x, y: g * y, lambda g, out, x, y: g * 17)
    assert gradcheck(wrong, (X, mt.tensor(X)))
    assert not gradcheck(wrong, (X, X), raise_exception=False)


def test_it_works_under_no_grad() -> None:
    with mt.no_grad():
        assert gradcheck(np.exp, X)
        assert not mt.is_grad_enabled()


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_low_precision_is_warned_of_and_gross_errors_still_show(dtype: type) -> None:
    double = op(np.square, lambda g, out, x: 4 * g * x)
    with pytest.warns(UserWarning, match=f"input 0 is {np.dtype(dtype)}.*float64"):
        assert gradcheck(np.square, X.astype(dtype))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not gradcheck(double, X.astype(dtype), raise_exception=False)
    with pytest.warns(UserWarning, match="output 0 is float32"):
        gradcheck(lambda x: np.square(x).astype(np.float32), X)


@pytest.mark.parametrize("options", [{"eps": 0}, {"atol": -1}, {"rtol": -1}, {"eps": float("nan")}])
def test_senseless_tolerances_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="eps > 0"):
        gradcheck(np.exp, X, **options)


# Second order


def test_a_wrong_second_derivative_is_found_where_the_first_is_right() -> None:
    """The rule of sin reads the plain array: right numbers, but no gradient of its own."""

    def frozen(g: Any, out: Any, x: Any) -> Any:
        return g * np.cos(x.data if isinstance(x, mt.Tensor) else x)

    hidden = op(np.sin, frozen)
    assert gradcheck(hidden, X)
    assert not gradgradcheck(hidden, X, raise_exception=False)
    with pytest.raises(GradcheckError) as caught:
        gradgradcheck(hidden, X)
    assert {m.input for m in caught.value.mismatches} == {"0"}


def test_a_wrong_rule_for_the_incoming_gradient_is_found() -> None:
    """The incoming gradient is detached: right at first order, and wrong with respect to g."""
    cut = op(np.sin, lambda g, out, x: (g.detach() if isinstance(g, mt.Tensor) else g) * np.cos(x))
    assert gradcheck(cut, X)
    with pytest.raises(GradcheckError) as caught:
        gradgradcheck(cut, X)
    assert {m.input for m in caught.value.mismatches} == {"1"}


def test_right_second_derivatives_pass() -> None:
    assert gradgradcheck(lambda x, y: np.tanh(x @ y), (X, Y))
    assert gradgradcheck(lambda x: x * 3, X)
    assert gradgradcheck(lambda x: (np.exp(x), np.argmax(x), x.detach() * 2.0), X)
    assert gradgradcheck(np.exp, X, np.ones_like(X))


def test_a_small_derivative_beside_large_ones_is_checked_as_closely() -> None:
    factors = np.array([1e-12, 1.0, 1.0])
    wrong = Op(
        "small_wrong",
        lambda x: factors * x**2,
        (lambda g, out, x: g * factors * np.array([4.0, 2.0, 2.0]) * x,),
        saves="x",
        register=False,
    )
    with pytest.raises(GradcheckError):
        gradcheck(wrong, np.array([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("function", [np.exp, np.sin, np.square, np.tanh])
@pytest.mark.parametrize("seed", range(6))
def test_a_right_gradient_in_float32_passes_with_a_warning(
    function: Callable[[Any], Any], seed: int
) -> None:
    x = np.random.default_rng(seed).standard_normal(4).astype(np.float32)
    with pytest.warns(UserWarning, match="float32"):
        assert gradcheck(function, x)
