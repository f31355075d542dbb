"""Tests of the notebooks: how they are made, and that those in docs/notebooks are true.

A notebook is true if its chapter becomes it, and if it shows what it is stored with when it runs.
"""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.site.chapters import chapter, notebooks, sample
from tests.site.outputs import difference

CHAPTERS = notebooks.chapters()
LARGEST = 1_500_000


def run(page: Path) -> Any:
    (made,) = notebooks.run([notebooks.notebook(page)])
    return made


# The notebook


def test_it_is_valid_and_says_where_it_is_from(tmp_path: Path) -> None:
    text = "# A title\n\n```python\n>>> 1\n1\n\n```\n\n## Part\n\n## Part\n"
    made = notebooks.notebook(sample(tmp_path, text))
    nbformat.validate(made)
    assert made.metadata.kernelspec.name == "python3"
    assert "(../course/1-sample.md)" in made.cells[1].source
    assert [cell.id for cell in made.cells] == [
        "a-title-1", "a-title-2", "a-title-3", "part-1", "part-2"
    ]  # fmt: skip


TREE = """# Shown

```python
>>> import tempfile
>>> from pathlib import Path
>>> import microtensor as mt
>>> w = mt.tensor([1.0, 2.0], requires_grad=True)
>>> loss = (w * w).sum()
>>> path = mt.viz.explore(loss, Path(tempfile.mkdtemp()) / "page.html")

```

<!-- show: path -->

```python
>>> Path("left.txt").write_text("here")
4
>>> comparison = mt.compare(loss, {w: -2 * w.numpy()})
>>> print(comparison)
gradient of ...
>>> loss.backward()
>>> loss.backward()
Traceback (most recent call last):
    ...
microtensor.errors.ReleasedGraphError: ...

```

<!-- show: mt.derive(lambda w: (w * w).sum(), w).latex -->

```python
>>> figure = mt.viz.plot_history([2.0, 1.0])

```

<!-- show: figure -->

<!-- show: comparison -->

<!-- show: mt.viz.draw(loss) -->
"""


def test_it_runs_in_a_folder_of_its_own_and_shows_everything(tmp_path: Path) -> None:
    page = sample(tmp_path, TREE)
    before = set(Path.cwd().iterdir())
    made = run(page)
    assert notebooks.complaints(page, made) == []
    assert set(Path.cwd().iterdir()) == before
    outputs = [output for cell in made.cells for output in cell.get("outputs", ())]
    assert [sorted(output.get("data", {output.output_type: 0})) for output in outputs] == [
        ["text/html", "text/plain"],
        ["text/plain"],
        ["stream"],
        ["error"],
        ["text/latex", "text/plain"],
        ["image/png", "text/plain"],
        ["text/html", "text/plain"],
        ["image/png", "image/svg+xml", "text/plain"],
    ]
    assert outputs[0].data["text/html"].startswith("<iframe srcdoc=")
    assert "&quot;file&quot;:&quot;In[1]&quot;" in outputs[0].data["text/html"]
    assert "1 step is wrong: w." in outputs[2].text
    assert len(outputs[3].traceback) == 1
    assert outputs[0].data["text/plain"] == "ShownPage('/tmp/page.html')"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```python\n>>> x = 1\n\n```\n\n<!-- show: x -->\n", ":4: no picture is shown"),
        ("```python\n>>> None\n1\n\n```\n", ":4: nothing is shown, where the chapter has '1\\n'"),
        ("```python\n>>> import warnings\n>>> warnings.warn('w')\n\n```\n", ":4: a warning"),
        (
            "```python\n>>> print(1)\nTraceback (most recent call last):\nValueError: x\n\n```\n",
            ":4: nothing is raised",
        ),
    ],
)
def test_what_a_reader_would_not_see_is_said(tmp_path: Path, text: str, said: str) -> None:
    page = sample(tmp_path, f"# T\n\n{text}")
    found = notebooks.complaints(page, run(page))
    assert said in "\n".join(found)


def test_an_error_that_the_chapter_does_not_have_is_said(tmp_path: Path) -> None:
    page = sample(tmp_path, "# T\n\n```python\n>>> y = 1 / 0\n\n```\n")
    with pytest.raises(notebooks.NotebookError, match="ZeroDivisionError"):
        run(page)


# Those in docs/notebooks


def stored(page: Path) -> Any:
    path = notebooks.target(page)
    assert path.is_file(), f"{page.name} has no notebook: run `{notebooks.COMMAND}`"
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope="module")
def ran() -> dict[Path, Any]:
    return dict(zip(CHAPTERS, notebooks.run(list(map(stored, CHAPTERS))), strict=True))


def test_there_is_one_for_each_chapter_and_no_other() -> None:
    there = sorted(path.name for path in notebooks.NOTEBOOKS.glob("*.ipynb"))
    assert there == sorted(notebooks.target(page).name for page in CHAPTERS)


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_it_is_what_its_chapter_becomes(page: Path) -> None:
    def told(notebook: Any) -> list[Any]:
        return [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]

    changed = told(stored(page)) != told(notebooks.notebook(page))
    assert not changed, f"{page.name} is not what its notebook has: run `{notebooks.COMMAND}`"


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_it_shows_when_it_runs_what_it_is_stored_with(page: Path, ran: dict[Path, Any]) -> None:
    assert notebooks.complaints(page, ran[page]) == []
    first, *others = chapter.cells(page)
    wants = [first.want, None, *(cell.want for cell in others)]
    for want, before, after in zip(wants, stored(page).cells, ran[page].cells, strict=True):
        assert difference(before.get("outputs", []), after.get("outputs", []), want) is None


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_it_is_small_valid_and_of_no_machine(page: Path) -> None:
    path = notebooks.target(page)
    nbformat.validate(stored(page))
    assert path.stat().st_size < LARGEST
    text = path.read_text("utf-8")
    assert not re.search(r"/home/|/root/|ipykernel_|site-packages", text)
    assert not re.search(r'(src|href)=[\\"&quot;]*https?:', text)  # nothing is loaded
    assert notebooks.complaints(page, stored(page)) == []


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_its_chapter_links_to_it(site: Path, page: Path) -> None:
    name = notebooks.target(page).name
    text = (site / "course" / f"{page.stem}.html").read_text("utf-8")
    assert re.search(rf'<a download="{name}" href="\.\./notebooks/{name}">', text)
    assert (site / "notebooks" / name).read_bytes() == notebooks.target(page).read_bytes()
