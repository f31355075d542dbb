"""Printed programs: pasted into a file with NumPy alone they compute what the library computes."""

import inspect
import math
import re
import textwrap
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn, optim
from microtensor.autograd import grad
from microtensor.compile import Program
from microtensor.compile.program import Equation, Output, Var
from microtensor.errors import TracingError, UnsupportedError
from microtensor.op import REGISTRY, Op
from microtensor.tutorials.by_hand import deep as by_hand_deep
from microtensor.tutorials.by_hand import two_layer as by_hand
from tests.cases import CASES, Array, Case

DEPENDS_ON_VALUES = {
    # A mask selects as many elements as it has trues.
    "getitem: x[x > 0] | (3,2)",
    "getitem: np.compress(y, x) | (2,2) (3,)",
    "getitem: np.extract(y, x) | (2,2) (2,2)",
    "getitem: np.trim_zeros(x * y) | (5,) (5,)",
    # Functions are applied to the elements that a condition selects.
    "setitem: np.piecewise(x, [x < 0, x > 1], [lambda u: -u, 2.0, lambda u: u * u]) | (3,4)",
    # The largest value is the length of the result.
    "scatter_add: np.bincount(y, weights=x) | (4,) (4,)",
    "scatter_add: np.bincount(y, x, minlength=5) | (3,) (3,)",
    # Row by row, of those elements that are not NaN.
    "quantile: np.nanmedian(x, axis=1) | (2,3)",
    "quantile: np.nanquantile(x, [0.2, 0.7], axis=0, keepdims=True) | (3,2)",
    "quantile: np.nanpercentile(x, 30) | (3,2)",
    # The rank is a number, and decides the shape of the residuals.
    "lstsq: np.linalg.lstsq(x, y)[0] | (4,2) (4,)",
    "lstsq: np.linalg.lstsq(x, y, rcond=None)[0] | (2,3) (2,2)",
    "lstsq: np.linalg.lstsq(x, y)[1] | (4,2) (4,3)",
    "svd: np.linalg.lstsq(x, x)[3] | (4,2)",
    # Two results, of which an equation has one.
    "divide: np.frexp(x)[0] | (3,)",
}
"""Cases that a program cannot repeat for other values: they raise a TracingError."""


def depends_on_values(case: Case) -> bool:
    masks = any(x.dtype == np.bool_ for x in case.inputs) and "x[y" in case.expression
    return masks or str(case) in DEPENDS_ON_VALUES


TRACEABLE = [case for case in CASES if not depends_on_values(case)]
DIFFERENTIABLE = [c for c in TRACEABLE if REGISTRY[c.op].differentiable and c.differentiated]


def pasted(program: Program) -> Callable[..., Any]:
    """Return the function that the source defines, run where nothing else is known."""
    namespace: dict[str, Any] = {}
    exec(program.source, namespace)
    functions = [x for x in namespace.values() if isinstance(x, types.FunctionType)]
    return functions[-1]


def others(case: Case) -> list[Array]:
    """Return inputs like those of the case, with other values."""
    rng = np.random.default_rng(5)
    return [
        x * (1 + 0.01 * rng.standard_normal(x.shape)) if x.dtype.kind == "f" else np.flip(x).copy()
        for x in case.inputs
    ]


def weights_for(out: Any) -> Array:
    return np.asarray(np.random.default_rng(1).standard_normal(out.shape))


def loss_of(case: Case, order: int) -> Callable[..., Any]:
    def loss_fn(*inputs: Any) -> Any:
        out = case.on_tensors(*inputs)
        loss = (out * weights_for(out)).sum()
        if order == 1:
            return loss
        xs = [inputs[i] for i in case.differentiated]
        gradients = grad([(out * loss).sum()], xs, create_graph=True, allow_unused=True)
        parts = [(g * weights_for(g)).sum() for g in gradients if g is not None]
        total = loss * loss
        for part in parts:
            total = total + part
        return total

    return loss_fn


