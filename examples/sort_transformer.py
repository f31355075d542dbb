"""Have a tiny transformer learn to sort lists of eight digits, and look at what it attends to.

    pip install '.[plot]'
    python examples/sort_transformer.py [--epochs 15] [--seed 0] [--out FOLDER] [--small]

The network gets a list of digits and, for every place of the sorted list, says which digit belongs
there. Nobody tells it how: digits and places are looked up in embeddings, and one layer of an
encoder, with two heads of attention, may look at any place of the list. Every list to learn from is
drawn anew.

Two thousand lists are held out, and no list of the same digits, in whatever order, is learned from:
where 31415926 is held out, so is 11234569. What is printed are the shares of places and of whole
lists that are right, beside what guessing the most usual digit of each place would give; some
lists, and those that came out wrong. Two pictures show the curves, and what every head attends to
in one list.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import microtensor as mt
import microtensor.nn.functional as F
from microtensor import nn, optim

try:
    from matplotlib.figure import Figure
except ImportError:
    raise SystemExit("The plots need Matplotlib: pip install 'microtensor[plot]'") from None

DIGITS = 10
LENGTH = 8
BATCH, EPOCH = 128, 100  # lists in a batch, and batches in what is called an epoch here


class Results(NamedTuple):
    """What came out: the loss of each step, and shares of right places and lists, held out."""

    losses: list[float]
    places_right: float
    lists_right: float
    places_right_by_guessing: float
    wrong: list[tuple[list[int], list[int]]]
    files: list[Path]


class Sorter(nn.Module):
    """Maps lists of digits, (lists, LENGTH), to the logits of the sorted ones' digits."""

    def __init__(self, width: int, heads: int, layers: int, generator: np.random.Generator) -> None:
        settings: Any = {"dtype": np.float32, "generator": generator}
        self.digit = nn.Embedding(DIGITS, width, **settings)
        self.place = nn.Embedding(LENGTH, width, **settings)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.0, batch_first=True, **settings
        )
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.output = nn.Linear(width, DIGITS, **settings)

    def embed(self, lists: Any) -> Any:
        """Return what the encoder reads: each digit, together with its place."""
        return self.digit(lists) + self.place(np.arange(LENGTH))

    def forward(self, lists: Any) -> Any:
        """Return logits, (lists, LENGTH, DIGITS)."""
        return self.output(self.encoder(self.embed(lists)))

    def attention(self, digits: Sequence[int]) -> list[Any]:
        """Return the weights with which each layer attends, (heads, LENGTH, LENGTH), for a list."""
        weights = []
        with mt.no_grad():
            x = self.embed(np.array([digits]))
            for layer in self.encoder.layers:
                _, every = layer.self_attn(x, x, x, average_attn_weights=False)
                weights.append(every.numpy()[0])
                x = layer(x)
        return weights


def as_numbers(lists: Any) -> Any:
    """Return each sorted list as one number: lists of the same digits give the same."""
    return np.sort(lists, axis=1) @ DIGITS ** np.arange(LENGTH)


def draw(count: int, held_out: Any, rng: np.random.Generator) -> Any:
    """Draw lists at random, none of which has the digits of one held out."""
    lists = rng.integers(DIGITS, size=(count, LENGTH))
    while (forbidden := np.isin(as_numbers(lists), held_out)).any():
        lists[forbidden] = rng.integers(DIGITS, size=(forbidden.sum(), LENGTH))
    return lists


def shares_right(sorted_by_network: Any, lists: Any) -> tuple[float, float]:
    """Return the share of places that have the right digit, and of lists that are all right."""
    right = sorted_by_network == np.sort(lists, axis=1)
    return float(right.mean()), float(right.all(axis=1).mean())


def sort(model: Sorter, lists: Any) -> Any:
    """Return what the network makes of lists."""
    with mt.no_grad():
        return model(lists).numpy().argmax(axis=-1)


