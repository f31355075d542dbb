"""A training step of an MLP: 784-128-64-10, ReLU, cross-entropy, batch 64, float32."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

import microtensor as mt
from microtensor import nn, optim

from .tables import race
from .timing import Step

SIZES = (784, 128, 64, 10)
BATCH = 64
LR = 0.01
RNG = np.random.default_rng(0)
X = RNG.random((BATCH, SIZES[0]), dtype=np.float32)
Y = RNG.integers(0, SIZES[-1], BATCH)
WEIGHTS = [
    (RNG.standard_normal((n, m)) / np.sqrt(m)).astype(np.float32) for m, n in pairwise(SIZES)
]
BIASES = [np.zeros(n, np.float32) for n in SIZES[1:]]


def by_hand() -> Step:
    """What a careful person writes: no wasted products, updates in place."""
    (W1, W2, W3), (b1, b2, b3) = [w.copy() for w in WEIGHTS], [b.copy() for b in BIASES]
    rows = np.arange(BATCH)

    def step():
        z1 = X @ W1.T + b1
        a1 = np.maximum(z1, 0)
        z2 = a1 @ W2.T + b2
        a2 = np.maximum(z2, 0)
        z3 = a2 @ W3.T + b3
        shifted = z3 - z3.max(axis=1, keepdims=True)
        e = np.exp(shifted)
        total = e.sum(axis=1, keepdims=True)
        loss = -(shifted[rows, Y] - np.log(total)[:, 0]).mean()

        d_z3 = e / total
        d_z3[rows, Y] -= 1
        d_z3 /= BATCH
        d_W3 = d_z3.T @ a2
        d_b3 = d_z3.sum(axis=0)
        d_z2 = (d_z3 @ W3) * (z2 > 0)
        d_W2 = d_z2.T @ a1
        d_b2 = d_z2.sum(axis=0)
        d_z1 = (d_z2 @ W2) * (z1 > 0)
        d_W1 = d_z1.T @ X
        d_b1 = d_z1.sum(axis=0)

        for parameter, gradient in (
            (W1, d_W1), (b1, d_b1), (W2, d_W2), (b2, d_b2), (W3, d_W3), (b3, d_b3),
        ):  # fmt: skip
            parameter -= LR * gradient
        return loss

    return step


def layers() -> Step:
    model = nn.Sequential(
        nn.Linear(784, 128, dtype=np.float32),
        nn.ReLU(),
        nn.Linear(128, 64, dtype=np.float32),
        nn.ReLU(),
        nn.Linear(64, 10, dtype=np.float32),
    )
    state = {}
    for i, w, b in zip((0, 2, 4), WEIGHTS, BIASES, strict=True):
        state |= {f"{i}.weight": w, f"{i}.bias": b}
    model.load_state_dict(state)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=LR)
    x, y = mt.tensor(X), mt.tensor(Y)

    def step():
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def pytorch() -> Step:
    import torch

    model = torch.nn.Sequential(
        torch.nn.Linear(784, 128),
        torch.nn.ReLU(),
        torch.nn.Linear(128, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )
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


def jax() -> Step:
    import jax
    import jax.numpy as jnp

    def loss(parameters):
        a = X
        for i, (w, b) in enumerate(parameters):
            z = a @ w.T + b
            a = jax.nn.relu(z) if i < len(parameters) - 1 else z
        return -jax.nn.log_softmax(a)[jnp.arange(BATCH), Y].mean()

    update = jax.jit(
        lambda parameters: jax.tree.map(
            lambda p, g: p - LR * g, parameters, jax.grad(loss)(parameters)
        )
    )
    state = [[(jnp.array(w), jnp.array(b)) for w, b in zip(WEIGHTS, BIASES, strict=True)]]

    def step():
        state[0] = update(state[0])
        jax.block_until_ready(state[0])

    return step


def hips_autograd() -> Step:
    import autograd
    import autograd.numpy as anp

    rows = np.arange(BATCH)

    def loss(parameters):
        a = X
        for i, (w, b) in enumerate(parameters):
            z = anp.dot(a, w.T) + b
            a = anp.maximum(z, 0) if i < len(parameters) - 1 else z
        shifted = a - anp.max(a, axis=1, keepdims=True)
        return -anp.mean(shifted[rows, Y] - anp.log(anp.sum(anp.exp(shifted), axis=1)))

    gradient = autograd.grad(loss)
    state = [list(zip(WEIGHTS, BIASES, strict=True))]

    def step():
        state[0] = [
            (w - LR * dw, b - LR * db)
            for (w, b), (dw, db) in zip(state[0], gradient(state[0]), strict=True)
        ]

    return step


def mygrad() -> Step:
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    parameters = [(mg.tensor(w), mg.tensor(b)) for w, b in zip(WEIGHTS, BIASES, strict=True)]

    def step():
        a = X
        for i, (w, b) in enumerate(parameters):
            z = mg.matmul(a, w.T) + b
            a = relu(z) if i < len(parameters) - 1 else z
        softmax_crossentropy(a, Y).backward()
        for pair in parameters:
            for p in pair:
                p.data -= LR * p.grad
                p.null_grad()

    return step


PEERS = {"PyTorch": pytorch, "JAX (jit)": jax, "HIPS autograd": hips_autograd, "MyGrad": mygrad}


def run(rounds: int) -> list[dict[str, Any]]:
    contenders = {"hand-written NumPy": by_hand, "microtensor": layers, **PEERS}
    title = "MLP 784-128-64-10, one training step"
    return [race(title, contenders, rounds=rounds, goals={"microtensor": 1.15})]
