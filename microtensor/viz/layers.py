"""Curves for each layer: how large its gradients are, and its updates beside its weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ArgumentError
from .figures import (
    add_legend,
    add_line,
    add_title,
    looks,
    new_figure,
    series,
    show_iterations,
)
from .history import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_gradients", "plot_updates", "recorded"]

_CUSTOMARY = 1e-3
"""The ratio of update to weights that CS231n's notes call a rough heuristic."""

Column = Sequence[float | None]


def plot_gradients(
    history: History, names: Iterable[str] | None = None, *, title: str | None = None
) -> Figure:
    """Plot the norm of each layer's gradient at each iteration, on a logarithmic axis.

    Gradients that vanish or explode with depth are lines apart. The norm of a layer is that of all
    its parameters together. Values that are not finite, and zeros, leave a gap; what has no other
    values is marked in the legend.

    Parameters
    ----------
    history
        What was recorded, with the model or its parameters: ``History(model)``.
    names
        Layers or parameters, ``["layers.0", "layers.2.weight"]``; by default every layer.
    title
        What stands above the plot.

    Returns
    -------
    A matplotlib `Figure`, to change, to show and to save. It needs no display.

    Raises
    ------
    ArgumentError
        If nothing was recorded, or a name is none of a layer or parameter.
    MissingDependencyError
        If matplotlib is not installed.
    RenderError
        If matplotlib refuses its own settings.

    Examples
    --------
    >>> import microtensor as mt
    >>> w = mt.tensor([3.0, 4.0], requires_grad=True)
    >>> history = mt.viz.History({"w": w})
    >>> for _ in range(2):
    ...     w.grad = None
    ...     (w**2).sum().backward()
    ...     with mt.no_grad():
    ...         w -= 0.25 * w.grad
    ...     history.record()
    >>> figure = mt.viz.plot_gradients(history)
    >>> figure.axes[0].lines[0].get_ydata()
    array([10.,  5.])
    """
    layers = _layers("plot_gradients", history, names)
    curves = {name: _norms(history.gradient_norms, layer) for name, layer in layers.items()}
    return _plot("plot_gradients", curves, "gradient norm", title)


def plot_updates(
    history: History, names: Iterable[str] | None = None, *, title: str | None = None
) -> Figure:
    """Plot ‖ΔW‖ / ‖W‖ of each layer at each iteration: how fast it changes.

    The axis is logarithmic. A grey line marks 1e-3, about which the ratio should be, by a rule of
    thumb of Stanford's CS231n (https://cs231n.github.io/neural-networks-3/#ratio): where it is
    much higher the learning rate may be too high, where it is much lower too low. The norms of a
    layer are those of all its parameters together.

    The arguments, and what is returned and raised, are those of `plot_gradients`.

    Examples
    --------
    >>> import microtensor as mt
    >>> w = mt.tensor([3.0, 4.0], requires_grad=True)
    >>> history = mt.viz.History({"w": w})
    >>> (w**2).sum().backward()
    >>> with mt.no_grad():
    ...     w -= 0.25 * w.grad
    >>> history.record()
    >>> figure = mt.viz.plot_updates(history)
    >>> figure.axes[0].lines[0].get_ydata()
    array([0.5])
    """
    layers = _layers("plot_updates", history, names)
    curves = {}
    for name, layer in layers.items():
        updates, weights = (
            _norms(history.update_norms, layer),
            _norms(history.parameter_norms, layer),
        )
        curves[name] = [_ratio(u, w) for u, w in zip(updates, weights, strict=True)]
    return _plot("plot_updates", curves, "norm of update / norm of weights", title, _CUSTOMARY)


def recorded(function: str, history: History) -> History:
    """Return the history, if something was recorded in it."""
    if not isinstance(history, History):
        raise TypeError(
            f"{function}() takes a mt.viz.History, and got a {type(history).__name__}: make one of "
            "the model, History(model), and call its record() at each iteration."
        )
    if not len(history):
        raise ArgumentError(
            "Nothing was recorded: call history.record(loss=loss) at each iteration, after "
            "optimizer.step()."
        )
    return history


def _layers(function: str, history: History, names: Iterable[str] | None) -> dict[str, list[str]]:
    """Return the names of the parameters to plot together, by what to call them."""
    layers = recorded(function, history).layers
    if not layers:
        raise ArgumentError(
            f"{function}() needs parameters, and the History was made without: make it with "
            "History(model), or with Tensors by their names, History({'W1': W1})."
        )
    if names is None:
        return layers
    chosen = {}
    for name in [names] if isinstance(names, str) else names:
        if name not in layers and name not in history.gradient_norms:
            raise ArgumentError(
                f"There is no layer or parameter {name!r}: the layers are "
                f"{', '.join(map(repr, layers))}."
            )
        chosen[name] = layers.get(name, [name])
    if not chosen:
        raise ArgumentError("names is empty: leave it out for every layer.")
    return chosen


def _norms(norms: Mapping[str, Column], layer: Sequence[str]) -> list[float | None]:
    """Return the norms of all parameters of a layer together, ``None`` where none has one."""
    together: list[float | None] = []
    for row in zip(*(norms[name] for name in layer), strict=True):
        present = [norm for norm in row if norm is not None]
        together.append(math.hypot(*present) if present else None)
    return together


def _ratio(update: float | None, weights: float | None) -> float:
    return update / weights if update is not None and weights else math.nan


def _plot(
    function: str,
    curves: Mapping[str, Column],
    ylabel: str,
    title: str | None,
    guide: float | None = None,
) -> Figure:
    labels = {name: f"{name}{_remark(values)}" for name, values in curves.items()}
    guides = {} if guide is None else {guide: f"{guide:g}, rule of thumb"}
    figure, (axes,) = new_figure(function, 1, [*labels.values(), *guides.values()])
    for (name, column), look in zip(curves.items(), looks(len(curves)), strict=True):
        iterations, values = series(name, column)
        add_line(axes, iterations, values, look, labels[name], log=True)
    for height, label in guides.items():
        axes.axhline(height, color="#5f6368", linewidth=1, zorder=1, label=label)
    axes.set_yscale("log", nonpositive="mask")
    axes.set_ylabel(ylabel)
    show_iterations(axes)
    add_title(figure, title)
    add_legend(figure, [axes])
    return figure


def _remark(values: Column) -> str:
    """Say why a line does not show on a logarithmic axis."""
    numbers = np.array([value for value in values if value is not None])
    if not numbers.size:
        return " (no gradient)"
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return " (not finite)"
    return "" if finite.any() else " (all 0)"
