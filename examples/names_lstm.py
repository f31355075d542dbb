"""Learn what first names look like, letter by letter, and make up new ones.

    pip install '.[plot,io]'
    python examples/names_lstm.py [--epochs 40] [--seed 0] [--out FOLDER] [--small]

An LSTM reads a name and says, after each letter, how likely every letter is to be the next, or the
name to end. It learns from the list in examples/names.txt: first names as they are usual in
English, German, French, Italian and Spanish, written down for this example. A tenth of the names
chooses the epoch whose network is kept, and another tenth, looked at once at the end, tells how
good that one is.

What is measured are bits per letter: how many yes-or-no questions it takes, on average, to find
out the next letter. Counts of letters, and of pairs of letters, say what can be had without a
network. Then names are drawn from the network at several temperatures, and looked up in the list:
a network that has only learned its names by heart makes up none.
"""

from __future__ import annotations

import argparse
import math
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

try:
    import matplotlib  # noqa: F401 - what curves are drawn with
    import safetensors  # noqa: F401 - what networks are saved with
except ImportError:
    raise SystemExit(
        "This needs Matplotlib and safetensors: pip install 'microtensor[plot,io]'"
    ) from None

LETTERS = ".abcdefghijklmnopqrstuvwxyz"  # the dot is before a name, and after it
PADDING = -1  # what the next letter is where a name has ended already: it does not count
TEMPERATURES = (0.4, 0.7, 1.0, 1.4)


class Results(NamedTuple):
    """What came out: losses in bits per letter, one for each epoch, and at the end."""

    training: list[float]
    validation: list[float]
    best_epoch: int
    held_out: float
    baselines: dict[str, float]
    samples: dict[float, list[str]]
    made_up: dict[float, float]
    files: list[Path]


class NameModel(nn.Module):
    """Each letter is looked up in an embedding, read by an LSTM, and the next one is guessed."""

    def __init__(self, hidden: int, generator: np.random.Generator) -> None:
        settings: Any = {"dtype": np.float32, "generator": generator}
        self.embedding = nn.Embedding(len(LETTERS), 16, **settings)
        self.lstm = nn.LSTM(16, hidden, batch_first=True, **settings)
        self.dropout = nn.Dropout(0.4, generator=generator)
        self.output = nn.Linear(hidden, len(LETTERS), **settings)

    def forward(self, letters: Any, state: Any = None) -> tuple[Any, Any]:
        """Return the logits of what is next, (names, letters, 27), and the state to go on from."""
        read, state = self.lstm(self.embedding(letters), state)
        return self.output(self.dropout(read)), state


def read_names() -> list[str]:
    """Return the names of the list, in small letters."""
    return (Path(__file__).parent / "names.txt").read_text().lower().split()


def encode(names: Sequence[str]) -> tuple[Any, Any]:
    """Return the letters of each name, and the letters that come next, as (names, longest + 1).

    All are made as long as the longest. For "eve" they are ".eve.." and "eve.", with PADDING after
    the end: in a batch of equal shapes, one compiled program serves for all.
    """
    longest = max(map(len, names)) + 1
    letters = np.zeros((len(names), longest), int)
    following = np.full((len(names), longest), PADDING)
    for i, name in enumerate(names):
        numbers = [LETTERS.index(letter) for letter in f".{name}."]
        letters[i, : len(numbers) - 1] = numbers[:-1]
        following[i, : len(numbers) - 1] = numbers[1:]
    return letters, following


def bits_per_letter(model: NameModel, letters: Any, following: Any) -> Any:
    """Return the mean cross-entropy of the letters that count, in bits."""
    logits, _ = model(letters)
    logits = logits.reshape((-1, len(LETTERS)))
    return F.cross_entropy(logits, following.reshape(-1), ignore_index=PADDING) / math.log(2)


def evaluate(model: NameModel, data: tuple[Any, Any]) -> float:
    """Return the bits per letter, without dropout."""
    model.eval()
    with mt.no_grad():
        return bits_per_letter(model, *data).item()


def counted(training: tuple[Any, Any], held_out: tuple[Any, Any]) -> dict[str, float]:
    """Return the bits per letter of letters guessed by how often they came up in training.

    Every count begins at 1, so that nothing is impossible.
    """

    def letters_that_count(data: tuple[Any, Any]) -> tuple[Any, Any]:
        letters, following = (array.numpy() for array in data)
        counts = following != PADDING
        return letters[counts], following[counts]

    pairs = np.ones((len(LETTERS), len(LETTERS)))
    np.add.at(pairs, letters_that_count(training), 1)
    letters, following = letters_that_count(held_out)
    single = pairs.sum(axis=0) / pairs.sum()
    after = pairs / pairs.sum(axis=1, keepdims=True)
    return {
        "all letters alike": math.log2(len(LETTERS)),
        "counts of letters": -np.log2(single[following]).mean().item(),
        "counts of pairs": -np.log2(after[letters, following]).mean().item(),
    }


def sample(
    model: NameModel, count: int, longest: int, temperature: float, rng: np.random.Generator
) -> list[str]:
    """Draw names, all at the same time, letter by letter.

    Logits are divided by the temperature: below 1 what is likely gets likelier, above 1 rarer
    things get their chance.
    """
    model.eval()
    letters, state = np.zeros((count, 1), int), None
    names = [""] * count
    with mt.no_grad():
        for position in range(longest):
            logits, state = model(letters, state)
            chances = F.softmax(logits[:, -1] / temperature, dim=1).numpy().copy()
            if position == 0:
                chances[:, 0] = 0  # a name has a letter at least
            sums = chances.cumsum(axis=1)
            drawn = (sums > rng.random((count, 1)) * sums[:, -1:]).argmax(axis=1)
            letters = drawn[:, None]
            names = [
                name if name.endswith(".") else name + LETTERS[i]
                for name, i in zip(names, drawn, strict=True)
            ]
    return [name.rstrip(".") for name in names]


