"""Tests of microtensor.viz.plot_histograms."""

import io
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

import microtensor as mt
from microtensor import nn, optim
from microtensor.errors import ArgumentError, MissingDependencyError
from microtensor.viz import History, plot_histograms


def draw(figure: Figure) -> None:
    """Lay the figure out and draw it; warnings are errors."""
    figure.savefig(io.BytesIO(), format="png")


def mesh(axes: Axes) -> QuadMesh:
    (found,) = (each for each in axes.collections if isinstance(each, QuadMesh))
    return found


def of_activations(*rows: dict[str, Any]) -> History:
    history = History()
    for row in rows:
        history.record(loss=1.0, activations=row)
    return history


def trained(**options: Any) -> History:
    rng = np.random.default_rng(0)
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    for parameter in network.parameters():
        parameter.data = rng.normal(size=parameter.shape)
    optimizer = optim.SGD(network.parameters(), lr=0.1)
    history = History(network, **options)
    for _ in range(5):
        optimizer.zero_grad()
        hidden = network[1](network[0](np.eye(3)))
        loss = (network[2](hidden) ** 2).sum()
        (d_hidden,) = mt.autograd.grad(loss, [hidden], retain_graph=True)
        loss.backward()
        optimizer.step()
        history.record(activations={"1": hidden}, gradients={"1": d_hidden})
    return history


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]


def test_fractions_of_elements_over_time() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(scale=scale, size=(10, 20)) for scale in (1, 2, 3)]
    figure = plot_histograms(of_activations(*({"a": a} for a in arrays)), bins=7)
    drawn = mesh(figure.axes[0])
    low, high = min(a.min() for a in arrays), max(a.max() for a in arrays)
    edges = np.linspace(low, high, 8)
    expected = [
        [((a >= left) & ((a < right) | (right == high))).mean() for left, right in pairwise(edges)]
        for a in arrays
    ]
    fractions = np.ma.getdata(drawn.get_array()).reshape(7, 3).T
    np.testing.assert_allclose(fractions, expected)
    np.testing.assert_allclose(fractions.sum(axis=1), 1)
    corners = np.asarray(drawn.get_coordinates())
    np.testing.assert_allclose(corners[0, :, 0], [0.5, 1.5, 2.5, 3.5])
    np.testing.assert_allclose(corners[:, 0, 1], edges)
    assert figure.axes[0].get_xlabel() == "iteration"
    assert figure.axes[-1].get_ylabel() == "fraction of elements"
    draw(figure)


def test_places_without_elements_are_empty() -> None:
    figure = plot_histograms(of_activations({"a": [0.0, 1.0]}, {"a": [1.0, 1.0]}), bins=2)
    drawn = np.ma.getmaskarray(mesh(figure.axes[0]).get_array()).reshape(2, 2)
    np.testing.assert_array_equal(drawn, [[False, True], [False, False]])


def test_iterations_that_were_not_kept_belong_to_the_nearest() -> None:
    history = History(every=10)
    for i in range(21):
        history.record(activations={"a": [0.0, i]})
    corners = np.asarray(mesh(plot_histograms(history).axes[0]).get_coordinates())
    np.testing.assert_allclose(corners[0, :, 0], [0.5, 6, 16, 26])


def test_one_iteration_is_a_histogram() -> None:
    figure = plot_histograms(of_activations({"a": [0.0, 0.0, 0.0, 4.0]}), bins=4)
    (axes,) = figure.axes
    (patch,) = (each for each in axes.patches if isinstance(each, StepPatch))
    values, edges, _ = patch.get_data()
    np.testing.assert_allclose(values, [0.75, 0, 0, 0.25])
    np.testing.assert_allclose(edges, [0, 1, 2, 3, 4])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("value", "fraction of elements")
    draw(figure)


def test_what_is_shown() -> None:
    history = trained(keep=True)
    parameters = ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert titles(plot_histograms(history)) == ["1"]
    assert titles(plot_histograms(history, "parameters")) == parameters
    assert titles(plot_histograms(history, of="gradients")) == [*parameters, "1"]
    assert titles(plot_histograms(history, "gradients", ["2", "1"])) == [*parameters[2:], "1"]
    assert titles(plot_histograms(history, "parameters", "0.bias")) == ["0.bias"]
    draw(plot_histograms(history, "gradients", title="$Gradients_"))


def test_gradients_are_not_values() -> None:
    history = of_activations()
    for scale in (1.0, 2.0):
        history.record(activations={"a": [0.0, 1.0]}, gradients={"a": [0.0, scale]})
    corners = np.asarray(mesh(plot_histograms(history, "gradients").axes[0]).get_coordinates())
    assert (corners[..., 1].min(), corners[..., 1].max()) == (0, 2)


@pytest.mark.parametrize(
    "rows",
    [
        [[np.nan, 1.0, 2.0, np.inf]] * 2,
        [[np.nan], [np.inf]],
        [[1.0], [1.0]],
        [[0.0], [0.0]],
        [[], []],
        [[1e-300], [1e300]],
        [[np.nan]],
        [[np.float32(3e38), np.float32(-3e38)]] * 3,
        [[True, False]] * 3,
    ],
    ids=str,
)
def test_arrays_of_any_kind(rows: list[Any]) -> None:
    draw(plot_histograms(of_activations(*({"a": row} for row in rows))))


def test_what_is_not_finite_is_counted_out() -> None:
    figure = plot_histograms(of_activations({"a": [np.nan, 1.0, 2.0, np.inf]}), bins=2)
    patch = figure.axes[0].patches[0]
    assert isinstance(patch, StepPatch)
    np.testing.assert_allclose(patch.get_data().values, [0.25, 0.25])


@pytest.mark.parametrize("panels", [2, 3, 6, 24])
def test_panels_do_not_overlap(panels: int) -> None:
    row = {f"layers.{i}": [0.0, i + 1.0] for i in range(panels)}
    figure = plot_histograms(of_activations(row, row, row), title="Activations")
    draw(figure)
    *axes, _ = figure.axes
    assert len(axes) == panels
    boxes = [each.get_tightbbox() for each in axes]
    for i, box in enumerate(boxes):
        assert box is not None
        assert box.width > figure.dpi
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_what_was_not_kept() -> None:
    history = trained()
    with pytest.raises(ArgumentError, match=r"No parameters were kept: .*keep=True"):
        plot_histograms(history, "parameters")
    with pytest.raises(ArgumentError, match=r"No activations were kept: .*record\(activations"):
        plot_histograms(of_activations({}))
    with pytest.raises(ArgumentError, match="No gradients were kept"):
        plot_histograms(of_activations({"a": [1.0]}), "gradients")
    with pytest.raises(
        ArgumentError, match="No activations of 'a2' were kept: there are those of '1'"
    ):
        plot_histograms(history, names=["1", "a2"])
    with pytest.raises(ArgumentError, match="Nothing was recorded"):
        plot_histograms(History())


@pytest.mark.parametrize(
    ("match", "options"),
    [
        ("not 'weights'", {"of": "weights"}),
        ("bins is 0", {"bins": 0}),
        ("names is empty", {"names": []}),
    ],
)
def test_options(match: str, options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=match):
        plot_histograms(of_activations({"a": [1.0]}), **options)


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "microtensor.viz.notebook_figure", raising=False)
    with pytest.raises(MissingDependencyError, match=r"^plot_histograms\(\) needs matplotlib"):
        plot_histograms(of_activations({"a": [1.0]}))
