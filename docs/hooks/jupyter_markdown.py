"""Writes the text of a chapter in the Markdown of notebooks: links, formulas, and what is refused.

A notebook is in `docs/notebooks`, and its links are relative: to pages where they are, to other
chapters as notebooks. The reference is no page there. So its names are written as code, with which
a reader can ask the notebook itself: `mt.compare?`.
"""

import os
import re
from pathlib import Path

from markdown.extensions.toc import slugify

__all__ = ["ConversionError", "Text"]

PIECE = re.compile(
    r"""(?sx)
    (?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)
    | \\\$
    | \$\$(?P<display>.+?)\$\$ | \\\[(?P<bracketed>.+?)\\\]
    | \$(?=\S)(?P<inline>[^$]+?)(?<=\S)\$ | \\\((?P<parenthesised>.+?)\\\)
    | (?P<image>!?)\[(?P<text>(?:`[^`]*`|[^\[\]`])+)\]
      (?:\((?P<target>[^)\s]+)\)|\[(?P<name>[^\]\s]*)\])
    | <(?P<address>https?://[^>\s]+)>
    """
)
REFUSED = {
    r"\$": "a dollar that begins no formula; write \\$",
    r"\]\(|\]\[": "a link that is not read",
    r"\[\^": "a footnote",
    r"\{\s*[:#.]|\{[^{}\n]*\}\s*$": "attributes in braces",
    r"<!--": "a comment; of these only <!-- show: value --> is known, alone on its line",
    r"</?[a-zA-Z]": "HTML",
    r"^:::": "a directive of mkdocstrings",
    r"^(===|!!!|\?\?\?)": "a block that is not known, or not written as it must be",
    r"^: ": "a list of definitions",
    r"^ +(```|~~~)": "a fence that does not begin its line",
    r"^ *>>>": "an example outside of a fence",
    r"^--8<--": "another file put in",
    r"^\*\[": "an abbreviation",
}
HEADING = re.compile(r"(?m)^#{1,6} (?P<title>.*?)(?: \{#(?P<id>[\w.-]+)\})?$")


class ConversionError(ValueError):
    """Something that has no equal in a notebook, with the page and the line."""


class Text:
    """The text of a page, of which parts are converted."""

    def __init__(self, page: Path, text: str) -> None:
        self.page = page.resolve()
        self._anchors = {self.page: anchors(text)}

    def unknown(self, line: int, what: str) -> ConversionError:
        """Return an error about a line."""
        return ConversionError(f"{self.page}:{line}: {what}: a notebook has nothing for it")

    def converted(self, lines: list[str], number: int) -> str:
        """Return lines, the first of that number, as a notebook has them."""
        source = "\n".join(lines)
        source = HEADING.sub(lambda found: found[0].removesuffix(f" {{#{found['id']}}}"), source)

        def line_of(position: int, within: str) -> int:
            return number + within.count("\n", 0, position)

        rest = PIECE.sub(lambda found: "x" + "\n" * found[0].count("\n"), source)
        for pattern, what in REFUSED.items():
            if found := re.search(pattern, rest, re.MULTILINE):
                raise self.unknown(line_of(found.start(), rest), what)
        return PIECE.sub(lambda found: self._piece(found, line_of(found.start(), source)), source)

    def _piece(self, found: re.Match[str], line: int) -> str:
        formula = found["display"] or found["bracketed"]
        if formula:
            return f"$${formula}$$"
        formula = found["inline"] or found["parenthesised"]
        if formula:
            return f"${formula.strip()}$"
        if found["image"]:
            raise self.unknown(line, "a picture from a file")
        if found["target"]:
            return f"[{found['text']}]({self._target(found['target'], line)})"
        if found["name"] is not None:
            return self._named(found["text"], found["name"], line)
        return found[0]

    def _named(self, text: str, name: str, line: int) -> str:
        """Return a link to the reference as the name that a reader can ask for."""
        library, _, rest = (name or text.strip("`")).partition(".")
        if library != "microtensor":
            raise self.unknown(line, f"a link to {name!r}, which is no name of the library")
        if not name or f".{rest}".endswith(f".{text.strip('`')}"):
            return f"`mt.{rest}`"
        return text if text.startswith("`") else f"{text} (`mt.{rest}`)"

    def _target(self, target: str, line: int) -> str:
        """Return an address, relative to the folder of notebooks."""
        if re.match("[a-z]+:", target):
            return target
        path, _, anchor = target.partition("#")
        page = (self.page.parent / path).resolve() if path else self.page
        if not page.is_file():
            raise self.unknown(line, f"a link to {target}, where no file is")
        is_chapter = page.parent == self.page.parent
        if is_chapter and page.stem != "index":
            heading = self._heading(page, anchor, line) if anchor else ""
            return (f"{page.stem}.ipynb" if path else "") + heading
        relative = os.path.relpath(page, self.page.parent).replace(os.sep, "/")
        if is_chapter:  # the contents
            relative = f"../{self.page.parent.name}/{relative}"
        return relative + (f"#{anchor}" if anchor else "")

    def _heading(self, page: Path, anchor: str, line: int) -> str:
        """Return the anchor that Jupyter gives a heading."""
        if page not in self._anchors:
            self._anchors[page] = anchors(page.read_text("utf-8"))
        if anchor not in self._anchors[page]:
            raise self.unknown(line, f"a link to #{anchor}, which is no heading of {page.name}")
        return f"#{self._anchors[page][anchor].replace(' ', '-')}"


def anchors(text: str) -> dict[str, str]:
    """Return the headings of a page, without markup, by the anchors that MkDocs gives them."""
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", text)
    titles = [(found["id"], found["title"].replace("`", "")) for found in HEADING.finditer(text)]
    return {id or slugify(title, "-"): title for id, title in titles}
