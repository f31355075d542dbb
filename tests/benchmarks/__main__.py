"""Measure microtensor against hand-written NumPy, and against the peers that are installed.

    python -m tests.benchmarks                       every workload, printed
    python -m tests.benchmarks tutorial mlp          some of them
    python -m tests.benchmarks lstm --threads 1 2    by one thread, then by two
    python -m tests.benchmarks --save docs/benchmarks.json --threads 1 2
                                                     every figure of the documentation
    python -m tests.benchmarks --table               the README's table of these

Contenders of one workload take turns in one process, and what counts is the ratio of their times:
single times mean nothing on a machine that does other things as well.

workloads:
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

WORKLOADS = (
    "tutorial",
    "compiled",
    "mlp",
    "adam",
    "lstm",
    "lenet",
    "layers",
    "memory",
    "chain",
    "comparing",
    "imports",
)
ONE_THREAD = ("tutorial", "compiled", "memory", "chain", "comparing", "imports")
"""Those measured by the first of several numbers of threads only, for which a second is in vain."""


def about(workload: str) -> str:
    """Return the first sentence of a workload's file."""
    text = Path(__file__).with_name(f"{workload}.py").read_text("utf-8")
    return str(ast.get_docstring(ast.parse(text))).partition("\n")[0]


def parse() -> argparse.Namespace:
    listed = "\n".join(f"  {name:10} {about(name)}" for name in WORKLOADS)
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=f"{__doc__}{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "workload", nargs="*", metavar="workload",
        help="of those above (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--threads", type=int, nargs="+", default=[1], metavar="N",
        help="for matrix products; several numbers one after the other (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--rounds", type=int, default=40, metavar="N", help="turns of each (default: 40)"
    )
    parser.add_argument(
        "--save", type=Path, metavar="FILE",
        help="keep the figures there, as JSON, each workload's as soon as it is measured, in place "
        "of those of the same workload and number of threads",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true",
        help="leave out what the file has from this commit, with as many rounds",
    )  # fmt: skip
    parser.add_argument("--table", action="store_true", help="print the README's table, and end")
    options = parser.parse_args()
    if unknown := set(options.workload) - set(WORKLOADS):
        parser.error(f"{', '.join(sorted(unknown))}: no workload; there are {', '.join(WORKLOADS)}")
    if options.resume and not options.save:
        parser.error("--resume needs --save FILE")
    return options


def main() -> int:
    options = parse()
    if options.table:
        from . import readme

        print(readme.table())
        return 0
    jobs = [
        (name, threads)
        for name in options.workload or WORKLOADS
        for threads in options.threads[: 1 if name in ONE_THREAD else None]
    ]
    if len(jobs) > 1:
        for name, threads in jobs:  # each in a process of its own
            command = [sys.executable, "-m", "tests.benchmarks", name, "--threads", str(threads)]
            command += ["--rounds", str(options.rounds)]
            if options.save:
                command += ["--save", str(options.save)]
            if options.resume:
                command += ["--resume"]
            if (status := subprocess.run(command, check=False).returncode) != 0:
                return status
    else:
        name, threads = jobs[0]
        set_threads(threads)  # before anything imports NumPy
        if not (options.resume and is_there(options, name, threads)):
            measure(options, name, threads)
    return 0


def set_threads(threads: int) -> None:
    """Tell the libraries, which read it when they are imported."""
    for library in ("OPENBLAS", "MKL", "OMP", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"  # JAX's


def measure(options: argparse.Namespace, name: str, threads: int) -> None:
    """Measure one workload in this process, and keep its figures if asked to."""
    began = time.perf_counter()
    tables = importlib.import_module(f"tests.benchmarks.{name}").run(rounds=options.rounds)
    seconds = round(time.perf_counter() - began, 1)
    print(f"{name}: measured in {seconds:.0f} s, threads: {threads}\n", flush=True)
    if options.save and tables:
        from . import record

        command = f"python -m tests.benchmarks {name} --threads {threads} --rounds {options.rounds}"
        entry = record.entry(tables, command=command, rounds=options.rounds, seconds=seconds)
        record.keep(options.save, name, threads, entry, WORKLOADS)


def is_there(options: argparse.Namespace, name: str, threads: int) -> bool:
    """Tell whether the file has these figures."""
    from . import record

    entry = record.read(options.save).get(name, {}).get(str(threads))
    return (
        entry is not None
        and entry["commit"] == record.commit()
        and entry["rounds"] >= options.rounds
    )


if __name__ == "__main__":
    sys.exit(main())
