"""Write a page that steps through backpropagation, for a browser.

    python examples/explore_backprop.py [--out FOLDER]

A network learns XOR. Its gradients are derived by hand as well, and one step is wrong: the page
shows which, beside autograd's.
"""

import argparse
from pathlib import Path

import numpy as np

import microtensor as mt
from microtensor import optim
from microtensor.viz import History, explore


def main() -> None:
    """Train, derive the gradients of the last iteration by hand, and write the page."""
    parser = argparse.ArgumentParser(description="Write a page that steps through backpropagation.")
    parser.add_argument("--out", type=Path, default=Path(), help="where files go (default: .)")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(0)
    X = mt.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = mt.tensor([[0.0], [1.0], [1.0], [0.0]])
    W1 = mt.tensor(rng.normal(size=(2, 4)), requires_grad=True)
    b1 = mt.tensor(np.zeros(4), requires_grad=True)
    W2 = mt.tensor(rng.normal(size=(4, 1)), requires_grad=True)
    b2 = mt.tensor(np.zeros(1), requires_grad=True)
    parameters = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    optimizer = optim.SGD(parameters.values(), lr=0.5)
    history = History(parameters, keep=True)
    for _ in range(200):
        loss = np.square(mt.sigmoid(mt.sigmoid(X @ W1 + b1) @ W2 + b2) - y).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.record(loss=loss)

    # In this block each operation's line is remembered, for the page to show.
    with mt.autograd.record_source():
        z1 = X @ W1 + b1
        a1 = mt.sigmoid(z1)
        z2 = a1 @ W2 + b2
        a2 = mt.sigmoid(z2)
        loss = np.square(a2 - y).sum()

    da2 = 2 * (a2.data - y.data)
    dz2 = da2 * a2.data * (1 - a2.data)
    dW2 = a1.data.T @ dz2
    da1 = dz2 @ W2.data.T
    dz1 = da1  # the derivative of the sigmoid is forgotten
    dW1 = X.data.T @ dz1
    hand = {a2: da2, z2: dz2, W2: dW2, a1: da1, z1: dz1, W1: dW1}
    comparison = mt.compare(loss, hand)
    print(comparison.roots[0].cause.text)

    path = explore(
        loss,
        folder / "xor.html",
        title="XOR, two layers",
        comparison=comparison,
        history=history,
    )
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB): open it in a browser.")


if __name__ == "__main__":
    main()
