"""Train one network with many learning rates, three optimizers and five schedules.

    pip install '.[examples]'
    python examples/learning_rates.py [--epochs 20] [--seed 0] [--out FOLDER] [--small]

"Using learning rate for neural network training" is among what the first tutorial leaves for later;
it takes its steps with a learning rate of 1, without a name for it. Here a network learns to read
scikit-learn's digits with learning rates from 0.001 to 10, by plain gradient descent, with momentum
and with Adam: too low a rate does not get far in time, and with one too high the loss ends above
where it began. Which rate is which depends on the optimizer.

A rate need not stay the same. Beginning with one that is too high to stay at, schedules change it
from step to step, and loss and learning rate are drawn one above the other. All trainings begin
with the same weights and see the same batches. Accuracies are of a quarter of the digits that
nothing was trained with; no schedule looks at them either, ReduceLROnPlateau goes by the loss in
training.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
from microtensor.optim import lr_scheduler

try:
    from matplotlib.figure import Figure
    from sklearn.datasets import load_digits
except ImportError:
    raise SystemExit(
        "This needs Matplotlib and scikit-learn: pip install 'microtensor[examples]'"
    ) from None

BATCH = 64
AVERAGED = 21  # steps, an epoch's: over so many, losses are averaged
RATES = (0.001, 0.01, 0.1, 1.0, 10.0)
PEAK = 0.5  # the largest learning rate of every schedule
SCHEDULED = "SGD, momentum 0.9"
COLOURS = ("#440154", "#3b528b", "#21918c", "#5ec962", "#d55e00")  # from slow to fast
Optimizer = Callable[[Any, float], optim.Optimizer]

OPTIMIZERS: dict[str, Optimizer] = {
    "SGD": lambda parameters, lr: optim.SGD(parameters, lr=lr),
    "SGD, momentum 0.9": lambda parameters, lr: optim.SGD(parameters, lr=lr, momentum=0.9),
    "Adam": lambda parameters, lr: optim.Adam(parameters, lr=lr),
}


def constant(_: optim.Optimizer) -> None:
    """Make no schedule: the learning rate stays as it is."""


def schedules(steps: int) -> dict[str, Callable[[optim.Optimizer], Any]]:
    """Return what makes each schedule, for a training of so many steps."""

    def warm_up_and_cosine(optimizer: optim.Optimizer) -> Any:
        rise = steps // 10
        warm_up = lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=rise)
        cosine = lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps - rise)
        return lr_scheduler.SequentialLR(optimizer, [warm_up, cosine], milestones=[rise])

    return {
        "constant": constant,
        "StepLR": lambda o: lr_scheduler.StepLR(o, step_size=steps // 4, gamma=0.3),
        "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=steps),
        "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(
            o, max_lr=PEAK, total_steps=steps, cycle_momentum=False
        ),
        "LinearLR, then cosine": warm_up_and_cosine,
        "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.3, patience=1),
    }


@dataclass
class Run:
    """One training: loss and learning rate at each step, and the accuracy at the end."""

    losses: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    accuracy: float = math.nan

    def final_loss(self) -> float:
        """Return the mean loss of the last steps."""
        return float(np.mean(self.losses[-AVERAGED:]))

    def diverged(self) -> bool:
        """Whether the loss is higher at the end than it was at the start, or no number."""
        return not self.final_loss() <= self.losses[0]


class Results(NamedTuple):
    """What came out: trainings by optimizer and learning rate, and by schedule."""

    constant: dict[str, dict[float, Run]]
    scheduled: dict[str, Run]
    files: list[Path]


def make_network(rng: np.random.Generator) -> nn.Sequential:
    """Return the network: two hidden layers."""
    settings: Any = {"dtype": np.float32, "generator": rng}
    return nn.Sequential(
        nn.Linear(64, 48, **settings),
        nn.Tanh(),
        nn.Linear(48, 48, **settings),
        nn.Tanh(),
        nn.Linear(48, 10, **settings),
    )


def train(
    digits: tuple[Any, Any],
    seed: int,
    epochs: int,
    make_optimizer: Optimizer,
    lr: float,
    make_schedule: Callable[[optim.Optimizer], Any],
    after_step: Callable[[float], None],
) -> Run:
    """Train with an optimizer and a schedule; all else is the same every time."""
    rng = np.random.default_rng(seed)
    training, held_out = random_split(digits, [0.75, 0.25], rng)
    model = make_network(rng)
    optimizer = make_optimizer(model.parameters(), lr)
    schedule = make_schedule(optimizer)
    by_epoch = isinstance(schedule, lr_scheduler.ReduceLROnPlateau)
    loader = DataLoader(training, batch_size=BATCH, shuffle=True, drop_last=True, generator=rng)

    run = Run()
    for _ in range(epochs):
        for x, y in loader:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            run.rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            run.losses.append(loss.item())
            after_step(run.losses[-1])
            if schedule is not None and not by_epoch:
                schedule.step()
        if by_epoch:
            schedule.step(np.mean(run.losses[-len(loader) :]))
    images, labels = held_out[:]
    with mt.no_grad():
        guesses = model(images).numpy().argmax(axis=1)
    run.accuracy = float((guesses == labels.numpy()).mean())
    return run


def tabulate_rates(constant_rates: dict[str, dict[float, Run]]) -> Table:
    """Return a table of optimizers and learning rates."""
    table = Table(
        title="Constant learning rates:\naccuracy on digits held out, and loss at the end"
    )
    table.add_column("learning rate", justify="right")
    for name in constant_rates:
        table.add_column(name, justify="right")
    for lr in RATES:
        runs = [every[lr] for every in constant_rates.values()]
        table.add_row(
            f"{lr:g}",
            *(
                f"diverged: {run.final_loss():.3g}"
                if run.diverged()
                else f"{run.accuracy:.1%}, {run.final_loss():.3f}"
                for run in runs
            ),
        )
    return table


def tabulate_schedules(scheduled: dict[str, Run]) -> Table:
    """Return a table of schedules."""
    table = Table(
        title=f"{SCHEDULED}, with learning rates up to {PEAK}:\n"
        "accuracy on digits held out, and loss at the end"
    )
    table.add_column("schedule")
    for heading in ("first rate", "last rate", "accuracy", "loss"):
        table.add_column(heading, justify="right")
    for name, run in scheduled.items():
        table.add_row(
            name,
            f"{run.rates[0]:.2g}",
            f"{run.rates[-1]:.2g}",
            f"{run.accuracy:.1%}",
            f"{run.final_loss():.4f}",
        )
    return table


def averaged(losses: Sequence[float]) -> tuple[Any, Any]:
    """Return steps, and the mean of the losses of an epoch around each."""
    window = min(AVERAGED, len(losses))
    means = np.convolve(losses, np.full(window, 1 / window), mode="valid")
    return np.arange(len(means)) + (window + 1) / 2, means


def plain(axes: Any) -> None:
    """Take off what distracts."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e3e5e8", linewidth=0.8)