def flat(result: Any) -> list[Array]:
    loss, gradients = result
    parts = gradients if isinstance(gradients, tuple) else (gradients,)
    return [np.asarray(x.numpy() if isinstance(x, mt.Tensor) else x) for x in (loss, *parts)]


def eager(loss_fn: Callable[..., Any], case: Case, inputs: list[Array]) -> list[Array]:
    xs = [mt.tensor(x, requires_grad=i in case.differentiated) for i, x in enumerate(inputs)]
    loss = loss_fn(*xs)
    sources = [xs[i] for i in case.differentiated]
    found = grad([loss], sources, allow_unused=True)
    return [loss.data] + [
        np.zeros(x.shape) if g is None else g.data for x, g in zip(sources, found, strict=True)
    ]


# Every operation


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_the_source_of_gradients_computes_what_autograd_does(case: Case, order: int) -> None:
    loss_fn = loss_of(case, order)
    program = mt.derive(loss_fn, *case.inputs, argnums=tuple(case.differentiated))
    inputs = others(case)
    with np.errstate(all="ignore"):
        expected = eager(loss_fn, case, inputs)
        printed, interpreted = flat(pasted(program)(*inputs)), flat(program(*inputs))
    for x, y, z in zip(printed, interpreted, expected, strict=True):
        assert x.shape == y.shape == z.shape
        assert_allclose(x, z, rtol=1e-10, atol=1e-11)
        assert_allclose(y, z, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("case", TRACEABLE, ids=str)
def test_the_source_of_values_computes_what_numpy_does(case: Case) -> None:
    program = mt.trace(case.on_tensors, *case.inputs)
    inputs = others(case)
    with np.errstate(all="ignore"):
        expected = np.asarray(case.on_tensors(*map(mt.tensor, inputs)).data)
        printed = np.asarray(pasted(program)(*inputs))
    assert printed.shape == expected.shape
    assert printed.dtype == expected.dtype
    assert_allclose(printed, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("case", [c for c in CASES if depends_on_values(c)], ids=str)
def test_what_depends_on_values_is_refused(case: Case) -> None:
    with pytest.raises(TracingError):
        mt.derive(loss_of(case, 1), *case.inputs, argnums=tuple(case.differentiated))


def test_every_value_dependent_case_exists() -> None:
    assert {str(case) for case in CASES} >= DEPENDS_ON_VALUES


@pytest.mark.parametrize("case", DIFFERENTIABLE[::7], ids=str)
def test_float32_stays_float32(case: Case) -> None:
    inputs = [x.astype(np.float32) if x.dtype.kind == "f" else x for x in case.inputs]
    if not case.half:
        return
    program = mt.derive(
        lambda *xs: case.on_tensors(*xs).sum(), *inputs, argnums=tuple(case.differentiated)
    )
    with np.errstate(all="ignore"):
        printed, interpreted = flat(pasted(program)(*inputs)), flat(program(*inputs))
    for x, y in zip(printed, interpreted, strict=True):
        assert x.dtype == y.dtype


# The tutorials


def rows() -> tuple[Array, ...]:
    rng = np.random.default_rng(0)
    X, y = by_hand.truth_table()
    return rng.random((3, 4)), rng.random((4, 1)), X, y


def test_the_first_tutorials_network_reads_like_its_backprop() -> None:
    def loss_fn(W1, W2, x, y):
        a1 = mt.sigmoid(x @ W1)
        z2 = a1 @ W2
        a2 = mt.sigmoid(z2)
        loss = ((a2 - y) ** 2).sum()
        return loss

    program = mt.derive(loss_fn, *rows(), argnums=(0, 1))
    assert program.source == textwrap.dedent(
        """\
        import numpy as np


        def loss_fn(W1, W2, x, y):
            a1 = 1 / (1 + np.exp(-(x @ W1)))
            z2 = a1 @ W2
            a2 = 1 / (1 + np.exp(-z2))
            error = a2 - y
            loss = np.sum(error ** 2)

            d_a2 = 2 * error  # the gradient of a2
            d_z2 = d_a2 * a2 * (1 - a2)  # the gradient of z2
            d_a1 = d_z2 @ W2.T  # the gradient of a1
            d_W2 = a1.T @ d_z2  # the gradient of W2
            d_W1 = x.T @ (d_a1 * a1 * (1 - a1))  # the gradient of W1
            return loss, (d_W1, d_W2)"""
    )


def test_a_sigmoid_written_with_exp_has_the_same_derivative() -> None:
    def sigmoid(x):
        return 1.0 / (1 + np.exp(-x))

    def loss_fn(W1, W2, x, y):
        layer1 = sigmoid(np.dot(x, W1))
        output = sigmoid(np.dot(layer1, W2))
        loss = np.sum((y - output) ** 2)
        return loss

    W1, W2, X, y = rows()
    program = mt.derive(loss_fn, W1, W2, X, y, argnums=(0, 1))
    assert "d_z = d_output * output * (1 - output)" in program.source
    loss, (d_W1, d_W2) = pasted(program)(W1, W2, X, y)
    network = by_hand.NeuralNetwork(X, y, weights=(W1, W2))
    network.feedforward()
    network.backprop()
    assert_allclose(loss, network.loss(), rtol=1e-14)
    assert_allclose(d_W1, network.gradients()[0], rtol=1e-13)
    assert_allclose(d_W2, network.gradients()[1], rtol=1e-13)


def code_lines(text: str) -> int:
    """Count the lines of code, without blank ones, comments and docstrings."""
    text = re.sub(r'""".*?"""', "", text, flags=re.DOTALL)
    return sum(1 for line in text.splitlines() if line.strip() and line.strip()[0] != "#")


def test_the_source_is_no_longer_than_the_tutorials_code() -> None:
    def loss_fn(W1, W2, x, y):
        a1 = mt.sigmoid(x @ W1)
        a2 = mt.sigmoid(a1 @ W2)
        return ((a2 - y) ** 2).sum()

    own = mt.derive(loss_fn, *rows(), argnums=(0, 1)).source
    network = by_hand.NeuralNetwork
    theirs = [
        by_hand.sigmoid,
        by_hand.sigmoid_derivative,
        network.feedforward,
        network.backprop,
        network.loss,
    ]
    assert code_lines(own) <= sum(code_lines(inspect.getsource(f)) for f in theirs)


def test_the_second_tutorials_network() -> None:
    def cost_function(params, X, Y):
        A = X
        for layer in range(1, len(params) // 2 + 1):
            Z = params[f"W{layer}"] @ A + params[f"b{layer}"]
            A = mt.sigmoid(Z)
        m = Y.shape[1]
        cost = (-1 / m) * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
        return cost

    X, Y = by_hand_deep.truth_table()
    params = by_hand_deep.init_params([3, 4, 1], np.random.default_rng(0), scale=1.0)
    program = mt.derive(cost_function, params, X, Y, argnums=0)
    cost, gradients = pasted(program)(*params.values(), X, Y)
    A, caches = by_hand_deep.forward_prop(X, params)
    expected = by_hand_deep.backprop(A, Y, caches)
    assert_allclose(cost, by_hand_deep.cost_function(A, Y), rtol=1e-14)
    for name, gradient in gradients.items():
        assert_allclose(gradient, expected["d" + name], rtol=1e-12)
    assert "A1 = " in program.source
    assert "d_params_W2 = d_Z2 @ A1.T  # the gradient of params['W2']" in program.source
    theirs = [
        by_hand_deep.sigmoid,
        by_hand_deep.forward_prop,
        by_hand_deep.cost_function,
        by_hand_deep.one_layer_backward,
        by_hand_deep.backprop,
    ]
    assert code_lines(program.source) <= sum(code_lines(inspect.getsource(f)) for f in theirs)


def test_a_training_step_of_modules() -> None:
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid())
    criterion, optimizer = nn.SSELoss(), optim.SGD(model.parameters(), lr=0.5)
    x, y = rng.random((4, 3)), rng.random((4, 1))

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    program = mt.trace(step, x, y)
    source = program.source
    assert (
        "def step(x, y, model_0_weight, model_0_bias, model_2_weight, model_2_bias, lr):" in source
    )
    assert "model_0_weight = model_0_weight - lr * d_model_0_weight" in source
    assert len(program.equations) == 28
    values = [p.numpy().copy() for p in model.parameters()]
    results = pasted(program)(x, y, *values, 0.5)
    loss = step(x, y)
    assert_allclose(results[0], loss.item(), rtol=1e-14)
    left = {
        id(u.slot.tensor): r
        for u, r in zip(program.updates, results[1:], strict=True)
        if type(u.slot).__name__ == "TensorSlot"
    }
    for parameter in model.parameters():
        assert_allclose(left[id(parameter)], parameter.numpy(), rtol=1e-13)


# Names, and how things are written


def printed(fn: Callable[..., Any], *args: Any) -> str:
    return mt.trace(fn, *args).source.split("\n\n\n")[-1]


X = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("fn", "expression"),
    [
        (lambda x, y: x * (y + x), "x * (y + x)"),
        (lambda x, y: (x + y) + x, "x + y + x"),
        (lambda x, y: x + (y + x), "x + (y + x)"),
        (lambda x, y: x - (y - x), "x - (y - x)"),
        (lambda x, y: x / (y * y), "x / (y * y)"),
        (lambda x, y: (-x) ** 2, "(-x) ** 2"),
        (lambda x, y: -(x**2), "-x ** 2"),
        (lambda x, y: (x + y).T, "(x + y).T"),
        (lambda x, y: x[0, 1:], "x[0, 1:]"),
        (lambda x, y: x[:, [0, 0]], "x[:, [0, 0]]"),
        (lambda x, y: x[..., None, ::-2], "x[..., None, ::-2]"),
        (lambda x, y: x.reshape(3, 2), "x.reshape((3, 2))"),
        (lambda x, y: x.astype(np.float32), "x.astype(np.float32)"),
        (lambda x, y: np.sum(x, axis=0), "np.sum(x, axis=0)"),
        (lambda x, y: (x > y) & (x < 1), "(x > y) & (x < 1)"),
        (lambda x, y: np.where(x > 0, x, y), "np.where(x > 0, x, y)"),
        (lambda x, y: np.maximum(x, math.inf), "np.maximum(x, np.inf)"),
        (lambda x, y: np.concatenate([x, y], axis=1), "np.concatenate([x, y], axis=1)"),
        (lambda x, y: x * np.array([1.0, 2.0, 4.0]), "x * np.array([1.0, 2.0, 4.0])"),
        (lambda x, y: np.argsort(x, axis=0), "np.argsort(x, axis=0)"),
    ],
)
def test_expressions_have_the_parentheses_they_need(fn: Any, expression: str) -> None:
    program = mt.trace(fn, X, X + 1)
    assert program.source.splitlines()[-1].strip() == f"return {expression}"
    assert_array_equal(pasted(program)(X, X + 1), program(X, X + 1))


def test_auxiliary_values_stand_with_the_gradients_that_need_them() -> None:
    def loss_fn(w, x):
        p = mt.sigmoid(x * w)
        loss = F.binary_cross_entropy(p, np.ones(3))
        return loss

    source = mt.derive(loss_fn, np.ones(3), np.ones(3), argnums=0).source
    forward, backward = source.split("def loss_fn")[1].split("\n\n")
    assert forward.endswith("loss = np.mean(binary_cross_entropy(p, np.ones(3)))")
    assert backward.splitlines()[0].strip() == "one_minus_p = 1 - p"
    assert "d_p * p * one_minus_p" in backward


def test_a_draw_is_made_by_a_generator_that_the_function_takes() -> None:
    rng = np.random.default_rng(0)

    def kernel(generator, shape, dtype):
        return generator.random(shape, dtype)

    draw = Op("random", kernel, arity=0, register=False)
    out, total = Var((2,), np.dtype(np.float32)), Var((2,), np.dtype(np.float32))
    params = {"generator": rng, "shape": (2,), "dtype": np.dtype(np.float32)}
    equations = [
        Equation(draw, (), params, Var((2,), np.dtype(np.float32))),
        Equation(draw, (), params, out),
        Equation(mt.ops.add, (out, out), {}, total),
    ]
    program = Program("f", [], equations, [Output("array", total)], 0)
    assert "def f(rng):" in program.source
    assert program.source.count("rng.random((2,), dtype=np.float32)") == 2
    expected = np.random.default_rng(0)
    expected.random(2, np.float32)
    assert_array_equal(
        pasted(program)(np.random.default_rng(0)), 2 * expected.random(2, np.float32)
    )


def test_names_that_python_or_the_source_needs_are_changed() -> None:
    def f(np_, params, *rest):
        return params["lambda"] * np_ + rest[0] * params["0"]

    program = mt.trace(f, X, {"lambda": X, "0": X}, X)
    assert "def f(np_, params_lambda, params_0, rest_0):" in program.source
    assert_array_equal(pasted(program)(X, X, X, X), 2 * X * X)


def test_a_name_given_twice_is_numbered() -> None:
    def f(x):
        for _ in range(2):
            z = np.tanh(x)
            x = z * z
        return x

    lines = printed(f, X).splitlines()
    assert lines[1:4] == ["    z1 = np.tanh(x)", "    z2 = np.tanh(z1 * z1)", "    return z2 * z2"]


def test_a_long_expression_is_broken_by_names() -> None:
    def f(x):
        out = x
        for i in range(200):
            out = np.sin(out + float(i)) * 0.5
        return out

    program = mt.trace(f, X)
    assert max(map(len, program.source.splitlines())) <= 100
    assert_array_equal(pasted(program)(X), program(X))


def test_a_nested_result_is_printed_nested() -> None:
    def f(x):
        return {"a": (x + 1.0, [x * 2.0]), "b": None, "c": "text"}

    result = pasted(mt.trace(f, X))(X)
    assert result["b"] is None
    assert result["c"] == "text"
    assert_array_equal(result["a"][1][0], 2 * X)


def test_a_large_constant_becomes_a_parameter() -> None:
    large = np.random.default_rng(0).random((40, 40))
    program = mt.trace(lambda x: x @ (large + 0.0).copy(), np.ones((2, 40)))
    (parameter,) = re.findall(r"def function\(x, (\w+)\):", program.source)
    assert_allclose(pasted(program)(np.ones((2, 40)), large), np.ones((2, 40)) @ large, rtol=1e-14)
    assert parameter


def test_one_comment_says_what_each_gradient_is_of() -> None:
    def loss_fn(w, x):
        error = w * x - 1.0
        loss = (error**2).sum()
        return loss

    source = mt.derive(loss_fn, np.ones(2), np.ones(2)).source
    assert re.findall(r"d_(\w+) = .*# the gradient of (\w+)", source) == [
        ("error", "error"),
        ("w", "w"),
        ("x", "x"),
    ]


def test_gradients_that_are_equal_each_have_their_line() -> None:
    program = mt.derive(lambda x, y: ((x + y) ** 2).sum(), X, X)
    assert "# the gradient of x" in program.source
    assert "# the gradient of y" in program.source


# Operations of the user's own


def test_a_custom_operation_is_printed_with_its_function() -> None:
    limit = 3.0

    def bounded(x):
        """Documentation that nobody needs here."""
        return _scaled(np.clip(x, -limit, limit))

    op = mt.custom_op(bounded, lambda g, out, x: 2.0 * g * (abs(x) < limit), name="bounded")
    program = mt.derive(lambda x: (op(x) * x).sum(), X)
    assert "def bounded(x):" in program.source
    assert "Documentation" not in program.source
    loss, d_x = pasted(program)(X)
    assert_allclose(loss, np.sum(2 * np.clip(X, -3, 3) * X))
    assert_allclose(d_x, 2 * np.clip(X, -3, 3) + 2 * X * (abs(X) < 3))


def _scaled(x: Array, factor: float = 2.0) -> Array:
    result: Array = factor * x
    return result


def test_an_operation_without_source_is_refused_by_name() -> None:
    namespace: dict[str, Any] = {"np": np}
    exec("def hidden(x): return x * 2.0", namespace)
    op = mt.custom_op(namespace["hidden"], lambda g, out, x: 2.0 * g)
    with pytest.raises(UnsupportedError, match="hidden"):
        mt.trace(lambda x: op(x), X).source  # noqa: B018 - it raises


def test_a_result_without_a_literal_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="no literal"):
        mt.trace(lambda x: (x, object()), X).source  # noqa: B018 - it raises


