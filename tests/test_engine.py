"""Tests of microtensor.engine: what backward computes, changes, keeps and frees."""

import gc
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import microtensor as mt
from microtensor.autograd import grad
from microtensor.errors import GradientError, InternalError, ReleasedGraphError, ShapeError
from microtensor.op import Op


def leaf(*values: float, name: str | None = None) -> mt.Tensor:
    return mt.tensor(list(values), requires_grad=True, name=name)


# Graphs of every form


def test_a_fresh_leaf_can_be_both_operands() -> None:
    x = leaf(3.0, -4.0)
    (x * x).sum().backward()
    assert_array_equal(x.grad.data, [6, -8])


@pytest.mark.parametrize(
    ("expression", "derivative"),
    [
        ("x + x", 2.0),
        ("x - x", 0.0),
        ("x / x", 0.0),
        ("x * x * x", 12.0),
        ("x ** x", 4 * (1 + np.log(2))),
        ("np.maximum(x, x)", 1.0),
        ("(x * x) * (x * x)", 32.0),
        ("np.stack([x, x, x]).sum()", 3.0),
        ("np.einsum('i,i,i->', x[None], x[None], x[None])", 12.0),
    ],
)
def test_uses_of_one_tensor_add_up(expression: str, derivative: float) -> None:
    x = mt.tensor(2.0, requires_grad=True)
    eval(expression, {"np": np, "x": x}).backward()
    assert_allclose(x.grad.data, derivative, rtol=1e-15)


def test_a_diamond_is_walked_once_and_in_order() -> None:
    x = mt.tensor(3.0, requires_grad=True)
    y = x * x
    left, right = y * 2, y * y
    (left * right + y).backward()  # 2 y³ + y with y = x²
    assert_allclose(x.grad.data, (6 * 81 + 1) * 6)


def test_a_ladder_of_shared_results_takes_linear_time() -> None:
    x = mt.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(200):  # 2^200 paths
        y = (y + y) * 0.5
    y.backward()
    assert x.grad.item() == 1.0


def test_a_result_of_several_parts_gets_the_gradient_of_each() -> None:
    x = leaf(1.0, 2.0, 3.0, 4.0)
    first, _, last = np.split(x * 2, [1, 3])
    (first.sum() + 10 * last.sum()).backward()
    assert_array_equal(x.grad.data, [2, 0, 0, 20])


def test_constants_between_leaves_get_no_gradient() -> None:
    x, c = leaf(1.0), mt.tensor([5.0])
    (x * c + c * c).sum().backward()
    assert x.grad.item() == 5.0
    assert c.grad is None


# Accumulation


def test_gradients_accumulate_until_they_are_cleared() -> None:
    x = leaf(1.0, 2.0)
    for times in (1, 2, 3):
        (x * 3).sum().backward()
        assert_array_equal(x.grad.data, [3.0 * times] * 2)
    x.grad = None
    (x * 3).sum().backward()
    assert_array_equal(x.grad.data, [3.0] * 2)


def test_accumulation_leaves_the_earlier_gradient_as_it_was() -> None:
    x = leaf(1.0)
    (x * 2).sum().backward()
    first = x.grad
    (x * 2).sum().backward()
    assert first.item() == 2.0
    assert x.grad.item() == 4.0


@pytest.mark.parametrize(
    "expression", ["x + y", "x - y", "np.stack([x, y])", "+x + +y", "x.T + y.T"]
)
def test_leaves_never_share_a_gradient(expression: str) -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    out = eval(expression, {"np": np, "x": x, "y": y})
    seed = np.ones(out.shape)
    out.backward(seed)
    before = y.grad.data.copy()
    x.grad.data[...] = 99
    seed[...] = 77
    assert_array_equal(y.grad.data, before)
    assert_array_equal(x.grad.data, 99)


def test_the_gradient_of_a_leaf_with_respect_to_itself_is_a_copy_of_the_one_given() -> None:
    x, seed = leaf(1.0, 2.0), np.array([3.0, 4.0])
    x.backward(seed)
    seed[...] = 0
    assert_array_equal(x.grad.data, [3, 4])


def test_a_rule_that_returns_what_was_saved_does_not_give_it_away() -> None:
    lazy = Op("lazy", lambda x: x * 1, (lambda g, out, x: x,), saves="x", register=False)
    x = leaf(1.0, 2.0)
    lazy(x).backward(np.ones(2))
    x.grad.data[...] = 0
    assert_array_equal(x.data, [1, 2])


# What backward takes


def test_backward_of_several_elements_needs_a_gradient() -> None:
    with pytest.raises(GradientError, match=r"shape \(2,\) has 2\. .*\.sum\(\)"):
        (leaf(1.0, 2.0) * 2).backward()


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_backward_of_one_element_needs_none(shape: tuple[int, ...]) -> None:
    x = mt.tensor(np.full(shape, 3.0), requires_grad=True)
    (x * x).backward()
    assert_array_equal(x.grad.data, np.full(shape, 6.0))


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 1), (1, 2)])
def test_a_gradient_of_another_shape_is_refused_and_never_broadcast(shape: tuple[int, ...]) -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(ShapeError, match=r"shape .* not \(2,\)"):
        (x * 2).backward(np.ones(shape))
    assert x.grad is None


