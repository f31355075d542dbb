"""Peak memory of training the MLP 784-128-64-10, in float32, here and with PyTorch.

Each contender trains in a process of its own: after the imports and a step with a batch of 2, which
loads all code and makes what an optimizer remembers, the batch is made, and the kernel is told to
forget the peak of the resident memory so far (``/proc/self/clear_refs``). What counts is by how
much the peak of three steps lies above what is resident before them, so neither libraries nor data
nor parameters count, but activations, gradients and every temporary array, whoever allocates them.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
from typing import Any

import numpy as np

from .tables import console, listing, verdict

BATCHES = (1024, 4096, 16384)
OPTIMIZERS = ("SGD", "Adam")
GOAL = 1.1
STEPS = 3


def ours(optimizer: str) -> Any:
    import microtensor as mt
    from microtensor import nn, optim

    model = nn.Sequential(
        nn.Linear(784, 128, dtype=np.float32), nn.ReLU(),
        nn.Linear(128, 64, dtype=np.float32), nn.ReLU(),
        nn.Linear(64, 10, dtype=np.float32),
    )  # fmt: skip
    criterion = nn.CrossEntropyLoss()
    steps = getattr(optim, optimizer)(model.parameters(), lr=1e-3)

    def step(x: Any, y: Any) -> None:
        steps.zero_grad()
        criterion(model(x), y).backward()
        steps.step()

    return step, mt.Tensor


def pytorch(optimizer: str) -> Any:
    import torch

    model = torch.nn.Sequential(
        torch.nn.Linear(784, 128), torch.nn.ReLU(),
        torch.nn.Linear(128, 64), torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )  # fmt: skip
    criterion = torch.nn.CrossEntropyLoss()
    steps = getattr(torch.optim, optimizer)(model.parameters(), lr=1e-3)

    def step(x: Any, y: Any) -> None:
        steps.zero_grad()
        criterion(model(x), y).backward()
        steps.step()

    return step, torch.tensor


def resident(field: str) -> int:
    """Return a figure of this process's memory, in KiB: ``VmRSS`` now, ``VmHWM`` at most."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))


def measure(library: str, optimizer: str, batch: int) -> int:
    """Return by how much memory rises in training, in KiB."""
    step, tensor = pytorch(optimizer) if library == "PyTorch" else ours(optimizer)
    rng = np.random.default_rng(0)

    def data(count: int) -> tuple[Any, Any]:
        x, y = rng.random((count, 784), dtype=np.float32), rng.integers(0, 10, count)
        return tensor(x), tensor(y)

    for _ in range(3):
        step(*data(2))
    x, y = data(batch)
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")
    before = resident("VmRSS")
    for _ in range(STEPS):
        step(x, y)
    return resident("VmHWM") - before


def in_a_process(library: str, optimizer: str, batch: int, rounds: int) -> float:
    """Return the median over some processes, in MiB."""
    command = [sys.executable, "-m", "tests.benchmarks.memory", library, optimizer, str(batch)]
    found = [
        int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(rounds)
    ]
    return statistics.median(found) / 1024


def run(rounds: int) -> list[dict[str, Any]]:
    if not (os.path.exists("/proc/self/clear_refs") and importlib.util.find_spec("torch")):
        console.print("The memory of processes is measured on Linux only, beside PyTorch.")
        return []
    rows = []
    for optimizer in OPTIMIZERS:
        for batch in BATCHES:
            theirs, mine = (
                in_a_process(library, optimizer, batch, min(rounds, 3))
                for library in ("PyTorch", "microtensor")
            )
            ratio = mine / theirs
            case = f"{optimizer}, batch {batch:,}"
            rows.append((case, theirs, mine, ratio, verdict(ratio, GOAL)))
    headings = ("", "PyTorch, MiB", "microtensor, MiB", "ratio", f"goal: {GOAL:g}")
    return [listing("MLP 784-128-64-10, peak memory of training", headings, rows)]


if __name__ == "__main__":
    library, optimizer, batch = sys.argv[1:]
    print(measure(library, optimizer, int(batch)))
