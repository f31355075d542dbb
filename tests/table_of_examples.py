"""The table of docs/examples.md: what each script shows, what it needs, and how long it takes.

It stands in the page, between ``<!-- examples: names -->``, which says the order, and
``<!-- /examples -->``, so that it can be read where no site is built. What a script shows is the
first sentence of its docstring, what it needs, its docstring says, and how long it takes, is in
docs/examples.json.
"""

import ast
import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "examples.md"
TOOK = ROOT / "docs" / "examples.json"
PLACE = re.compile(r"(?ms)^(<!-- examples: (.+?) -->)\n.*?^<!-- /examples -->$")
NEEDS = re.compile(r"(?m)^    pip install '\.\[(.+)\]'$")
SPACE = "\N{NO-BREAK SPACE}"


def filled(page: str) -> str:
    """Return the page with its table made anew."""
    took = json.loads(TOOK.read_text("utf-8"))

    def made(place: re.Match[str]) -> str:
        names = place[2].split()
        return f"{place[1]}\n{table(names, took)}\n\n{machine(took)}\n<!-- /examples -->"

    return PLACE.sub(made, page)


def table(names: list[str], took: dict[str, dict[str, Any]]) -> str:
    """Return the table in Markdown."""
    rows = ["| example | shows | needs | takes | `--small` |", "|---|---|---|--:|--:|"]
    for name in names:
        said = docstring(ROOT / "examples" / f"{name}.py")
        cells = (
            f"[{name}.py](../examples/{name}.py)",
            first_sentence(said),
            extras(said),
            seconds(took[name]["seconds"]),
            seconds(took[name].get("small", 0)),
        )
        rows.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return "\n".join(rows)


def machine(took: dict[str, dict[str, Any]]) -> str:
    """Return in a sentence where and when the examples were timed."""
    machines = [each["machine"] for each in took.values()]
    places = dict.fromkeys(f"{each['processor']}, {each['cores']} cores" for each in machines)
    days = sorted({each["date"] for each in took.values()})
    return f"Timed on {'; '.join(places)}; {' to '.join(dict.fromkeys((days[0], days[-1])))}."


def docstring(script: Path) -> str:
    """Return what a script says of itself."""
    return str(ast.get_docstring(ast.parse(script.read_text("utf-8"))))


def first_sentence(text: str) -> str:
    """Return the first sentence, in one line."""
    return " ".join(text.partition("\n\n")[0].split())


def extras(text: str) -> str:
    """Return the extras that a docstring has one install."""
    needs = NEEDS.search(text)
    return ", ".join(f"`{extra}`" for extra in needs[1].split(",")) if needs else ""


def seconds(took: float) -> str:
    """Return seconds as text, nothing for none: more than two digits would be noise."""
    return "" if not took else f"{took:.1f}{SPACE}s" if took < 10 else f"{took:.0f}{SPACE}s"
