"""The scripts of examples/, imported for tests, and what several of these tests ask."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

__all__ = ["imported", "is_picture", "of"]

EXAMPLES = Path(__file__).parents[1] / "examples"


def of(*names: str) -> pytest.MarkDecorator:
    """Give a test each of these as its `example`."""
    return pytest.mark.parametrize("example", names, indirect=True)


def imported(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)  # where dataclasses look
    spec.loader.exec_module(module)
    return module


def is_picture(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG")
