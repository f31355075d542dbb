"""Reads a chapter of the course as the cells of a notebook.

Text becomes Markdown; the examples of a block become code, a cell for each that prints something;
`<!-- show: value -->` becomes a cell that shows the value; a `??? success` becomes a solution whose
code is folded. What none of these is raises `ConversionError`, with its line: nothing is left out.
"""

import doctest
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from jupyter_markdown import ConversionError, Text

__all__ = ["Cell", "ConversionError", "cells"]

FENCE = re.compile(r"(?P<fence>`{3,}|~{3,})(?P<language>.*)")
NOTE = re.compile(r'!!! (?P<kind>\w+)(?: "(?P<title>.*)")?')
FOLDED = re.compile(r'\?\?\?\+? (?P<kind>\w+)(?: "(?P<title>.*)")?')
SHOW = re.compile(r"<!-- show: (?P<expression>.+?) -->")
HEADING = re.compile(r"#{1,6} ")
DIRECTIVE = re.compile(r" *# *doctest:.*$", re.MULTILINE)
MATPLOTLIB = re.compile(r"(?m)^(from|import) matplotlib\b")
"""What a notebook shows only after it was told to."""
HINT = "*The code is in the next cell, folded: click on its dots to see it.*"


@dataclass(frozen=True)
class Cell:
    """A cell: what is in it, the line of the chapter that it begins at, and what is expected."""

    source: str
    line: int
    is_code: bool = False
    want: str | None = None
    """What the chapter has the last example print."""
    raises: bool = False
    shows: bool = False
    """Whether it is there to show more than text."""
    folded: bool = False


def cells(page: Path) -> list[Cell]:
    """Return a chapter as cells.

    Raises
    ------
    ConversionError
        If something in it has no equal in a notebook.
    """
    text = page.read_text("utf-8")
    found = list(of_lines(text.splitlines(), 1, Text(page, text)))
    for at, cell in enumerate(found):
        if cell.is_code and MATPLOTLIB.search(cell.source):
            found[at] = replace(cell, source=f"%matplotlib inline\n{cell.source}")
            break
    return found


def of_lines(lines: list[str], first: int, text: Text) -> Iterator[Cell]:
    """Yield the cells of lines, of which the first is the page's line of that number."""
    prose: list[str] = []
    began = at = 0
    setup: Cell | None = None  # code that prints nothing, and can be joined by what shows a value

    def tell(lines: list[str]) -> None:
        nonlocal began
        if not prose:
            began = at
        prose.extend(lines)

    def told() -> Iterator[Cell]:
        source = "\n".join(prose).strip("\n")
        prose.clear()
        if source:
            yield Cell(source, first + began)

    while at < len(lines):
        line, number = lines[at], first + at
        if found := SHOW.fullmatch(line):
            yield from told()
            yield showing(found["expression"], number, setup)
            setup = None
            at += 1
            continue
        if setup is not None and line:
            yield setup
            setup = None
        if found := FENCE.match(line):
            end = closed(lines, at, found["fence"], text, number)
            block = lines[at + 1 : end]
            if found["language"] == "python" and block and block[0].startswith(">>> "):
                yield from told()
                *done, last = examples(block, number + 1, text)
                yield from done
                setup = last if last.want is None else None
                if setup is None:
                    yield last
            else:
                tell(lines[at : end + 1])
            at = end + 1
        elif found := NOTE.fullmatch(line):
            inner, end = indented(lines, at + 1)
            tell(quoted(found, inner, number, text))
            at = end
        elif found := FOLDED.fullmatch(line):
            yield from told()
            inner, end = indented(lines, at + 1)
            yield from folded(found, inner, number, text)
            at = end
        else:
            if HEADING.match(line):
                yield from told()
            end = at + 1
            while line.strip() and end < len(lines) and not special(lines[end]):
                end += 1
            if line.strip() or prose:
                tell(text.converted(lines[at:end], number).split("\n"))
            at = end
    if setup is not None:
        yield setup
    yield from told()


