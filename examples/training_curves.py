"""Watch networks train: draw their losses, gradients, updates and activations over time.

    pip install '.[plot]'
    python examples/training_curves.py [--out FOLDER]

Six layers learn to tell two spirals apart, three times: with tanh, with tanh and a learning rate
that is too low, and with sigmoid, whose gradient vanishes on its way to the first layer.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np

import microtensor as mt
from microtensor import nn, optim
from microtensor.viz import History, plot_gradients, plot_histograms, plot_history, plot_updates

try:
    import matplotlib  # noqa: F401 - what the curves are drawn with
except ImportError:
    raise SystemExit("The curves need Matplotlib: pip install 'microtensor[plot]'") from None


def spirals(rng):
    """Return the points of two spirals, (200, 2), and which of them each is on, (200, 1)."""
    radius = np.linspace(0.1, 1, 100)[:, None]
    angle = 5 * radius + rng.normal(scale=0.1, size=(100, 1))
    one = radius * np.hstack([np.cos(angle), np.sin(angle)])
    return np.vstack([one, -one]), np.repeat([[0.0], [1.0]], 100, axis=0)


def train(activation, lr, X, Y):
    """Train six layers to tell the spirals apart, and return what was recorded."""
    rng = np.random.default_rng(0)
    model = nn.Sequential()
    for i, (inputs, outputs) in enumerate(pairwise([2, 24, 24, 24, 24, 24]), start=1):
        model.add_module(f"layer{i}", nn.Linear(inputs, outputs, generator=rng))
        model.add_module(f"activation{i}", activation())
    model.add_module("output", nn.Linear(24, 1, generator=rng))
    for layer in model.children():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_normal_(layer.weight, generator=rng)

    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    criterion = nn.BCEWithLogitsLoss()
    history = History(model, keep=["layer1.weight", "layer3.weight", "layer5.weight"], every=5)
    for iteration in range(300):
        activations = {}
        out = mt.tensor(X)
        for name, layer in model.named_children():
            out = layer(out)
            if name.startswith("activation"):
                activations[name] = out
        loss = criterion(out, Y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        accuracy = ((out.numpy() > 0) == Y).mean() if iteration % 10 == 0 else None
        history.record(loss=loss, accuracy=accuracy, activations=activations)
    return history


def main() -> None:
    """Train with two activations, and write what happened."""
    parser = argparse.ArgumentParser(description="Watch networks train.")
    parser.add_argument("--out", type=Path, default=Path(), help="where files go (default: .)")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)

    X, Y = spirals(np.random.default_rng(1))
    runs = {
        "tanh": train(nn.Tanh, 0.1, X, Y),
        "tanh, slower": train(nn.Tanh, 0.01, X, Y),
        "sigmoid": train(nn.Sigmoid, 0.1, X, Y),
    }
    figures = {"history": plot_history(runs, log="loss", title="Two spirals")}
    for name in ("tanh", "sigmoid"):
        figures |= {
            f"{name}-gradients": plot_gradients(runs[name], title=f"Gradients, {name}"),
            f"{name}-updates": plot_updates(runs[name], title=f"Updates, {name}"),
            f"{name}-activations": plot_histograms(runs[name], title=f"Activations, {name}"),
            f"{name}-gradient-histograms": plot_histograms(
                runs[name], "gradients", title=f"Gradients, {name}"
            ),
        }
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png")
        print(folder / f"{name}.png")
    for name, history in runs.items():
        print(f"{name}: {history}, last loss {history.metrics['loss'][-1]:.4f}")


if __name__ == "__main__":
    main()
