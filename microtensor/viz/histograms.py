"""Histograms for each layer: how activations, gradients and weights are distributed over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from .figures import (
    add_title,
    drop_repeated_labels,
    new_figure,
    plain,
    show_iterations,
)
from .history import History
from .layers import recorded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

__all__ = ["plot_histograms"]

_COLOUR = "#0072b2"
_MAP = "Blues"
_KEEP = {
    "activations": "give them to history.record(activations={'a1': a1})",
    "gradients": "make the History with keep=True, or give those of activations to "
    "history.record(activations=..., gradients=...)",
    "parameters": "make the History with keep=True, or with the names of some",
}


def plot_histograms(
    history: History,
    of: Literal["activations", "gradients", "parameters"] = "activations",
    names: Iterable[str] | None = None,
    *,
    bins: int = 50,
    title: str | None = None,
) -> Figure:
    """Plot how the elements of activations, gradients or parameters are distributed over time.

    Each tensor has a panel: iterations go to the right, the values go up, and the darker a place
    is, the larger is the fraction of elements there. Saturated, dead and spreading layers show as
    bands at the bounds, at zero, and as fans. What was kept at one iteration only is a histogram.
    Elements that are not finite are left out.

    Parameters
    ----------
    history
        What was recorded, with arrays: of activations those given to `History.record`, of
        parameters and gradients those that ``History(model, keep=...)`` keeps.
    of
        ``"activations"``, ``"gradients"``, or ``"parameters"``.
    names
        The tensors, or layers, to show; by default all that were kept.
    bins
        Into how many intervals the range of each tensor is divided.
    title
        What stands above the plot.

    Returns
    -------
    A matplotlib `Figure`, to change, to show and to save. It needs no display.

    Raises
    ------
    ArgumentError
        If nothing was recorded or kept, a name is none of a tensor that was, or ``of`` or ``bins``
        is impossible.
    MissingDependencyError
        If matplotlib is not installed.
    RenderError
        If matplotlib refuses its own settings.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> history = mt.viz.History()
    >>> for scale in (1.0, 2.0, 3.0):
    ...     history.record(activations={"a1": scale * np.linspace(-1, 1, 100)})
    >>> figure = mt.viz.plot_histograms(history, of="activations")
    >>> figure.axes[0].get_title(loc="left")
    'a1'
    """
    kept = _kept(recorded("plot_histograms", history), of, names)
    if not isinstance(bins, int) or bins < 1:
        raise ArgumentError(f"bins is {bins!r}, and must be a whole number from 1 on.")
    figure, all_axes = new_figure("plot_histograms", len(kept))
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm

    counted = {name: _count(arrays, bins) for name, arrays in kept.items()}
    shown = np.concatenate([fractions.ravel() for fractions, _ in counted.values()])
    shown = shown[shown > 0]
    norm = LogNorm(shown.min() / 3, shown.max()) if shown.size else LogNorm(0.1, 1)
    for axes, (name, (fractions, edges)) in zip(all_axes, counted.items(), strict=True):
        axes.set_title(plain(name), loc="left", fontsize=10)
        if len(fractions) > 1:
            _heat_map(axes, list(kept[name]), fractions, edges, norm)
        else:
            axes.stairs(fractions[0], edges, fill=True, color=_COLOUR)
            axes.set_xlabel("value")
            axes.set_ylabel("fraction of elements")
    if any(len(fractions) > 1 for fractions, _ in counted.values()):
        figure.colorbar(
            ScalarMappable(norm, _MAP), ax=all_axes, label="fraction of elements", aspect=30
        )
    add_title(figure, title)
    drop_repeated_labels(all_axes)
    return figure


def _heat_map(
    axes: Axes,
    iterations: list[int],
    fractions: npt.NDArray[Any],
    edges: npt.NDArray[Any],
    norm: Normalize,
) -> None:
    """Draw a column for each iteration; it reaches half-way to the next ones."""
    middles = (np.array(iterations[1:]) + iterations[:-1]) / 2
    first = max(0.5, 2 * iterations[0] - middles[0])
    last = 2 * iterations[-1] - middles[-1]
    axes.pcolormesh(
        np.array([first, *middles, last]),
        edges,
        np.ma.masked_equal(fractions.T, 0),
        norm=norm,
        cmap=_MAP,
        rasterized=True,
    )
    axes.set_ylabel("value")
    show_iterations(axes)


def _kept(
    history: History, of: str, names: Iterable[str] | None
) -> dict[str, dict[int, npt.NDArray[Any]]]:
    """Return the arrays to show, by tensor and iteration."""
    if of not in _KEEP:
        raise ArgumentError(f"of is 'activations', 'gradients' or 'parameters', not {of!r}.")
    columns = history.gradients if of == "gradients" else history.values
    if of != "gradients":
        columns = {
            name: column
            for name, column in columns.items()
            if (name in history.gradient_norms) == (of == "parameters")
        }
    kept = {
        name: {i: a for i, a in zip(history.iterations, column, strict=True) if a is not None}
        for name, column in columns.items()
    }
    kept = {name: arrays for name, arrays in kept.items() if arrays}
    if not kept:
        raise ArgumentError(f"No {of} were kept: {_KEEP[of]}.")
    return kept if names is None else _chosen(kept, history, of, names)


def _chosen(
    kept: Mapping[str, Any], history: History, of: str, names: Iterable[str]
) -> dict[str, Any]:
    chosen = {}
    for name in [names] if isinstance(names, str) else names:
        found = [each for each in history.layers.get(name, [name]) if each in kept]
        if not found:
            raise ArgumentError(
                f"No {of} of {name!r} were kept: there are those of {', '.join(map(repr, kept))}."
            )
        chosen.update({each: kept[each] for each in found})
    if not chosen:
        raise ArgumentError(f"names is empty: leave it out for all {of}.")
    return chosen


def _count(
    arrays: Mapping[int, npt.NDArray[Any]], bins: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the fractions of elements, (iterations, bins), and the bounds of the bins."""
    finite = [array[np.isfinite(array)].astype(float) for array in arrays.values()]
    edges = np.histogram_bin_edges(np.concatenate(finite), bins)
    counts = np.array([np.histogram(values, edges)[0] for values in finite])
    sizes = np.array([max(1, array.size) for array in arrays.values()])
    return counts / sizes[:, None], edges
