"""Tests of how a chapter becomes the cells of a notebook."""

from pathlib import Path
from typing import Any

import pytest

from tests.site.chapters import chapter, notebooks, sample


def converted(folder: Path, text: str) -> list[Any]:
    return list(notebooks.notebook(sample(folder, f"# A title\n\n{text}")).cells)


def sources(folder: Path, text: str) -> list[str]:
    """Return the cells after those that every notebook has, or what follows the title."""
    title, _, *others = (cell.source for cell in converted(folder, text))
    return [*filter(None, [title.removeprefix("# A title").strip()]), *others]


# Code


def test_examples_are_code_without_prompts_and_outputs(tmp_path: Path) -> None:
    text = "```python\n>>> x = 2\n>>> def f(a):\n...     return a\n\n>>> f(x)\n2\n\n```\n"
    assert sources(tmp_path, text) == ["x = 2\ndef f(a):\n    return a\n\nf(x)"]


def test_a_cell_ends_where_something_is_shown(tmp_path: Path) -> None:
    text = "```python\n>>> x = 2\n>>> x\n2\n>>> print(x)\n2\n>>> y = x\n\n```\n"
    assert sources(tmp_path, text) == ["x = 2\nx", "print(x)", "y = x"]


def test_what_only_doctest_reads_is_left_out(tmp_path: Path) -> None:
    text = "```python\n>>> x()  # doctest: +ELLIPSIS\n1...\n>>> y = 1  # why\n\n```\n"
    assert sources(tmp_path, text) == ["x()", "y = 1  # why"]


def test_an_error_is_expected(tmp_path: Path) -> None:
    text = (
        "```python\n>>> 1 / 0\nTraceback (most recent call last):\nZeroDivisionError: no\n\n```\n"
    )
    *_, cell = converted(tmp_path, text)
    assert (cell.source, cell.metadata.tags) == ("1 / 0", ["raises-exception"])


def test_code_that_is_no_example_is_text(tmp_path: Path) -> None:
    text = "```sh\npip install $X [a](b)\n\n>>> no\n```\n"
    assert sources(tmp_path, text) == [text.strip()]


def test_what_is_shown_is_the_last_line_of_the_code_that_makes_it(tmp_path: Path) -> None:
    text = "```python\n>>> x = draw()\n\n```\n\n<!-- show: x -->\n\ntext\n\n<!-- show: x.y() -->\n"
    assert sources(tmp_path, text) == ["x = draw()\nx", "text", "x.y()"]


def test_code_that_shows_something_already_is_not_joined(tmp_path: Path) -> None:
    text = "```python\n>>> x\n2\n\n```\n\n<!-- show: x -->\n"
    assert sources(tmp_path, text) == ["x", "x"]


def test_formulas_that_are_shown_are_formulas(tmp_path: Path) -> None:
    assert sources(tmp_path, "<!-- show: program.latex -->\n") == [
        "from IPython.display import Math\n\nMath(program.latex)"
    ]


def test_matplotlibs_own_figures_are_shown_too(tmp_path: Path) -> None:
    text = "```python\n>>> from matplotlib.figure import Figure\n>>> figure = Figure()\n\n```\n"
    assert sources(tmp_path, text)[0].startswith("%matplotlib inline\nfrom matplotlib")