def train(
    model: Sorter,
    steps: int,
    held_out: Any,
    rng: np.random.Generator,
    console: Console,
) -> mt.viz.History:
    """Train, and return loss and shares of right digits and lists; those every 25 steps."""
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    forbidden = as_numbers(held_out)

    @mt.compile
    def step(lists: Any, in_order: Any) -> Any:
        logits = model(lists)
        loss = F.cross_entropy(logits.reshape((-1, DIGITS)), in_order.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    history = mt.viz.History()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("training", total=steps)
        for number in range(1, steps + 1):
            lists = draw(BATCH, forbidden, rng)
            loss = step(mt.tensor(lists), mt.tensor(np.sort(lists, axis=1))).item()
            schedule.step()
            progress.update(task, advance=1, description=f"loss {loss:.4f}")
            places = whole = None
            if number % 25 == 0 or number == steps:
                places, whole = shares_right(sort(model, held_out), held_out)
            history.record(loss=loss, **{"places right": places, "lists right": whole})
            if number % EPOCH == 0:
                console.print(f"step {number:4d}: loss {loss:.4f}")
    return history


def shown(digits: Sequence[int]) -> str:
    """Return digits as text."""
    return " ".join(map(str, digits))


def plot_curves(history: mt.viz.History, by_guessing: float, path: Path) -> None:
    """Draw the loss, and the shares that are right of what is held out."""
    figure = Figure(figsize=(11, 4.2), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(history.iterations, history.metrics["loss"], color="#0072b2", linewidth=1)
    left.set(xlabel="step", ylabel="loss in training", yscale="log")
    for name, colour in (("places right", "#0072b2"), ("lists right", "#d55e00")):
        measured = [
            (step, share)
            for step, share in zip(history.iterations, history.metrics[name], strict=True)
            if share is not None
        ]
        right.plot(*zip(*measured, strict=True), color=colour, label=name)
    right.axhline(
        by_guessing, color="#6b7280", linestyle="--", linewidth=1, label="places, by guessing"
    )
    right.set(xlabel="step", ylabel="share right, lists held out", ylim=(0, 1.02))
    right.legend(loc="lower right", frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e3e5e8", linewidth=0.8)
    figure.savefig(path)


def plot_attention(model: Sorter, digits: Sequence[int], path: Path) -> None:
    """Draw how much each place of the sorted list attends to each digit, for every head."""
    layers = model.attention(digits)
    heads = len(layers[0])
    figure = Figure(figsize=(4.4 * heads, 4.2 * len(layers)), dpi=150, layout="constrained")
    panels = figure.subplots(len(layers), heads, squeeze=False)
    highest = max(weights.max() for weights in layers)
    (answer,) = sort(model, np.array([digits])).tolist()
    for row, (every, weights) in enumerate(zip(panels, layers, strict=True)):
        for column, (axes, head) in enumerate(zip(every, weights, strict=True)):
            image = axes.imshow(head, cmap="Blues", vmin=0, vmax=highest)
            axes.set_title(f"layer {row + 1}, head {column + 1}")
            axes.set_xticks(range(LENGTH), digits)
            axes.set_yticks(range(LENGTH), [f"{i + 1}: {digit}" for i, digit in enumerate(answer)])
            axes.set_xlabel("list")
            if column == 0:
                axes.set_ylabel("place, and the digit put there")
    figure.colorbar(image, ax=panels, label="weight of attention (a row sums to 1)")
    figure.savefig(path)


def main(argv: Sequence[str] | None = None) -> Results:
    """Train, measure, and show what the network attends to."""
    parser = argparse.ArgumentParser(description="Learn to sort lists of digits.")
    parser.add_argument("--epochs", type=int, help=f"of {EPOCH} batches each (default: 15)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--out", type=Path, default=Path(), help="where files go (default: .)")
    parser.add_argument("--small", action="store_true", help="train for fewer batches")
    options = parser.parse_args(argv)
    steps = EPOCH * (options.epochs or (3 if options.small else 15))
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False, soft_wrap=True)

    rng = np.random.default_rng(options.seed)
    held_out = rng.integers(DIGITS, size=(2000, LENGTH))
    model = Sorter(width=32, heads=2, layers=1, generator=rng)
    console.print(
        f"{model}\n{sum(p.size for p in model.parameters())} parameters; {steps} batches of {BATCH}"
        f" lists to learn from, {len(held_out)} lists held out\n"
    )
    history = train(model, steps, held_out, rng, console)

    # Drawn anew, like what the network learned from: the digit that each place has most often.
    others = np.sort(draw(10_000, as_numbers(held_out), rng), axis=1)
    usual = [np.bincount(column).argmax() for column in others.T]
    by_guessing, _ = shares_right(np.array(usual), held_out)
    answers = sort(model, held_out)
    places, whole = shares_right(answers, held_out)
    wrong = [
        (digits.tolist(), answer.tolist())
        for digits, answer in zip(held_out, answers, strict=True)
        if (answer != np.sort(digits)).any()
    ]
    console.print(
        f"\nof the lists held out, {whole:.2%} are sorted without a mistake; {places:.2%} of all"
        f" places are right, where guessing gives {by_guessing:.2%}"
    )
    for digits, answer in zip(held_out[:3].tolist(), answers[:3].tolist(), strict=True):
        console.print(f"    {shown(digits)}  →  {shown(answer)}")
    if wrong:
        console.print(f"wrong: {len(wrong)} of {len(held_out)}" + ", such as" * (len(wrong) > 3))
    for digits, answer in wrong[:3]:
        right = shown(np.sort(digits))
        console.print(f"    {shown(digits)}  →  {shown(answer)}, and should be {right}")

    curves = options.out / "sort_transformer.png"
    attention = options.out / "sort_transformer_attention.png"
    plot_curves(history, by_guessing, curves)
    plot_attention(model, held_out[0].tolist(), attention)
    console.print(
        f"\n{curves}: loss and shares that are right.\n{attention}: a row for each place of the"
        " sorted list, and in it which digits of the list the network looks at."
    )
    losses = history.metrics["loss"]
    return Results(losses, places, whole, by_guessing, wrong, [curves, attention])


if __name__ == "__main__":
    main()
