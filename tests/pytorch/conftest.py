"""Skips everything here where PyTorch is missing; with REQUIRE_TORCH in the environment, fails."""

import importlib.util
import os

import pytest

collect_ignore_glob = []

if importlib.util.find_spec("torch") is None:
    if os.environ.get("REQUIRE_TORCH"):
        raise pytest.UsageError("REQUIRE_TORCH is set, and PyTorch is not installed.")
    collect_ignore_glob = ["*.py"]
