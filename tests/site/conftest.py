"""The documentation, built once: skipped where MkDocs is missing; with REQUIRE_MKDOCS, it fails.

SITE names one that is built already.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chromium import driver as driver

ROOT = Path(__file__).parents[2]

collect_ignore_glob = []

if importlib.util.find_spec("mkdocs") is None:
    if os.environ.get("REQUIRE_MKDOCS"):
        raise pytest.UsageError("REQUIRE_MKDOCS is set, and MkDocs is not installed.")
    collect_ignore_glob = ["*.py"]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if built := os.environ.get("SITE"):
        return Path(built)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder
