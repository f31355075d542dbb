"""Read handwritten digits with a convolutional network, and see which ones it gets wrong.

    pip install '.[examples]'
    python examples/digits_cnn.py [--epochs 40] [--seed 0] [--out FOLDER] [--small]

The 1797 digits that scikit-learn brings along have 8 × 8 pixels each. A quarter of them is held
out. The network is trained on the rest, each digit moved by a fraction of a pixel whenever it is
seen; nothing is chosen by the digits held out, which only tell how well it reads.

Printed are the network, its accuracy as it trains, and every held-out digit that was misread.
Three pictures show the curves of training, the digits it had most trouble with, and the filters of
its first layer. The trained network is saved and loaded into a new one, which reads the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn, optim
from microtensor.data import DataLoader, random_split
from microtensor.viz import plot_history

try:
    from matplotlib.figure import Figure
    from sklearn.datasets import load_digits
except ImportError:
    raise SystemExit(
        "This needs Matplotlib and scikit-learn: pip install 'microtensor[examples]'"
    ) from None


class Results(NamedTuple):
    """What came out; `misread` has each digit misread, and what it was read as."""

    losses: list[float]
    accuracy: float
    accuracy_when_loaded: float
    misread: list[tuple[int, int]]
    files: list[Path]


def split_digits(rng: np.random.Generator) -> tuple[Any, Any]:
    """Return (images, labels) to train with, and those of a quarter that is held out.

    Images are (digits, 1, 8, 8), from 0, black, to 1, white; labels are the digits, (digits,).
    """
    digits = load_digits()
    images = (digits.images[:, None] / 16).astype(np.float32)
    train, held_out = random_split((images, digits.target), [0.75, 0.25], rng)
    return train[:], held_out[:]


def make_network(rng: np.random.Generator, channels: int) -> nn.Sequential:
    """Return two pairs of convolutions, which halve the image each, and a linear layer."""

    def convolution(inputs: int, outputs: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False, dtype=np.float32, generator=rng),
            nn.BatchNorm2d(outputs, dtype=np.float32),
            nn.ReLU(),
        ]

    return nn.Sequential(
        *convolution(1, channels),
        *convolution(channels, channels),
        nn.MaxPool2d(2),
        *convolution(channels, 2 * channels),
        *convolution(2 * channels, 2 * channels),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5, generator=rng),
        nn.Linear(2 * channels * 2 * 2, 10, dtype=np.float32, generator=rng),
    )


def moved(images: Any, rng: np.random.Generator) -> Any:
    """Return each image moved by up to 0.6 pixels down or up, and right or left.

    A pixel becomes a mixture of itself and its neighbour; what comes in at the border is black.
    """
    for axis in (2, 3):
        border = [(1, 1) if each == axis else (0, 0) for each in range(4)]
        padded = np.pad(images, border)
        before, after = (np.take(padded, np.arange(8) + i, axis) for i in (0, 2))
        by = rng.uniform(-0.6, 0.6, (len(images), 1, 1, 1)).astype(np.float32)
        images = (1 - abs(by)) * images + by.clip(min=0) * before + (-by).clip(min=0) * after
    return images


def train(
    network: nn.Module, train_set: Any, held_out: Any, epochs: int, rng: np.random.Generator
) -> dict[str, dict[str, list[float]]]:
    """Train with AdamW, the learning rate up and down again; return loss and accuracy by epoch.

    In training they are worse than on the digits held out: digits are moved, and dropout is on.
    """
    # Batch normalization needs batches of some size: what is left over waits for another epoch.
    loader = DataLoader(train_set, batch_size=64, shuffle=True, drop_last=True, generator=rng)
    steps = epochs * len(loader)
    optimizer = optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.01)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps)
    curves: dict[str, dict[str, list[float]]] = {
        name: {"loss": [], "accuracy": []} for name in ("training", "held out")
    }
    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=steps, loss=np.nan)
        for epoch in range(1, epochs + 1):
            losses, accuracies = [], []
            network.train()
            for images, labels in loader:
                logits = network(moved(images.numpy(), rng))
                loss = F.cross_entropy(logits, labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                scheduler.step()
                losses.append(loss.item())
                accuracies.append(accuracy(logits, labels))
                progress.update(bar, advance=1, loss=loss.item())
            curves["training"]["loss"].append(np.mean(losses).item())
            curves["training"]["accuracy"].append(np.mean(accuracies).item())

            log_chances = read(network, held_out[0])
            curves["held out"]["loss"].append(F.nll_loss(log_chances, held_out[1]).item())
            curves["held out"]["accuracy"].append(accuracy(log_chances, held_out[1]))
            if epoch == 1 or epoch % max(1, epochs // 8) == 0:
                progress.console.print(
                    f"epoch {epoch:3}: loss {curves['training']['loss'][-1]:.4f}, "
                    f"{curves['held out']['accuracy'][-1]:7.2%} of the digits held out read right",
                    highlight=False,
                    soft_wrap=True,
                )
    return curves


def read(network: nn.Module, images: Any) -> Any:
    """Return the logarithms of the chances that an image is each digit, (digits, 10)."""
    network.eval()
    with mt.no_grad():
        return F.log_softmax(network(images), dim=1)


def accuracy(logits: Any, labels: Any) -> float:
    """Return how many of the labels have the largest logit, as a fraction."""
    return (logits.numpy().argmax(axis=1) == labels.numpy()).mean().item()


def draw_curves(curves: Any) -> Figure:
    """Draw loss and accuracy by epoch."""
    return plot_history(
        curves,
        log="loss",
        title="A convolutional network learns digits (in training moved, and with dropout)",
        xlabel="epoch",
    )


def draw_hardest(images: Any, labels: Any, chances: Any) -> Figure:
    """Draw the 16 digits whose chances were the lowest, the misread ones titled in red."""
    hardest = chances[np.arange(len(labels)), labels].argsort()[:16]
    figure = Figure(figsize=(7.2, 8), dpi=150, layout="constrained")
    for axes, i in zip(figure.subplots(4, 4).flat, hardest, strict=True):
        axes.imshow(images[i, 0], cmap="gray", vmin=0, vmax=1)
        axes.set_axis_off()
        best = chances[i].argmax()
        axes.set_title(
            f"is {labels[i]} ({chances[i, labels[i]]:.0%})\nread as {best} ({chances[i, best]:.0%})"
            if best != labels[i]
            else f"is {labels[i]} ({chances[i, best]:.0%})\nread right",
            color="#c00000" if best != labels[i] else "#404040",
            fontsize=11,
        )
    figure.suptitle("The held-out digits it had most trouble with, and the chances it gave them")
    return figure


def draw_filters(weight: Any) -> Figure:
    """Draw the 3 × 3 filters of the first layer, (filters, 1, 3, 3)."""
    most = abs(weight).max()
    figure = Figure(figsize=(8, 2.6), dpi=150, layout="constrained")
    all_axes = figure.subplots(2, len(weight) // 2)
    for axes, kernel in zip(all_axes.flat, weight[:, 0], strict=True):
        image = axes.imshow(kernel, cmap="RdBu_r", vmin=-most, vmax=most)
        axes.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=all_axes, label="weight")
    figure.suptitle("What the first layer looks for: its filters, of 3 × 3 pixels")
    return figure


def main(argv: Sequence[str] | None = None) -> Results:
    """Train, say what was misread, draw, and save."""
    parser = argparse.ArgumentParser(description="Read digits with a convolutional network.")
    parser.add_argument(
        "--epochs", type=int, default=40, help="times through the digits (default: 40)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--out", type=Path, default=Path(), help="where files go (default: .)")
    parser.add_argument("--small", action="store_true", help="train a smaller network")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    epochs, channels = (min(options.epochs, 4), 8) if options.small else (options.epochs, 16)

    rng = np.random.default_rng(options.seed)
    train_set, held_out = split_digits(rng)
    network = make_network(rng, channels)
    print(network)
    print(f"{sum(p.size for p in network.parameters())} parameters")
    print(f"{len(train_set[1])} digits to train with, {len(held_out[1])} held out\n")
    curves = train(network, train_set, held_out, epochs, rng)

    log_chances = read(network, held_out[0])
    images, labels, chances = held_out[0].numpy(), held_out[1].numpy(), np.exp(log_chances.numpy())
    reached = accuracy(log_chances, held_out[1])
    misread = [
        (is_digit.item(), read_as.item())
        for is_digit, read_as in zip(labels, chances.argmax(axis=1), strict=True)
        if is_digit != read_as
    ]
    print(f"\n{reached:.2%} of the held-out digits read right, {len(misread) or 'none'} misread.")
    for is_digit, read_as in sorted(misread):
        print(f"  {is_digit} read as {read_as}")

    file = mt.save(
        options.out / "digits_cnn.safetensors",
        {"network": network.state_dict(), "accuracy": reached, "seed": options.seed},
    )
    loaded = make_network(np.random.default_rng(), channels)
    loaded.load_state_dict(mt.load(file)["network"])
    same = read(loaded, held_out[0])
    print(
        f"\n{file}: the trained network. Loaded into a new one, it gives "
        f"{'the same' if np.array_equal(same.numpy(), log_chances.numpy()) else 'OTHER'} chances."
    )

    files = [file]
    for name, what, figure in (
        ("curves", "loss and accuracy after each epoch", draw_curves(curves)),
        ("hardest", "the digits it had most trouble with", draw_hardest(images, labels, chances)),
        ("filters", "the first layer's filters", draw_filters(network[0].weight.numpy())),
    ):
        files.append(options.out / f"digits_cnn_{name}.png")
        figure.savefig(files[-1])
        print(f"{files[-1]}: {what}")
    losses = curves["training"]["loss"]
    return Results(losses, reached, accuracy(same, held_out[1]), misread, files)


if __name__ == "__main__":
    main()
