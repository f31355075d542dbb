"""Skips everything here where PyTorch is missing; with REQUIRE_TORCH in the environment, fails."""

import importlib.util
import os

import numpy as np
import pytest

collect_ignore_glob = []

if importlib.util.find_spec("torch") is None:
    if os.environ.get("REQUIRE_TORCH"):
        raise pytest.UsageError("REQUIRE_TORCH is set, and PyTorch is not installed.")
    collect_ignore_glob = ["*.py"]


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have layers that are given no generator draw the same initial values in every run."""
    default_rng = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed=0: default_rng(seed))
