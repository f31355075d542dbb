"""Draw what a computation recorded: a formula, its backward pass, and models.

    python examples/draw_the_graph.py [--out FOLDER]

Names in the drawings are those of the variables and of the modules' parameters. Each drawing is
an SVG, which a browser shows.
"""

import argparse
from pathlib import Path

import numpy as np

import microtensor as mt
from microtensor import nn
from microtensor.viz import draw, render


def main() -> None:
    """Draw a formula, its backward pass, and two models."""
    parser = argparse.ArgumentParser(description="Draw what a computation recorded.")
    parser.add_argument("--out", type=Path, default=Path(), help="where files go (default: .)")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)

    # The names in the drawing are those of the variables.
    x = mt.tensor(np.linspace(-1, 1, 5))
    slope = mt.tensor(2.0, requires_grad=True)
    shift = mt.tensor(0.5, requires_grad=True)
    prediction = 1 / (1 + np.exp(-(slope * x - shift)))
    loss = (prediction**2).sum()
    print(render(draw(loss, rankdir="LR"), folder / "logistic.svg"))

    # The backward pass beside the forward pass, with the numbers of both.
    backward = draw(loss, values=True, show_backward=True)
    print(render(backward, folder / "logistic-backward.svg"))

    # Modules are frames, and parameters are called by their paths. What is unhealthy is marked.
    model = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 2))
    criterion = nn.CrossEntropyLoss()
    error = criterion(model(mt.tensor(np.ones((4, 5)), name="batch")), mt.tensor([0, 1, 1, 0]))
    print(render(draw(error, gradients=True, health=True), folder / "model.svg"))

    # A chain of equal blocks is drawn once. A drawing can be taken after backward() too.
    layers = [layer for _ in range(12) for layer in (nn.Linear(5, 5), nn.Tanh())]
    deep = nn.Sequential(*layers)
    output = deep(mt.tensor(np.ones((4, 5)), name="batch")).sum()
    output.backward()
    print(render(draw(output), folder / "deep.svg"))


if __name__ == "__main__":
    main()
