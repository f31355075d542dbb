"""Comparing hand-derived gradients of an MLP: how long one waits for the verdict."""

from __future__ import annotations

import statistics
import timeit
from itertools import pairwise
from typing import Any

import numpy as np

import microtensor as mt
from microtensor.nn import functional as F

from .tables import listing, verdict

LAYERS = (784, 128, 64, 10)
BATCH = 64
GOAL = 1.0
"""Seconds."""


def run(rounds: int) -> list[dict[str, Any]]:
    """Compare all gradients, right and wrong ones; and how long the backward pass itself takes."""
    rng = np.random.default_rng(0)
    x = mt.tensor(rng.standard_normal((BATCH, LAYERS[0])))
    y = mt.tensor(rng.integers(0, LAYERS[-1], BATCH))
    W1, W2, W3 = (
        mt.tensor(0.05 * rng.standard_normal(shape), requires_grad=True)
        for shape in pairwise(LAYERS)
    )
    b1, b2, b3 = (mt.tensor(np.zeros(n), requires_grad=True) for n in LAYERS[1:])
    z1 = x @ W1 + b1
    a1 = F.relu(z1)
    z2 = a1 @ W2 + b2
    a2 = F.relu(z2)
    z3 = a2 @ W3 + b3
    loss = F.cross_entropy(z3, y)
    tensors = [z3, b3, W3, a2, z2, b2, W2, a1, z1, b1, W1]
    found = mt.autograd.grad(loss, tensors, retain_graph=True)
    right = {t: g.numpy().copy() for t, g in zip(tensors, found, strict=True)}
    noise = {t: rng.standard_normal(t.shape) for t in tensors}
    cases = {
        "all right": right,
        "relu\u2032 of z2 missing": {**right, z2: right[a2]},
        "W1 of noise, weights only": {W1: noise[W1], W2: right[W2], W3: right[W3]},
        "all of noise": noise,
    }
    backward = min(
        timeit.repeat(
            lambda: mt.autograd.grad(loss, tensors, retain_graph=True), number=5, repeat=5
        )
    )
    title = f"Comparing {len(tensors)} gradients of an MLP {'-'.join(map(str, LAYERS))}, batch 64"
    headings = ("gradients", "seconds (median)", "in backward passes", f"goal: {GOAL:g} s")
    rows = []
    for name, hand in cases.items():
        times = timeit.repeat(
            lambda hand=hand: mt.compare(loss, hand), number=1, repeat=max(3, rounds // 4)
        )
        seconds = statistics.median(times)
        rows.append((name, seconds, round(seconds / (backward / 5)), verdict(seconds, GOAL)))
    return [listing(title, headings, rows)]
