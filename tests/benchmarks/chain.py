"""A chain of scalar operations, forward and backward: the cost of one, by the chain's length."""

from __future__ import annotations

import statistics
import timeit
from functools import partial
from typing import Any

import microtensor as mt

from .tables import listing, verdict

LENGTHS = (10_000, 100_000, 1_000_000)
GOAL = 1.2


def chain(length: int) -> None:
    y = mt.tensor(1.0, requires_grad=True)
    for _ in range(length // 2):
        y = y * 0.999
        y = y + 0.001
    y.backward()


def run(rounds: int) -> list[dict[str, Any]]:
    """Measure with Python's cyclic garbage collector on, as programs run, and off.

    The collector looks at every container that lives, again and again as they become more, and so
    adds a cost of its own to a graph of millions of nodes.
    """
    tables = []
    for collector in ("on", "off"):
        times = measure("gc.enable()" if collector == "on" else "pass", rounds)
        rows = []
        for length, figures in times.items():
            pairs = zip(figures, times[LENGTHS[0]], strict=True)
            ratio = statistics.median(mine / shortest for mine, shortest in pairs)
            rows.append((f"{length:,}", min(figures) * 1e6, ratio, verdict(ratio, GOAL)))
        title = f"Chain of scalar operations, forward and backward; garbage collector {collector}"
        headings = ("operations", "µs each (least)", "to the shortest chain", f"goal: {GOAL:g}")
        tables.append(listing(title, headings, rows))
    return tables


def measure(setup: str, rounds: int) -> dict[int, list[float]]:
    """Return the seconds per operation by length; `timeit` itself turns the collector off."""
    times: dict[int, list[float]] = {length: [] for length in LENGTHS}
    for _ in range(max(3, rounds // 8)):
        for length in LENGTHS:
            repeats = max(1, 200_000 // length)
            step = timeit.Timer(partial(chain, length), setup=f"import gc; {setup}")
            times[length].append(step.timeit(repeats) / repeats / length)
    return times
