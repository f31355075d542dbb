"""Makes tables of examples, and a page for each with its code.

In a page, ``<!-- examples: names -->`` stands for a table of those scripts of `examples/`: what
each shows, which is the first sentence of its docstring, what it needs, which its docstring says,
and how long it takes, which `python -m tests.time_examples` has written into `docs/examples.json`.
``<!-- examples: (machine) -->`` stands for where and when that was.
"""

import ast
import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel

DOCS = Path(__file__).parents[1]
FOLDER = DOCS.parent / "examples"
MARK = re.compile(r"(?m)^<!-- examples: (.+?) -->$")
SPACE = "\N{NO-BREAK SPACE}"
NEEDS = re.compile(r"(?m)^    pip install '\.\[(.+)\]'$")


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Have MkDocs build a page for each script."""
    for script in sorted(FOLDER.glob("*.py")):
        files.append(
            File.generated(
                config,
                f"examples/{script.stem}.md",
                content=page(script),
                inclusion=InclusionLevel.NOT_IN_NAV,
            )
        )


def on_page_markdown(markdown: str, page: Any, **kwargs: object) -> str:
    """Put tables into their places."""

    def made(mark: re.Match[str]) -> str:
        took = json.loads((DOCS / "examples.json").read_text("utf-8"))
        try:
            return machine(took) if mark[1] == "(machine)" else table(mark[1].split(), took)
        except (KeyError, OSError) as error:
            raise PluginError(f"{page.file.src_uri}: {mark[0]}: {error!r}") from error

    return MARK.sub(made, markdown)


def table(names: list[str], took: dict[str, dict[str, Any]]) -> str:
    """Return a table in Markdown, without columns that would be empty."""
    texts = {name: docstring(FOLDER / f"{name}.py") for name in names}
    columns = {
        "example": [f"[{name}.py](examples/{name}.md)" for name in names],
        "shows": [first_sentence(text) for text in texts.values()],
        "needs": [extras(text) for text in texts.values()],
        "takes": [seconds(took[name]["seconds"]) for name in names],
        "`--small`": [seconds(took[name].get("small", 0)) for name in names],
    }
    filled = {heading: cells for heading, cells in columns.items() if any(cells)}
    numbers = {"takes", "`--small`"}
    rows = [list(filled), ["--:" if heading in numbers else "---" for heading in filled]]
    rows += map(list, zip(*filled.values(), strict=True))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def extras(text: str) -> str:
    """Return the extras that a docstring has one install."""
    needs = NEEDS.search(text)
    return ", ".join(f"`{extra}`" for extra in needs[1].split(",")) if needs else ""


def machine(took: dict[str, dict[str, Any]]) -> str:
    """Return in a sentence where and when the examples were timed."""
    machines = [each["machine"] for each in took.values()]
    places = dict.fromkeys(f"{each['processor']}, {each['cores']} cores" for each in machines)
    days = sorted({each["date"] for each in took.values()})
    return f"Timed on {'; '.join(places)}; {' to '.join(dict.fromkeys((days[0], days[-1])))}."


def page(script: Path) -> str:
    """Return the page of a script: what it says of itself, and its code."""
    code = script.read_text("utf-8")
    lines = [
        "---\nhide: [navigation, toc]\nsearch:\n  exclude: true\n---\n",
        f"# {script.name}\n",
        "One of the [examples](../examples.md).\n",
        f'```python title="examples/{script.name}"\n{code.rstrip()}\n```\n',
    ]
    return "\n".join(lines)


def docstring(script: Path) -> str:
    """Return what a script says of itself."""
    return str(ast.get_docstring(ast.parse(script.read_text("utf-8"))))


def first_sentence(text: str) -> str:
    """Return the first sentence, in one line."""
    return " ".join(text.partition("\n\n")[0].split())


def seconds(took: float) -> str:
    """Return seconds as text, nothing for none: more than two digits would be noise."""
    return "" if not took else f"{took:.1f}{SPACE}s" if took < 10 else f"{took:.0f}{SPACE}s"