def train(
    model: NameModel,
    training: tuple[Any, Any],
    validation: tuple[Any, Any],
    epochs: int,
    best: Path,
    rng: np.random.Generator,
    console: Console,
) -> tuple[list[float], list[float]]:
    """Train, save the state that is best in validation, and return both losses by epoch."""
    loader = DataLoader(training, batch_size=64, shuffle=True, drop_last=True, generator=rng)
    optimizer = optim.Adam(model.parameters(), lr=4e-3)

    @mt.compile
    def step(letters: Any, following: Any) -> Any:
        loss = bits_per_letter(model, letters, following)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        return loss

    losses: list[float] = []
    validations: list[float] = []
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("training", total=epochs * len(loader))
        for epoch in range(1, epochs + 1):
            model.train()
            total = 0.0
            for letters, following in loader:
                loss = step(letters, following).item()
                total += loss
                progress.update(task, advance=1, description=f"{loss:.3f} bits per letter")
            losses.append(total / len(loader))
            validations.append(evaluate(model, validation))
            if validations[-1] == min(validations):
                mt.save(best, model.state_dict())
            if epoch % 5 == 0 or epoch == 1:
                console.print(
                    f"epoch {epoch:3d}: {losses[-1]:.3f} bits per letter in training,"
                    f" {validations[-1]:.3f} in validation",
                    highlight=False,
                )
    return losses, validations


def plot(results: Results, counting: dict[str, float], path: Path) -> None:
    """Draw both losses, and what counting achieves in validation, as a PNG."""
    figure = mt.viz.plot_history(
        {"training (with dropout)": results.training, "validation": results.validation},
        title="Names, letter by letter",
        xlabel="epoch",
        ylabel="bits per letter",
    )
    (axes,) = figure.axes
    for name in ("counts of letters", "counts of pairs"):
        bits = counting[name]
        axes.axhline(bits, color="#6b7280", linewidth=1, linestyle="--")
        axes.annotate(
            f"{name}: {bits:.2f}",
            (1, bits),
            xycoords=("axes fraction", "data"),
            xytext=(-4, 3),
            textcoords="offset points",
            horizontalalignment="right",
            color="#4b5563",
        )
    axes.plot(
        results.best_epoch,
        results.validation[results.best_epoch - 1],
        "o",
        color="#d55e00",
        label=f"kept: epoch {results.best_epoch}",
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9)
    figure.savefig(path)


def main(argv: Sequence[str] | None = None) -> Results:
    """Train, measure, make up names."""
    parser = argparse.ArgumentParser(description="Learn what first names look like.")
    parser.add_argument("--epochs", type=int, help="times through the names (default: 40)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--out", type=Path, default=Path(), help="where files go (default: .)")
    parser.add_argument("--small", action="store_true", help="train a smaller network")
    options = parser.parse_args(argv)
    epochs = options.epochs or (6 if options.small else 40)
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console()

    rng = np.random.default_rng(options.seed)
    names = read_names()
    parts = random_split(encode(names), [0.8, 0.1, 0.1], rng)
    training, validation, held_out = (part[:] for part in parts)
    model = NameModel(32 if options.small else 96, rng)
    console.print(
        f"{len(names)} names: {len(parts[0])} to learn from, {len(parts[1])} for validation,"
        f" {len(parts[2])} held out\n{model}\n"
        f"{sum(p.size for p in model.parameters())} parameters\n",
        highlight=False,
    )

    best, curves = options.out / "names_lstm.safetensors", options.out / "names_lstm.png"
    losses, validations = train(model, training, validation, epochs, best, rng, console)
    model.load_state_dict(mt.load(best))

    baselines = counted(training, held_out)
    bits = evaluate(model, held_out)
    table = Table("guessed by", "bits per letter", title="Names held out")
    for name, value in {**baselines, "the LSTM": bits}.items():
        table.add_row(name, f"{value:.3f}")
    console.print(table)

    known = {names[i] for i in parts[0].indices}
    others = set(names) - known
    longest = max(map(len, names)) + 1
    samples, made_up = {}, {}
    table = Table("temperature", "drawn", "learned by heart", "new", "new, yet on the list")
    for temperature in TEMPERATURES:
        drawn = sample(model, 200, longest, temperature, rng)
        new = [name for name in drawn if name not in known]
        samples[temperature], made_up[temperature] = drawn, len(new) / len(drawn)
        table.add_row(
            f"{temperature}",
            f"{len(drawn)}, {len(set(drawn))} distinct",
            f"{1 - made_up[temperature]:.0%}",
            f"{made_up[temperature]:.0%}",
            ", ".join(sorted({name.title() for name in new if name in others})[:4]) or "none",
        )
    console.print(table)
    for temperature, drawn in samples.items():
        new = list(dict.fromkeys(name.title() for name in drawn if name not in known | others))
        console.print(f"new at {temperature}: {', '.join(new[:12])}", highlight=False)

    best_epoch = int(np.argmin(validations)) + 1
    results = Results(
        losses, validations, best_epoch, bits, baselines, samples, made_up, [curves, best]
    )
    plot(results, counted(training, validation), curves)
    console.print(
        f"\n{curves}: the losses by epoch. Where training still falls and validation does not, the"
        f" network learns names by heart; kept is that of epoch {best_epoch}, in {best}.",
        highlight=False,
        soft_wrap=True,
    )
    return results


if __name__ == "__main__":
    main()
