"""Train one deep network with seven activations, and see why sigmoid is no longer the usual one.

    pip install '.[examples]'
    python examples/compare_activations.py [--epochs 30] [--seed 0] [--out FOLDER] [--small]

"Can we use other activation functions besides Sigmoid?" is what the first tutorial asks at its end.
Here one network of six hidden layers learns to read scikit-learn's digits. Only what comes after
each hidden layer differs: initial weights, batches and their order are the same for all, and so are
the optimizer and its learning rate. That is done for several seeds.

Before the first step, the gradient of every layer's weights is looked at. Sigmoid's derivative is
never more than 1/4, and one factor of it comes with every layer, so little of the gradient is left
where the network begins: it vanishes. What that means for training is in the curves beside it, and
in the table, whose accuracies are of a quarter of the digits that nothing was trained with.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
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

try:
    from matplotlib.figure import Figure
    from sklearn.datasets import load_digits
except ImportError:
    raise SystemExit(
        "This needs Matplotlib and scikit-learn: pip install 'microtensor[examples]'"
    ) from None

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "Sigmoid": nn.Sigmoid,
    "Tanh": nn.Tanh,
    "ReLU": nn.ReLU,
    "LeakyReLU": nn.LeakyReLU,
    "ELU": nn.ELU,
    "GELU": nn.GELU,
    "SiLU": nn.SiLU,
}
LOOKS = ("#d55e00", "#e69f00", "#0072b2", "#56b4e9--", "#009e73--", "#cc79a7", "#6b7280")
LAYERS = (64, 48, 48, 48, 48, 48, 48, 10)
BATCH = 64


@dataclass
class Run:
    """One training: gradient norms by layer at the start, then a value for each epoch."""

    gradients: list[float]
    losses: list[float]
    accuracies: list[float]


class Results(NamedTuple):
    """What came out: the trainings of each activation, one for each seed, and the picture."""

    runs: dict[str, list[Run]]
    files: list[Path]


def make_network(activation: Callable[[], nn.Module], rng: np.random.Generator) -> nn.Sequential:
    """Return the network, with weights by Xavier's formula, which favours none of the activations.

    The layers draw from ``rng`` in the same order whatever comes between them.
    """
    model = nn.Sequential()
    for inputs, outputs in pairwise(LAYERS):
        linear = nn.Linear(inputs, outputs, dtype=np.float32, generator=rng)
        nn.init.xavier_normal_(linear.weight, generator=rng)
        nn.init.zeros_(linear.bias)
        model.append(linear)
        model.append(activation())
    del model[-1]
    return model


def gradient_norms(model: nn.Sequential, images: Any, labels: Any) -> list[float]:
    """Return the norm of the gradient of each layer's weights, over all that is trained with."""
    F.cross_entropy(model(images), labels).backward()
    return [
        float(np.linalg.norm(layer.weight.grad.numpy()))
        for layer in model
        if isinstance(layer, nn.Linear)
    ]


def train(
    activation: Callable[[], nn.Module],
    digits: tuple[Any, Any],
    seed: int,
    epochs: int,
    after_step: Callable[[float], None],
) -> Run:
    """Train with one activation; all that is drawn depends on the seed only."""
    rng = np.random.default_rng(seed)
    training, held_out = random_split(digits, [0.75, 0.25], rng)
    model = make_network(activation, rng)
    run = Run(gradient_norms(model, *training[:]), [], [])

    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loader = DataLoader(training, batch_size=BATCH, shuffle=True, drop_last=True, generator=rng)

    images, labels = held_out[:]
    for _ in range(epochs):
        losses = []
        for x, y in loader:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            after_step(losses[-1])
        run.losses.append(float(np.mean(losses)))
        with mt.no_grad():
            guesses = model(images).numpy().argmax(axis=1)
        run.accuracies.append(float((guesses == labels.numpy()).mean()))
    return run


