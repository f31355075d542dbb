"""Tests of microtensor.viz.plot_gradients and plot_updates."""

import io
import math
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import microtensor as mt
from microtensor import nn, optim
from microtensor.errors import ArgumentError, MissingDependencyError
from microtensor.viz import History, plot_gradients, plot_updates

Plot = Callable[..., Figure]
both = pytest.mark.parametrize("plot", [plot_gradients, plot_updates])


def step(tensors: dict[str, mt.Tensor], gradients: dict[str, Any], lr: float = 0.5) -> None:
    """Give the tensors these gradients, and subtract them ``lr`` times."""
    for name, tensor in tensors.items():
        tensor.grad = gradients[name]
        if tensor.grad is not None:
            tensor.data = tensor.data - lr * tensor.grad.data


def recorded(
    columns: dict[str, list[Any]], start: Any = (3.0, 4.0)
) -> tuple[History, dict[str, mt.Tensor]]:
    """Return the history of tensors that have these gradients, one after the other."""
    tensors = {name: mt.tensor(start, requires_grad=True) for name in columns}
    history = History(tensors)
    for row in zip(*columns.values(), strict=True):
        step(tensors, dict(zip(columns, row, strict=True)))
        history.record(loss=1.0)
    return history, tensors


def lines(axes: Axes) -> dict[str, Any]:
    return {str(line.get_label()): np.asarray(line.get_ydata()) for line in axes.lines}


def draw(figure: Figure) -> None:
    """Lay the figure out and draw it; warnings are errors."""
    figure.savefig(io.BytesIO(), format="png")


def trained() -> tuple[History, list[dict[str, Any]], list[dict[str, Any]]]:
    """Train two layers, and return the history, the gradients, and the weights with the last."""
    rng = np.random.default_rng(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    for parameter in network.parameters():
        parameter.data = rng.normal(size=parameter.shape)
    optimizer = optim.SGD(network.parameters(), lr=0.1, momentum=0.5)
    history = History(network)
    gradients, weights = [], [network.state_dict()]
    for _ in range(4):
        optimizer.zero_grad()
        (network(np.eye(3)) ** 2).sum().backward()
        gradients.append({n: p.grad.numpy().copy() for n, p in network.named_parameters()})
        optimizer.step()
        history.record()
        weights.append(network.state_dict())
    return history, gradients, weights


def together(arrays: dict[str, Any], layer: str) -> float:
    """Return the norm of a layer's weight and bias as one vector."""
    return float(np.linalg.norm(np.append(arrays[f"{layer}.weight"], arrays[f"{layer}.bias"])))


def test_gradients_of_layers() -> None:
    history, gradients, _ = trained()
    figure = plot_gradients(history, title="Gradients")
    (axes,) = figure.axes
    assert list(lines(axes)) == ["0", "2"]
    for layer, values in lines(axes).items():
        np.testing.assert_allclose(values, [together(g, layer) for g in gradients])
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [1, 2, 3, 4])
    assert axes.get_yscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("iteration", "gradient norm")
    assert axes.get_title(loc="left") == "Gradients"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["0", "2"]
    draw(figure)


def test_updates_of_layers() -> None:
    history, _, weights = trained()
    figure = plot_updates(history)
    (axes,) = figure.axes
    *layers, guide = axes.lines
    assert [line.get_label() for line in layers] == ["0", "2"]
    for line in layers:
        layer = str(line.get_label())
        expected = [
            together({n: new[n] - old[n] for n in old}, layer) / together(old, layer)
            for old, new in pairwise(weights)
        ]
        np.testing.assert_allclose(np.asarray(line.get_ydata(), dtype=float), expected)
    assert list(guide.get_ydata()) == [1e-3, 1e-3]
    assert axes.get_yscale() == "log"
    low, high = axes.get_ylim()
    assert low <= 1e-3 <= high
    draw(figure)


def test_chosen_layers_and_parameters() -> None:
    history, gradients, _ = trained()
    (axes,) = plot_gradients(history, ["2", "0.bias"]).axes
    shown = lines(axes)
    assert list(shown) == ["2", "0.bias"]
    expected = [np.linalg.norm(g["0.bias"]) for g in gradients]
    np.testing.assert_allclose(shown["0.bias"], expected)
    assert list(lines(plot_gradients(history, "0").axes[0])) == ["0"]


def test_tensors_by_their_names() -> None:
    history, _ = recorded({"net.W1": [[3.0, 4.0], [0.0, 1.0]]})
    np.testing.assert_allclose(lines(plot_gradients(history).axes[0])["net.W1"], [5, 1])
    # From (3, 4) to (1.5, 2), and then to (1.5, 1.5).
    np.testing.assert_allclose(lines(plot_updates(history).axes[0])["net.W1"], [0.5, 0.5 / 2.5])


