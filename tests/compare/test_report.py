"""The report of a comparison: as text, in a terminal, as HTML, as data."""

from __future__ import annotations

import builtins
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import microtensor as mt
from microtensor.compare import Comparison, report

X = np.array([[0.5, -1.0], [1.5, 0.3], [0.2, 0.9]])
T = np.array([[1.0], [0.0], [1.0]])


def compared(**wrong: Any) -> Comparison:
    """Compare a small network's gradients, of which some are multiplied by a number."""
    W = mt.tensor([[0.1], [-0.4]], requires_grad=True)
    z = X @ W
    a = mt.sigmoid(z)
    loss = ((a - T) ** 2).sum()
    da = wrong.get("da", 1) * 2 * (a.numpy() - T)
    dz = wrong.get("dz", 1) * da * a.numpy() * (1 - a.numpy())
    dW = wrong.get("dW", 1) * X.T @ dz
    return mt.compare(loss, {a: da, z: dz, W: dW})


def test_a_right_comparison_is_a_table_and_a_sentence() -> None:
    assert str(compared()).split("\n\n")[1:] == ["All 3 gradients are right."]


def test_the_text_is_the_table_and_a_paragraph_for_each_mistake() -> None:
    text = str(compared(da=-1, dW=0.5))
    a = 1 / (1 + np.exp(-X @ [[0.1], [-0.4]]))
    da = 2 * (a - T)
    dz = da * a * (1 - a)
    dW = X.T @ dz
    assert text.splitlines()[:7] == [
        "gradient of   shape    status      largest difference",
        "─────────────────────────────────────────────────────",
        f"a             (3, 1)   wrong                  {np.abs(2 * da).max():.1e}",
        f"z             (3, 1)   inherited              {np.abs(2 * dz).max():.1e}",
        f"W             (2, 1)   wrong                  {np.abs(1.5 * dW).max():.1e}",
        "",
        "2 steps are wrong: a, W. 1 more is a consequence.",
    ]
    paragraphs = text.split("\n\n")[2:]
    assert [p.splitlines()[0] for p in paragraphs] == [
        "a: da has the wrong sign.",
        "W: dW is 0.5 times what it should be: a factor of 2 is missing.",
    ]
    assert "  Right: dW = np.array" not in text
    assert "  Right: dW = X.T @ dz\n  since: z = X @ W" in text


def test_the_numbers_of_the_table_are_those_of_the_arrays() -> None:
    for row in compared(dz=3.0).rows:
        assert row.max_difference == np.max(np.abs(row.hand - row.autograd))
        if row.status != "exact":
            assert f"{row.max_difference:.1e}" in str(compared(dz=3.0))


def test_mistakes_that_are_one_have_one_paragraph() -> None:
    a, b = (mt.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    s = a * b
    t = s * s
    loss = t.sum()
    da, db = -2 * s.data * b.data, -2 * s.data * a.data
    text = str(mt.compare(loss, {a: da, b: db}))
    assert "a, b: da has the wrong sign. The same is true of db." in text
    assert "give the gradient of t and s too" in text


def test_in_a_terminal_there_are_colours_and_elsewhere_none() -> None:
    out = io.StringIO()
    report.print_to(Console(file=out, force_terminal=True, color_system="standard"), compared(dW=2))
    assert "\x1b[1;31mwrong" in out.getvalue()
    plain = io.StringIO()
    compared(dW=2).show(plain)
    assert "\x1b" not in plain.getvalue()
    assert "\x1b" not in str(compared(dW=2))


def test_in_a_notebook_the_text_is_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = str(compared(dW=2))
    shell = type("ZMQInteractiveShell", (), {})  # by which rich knows a notebook
    monkeypatch.setattr(builtins, "get_ipython", shell, raising=False)
    assert Console().is_jupyter
    assert str(compared(dW=2)) == elsewhere
    compared(dW=2).show()
    assert "1 step is wrong: W." in capsys.readouterr().out


def test_a_narrow_terminal_keeps_every_name_and_status() -> None:
    out = io.StringIO()
    report.print_to(Console(file=out, width=40), compared(da=-1, dW=0.5))
    assert all(len(line) <= 40 for line in out.getvalue().splitlines())
    for word in ("inherited", "wrong", "(3, 1)", "sign"):
        assert word in out.getvalue()


class Tags(HTMLParser):
    """Collects the text of a fragment, and checks that its tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", 'a"b&c', "σ̂ ☃", "new\nline"])
def test_html_escapes_names(name: str) -> None:
    W = mt.tensor([1.0, 2.0], requires_grad=True, name=name)
    loss = (W * W).sum()
    html = mt.compare(loss, {W: [1.0, 2.0]})._repr_html_()
    parsed = Tags(html)
    assert parsed.open == []
    assert name in parsed.text
    assert "<script" not in html
    assert "a factor of 2 is missing" in parsed.text


def test_its_colours_are_read_on_light_and_on_dark() -> None:
    # Contrast as WCAG 2 defines it, which asks for 4.5, and for 3 of letters that are bold.
    def luminance(colour: str) -> float:
        rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    html = compared(da=2)._repr_html_() + compared()._repr_html_()
    colours = set(re.findall("color:(#[0-9a-f]{6})", html))
    assert len(colours) == 3
    for colour in colours:
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5
        assert (luminance(colour) + 0.05) / (luminance("#111111") + 0.05) >= 3


def test_machines_get_the_same() -> None:
    comparison = compared(da=-1, dW=0.5)
    data = json.loads(json.dumps(comparison.to_dict()))
    assert data["ok"] is False
    assert data["roots"] == ["a", "W"]
    assert [row["status"] for row in data["rows"]] == ["wrong", "inherited", "wrong"]
    assert data["rows"][2]["cause"]["factor"] == 0.5
    assert data["rows"][2]["step"] == "dW = X.T @ dz"


def test_a_difference_that_is_no_number_is_null() -> None:
    W = mt.tensor([1.0, 2.0], requires_grad=True)
    loss = (W * W).sum()
    (row,) = mt.compare(loss, {W: [2.0, np.nan]}).to_dict()["rows"]
    assert row["max_difference"] is None
    assert row["cause"]["index"] == [1]
    json.dumps(row, allow_nan=False)


def test_repr_is_short() -> None:
    assert repr(compared(dW=2)) == "<Comparison of 3 gradients: 1 step is wrong: W.>"