# Text


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Some `code`, *more*.\nA line.", "Some `code`, *more*.\nA line."),
        ("- one\n- two\n    - three", "- one\n- two\n    - three"),
        ("| a | b |\n|---|---|\n| `x` | 2 |", "| a | b |\n|---|---|\n| `x` | 2 |"),
        ("$x_1$ and `$y$`", "$x_1$ and `$y$`"),
        (r"\(x\) and \[y\]", "$x$ and $$y$$"),
        ("$$\\frac{a}{b}\n= c$$", "$$\\frac{a}{b}\n= c$$"),
        ("it costs \\$5", "it costs \\$5"),
        ("[text](https://example.org/a_b)", "[text](https://example.org/a_b)"),
        ("[other](../other.md#with-code-more)", "[other](../other.md#with-code-more)"),
        ("[a\nb](2-next.md)", "[a\nb](2-next.ipynb)"),
        ("[x](2-next.md#with-code-more)", "[x](2-next.ipynb#With-code:-more)"),
        ("[x](index.md)", "[x](../course/index.md)"),
        ("[x](#a-title)", "[x](#A-title)"),
        ("[`explore`][microtensor.viz.explore]", "`mt.viz.explore`"),
        ("[`loss.backward()`][microtensor.Tensor.backward]", "`loss.backward()`"),
        ("[the check][microtensor.autograd.gradcheck]", "the check (`mt.autograd.gradcheck`)"),
        ("[`microtensor.compare`][]", "`mt.compare`"),
        ('!!! note "A `b`"\n\n    Text.\n\n    - item', "> **A `b`**\n>\n> Text.\n>\n> - item"),
        ("!!! warning\n    Text.", "> **Warning**\n>\n> Text."),
    ],
)  # fmt: skip
def test_text(tmp_path: Path, written: str, expected: str) -> None:
    assert sources(tmp_path, written) == [expected]


def test_a_heading_begins_a_cell(tmp_path: Path) -> None:
    assert sources(tmp_path, "text\n\n## One {#x}\ntext\n\n### Two\n\n[to](#x)") == [
        "text",
        "## One\ntext",
        "### Two\n\n[to](#One)",
    ]


def test_a_solution_is_folded(tmp_path: Path) -> None:
    text = (
        '??? success "A solution"\n\n    Why.\n\n    ```python\n    >>> x\n    2\n\n    ```\n\n'
        "    And so.\n\nAfter it.\n"
    )
    *_, why, code, so, after = converted(tmp_path, text)
    assert why.source.startswith("<details>\n<summary><b>A solution</b></summary>\n\nWhy.\n\n*The")
    assert code.source == "# A solution\nx"
    assert code.metadata == {"jupyter": {"source_hidden": True}, "tags": ["solution"]}
    assert "<b>A solution, continued</b></summary>\n\nAnd so.\n\n</details>" in so.source
    assert after.source == "After it."
    assert after.metadata == {}


def test_a_solution_of_code_alone_says_where_it_is(tmp_path: Path) -> None:
    *_, why, code = converted(
        tmp_path, '??? success "A"\n    ```python\n    >>> x\n    2\n\n    ```'
    )
    assert chapter.HINT in why.source
    assert code.source == "# A\nx"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("text\n\nsome <b>HTML</b>", "1-sample.md:5: HTML"),
        ("<!-- architecture -->", "a comment"),
        ("a <!-- show: x -->", "a comment"),
        ("- a list\n\n    ```python\n    >>> x\n\n    ```", "1-sample.md:5: a fence that does not"),
        (">>> x\n2", "an example outside of a fence"),
        ("```python\n>>> x  # doctest: +SKIP\n\n```", "1-sample.md:4: an example that is skipped"),
        ("```python\n>>> x\n", "1-sample.md:3: a fence that is not closed"),
        ("```python\n>>> x\n\n  text\n```", "1-sample.md:4: 'text"),
        ("a[^1]", "a footnote"),
        ("text { .class }", "attributes in braces"),
        ("::: microtensor.viz", "a directive"),
        ('=== "Tab"\n\n    text', "a block"),
        ("??? success A solution", "a block"),
        ("term\n\n: definition", "a list of definitions"),
        ("costs $5", "a dollar that begins no formula"),
        ("![x](y.png)", "a picture from a file"),
        ("[x](nowhere.md)", "a link to nowhere.md, where no file is"),
        ("a\n[x](2-next.md#nowhere)", "1-sample.md:4: a link to #nowhere, which is no heading of"),
        ("[x][numpy.sum]", "a link to 'numpy.sum', which is no name of the library"),
        ('!!! note "x"\n\n    ```python\n    >>> x\n\n    ```', "a note with examples"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_an_error_with_its_line(
    tmp_path: Path, written: str, said: str
) -> None:
    with pytest.raises(chapter.ConversionError) as caught:
        converted(tmp_path, written)
    assert said in str(caught.value)