def test_a_gradient_may_be_a_tensor_a_list_or_of_another_dtype() -> None:
    for gradient in (mt.tensor([1.0, 2.0]), [1, 2], np.array([1, 2], np.float32)):
        x = leaf(1.0, 1.0)
        (x * 3).backward(gradient)
        assert_array_equal(x.grad.data, [3, 6])
        assert x.grad.dtype == np.float64


def test_backward_of_a_constant_is_refused() -> None:
    with pytest.raises(GradientError, match="requires a gradient"):
        mt.tensor(1.0).backward()
    with mt.no_grad():
        y = mt.tensor(1.0, requires_grad=True) * 2
    with pytest.raises(GradientError, match="no_grad"):
        y.backward()


# What backward keeps and drops


def test_a_second_backward_raises_and_says_what_to_do() -> None:
    x = leaf(1.0, 2.0, name="weights")
    y = (x * x).sum()
    y.backward()
    with pytest.raises(ReleasedGraphError, match=r"second time.*retain_graph=True"):
        y.backward()
    assert_array_equal(x.grad.data, [2, 4])


def test_a_second_backward_through_a_shared_part_raises() -> None:
    x = leaf(1.0)
    shared = np.exp(x)
    (shared * 2).sum().backward()
    with pytest.raises(ReleasedGraphError):
        (shared * 3).sum().backward()


def test_retain_graph_permits_any_number_of_passes() -> None:
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    for times in (1, 2, 3):
        y.backward(retain_graph=True)
        assert_array_equal(x.grad.data, times * 2 * x.data)
    y.backward()
    with pytest.raises(ReleasedGraphError):
        y.backward()


def test_saved_arrays_are_dropped_and_the_skeleton_stays() -> None:
    w = mt.tensor(np.ones((2, 3)), requires_grad=True, name="w")
    hidden = np.tanh(w * 2)
    loss = hidden.sum()
    saved = weakref.ref(hidden.data)
    tanh = loss._node.parents[0]
    del hidden
    assert saved() is not None
    loss.backward()
    assert saved() is None
    assert loss._node.op.name == "sum"
    assert tanh.op.name == "tanh"
    assert tanh.shape == (2, 3)
    assert tanh.parents[0].op.name == "multiply"
    assert tanh.parents[0].parents[0].name == "w"
    assert tanh.parents[0].parents[0].tensor() is w


def test_a_gradient_with_create_graph_keeps_the_graph() -> None:
    x = leaf(2.0)
    y = (x**3).sum()
    y.backward(create_graph=True)
    y.backward(create_graph=True)
    assert x.grad.item() == 24.0


# Orders


def test_create_graph_gives_gradients_of_every_order() -> None:
    x = mt.tensor(0.7, requires_grad=True)
    y = np.sin(x) * np.exp(x)
    expected = [  # d^n/dx^n (sin x e^x) = 2^(n/2) e^x sin(x + n π/4)
        2 ** (n / 2) * np.exp(0.7) * np.sin(0.7 + n * np.pi / 4) for n in range(6)
    ]
    for n in range(6):
        assert_allclose(y.data, expected[n], rtol=1e-13)
        y = grad(y, x, create_graph=True)


def test_backward_through_a_gradient_that_backward_left() -> None:
    x = leaf(2.0)
    (x**3).sum().backward(create_graph=True)
    g, x.grad = x.grad, None
    (g * g).sum().backward()  # (3x²)² → 36 x³
    assert x.grad.item() == 36 * 8


def test_backward_without_create_graph_leaves_a_constant() -> None:
    x = leaf(2.0)
    (x**3).sum().backward()
    assert not x.grad.requires_grad
    assert x.grad.is_leaf


def test_create_graph_records_even_under_no_grad() -> None:
    x = leaf(2.0)
    y = (x**3).sum()
    with mt.no_grad():
        g = grad(y, x, create_graph=True)
    assert g.requires_grad


# Errors leave everything as it was


def test_a_failing_rule_changes_no_gradient() -> None:
    def fail(g, out, x):
        raise ZeroDivisionError

    broken = Op("broken", lambda x: x * 2, (fail,), register=False)
    x, y = leaf(1.0), leaf(2.0)
    x.grad = [5.0]
    out = (broken(x * 1.0) * y).sum()
    with pytest.raises(ZeroDivisionError):
        out.backward()
    assert x.grad.item() == 5.0
    assert y.grad is None


def test_an_interrupted_backward_can_be_tried_again_only_where_nothing_was_dropped() -> None:
    attempts = []

    def interrupted_once(g, out, x):
        attempts.append(1)
        if len(attempts) == 1:
            raise KeyboardInterrupt
        return g * 2

    moody = Op("moody", lambda x: x * 2, (interrupted_once,), register=False)
    for retain in (True, False):
        attempts.clear()
        x = leaf(1.0)
        out = np.exp(moody(x * 1.0)).sum()
        with pytest.raises(KeyboardInterrupt):
            out.backward(retain_graph=retain)
        assert x.grad is None
        if retain:
            out.backward()
            assert_allclose(x.grad.data, 2 * np.exp(2))
        else:
            with pytest.raises(ReleasedGraphError):
                out.backward()


