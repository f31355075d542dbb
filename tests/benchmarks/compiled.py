"""Compiled training steps: the first tutorial's network, and the MLP of ``mlp.py``."""

from __future__ import annotations

import gc
import importlib.util
import os
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

import microtensor as mt
from microtensor import nn, optim

from . import mlp, tutorial
from .tables import listing, race
from .timing import Step

REPEATED = 1500


def tutorial_step() -> Callable[[Any, Any], Any]:
    """A step of the tutorial's network, composed of operations; it returns the loss."""
    W1, W2 = (mt.tensor(w, requires_grad=True) for w in (tutorial.W1, tutorial.W2))

    def step(x: Any, y: Any) -> Any:
        nonlocal W1, W2
        output = mt.sigmoid(mt.sigmoid(x @ W1) @ W2)
        loss = ((y - output) ** 2).sum()
        loss.backward()
        with mt.no_grad():
            W1 -= W1.grad
            W2 -= W2.grad
        W1.grad = None
        W2.grad = None
        return loss

    return step


def mlp_step() -> Callable[[Any, Any], Any]:
    """A step of the MLP, of layers; it returns the loss, and leaves the gradients."""
    model = nn.Sequential(
        nn.Linear(784, 128, dtype=np.float32),
        nn.ReLU(),
        nn.Linear(128, 64, dtype=np.float32),
        nn.ReLU(),
        nn.Linear(64, 10, dtype=np.float32),
    )
    state = {}
    for i, w, b in zip((0, 2, 4), mlp.WEIGHTS, mlp.BIASES, strict=True):
        state |= {f"{i}.weight": w, f"{i}.bias": b}
    model.load_state_dict(state)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=mlp.LR)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def with_buffers(x: Any, y: Any) -> Step:
    """The tutorial's step as a careful person writes it, every result into its own buffer."""
    W1, W2 = tutorial.W1.copy(), tutorial.W2.copy()
    n, hidden = len(x), W1.shape[1]
    a1, s1, d1 = (np.empty((n, hidden)) for _ in range(3))
    a2, s2, d2 = (np.empty((n, 1)) for _ in range(3))
    dW1, dW2 = np.empty_like(W1), np.empty_like(W2)
    xT, a1T = x.T, a1.T

    def sigmoid(z: Any) -> None:
        np.negative(z, z)
        np.exp(z, z)
        np.add(z, 1.0, z)
        np.reciprocal(z, z)

    def step() -> None:
        np.dot(x, W1, a1)
        sigmoid(a1)
        np.dot(a1, W2, a2)
        sigmoid(a2)
        np.subtract(1.0, a2, s2)
        np.multiply(s2, a2, s2)
        np.subtract(y, a2, d2)
        np.multiply(d2, 2.0, d2)
        np.multiply(d2, s2, d2)
        np.dot(a1T, d2, dW2)
        np.dot(d2, W2.T, d1)
        np.subtract(1.0, a1, s1)
        np.multiply(s1, a1, s1)
        np.multiply(d1, s1, d1)
        np.dot(xT, d1, dW1)
        np.add(W1, dW1, W1)
        np.add(W2, dW2, W2)

    return step


def with_numba(x: Any, y: Any) -> tuple[Step, Step]:
    """The tutorial's step, and many of them, written for numba by hand."""
    from numba import njit

    @njit(fastmath=True)
    def step(x: Any, y: Any, W1: Any, W2: Any) -> Any:
        n, m, h = x.shape[0], x.shape[1], W1.shape[1]
        d_W1, d_W2 = np.zeros_like(W1), np.zeros_like(W2)
        a1 = np.empty(h)
        loss = 0.0
        for i in range(n):
            z = 0.0
            for j in range(h):
                s = 0.0
                for k in range(m):
                    s += x[i, k] * W1[k, j]
                a1[j] = 1.0 / (1.0 + np.exp(-s))
                z += a1[j] * W2[j, 0]
            a2 = 1.0 / (1.0 + np.exp(-z))
            error = y[i, 0] - a2
            loss += error * error
            d = -2.0 * error * a2 * (1.0 - a2)
            for j in range(h):
                d_W2[j, 0] += a1[j] * d
                d_z1 = d * W2[j, 0] * a1[j] * (1.0 - a1[j])
                for k in range(m):
                    d_W1[k, j] += x[i, k] * d_z1
        W1 -= d_W1
        W2 -= d_W2
        return loss

    @njit
    def steps(x: Any, y: Any, W1: Any, W2: Any, losses: Any) -> None:
        for i in range(losses.size):
            losses[i] = step(x, y, W1, W2)

    W1, W2, losses = tutorial.W1.copy(), tutorial.W2.copy(), np.empty(REPEATED)
    return lambda: step(x, y, W1, W2), lambda: steps(x, y, W1, W2, losses)


