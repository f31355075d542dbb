"""The file of figures: what was measured, when, where, of which commit, and by which command."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from microtensor.files import write_whole

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "benchmarks.json"
"""What the documentation shows."""
PACKAGES = ("torch", "jax", "numba", "autograd", "mygrad")

Entries = dict[str, dict[str, dict[str, Any]]]
"""By workload and number of threads, what `entry` returns."""


def read(file: Path = FILE) -> Entries:
    """Return the entries of a file, none if there is no such file."""
    return json.loads(file.read_text("utf-8")) if file.exists() else {}


def keep(file: Path, workload: str, threads: int, entry: dict[str, Any], order: Any) -> None:
    """Put an entry into a file, in place of an earlier one, and leave the others as they are."""
    entries = read(file)
    entries.setdefault(workload, {})[str(threads)] = entry
    ordered = {
        name: dict(sorted(entries[name].items(), key=lambda pair: int(pair[0])))
        for name in sorted(entries, key=list(order).index)
    }
    text = json.dumps(ordered, indent=1, ensure_ascii=False)
    text = re.sub(r"\[[^][{}]*\]", lambda found: " ".join(found[0].split()), text)  # on one line
    write_whole(file, f"{text}\n".encode())


def entry(tables: list[dict[str, Any]], **about: Any) -> dict[str, Any]:
    """Return tables with what one has to know of them."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        **about,
        "machine": {"processor": processor(), "cores": os.cpu_count()},
        "versions": versions(),
        "tables": tables,
    }


def commit() -> str:
    """Return the last commit that changed what is measured, with a + for what is not committed."""
    measured = ["--", "microtensor", "tests/benchmarks"]
    name = git("log", "-1", "--format=%h", "--abbrev=10", *measured)
    return f"{name}+" if git("status", "--porcelain", *measured) else name


def git(*arguments: str) -> str:
    """Return what git says, nothing where it does not run or this is no repository."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def processor() -> str:
    """Return the processor's name as its maker gives it."""
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2] for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0].strip() if names else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the versions of Python, of NumPy and its BLAS, and of the peers that are installed."""
    import numpy as np

    settings: Any = np.show_config(mode="dicts")
    blas = settings["Build Dependencies"]["blas"]
    found = {
        "Python": platform.python_version(),
        "numpy": np.__version__,
        "BLAS": f"{blas['name']} {blas['version']}",
    }
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
