"""README.md's pictures, links and commands; its examples run as doctests of their own."""

import doctest
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

import microtensor as mt

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def texts(svg: str) -> Counter[str]:
    """Return what a drawing says, and how often."""
    root = ET.fromstring(svg)
    return Counter(
        text for each in root.iter("{http://www.w3.org/2000/svg}text") for text in each.itertext()
    )


def test_the_graph_is_that_of_the_examples(tmp_path: Path) -> None:
    shown = ROOT / "docs/readme/graph.svg"
    before = README.partition("## What is wrong")[0]
    examples = doctest.DocTestParser().get_doctest(before, {}, "README", "README.md", 0)
    doctest.DebugRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples, clear_globs=False)
    drawn = mt.viz.render(examples.globs["drawing"], tmp_path / "graph.svg")
    assert texts(shown.read_text("utf-8")) == texts(drawn.read_text("utf-8")), (
        "run: python docs/readme/make.py"
    )
    assert texts(drawn.read_text("utf-8"))["layer1 = sigmoid"] == 1


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", README))
def test_a_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize("language", re.findall(r"(?m)^```(.*)\n(?s:.*?)^```$", README))
def test_a_block_is_an_example_or_a_command(language: str) -> None:
    assert language in {"python", "sh"}


@pytest.mark.parametrize("code", re.findall(r"(?ms)^```python\n(.*?)^```$", README))
def test_a_block_of_python_is_an_example_that_runs(code: str) -> None:
    assert code.startswith(">>> ")
    assert code.endswith("\n\n")
