"""Tests of tests.site.outputs: what counts as another output, and what does not."""

import base64
from typing import Any

import nbformat
import pytest

from tests.site.outputs import difference


def output(**data: Any) -> Any:
    kinds = {"plain": "text/plain", "html": "text/html", "svg": "image/svg+xml"}
    return nbformat.from_dict(
        {"output_type": "display_data", "data": {kinds[k]: v for k, v in data.items()}}
    )


def image(svg: str) -> Any:
    data = base64.b64encode(svg.encode()).decode()
    return output(html=f'<img src="data:image/svg+xml;base64,{data}">')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (output(plain="0.3333333333"), output(plain="0.3333333334")),
        (output(plain="[1e-17, 2]"), output(plain="[0, 2]")),
        (output(plain="a 1"), output(plain="a   1")),
        (output(html="exactly this array;"), output(html="this array to 1.2e-16;")),
        (output(html="<b>exact</b> 0"), output(html="<b>close</b> 2e-16")),
        (output(svg="<svg><text x='1'>w</text></svg>"), output(svg="<svg><text>w</text></svg>")),
        (image("<svg><text>w</text></svg>"), image("<svg><text>w</text>\n</svg>")),
    ],
)  # fmt: skip
def test_rounding_and_layout_are_no_difference(before: Any, after: Any) -> None:
    assert difference([before], [after]) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (output(plain="0.3333"), output(plain="0.3334")),
        (output(plain="1"), output(plain="-1")),
        (output(plain="1 2"), output(plain="1")),
        (output(plain="a"), output(plain="b")),
        (output(plain="a"), output(html="a")),
        (output(html="<b>exact</b>"), output(html="<b>wrong</b>")),
        (output(svg="<svg><text>w</text></svg>"), output(svg="<svg><text>v</text></svg>")),
        (image("<svg><text>w</text></svg>"), image("<svg><text>v</text></svg>")),
    ],
)  # fmt: skip
def test_another_value_or_label_is_one(before: Any, after: Any) -> None:
    assert difference([before], [after]) is not None
    assert difference([before], []) is not None


def test_where_the_chapter_allows_anything_so_is_it_here() -> None:
    before, after = output(plain="took 1.5 s"), output(plain="took 2.5 s")
    assert difference([before], [after]) is not None
    assert difference([before], [after], "took ... s\n") is None
    assert difference([before], [output(plain="took long")], "took ... s\n") is not None
