"""Clean noisy pictures of digits with a denoising autoencoder.

    pip install '.[examples]'
    python examples/denoising_autoencoder.py [--epochs 60] [--seed 0] [--out FOLDER] [--small]

Strong noise is added to the 8 × 8 pixels of scikit-learn's digits, new noise each time, and the
network learns to give back the digit as it was. It halves the image twice by convolutions, squeezes
what is left into a short code, and rebuilds the image from it: noise does not fit through, digits
do. After Vincent et al., "Extracting and composing robust features with denoising autoencoders"
(2008).

The error is measured on a quarter of the digits that is held out, with noise that is the same for
all: before cleaning, after it, and for two simple filters. One is the median of each pixel and its
neighbours; the other is the best that a linear map of all 64 pixels can do (Wiener's filter,
computed from the digits trained with). A picture shows digits noisy, cleaned and as they were.
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

NOISE = 0.5  # standard deviation; pixels are from 0, black, to 1, white


class Results(NamedTuple):
    """What came out: mean squared errors on the held-out digits."""

    losses: list[float]
    noisy: float
    median: float
    linear: float
    cleaned: float
    files: list[Path]


def split_digits(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Return images to train with, images of a quarter that is held out, and its labels.

    Images are (digits, 1, 8, 8), from 0 to 1.
    """
    digits = load_digits()
    images = (digits.images[:, None] / 16).astype(np.float32)
    train, held_out = random_split((images, digits.target), [0.75, 0.25], rng)
    return train[:][0].numpy(), *(array.numpy() for array in held_out[:])


def with_noise(images: Any, rng: np.random.Generator) -> Any:
    """Return the images with noise: a normal random number is added to each pixel."""
    return images + np.float32(NOISE) * rng.standard_normal(images.shape, dtype=np.float32)


class Autoencoder(nn.Module):
    """An encoder of images (n, 1, 8, 8) into codes (n, code), and a decoder of codes."""

    def __init__(self, channels: int, code: int, rng: np.random.Generator) -> None:
        super().__init__()
        options: Any = {"dtype": np.float32, "generator": rng}

        def activation(channels: int) -> list[nn.Module]:
            return [nn.BatchNorm2d(channels, dtype=np.float32), nn.ReLU()]

        small, middle, large = channels, 2 * channels, 4 * channels
        self.encoder = nn.Sequential(
            nn.Conv2d(1, small, 3, padding=1, **options),
            *activation(small),
            nn.Conv2d(small, middle, 3, stride=2, padding=1, **options),
            *activation(middle),
            nn.Conv2d(middle, large, 3, stride=2, padding=1, **options),
            *activation(large),
            nn.Flatten(),
            nn.Linear(large * 2 * 2, code, **options),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, large * 2 * 2, **options),
            nn.ReLU(),
            nn.Unflatten(1, (large, 2, 2)),
            nn.ConvTranspose2d(large, middle, 4, stride=2, padding=1, **options),
            *activation(middle),
            nn.ConvTranspose2d(middle, small, 4, stride=2, padding=1, **options),
            *activation(small),
            nn.Conv2d(small, 1, 3, padding=1, **options),
            nn.Sigmoid(),
        )

    def forward(self, images: Any) -> Any:
        """Return the images as rebuilt from their codes."""
        return self.decoder(self.encoder(images))


def clean(network: nn.Module, images: Any) -> Any:
    """Return the images as the network cleans them."""
    network.eval()
    with mt.no_grad():
        return network(images).numpy()


def median_filter(images: Any) -> Any:
    """Return each pixel's median with its eight neighbours, the border repeated."""
    padded = np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.median(windows, axis=(-2, -1))


def linear_filter(images: Any, train_images: Any) -> Any:
    """Return the images by the linear map of least expected error: C (C + noise)⁻¹ around the mean.

    C is the covariance of the pixels of the images trained with.
    """
    pixels = train_images.reshape(-1, 64).astype(float)
    mean, C = pixels.mean(axis=0), np.cov(pixels.T)
    filtered = (images.reshape(-1, 64) - mean) @ np.linalg.solve(C + NOISE**2 * np.eye(64), C)
    return (mean + filtered).clip(0, 1).reshape(images.shape)