@pytest.mark.parametrize("shape", [(1,), (4,), (3, 1), (1, 3), ()])
def test_a_rule_of_the_wrong_shape_is_an_internal_error(shape: tuple[int, ...]) -> None:
    crooked = Op("crooked", lambda x: x * 2, (lambda g, out, x: np.ones(shape),), register=False)
    with pytest.raises(InternalError, match="crooked"):
        crooked(leaf(1.0, 2.0, 3.0)).sum().backward()


def test_a_refused_operation_leaves_its_operands_as_they_were() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(ShapeError):
        x + np.ones(3)
    (x * x).sum().backward()
    assert_array_equal(x.grad.data, [2, 4])


# Only what is needed is walked


def test_paths_to_nothing_that_is_wanted_are_not_walked() -> None:
    calls = []
    noted = Op("noted", lambda x: x * 1, (lambda g, out, x: calls.append(1) or g,), register=False)
    x, y = leaf(1.0), leaf(2.0)
    out = (noted(x) + y * 3).sum()
    assert grad(out, y, retain_graph=True).item() == 3.0
    assert not calls
    grad(out, x)
    assert calls == [1]


def test_no_rule_runs_for_an_input_without_a_gradient() -> None:
    def fail(g, out, x, y):
        raise AssertionError

    half = Op(
        "half", lambda x, y: x * y, (lambda g, out, x, y: g * y, fail), saves="y", register=False
    )
    x = leaf(1.0)
    half(x, mt.tensor([2.0])).sum().backward()
    assert x.grad.item() == 2.0


# Long chains, and what frees a graph


def chain(length: int) -> tuple[mt.Tensor, mt.Tensor]:
    x = mt.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(length):
        y = y * 1.0
    return x, y


def test_a_chain_of_a_million_operations_goes_forward_and_backward() -> None:
    limit = sys.getrecursionlimit()
    x, y = chain(1_000_000)
    y.backward()
    assert x.grad.item() == 1.0
    assert sys.getrecursionlimit() == limit
    del y  # freeing is iterative as well


def test_dropping_a_long_chain_that_was_never_walked_does_not_overflow_the_stack() -> None:
    code = (
        "import microtensor as mt\n"
        "x = y = mt.tensor(1.0, requires_grad=True)\n"
        "for _ in range(1_000_000): y = y * 1.0\n"
        "del y\n"
        "print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "alive\n", done.stderr


def test_time_is_linear_in_the_length_of_a_chain() -> None:
    def seconds(length: int) -> float:
        best = float("inf")
        for _ in range(3):
            began = time.perf_counter()
            chain(length)[1].backward()
            best = min(best, time.perf_counter() - began)
        return best

    assert seconds(80_000) < 8 * 2.5 * seconds(10_000)  # quadratic would be 64 times


@pytest.mark.parametrize("walked", [False, True, "retained", "recorded"])
def test_reference_counting_alone_frees_a_graph(walked: bool | str) -> None:
    gc.collect()
    gc.disable()
    try:
        x = mt.tensor(np.ones((2, 3)), requires_grad=True)
        hidden = np.tanh(x @ np.ones((3, 2)))
        joined = np.concatenate([hidden, hidden[::-1]])
        loss = (joined * joined).sum()
        nodes = [weakref.ref(t._node) for t in (hidden, joined, loss)]
        arrays = [weakref.ref(t.data) for t in (hidden, joined)]
        if walked:
            loss.backward(retain_graph=walked == "retained", create_graph=walked == "recorded")
        x.grad = None
        leaf_node = weakref.ref(x._node)
        del hidden, joined, loss
        assert all(node() is None for node in nodes)
        assert all(array() is None for array in arrays)
        del x
        assert leaf_node() is None
    finally:
        gc.enable()


def test_a_training_loop_leaves_no_cyclic_garbage() -> None:
    w = mt.tensor(np.ones((3, 2)), requires_grad=True)

    def step() -> None:
        loss = np.square(np.tanh(np.ones((4, 3)) @ w)).sum()
        loss.backward()
        with mt.no_grad():
            w.__isub__(0.1 * w.grad)
        w.grad = None

    step()
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            step()
        assert gc.collect() == 0
    finally:
        gc.enable()


# Threads


def test_threads_that_train_at_once_get_what_one_thread_gets() -> None:
    def train(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        w = mt.tensor(rng.standard_normal((3, 2)), requires_grad=True)
        x = rng.standard_normal((5, 3))
        for _ in range(60):
            np.square(np.tanh(x @ w) - 0.5).sum().backward()
            with mt.no_grad():
                w -= 0.1 * w.grad
            w.grad = None
        return w.data

    expected = [train(seed) for seed in range(8)]
    found: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda seed=seed: found.update({seed: train(seed)}))
        for seed in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(8):
        assert_array_equal(found[seed], expected[seed])
