"""Makes a notebook of each chapter of the course, and links it on the chapter's page.

`python docs/hooks/notebooks.py` writes them all into `docs/notebooks`, run and with their outputs;
given chapters, it writes those. Each runs in a folder of its own.
"""

import argparse
import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from chapter import Cell, ConversionError, cells
from markdown.extensions.toc import slugify
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

if TYPE_CHECKING:
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "docs" / "course"
NOTEBOOKS = ROOT / "docs" / "notebooks"
COMMAND = "python docs/hooks/notebooks.py"

CHAPTER = re.compile(r"course/(?P<name>\d+-[\w-]+)\.md")
SECONDS = 120
"""For a cell at most."""
LONGEST_ID = 64
RICH = {"image/svg+xml", "image/png", "text/html", "text/latex", "text/markdown"}
HOW = """\
> *This notebook is [a chapter of microtensor's course](../course/{page}), made by
> `{command}`. To run it, in a copy of the repository:
> `pip install '.[{extras}]' jupyterlab`, then `jupyter lab docs/notebooks/{notebook}`. It needs no
> network. `mt.compare?` in a cell tells about `mt.compare`.*"""


class NotebookError(RuntimeError):
    """A notebook that does not run as its chapter does."""


def chapters() -> list[Path]:
    """Return the pages that become notebooks, in their order."""
    found = COURSE.glob("*.md")
    return sorted(page for page in found if CHAPTER.fullmatch(f"course/{page.name}"))


def notebook(page: Path) -> NotebookNode:
    """Return the notebook of a chapter, without outputs."""
    first, *others = cells(page)
    extras = "plot,jit" if any('"numba"' in cell.source for cell in others) else "plot"
    name = target(page).name
    how = HOW.format(page=page.name, notebook=name, command=COMMAND, extras=extras)
    made = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    heading, seen = "", {}
    for cell in (first, Cell(how, 1), *others):
        if not cell.is_code and (found := re.match("#+ (.*)", cell.source)):
            heading = slugify(found[1], "-")
        number = seen[heading] = seen.get(heading, 0) + 1
        id = f"{heading[: LONGEST_ID - 5]}-{number}"
        if not cell.is_code:
            made.cells.append(nbformat.v4.new_markdown_cell(cell.source, id=id))
        else:
            made.cells.append(nbformat.v4.new_code_cell(cell.source, id=id, metadata=about(cell)))
    return made


def about(cell: Cell) -> dict[str, object]:
    """Return what Jupyter is told of a cell of code."""
    tags = ["solution"] * cell.folded + ["raises-exception"] * cell.raises
    known: dict[str, object] = {"tags": tags} if tags else {}
    return known | ({"jupyter": {"source_hidden": True}} if cell.folded else {})


def run(notebooks: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Return notebooks after they ran, with outputs that are the same on each machine.

    Raises
    ------
    NotebookError
        If a cell raises that should not.
    """

    async def run_all() -> list[NotebookNode]:
        cores = asyncio.Semaphore(os.cpu_count() or 1)
        return await asyncio.gather(*(run_one(made, cores) for made in notebooks))

    return asyncio.run(run_all())


async def run_one(made: NotebookNode, core: asyncio.Semaphore) -> NotebookNode:
    """Run a notebook, as soon as a core is free."""
    made = nbformat.from_dict(made)
    async with core:
        with tempfile.TemporaryDirectory() as folder:
            path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
            client = NotebookClient(
                made,
                kernel_name="python3",
                extra_arguments=["--log-level=ERROR"],  # it warns that it talks to us by TCP
                resources={"metadata": {"path": folder}},
                timeout=SECONDS,
                record_timing=False,
                coalesce_streams=True,
            )
            try:
                await client.async_execute(env=os.environ | {"PYTHONPATH": path, "TMPDIR": folder})
            except CellExecutionError as error:
                raise NotebookError(str(error)) from error
    made.metadata["language_info"] = {"name": "python"}
    for cell in made.cells:
        for output in cell.get("outputs", ()):
            settle(output, folder)
    return made


def settle(output: NotebookNode, folder: str) -> None:
    """Take out of an output what another run or another machine would have otherwise."""
    if output.output_type == "error":  # where in the library it was raised is not told
        output.traceback = [f"{output.ename}: {output.evalue}"]
    for kind, text in output.get("data", {}).items():
        if isinstance(text, str) and kind.startswith("text/"):
            output.data[kind] = re.sub(rf"{re.escape(folder)}(/tmp\w+)?", "/tmp", text)


def complaints(page: Path, made: NotebookNode) -> list[str]:
    """Say in which cells of a notebook that ran a reader would not see what the chapter shows."""
    found = []
    first, *others = cells(page)
    for cell, shown in zip((first, Cell("", 1), *others), made.cells, strict=True):
        outputs = shown.get("outputs", [])
        kinds = {kind for output in outputs for kind in output.get("data", {})}
        where = f"{page.name}:{cell.line}"
        if cell.shows and not kinds & RICH:
            found.append(f"{where}: no picture is shown, only {sorted(kinds) or 'nothing'}")
        if cell.want and not outputs:
            found.append(f"{where}: nothing is shown, where the chapter has {cell.want!r}")
        if cell.raises != any(output.output_type == "error" for output in outputs):
            found.append(f"{where}: {'nothing' if cell.raises else 'an error'} is raised")
        found += [
            f"{where}: a warning: {output.text}"
            for output in outputs
            if output.output_type == "stream" and output.name == "stderr"
        ]
    return found


def target(page: Path) -> Path:
    """Return the path of a chapter's notebook."""
    return NOTEBOOKS / f"{page.stem}.ipynb"


def on_page_markdown(markdown: str, page: "Page", **kwargs: object) -> str:
    """Put a link to its notebook below the title of a chapter."""
    from mkdocs.exceptions import PluginError

    found = CHAPTER.fullmatch(page.file.src_uri)
    if not found:
        return markdown
    name = f"{found['name']}.ipynb"
    if not (NOTEBOOKS / name).is_file():
        raise PluginError(f"{page.file.src_uri} has no notebook: run `{COMMAND}`")
    link = f'[This chapter as a notebook](../notebooks/{name}){{ download="{name}" }}'
    return re.sub(r"(?m)^# .*\n", lambda title: f"{title[0]}\n{link}\n", markdown, count=1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write notebooks."""
    parser = argparse.ArgumentParser(description="Makes notebooks of the chapters of the course.")
    parser.add_argument("chapters", nargs="*", type=Path, help="by default all of docs/course")
    parser.add_argument("--out", type=Path, default=NOTEBOOKS, help="the folder to write to")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    pages = options.chapters or chapters()
    try:
        ran = run([notebook(page) for page in pages])
        for page, made in zip(pages, ran, strict=True):
            if wrong := complaints(page, made):
                sys.exit("\n".join(wrong))
            path = options.out / target(page).name
            nbformat.write(made, path)
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    except (NotebookError, ConversionError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
