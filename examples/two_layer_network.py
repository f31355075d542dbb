"""Compose a network of tensor operations, and train it to exclusive or.

    python examples/two_layer_network.py

What the network computes is written once, forward; `backward` finds the gradients.
"""

import numpy as np

import microtensor as mt

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
y = np.array([[0], [1], [1], [0]], dtype=float)

rng = np.random.default_rng(0)
W1 = mt.tensor(rng.normal(size=(2, 8)), requires_grad=True)
b1 = mt.tensor(np.zeros(8), requires_grad=True)
W2 = mt.tensor(rng.normal(size=(8, 1)), requires_grad=True)
b2 = mt.tensor(np.zeros(1), requires_grad=True)


def predict(inputs):
    """Return the network's output, (examples, 1), for inputs (examples, 2)."""
    hidden = np.tanh(inputs @ W1 + b1)  # NumPy's functions take tensors
    return mt.sigmoid(hidden @ W2 + b2)


for iteration in range(1, 1001):
    loss = ((predict(X) - y) ** 2).mean()
    loss.backward()
    with mt.no_grad():
        for parameter in (W1, b1, W2, b2):
            parameter -= 2.0 * parameter.grad
            parameter.grad = None
    if iteration in (1, 10, 100, 1000):
        print(f"iteration {iteration:4}: loss {loss.item():.6f}")

for inputs, target, output in zip(X, y, predict(X).numpy(), strict=True):
    print(f"{inputs} -> {output.item():.3f}, should be {target.item():.0f}")
