"""Threads: each has its own modes, and models trained at once are those of one thread."""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import microtensor as mt
from microtensor import nn, optim
from microtensor.autograd import detect_anomaly
from microtensor.errors import AnomalyError, InPlaceError
from microtensor.inplace import Clock

COUNT = 8


@pytest.fixture(autouse=True)
def frequent_switches() -> Iterator[None]:
    """Switch between threads as often as can be."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """Return what ``work`` gives for 0, 1, …, each called in a thread of its own."""
    found: dict[int, Any] = {}
    start = threading.Barrier(COUNT)

    def run(i: int) -> None:
        start.wait(30)
        try:
            found[i] = work(i)
        except BaseException as error:
            found[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(COUNT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[i] for i in range(COUNT)]


def train(seed: int) -> dict[str, np.ndarray]:
    """Train a model that depends on the seed: its size, its loss, its data, its optimizer."""
    rng = np.random.default_rng(seed)
    hidden = 3 + seed
    W = mt.tensor(rng.standard_normal((hidden, 4)), requires_grad=True)
    layers: list[nn.Module] = [nn.Linear(hidden, hidden), nn.Sigmoid(), nn.Linear(hidden, 2)]
    model = nn.Sequential(*layers)
    for parameter in model.parameters():
        with mt.no_grad():
            parameter[...] = rng.standard_normal(parameter.shape)
    optimizer = optim.SGD([W, *model.parameters()], lr=0.05, momentum=0.1 * seed)
    X, y = mt.tensor(rng.standard_normal((5, 4))), mt.tensor(rng.standard_normal((5, 2)))
    for _ in range(25):
        optimizer.zero_grad()
        out = model(np.tanh(X @ W.T))
        loss = nn.SSELoss()(out, y) if seed % 2 else nn.MSELoss()(out, y)
        loss.backward()
        optimizer.step()
        with mt.no_grad():
            assert not model(np.tanh(X @ W.T)).requires_grad
            W *= 0.999
    penalty = mt.func.grad(lambda w: np.tanh(w * 0.1).sum())(W.detach())
    return {"W": W.data, "penalty": penalty.data, **model.state_dict()}


def test_models_trained_at_once_are_those_of_one_thread() -> None:
    expected = [train(seed) for seed in range(COUNT)]
    for found, wanted in zip(at_once(train), expected, strict=True):
        assert not isinstance(found, BaseException), found
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            assert_array_equal(found[name], value)


def test_modes_of_one_thread_are_not_those_of_another() -> None:
    def work(i: int) -> bool:
        right = True
        for _ in range(200):
            with mt.no_grad() if i % 2 else mt.enable_grad():
                y = mt.tensor([1.0], requires_grad=True) * 2
                right &= y.requires_grad == mt.is_grad_enabled() == (i % 2 == 0)
            right &= mt.is_grad_enabled()
        return right

    assert at_once(work) == [True] * COUNT


def test_an_anomaly_is_looked_for_in_the_threads_that_ask() -> None:
    def work(i: int) -> Any:
        found = []
        for _ in range(50):
            x = mt.tensor([0.0], requires_grad=True)
            try:
                if i % 2:
                    with detect_anomaly():
                        np.sqrt(x).sum().backward()
                else:
                    with np.errstate(all="ignore"):
                        np.sqrt(x).sum().backward()
            except AnomalyError as error:
                found.append("np.sqrt(x).sum().backward()" in str(error))
            else:
                found.append(x.grad.item() == np.inf)
        return found

    assert at_once(work) == [[True] * 50] * COUNT
    assert mt.record.watching == 0


def test_a_graph_shared_by_threads_may_be_walked_by_each() -> None:
    x = mt.tensor(np.ones(3), requires_grad=True)
    loss = (np.exp(x) * x).sum()
    found = at_once(lambda i: mt.autograd.grad(loss, x, retain_graph=True).data)
    for g in found:
        assert_array_equal(g, np.full(3, 2 * np.e))


def test_stale_arrays_are_noticed_in_every_thread() -> None:
    def work(i: int) -> int:
        noticed = 0
        for _ in range(300):
            w = mt.tensor([1.0, 2.0], requires_grad=True)
            loss = (w * w).sum()
            with mt.no_grad():
                w += 1.0
            try:
                loss.backward()
            except InPlaceError:
                noticed += 1
        return noticed

    assert at_once(work) == [300] * COUNT


def test_the_latest_change_is_never_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread takes a moment, another a later one, and the first then writes its own."""
    clock = Clock()
    moments = iter([1, 2])
    first_has_its_moment, second_is_done = threading.Event(), threading.Event()

    def tick() -> int:
        moment = next(moments)
        if moment == 1:
            first_has_its_moment.set()
            second_is_done.wait(0.2)
        return moment

    monkeypatch.setattr("microtensor.inplace.tick", tick)
    first = threading.Thread(target=clock.mark_changed, args=(np.zeros(1),))
    first.start()
    first_has_its_moment.wait(10)
    clock.mark_changed(np.zeros(1))
    second_is_done.set()
    first.join()
    assert clock.latest == 2
