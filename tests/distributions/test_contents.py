"""Tests of the sdist and the wheel that are in the folder DIST, where `.ci/run` builds them."""

import email
import os
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path

import pytest

import microtensor

if "DIST" not in os.environ:
    pytest.skip("DIST names no folder of distributions", allow_module_level=True)

DIST = Path(os.environ["DIST"])
NAME = f"microtensor-{microtensor.__version__}"
INFO = f"{NAME}.dist-info"


@pytest.fixture(scope="module")
def wheel() -> dict[str, bytes]:
    """Return the wheel's files by their paths."""
    with zipfile.ZipFile(DIST / f"{NAME}-py3-none-any.whl") as file:
        return {name: file.read(name) for name in file.namelist()}


@pytest.fixture(scope="module")
def sdist() -> dict[str, bytes]:
    """Return the sdist's files by their paths in its folder."""
    with tarfile.open(DIST / f"{NAME}.tar.gz") as file:
        members = [member for member in file.getmembers() if member.isfile()]
        assert {member.name.partition("/")[0] for member in members} == {NAME}
        return {
            member.name.partition("/")[2]: opened.read()
            for member in members
            if (opened := file.extractfile(member)) is not None
        }


@pytest.fixture(scope="module")
def metadata(wheel: dict[str, bytes]) -> Message:
    return email.message_from_bytes(wheel[f"{INFO}/METADATA"])


def test_nothing_else_is_there() -> None:
    assert {path.name for path in DIST.iterdir()} == {
        f"{NAME}.tar.gz",
        f"{NAME}-py3-none-any.whl",
    }


def test_the_wheel_is_the_package_and_no_more(
    wheel: dict[str, bytes], sdist: dict[str, bytes]
) -> None:
    package = {name: data for name, data in sdist.items() if name.startswith("microtensor/")}
    assert {name: data for name, data in wheel.items() if not name.startswith(INFO)} == package
    assert {name.removeprefix(f"{INFO}/") for name in wheel if name.startswith(INFO)} == {
        "METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE",
    }  # fmt: skip


def test_the_package_is_that_of_the_checkout(wheel: dict[str, bytes]) -> None:
    root = Path(microtensor.__file__).parent
    files = {
        path.relative_to(root.parent).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name: data for name, data in wheel.items() if not name.startswith(INFO)} == files


@pytest.mark.parametrize(
    "path",
    [
        "microtensor/py.typed",
        "microtensor/functions.pyi",
        "microtensor/viz/explorer/page.html",
    ],
)
def test_what_is_no_python_is_in_the_wheel(wheel: dict[str, bytes], path: str) -> None:
    assert path in wheel


def test_the_sdist_can_be_tested(sdist: dict[str, bytes]) -> None:
    for path in (
        "CHANGELOG.md", "LICENSE", "README.md", "docs/index.md", "mkdocs.yml",
        "examples/two_layer_network.py", "pyproject.toml", "tests/conftest.py",
        "tests/typing/wrong.py", "tests/benchmarks/__main__.py",
    ):  # fmt: skip
        assert path in sdist
    assert [name for name in sdist if "__pycache__" in name or name.startswith("site/")] == []


def test_metadata(metadata: Message, wheel: dict[str, bytes], sdist: dict[str, bytes]) -> None:
    project = tomllib.loads(sdist["pyproject.toml"].decode())["project"]
    assert metadata["Name"] == project["name"]
    assert metadata["Version"] == microtensor.__version__
    assert metadata["Summary"] == project["description"]
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata["Requires-Python"] == project["requires-python"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_all("Classifier") == project["classifiers"]
    assert set(metadata.get_all("Provides-Extra", [])) == set(project["optional-dependencies"])
    assert b"microtensor = microtensor.cli:main" in wheel[f"{INFO}/entry_points.txt"]
    assert wheel[f"{INFO}/licenses/LICENSE"] == sdist["LICENSE"]
    assert b"MIT License" in sdist["LICENSE"]