# Losses of classes, whose checks look at values


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("ignore_index", [-100, 1])
@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
def test_losses_of_classes(loss: Any, ignore_index: int, reduction: str) -> None:
    def loss_fn(x, y):
        return loss(x, y, ignore_index=ignore_index, reduction=reduction).sum()

    rng = np.random.default_rng(0)
    x, other = rng.standard_normal((2, 4, 3))
    program = mt.derive(loss_fn, x, np.array([0, 1, 2, 2]), argnums=0)
    classes = np.array([2, 1, 1, 0])
    t = mt.tensor(other, requires_grad=True)
    expected = loss_fn(t, mt.tensor(classes))
    expected.backward()
    value, d_x = pasted(program)(other, classes)
    assert_allclose(value, expected.item(), rtol=1e-13)
    assert_allclose(d_x, t.grad.data, rtol=1e-12)


def test_an_array_that_the_function_refers_to_is_read_at_each_call() -> None:
    mask = np.array([1.0, 0.0, 1.0])

    def loss_fn(w):
        return (w * mask).sum()

    program = mt.derive(loss_fn, np.ones(3))
    mask[:] = [0.0, 2.0, 0.0]
    loss, d_w = program(np.ones(3))
    assert loss.item() == 2.0
    assert_array_equal(d_w.numpy(), mask)


