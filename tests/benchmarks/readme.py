"""The README's table of figures, from the file that the documentation shows."""

from __future__ import annotations

from typing import Any

from . import record

REFERENCE = "hand-written NumPy"
COLUMNS = {
    "microtensor": ("microtensor", "microtensor, operations"),
    "compiled": ("microtensor, compiled",),
    "compiled by numba": ("microtensor, compiled by numba",),
    "PyTorch": ("PyTorch",),
    "JAX (jit)": ("JAX (jit)",),
}
"""By heading, the contenders that stand for it."""
ROWS = {
    "the first tutorial's network, 3-4-1": (("tutorial", 1), ("compiled", 0)),
    "an MLP, 784-128-64-10, batch 64": (("mlp", 0), ("compiled", 2)),
    "an LSTM, 64-128, 32 steps, batch 64": (("lstm", 0),),
    "LeNet-5, batch 64": (("lenet", 0),),
}
"""By what a row is about, the tables that its figures are in: the workload, and the number."""


def table(entries: record.Entries | None = None) -> str:
    """Return it as Markdown, with what it says of the machine."""
    entries = record.read() if entries is None else entries
    lines = [
        f"| a training step | {' | '.join(COLUMNS)} |",
        f"|---|{'--:|' * len(COLUMNS)}",
    ]
    for what, places in ROWS.items():
        cells = [cell(entries, places, names) for names in COLUMNS.values()]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    used = [entries[workload]["1"] for places in ROWS.values() for workload, _ in places]
    return "\n".join([*lines, "", *conditions(used)])


def cell(entries: record.Entries, places: Any, names: tuple[str, ...]) -> str:
    """Return the ratio to the reference, to two digits, or that nothing was measured."""
    for workload, number in places:
        for row in entries[workload]["1"]["tables"][number]["rows"]:
            if row["name"] in names:
                return shown(row["ratios"][REFERENCE][1])
    return "–"


def shown(ratio: float) -> str:
    """Return a ratio to two digits.

    >>> shown(0.0123), shown(0.597), shown(2.04), shown(29.6)
    ('0.012 ×', '0.60 ×', '2.0 ×', '30 ×')
    """
    digits = 0
    while ratio * 10**digits < 9.95:
        digits += 1
    return f"{ratio:.{digits}f} ×"


def conditions(used: list[dict[str, Any]]) -> list[str]:
    """Return what holds for the figures: rounds, machine, versions, days."""
    dates = sorted({entry["date"] for entry in used})
    latest = max(used, key=lambda entry: entry["date"])
    names = {"Python": "Python", "numpy": "NumPy", "torch": "PyTorch", "jax": "JAX"}
    versions = [
        f"{name} {latest['versions'][key].partition('+')[0]}"
        for key, name in names.items()
        if key in latest["versions"]
    ]
    machine = latest["machine"]
    return [
        "The time of a step, relative to the same step in NumPy written by hand; less is faster.",
        f"One thread; medians of {min(entry['rounds'] for entry in used)} rounds in turns. "
        f"{machine['processor']}, {machine['cores']} cores;",
        f"{', '.join(versions)}; {' to '.join(dates[:: len(dates) - 1 or 1])}.",
    ]
