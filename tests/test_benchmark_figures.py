"""Tests that what is written of speed was measured: the README's table, docs/benchmarks.json."""

import datetime
import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks import lenet, lstm, mlp, readme, record, tables

README = record.ROOT / "README.md"


def contender(name: str, median: float) -> dict[str, Any]:
    return {"name": name, "microseconds": 1.0, "ratios": {readme.REFERENCE: [0.9, median, 1.1]}}


@pytest.fixture
def measured() -> record.Entries:
    """Figures of every table that the README's is made of, each contender's a number of its own."""
    entries: record.Entries = {}
    number = 2.0
    for places in readme.ROWS.values():
        for workload, last in places:
            by_table = []
            for _ in range(last + 1):
                rows = []
                for names in readme.COLUMNS.values():
                    number += 0.1
                    rows.append(contender(names[-1], number))
                by_table.append({"rows": rows})
            entries[workload] = {
                "1": record.entry(by_table, command="", rounds=40, seconds=1.0),
            }
    return entries


def test_the_readmes_table_is_what_was_measured() -> None:
    found = re.search(
        r"(?s)<!-- benchmarks -->\n(.*?)\n<!-- /benchmarks -->", README.read_text("utf-8")
    )
    assert found, "the README has no table between <!-- benchmarks --> and <!-- /benchmarks -->"
    assert found[1].strip() == readme.table(), "python -m tests.benchmarks --table prints it"


def test_every_figure_of_the_readmes_table_is_the_median_of_its_contender() -> None:
    entries = record.read()
    medians = {
        (workload, row["name"]): row["ratios"][readme.REFERENCE][1]
        for workload, by_threads in entries.items()
        for table in by_threads["1"]["tables"]
        if "absent" in table
        for row in table["rows"]
        if readme.REFERENCE in row["ratios"]
    }
    lines = [line.strip("| ").split(" | ") for line in readme.table().splitlines() if "×" in line]
    assert [line[0] for line in lines] == list(readme.ROWS)
    shown = {
        line[0]: [float(cell.split()[0]) for cell in line[1:] if "×" in cell] for line in lines
    }
    mlp = next(about for about in shown if "MLP" in about)
    assert shown[mlp] == pytest.approx(
        [
            medians["mlp", "microtensor"],
            medians["compiled", "microtensor, compiled"],
            medians["compiled", "microtensor, compiled by numba"],
            medians["mlp", "PyTorch"],
            medians["mlp", "JAX (jit)"],
        ],
        rel=0.06,  # two digits
    )


def test_a_changed_figure_is_found(measured: record.Entries) -> None:
    before = readme.table(measured)
    row = measured["lstm"]["1"]["tables"][0]["rows"][0]
    row["ratios"][readme.REFERENCE][1] += 0.1
    after = readme.table(measured)
    (changed,) = set(after.splitlines()) - set(before.splitlines())
    assert changed.startswith("| an LSTM, 64-128, 32 steps, batch 64 |")


def test_what_was_not_measured_is_a_dash(measured: record.Entries) -> None:
    del measured["lenet"]["1"]["tables"][0]["rows"][-1]
    assert readme.table(measured).splitlines()[5].endswith("| – |")


def test_the_file_has_every_workload_and_what_to_know_of_it() -> None:
    entries = record.read()
    assert list(entries) == list(command.WORKLOADS)
    for name, by_threads in entries.items():
        assert "1" in by_threads
        for threads, entry in by_threads.items():
            assert entry["command"].startswith(
                f"python -m tests.benchmarks {name} --threads {threads}"
            )
            assert re.fullmatch(r"[0-9a-f]{7,}\+?", entry["commit"])
            assert datetime.date.fromisoformat(entry["date"])
            assert {"Python", "numpy", "BLAS"} <= entry["versions"].keys()
            assert entry["machine"]["processor"]
            assert entry["rounds"] >= 1
            assert entry["seconds"] > 0
            assert entry["tables"]


def test_a_partial_run_replaces_its_own_figures_only(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    for workload, threads, rounds in (
        ("mlp", 2, 1),
        ("tutorial", 1, 2),
        ("mlp", 1, 3),
        ("mlp", 2, 4),
    ):
        record.keep(
            file, workload, threads, {"rounds": rounds, "cuts": [1.0, 2.0]}, command.WORKLOADS
        )
    kept = record.read(file)
    assert list(kept) == ["tutorial", "mlp"]
    assert {threads: entry["rounds"] for threads, entry in kept["mlp"].items()} == {"1": 3, "2": 4}
    assert kept["tutorial"]["1"]["rounds"] == 2
    assert '"cuts": [ 1.0, 2.0 ]' in file.read_text("utf-8")


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    # 2, 3, 4, 5 and 100: the ratio of the sums would be 22.8.
    assert tables.quartiles([2, 3, 4, 5, 100], [1, 1, 1, 1, 1]) == [3, 4, 5]
    assert tables.quartiles([2, 30], [1, 10]) == [2.25, 2.5, 2.75]
    assert tables.quartiles([3], [2]) == [1.5, 1.5, 1.5]


def test_contenders_that_are_not_installed_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    def missing() -> Any:
        raise ImportError

    contenders = {"hand-written NumPy": lambda: lambda: None, "PyTorch": missing}
    table = tables.race("two", contenders, rounds=3)
    assert table["absent"] == ["PyTorch"]
    (row,) = table["rows"]
    assert row["ratios"] == {"hand-written NumPy": [1.0, 1.0, 1.0]}
    assert "not installed" in capsys.readouterr().out


@pytest.mark.parametrize("workload", command.WORKLOADS)
def test_every_workload_is_there_and_says_what_it_is(workload: str) -> None:
    assert callable(importlib.import_module(f"tests.benchmarks.{workload}").run)
    assert command.about(workload).endswith(".")


@pytest.mark.parametrize(
    ("by_hand", "recorded"),
    [(mlp.by_hand, mlp.layers), (lstm.by_hand, lstm.layer), (lenet.by_hand, lenet.eager)],
    ids=["mlp", "lstm", "lenet"],
)
def test_the_step_by_hand_is_the_step_that_it_is_compared_with(by_hand: Any, recorded: Any) -> None:
    one, other = by_hand(), recorded()
    losses = [[float(step()) for _ in range(4)] for step in (one, other)]
    assert losses[0] == pytest.approx(losses[1], rel=5e-6)
    assert losses[0][3] != pytest.approx(losses[0][0], rel=5e-5)  # so it is the same training
