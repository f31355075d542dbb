"""``microtensor bench``: a training step by hand, recorded and compiled, timed on this machine."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .parsing import Commands, whole

__all__ = ["add", "contenders", "take_turns"]

Step: TypeAlias = Callable[[], object]

_SECONDS = 0.02
"""For which a contender runs in its turn."""
_REPEATED = 1500


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "bench",
        _run,
        help="time a training step by hand, recorded, compiled",
        description="""\
Time a training step of the first tutorial's network, forward, backward and
update, on this machine: as NumPy written by hand, as operations and as layers
that are recorded, and compiled. They take turns, so that what else the machine
does meets all alike; ratios are medians over the rounds. So small a network
shows what a call costs: of a large one, nearly all the time goes into matrix
products, which are the same in all.""",
        epilog="""\
example:
  microtensor bench --rounds 200""",
    )
    parser.add_argument(
        "--rounds", type=whole(1), default=40, metavar="N", help="default: 40, a few seconds"
    )


def _run(options: argparse.Namespace) -> int:
    import statistics

    from rich import box
    from rich.console import Console
    from rich.table import Table

    steps, absent = contenders()
    times = take_turns(steps, options.rounds)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("a training step, 3-4-1")
    for heading in ("µs", "by hand = 1"):
        table.add_column(heading, justify="right")
    by_hand = next(iter(times.values()))
    for name, figures in times.items():
        ratio = statistics.median(a / b for a, b in zip(figures, by_hand, strict=True))
        table.add_row(name, f"{statistics.median(figures) * 1e6:.2f}", f"{ratio:.2f}")
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(table)
    for problem in absent:
        console.print(f"\n{problem}", soft_wrap=True)
    return 0


def contenders() -> tuple[dict[str, Step], list[str]]:
    """Return the steps to time, the one by hand first, and what is missing for more."""
    import numpy as np

    from .. import compile, tensor
    from ..errors import MissingDependencyError
    from ..tutorials.by_hand.two_layer import NeuralNetwork
    from ..tutorials.two_layer import starting_weights, truth_table

    x, y = truth_table()
    weights = starting_weights(np.random.default_rng(0))
    network = NeuralNetwork(x, y, weights=weights)

    def by_hand() -> None:
        network.feedforward()
        network.backprop()

    tx, ty = tensor(x), tensor(y)
    composed, layers = _composed(weights), _layers(weights)
    compiled = compile(_composed(weights))
    steps: dict[str, Step] = {
        "NumPy by hand": by_hand,
        "operations, recorded": lambda: composed(tx, ty),
        "nn and optim, recorded": lambda: layers(tx, ty),
        "compiled": lambda: compiled(tx, ty),
    }
    try:
        native = compile(_composed(weights), backend="numba")
        native(tx, ty)
    except MissingDependencyError as error:
        return steps, [f"not timed, numba: {error}"]
    repeated = compile(_composed(weights), backend="numba")
    steps["compiled, numba"] = lambda: native(tx, ty)
    steps[f"compiled, numba, .repeat({_REPEATED})"] = lambda: repeated.repeat(_REPEATED, tx, ty)
    return steps, []


def take_turns(steps: Mapping[str, Step], rounds: int) -> dict[str, list[float]]:
    """Return the seconds per training step, one figure for each round."""
    import timeit

    calls = {}
    for name, step in steps.items():
        step()
        calls[name] = max(1, int(_SECONDS / max(timeit.timeit(step, number=3) / 3, 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            gc.collect()
            trained = _REPEATED if "repeat" in name else 1
            times[name].append(timeit.timeit(step, number=calls[name]) / calls[name] / trained)
    return times


def _composed(weights: Any) -> Callable[[Any, Any], Any]:
    from .. import no_grad, sigmoid, tensor

    W1, W2 = (tensor(W, requires_grad=True) for W in weights)

    def step(x: Any, y: Any) -> Any:
        nonlocal W1, W2
        loss = ((y - sigmoid(sigmoid(x @ W1) @ W2)) ** 2).sum()
        loss.backward()
        with no_grad():
            W1 -= W1.grad
            W2 -= W2.grad
        W1.grad = None
        W2.grad = None
        return loss

    return step


def _layers(weights: Any) -> Callable[[Any, Any], Any]:
    from .. import nn, optim

    model = nn.Sequential(
        nn.Linear(3, 4, bias=False), nn.Sigmoid(), nn.Linear(4, 1, bias=False), nn.Sigmoid()
    )
    model.load_state_dict({"0.weight": weights[0].T, "2.weight": weights[1].T})
    criterion, optimizer = nn.SSELoss(), optim.SGD(model.parameters(), lr=1.0)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step
