"""Curves of training: the loss and other metrics at each iteration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ..errors import ArgumentError, ShapeError
from .figures import (
    add_legend,
    add_line,
    add_title,
    drop_repeated_labels,
    looks,
    new_figure,
    plain,
    series,
    show_iterations,
)
from .history import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_history"]


def plot_history(
    history: History
    | npt.ArrayLike
    | Mapping[str, History | Mapping[str, npt.ArrayLike] | npt.ArrayLike],
    *,
    log: bool | str | Collection[str] = False,
    title: str | None = None,
    xlabel: str = "iteration",
    ylabel: str | None = None,
) -> Figure:
    """Plot what was measured at each iteration, the loss usually, of one run or of several.

    Parameters
    ----------
    history
        The values of one run, (iterations,), or those of several runs by their names; or a
        `History`, or several by the names of the runs, or instead of a `History` the values by the
        names of the metrics, ``{"run 1": {"loss": [...], "accuracy": [...]}}``. Each metric has a
        panel of its own. Values that are not finite leave a gap; where one is ``None`` it was not
        measured, and the line goes on to the next.
    log
        Whether the vertical axis is logarithmic, if any value is positive; the others leave a gap.
        Of several metrics, the name of the one or the names of those for which it is.
    title
        What stands above the plot.
    xlabel
        What is counted along the horizontal axis, such as ``epoch``.
    ylabel
        What stands beside the vertical axis; by default the name of the metric, or ``loss``.

    Returns
    -------
    A matplotlib `Figure`, to change, to show and to save: ``figure.savefig("loss.png")``. It needs
    no display. There is one of ``figure.axes`` for each metric.

    Raises
    ------
    ArgumentError
        If there is no run or no metric, runs with metrics are mixed with runs without, ``log``
        names a metric that there is not, or ``ylabel`` is given for several.
    DtypeError
        If values are not numbers.
    MissingDependencyError
        If matplotlib is not installed.
    RenderError
        If matplotlib refuses its own settings, such as an unknown backend in ``MPLBACKEND``.
    ShapeError
        If values are not one-dimensional, or a run has more of one metric than of another.

    Examples
    --------
    >>> figure = plot_history({"lr 1": [1.0, 0.5, 0.25], "lr 2": [1.0, 0.25, 0.0625]}, log=True)
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['lr 1', 'lr 2']

    >>> run = {"loss": [1.0, 0.5, 0.25], "accuracy": [0.5, None, 0.9]}
    >>> figure = plot_history({"run 1": run}, log="loss")
    >>> [(axes.get_ylabel(), axes.get_yscale()) for axes in figure.axes]
    [('loss', 'log'), ('accuracy', 'linear')]
    """
    runs = history if isinstance(history, Mapping) else {"": history}
    panels = _panels(runs, ylabel)
    logarithmic = _logarithmic(log, panels)
    names = [name for name in runs if name]
    figure, all_axes = new_figure("plot_history", len(panels), names)
    for (metric, curves), axes in zip(panels.items(), all_axes, strict=True):
        positive = any((values > 0).any() for _, values in curves.values())
        scaled = metric in logarithmic and positive
        for name, look in zip(runs, looks(len(runs)), strict=True):
            iterations, values = curves.get(name, series(name, []))
            add_line(axes, iterations, values, look, name, log=scaled)
        if scaled:
            axes.set_yscale("log", nonpositive="mask")
        axes.set_ylabel(plain(metric))
        show_iterations(axes, plain(xlabel))
    add_title(figure, title)
    drop_repeated_labels(all_axes)
    if names:
        add_legend(figure, all_axes)
    return figure


def _panels(runs: Mapping[str, Any], ylabel: str | None) -> dict[str, dict[str, Any]]:
    """Return what to plot for each metric: iterations and values by the names of the runs."""
    if not runs:
        raise ArgumentError("There is no run to plot: give {'run 1': [...]}, or the values of one.")
    detailed = [name for name, run in runs.items() if isinstance(run, (History, Mapping))]
    if not detailed:
        return {ylabel or "loss": {name: series(name, values) for name, values in runs.items()}}
    if len(detailed) < len(runs):
        other = next(name for name in runs if name not in detailed)
        raise ArgumentError(
            f"Run {detailed[0]!r} has metrics by their names, and {other!r} has values only: give "
            f"{{{other!r}: {{'loss': ...}}}} too."
        )
    panels: dict[str, dict[str, Any]] = {}
    for name, run in runs.items():
        metrics = run.metrics if isinstance(run, History) else run
        lengths = {}
        for metric, values in metrics.items():
            panels.setdefault(metric, {})[name] = series(f"{metric} of {name or 'this'}", values)
            lengths[metric] = len(values)
        if len(set(lengths.values())) > 1:
            raise ShapeError(
                f"A run has as many values of each metric, None where one was not measured; "
                f"{name or 'this one'} has "
                + ", ".join(f"{number} of {metric}" for metric, number in lengths.items())
                + "."
            )
    if not panels:
        raise ArgumentError(
            "No metric was recorded: call history.record(loss=loss) at each iteration."
        )
    if ylabel is not None:
        if len(panels) > 1:
            raise ArgumentError(
                f"There is one panel for each of {', '.join(panels)}, called so, and ylabel "
                f"{ylabel!r} fits one: leave it out, or change figure.axes."
            )
        panels = {ylabel: next(iter(panels.values()))}
    return panels


def _logarithmic(log: bool | str | Collection[str], panels: Collection[str]) -> Collection[str]:
    if isinstance(log, bool):
        return panels if log else ()
    names = [log] if isinstance(log, str) else log
    for name in names:
        if name not in panels:
            raise ArgumentError(
                f"log has {name!r}, and the metrics are {', '.join(map(repr, panels))}."
            )
    return names
