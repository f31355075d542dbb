"""Tests of microtensor.anomaly: the operation, the operands and the line that made a NaN or Inf."""

import asyncio
import linecache
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import optim, record
from microtensor.autograd import detect_anomaly, grad
from microtensor.errors import AnomalyError, MicrotensorError
from microtensor.state import modes


def leaf(*values: float, name: str | None = None) -> mt.Tensor:
    return mt.tensor(list(values), requires_grad=True, name=name)


def blamed(function: Callable[[], Any]) -> tuple[str, str]:
    """Return the message of the anomaly that ``function`` meets, and the line that it shows."""
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        function()
    message = str(caught.value)
    said, _, shown = message.partition("  File ")
    where, _, text = shown.partition("\n")
    if where:
        path, number = where.split('"')[1], int(where.split("line ")[1].split(",")[0])
        assert linecache.getline(path, number).strip() == text.strip()
    return said, text.strip()


# Forward


@pytest.mark.parametrize(
    ("kernel", "values", "made"),
    [
        (np.log, [1.0, 0.0], "log made the first -Inf"),
        (np.log, [1.0, -1.0], "log made the first NaN"),
        (np.sqrt, [1.0, -1.0], "sqrt made the first NaN"),
        (np.exp, [1.0, 1e3], "exp made the first Inf"),
        (np.reciprocal, [1.0, 0.0], "reciprocal made the first Inf"),
    ],
)
def test_an_operation_is_named_with_its_operand_and_line(
    kernel: Any, values: list[float], made: str
) -> None:
    probabilities = leaf(*values)

    def compute() -> None:
        first = probabilities * 1.0
        kernel(first)  # this line

    said, line = blamed(compute)
    assert f"{made}: 1 of 2 elements of its result, the first at (1,)" in said
    assert f"from 'first' float64 (2,) (there {values[1]})" in said
    assert line == "kernel(first)  # this line"


def test_each_operand_is_shown_where_it_happened() -> None:
    x, weights = leaf(0.0, 1.0), mt.tensor([[2.0], [np.inf]])
    said, _ = blamed(lambda: x * weights)
    assert "multiply made the first NaN" in said
    assert "'x' float64 (2,) (there 0.0) and 'weights' float64 (2, 1) (there inf)" in said
    said, _ = blamed(lambda: leaf(1.0, 0.0) - leaf(1.0, 2.0) / leaf(0.0, 1.0))
    assert "divide made the first Inf" in said


def test_the_first_is_blamed_and_none_that_follows() -> None:
    x = leaf(4.0, 0.0)

    def compute() -> None:
        a = np.sqrt(x)
        b = 1 / a
        c = b - b
        c.sum()

    said, line = blamed(compute)
    assert "divide made the first Inf" in said
    assert "'a' float64 (2,) (there 0.0)" in said
    assert line == "b = 1 / a"


def test_operations_that_are_not_recorded_are_checked() -> None:
    x = mt.tensor([0.0])
    assert "log made the first -Inf" in blamed(lambda: np.log(x))[0]

    def update() -> None:
        with mt.no_grad():
            leaf(0.0) / leaf(0.0)

    assert "divide made the first NaN" in blamed(update)[0]


def test_operations_of_any_number_of_operands_are_checked() -> None:
    big, small = leaf(1e200), mt.tensor([1e200])
    assert "einsum made the first Inf" in blamed(lambda: np.einsum("i,i->", big, small))[0]
    assert "matmul made the first Inf" in blamed(lambda: big @ small)[0]
    said, _ = blamed(lambda: F.linear(big, small[None], mt.tensor([0.0])))
    assert "linear made the first Inf" in said


def test_what_stays_finite_passes() -> None:
    x = mt.tensor(np.array([[0.0, 1.0], [-2.0, 3.0]]), requires_grad=True)
    with detect_anomaly():
        mt.softplus(1000 * x).sum().backward()
        (mt.log_softmax(1e6 * x) * 0.5).sum().backward()
        p = mt.tensor([1.0, 0.0])
        F.binary_cross_entropy(p, p)  # its logarithms are clamped inside
        assert not mt.any(np.isnan(x))


