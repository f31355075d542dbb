"""What all figures of training have in common: their panels, lines and legends."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import cycle, islice, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DtypeError, MissingDependencyError, RenderError, ShapeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Look",
    "add_legend",
    "add_line",
    "add_title",
    "drop_repeated_labels",
    "looks",
    "new_figure",
    "plain",
    "series",
    "show_iterations",
]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Okabe and Ito's, which the colour-blind tell apart."""
_DASHES: tuple[tuple[int, tuple[float, ...]], ...] = (
    (0, ()),
    (0, (4.5, 1.5)),
    (0, (3, 3)),
    (0, (1.5, 4.5)),
)
"""Of one period, so that of runs that coincide each shows a part."""
_DENSE_DASHES: tuple[tuple[int, tuple[float, ...]], ...] = (
    (0, ()),
    (0, (7, 1.5)),
    (0, (3, 1.5)),
    (0, (1, 1.2)),
)
_MOST_COLOURS = 12
"""More lines than this are thin, and have colours in order, from dark to light."""
_LEGEND_ROWS = 25
"""So many rows of small print are as high as a figure of one panel."""
_PANEL = {1: (7.2, 4.2), 2: (4.8, 3.8), 3: (4.0, 3.2), 4: (3.2, 2.6)}
"""The width and height of a panel in inches, by how many are side by side."""


class Look(NamedTuple):
    """How a line is drawn; the width is in points."""

    color: Any
    linestyle: tuple[int, tuple[float, ...]]
    linewidth: float


def new_figure(function: str, panels: int, legend: Sequence[str] = ()) -> tuple[Figure, list[Axes]]:
    """Make a figure that needs no display, with panels, and room for a legend beside them."""
    try:
        from .notebook_figure import Figure
    except ImportError as error:
        raise MissingDependencyError(
            f"{function}() needs matplotlib: pip install 'microtensor[plot]'"
        ) from error
    except ValueError as error:  # matplotlib checks MPLBACKEND when it is imported
        raise RenderError(f"matplotlib cannot be imported: {error}.") from error

    columns = 3 if panels == 3 else min(4, math.ceil(math.sqrt(panels)))
    rows = math.ceil(panels / columns)
    width, height = _PANEL[columns]
    figure = Figure(
        figsize=(columns * width + _legend_width(legend), rows * height),
        dpi=150,
        layout="constrained",
    )
    axes = [figure.add_subplot(rows, columns, i + 1) for i in range(panels)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.grid(color="#e3e5e8", linewidth=0.8)
        each.set_axisbelow(True)
    return figure, axes


def show_iterations(axes: Axes, counted: str = "iteration") -> None:
    """Make the horizontal axis one of iterations, or of what else is counted."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel(counted)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))


def series(name: str, values: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the iterations at which something was measured, and the values, NaN if not finite."""
    try:
        array = np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise DtypeError(
            f"A history is made of numbers; {name or 'this one'} is not: {error}."
        ) from error
    if array.ndim != 1:
        raise ShapeError(
            f"A history has one value for each iteration, shape (n,); "
            f"{name or 'this one'} has shape {array.shape}."
        )
    array[~np.isfinite(array)] = np.nan
    measured = [value is not None for value in values]
    return np.flatnonzero(measured) + 1, array[measured]


def looks(number: int) -> Iterator[Look]:
    """Yield that many looks, which differ in colour and dashes."""
    if number <= _MOST_COLOURS:
        return islice(map(Look, cycle(_COLOURS), cycle(_DASHES), repeat(2)), number)
    from matplotlib import colormaps

    colours = colormaps["viridis"](np.linspace(0, 0.88, number)).tolist()
    return map(Look, colours, cycle(_DENSE_DASHES), repeat(1.4))


def add_line(
    axes: Axes,
    iterations: npt.NDArray[Any],
    values: npt.NDArray[Any],
    look: Look,
    label: str,
    *,
    log: bool = False,
) -> None:
    """Draw values; those that no line reaches, as between two gaps, as dots."""
    shown = np.isfinite(values) & ((values > 0) | (not log))
    beside = np.zeros(len(shown) + 2, dtype=bool)
    beside[1:-1] = shown
    alone = np.flatnonzero(shown & ~beside[:-2] & ~beside[2:]).tolist()
    axes.plot(
        iterations,
        values,
        label=plain(label),
        color=look.color,
        linestyle=look.linestyle,
        linewidth=look.linewidth,
        marker="o" if alone else None,
        markersize=4,
        markevery=alone or None,
    )


def add_legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """Put the legend of the first panel's lines to the right of all panels: it covers none."""
    lines, labels = axes[0].get_legend_handles_labels()
    style: dict[str, Any] = {
        "frameon": False,
        "fontsize": 8 if _is_long(labels) else 9,
        "labelspacing": 0.25 if _is_long(labels) else 0.5,
        "handlelength": 3.5,
        "ncols": _legend_columns(labels),
        "columnspacing": 1.2,
        "borderaxespad": 0,
    }
    if len(axes) > 1:
        legend = figure.legend(lines, labels, loc="outside right upper", **style)
    else:
        legend = axes[0].legend(lines, labels, loc="upper left", bbox_to_anchor=(1.01, 1), **style)
    for line in legend.get_lines():
        line.set_marker("")


def _is_long(labels: Sequence[str]) -> bool:
    return len(labels) > _MOST_COLOURS


def _legend_columns(labels: Sequence[str]) -> int:
    return max(1, math.ceil(len(labels) / _LEGEND_ROWS))


def _legend_width(labels: Sequence[str]) -> float:
    """Estimate the width of a legend, in inches."""
    if not labels:
        return 0
    character = 0.062 if _is_long(labels) else 0.07
    return _legend_columns(labels) * (0.7 + character * max(map(len, labels)))


def add_title(figure: Figure, title: str | None) -> None:
    """Put a title above all panels, to the left."""
    if title is None:
        return
    if len(figure.axes) == 1:
        figure.axes[0].set_title(plain(title), loc="left", fontweight="bold")
    else:
        figure.suptitle(plain(title), x=0.01, horizontalalignment="left", fontweight="bold")


def drop_repeated_labels(axes: Sequence[Axes]) -> None:
    """Drop the labels of axes that a panel below, or to the left, repeats."""
    grid = axes[0].get_gridspec()
    columns = 1 if grid is None else grid.ncols
    for above, below in zip(axes, axes[columns:], strict=False):
        if above.get_xlabel() == below.get_xlabel():
            above.set_xlabel("")
    for position in reversed(range(len(axes))):
        if position % columns and axes[position].get_ylabel() == axes[position - 1].get_ylabel():
            axes[position].set_ylabel("")


def plain(text: str) -> str:
    """Keep matplotlib from reading mathematics between dollar signs."""
    return text.replace("$", r"\$")
