"""A chain of scalar operations, forward and backward: the cost of one, by the chain's length."""

from __future__ import annotations

import statistics
import timeit
from functools import partial

from rich.table import Table

import microtensor as mt

from .timing import console

LENGTHS = (10_000, 100_000, 1_000_000)
REACH = 1.2


def chain(length: int) -> None:
    y = mt.tensor(1.0, requires_grad=True)
    for _ in range(length // 2):
        y = y * 0.999
        y = y + 0.001
    y.backward()


def run(rounds: int) -> None:
    """Measure with Python's cyclic garbage collector on, as programs run, and off.

    The collector looks at every container that lives, again and again as they become more, and so
    adds a cost of its own to a graph of millions of nodes.
    """
    for collector in ("on", "off"):
        times = measure("gc.enable()" if collector == "on" else "pass", rounds)
        title = f"Chain of scalar operations, forward and backward; garbage collector {collector}"
        table = Table(title=title, title_justify="left")
        for heading in ("operations", "µs each (least)", "to the shortest chain", "reach", ""):
            table.add_column(heading, justify="right")
        for length, figures in times.items():
            pairs = zip(figures, times[LENGTHS[0]], strict=True)
            ratio = statistics.median(mine / shortest for mine, shortest in pairs)
            table.add_row(
                f"{length:,}",
                f"{min(figures) * 1e6:.2f}",
                f"{ratio:.2f} ×",
                f"≤ {REACH} ×",
                "reached" if ratio <= REACH else "MISSED",
            )
        console.print(table)
        console.print()


def measure(setup: str, rounds: int) -> dict[int, list[float]]:
    """Return the seconds per operation by length; `timeit` itself turns the collector off."""
    times: dict[int, list[float]] = {length: [] for length in LENGTHS}
    for _ in range(max(3, rounds // 8)):
        for length in LENGTHS:
            repeats = max(1, 200_000 // length)
            step = timeit.Timer(partial(chain, length), setup=f"import gc; {setup}")
            times[length].append(step.timeit(repeats) / repeats / length)
    return times
