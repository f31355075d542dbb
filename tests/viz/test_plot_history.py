"""Tests of microtensor.viz.plot_history."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from microtensor.errors import MissingDependencyError, ShapeError
from microtensor.viz import plot_history


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
