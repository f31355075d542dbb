"""Puts the figures of `docs/benchmarks.json` into pages.

In a page, ``<!-- benchmarks: mlp -->`` stands for the tables of that workload, a tab for each
number of threads, and the command they are from; ``<!-- benchmarks: (picture) -->`` for a picture
of the training steps, ``<!-- benchmarks: (slower) -->`` for a table of all in which PyTorch is
faster, and ``<!-- benchmarks: (machine) -->`` for the machine and the versions.
"""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

FILE = Path(__file__).parents[1] / "benchmarks.json"
PICTURE = "<!-- benchmarks: (picture) -->"
MARK = re.compile(r"(?m)^<!-- benchmarks: (.+?) -->$")

DRAWN = {
    "tutorial": (1, "First tutorial, 3-4-1"),
    "mlp": (0, "MLP 784-128-64-10"),
    "lstm": (0, "LSTM 64-128"),
    "lenet": (0, "LeNet-5"),
}
"""The workloads in the picture: the number of the table, and a title."""
COLOURS = {"microtensor": "#1d6aa5", "PyTorch": "#c2570c", "hand-written": "#111111"}
OTHERS = "#7a828c"
SPACE = "\N{NO-BREAK SPACE}"
REFERENCES = {"hand-written NumPy": "NumPy", "PyTorch": "PyTorch"}

Entry = dict[str, Any]


def entries() -> dict[str, dict[str, Entry]]:
    """Return what was measured, by workload and number of threads."""
    return json.loads(FILE.read_text("utf-8"))


def on_page_markdown(markdown: str, page: Any, **kwargs: object) -> str:
    """Put tables into their places; the picture's place is a comment still."""

    def made(mark: re.Match[str]) -> str:
        if mark[1] == "(picture)":
            return mark[0]
        try:
            return SPECIAL[mark[1]]() if mark[1] in SPECIAL else workload(mark[1])
        except KeyError as error:
            raise PluginError(f"{page.file.src_uri}: {mark[0]}: there are no figures") from error

    return MARK.sub(made, markdown)


def on_page_content(content: str, **kwargs: object) -> str:
    """Put the picture into its place."""
    return content.replace(PICTURE, picture()) if PICTURE in content else content


def workload(name: str) -> str:
    """Return the tables of a workload, a tab for each number of threads."""
    found = entries()[name]
    if len(found) == 1:
        return tables(*found.values())
    tabs = []
    for threads, entry in found.items():
        indented = re.sub(r"(?m)^(?=.)", "    ", tables(entry))
        tabs.append(f'=== "{threads} thread{"s"[: int(threads) > 1]}"\n\n{indented}\n')
    return "\n".join(tabs)


def tables(entry: Entry) -> str:
    """Return the tables of an entry, and where they come from."""
    parts = [
        f"**{table['title']}**\n\n{race(table) if 'absent' in table else listing(table)}\n"
        for table in entry["tables"]
    ]
    return "\n".join([*parts, source(entry)])


def race(table: dict[str, Any]) -> str:
    """Return contenders and their ratios as a table in Markdown."""
    references = table["rows"][0]["ratios"]
    headings = ["", "µs", *[f"to {REFERENCES[name]}" for name in references]]
    rows = [
        [row["name"], digits(row["microseconds"]), *map(ratio, row["ratios"].values())]
        for row in table["rows"]
    ]
    return in_markdown(headings, rows, "microtensor")


def listing(table: dict[str, Any]) -> str:
    """Return figures that are no race as a table in Markdown."""
    rows = [
        [digits(cell) if isinstance(cell, float) else str(cell) for cell in row]
        for row in table["rows"]
    ]
    return in_markdown(table["headings"], rows)


def in_markdown(headings: list[str], rows: list[list[str]], bold: str = "\0") -> str:
    """Return a table, with numbers at the right; rows that begin with a word may be bold."""
    lines = [f"| {' | '.join(headings)} |", f"|---|{'--:|' * (len(headings) - 1)}"]
    for first, *others in rows:
        name = f"**{first}**" if first.startswith(bold) else first
        lines.append(f"| {' | '.join([name, *others])} |")
    return "\n".join(lines)


def ratio(cuts: list[float]) -> str:
    """Return a median, and the quartiles in small type."""
    low, median, high = map(digits, cuts)
    same = cuts[0] == cuts[2] == 1
    return "1" if same else f"{median}{SPACE}<small>({low}{SPACE}–{SPACE}{high})</small>"


