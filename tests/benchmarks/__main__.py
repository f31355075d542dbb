"""Measure microtensor against hand-written NumPy, and against the peers that are installed.

    python -m tests.benchmarks                  every workload
    python -m tests.benchmarks tutorial mlp     some of them
    python -m tests.benchmarks --threads 1      with that many threads for matrix products

Contenders of one workload take turns in one process, and what is printed is their ratio to the
hand-written NumPy: single times mean nothing on a machine that does other things as well.
"""

from __future__ import annotations

import argparse
import os
import sys

WORKLOADS = (
    "tutorial",
    "mlp",
    "adam",
    "lstm",
    "lenet",
    "memory",
    "chain",
    "imports",
    "compiled",
    "comparing",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("workload", nargs="*", choices=[*WORKLOADS, []], metavar="workload")
    parser.add_argument("--threads", type=int, default=1, help="for matrix products (default: 1)")
    parser.add_argument("--rounds", type=int, default=40, help="turns of each (default: 40)")
    options = parser.parse_args()
    for library in ("OPENBLAS", "MKL", "OMP"):  # read when NumPy is imported
        os.environ[f"{library}_NUM_THREADS"] = str(options.threads)
    for name in options.workload or WORKLOADS:
        workload = __import__(f"tests.benchmarks.{name}", fromlist=["run"])
        workload.run(rounds=options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