def jax_loop(x: Any, y: Any) -> Step:
    """Many of the tutorial's steps in one call."""
    import jax

    jax.config.update("jax_enable_x64", True)

    def loss(weights: Any) -> Any:
        W1, W2 = weights
        return ((y - jax.nn.sigmoid(jax.nn.sigmoid(x @ W1) @ W2)) ** 2).sum()

    def update(_: int, weights: Any) -> Any:
        return [w - g for w, g in zip(weights, jax.grad(loss)(weights), strict=True)]

    run = jax.jit(lambda weights: jax.lax.fori_loop(0, REPEATED, update, weights))
    state = [[jax.numpy.array(tutorial.W1), jax.numpy.array(tutorial.W2)]]

    def steps() -> None:
        state[0] = run(state[0])
        state[0][0].block_until_ready()

    return steps


def in_turns(step: Step) -> Step:
    """Call a step as often as the loops do theirs."""

    def steps() -> None:
        for _ in range(REPEATED):
            step()

    return steps


def run(rounds: int) -> list[dict[str, Any]]:
    x, y = tutorial.X.astype(float), tutorial.Y.astype(float)
    tx, ty = mt.tensor(x), mt.tensor(y)

    def compiled(make: Any, backend: str, *args: Any) -> Step:
        step = mt.compile(make(), backend=backend)
        step(*args)
        return lambda: step(*args)

    def repeated() -> Step:
        step = mt.compile(tutorial_step(), backend="numba")
        return lambda: step.repeat(REPEATED, tx, ty)

    one_step = {
        "hand-written NumPy": lambda: tutorial.by_hand(x, y),
        "hand-written, out= buffers": lambda: with_buffers(x, y),
        "hand-written, numba": lambda: with_numba(x, y)[0],
        "microtensor, compiled": lambda: compiled(tutorial_step, "numpy", tx, ty),
        "microtensor, compiled by numba": lambda: compiled(tutorial_step, "numba", tx, ty),
        "JAX (jit)": lambda: tutorial.jax(x, y),
    }
    goals = {"microtensor, compiled": 0.65, "microtensor, compiled by numba": 0.12}
    tables = [race("Tutorial 1, one step per call", one_step, rounds=rounds, goals=goals)]

    looped = f"microtensor, compiled by numba, repeat({REPEATED})"
    steps = {
        "hand-written NumPy": lambda: in_turns(tutorial.by_hand(x, y)),
        "hand-written, numba": lambda: with_numba(x, y)[1],
        looped: repeated,
        "JAX (fori_loop)": lambda: jax_loop(x, y),
    }
    title = f"Tutorial 1, {REPEATED} steps per call"
    tables += [race(title, steps, rounds=max(rounds // 4, 5), goals={looped: 0.06})]

    large = {
        "hand-written NumPy": mlp.by_hand,
        "microtensor, compiled": lambda: compiled(mlp_step, "numpy", mlp.X, mlp.Y),
        "microtensor, compiled by numba": lambda: compiled(mlp_step, "numba", mlp.X, mlp.Y),
        "JAX (jit)": mlp.jax,
    }
    goals = {"microtensor, compiled": 0.95, "microtensor, compiled by numba": 0.9}
    tables += [race("MLP 784-128-64-10, one step per call", large, rounds=rounds, goals=goals)]
    return [*tables, memory(), compile_times()]


def memory() -> dict[str, Any]:
    """Find the most memory that a step of the MLP takes, and with what is kept between steps.

    Kept are the gradients, and of a compiled step its buffers and code.
    """
    in_steps, in_all = {}, {}
    for name in ("eager", "compiled"):
        tracemalloc.start()
        step = mlp_step()
        model, _ = tracemalloc.get_traced_memory()
        if name == "compiled":
            step = mt.compile(step)
        for _ in range(3):
            step(mlp.X, mlp.Y)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for _ in range(3):
            step(mlp.X, mlp.Y)
        _, peak = tracemalloc.get_traced_memory()
        in_steps[name], in_all[name] = peak - before, peak - model
        tracemalloc.stop()
    rows = [
        (what, peaks["eager"] / 1e3, peaks["compiled"] / 1e3, peaks["compiled"] / peaks["eager"])
        for what, peaks in (("taken by a step", in_steps), ("taken and kept", in_all))
    ]
    headings = ("", "eager, kB", "compiled, kB", "ratio (goal: 0.7)")
    return listing("MLP 784-128-64-10, memory of a step", headings, rows)


def compile_times() -> dict[str, Any]:
    """Find how long compiling the tutorial's step takes: in NumPy, in numba, from its cache."""
    code = (
        "import sys, microtensor as mt; from tests.benchmarks import compiled, tutorial; "
        "x, y = (mt.tensor(a.astype(float)) for a in (tutorial.X, tutorial.Y)); "
        "f = mt.compile(compiled.tutorial_step(), backend=sys.argv[1]); f(x, y); "
        "print(f.compile_seconds)"
    )
    cases = [("NumPy", "numpy")]
    if importlib.util.find_spec("numba"):
        cases += [("numba", "numba"), ("numba, again, from its cache", "numba")]
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for name, backend in cases:
            done = subprocess.run(
                [sys.executable, "-c", code, backend],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "NUMBA_CACHE_DIR": cache},
            )
            rows.append((name, float(done.stdout)))
    return listing("Tutorial 1, compiling a step", ("", "seconds"), rows)
