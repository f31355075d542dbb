"""Tests of what is said of the examples: in their first lines, and in docs/examples.md."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.table_of_examples import PAGE, TOOK, docstring, filled, table

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
OF_EXTRAS = {"matplotlib": "plot", "safetensors": "io", "sklearn": "examples"}
BLOCKED = """
import runpy, sys

script, *absent = sys.argv[1:]

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
sys.argv = [script]
runpy.run_path(script, run_name="__main__")
"""

every = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


def named(script: Path) -> set[str]:
    """Return the extras that the first lines of a script name."""
    found = re.search(r"(?m)^    pip install '\.\[(.+)\]'$", docstring(script))
    return set(found[1].split(",")) if found else set()


def used(script: Path) -> Iterator[str]:
    """Yield the optional packages that a script uses, by itself or by a function of the library."""
    for node in ast.walk(ast.parse(script.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
            names = [alias.name for alias in node.names if node.module == "microtensor.viz"]
        elif isinstance(node, ast.Attribute):
            names = [node.attr] if ast.unparse(node.value) in ("mt", "mt.viz") else []
        else:
            names = []
        for name in names:
            if name.startswith("plot_"):
                yield "matplotlib"
            if name in ("save", "load"):
                yield "safetensors"


@every
def test_the_first_lines_say_what_a_script_shows_and_how_to_run_it(script: Path) -> None:
    first, *_ = docstring(script).split("\n\n")
    assert first.endswith(".")
    assert "\n" not in first
    (usage,) = re.findall(rf"(?m)^    python examples/{script.name}(.*)$", docstring(script))
    options = re.findall(r'add_argument\(\s*"(--\w+)"', script.read_text("utf-8"))
    assert re.findall(r"--\w+", usage) == options


@every
def test_the_first_lines_name_the_extras_that_a_script_needs(script: Path) -> None:
    needed = {OF_EXTRAS[package] for package in used(script) if package in OF_EXTRAS}
    assert named(script) == ({"examples"} if "examples" in needed else needed)


def test_the_extra_of_the_examples_has_what_they_use() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    assert "microtensor[plot,io]" in extras["examples"]
    assert any(requirement.startswith("scikit-learn") for requirement in extras["examples"])


@pytest.mark.parametrize(
    "script", [script for script in SCRIPTS if not named(script)], ids=lambda script: script.stem
)
def test_a_script_that_names_no_extra_runs_without_any(script: Path, tmp_path: Path) -> None:
    absent = [*OF_EXTRAS, "numba", "scipy", "onnx", "argcomplete"]
    command = [sys.executable, "-c", BLOCKED, str(script), *absent]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize(
    "script", [script for script in SCRIPTS if named(script)], ids=lambda script: script.stem
)
def test_a_script_whose_extra_is_missing_says_what_to_install(script: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", BLOCKED, str(script), *OF_EXTRAS]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"pip install 'microtensor[{','.join(sorted(named(script), reverse=True))}]'" in (
        done.stderr
    )


def test_every_example_is_in_the_table_and_was_timed() -> None:
    page = PAGE.read_text("utf-8")
    assert page == filled(page), "run: python -m tests.time_examples --table"
    listed = sorted(re.findall(r"(?m)^\| \[(\w+)\.py\]\(\.\./examples/\1\.py\)", page))
    assert listed == [script.stem for script in SCRIPTS]
    took = json.loads(TOOK.read_text("utf-8"))
    assert list(took) == listed
    for script in SCRIPTS:
        assert took[script.stem]["seconds"] > 0
        assert ("small" in took[script.stem]) == ("[--small]" in docstring(script))


def test_the_table_says_what_it_is_made_of() -> None:
    took = {"digits_cnn": {"seconds": 70.71, "small": 9.54}, "two_layer_network": {"seconds": 0.9}}
    cnn, plain = table(list(took), took).splitlines()[2:]
    assert cnn.startswith("| [digits_cnn.py](../examples/digits_cnn.py) | Read handwritten digits")
    assert cnn.endswith("| `examples` | 71\N{NO-BREAK SPACE}s | 9.5\N{NO-BREAK SPACE}s |")
    assert plain.endswith("| | 0.9\N{NO-BREAK SPACE}s | |")