def test_an_inf_that_is_given_on_purpose_passes() -> None:
    scores = mt.tensor(np.ones((2, 2)), requires_grad=True)
    mask = np.triu(np.full((2, 2), -np.inf), 1)
    with detect_anomaly():
        mt.softmax(scores + mask)[:, 0].sum().backward()
        mt.softmax(np.where(mask == 0, scores, -np.inf))[:, 0].sum().backward()
        np.minimum(scores, np.inf).sum().backward()
    assert np.isfinite(scores.grad.data).all()
    assert "subtract made the first NaN" in blamed(lambda: (scores + mask) - mask)[0]


# What came in


def test_a_nan_in_a_leaf_came_in_with_it() -> None:
    data, w = np.array([1.0, np.nan, 3.0]), leaf(1.0, 2.0, 3.0)
    said, line = blamed(lambda: w * data)
    assert "'data' float64 (3,), an operand of multiply, holds NaN at (1,) already" in said
    assert "came in with that leaf" in said
    assert line.endswith("blamed(lambda: w * data)")
    batch = mt.tensor(data, name="batch")
    assert "'batch' float64 (3,), an operand of getitem" in blamed(lambda: batch[1])[0]
    assert "nan, an operand of multiply, holds NaN" in blamed(lambda: w * np.nan)[0]


def test_a_parameter_that_became_infinite_is_reported() -> None:
    w = leaf(1.0, name="w")
    with detect_anomaly(), mt.no_grad():
        w /= 0.0
    assert "'w' float64 (1,), an operand of multiply, holds Inf at (0,)" in blamed(lambda: w * 2)[0]


def test_what_was_computed_before_is_told_from_a_leaf() -> None:
    with np.errstate(all="ignore"):
        before = np.log(leaf(-1.0))
    assert "computed before the block began" in blamed(lambda: before * 2)[0]


# Backward


def test_the_right_square_root_of_several_is_blamed() -> None:
    """As in pytorch#160016, where the traceback points at another one."""
    x = mt.tensor([[4.0, 0.0]], requires_grad=True)

    def train() -> None:
        a = np.sqrt(x + 1)
        b = np.sqrt(x * 2)  # the wrong one
        c = np.sqrt(a)
        loss = (a + b + c).sum()
        loss.backward()

    said, line = blamed(train)
    assert "In the backward pass, the rule of sqrt made the first Inf" in said
    assert "1 of 2 elements of the gradient of the result of multiply, float64 (1, 2)" in said
    assert "the incoming gradient is 1.0 and the result is 0.0" in said
    assert line == "b = np.sqrt(x * 2)  # the wrong one"
    assert x.grad is None


def test_operands_are_named_in_the_backward_pass_as_the_forward_pass_knew_them() -> None:
    def forward() -> mt.Tensor:
        distances = leaf(0.0, 1.0) * 1.0
        return distances**0.5

    said, line = blamed(lambda: forward().sum().backward())
    assert "the gradient of 'distances' float64 (2,)" in said
    assert "'distances' float64 (2,) is 0.0" in said
    assert line == "return distances**0.5"


def test_a_gradient_on_request_of_first_and_second_order_is_checked() -> None:
    x = leaf(0.0, 1.0)
    for create_graph in (False, True):
        said, _ = blamed(lambda: grad(np.sqrt(x).sum(), x, create_graph=create_graph))  # noqa: B023 - called at once
        assert "rule of sqrt" in said

    def second() -> None:
        y = x**1.5
        (first,) = grad(y.sum(), [x], create_graph=True)
        first.sum().backward()

    said, line = blamed(second)
    assert "rule of power made the first Inf" in said
    assert line == "y = x**1.5"
    assert "rule of sqrt" in blamed(lambda: mt.func.grad(np.sqrt)(0.0))[0]


