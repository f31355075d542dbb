"""Makes tables of examples, and a page for each with its code.

In a page, ``<!-- examples: names -->`` stands for a table of those scripts of `examples/`: what
each shows, which is the first sentence of its docstring, what it needs, which its docstring says,
and how long it takes, which `python -m tests.time_examples` has written into `docs/examples.json`.
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
NEEDS = re.compile(r"(?m)^    pip install '\.\[(.+)\]'$")

HEAD = "| example | shows | needs | takes | `--small` |\n|---|---|---|--:|--:|"


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

    def table(mark: re.Match[str]) -> str:
        took = json.loads((DOCS / "examples.json").read_text("utf-8"))
        try:
            return "\n".join([HEAD, *(row(name, took[name]) for name in mark[1].split())])
        except (KeyError, OSError) as error:
            raise PluginError(f"{page.file.src_uri}: {mark[0]}: {error!r}") from error

    return MARK.sub(table, markdown)


def row(name: str, took: dict[str, float]) -> str:
    """Return the row of an example."""
    text = docstring(FOLDER / f"{name}.py")
    needs = NEEDS.search(text)
    extras = ", ".join(f"`{extra}`" for extra in needs[1].split(",")) if needs else ""
    small = seconds(took["small"]) if "small" in took else ""
    link = f"[{name}.py](examples/{name}.md)"
    return f"| {link} | {first_sentence(text)} | {extras} | {seconds(took['seconds'])} | {small} |"


def page(script: Path) -> str:
    """Return the page of a script: what it says of itself, and its code."""
    code = script.read_text("utf-8")
    lines = [
        "---\nsearch:\n  exclude: true\n---\n",
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
    """Return seconds as text: more than two digits would be noise."""
    return f"{took:.1f} s" if took < 10 else f"{took:.0f} s"