def train(network: nn.Module, images: Any, epochs: int, rng: np.random.Generator) -> list[float]:
    """Train to give images back without the noise; return the mean squared error of each epoch."""
    # Batch normalization needs batches of some size: what is left over waits for another epoch.
    loader = DataLoader(images, batch_size=64, shuffle=True, drop_last=True, generator=rng)
    network.train()
    steps = epochs * len(loader)
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
            errors = []
            for batch in loader:
                loss = F.mse_loss(network(with_noise(batch.numpy(), rng)), batch)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                scheduler.step()
                errors.append(loss.item())
                progress.update(bar, advance=1, loss=loss.item())
            losses.append(np.mean(errors).item())
            if epoch == 1 or epoch % max(1, epochs // 8) == 0:
                progress.console.print(
                    f"epoch {epoch:3}: mean squared error {losses[-1]:.4f}", highlight=False
                )
    return losses


def draw_digits(rows: dict[str, Any]) -> Figure:
    """Draw images below each other, (digits, 1, 8, 8) in each row, by the names of the rows."""
    columns = len(next(iter(rows.values())))
    figure = Figure(figsize=(columns + 0.8, len(rows) + 0.5), dpi=150, layout="constrained")
    all_axes = figure.subplots(len(rows), columns)
    for (name, images), row in zip(rows.items(), all_axes, strict=True):
        for axes, image in zip(row, images, strict=True):
            axes.imshow(image[0], cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=12)
    figure.suptitle("Held-out digits; what is below black or above white is shown as that")
    return figure


def main(argv: Sequence[str] | None = None) -> Results:
    """Train, clean what is held out, and draw it."""
    parser = argparse.ArgumentParser(description="Clean noisy digits with an autoencoder.")
    parser.add_argument(
        "--epochs", type=int, default=60, help="times through the digits (default: 60)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--out", type=Path, default=Path(), help="where files go (default: .)")
    parser.add_argument("--small", action="store_true", help="train a smaller network")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    epochs, channels = (min(options.epochs, 8), 8) if options.small else (options.epochs, 16)

    rng = np.random.default_rng(options.seed)
    train_images, held_out, labels = split_digits(rng)
    network = Autoencoder(channels, 32, rng)
    print(network)
    print(f"{sum(p.size for p in network.parameters())} parameters")
    print(f"{len(train_images)} digits to train with, {len(held_out)} held out\n")
    losses = train(network, train_images, epochs, rng)

    noisy = with_noise(held_out, rng)
    cleaned = clean(network, noisy)
    images = {
        "noisy": noisy,
        "median filter": median_filter(noisy),
        "best linear": linear_filter(noisy, train_images),
        "cleaned": cleaned,
    }
    errors = {name: np.mean((each - held_out) ** 2).item() for name, each in images.items()}
    print("\nMean squared error on the held-out digits:")
    for name, error in errors.items():
        print(f"  {name:13}  {error:.4f}")
    print(f"The autoencoder removes {1 - errors['cleaned'] / errors['noisy']:.1%} of the error.")

    shown = [np.flatnonzero(labels == digit)[0] for digit in range(10)]
    files = [options.out / f"denoising_autoencoder_{name}.png" for name in ("digits", "curve")]
    rows = {"noisy": noisy, "cleaned": cleaned, "original": held_out}
    draw_digits({name: each[shown] for name, each in rows.items()}).savefig(files[0])
    print(f"\n{files[0]}: held-out digits noisy, cleaned, and as they were")

    figure = plot_history(
        losses,
        title="An autoencoder learns to clean",
        xlabel="epoch",
        ylabel="mean squared error",
    )
    (axes,) = figure.axes
    for name, color in (("median filter", "#d55e00"), ("best linear", "#009e73")):
        axes.axhline(errors[name], color=color, linestyle="--", label=f"{name}, held out")
    axes.lines[0].set_label("autoencoder, training")
    axes.plot(epochs, errors["cleaned"], "o", color="#0072b2", label="autoencoder, held out")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    figure.savefig(files[1])
    print(f"{files[1]}: the error of each epoch, beside that of the filters")
    return Results(losses, *errors.values(), files)


if __name__ == "__main__":
    main()
