"""Time contenders in turns."""

from __future__ import annotations

import gc
import timeit
from collections.abc import Callable, Mapping

Step = Callable[[], object]


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
