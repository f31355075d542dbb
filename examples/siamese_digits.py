"""Teach a Siamese network which digits are alike: it draws a map of them.

    pip install '.[examples]'
    python examples/siamese_digits.py [--epochs 80] [--seed 0] [--out FOLDER] [--small]

The network turns a digit of 8 × 8 pixels into a point of the plane. It is never told which digit
an image shows, only of pairs of images whether they show the same: both go through the same
network, with the same weights, as Siamese twins, and the contrastive loss draws the two points
together if they are alike, and else apart, up to a distance of 1. After Hadsell, Chopra and LeCun,
"Dimensionality reduction by learning an invariant mapping" (2006).

Asked about a quarter of scikit-learn's digits, which is held out, it tells whether two are alike by
their distance: below one half, or not. Printed is how often that is right, how well distance
separates pairs (the area under the ROC curve), and how many digits have a nearest neighbour, among
the digits trained with, that is the same; and the same for the distance of the images themselves,
pixel by pixel. One picture is the map of the held-out digits, with the distances of pairs; the
other one the curve of training.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import microtensor as mt
from microtensor import nn, optim
from microtensor.data import DataLoader, random_split
from microtensor.viz import plot_history

try:
    from matplotlib.figure import Figure
    from sklearn.datasets import load_digits
    from sklearn.metrics import roc_auc_score
    from sklearn.neighbors import KNeighborsClassifier
except ImportError:
    raise SystemExit(
        "This needs Matplotlib and scikit-learn: pip install 'microtensor[examples]'"
    ) from None

MARGIN = 1.0


class Results(NamedTuple):
    """What came out, for held-out digits: fractions, and areas under ROC curves."""

    losses: list[float]
    pairs_right: float
    area: float
    area_of_pixels: float
    neighbours_right: float
    neighbours_right_of_pixels: float
    files: list[Path]


def split_digits(rng: np.random.Generator) -> tuple[Any, Any]:
    """Return (images, labels) to train with, and those of a quarter that is held out.

    Images are (digits, 1, 8, 8), from 0 to 1; labels are the digits, (digits,).
    """
    digits = load_digits()
    images = (digits.images[:, None] / 16).astype(np.float32)
    train, held_out = random_split((images, digits.target), [0.75, 0.25], rng)
    return tuple(a.numpy() for a in train[:]), tuple(a.numpy() for a in held_out[:])


def make_network(rng: np.random.Generator) -> nn.Sequential:
    """Return what both twins are: from images (n, 1, 8, 8) to points (n, 2)."""
    options: Any = {"dtype": np.float32, "generator": rng}
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, **options),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, **options),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 2 * 2, 64, **options),
        nn.ReLU(),
        nn.Linear(64, 2, **options),
    )


class Partners:
    """Draws for each digit a partner, alike in half of the cases: at random it were one in ten."""

    def __init__(self, labels: Any) -> None:
        self.others = [np.flatnonzero(labels != digit) for digit in range(10)]
        self.alike = [np.flatnonzero(labels == digit) for digit in range(10)]

    def draw(self, labels: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Return the numbers of the partners, and 1 for each that is alike, else 0."""
        alike = rng.integers(2, size=len(labels))
        partners = [
            rng.choice((self.alike if same else self.others)[digit])
            for digit, same in zip(labels, alike, strict=True)
        ]
        return np.array(partners), alike


