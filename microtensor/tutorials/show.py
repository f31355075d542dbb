"""Training a tutorial before the user's eyes, and the files that are left of it."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .. import viz
from ..autograd import record_source
from ..errors import GradientError, MissingDependencyError, RenderError
from ..files import write_whole
from .history import History, worst
from .lessons import Graph, Lesson
from .side_by_side import train_side_by_side

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console
    from rich.table import Table

__all__ = ["Written", "show", "watch", "write"]

_MOST_EXAMPLES = 8
_KEPT = 50
"""At how many iterations the parameters are kept, more or less."""
_DRIFT = 1e-9


class Written(NamedTuple):
    """What `write` leaves."""

    files: list[tuple[Path, str]]
    """Pictures and data, each with what it is."""
    pages: list[Path]
    """What to open in a browser, to step through backpropagation."""
    missing: list[str]
    """Why other files were not written."""


def watch(lesson: Lesson, iterations: int, console: Console) -> History:
    """Train, with a progress bar where ``console`` is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console.print(lesson.title, style="bold")
    console.print(lesson.about)
    bar = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        console=console,
        transient=True,
        disable=not console.is_interactive,
    )
    every = max(1, iterations // _KEPT)
    history = History(viz.History(lesson.parameters, keep=True, every=every))
    stride = min(max(1, iterations // 500), 50)
    # What diverges, or does not move at all, is reported below, in words.
    with bar, np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        task = bar.add_task("", total=iterations, loss="")
        rows = train_side_by_side(lesson.networks, iterations)
        for iteration in range(1, iterations + 1):
            if iteration in (1, iterations):
                with contextlib.suppress(GradientError):  # of a loss that is not finite
                    history.comparisons[iteration] = lesson.compare()
            row = next(rows)
            history.add(row)
            history.parameters.record(loss=row.losses["tensor operations"])
            if row.iteration % stride == 0:
                bar.update(task, completed=row.iteration, loss=f"loss {row.losses['by hand']:.6f}")
    return history


def show(lesson: Lesson, history: History, console: Console) -> None:
    """Print the loss, the predictions, and how hand-derived and automatic gradients compare."""
    for heading, table in (
        ("Loss", _losses(history)),
        _predictions(lesson),
        ("Largest difference to the hand-derived, at any iteration", _differences(history)),
    ):
        console.print(f"\n{heading}", style="bold")
        console.print(table)
    console.print("\nThe hand-derived gradients, step by step (mt.compare)", style="bold")
    console.print()
    for iteration, comparison in history.comparisons.items():
        largest = max(row.max_difference for row in comparison.rows)
        console.print(
            f"iteration {iteration}: {comparison.summary} The largest difference is {largest:.1e}."
        )
        if not comparison.ok:
            console.print(str(comparison), highlight=False, markup=False)
    console.print()
    console.print(_verdict(lesson, history))
    console.print()


def write(lesson: Lesson, history: History, folder: Path, *, plots: bool) -> Written:
    """Write the loss history, the compute graph, a page to step through it, and curves.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    files = [
        (
            write_whole(folder / f"{lesson.name}-history.csv", history.to_csv().encode()),
            "loss and differences at every iteration",
        )
    ]
    pages: list[Path] = []
    missing: list[str] = []
    if not plots:
        return Written(files, pages, missing)

    with np.errstate(all="ignore"), record_source():  # of weights that diverged
        graph = lesson.graph()
    drawing = viz.draw(graph.loss, names=graph.names)
    path = folder / f"{lesson.name}-graph"
    files.append((viz.render(drawing, path.with_suffix(".dot")), "the same as DOT"))
    try:
        picture = viz.render(drawing, path.with_suffix(".svg"))
        files.insert(1, (picture, "the compute graph, for a browser"))
        pages.append(_write_page(lesson, graph, history, folder / f"{lesson.name}-explorer.html"))
    except RenderError as error:
        missing.append(f"no compute graph as SVG, and no page to step through it: {error}")
    try:
        loss_curve = viz.plot_history(history.losses, log=True, title=lesson.title)
        norms = viz.plot_gradients(history.parameters, title=lesson.title)
        files[:0] = [
            (_write_png(loss_curve, folder / f"{lesson.name}-loss.png"), "the loss curve"),
            (_write_png(norms, folder / f"{lesson.name}-gradients.png"), "the gradients' norms"),
        ]
    except (MissingDependencyError, RenderError) as error:
        missing.append(f"no curves: {error}")
    return Written(files, pages, missing)


def _write_page(lesson: Lesson, graph: Graph, history: History, path: Path) -> Path:
    comparison = None
    with np.errstate(all="ignore"):
        with contextlib.suppress(GradientError):  # of a loss that is not finite
            comparison = lesson.compare_graph(graph)
        return viz.explore(
            graph.loss,
            path,
            names=graph.names,
            comparison=comparison,
            history=history.parameters,
            title=lesson.title,
        )


def _write_png(figure: Figure, path: Path) -> Path:
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return write_whole(path, png.getvalue())


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)


def _losses(history: History) -> Table:
    table = _table()
    table.add_column("iteration", justify="right")
    for name in history.losses:
        table.add_column(name, justify="right", overflow="fold")
    for iteration in _milestones(len(history)):
        losses = [values[iteration - 1] for values in history.losses.values()]
        table.add_row(str(iteration), *(f"{loss:.6f}" for loss in losses))
    return table


def _milestones(iterations: int) -> list[int]:
    """Return the powers of ten, halves of those from 500 on, and the last.

    >>> _milestones(1500)
    [1, 10, 100, 500, 1000, 1500]
    >>> _milestones(7)
    [1, 7]
    """
    marks = {1, iterations} | {10**k for k in range(12)} | {5 * 10**k for k in range(2, 12)}
    return sorted(mark for mark in marks if mark <= iterations)


def _predictions(lesson: Lesson) -> tuple[str, Table]:
    count = len(lesson.targets)
    shown = min(count, _MOST_EXAMPLES)
    table = _table()
    automatic = list(lesson.networks)[-1]
    outputs = lesson.prediction(lesson.networks["by hand"])
    autograd = lesson.prediction(lesson.networks[automatic])
    for header in ("input", "target", "by hand", automatic):
        table.add_column(header, justify="right")
    for i in range(shown):
        table.add_row(
            " ".join(
                f"{value:g}" if value == round(value) else f"{value:.2f}"
                for value in lesson.inputs[i]
            ),
            *(
                " ".join(f"{value:{form}}" for value in values[i])
                for values, form in ((lesson.targets, "g"), (outputs, ".4f"), (autograd, ".4f"))
            ),
        )
    return "Predictions" if shown == count else f"Predictions, {shown} of {count}", table


def _differences(history: History) -> Table:
    table = _table()
    table.add_column("automatic, by")
    table.add_column("gradients", justify="right")
    table.add_column("weights", justify="right")
    for name, gradients in history.gradient_differences.items():
        weights = history.weight_differences[name]
        table.add_row(name, f"{worst(gradients):.1e}", f"{worst(weights):.1e}")
    return table


def _verdict(lesson: Lesson, history: History) -> str:
    """Say in a sentence what came of it."""
    losses = history.losses["by hand"]
    prediction = lesson.prediction(lesson.networks["by hand"])
    right = int(((prediction > 0.5) == (lesson.targets > 0.5)).all(axis=1).sum())
    said = (
        f"The loss went from {losses[0]:.4g} to {losses[-1]:.4g}; "
        f"{right} of {len(lesson.targets)} predictions are right."
    )
    drift = max(map(worst, history.weight_differences.values()))
    if drift > _DRIFT:
        first = max(differences[0] for differences in history.gradient_differences.values())
        said += (
            f" From equal weights the gradients differ by {first:.1e}; then such rounding errors "
            "grow, for this training is unstable."
        )
    broken = history.not_finite()
    for name, iteration in broken.items():
        said += f" The loss of {name} is not finite from iteration {iteration} on."
    if broken:
        said += " Training diverged: try a smaller --lr."
    elif right < len(lesson.targets):
        said += " For more, try other --iterations, --lr or --seed."
    return said
