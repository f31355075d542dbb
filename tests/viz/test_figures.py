"""Tests of microtensor.viz.figures."""

import io

import matplotlib.image as image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from microtensor.viz import plot_history
from microtensor.viz.figures import looks


def test_a_notebook_shows_a_figure_in_its_size() -> None:
    figure = plot_history({"a": [1.0, 0.5]})
    png, size = figure._repr_png_()
    assert png.startswith(b"\x89PNG")
    height, width, _ = image.imread(io.BytesIO(png)).shape
    assert width == pytest.approx(1.5625 * size["width"], abs=1)  # 150 dots an inch, of 96 pixels
    assert height == pytest.approx(1.5625 * size["height"], abs=1)


@pytest.mark.parametrize("number", [1, 6, 12, 13, 24, 100])
def test_no_two_lines_look_the_same(number: int) -> None:
    made = list(looks(number))
    assert len({(str(look.color), look.linestyle) for look in made}) == len(made) == number


@pytest.mark.parametrize("number", [6, 12, 24])
def test_lines_that_follow_each_other_differ_in_dashes_too(number: int) -> None:
    dashes = [look.linestyle for look in looks(number)]
    assert all(dashes[i] != dashes[i + 1] for i in range(number - 1))


def test_the_colours_of_many_lines_go_from_dark_to_light() -> None:
    # Rec. 709 luminance of linearised sRGB, as WCAG 2 defines it.
    def luminance(color: object) -> float:
        rgb = np.array(to_rgb(color))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    shades = [luminance(look.color) for look in looks(24)]
    assert shades == sorted(shades)


def test_the_legend_shows_lines_and_no_dots() -> None:
    figure = plot_history({"a": [1.0], "b": [1.0, 2.0]})
    assert figure.axes[0].lines[0].get_marker() == "o"
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [line.get_marker() for line in legend.get_lines()] == ["", ""]


def test_labels_that_a_neighbour_repeats_are_dropped() -> None:
    figure = plot_history({"run": {f"metric {i}": [1.0, 2.0] for i in range(5)}})
    figure.savefig(io.BytesIO(), format="png")
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "", *["iteration"] * 3]
