"""``import microtensor`` against ``import numpy``, each in a fresh interpreter."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import Any

from .tables import listing, verdict

GOAL = 30.0
"""Milliseconds."""


# Compiled files are kept between imports, whatever this process was told.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def seconds(statement: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=ENVIRONMENT)
    return time.perf_counter() - began


def run(rounds: int) -> list[dict[str, Any]]:
    differences, numpy = [], []
    seconds("import microtensor")
    for _ in range(max(rounds, 10)):
        numpy.append(seconds("import numpy"))
        differences.append(seconds("import microtensor") - numpy[-1])
    more = statistics.median(differences) * 1e3
    rows = [
        ("a process that imports numpy", statistics.median(numpy) * 1e3, ""),
        ("microtensor in its place takes longer by", more, verdict(more, GOAL)),
    ]
    return [listing("Import", ("", "ms (median)", f"goal: {GOAL:g} ms"), rows)]
