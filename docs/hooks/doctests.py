"""Shows examples that are doctests as a session with Python's prompt.

They need no fence in a docstring, and what only doctest wants to read is left out: `<BLANKLINE>`
and the blank line before a closing fence.
"""

import re

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor
from mkdocs.config.defaults import MkDocsConfig

FENCED = re.compile(r"(?ms)^(?P<indent> *)```python\n(?P<code> *>>> .*?)^(?P=indent)```$")
BARE = re.compile(r"(?m)^(?P<code>(?P<indent> *)>>> .*\n?(?:(?P=indent).+\n?)*)")
OTHER_FENCE = re.compile(r"(?ms)^ *(?P<fence>`{3,}|~{3,}).*?^ *(?P=fence)$")


class Doctests(Preprocessor):
    """Finds them before fences are."""

    def run(self, lines: list[str]) -> list[str]:
        """Return the lines with the examples as blocks of the language `pycon`."""
        text = FENCED.sub(session, "\n".join(lines) + "\n")
        done = 0
        parts = []
        for fence in OTHER_FENCE.finditer(text):
            parts += [BARE.sub(session, text[done : fence.start()]), fence[0]]
            done = fence.end()
        return "".join([*parts, BARE.sub(session, text[done:])]).split("\n")


def session(found: re.Match[str]) -> str:
    """Return a block of what was found."""
    fence = f"{found['indent']}```"
    code = re.sub(r"(?m)^ *<BLANKLINE>$", "", found["code"]).rstrip()
    end = "\n" if found[0].endswith("\n") else ""
    return f"{fence}pycon\n{code}\n{fence}{end}"


class DoctestExtension(Extension):
    """Adds it to Markdown, for pages and docstrings alike."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - Markdown's name
        """Take part before `superfences` does."""
        md.preprocessors.register(Doctests(md), "doctests", 28)


def on_config(config: MkDocsConfig) -> None:
    """Have MkDocs read doctests."""
    config.markdown_extensions.append(DoctestExtension())
