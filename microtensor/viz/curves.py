"""Curves of training: the loss at each iteration."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import MissingDependencyError, RenderError, ShapeError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_history"]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Okabe and Ito's, which the colour-blind tell apart."""
_DASHES: tuple[tuple[int, tuple[float, ...]], ...] = (
    (0, ()),
    (0, (4.5, 1.5)),
    (0, (3, 3)),
    (0, (1.5, 4.5)),
)
"""Of one period, so that of runs that coincide each shows a part."""


def plot_history(
    history: npt.ArrayLike | Mapping[str, npt.ArrayLike],
    *,
    log: bool = False,
    title: str | None = None,
    ylabel: str = "loss",
) -> Figure:
    """Plot what was measured at each iteration, the loss usually, of one run or of several.

    Parameters
    ----------
    history
        The values of one run, (iterations,), or those of several runs by their names. Values that
        are not finite leave a gap.
    log
        Whether the vertical axis is logarithmic, if any value is positive; the others leave a gap.
    title, ylabel
        What stands above the plot and beside its vertical axis.

    Returns
    -------
    A matplotlib `Figure`, to change, to show and to save: ``figure.savefig("loss.png")``. It needs
    no display.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    RenderError
        If matplotlib refuses its own settings, such as an unknown backend in ``MPLBACKEND``.
    ShapeError
        If a history is not one-dimensional.

    Examples
    --------
    >>> figure = plot_history({"lr 1": [1.0, 0.5, 0.25], "lr 2": [1.0, 0.25, 0.0625]}, log=True)
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['lr 1', 'lr 2']
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise MissingDependencyError(
            "plot_history() needs matplotlib: pip install 'microtensor[plot]'"
        ) from error
    except ValueError as error:  # matplotlib checks MPLBACKEND when it is imported
        raise RenderError(f"matplotlib cannot be imported: {error}.") from error

    runs = history if isinstance(history, Mapping) else {"": history}
    figure = Figure(figsize=(7.2, 4.2), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    positive = False
    for (name, values), colour, dashes in zip(
        runs.items(), cycle(_COLOURS), cycle(_DASHES), strict=False
    ):
        losses = np.array(values, dtype=float)
        if losses.ndim != 1:
            raise ShapeError(
                f"A history has one value for each iteration, shape (n,); "
                f"{name or 'this one'} has shape {losses.shape}."
            )
        losses[~np.isfinite(losses)] = np.nan
        positive = positive or bool((losses > 0).any())
        marker = "o" if losses.size == 1 else None
        axes.plot(
            np.arange(1, losses.size + 1),
            losses,
            label=_plain(name),
            color=colour,
            linestyle=dashes,
            linewidth=2,
            marker=marker,
        )
    if log and positive:
        axes.set_yscale("log", nonpositive="mask")
    axes.set_xlabel("iteration")
    axes.set_ylabel(_plain(ylabel))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e3e5e8", linewidth=0.8)
    axes.set_axisbelow(True)
    if title is not None:
        axes.set_title(_plain(title), loc="left", fontweight="bold")
    if any(runs):
        axes.legend(frameon=False)
    return figure


def _plain(text: str) -> str:
    """Keep matplotlib from reading mathematics between dollar signs."""
    return text.replace("$", r"\$")
