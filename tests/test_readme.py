"""README.md's examples, pictures, links and commands."""

import doctest
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

import microtensor as mt

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"(?ms)^```pycon\n(.*?)^```$")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def examples(text: str) -> doctest.DocTest:
    """Return the examples of a part of the README.

    It shows a terminal as it is. For doctest, a blank line within output is marked, and output
    ends with one.
    """

    def marked(block: re.Match[str]) -> str:
        code = re.sub(r"(?m)^$(?=\n+(?!>>> )[^\n])", "<BLANKLINE>", block[1])
        return f"```pycon\n{code}\n```"

    return doctest.DocTestParser().get_doctest(
        BLOCK.sub(marked, text), {}, "README", "README.md", 0
    )


def test_the_examples_run_and_print_what_they_say() -> None:
    found = examples(README)
    said: list[str] = []
    failed, tried = doctest.DocTestRunner(optionflags=FLAGS).run(found, out=said.append)
    assert tried == README.count("\n>>> ")
    assert failed == 0, "".join(said)


def test_what_an_example_does_not_print_is_found() -> None:
    report = "gives a blank line\n\n2 steps are wrong"
    right = f"```pycon\n>>> print({report!r})\n{report}\n\n>>> 1\n1\n```\n"
    for text, failures in ((right, 0), (right.replace("\n2 steps", "\n1 step"), 1)):
        ran = doctest.DocTestRunner(verbose=False).run(examples(text), out=lambda _: None)
        assert ran == (failures, 2)


def texts(svg: str) -> Counter[str]:
    """Return what a drawing says, and how often."""
    root = ET.fromstring(svg)
    return Counter(
        text for each in root.iter("{http://www.w3.org/2000/svg}text") for text in each.itertext()
    )


def test_the_graph_is_that_of_the_examples(tmp_path: Path) -> None:
    shown = ROOT / "docs/readme/graph.svg"
    before = README.partition("## What is wrong")[0]
    found = examples(before)
    doctest.DebugRunner(optionflags=FLAGS).run(found, clear_globs=False)
    drawn = mt.viz.render(found.globs["drawing"], tmp_path / "graph.svg")
    assert texts(shown.read_text("utf-8")) == texts(drawn.read_text("utf-8")), (
        "run: python docs/readme/make.py"
    )
    assert texts(drawn.read_text("utf-8"))["layer1 = sigmoid"] == 1


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", README))
def test_a_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize("language", re.findall(r"(?m)^```(.*)\n(?s:.*?)^```$", README))
def test_a_block_is_an_example_or_a_command(language: str) -> None:
    assert language in {"pycon", "sh"}


@pytest.mark.parametrize("code", BLOCK.findall(README))
def test_a_block_of_python_is_an_example_that_runs(code: str) -> None:
    assert code.startswith(">>> ")
    assert "BLANKLINE" not in code
