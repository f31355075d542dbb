"""``import microtensor`` against ``import numpy``, each in a fresh interpreter."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from rich.table import Table

from .timing import console

REACH = 0.030


# Compiled files are kept between imports, whatever this process was told.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def seconds(statement: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=ENVIRONMENT)
    return time.perf_counter() - began


def run(rounds: int) -> None:
    differences, numpy = [], []
    seconds("import microtensor")
    for _ in range(max(rounds, 10)):
        numpy.append(seconds("import numpy"))
        differences.append(seconds("import microtensor") - numpy[-1])
    median = statistics.median(differences)
    table = Table(title="Import, whole process", title_justify="left")
    for heading in ("import numpy (median)", "import microtensor adds (median)", "reach", ""):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{statistics.median(numpy) * 1e3:.0f} ms",
        f"{median * 1e3:.1f} ms",
        f"≤ {REACH * 1e3:.0f} ms",
        "reached" if median <= REACH else "MISSED",
    )
    console.print(table)
    console.print()
