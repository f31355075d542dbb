"""The first tutorial's network: print its backpropagation, then train with it compiled.

    python examples/derive_and_compile.py

It prints the derived code, compares its gradients with those derived by hand, and trains for 1500
steps: with the function as it is written, and compiled.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import microtensor as mt
from microtensor.tutorials.by_hand.two_layer import NeuralNetwork, truth_table


def loss_fn(W1: Any, W2: Any, x: Any, y: Any) -> Any:
    """Return the sum of squared errors of the tutorial's network."""
    z1 = x @ W1
    a1 = mt.sigmoid(z1)
    z2 = a1 @ W2
    a2 = mt.sigmoid(z2)
    loss = ((y - a2) ** 2).sum()
    return loss  # noqa: RET504 - the printed code has the names of these variables


def training_step(weights: list[Any]) -> Callable[[Any, Any], Any]:
    """Return a function that does one step of gradient descent, and returns the loss."""
    W1, W2 = (mt.tensor(W, requires_grad=True) for W in weights)

    def step(x: Any, y: Any) -> Any:
        loss = loss_fn(W1, W2, x, y)
        W1.grad = W2.grad = None
        loss.backward()
        with mt.no_grad():
            for W in (W1, W2):
                W.data -= W.grad.data
        return loss

    return step


def main() -> None:
    """Print, compare, train."""
    x, y = truth_table()
    rng = np.random.default_rng(0)
    weights = [rng.random((3, 4)), rng.random((4, 1))]

    program = mt.derive(loss_fn, *weights, x, y, argnums=(0, 1))
    print(program.source)

    network = NeuralNetwork(x, y, weights=(weights[0], weights[1]))
    network.feedforward()
    network.backprop()
    _, gradients = program(*weights, x, y)
    pairs = zip(gradients, network.gradients(), strict=True)
    largest = max(float(np.abs(d - by_hand).max()) for d, by_hand in pairs)
    print(f"\nlargest difference from the gradients derived by hand: {largest:.1e}\n")

    for name, step in (
        ("as written", training_step(weights)),
        ("compiled", mt.compile(training_step(weights))),
    ):
        step(x, y)
        start = time.perf_counter()
        for _ in range(1499):
            loss = step(x, y)
        print(f"{name}: loss {loss.item():.6f} in {time.perf_counter() - start:.3f} s")


if __name__ == "__main__":
    main()
