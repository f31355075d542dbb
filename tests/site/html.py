"""What a page of HTML consists of, as far as the tests ask."""

from html.parser import HTMLParser
from pathlib import Path

__all__ = ["Document"]

EMPTY = {
    "area",
    "base",
    "br",
    "col",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "track",
    "wbr",
}
LOADED = {"src", "srcset", "data", "poster", "background"}


class Document(HTMLParser):
    """A page: the tags, the text outside of code, and the addresses that are loaded with it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.loaded: list[str] = []
        self.prose = ""
        self.styles = ""
        self._open: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note a tag and its addresses."""
        self.tags.append(tag)
        if tag not in EMPTY:
            self._open.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value or "")
            elif name == "style":
                self.styles += value or ""
            elif name in LOADED or (name.endswith("href") and tag not in ("a", "base")):
                self.loaded.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        """Leave a tag, and those in it that were not closed."""
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Note text."""
        if "style" in self._open:
            self.styles += data
        elif not {"code", "pre", "script", "svg", "math"} & set(self._open):
            self.prose += data
