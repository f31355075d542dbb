"""A training step of the first tutorial's network: forward, backward, update."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import microtensor as mt
from microtensor import nn, optim

from .tables import race
from .timing import Step

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
Y = np.array([[0], [1], [1], [0]])
RNG = np.random.default_rng(0)
W1, W2 = RNG.random((3, 4)), RNG.random((4, 1))


def sigmoid(x):
    return 1.0 / (1 + np.exp(-x))


def sigmoid_derivative(x):
    return x * (1.0 - x)


class NeuralNetwork:
    """The tutorial's class as published."""

    def __init__(self, x, y):
        self.input = x
        self.weights1 = W1.copy()
        self.weights2 = W2.copy()
        self.y = y
        self.output = np.zeros(self.y.shape)

    def feedforward(self):
        self.layer1 = sigmoid(np.dot(self.input, self.weights1))
        self.output = sigmoid(np.dot(self.layer1, self.weights2))

    def backprop(self):
        d_weights2 = np.dot(
            self.layer1.T, (2 * (self.y - self.output) * sigmoid_derivative(self.output))
        )
        d_weights1 = np.dot(
            self.input.T,
            (
                np.dot(
                    2 * (self.y - self.output) * sigmoid_derivative(self.output), self.weights2.T
                )
                * sigmoid_derivative(self.layer1)
            ),
        )
        self.weights1 += d_weights1
        self.weights2 += d_weights2


def by_hand(x, y) -> Step:
    network = NeuralNetwork(x, y)

    def step():
        network.feedforward()
        network.backprop()

    return step


def composed(x, y) -> Step:
    X, Y = mt.tensor(x), mt.tensor(y)
    W = [mt.tensor(w, requires_grad=True) for w in (W1, W2)]

    def step():
        W1, W2 = W
        output = mt.sigmoid(mt.sigmoid(X @ W1) @ W2)
        loss = ((Y - output) ** 2).sum()
        loss.backward()
        with mt.no_grad():
            W1 -= W1.grad
            W2 -= W2.grad
        W1.grad = None
        W2.grad = None

    return step


def layers(x, y) -> Step:
    X, Y = mt.tensor(x), mt.tensor(y)
    model = nn.Sequential(
        nn.Linear(3, 4, bias=False), nn.Sigmoid(), nn.Linear(4, 1, bias=False), nn.Sigmoid()
    )
    model.load_state_dict({"0.weight": W1.T, "2.weight": W2.T})
    criterion = nn.SSELoss()
    optimizer = optim.SGD(model.parameters(), lr=1.0)

    def step():
        optimizer.zero_grad()
        loss = criterion(model(X), Y)
        loss.backward()
        optimizer.step()

    return step


def pytorch(x, y) -> Step:
    import torch

    X, Y = torch.tensor(x), torch.tensor(y)
    W = [torch.tensor(w, requires_grad=True) for w in (W1, W2)]

    def step():
        W1, W2 = W
        output = torch.sigmoid(torch.sigmoid(X @ W1) @ W2)
        ((Y - output) ** 2).sum().backward()
        with torch.no_grad():
            W1 -= W1.grad
            W2 -= W2.grad
        W1.grad = None
        W2.grad = None

    return step


def jax(x, y) -> Step:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss(weights):
        W1, W2 = weights
        return ((y - jax.nn.sigmoid(jax.nn.sigmoid(x @ W1) @ W2)) ** 2).sum()

    update = jax.jit(
        lambda weights: [w - g for w, g in zip(weights, jax.grad(loss)(weights), strict=True)]
    )
    state = [[jnp.array(W1), jnp.array(W2)]]

    def step():
        state[0] = update(state[0])
        state[0][0].block_until_ready()

    return step


def hips_autograd(x, y) -> Step:
    import autograd
    import autograd.numpy as anp

    def sigmoid(x):
        return 1.0 / (1 + anp.exp(-x))

    def loss(weights):
        W1, W2 = weights
        return anp.sum((y - sigmoid(anp.dot(sigmoid(anp.dot(x, W1)), W2))) ** 2)

    gradient = autograd.grad(loss)
    state = [[W1.copy(), W2.copy()]]

    def step():
        state[0] = [w - g for w, g in zip(state[0], gradient(state[0]), strict=True)]

    return step


def mygrad(x, y) -> Step:
    import mygrad as mg
    from mygrad.nnet.activations import sigmoid

    W = [mg.tensor(w) for w in (W1, W2)]

    def step():
        W1, W2 = W
        output = sigmoid(mg.matmul(sigmoid(mg.matmul(x, W1)), W2))
        ((y - output) ** 2).sum().backward()
        W1.data -= W1.grad
        W2.data -= W2.grad
        W1.null_grad()
        W2.null_grad()

    return step


PEERS = {"PyTorch": pytorch, "JAX (jit)": jax, "HIPS autograd": hips_autograd, "MyGrad": mygrad}


def run(rounds: int) -> list[dict[str, Any]]:
    goals = {"microtensor, operations": 2.5, "microtensor, layers": 3.5}
    tables = []
    for data, dtype in (("integers, as in the tutorial", int), ("float64", float)):
        x, y = X.astype(dtype), Y.astype(dtype)
        fx, fy = X.astype(float), Y.astype(float)
        contenders = {
            "hand-written NumPy": partial(by_hand, x, y),
            "microtensor, operations": partial(composed, x, y),
            "microtensor, layers": partial(layers, fx, fy),
            **{name: partial(make, fx, fy) for name, make in PEERS.items()},
        }
        title = f"Tutorial 1, one training step; the truth table in {data}"
        tables.append(race(title, contenders, rounds=rounds, goals=goals))
    return tables
