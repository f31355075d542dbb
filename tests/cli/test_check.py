"""Tests of `microtensor check`."""

import importlib.metadata
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microtensor
from microtensor.cli import check
from microtensor.viz import drawing

from .conftest import Run

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_what_is_installed(run: Run) -> None:
    done = run("check")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"microtensor {microtensor.__version__}, Python ")
    assert f"NumPy {np.__version__}" in done.out
    assert done.out.count("works") == 3 + 1  # "The core works."
    assert f"matplotlib {importlib.metadata.version('matplotlib')}" in done.out


def test_the_extras_are_those_of_the_package() -> None:
    project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    not_parts = {"all", "examples", "test", "docs", "lint", "dist"}
    assert {extra.name: list(extra.requirements) for extra in check.EXTRAS} == {
        name: requirements for name, requirements in extras.items() if name not in not_parts
    }
    together = ",".join(extra.name for extra in check.EXTRAS)
    assert extras["all"] == [f"microtensor[{together}]"]


def test_an_extra_that_is_not_installed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    done = run("check")
    assert done.status == 0
    for name in ("plot", "jit", "io", "onnx", "completion"):
        assert f"pip install 'microtensor[{name}]'" in done.out


def test_an_extra_that_is_old_or_broken(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.10.1rc2")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = run("check")
    assert done.status == 0
    text = " ".join(done.out.split())
    assert "onnx 0.10.1rc2 is too old" in text
    assert "matplotlib cannot be" in text


def test_a_core_that_does_not_work(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> Any:
        raise drawing.RenderError("no layout")

    monkeypatch.setattr(drawing, "laid_out", refuse)
    done = run("check")
    assert done.status == 1
    assert "RenderError: no layout" in done.out
    assert "The core does not work." in done.out
    done = run("check", "--debug")
    assert done.status == 1
    assert "Traceback" in done.err


def test_a_wrong_gradient_is_found(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from microtensor.tutorials import two_layer

    right = two_layer.HandDerived.gradients
    monkeypatch.setattr(
        two_layer.HandDerived, "gradients", lambda self: [2 * g for g in right(self)]
    )
    done = run("check")
    assert done.status == 1
    assert "FAILS" in done.out


def test_a_wrong_result_of_a_program_is_found(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microtensor, "compile", lambda function: lambda x: microtensor.tensor(0.0))
    done = run("check")
    assert done.status == 1
    assert "a compiled function gives another result" in " ".join(done.out.split())
