"""Read handwritten digits with the second tutorial's network: sigmoid layers, and plain SGD.

    pip install '.[examples]'
    python examples/digits_mlp.py [--epochs 150] [--seed 0] [--out FOLDER] [--small]

What the tutorial builds for the exclusive or is built here for the 1797 digits of scikit-learn.
An example is a row of 64 pixels, and its target a row of ten numbers: 1 at the digit, else 0.
Each layer is linear and a sigmoid, weights begin as small random numbers and biases at 0, the
cost is the cross-entropy, summed over the outputs and averaged over the examples, and every
step goes against the gradient, no more.

Printed are the cost, the accuracy on a quarter of the digits that is held out, and which digits
are taken for which. If `digits_cnn.py` has been run before with the same seed and folder, both
were asked about the same digits, and it is said how they compare.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn, optim
from microtensor.data import DataLoader, random_split
from microtensor.viz import plot_history

try:
    from sklearn.datasets import load_digits
except ImportError:
    raise SystemExit(
        "The digits come with scikit-learn: pip install 'microtensor[examples]'"
    ) from None


class Results(NamedTuple):
    """What came out; the confusion matrix counts the held-out digits, [is, read as]."""

    costs: list[float]
    accuracy: float
    confusion: np.ndarray
    accuracy_of_cnn: float | None
    files: list[Path]


def split_digits(rng: np.random.Generator) -> tuple[Any, Any]:
    """Return (pixels, labels) to train with, and those of a quarter that is held out.

    Pixels are (digits, 64), from 0 to 1; labels are the digits, (digits,).
    """
    pixels, labels = load_digits(return_X_y=True)
    pixels = (pixels / 16).astype(np.float32)
    train, held_out = random_split((pixels, labels), [0.75, 0.25], rng)
    return train[:], held_out[:]


def make_network(rng: np.random.Generator) -> nn.Sequential:
    """Return the tutorial's network, with 64 inputs and a layer of 64 before the ten outputs."""
    network = nn.Sequential(
        nn.Linear(64, 64, dtype=np.float32, generator=rng),
        nn.Sigmoid(),
        nn.Linear(64, 10, dtype=np.float32, generator=rng),
        nn.Sigmoid(),
    )
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):
            nn.init.normal_(parameter, std=0.1, generator=rng)
        else:
            nn.init.zeros_(parameter)
    return network


def one_hot(labels: Any) -> Any:
    """Return the targets, (digits, 10): 1 at the digit, and 0 elsewhere."""
    return np.eye(10, dtype=np.float32)[labels.numpy()]


def cost_function(output: Any, target: Any) -> Any:
    """Return the cross-entropy, summed over the outputs, averaged over the examples."""
    return F.binary_cross_entropy(output, target, reduction="sum") / len(target)


def read(network: nn.Module, pixels: Any) -> Any:
    """Return the digits that the network reads: those of the largest outputs."""
    with mt.no_grad():
        return network(pixels).numpy().argmax(axis=1)


def train(
    network: nn.Module, train_set: Any, held_out: Any, epochs: int, rng: np.random.Generator
) -> dict[str, dict[str, list[float]]]:
    """Train by gradient descent in batches; return cost and accuracy after each epoch."""
    loader = DataLoader(train_set, batch_size=32, shuffle=True, generator=rng)
    optimizer = optim.SGD(network.parameters(), lr=0.25)
    curves: dict[str, dict[str, list[float]]] = {
        name: {"cost": [], "accuracy": []} for name in ("training", "held out")
    }
    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cost {task.fields[cost]:.4f}"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=epochs * len(loader), cost=np.nan)
        for epoch in range(1, epochs + 1):
            for pixels, labels in loader:
                cost = cost_function(network(pixels), one_hot(labels))
                optimizer.zero_grad()
                cost.backward()
                optimizer.step()
                progress.update(bar, advance=1, cost=cost.item())
            for curve, (pixels, labels) in zip(curves.values(), (train_set, held_out), strict=True):
                with mt.no_grad():
                    output = network(pixels)
                curve["cost"].append(cost_function(output, one_hot(labels)).item())
                right = output.numpy().argmax(axis=1) == labels.numpy()
                curve["accuracy"].append(right.mean().item())
            if epoch == 1 or epoch % max(1, epochs // 8) == 0:
                progress.console.print(
                    f"epoch {epoch:3}: cost {curves['training']['cost'][-1]:.4f}, "
                    f"read right {curves['training']['accuracy'][-1]:7.2%} of the digits trained "
                    f"with, {curves['held out']['accuracy'][-1]:7.2%} of those held out",
                    highlight=False,
                    soft_wrap=True,
                )
    return curves


def confusion_table(confusion: np.ndarray) -> Table:
    """Return the matrix as a table: mistakes stand out, and zeros are left out."""
    table = Table(title="Held-out digits: what they are, and what they were read as")
    table.add_column("is", justify="right", style="bold")
    for digit in range(10):
        table.add_column(str(digit), justify="right")
    table.add_column("right", justify="right")
    for digit, row in enumerate(confusion):
        cells = [
            "" if not count else str(count) if digit == other else f"[bold red]{count}[/]"
            for other, count in enumerate(row)
        ]
        table.add_row(str(digit), *cells, f"{row[digit] / row.sum():.1%}")
    return table


def accuracy_of_cnn(path: Path, seed: int) -> float | None:
    """Return what `digits_cnn.py` reached on the same digits, if it was run with this seed."""
    if not path.exists():
        return None
    checkpoint = mt.load(path)
    return checkpoint["accuracy"] if checkpoint["seed"] == seed else None


def main(argv: Sequence[str] | None = None) -> Results:
    """Train, count what was read as what, and compare."""
    parser = argparse.ArgumentParser(description="Read digits with sigmoid layers and plain SGD.")
    parser.add_argument(
        "--epochs", type=int, default=150, help="times through the digits (default: 150)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--out", type=Path, default=Path(), help="where files go (default: .)")
    parser.add_argument("--small", action="store_true", help="train for fewer epochs")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    epochs = min(options.epochs, 15) if options.small else options.epochs

    rng = np.random.default_rng(options.seed)
    train_set, held_out = split_digits(rng)
    network = make_network(rng)
    print(network)
    print(f"{sum(p.size for p in network.parameters())} parameters")
    print(f"{len(train_set[1])} digits to train with, {len(held_out[1])} held out\n")

    curves = train(network, train_set, held_out, epochs, rng)
    pixels, labels = held_out
    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (labels.numpy(), read(network, pixels)), 1)
    Console().print(confusion_table(confusion))
    right, total = np.trace(confusion).item(), confusion.sum().item()
    print(f"{right} of {total} held-out digits read right: {right / total:.2%}")

    cnn = accuracy_of_cnn(options.out / "digits_cnn.safetensors", options.seed)
    if cnn is None:
        print("To compare with a convolutional network, run digits_cnn.py first, with this seed.")
    else:
        print(
            f"The convolutional network of digits_cnn.py read {cnn:.2%} of the same digits: it "
            f"misread {round((1 - cnn) * total)}, this one {total - right}."
        )

    title = "Sigmoid layers and plain SGD on digits"
    figure = plot_history(curves, log="cost", title=title, xlabel="epoch")
    path = options.out / "digits_mlp.png"
    figure.savefig(path)
    print(f"{path}: cost and accuracy, on the digits trained with and on those held out")
    return Results(curves["training"]["cost"], right / total, confusion, cnn, [path])


if __name__ == "__main__":
    main()
