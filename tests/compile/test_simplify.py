"""Simplified programs: shorter, and equal to the last bit."""

import cProfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import microtensor as mt
from microtensor.compile.program import Literal, Program
from microtensor.compile.simplify import simplified
from microtensor.compile.tracing import traced
from microtensor.op import Op
from tests.cases import CASES, Case
from tests.compile.test_printing import depends_on_values, loss_of

X = np.array([[1.5, -2.0, 0.0], [-0.0, 4.0, 1e-3]])
Y = np.array([[0.5, 3.0, -1.0], [2.0, -0.0, 7.0]])


def both(fn: Callable[..., Any], *args: Any) -> tuple[Program, Program]:
    program, _ = traced(fn, args, {})
    return program, simplified(program)


def names(fn: Callable[..., Any], *args: Any) -> list[str]:
    return [eq.op.name for eq in both(fn, *args)[1].equations]


def assert_same(fn: Callable[..., Any], *args: Any) -> None:
    before, after = both(fn, *args)
    x, y = before(*args), after(*args)
    assert np.asarray(x).dtype == np.asarray(y).dtype
    assert_array_equal(x, y)


@pytest.mark.parametrize(
    ("fn", "left"),
    [
        (lambda x, y: x * 1.0, []),
        (lambda x, y: 1 * x, []),
        (lambda x, y: x / 1, []),
        (lambda x, y: x**1, []),
        (lambda x, y: x + 0.0, []),
        (lambda x, y: x - 0.0, []),
        (lambda x, y: -(-x), []),  # noqa: B002 - what is simplified
        (lambda x, y: x.T.T, []),
        (lambda x, y: x.copy(), []),
        (lambda x, y: +x, []),
        (lambda x, y: x.astype(float), []),
        (lambda x, y: x.reshape(2, 3), []),
        (lambda x, y: x.reshape(-1).reshape(3, 2), ["reshape"]),
        (lambda x, y: x[None][0], []),
        (lambda x, y: np.broadcast_to(x, (2, 3)), []),
        (lambda x, y: x + x, ["multiply"]),
        (lambda x, y: x + -y, ["subtract"]),
        (lambda x, y: x - -y, ["add"]),
        (lambda x, y: -(x - y), ["subtract"]),
        (lambda x, y: -(3.0 * x), ["multiply"]),
        (lambda x, y: -1.0 * x, ["negative"]),
        (lambda x, y: (-x) * (-y), ["multiply"]),
        (lambda x, y: x * np.ones((2, 3)), []),
        (lambda x, y: x * np.ones_like(x), []),
        (lambda x, y: x * np.broadcast_to(y[:1], (2, 3)), ["getitem", "multiply"]),
        (lambda x, y: np.exp(x) + np.exp(x), ["exp", "multiply"]),
        (lambda x, y: (x * y) - (y * x), ["multiply", "subtract"]),
        (lambda x, y: np.transpose(x[None], (1, 2, 0)).transpose(2, 0, 1)[0], []),
        (lambda x, y: x * np.float64(2.0) * np.float64(3.0), ["multiply", "multiply"]),
    ],
)
def test_the_algebra(fn: Any, left: list[str]) -> None:
    assert names(fn, X, Y) == left
    assert_same(fn, X, Y)


@pytest.mark.parametrize(
    ("fn", "left"),
    [
        (lambda x, y: x * 0.0, ["multiply"]),  # NaN for infinity
        (lambda x, y: 1.0 / (x + 0.0), ["add", "divide"]),  # 1 / -0 is -infinity
        (lambda x, y: 1.0 / -(x - y), ["subtract", "negative", "divide"]),
        (lambda x, y: 1.0 / np.expm1(x + 0.0), ["add", "expm1", "divide"]),
        (lambda x, y: np.copysign(y, x + 0.0), ["add", "copysign"]),
        (lambda x, y: x + np.zeros((1, 2, 3)), ["add"]),  # another shape
        (lambda x, y: x.astype(np.float32) * np.float64(1.0), ["astype", "multiply"]),
        (lambda x, y: (x > 0) * 1.0, ["greater", "multiply"]),  # another dtype
        (lambda x, y: np.float64(0.1) + np.float64(0.2) + x, ["add"]),
    ],
)
def test_what_would_change_a_value_stays(fn: Any, left: list[str]) -> None:
    with np.errstate(all="ignore"):
        assert names(fn, X, Y) == left
        assert_same(fn, X, Y)