def test_indices_are_read_at_each_call_as_well() -> None:
    chosen = np.array([0, 1])
    index = mt.tensor(np.array([2, 2]))

    def loss_fn(x):
        return (x[chosen] * x[index]).sum()

    program = mt.derive(loss_fn, np.arange(3.0))
    chosen[:] = [2, 2]
    index.data = np.array([0, 1])
    loss, d_x = program(np.arange(3.0))
    assert loss.item() == 2.0
    assert_array_equal(d_x.numpy(), [2.0, 2.0, 1.0])
    assert pasted(program)(np.arange(3.0), chosen, index.data)[0] == 2.0


def test_of_assignments_to_one_place_the_last_counts_whatever_the_indices_are() -> None:
    def loss_fn(x, y, index):
        return (mt.ops.setitem(x, y, index) * np.array([1.0, 10.0, 100.0])).sum()

    program = mt.derive(loss_fn, np.zeros(3), np.ones(2), np.array([0, 1]), argnums=(0, 1))
    loss, (d_x, d_y) = pasted(program)(np.zeros(3), np.array([3.0, 5.0]), np.array([2, 2]))
    assert loss == 500.0
    assert_array_equal(d_x, [1.0, 10.0, 0.0])
    assert_array_equal(d_y, [0.0, 100.0])


def test_a_mask_of_traced_values_is_refused() -> None:
    with pytest.raises(TracingError, match=r"np\.where"):
        mt.trace(lambda x: x[x > 0].sum(), X)
