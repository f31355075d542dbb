"""Tests of the pages that MkDocs made."""

import html
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from mkdocstrings import Inventory

from tests.site.html import Document
from tests.test_docs import PUBLIC
from tests.test_layering import LAYERS

ELSEWHERE = re.compile(r"\s*(?:[a-z]+:)?//", re.IGNORECASE)


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Document]:
    return {path.relative_to(site).as_posix(): Document(path) for path in site.rglob("*.html")}


def test_there_is_a_page_for_each_file(site: Path, pages: dict[str, Document]) -> None:
    assert {"index.html", "operations.html", "drawings.html", "reference/func.html"} <= set(pages)
    assert not list(site.rglob("*.py"))


def test_nothing_is_loaded_from_another_host(pages: dict[str, Document]) -> None:
    elsewhere = {
        (name, address)
        for name, page in pages.items()
        for address in page.loaded
        if ELSEWHERE.match(address)
    }
    assert elsewhere == set()
    assert sum(len(page.loaded) for page in pages.values()) > len(pages)


def test_no_style_loads_from_another_host(site: Path, pages: dict[str, Document]) -> None:
    styles = {name: page.styles for name, page in pages.items()}
    styles |= {path.name: path.read_text("utf-8") for path in site.rglob("*.css")}
    pattern = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')]*)""")
    assert {name: found for name, text in styles.items() if (found := pattern.findall(text))} == {}
    assert any("url(" in text for text in styles.values())


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_every_public_name_can_be_linked_to(site: Path, module: ModuleType) -> None:
    with (site / "objects.inv").open("rb") as file:
        inventory = Inventory.parse_sphinx(file)
    names = [name for name in module.__all__ if not isinstance(getattr(module, name), ModuleType)]
    paths = {f"{module.__name__}.{name}" for name in names}
    # A package that passes for its function is a page, and its function is on it.
    assert paths - set(inventory) <= {"microtensor.compare", "microtensor.compile"}


def test_functions_made_from_the_table_have_their_signature(pages: dict[str, Document]) -> None:
    assert "microtensor.functions.exp" in pages["reference/functions.html"].ids


@pytest.mark.parametrize(
    ("page", "target"),
    [
        ("viz", "#microtensor.viz.render"),  # a file and a function of one name
        ("func", "autograd.html#microtensor.no_grad"),  # by the name alone
        ("optim", "tensor.html#microtensor.Tensor.backward"),  # a method of tensors
        ("viz", "errors.html#microtensor.errors.ArgumentError"),  # what is raised
    ],
)
def test_names_in_docstrings_are_links(site: Path, page: str, target: str) -> None:
    text = (site / f"reference/{page}.html").read_text("utf-8")
    described = re.findall(r'<a class="autorefs autorefs-internal"[^>]* href="([^"]*)"', text)
    assert target in described


def test_no_markup_is_left(pages: dict[str, Document]) -> None:
    left = re.compile(r":\w+:`|`[^`\n]+`|^>>> |\{py:|```|^:::|<!--|\*\*\w|\$\w+\$", re.MULTILINE)
    reading = {name: page.prose for name, page in pages.items() if not name.startswith("pictures/")}
    assert {name: found for name, text in reading.items() if (found := left.findall(text))} == {}


def test_pictures_are_made(pages: dict[str, Document]) -> None:
    drawn = re.findall("<!-- show: ", Path("docs/drawings.md").read_text("utf-8"))
    assert [
        id for id in pages["drawings.html"].ids if re.fullmatch(r"drawings-\d+-graph0", id)
    ] == [f"drawings-{number}-graph0" for number in range(1, len(drawn) + 1)]
    assert "math" in pages["programs.html"].tags
    assert "pictures/explorer-1.html" in pages


def test_the_architecture_is_drawn_with_every_part(site: Path) -> None:
    text = (site / "how-it-works" / "architecture.html").read_text("utf-8")
    drawing = text[text.index("<svg", text.index('class="picture"')) :].partition("</svg>")[0]
    shown = set(re.findall(r">(\w+)</text>", drawing))
    parts = {part for part in LAYERS if not part.startswith("__")}
    assert shown >= parts
    assert [part for part in parts if not re.search(rf"<code>{part}(\.py|/)</code>", text)] == []


def test_benchmarks_are_the_figures_of_the_file(site: Path, pages: dict[str, Document]) -> None:
    text = (site / "benchmarks.html").read_text("utf-8")
    shown = re.findall(
        r"<td>(?:<strong>)?([^<]+)(?:</strong>)?</td>\n<td[^>]*>([\d,.]+)</td>", text
    )
    for by_threads in json.loads(Path("docs/benchmarks.json").read_text("utf-8")).values():
        for entry in by_threads.values():
            assert entry["commit"] in text
            assert f"<code>{entry['command']}</code>" in text
            for row in (row for table in entry["tables"] for row in table["rows"]):
                if isinstance(row, dict):
                    times = [float(x.replace(",", "")) for name, x in shown if name == row["name"]]
                    assert pytest.approx(row["microseconds"], rel=0.006) in times
    assert "svg" in pages["benchmarks.html"].tags


def test_every_example_has_a_page_with_its_code(site: Path) -> None:
    listed = (site / "examples.html").read_text("utf-8")
    for script in Path("examples").glob("*.py"):
        assert f'href="examples/{script.stem}.html">{script.name}</a>' in listed
        page = (site / "examples" / f"{script.stem}.html").read_text("utf-8")
        shown = html.unescape(re.sub(r"<[^>]+>", "", page[page.index('<div class="highlight">') :]))
        assert script.read_text("utf-8").rstrip() in shown


def test_no_id_is_there_twice(pages: dict[str, Document]) -> None:
    twice = {
        name: {id for id in page.ids if page.ids.count(id) > 1}
        for name, page in pages.items()
        if len(set(page.ids)) < len(page.ids)
    }
    assert twice == {}