def test_special_values_stay() -> None:
    values = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0])

    def f(x):
        return -(x - 1.0) * 1.0 + (x + x) * np.ones(5) - -(2.0 * x)

    with np.errstate(all="ignore"):
        assert_same(f, values)


def test_dead_code_goes_and_arguments_stay() -> None:
    program = both(lambda x, y: (np.exp(x), x * 2.0)[1], X, Y)[1]
    assert [eq.op.name for eq in program.equations] == ["multiply"]
    assert [read.slot.name for read in program.reads] == ["x", "y"]


def test_float32_programs_stay_float32() -> None:
    x = np.ones(3, np.float32)
    program = mt.derive(lambda x: (x * x).mean(), x)
    assert {eq.out.dtype for eq in program.equations} == {np.dtype(np.float32)}


def test_numbers_are_plain() -> None:
    program = mt.derive(lambda x: (x * x).mean(), X)
    literals = [a.value for eq in program.equations for a in eq.inputs if isinstance(a, Literal)]
    assert {type(value) for value in literals} <= {int, float}


def test_draws_are_never_merged_or_dropped() -> None:
    draw = Op("random", lambda x: x, arity=1, register=False)

    def f(x):
        draw(mt.tensor(x))
        return draw(mt.tensor(x)) + draw(mt.tensor(x))

    assert names(f, X) == ["random", "random", "random", "add"]


def test_the_program_itself_stays_as_it_is() -> None:
    program, _ = traced(lambda x: (x + 0.0) * 1.0 + x, (X,), {})
    described = [(eq.op.name, eq.inputs, eq.out, eq.out.name) for eq in program.equations]
    simplified(program)
    assert [(eq.op.name, eq.inputs, eq.out, eq.out.name) for eq in program.equations] == described


def test_simplifying_twice_changes_nothing() -> None:
    program = mt.derive(lambda x: np.tanh(x @ x.T).sum(), X)
    again = simplified(program)
    assert [eq.op for eq in again.equations] == [eq.op for eq in program.equations]


def test_a_value_that_is_replaced_leaves_its_name() -> None:
    def f(x):
        named = (x * x) * 1.0
        return np.exp(named)

    assert both(f, X)[1].equations[0].out.name == "named"


def test_the_time_grows_with_the_length() -> None:
    def chain(n: int) -> Callable[..., Any]:
        def f(x):
            for i in range(n):
                x = x * 1.0 + float(i % 7)
            return x

        return f

    def calls(n: int) -> int:
        program, _ = traced(chain(n), (np.ones(2),), {})
        profile = cProfile.Profile()
        short = profile.runcall(simplified, program)
        assert len(short.equations) <= n
        return sum(entry.callcount for entry in profile.getstats())

    assert calls(4_000) < 2.2 * calls(2_000)


SAMPLE = [c for c in CASES if c.differentiated and not depends_on_values(c)][::8]


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_simplified_gradients_are_equal_to_the_last_bit(case: Case) -> None:
    from microtensor.autograd import grad

    loss_fn = loss_of(case, 1)

    def gradients(*inputs: Any) -> Any:
        xs = [mt.tensor(x, requires_grad=i in case.differentiated) for i, x in enumerate(inputs)]
        loss = loss_fn(*xs)
        if not loss.requires_grad:
            return loss
        return grad([loss], [xs[i] for i in case.differentiated], allow_unused=True)

    before, after = both(gradients, *case.inputs)
    with np.errstate(all="ignore"):
        for x, y in zip(flat(before(*case.inputs)), flat(after(*case.inputs)), strict=True):
            assert_array_equal(x, y)
            assert x.dtype == y.dtype


def flat(result: Any) -> list[Any]:
    parts = result if isinstance(result, tuple) else (result,)
    return [x.numpy() for x in parts if x is not None]