def special(line: str) -> bool:
    """Tell whether a line ends a paragraph."""
    patterns = (SHOW, FENCE, NOTE, FOLDED, HEADING)
    return not line.strip() or any(pattern.match(line) for pattern in patterns)


def closed(lines: list[str], at: int, fence: str, text: Text, number: int) -> int:
    """Return the line that closes a fence."""
    for end in range(at + 1, len(lines)):
        if lines[end] == fence:
            return end
    raise text.unknown(number, "a fence that is not closed")


def indented(lines: list[str], at: int) -> tuple[list[str], int]:
    """Return what is indented by four spaces, without these, and the line after it."""
    end = at
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith("    ")):
        end += 1
    return [line[4:] for line in lines[at:end]], end


def examples(block: list[str], number: int, text: Text) -> Iterator[Cell]:
    """Yield the examples of a block: a cell ends where something is printed."""
    source = ""
    began = number
    for part in doctest.DocTestParser().parse("\n".join(block) + "\n"):
        if isinstance(part, str):
            if part.strip():
                raise text.unknown(number, f"{part.strip()!r} among examples")
            source += "\n" if source and "\n" in part else ""
            continue
        if doctest.SKIP in part.options:
            raise text.unknown(number + part.lineno, "an example that is skipped")
        if not source:
            began = number + part.lineno
        source += DIRECTIVE.sub("", part.source)
        if part.want:
            want = part.want.replace("<BLANKLINE>", "")
            raises = part.exc_msg is not None
            yield Cell(source.strip("\n"), began, is_code=True, want=want, raises=raises)
            source = ""
    if source.strip():
        yield Cell(source.strip("\n"), began, is_code=True)


def showing(expression: str, number: int, setup: Cell | None) -> Cell:
    """Return a cell that shows a value, with the code that made it if that is all before it."""
    source, line = expression, number
    if expression.endswith("latex"):
        source = f"from IPython.display import Math\n\nMath({expression})"
    if setup is not None:
        gap = "\n\n" if source != expression else "\n"
        source, line = f"{setup.source}{gap}{source}", setup.line
    return Cell(source, line, is_code=True, shows=True)


def quoted(found: re.Match[str], inner: list[str], number: int, text: Text) -> list[str]:
    """Return the lines of a note as a quotation."""
    title = found["kind"].capitalize() if found["title"] is None else found["title"]
    parts = list(of_lines(inner, number + 1, text))
    if any(part.is_code for part in parts):
        raise text.unknown(number, "a note with examples or pictures in it")
    head = [f"**{text.converted([title], number)}**", ""] if title else []
    body = "\n\n".join(part.source for part in parts).split("\n")
    return [f"> {line}".rstrip() for line in (*head, *body)]


def folded(found: re.Match[str], inner: list[str], number: int, text: Text) -> Iterator[Cell]:
    """Yield the cells of what is folded: text that opens at a click, and code with its input hid.

    The first is text, which says what is there.
    """
    title = found["kind"].capitalize() if found["title"] is None else found["title"]
    parts = list(of_lines(inner, number + 1, text))
    if not parts:
        raise text.unknown(number, "nothing that is folded")
    if parts[0].is_code:
        parts.insert(0, Cell("", number))
    for at, part in enumerate(parts):
        if part.is_code:
            # Of a folded cell the first line is seen.
            yield replace(part, source=f"# {title}\n{part.source}", folded=True)
            continue
        following = at + 1 < len(parts) and parts[at + 1].is_code
        body = "\n\n".join(filter(None, [part.source, HINT if following else ""]))
        summary = f"<summary><b>{title if at == 0 else f'{title}, continued'}</b></summary>"
        source = f"<details>\n{summary}\n\n{body}\n\n</details>"
        yield Cell(source, number if at == 0 else part.line, folded=True)
