"""A training step of an LSTM: 64 to 128 over 32 steps, batch 64, mean square, SGD, float32."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import microtensor as mt
from microtensor import nn, optim

from .tables import race
from .timing import Step

STEPS, BATCH, INPUT, HIDDEN = 32, 64, 64, 128
LR = 0.01
RNG = np.random.default_rng(0)
X = RNG.standard_normal((STEPS, BATCH, INPUT)).astype(np.float32)


def model() -> nn.LSTM:
    return nn.LSTM(INPUT, HIDDEN, dtype=np.float32, generator=np.random.default_rng(0))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand() -> Step:
    """What a careful person writes: one product for all inputs, and one for each weight."""
    W, U, b, d = (p.numpy().copy() for p in model().parameters())

    def step():
        sums = X @ W.T + (b + d)
        h, c = np.zeros((2, BATCH, HIDDEN), np.float32)
        hs, cs, gates = [h], [c], []
        for z in sums:
            z = z + h @ U.T
            i, f = sigmoid(z[:, :HIDDEN]), sigmoid(z[:, HIDDEN : 2 * HIDDEN])
            g, o = np.tanh(z[:, 2 * HIDDEN : 3 * HIDDEN]), sigmoid(z[:, 3 * HIDDEN :])
            c = f * c + i * g
            h = o * np.tanh(c)
            hs.append(h)
            cs.append(c)
            gates.append((i, f, g, o))
        output = np.stack(hs[1:])
        loss = np.mean(output**2)

        d_output = 2 * output / output.size
        d_sums = np.empty_like(sums)
        d_h = d_c = 0
        for t in reversed(range(STEPS)):
            i, f, g, o = gates[t]
            d_h = d_h + d_output[t]
            tanh_c = np.tanh(cs[t + 1])
            d_c = d_c + d_h * o * (1 - tanh_c**2)
            d_sums[t, :, :HIDDEN] = d_c * g * i * (1 - i)
            d_sums[t, :, HIDDEN : 2 * HIDDEN] = d_c * cs[t] * f * (1 - f)
            d_sums[t, :, 2 * HIDDEN : 3 * HIDDEN] = d_c * i * (1 - g**2)
            d_sums[t, :, 3 * HIDDEN :] = d_h * tanh_c * o * (1 - o)
            d_h = d_sums[t] @ U
            d_c = d_c * f
        rows = d_sums.reshape(-1, 4 * HIDDEN)
        d_W = rows.T @ X.reshape(-1, INPUT)
        d_U = rows.T @ np.stack(hs[:-1]).reshape(-1, HIDDEN)
        d_b = rows.sum(axis=0)
        for parameter, gradient in ((W, d_W), (U, d_U), (b, d_b), (d, d_b)):
            parameter -= LR * gradient
        return loss

    return step


def layer() -> Step:
    lstm = model()
    optimizer = optim.SGD(lstm.parameters(), lr=LR)
    x = mt.tensor(X)

    def step():
        optimizer.zero_grad()
        output, _ = lstm(x)
        loss = (output**2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def compiled(backend: str) -> Step:
    step: Step = mt.compile(layer(), backend=backend)
    step()
    return step


def pytorch() -> Step:
    import torch

    lstm = torch.nn.LSTM(INPUT, HIDDEN)
    lstm.load_state_dict({k: torch.tensor(v) for k, v in model().state_dict().items()})
    optimizer = torch.optim.SGD(lstm.parameters(), lr=LR)
    x = torch.tensor(X)

    def step():
        optimizer.zero_grad()
        output, _ = lstm(x)
        loss = (output**2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def run(rounds: int) -> list[dict[str, Any]]:
    contenders = {
        "hand-written NumPy": by_hand,
        "microtensor": layer,
        "microtensor, compiled": partial(compiled, "numpy"),
        "microtensor, compiled by numba": partial(compiled, "numba"),
        "PyTorch": pytorch,
    }
    goals = {name: 1.5 for name in contenders if name.startswith("microtensor")}
    title = "LSTM 64-128, 32 steps, one training step"
    return [race(title, contenders, rounds=rounds, goals=goals, goals_to="PyTorch")]
