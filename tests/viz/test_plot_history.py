"""Tests of microtensor.viz.plot_history."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from microtensor.errors import ArgumentError, DtypeError, MissingDependencyError, ShapeError
from microtensor.viz import History, plot_history


def png(figure: Figure) -> bytes:
    """Draw the figure; warnings are errors."""
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()


def test_one_run() -> None:
    figure = plot_history([3.0, 2.0, 1.0], title="A run", ylabel="cost")
    (axes,) = figure.axes
    (line,) = axes.lines
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(line.get_ydata(), [3, 2, 1])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("iteration", "cost")
    assert axes.get_title(loc="left") == "A run"
    assert axes.get_yscale() == "linear"
    assert axes.get_legend() is None
    assert png(figure).startswith(b"\x89PNG")


def test_several_runs() -> None:
    runs = {f"run {i}": np.linspace(1, i, 10) for i in range(8)}
    figure = plot_history(runs, log=True)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(runs)
    assert axes.get_yscale() == "log"
    looks = {(line.get_color(), line.get_linestyle()) for line in axes.lines}
    assert len({colour for colour, _ in looks}) == 6
    png(figure)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0],
        [0.0, 0.0],
        [-1.0, -2.0],
        [np.nan, np.inf, -np.inf],
        [1.0, np.nan, 0.5],
        [1e100, 1e-100],
        [1.0, 1.0, 1.0],
    ],
    ids=str,
)
def test_values_of_any_kind(values: list[float], log: bool) -> None:
    assert png(plot_history({"run": values}, log=log)).startswith(b"\x89PNG")


def test_each_metric_has_a_panel() -> None:
    runs = {
        "run 1": {"loss": [3.0, 2.0], "accuracy": [0.1, 0.2]},
        "run 2": {"accuracy": [0.3, 0.4, 0.5], "loss": [1.0, 0.5, 0.25], "rate": [1.0, 1.0, 0.0]},
    }
    figure = plot_history(runs, log=["loss"], title="Runs")
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy", "rate"]
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear", "linear"]
    first, second = figure.axes[1].lines
    np.testing.assert_array_equal(first.get_ydata(), [0.1, 0.2])
    np.testing.assert_array_equal(second.get_ydata(), [0.3, 0.4, 0.5])
    for axes in figure.axes:  # a run looks the same in each panel, also where it has no such metric
        assert [line.get_label() for line in axes.lines] == list(runs)
        assert [line.get_color() for line in axes.lines] == [first.get_color(), second.get_color()]
    without, with_rate = figure.axes[2].lines
    assert len(without.get_ydata()) == 0
    np.testing.assert_array_equal(with_rate.get_ydata(), [1, 1, 0])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(runs)
    png(figure)
    right = max(axes.get_window_extent().x1 for axes in figure.axes)
    assert right < legend.get_window_extent().x0
    assert legend.get_window_extent().x1 <= figure.bbox.x1


def test_a_recorded_history_and_several() -> None:
    history = History()
    for i in range(5):
        history.record(loss=5 - i, accuracy=i / 5 if i % 2 == 0 else None)
    figure = plot_history(history, log="loss")
    loss, accuracy = figure.axes
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), [5, 4, 3, 2, 1])
    np.testing.assert_array_equal(accuracy.lines[0].get_xdata(), [1, 3, 5])
    np.testing.assert_array_equal(accuracy.lines[0].get_ydata(), [0, 0.4, 0.8])
    assert not figure.legends
    png(figure)
    (axes, _) = plot_history({"recorded": history, "other": {"loss": [1.0]}}).axes
    assert [line.get_label() for line in axes.lines] == ["recorded", "other"]


def test_one_metric_has_the_label_given() -> None:
    history = History()
    history.record(cost=1.0)
    assert plot_history(history).axes[0].get_ylabel() == "cost"
    assert plot_history(history, ylabel="euros").axes[0].get_ylabel() == "euros"
    assert plot_history([1.0]).axes[0].get_ylabel() == "loss"
    assert plot_history([1.0], xlabel="epoch").axes[0].get_xlabel() == "epoch"


def test_the_line_passes_by_what_was_not_measured_and_breaks_at_what_is_not_finite() -> None:
    (line,) = plot_history([1.0, None, 2.0, np.nan, 3.0, np.inf, 4.0, 5.0]).axes[0].lines
    np.testing.assert_array_equal(line.get_xdata(), [1, 3, 4, 5, 6, 7, 8])
    np.testing.assert_array_equal(line.get_ydata(), [1, 2, np.nan, 3, np.nan, 4, 5])
    assert line.get_markevery() == [3]


def test_between_values_that_no_logarithm_has_a_point_is_a_dot() -> None:
    figure = plot_history([0.0, 1.0, -1.0, 2.0, 3.0], log=True)
    assert figure.axes[0].lines[0].get_markevery() == [1]
    png(figure)


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (ArgumentError, "no run to plot", lambda: plot_history({})),
        (ArgumentError, "No metric was recorded", lambda: plot_history(History())),
        (ArgumentError, "No metric was recorded", lambda: plot_history({"run 1": {}})),
        (
            ArgumentError,
            "'a' has metrics .* and 'b' has values only",
            lambda: plot_history({"a": {"loss": [1.0]}, "b": [1.0]}),
        ),
        (
            ShapeError,
            "run 1 has 2 of loss, 1 of accuracy",
            lambda: plot_history({"run 1": {"loss": [1.0, 2.0], "accuracy": [1.0]}}),
        ),
        (
            ShapeError,
            r"loss of run 1 has shape \(1, 1\)",
            lambda: plot_history({"run 1": {"loss": [[1.0]]}}),
        ),
        (DtypeError, "run 1 is not", lambda: plot_history({"run 1": ["low"]})),
        (
            ArgumentError,
            "log has 'cost', and the metrics are 'loss', 'accuracy'",
            lambda: plot_history({"a": {"loss": [1.0], "accuracy": [1.0]}}, log="cost"),
        ),
        (
            ArgumentError,
            "ylabel 'cost' fits one",
            lambda: plot_history({"a": {"loss": [1.0], "accuracy": [1.0]}}, ylabel="cost"),
        ),
    ],
)
def test_what_cannot_be_plotted(
    error: type[Exception], match: str, call: Callable[[], Figure]
) -> None:
    with pytest.raises(error, match=match):
        call()


def test_dollars_and_underscores_are_plain_text() -> None:
    png(plot_history({"$\\frac_a": [1.0], "_b": [2.0]}, title="$", ylabel="$x"))


def test_the_history_is_left_as_it_is() -> None:
    values = np.array([1.0, np.inf])
    plot_history(values)
    assert values[1] == np.inf


def test_shapes() -> None:
    with pytest.raises(ShapeError, match=r"run 2 has shape \(2, 1\)"):
        plot_history({"run 1": [1.0], "run 2": [[1.0], [2.0]]})


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "microtensor.viz.notebook_figure", raising=False)
    with pytest.raises(MissingDependencyError, match=r"pip install 'microtensor\[plot\]'"):
        plot_history([1.0])


def test_a_backend_that_does_not_exist() -> None:
    script = (
        "from microtensor.viz import plot_history\n"
        "from microtensor.errors import RenderError\n"
        "try: plot_history([1.0])\n"
        "except RenderError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"MPLBACKEND": "nonsense"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("matplotlib cannot be imported: ")
    assert "'nonsense'" in done.stdout


def test_no_display_and_no_pyplot(tmp_path: Path) -> None:
    script = (
        "import sys; from microtensor.viz import plot_history; "
        "plot_history([2.0, 1.0]).savefig('loss.png'); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"HOME": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "False\n"
    assert (tmp_path / "loss.png").stat().st_size > 0