def plot_rates(constant_rates: dict[str, dict[float, Run]], path: Path) -> None:
    """Draw the loss with each learning rate, in a panel for each optimizer."""
    figure = Figure(figsize=(12, 4.2), dpi=150, layout="constrained")
    panels = figure.subplots(1, len(constant_rates), sharey=True)
    for axes, (name, runs) in zip(panels, constant_rates.items(), strict=True):
        for (lr, run), colour in zip(runs.items(), COLOURS, strict=True):
            label = f"{lr:g}"
            axes.plot(*averaged(run.losses), color=colour, label=label, linewidth=1.8)
        axes.axhline(math.log(10), color="#6b7280", linestyle="--", linewidth=1)
        axes.set(title=name, xlabel="step", yscale="log")
        plain(axes)
    panels[0].set_ylabel(f"loss, averaged over {AVERAGED} steps")
    panels[0].annotate(
        "by chance: ln 10",
        (0.98, math.log(10)),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        horizontalalignment="right",
        color="#4b5563",
        fontsize=9,
    )
    lines, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        lines[::-1], labels[::-1], title="learning rate", loc="outside right upper", frameon=False
    )
    figure.savefig(path)


def plot_schedules(scheduled: dict[str, Run], path: Path) -> None:
    """Draw the learning rate of each schedule, and the loss below, beside the constant rate's."""
    figure = Figure(figsize=(15, 4.8), dpi=150, layout="constrained")
    panels = figure.subplots(2, len(scheduled), sharex=True, sharey="row")
    for (above, below), (name, run) in zip(panels.T, scheduled.items(), strict=True):
        above.plot(np.arange(1, len(run.rates) + 1), run.rates, color="#d55e00")
        below.plot(*averaged(scheduled["constant"].losses), color="#9ca3af")
        below.plot(*averaged(run.losses), color="#0072b2")
        above.set_title(name, fontsize=10)
        below.set(xlabel="step", yscale="log")
        plain(above)
        plain(below)
    panels[0, 0].set(ylabel="learning rate", ylim=(0, None))
    panels[1, 0].set_ylabel(f"loss, averaged over {AVERAGED} steps\n(grey: constant rate)")
    figure.savefig(path)