def digits(number: float) -> str:
    """Return a number to three digits, and whole if it is 100 or more."""
    places = 0
    while abs(number) * 10**places < 99.5 and places < 4:
        places += 1
    return f"{number:,.{places}f}"


def source(entry: Entry) -> str:
    """Return in a line where the figures of an entry come from."""
    return (
        f"<small>`{entry['command']}`: {entry['date']}, commit `{entry['commit']}`, "
        f"in {entry['seconds']:.0f} s.</small>\n"
    )


def slower() -> str:
    """Return a table of the figures whose first quartile is above PyTorch's."""
    rows = []
    for by_threads in entries().values():
        for threads, entry in by_threads.items():
            for title, which, cuts in to_pytorch(entry):
                if cuts[0] > 1:
                    how = which.removeprefix("microtensor")
                    rows.append((cuts[1], [f"{title}{how}", threads, ratio(cuts)]))
    rows.sort(key=lambda row: -row[0])
    return in_markdown(["", "threads", "to PyTorch"], [row for _, row in rows])


def to_pytorch(entry: Entry) -> Iterator[tuple[str, str, list[float]]]:
    """Yield a title, whose it is, and the quartiles of its ratio to PyTorch."""
    for table in entry["tables"]:
        if "absent" not in table and "to PyTorch" in table["headings"]:
            for title, *_, median, low, high in table["rows"]:
                yield title, "", [low, median, high]
        for row in table["rows"] if "absent" in table else ():
            if row["name"].startswith("microtensor") and "PyTorch" in row["ratios"]:
                yield table["title"], row["name"], row["ratios"]["PyTorch"]


def machine() -> str:
    """Return the machines and versions as a table, a row for each that is another."""
    found: dict[str, list[str]] = {}
    for name, by_threads in entries().items():
        for entry in by_threads.values():
            versions = ", ".join(f"{key} {value}" for key, value in entry["versions"].items())
            place = f"{entry['machine']['processor']}, {entry['machine']['cores']} cores"
            found.setdefault(f"{place} | {versions}", []).append(f"`{name}`")
    rows = [
        f"| {' '.join(dict.fromkeys(names)) if len(found) > 1 else 'all'} | {where} |"
        for where, names in found.items()
    ]
    return "\n".join(["| workloads | machine | versions |", "|---|---|---|", *rows])


def picture() -> str:
    """Return the ratios to hand-written NumPy of some workloads, drawn, as HTML."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    found = entries()
    drawn = {
        title: {threads: entry["tables"][number]["rows"] for threads, entry in found[name].items()}
        for name, (number, title) in DRAWN.items()
    }
    heights = [len(next(iter(by_threads.values()))) for by_threads in drawn.values()]
    figure = Figure((8, 0.27 * sum(heights) + 0.55 * len(heights) + 0.4), layout="constrained")
    parts = figure.subplots(
        len(drawn), 1, sharex=True, gridspec_kw={"height_ratios": [h + 0.6 for h in heights]}
    )
    for axes, (title, by_threads) in zip(parts, drawn.items(), strict=True):
        names = [row["name"] for row in next(iter(by_threads.values()))]
        axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
        axes.axvline(1, color="#111111", linewidth=0.8)
        axes.set_yticks(range(len(names)), names, fontsize=9)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.grid(axis="x", color="#d5d9de", linewidth=0.5)
        axes.tick_params(which="both", length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        for shift, (threads, rows) in enumerate(by_threads.items()):
            for row in rows:
                low, median, high = row["ratios"]["hand-written NumPy"]
                colour = COLOURS.get(re.split(r"[ ,]", row["name"])[0], OTHERS)
                y = names.index(row["name"]) + (0.26 * shift if len(by_threads) > 1 else 0)
                axes.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
                filling = colour if threads == "1" else "white"
                axes.plot(median, y, "o", color=colour, markerfacecolor=filling, markersize=5.5)
    parts[-1].set_xscale("log")
    parts[-1].xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    parts[-1].xaxis.set_minor_locator(NullLocator())
    parts[-1].xaxis.set_major_formatter(lambda value, _: f"{value:g} ×")
    parts[-1].set_xlabel("time of a training step, to NumPy written by hand", fontsize=9)
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True)
    svg = re.sub(r"<!--.*?-->", "", file.getvalue(), flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', r"\g<1>benchmarks-", svg[svg.index("<svg") :])
    return f'<div class="picture">{svg}</div>'


SPECIAL = {"(slower)": slower, "(machine)": machine}
