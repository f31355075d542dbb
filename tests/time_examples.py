"""Measure how long the examples take, for the table in docs/examples.md.

    python -m tests.time_examples                    all of them: some minutes
    python -m tests.time_examples digits_cnn         some of them
    python -m tests.time_examples --table            none: only make the table anew

Each runs as a reader runs it, in a folder of its own that is thrown away, and once more with
`--small` if it knows that. The seconds go into docs/examples.json, in place of earlier ones, and
from there into the table.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from microtensor.files import write_whole
from tests.benchmarks import record
from tests.table_of_examples import PAGE, TOOK, filled

EXAMPLES = sorted((record.ROOT / "examples").glob("*.py"))


def seconds(script: Path, *options: str) -> float:
    """Return how long a script takes, which must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(record.ROOT)}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, script, *options],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return round(time.perf_counter() - began, 1)


def entry(script: Path) -> dict[str, Any]:
    """Return what a script took, with and without `--small`."""
    took = {"seconds": seconds(script)}
    if '"--small"' in script.read_text("utf-8"):
        took["small"] = seconds(script, "--small")
    return {
        **took,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": {"processor": record.processor(), "cores": os.cpu_count()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.time_examples",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [script.stem for script in EXAMPLES]
    parser.add_argument("example", nargs="*", help="its name, without .py (default: all)")
    parser.add_argument("--table", action="store_true", help="time none, make the table anew")
    options = parser.parse_args()
    chosen = options.example or ([] if options.table else names)
    if unknown := set(chosen) - set(names):
        parser.error(f"{', '.join(sorted(unknown))}: no example; there are {', '.join(names)}")
    for script in EXAMPLES:
        if script.stem in chosen:
            found = entry(script)
            kept = json.loads(TOOK.read_text("utf-8")) if TOOK.exists() else {}
            kept[script.stem] = found
            kept = {name: kept[name] for name in names if name in kept}
            write_whole(TOOK, f"{json.dumps(kept, indent=1)}\n".encode())
            small = f", {found['small']} s with --small" if "small" in found else ""
            print(f"{script.name}: {found['seconds']} s{small}", flush=True)
    write_whole(PAGE, filled(PAGE.read_text("utf-8")).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
