"""Tables of what was measured: printed, and returned as data for a file."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from .timing import Step, take_turns

REFERENCES = ("hand-written NumPy", "PyTorch")
"""The contenders that the others are divided by, where they take part."""

console = Console(width=None if Console().is_terminal else 110)


def installed(
    contenders: Mapping[str, Callable[[], Step]],
) -> tuple[dict[str, Step], list[str]]:
    """Make the contenders whose packages are installed; return the names of the others as well."""
    made, absent = {}, []
    for name, make in contenders.items():
        try:
            made[name] = make()
        except ImportError:
            absent.append(name)
    return made, absent


def race(
    title: str,
    contenders: Mapping[str, Callable[[], Step]],
    *,
    rounds: int,
    goals: Mapping[str, float] | None = None,
    goals_to: str = "hand-written NumPy",
) -> dict[str, Any]:
    """Time contenders in turns; print their ratios to the references, and return them as data.

    A ratio is that of two times of one round. Of the ratios of all rounds the median is given, with
    the first and the third quartile.

    Parameters
    ----------
    goals
        By contender, the ratio that was aimed for, to the reference `goals_to`.
    """
    made, absent = installed(contenders)
    times = take_turns(made, rounds=rounds)
    references = [name for name in REFERENCES if name in made]
    rows = [
        {
            "name": name,
            "microseconds": significant(min(figures) * 1e6),
            "ratios": {each: quartiles(figures, times[each]) for each in references},
        }
        for name, figures in times.items()
    ]
    shown = [each.replace("hand-written ", "") for each in references]
    goals = goals if goals_to in references and goals else {}
    about_goals = [f"goal to {goals_to.replace('hand-written ', '')}", ""] if goals else []
    table = headed(title, "", "µs (least)", *[f"to {each}" for each in shown], *about_goals)
    for row in rows:
        ratios, goal = row["ratios"], goals.get(row["name"])
        table.add_row(
            row["name"],
            f"{row['microseconds']:g}",
            *[f"{median:.2f} ({low:.2f}–{high:.2f})" for low, median, high in ratios.values()],
            *([f"≤ {goal:g}", verdict(ratios[goals_to][1], goal)] if goal else []),
        )
    for name in absent:
        table.add_row(name, "not installed")
    console.print(table)
    console.print()
    return {"title": title, "rounds": rounds, "rows": rows, "absent": absent}


def listing(title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """Print figures that are no race, and return them; the first cell of a row names it."""
    kept = [[significant(x) if isinstance(x, float) else x for x in row] for row in rows]
    table = headed(title, *headings)
    for row in kept:
        table.add_row(*[f"{cell:g}" if isinstance(cell, float) else str(cell) for cell in row])
    console.print(table)
    console.print()
    return {"title": title, "headings": list(headings), "rows": kept}


def headed(title: str, *headings: str) -> Table:
    """Return an empty table, whose first column is text."""
    table = Table(title=title, title_justify="left")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table


def quartiles(times: Sequence[float], references: Sequence[float]) -> list[float]:
    """Return the first quartile, the median and the third quartile of the rounds' ratios."""
    ratios = [mine / theirs for mine, theirs in zip(times, references, strict=True)]
    cuts = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return [significant(cut) for cut in cuts]


def significant(figure: float) -> float:
    """Round to four digits: more are noise."""
    return float(f"{figure:.4g}")


def verdict(figure: float, goal: float) -> str:
    """Say whether a goal is reached."""
    return "reached" if figure <= goal else "MISSED"
