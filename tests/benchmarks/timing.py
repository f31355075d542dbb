"""Time contenders in turns, and print their ratios to the first."""

from __future__ import annotations

import gc
import statistics
import timeit
from collections.abc import Callable, Iterable, Mapping

from rich.console import Console
from rich.table import Table

Step = Callable[[], object]

console = Console(width=None if Console().is_terminal else 110)


def take_turns(
    contenders: Mapping[str, Step], *, rounds: int, seconds: float = 0.02
) -> dict[str, list[float]]:
    """Return the seconds per call of each contender, one figure for each round.

    In every round each contender runs once, for about ``seconds``, so that a change in the
    machine's speed meets all alike.
    """
    calls = {}
    for name, step in contenders.items():
        # The least of several: the first calls of a compiled step trace it.
        least = min(timeit.repeat(step, number=1, repeat=6))
        calls[name] = max(1, int(seconds / max(least, 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, step in contenders.items():
            gc.collect()
            times[name].append(timeit.timeit(step, number=calls[name]) / calls[name])
    return times


def report(
    title: str,
    contenders: Mapping[str, Step],
    *,
    rounds: int,
    reach: Mapping[str, float] | None = None,
    absent: Iterable[str] = (),
) -> dict[str, float]:
    """Print a table of the contenders' ratios to the first, and return them.

    The ratio is the median over the rounds of this contender's time to the first's in that round.
    """
    times = take_turns(contenders, rounds=rounds)
    reach = reach or {}
    first = next(iter(contenders))
    table = Table(title=title, title_justify="left")
    for heading in ("contender", "µs (least)", "ratio (median)", "least", "most", "reach", ""):
        table.add_column(heading, justify="left" if heading == "contender" else "right")
    ratios = {}
    for name, figures in times.items():
        pairs = [mine / base for mine, base in zip(figures, times[first], strict=True)]
        ratios[name] = statistics.median(pairs)
        limit = reach.get(name)
        table.add_row(
            name,
            f"{min(figures) * 1e6:.2f}",
            f"{ratios[name]:.2f} ×",
            f"{min(pairs):.2f}",
            f"{max(pairs):.2f}",
            f"≤ {limit} ×" if limit else "",
            "" if limit is None else "reached" if ratios[name] <= limit else "MISSED",
        )
    for name in absent:
        table.add_row(name, "not installed", "", "", "", "", "")
    console.print(table)
    console.print()
    return ratios