def tabulate(runs: dict[str, list[Run]]) -> Table:
    """Return a table of all activations, with the mean of all seeds and their range."""
    count = len(next(iter(runs.values())))
    table = Table(
        title=f"Means of {count} seeds: the gradient is that of the first layer's weights at the"
        " start,\nrelative to the last layer's; the accuracy is that on digits held out"
    )
    table.add_column("activation")
    for heading in ("gradient", "loss at the end", "accuracy", "lowest to highest"):
        table.add_column(heading, justify="right")
    for name, every in runs.items():
        ratios = [run.gradients[0] / run.gradients[-1] for run in every]
        accuracies = [run.accuracies[-1] for run in every]
        table.add_row(
            name,
            f"{np.exp(np.log(ratios).mean()):.2g}",
            f"{np.mean([run.losses[-1] for run in every]):.4f}",
            f"{np.mean(accuracies):.1%}",
            f"{min(accuracies):.1%} to {max(accuracies):.1%}",
        )
    return table


def plot(runs: dict[str, list[Run]], path: Path) -> None:
    """Draw gradients by layer and curves by epoch, means of all seeds and their range.

    Where the axis is logarithmic, the means are geometric.
    """
    figure = Figure(figsize=(13, 4.2), dpi=150, layout="constrained")
    panels = figure.subplots(1, 3)
    views = (
        ("gradients", "layer", "norm of the weights' gradient at the start", True),
        ("losses", "epoch", "loss in training", True),
        ("accuracies", "epoch", "accuracy on digits held out", False),
    )
    for axes, (attribute, across, up, logarithmic) in zip(panels, views, strict=True):
        for (name, every), look in zip(runs.items(), LOOKS, strict=True):
            colour, style = look[:7], look[7:] or "-"
            values = np.array([getattr(run, attribute) for run in every])
            middle = np.exp(np.log(values).mean(0)) if logarithmic else values.mean(0)
            place = np.arange(1, values.shape[1] + 1)
            marker = "o" if attribute == "gradients" else None
            axes.plot(place, middle, style, color=colour, label=name, marker=marker, markersize=4)
            axes.fill_between(
                place, values.min(0), values.max(0), color=colour, alpha=0.15, linewidth=0
            )
        axes.set(xlabel=across, ylabel=up)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e3e5e8", linewidth=0.8)
        if logarithmic:
            axes.set_yscale("log")
    panels[0].set_xlabel("layer (1 is next to the input)")
    panels[2].set_ylim(0, 1.02)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
    count = len(next(iter(runs.values())))
    figure.suptitle(
        f"One network, seven activations (mean and range of {count} seeds)",
        x=0.01,
        horizontalalignment="left",
        fontweight="bold",
    )
    figure.savefig(path)


def main(argv: Sequence[str] | None = None) -> Results:
    """Train with each activation and seed, and compare."""
    parser = argparse.ArgumentParser(description="Compare activations on one network.")
    parser.add_argument("--epochs", type=int, help="times through the digits (default: 30)")
    parser.add_argument("--seed", type=int, default=0, help="the first of five seeds")
    parser.add_argument("--out", type=Path, default=Path(), help="where files go (default: .)")
    parser.add_argument("--small", action="store_true", help="train for fewer epochs and seeds")
    options = parser.parse_args(argv)
    epochs = options.epochs or (4 if options.small else 30)
    seeds = range(options.seed, options.seed + (2 if options.small else 5))
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console()

    images, labels = load_digits(return_X_y=True)
    digits = (images / 16).astype(np.float32), labels
    model = make_network(nn.Sigmoid, np.random.default_rng(options.seed))
    console.print(
        f"{len(labels)} digits, a quarter of them held out\n{model}\n"
        f"{sum(p.size for p in model.parameters())} parameters; seeds {seeds.start} to"
        f" {seeds.stop - 1}, {epochs} epochs each\n",
        highlight=False,
    )
    runs: dict[str, list[Run]] = {name: [] for name in ACTIVATIONS}
    batches = round(len(digits[0]) * 0.75) // BATCH
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("", total=len(ACTIVATIONS) * len(seeds) * epochs * batches)
        for name, activation in ACTIVATIONS.items():

            def after_step(loss: float, name: str = name) -> None:
                progress.update(task, advance=1, description=f"{name}, loss {loss:.3f}")

            runs[name] = [train(activation, digits, seed, epochs, after_step) for seed in seeds]
    console.print(tabulate(runs))
    path = options.out / "compare_activations.png"
    plot(runs, path)
    console.print(
        f"{path}: the gradient of each layer before the first step, and how loss and accuracy"
        " went. A gradient that shrinks from layer to layer leaves the first ones untrained.",
        highlight=False,
        soft_wrap=True,
    )
    return Results(runs, [path])


if __name__ == "__main__":
    main()
