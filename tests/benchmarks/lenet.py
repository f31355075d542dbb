"""A training step of LeNet-5 on 28 × 28 images: ReLU, max pooling, batch 64, float32."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import microtensor as mt
from microtensor import nn, optim

from .tables import listing, race
from .timing import Step

BATCH = 64
LR = 0.01
RNG = np.random.default_rng(0)
X = RNG.random((BATCH, 1, 28, 28), dtype=np.float32)
Y = RNG.integers(0, 10, BATCH)


def network(library: Any, **options: Any) -> Any:
    """Return LeNet-5, made of the layers of a library that has PyTorch's."""
    return library.Sequential(
        library.Conv2d(1, 6, 5, padding=2, **options),
        library.ReLU(),
        library.MaxPool2d(2),
        library.Conv2d(6, 16, 5, **options),
        library.ReLU(),
        library.MaxPool2d(2),
        library.Flatten(),
        library.Linear(400, 120, **options),
        library.ReLU(),
        library.Linear(120, 84, **options),
        library.ReLU(),
        library.Linear(84, 10, **options),
    )


STATE = network(nn, dtype=np.float32, generator=RNG).state_dict()


def training() -> Callable[[Any, Any], Any]:
    """Return a step of layers, a loss and an optimizer."""
    model = network(nn, dtype=np.float32)
    model.load_state_dict(STATE)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=LR)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def eager() -> Step:
    step, x, y = training(), mt.tensor(X), mt.tensor(Y)
    return lambda: step(x, y)


def compiled(backend: str) -> Step:
    step, x, y = mt.compile(training(), backend=backend), mt.tensor(X), mt.tensor(Y)
    step(x, y)
    return lambda: step(x, y)


def pytorch() -> Step:
    import torch

    model = network(torch.nn)
    model.load_state_dict({name: torch.tensor(value) for name, value in STATE.items()})
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    x, y = torch.tensor(X), torch.tensor(Y)

    def step():
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def by_hand() -> Step:
    """What many write, im2col: the images unrolled, and one product of matrices."""
    names = ("0", "3", "7", "9", "11")
    weights = [STATE[f"{name}.weight"].copy() for name in names]
    biases = [STATE[f"{name}.bias"].copy() for name in names]
    rows = np.arange(BATCH)

    def unrolled(x, k, pad):
        x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), (2, 3))
        n, c, h, w = windows.shape[:4]
        return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, c * k * k), h, w

    def conv(x, i, pad):
        columns, h, w = unrolled(x, 5, pad)
        out = columns @ weights[i].reshape(len(weights[i]), -1).T + biases[i]
        return columns, out.reshape(len(x), h, w, -1).transpose(0, 3, 1, 2)

    def pool(x):
        n, c, h, w = x.shape
        windows = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5)
        windows = windows.reshape(n, c, h // 2, w // 2, 4)
        return windows.argmax(axis=4), windows.max(axis=4)

    def pool_back(d, where):
        n, c, h, w = d.shape
        out = np.zeros((n, c, h, w, 4), np.float32)
        np.put_along_axis(out, where[..., None], d[..., None], axis=4)
        return out.reshape(n, c, h, w, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, 2 * h, 2 * w)

    def step():
        columns1, z1 = conv(X, 0, 2)
        where1, a1 = pool(np.maximum(z1, 0))
        columns2, z2 = conv(a1, 1, 0)
        where2, a2 = pool(np.maximum(z2, 0))
        flat = a2.reshape(BATCH, -1)
        z3 = flat @ weights[2].T + biases[2]
        a3 = np.maximum(z3, 0)
        z4 = a3 @ weights[3].T + biases[3]
        a4 = np.maximum(z4, 0)
        z5 = a4 @ weights[4].T + biases[4]
        shifted = z5 - z5.max(axis=1, keepdims=True)
        e = np.exp(shifted)
        total = e.sum(axis=1, keepdims=True)
        loss = -(shifted[rows, Y] - np.log(total)[:, 0]).mean()

        d5 = e / total
        d5[rows, Y] -= 1
        d5 /= BATCH
        d4 = (d5 @ weights[4]) * (z4 > 0)
        d3 = (d4 @ weights[3]) * (z3 > 0)
        d2 = pool_back((d3 @ weights[2]).reshape(a2.shape), where2) * (z2 > 0)
        d2_rows = d2.transpose(0, 2, 3, 1).reshape(-1, 16)
        d_columns = (d2_rows @ weights[1].reshape(16, -1)).reshape(BATCH, 10, 10, 6, 5, 5)
        d_a1 = np.zeros_like(a1)
        for i in range(5):
            for j in range(5):
                d_a1[:, :, i : i + 10, j : j + 10] += d_columns[..., i, j].transpose(0, 3, 1, 2)
        d1 = pool_back(d_a1, where1) * (z1 > 0)
        d1_rows = d1.transpose(0, 2, 3, 1).reshape(-1, 6)
        gradients = [d1_rows.T @ columns1, d2_rows.T @ columns2, d3.T @ flat, d4.T @ a3, d5.T @ a4]
        for w, b, d_w, d in zip(
            weights, biases, gradients, (d1_rows, d2_rows, d3, d4, d5), strict=True
        ):
            w -= LR * d_w.reshape(w.shape)
            b -= LR * d.sum(axis=0)
        return loss

    return step


OURS: dict[str, Callable[[], Step]] = {
    "microtensor": eager,
    "microtensor, compiled": partial(compiled, "numpy"),
    "microtensor, compiled by numba": partial(compiled, "numba"),
}


def run(rounds: int) -> list[dict[str, Any]]:
    contenders = {"hand-written NumPy": by_hand, **OURS, "PyTorch": pytorch}
    title = "LeNet-5, one training step"
    goals = dict.fromkeys(OURS, 1.5)
    return [race(title, contenders, rounds=rounds, goals=goals, goals_to="PyTorch"), memory()]


def memory() -> dict[str, Any]:
    """Find the most memory that NumPy takes in a step, beyond model and data."""
    rows = []
    for name, make in {"hand-written NumPy": by_hand, **OURS}.items():
        tracemalloc.start()
        try:
            step = make()
        except ImportError:
            continue
        step()
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        step()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        rows.append((name, (peak - before) / 1e6))
    return listing("LeNet-5, memory that NumPy takes in a step", ("", "MB"), rows)
