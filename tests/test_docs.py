"""Tests of docs/, as it is written; tests/site is about what MkDocs makes of it."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import microtensor as mt
from tests.test_layering import LAYERS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MADE = {"operations.md"}
"""Pages that are written when the documentation is built."""


def modules(module: ModuleType = mt) -> Iterator[ModuleType]:
    """Yield the package and the modules that are public names of it."""
    yield module
    for name in module.__all__:
        if isinstance(value := getattr(module, name), ModuleType):
            yield from modules(value)


PUBLIC = [
    *dict.fromkeys(modules()),
    *map(importlib.import_module, ["microtensor.compare", "microtensor.compile"]),
    importlib.import_module("microtensor.errors"),
]


def named(path: str) -> object:
    """Return what a path such as ``microtensor.nn.Linear`` means."""
    try:
        return importlib.import_module(path)
    except ImportError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)


def documented() -> Iterator[object]:
    """Yield what the reference has: a module's public names, or those that it lists."""
    for page in sorted((DOCS / "reference").glob("*.md")):
        for path, options in re.findall(r"(?m)^::: (.+)\n((?: +.+\n)*)", page.read_text("utf-8")):
            value = named(path)
            yield value
            if isinstance(value, ModuleType):
                members = re.search(r"members: \[(.*)\]", options)
                names = members[1].split(", ") if members else value.__all__
                yield from (getattr(value, name) for name in names)


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_every_public_name_is_in_the_reference(module: ModuleType) -> None:
    known = set(map(id, documented()))
    missing = [name for name in module.__all__ if id(getattr(module, name)) not in known]
    # Which of the two `mt.compare` is depends on who imported what.
    assert set(missing) <= ({"compare", "compile"} if module is mt else set())


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_every_public_name_says_what_it_is(module: ModuleType) -> None:
    assert [name for name in module.__all__ if not inspect.getdoc(getattr(module, name))] == []


def test_every_page_is_in_the_navigation() -> None:
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    navigation = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text("utf-8"))
    assert sorted(navigation) == sorted(pages | MADE)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_what_a_page_shows_is_a_value_of_its_examples(page: Path) -> None:
    text = page.read_text("utf-8")
    for mark in re.finditer(r"<!-- *show.*", text):
        found = re.fullmatch(r"<!-- show: (\w+).* -->", mark[0])
        assert found, f"{mark[0]}: <!-- show: value -->, alone on its line"
        assert re.search(rf"(?m)^>>> .*\b{found[1]}\b.* = ", text[: mark.start()]), mark[0]


def test_every_part_that_the_drawing_of_the_architecture_shows_exists() -> None:
    package = Path(str(mt.__file__)).parent
    parts = {part for part in LAYERS if not (package / part).is_dir()}
    assert [part for part in parts if not (package / f"{part}.py").is_file()] == []


def test_adding_an_operation_names_every_file_of_tests_that_its_case_runs_in() -> None:
    page = (DOCS / "how-it-works" / "adding-an-operation.md").read_text("utf-8")
    files = [path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")]
    driven = {
        path.as_posix()
        for path in files
        if re.search(r"(?m)^from tests\.cases import", (ROOT / path).read_text("utf-8"))
    }
    assert set(re.findall(r"(?m)^\| `(tests/.*\.py)` \|", page)) == driven