def test_what_is_not_finite_leaves_a_gap_and_a_point_between_gaps_is_a_dot() -> None:
    columns = {"w": [[3.0, 4.0], [np.nan, 0.0], [3.0, 4.0], [np.inf, 0.0], [6.0, 8.0], [6.0, 8.0]]}
    history, _ = recorded(columns)
    figure = plot_gradients(history)
    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), [5, np.nan, 5, np.nan, 10, 10])
    assert line.get_markevery() == [0, 2]
    draw(figure)


def test_missing_gradients_are_passed_by() -> None:
    history, tensors = recorded({"w": [[3.0, 4.0]], "u": [[3.0, 4.0]]})
    step(tensors, {"w": None, "u": [1.0, 0.0]})
    history.record()
    step(tensors, {"w": [6.0, 8.0], "u": [1.0, 0.0]})
    history.record()
    line = plot_gradients(history).axes[0].lines[0]
    np.testing.assert_array_equal(line.get_xdata(), [1, 3])
    np.testing.assert_array_equal(line.get_ydata(), [5, 10])


@both
def test_the_legend_says_why_a_line_does_not_show(plot: Plot) -> None:
    columns: dict[str, list[Any]] = {
        "good": [[1.0, 1.0]] * 2, "dead": [[0.0, 0.0]] * 2,
        "broken": [[np.nan, 0.0]] * 2, "unused": [None] * 2,
    }  # fmt: skip
    history, _ = recorded(columns)
    figure = plot(history)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    unused = "unused (no gradient)" if plot is plot_gradients else "unused (all 0)"
    assert labels[:4] == ["good", "dead (all 0)", "broken (not finite)", unused]
    draw(figure)


def test_weights_of_zero_have_no_ratio() -> None:
    history, _ = recorded({"b": [[1.0, 0.0], [1.0, 0.0]]}, start=[0.0, 0.0])
    np.testing.assert_array_equal(lines(plot_updates(history).axes[0])["b"], [math.nan, 1.0])


@both
@pytest.mark.parametrize("number", [1, 6, 12, 13, 24, 70])
def test_the_legend_covers_no_curve(plot: Plot, number: int) -> None:
    names = [f"encoder.layers.{i}.attention" for i in range(number)]
    history, _ = recorded({name: [[3.0, i + 1.0]] * 5 for i, name in enumerate(names)})
    figure = plot(history)
    draw(figure)
    (axes,) = figure.axes
    curves, legend = axes.get_window_extent(), axes.get_legend().get_window_extent()
    assert legend.x0 > curves.x1
    assert legend.x1 <= figure.bbox.x1
    assert legend.y0 >= figure.bbox.y0
    assert curves.height > 0.75 * figure.bbox.height
    assert curves.width > 5 * figure.dpi


@both
def test_what_cannot_be_plotted(plot: Plot) -> None:
    w = mt.tensor([1.0], requires_grad=True)
    with pytest.raises(ArgumentError, match="Nothing was recorded"):
        plot(History({"w": w}))
    without = History()
    without.record(loss=1.0)
    with pytest.raises(ArgumentError, match=r"needs parameters, .* History\(model\)"):
        plot(without)
    history, _ = recorded({"W1": [[1.0, 1.0]], "W2": [[1.0, 1.0]]})
    with pytest.raises(ArgumentError, match="'W3': the layers are 'W1', 'W2'"):
        plot(history, ["W1", "W3"])
    with pytest.raises(ArgumentError, match="names is empty"):
        plot(history, [])
    with pytest.raises(TypeError, match=r"takes a mt\.viz\.History, and got a list"):
        plot([1.0])


@both
def test_without_matplotlib(plot: Plot, monkeypatch: pytest.MonkeyPatch) -> None:
    history, _ = recorded({"w": [[1.0, 1.0]]})
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "microtensor.viz.notebook_figure", raising=False)
    with pytest.raises(MissingDependencyError, match=rf"^{plot.__name__}\(\) needs matplotlib"):
        plot(history)


def test_recording_needs_no_matplotlib_and_plotting_no_pyplot() -> None:
    script = (
        "import sys, microtensor as mt\n"
        "w = mt.tensor([1.0], requires_grad=True)\n"
        "history = mt.viz.History({'w': w}, keep=True)\n"
        "w.grad = [1.0]; w.data = [0.5]; history.record(loss=1.0)\n"
        "print('matplotlib' in sys.modules)\n"
        "for plot in (mt.viz.plot_gradients, mt.viz.plot_updates, mt.viz.plot_history):\n"
        "    plot(history)\n"
        "mt.viz.plot_histograms(history, 'gradients')\n"
        "print('matplotlib.pyplot' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={k: v for k, v in os.environ.items() if k != "DISPLAY"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "False\nFalse\n"
