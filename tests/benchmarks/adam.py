"""A step of Adam over the parameters of the MLP of ``mlp.py``, in float32."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import microtensor as mt
from microtensor import nn, optim

from . import mlp
from .tables import race
from .timing import Step

GRADIENTS = [
    np.random.default_rng(1).standard_normal(a.shape).astype(np.float32) * 0.1
    for pair in zip(mlp.WEIGHTS, mlp.BIASES, strict=True)
    for a in pair
]
STARTS = [a for pair in zip(mlp.WEIGHTS, mlp.BIASES, strict=True) for a in pair]
B1, B2, EPS = 0.9, 0.999, 1e-8


def by_hand() -> Step:
    """The formulas, with temporaries."""
    values = [a.copy() for a in STARTS]
    means, squares = [np.zeros_like(a) for a in STARTS], [np.zeros_like(a) for a in STARTS]
    t = 0

    def step() -> None:
        nonlocal t
        t += 1
        for p, g, m, v in zip(values, GRADIENTS, means, squares, strict=True):
            m *= B1
            m += (1 - B1) * g
            v *= B2
            v += (1 - B2) * g * g
            p -= mlp.LR / (1 - B1**t) * m / (np.sqrt(v) / (1 - B2**t) ** 0.5 + EPS)

    return step


def parameters() -> list[Any]:
    found = [nn.Parameter(a.copy()) for a in STARTS]
    for p, g in zip(found, GRADIENTS, strict=True):
        p.grad = mt.tensor(g)
    return found


def eager() -> Step:
    return optim.Adam(parameters(), lr=mlp.LR).step


def compiled(backend: str) -> Step:
    optimizer = optim.Adam(parameters(), lr=mlp.LR)

    def step() -> None:
        optimizer.step()

    return mt.compile(step, backend=backend)


def pytorch(**settings: Any) -> Step:
    import torch

    found = [torch.nn.Parameter(torch.tensor(a)) for a in STARTS]
    for p, g in zip(found, GRADIENTS, strict=True):
        p.grad = torch.tensor(g)
    step: Step = torch.optim.Adam(found, lr=mlp.LR, **settings).step
    return step


def run(rounds: int) -> list[dict[str, Any]]:
    contenders = {
        "hand-written NumPy": by_hand,
        "microtensor": eager,
        "microtensor, compiled": partial(compiled, "numpy"),
        "microtensor, compiled by numba": partial(compiled, "numba"),
        "PyTorch": pytorch,
        "PyTorch, foreach": partial(pytorch, foreach=True),
        "PyTorch, fused": partial(pytorch, fused=True),
    }
    goals = {name: 1.0 for name in contenders if name.startswith("microtensor")}
    title = "Adam over the parameters of the MLP 784-128-64-10, one step"
    return [race(title, contenders, rounds=rounds, goals=goals, goals_to="PyTorch")]
