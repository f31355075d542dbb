"""Tests of microtensor.state: when operations are recorded."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import microtensor as mt


def records() -> bool:
    """Tell whether an operation done here is recorded."""
    recorded = (mt.tensor([1.0], requires_grad=True) * 2).requires_grad
    assert recorded == mt.is_grad_enabled()
    return recorded


def test_operations_are_recorded_by_default() -> None:
    assert records()


def test_modes_nest_and_are_set_back() -> None:
    with mt.no_grad():
        assert not records()
        with mt.enable_grad():
            assert records()
            with mt.no_grad():
                assert not records()
            assert records()
        assert not records()
    assert records()


@pytest.mark.parametrize("mode", [mt.no_grad, mt.enable_grad])
def test_an_exception_sets_the_mode_back(mode: Callable[[], Any]) -> None:
    with pytest.raises(ZeroDivisionError), mode():
        raise ZeroDivisionError
    assert records()


def test_a_decorated_function_runs_in_the_mode() -> None:
    @mt.no_grad()
    def without(x: int, *, y: int = 2) -> tuple[bool, int]:
        """Return whether it records."""
        return records(), x + y

    @mt.enable_grad()
    def within() -> bool:
        return records()

    assert without(1, y=3) == (False, 4)
    assert without.__name__ == "without"
    assert without.__doc__ == "Return whether it records."
    assert records()
    with mt.no_grad():
        assert within()
        assert not records()


def test_a_decorated_function_may_call_itself() -> None:
    @mt.no_grad()
    def depth(n: int) -> int:
        assert not records()
        return n and 1 + depth(n - 1)

    assert depth(5) == 5
    assert records()


def test_a_decorated_function_that_raises_sets_the_mode_back() -> None:
    @mt.no_grad()
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert records()


def test_one_context_can_be_entered_again_and_again() -> None:
    off = mt.no_grad()
    with off, off:
        assert not records()
    assert records()
    with off:
        with mt.enable_grad(), off:
            assert not records()
        assert not records()
    assert records()


def test_generators_and_coroutines_are_refused_since_their_body_runs_later() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    async def wait() -> None:
        await asyncio.sleep(0)

    async def count() -> Any:
        yield 1

    for function in (numbers, wait, count):
        with pytest.raises(TypeError, match=r"with no_grad\(\)"):
            mt.no_grad()(function)


def test_threads_have_modes_of_their_own() -> None:
    inside, done = threading.Event(), threading.Event()
    seen: dict[str, bool] = {}

    def other() -> None:
        seen["at the start"] = records()
        with mt.no_grad():
            inside.set()
            done.wait(10)
            seen["in no_grad"] = records()

    with mt.no_grad():
        thread = threading.Thread(target=other)
        thread.start()
        inside.wait(10)
        seen["outside, in no_grad"] = records()
    seen["outside"] = records()
    done.set()
    thread.join()
    assert seen == {
        "at the start": True,
        "in no_grad": False,
        "outside, in no_grad": False,
        "outside": True,
    }


def test_a_context_shared_by_threads_sets_each_back() -> None:
    shared, barrier = mt.no_grad(), threading.Barrier(4)
    after: list[bool] = []

    def use() -> None:
        for _ in range(50):
            barrier.wait(10)
            with shared:
                assert not records()
        after.append(records())

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert after == [True] * 4


def test_a_context_shared_by_threads_of_different_modes_sets_each_back() -> None:
    shared = mt.no_grad()
    entered, left = threading.Event(), threading.Event()
    after: list[bool] = []

    def other() -> None:
        with mt.no_grad():
            with shared:
                entered.set()
                left.wait(10)
            after.append(records())
        after.append(records())

    thread = threading.Thread(target=other)
    with shared:
        thread.start()
        entered.wait(10)
    left.set()
    thread.join()
    assert records()
    assert after == [False, True]


def test_what_was_not_recorded_is_a_constant_later() -> None:
    x = mt.tensor([2.0], requires_grad=True)
    with mt.no_grad():
        y = x * 3
    (x * y).sum().backward()
    assert x.grad.item() == 6.0