def main(argv: Sequence[str] | None = None) -> Results:
    """Train with each learning rate and schedule, and compare."""
    parser = argparse.ArgumentParser(description="Compare learning rates and schedules.")
    parser.add_argument("--epochs", type=int, help="times through the digits (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")
    parser.add_argument("--out", type=Path, default=Path(), help="where files go (default: .)")
    parser.add_argument("--small", action="store_true", help="train for fewer epochs")
    options = parser.parse_args(argv)
    epochs = options.epochs or (4 if options.small else 20)
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console()

    images, labels = load_digits(return_X_y=True)
    digits = (images / 16).astype(np.float32), labels
    steps = epochs * (round(len(labels) * 0.75) // BATCH)
    model = make_network(np.random.default_rng(options.seed))
    console.print(
        f"{len(labels)} digits, a quarter of them held out\n{model}\n"
        f"{sum(p.size for p in model.parameters())} parameters; {steps} steps in each training\n",
        highlight=False,
    )
    constant_rates: dict[str, dict[float, Run]] = {name: {} for name in OPTIMIZERS}
    scheduled: dict[str, Run] = {}
    trainings = len(OPTIMIZERS) * len(RATES) + len(schedules(steps))
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("", total=trainings * steps)

        def run(name: str, lr: float, make_schedule: Any, shown: str) -> Run:
            def after_step(loss: float) -> None:
                progress.update(task, advance=1, description=f"{shown}, loss {loss:.3g}")

            make_optimizer = OPTIMIZERS[name]
            return train(
                digits, options.seed, epochs, make_optimizer, lr, make_schedule, after_step
            )

        for name, runs in constant_rates.items():
            for lr in RATES:
                runs[lr] = run(name, lr, constant, f"{name}, {lr:g}")
        for name, make_schedule in schedules(steps).items():
            scheduled[name] = run(SCHEDULED, PEAK, make_schedule, name)

    console.print(tabulate_rates(constant_rates))
    console.print(tabulate_schedules(scheduled))
    files = [options.out / "learning_rates.png", options.out / "learning_rate_schedules.png"]
    plot_rates(constant_rates, files[0])
    plot_schedules(scheduled, files[1])
    console.print(
        f"{files[0]}: the loss with each constant rate. {files[1]}: how the schedules change the"
        " rate, and what becomes of the loss.",
        highlight=False,
        soft_wrap=True,
    )
    return Results(constant_rates, scheduled, files)


if __name__ == "__main__":
    main()
