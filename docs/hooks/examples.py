"""Makes a page of each script of `examples/`, with its code, and has the table link to them.

The table of docs/examples.md is in the page, and links to the scripts: see
tests/table_of_examples.py.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel

FOLDER = Path(__file__).parents[2] / "examples"
MARK = re.compile(r"(?m)^<!-- /?examples\b.*-->\n")
LINK = re.compile(r"\]\(\.\./examples/(\w+)\.py\)")


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
    """Link to the pages."""
    return LINK.sub(r"](examples/\1.md)", MARK.sub("", markdown))


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