def test_what_a_rule_computes_on_its_way_is_not_its_result() -> None:
    masked = mt.custom_op(
        lambda x: x * 1, lambda g, out, x: np.where(x == 0, g, g / x), name="masked"
    )
    x = leaf(0.0, 2.0)
    with detect_anomaly():
        grad(masked(x).sum(), x)
        found = grad(masked(x).sum(), x, create_graph=True)
    assert found.tolist() == [1.0, 0.5]


def test_a_gradient_that_is_given_or_adds_up_is_told_apart() -> None:
    x = leaf(0.1, 0.2)
    said, _ = blamed(lambda: (x * 2).backward([1.0, np.nan]))
    assert "The gradient of the result of multiply, shape (2,) holds NaN at (1,)" in said
    y = x * 1
    said, _ = blamed(lambda: (y + y).backward(np.full(2, 1e308)))
    assert "The gradient of the result of multiply, shape (2,) holds Inf at (0,)" in said
    said, _ = blamed(lambda: (x * 1e308 + x * 1e308).sum().backward())
    assert "The gradient of the tensor, shape (2,) holds Inf at (0,)" in said
    assert x.grad is None


def test_a_forward_pass_outside_of_the_block_is_asked_for() -> None:
    y = np.sqrt(leaf(0.0)).sum()
    said, line = blamed(y.backward)
    assert "rule of sqrt" in said
    assert "outside of detect_anomaly(): include the forward pass" in said
    assert line == ""


# The mode


def test_it_is_a_context_and_a_decorator_that_nests_and_is_set_back() -> None:
    @detect_anomaly()
    def decorated() -> None:
        np.log(leaf(0.0))

    for _ in range(2):
        with pytest.raises(AnomalyError):
            decorated()
        assert (modes.watcher, record.watching) == (None, 0)
    mode = detect_anomaly()
    with mode, mode, detect_anomaly():
        assert record.watching == 3
        with pytest.raises(AnomalyError):
            np.log(leaf(0.0))
    assert (modes.watcher, record.watching) == (None, 0)

    async def later() -> None:
        await asyncio.sleep(0)

    with pytest.raises(TypeError, match="coroutine"):
        detect_anomaly()(later)


def test_a_failing_rule_leaves_the_block_watching() -> None:
    def fail(g: Any, out: Any, x: Any) -> Any:
        raise ZeroDivisionError

    broken = mt.custom_op(lambda x: x * 1, fail)
    with detect_anomaly():
        with pytest.raises(MicrotensorError, match="ZeroDivisionError"):
            broken(leaf(1.0)).backward()
        with pytest.raises(AnomalyError):
            np.log(leaf(0.0))


def test_other_threads_are_not_watched() -> None:
    inside, done = threading.Event(), threading.Event()
    found: list[Any] = []

    def other() -> None:
        inside.wait(10)
        with np.errstate(all="ignore"):
            found.append(np.log(mt.tensor([0.0])).item())
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with detect_anomaly():
        inside.set()
        done.wait(10)
    thread.join()
    assert found == [-np.inf]


def test_numpys_warnings_are_silent_within_and_as_before_after() -> None:
    before = np.geterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(all="raise"):
            assert "log made" in blamed(lambda: np.log(leaf(0.0)))[0]
            with pytest.raises(FloatingPointError):
                np.log(np.zeros(1))
    assert np.geterr() == before


def test_results_are_those_without_it_and_training_goes_on() -> None:
    def train() -> np.ndarray:
        w = mt.tensor(np.ones((3, 2)), requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1, momentum=0.9)
        for _ in range(5):
            optimizer.zero_grad()
            loss = np.square(np.tanh(np.ones((4, 3)) @ w) - 0.5).sum() + abs(w).max()
            loss.backward()
            optimizer.step()
        return w.data

    with detect_anomaly():
        watched = train()
    np.testing.assert_array_equal(watched, train())


def test_an_anomaly_is_a_floating_point_error() -> None:
    assert issubclass(AnomalyError, FloatingPointError)
    assert mt.autograd.detect_anomaly is detect_anomaly