def train(
    network: nn.Module, images: Any, labels: Any, epochs: int, rng: np.random.Generator
) -> list[float]:
    """Train on pairs, in an epoch each digit with one partner; return the loss of each epoch."""
    loader = DataLoader((images, labels), batch_size=64, shuffle=True, generator=rng)
    steps = epochs * len(loader)
    partners = Partners(labels)
    criterion = nn.ContrastiveLoss(margin=MARGIN)
    optimizer = optim.Adam(network.parameters(), lr=2e-3)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    losses = []
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
            total = 0.0
            for left, digits in loader:
                right, alike = partners.draw(digits.numpy(), rng)
                loss = criterion(network(left), network(images[right]), alike)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                scheduler.step()
                total += loss.item() * len(digits)
                progress.update(bar, advance=1, loss=loss.item())
            losses.append(total / len(labels))
            if epoch == 1 or epoch % max(1, epochs // 8) == 0:
                progress.console.print(f"epoch {epoch:3}: loss {losses[-1]:.4f}", highlight=False)
    return losses


def points_of(network: nn.Module, images: Any) -> Any:
    """Return the points of images, (n, 2)."""
    with mt.no_grad():
        return network(images).numpy()


def draw_map(points: Any, labels: Any, distances: Any, alike: Any) -> Figure:
    """Draw where the held-out digits are, and how far apart those of pairs are."""
    figure = Figure(figsize=(11.5, 5.6), dpi=150, layout="constrained")
    plane, histogram = figure.subplots(1, 2, width_ratios=[1.15, 1])
    for digit in range(10):
        x, y = points[labels == digit].T
        plane.scatter(x, y, s=14, color=f"C{digit}", alpha=0.7, linewidths=0)
        plane.annotate(
            str(digit),
            (np.median(x), np.median(y)),
            ha="center",
            va="center",
            fontsize=13,
            weight="bold",
            bbox={"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": f"C{digit}"},
        )
    plane.set_aspect("equal", adjustable="datalim")
    plane.set(
        title="Held-out digits on the map", xlabel="first coordinate", ylabel="second coordinate"
    )

    bins = np.linspace(0, distances.max(), 60)
    for same, name, color in ((1, "the same digit", "#0072b2"), (0, "different digits", "#d55e00")):
        histogram.hist(distances[alike == same], bins, color=color, alpha=0.65, label=name)
    histogram.axvline(MARGIN / 2, color="#404040", linestyle="--", label="alike if nearer")
    histogram.set_yscale("log")
    histogram.set(title="Pairs of held-out digits", xlabel="distance", ylabel="pairs, logarithmic")
    histogram.legend(frameon=False)
    for axes in (plane, histogram):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main(argv: Sequence[str] | None = None) -> Results:
    """Train on pairs, ask about pairs of held-out digits, and draw the map."""
    parser = argparse.ArgumentParser(description="Teach a Siamese network which digits are alike.")
    parser.add_argument(
        "--epochs", type=int, default=80, help="times through the digits (default: 80)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--out", type=Path, default=Path(), help="where files go (default: .)")
    parser.add_argument("--small", action="store_true", help="train for fewer epochs")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    epochs = min(options.epochs, 8) if options.small else options.epochs

    rng = np.random.default_rng(options.seed)
    (images, labels), (held_out, held_out_labels) = split_digits(rng)
    network = make_network(rng)
    print(network)
    print(f"{sum(p.size for p in network.parameters())} parameters")
    print(f"{len(labels)} digits to train with, {len(held_out)} held out\n")
    losses = train(network, images, labels, epochs, rng)

    left = np.tile(np.arange(len(held_out)), 10)
    right, alike = Partners(held_out_labels).draw(held_out_labels[left], rng)
    results = {}
    for name, (known, asked) in {
        "network": (points_of(network, images), points_of(network, held_out)),
        "pixels": (images.reshape(-1, 64), held_out.reshape(-1, 64)),
    }.items():
        distances = np.linalg.norm(asked[left] - asked[right], axis=1)
        nearest = KNeighborsClassifier(n_neighbors=1).fit(known, labels)
        results[name] = (
            asked,
            distances,
            float(roc_auc_score(alike, -distances)),
            float(nearest.score(asked, held_out_labels)),
        )
    points, distances, area, neighbours = results["network"]
    _, _, area_of_pixels, neighbours_of_pixels = results["pixels"]
    pairs_right = ((distances < MARGIN / 2) == alike).mean().item()

    print(f"\n{len(alike)} pairs of held-out digits, {alike.sum()} of them alike:")
    print(f"  told right whether alike: {pairs_right:.2%}")
    print(f"  area under the ROC curve: {area:.4f}, and {area_of_pixels:.4f} by the pixels")
    print("Held-out digits whose nearest neighbour is the same digit:")
    print(f"  {neighbours:.2%} by the two numbers of the map,")
    print(f"  {neighbours_of_pixels:.2%} by the 64 pixels")

    files = [options.out / f"siamese_digits_{name}.png" for name in ("map", "curve")]
    draw_map(points, held_out_labels, distances, alike).savefig(files[0])
    print(f"\n{files[0]}: where the held-out digits are, and the distances of pairs")
    title = "A Siamese network learns"
    figure = plot_history(losses, log=True, title=title, xlabel="epoch", ylabel="loss")
    figure.savefig(files[1])
    print(f"{files[1]}: the loss of each epoch")
    return Results(
        losses, pairs_right, area, area_of_pixels, neighbours, neighbours_of_pixels, files
    )


if __name__ == "__main__":
    main()
