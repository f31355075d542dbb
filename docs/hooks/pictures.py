"""Puts pictures into pages, made by the library while the documentation is built.

In a page, `<!-- show: drawing -->` stands for the picture of `drawing`, a value of the page's own
examples. They are run as far as there: so a picture is of the code that the reader sees, and that
doctest tests. Shown are drawings, figures, reports, formulas in TeX, and, in a frame, the page
whose path `mt.viz.explore` returned.
"""

import doctest
import html
import io
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

MARK = re.compile(r"(?m)^(?P<indent> *)<!-- show: (?P<expression>.+?) -->$")
PLACE = re.compile(r'<div class="picture" id="(.*?)" data-search-exclude></div>')

pictures: dict[str, str] = {}
"""What is shown, as HTML, by the id of its place."""


class AnyOutput(doctest.OutputChecker):
    """Takes what examples print as it comes: the tests compare it."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        """Return that it is right."""
        return True


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Run the examples of a page that has pictures, and leave a place for each."""
    variables: dict[str, Any] = {"__name__": "__main__"}
    parts = []
    done = 0
    for number, mark in enumerate(MARK.finditer(markdown), 1):
        before = markdown[done : mark.start()]
        try:
            variables = after(before, variables, page.file.src_uri)
            value = eval(mark["expression"], variables)
        except Exception as error:
            raise PluginError(f"{page.file.src_uri}: {mark[0]}: {error!r}") from error
        place = f"{page.file.src_uri.removesuffix('.md').replace('/', '-')}-{number}"
        if isinstance(value, Path):
            pictures[place] = framed(value, place, page, config, files)
        else:
            pictures[place] = shown(value, place)
        done = mark.end()
        div = f'<div class="picture" id="{place}" data-search-exclude></div>'
        parts += [before, f"{mark['indent']}{div}"]
    return "".join([*parts, markdown[done:]])


def on_page_content(content: str, **kwargs: object) -> str:
    """Put the pictures into their places."""
    return PLACE.sub(lambda place: f'<div class="picture">{pictures[place[1]]}</div>', content)


def after(text: str, variables: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the variables after the examples in a text were run."""
    test = doctest.DocTestParser().get_doctest(text, variables, name, name, 0)
    doctest.DebugRunner(checker=AnyOutput()).run(test, clear_globs=False)
    return test.globs


def shown(value: Any, place: str) -> str:
    """Return a value as HTML: a formula in TeX, a figure, a report, a drawing."""
    if isinstance(value, str):
        formula = html.escape(value.strip().strip("$"), quote=False)
        return rf'<div class="arithmatex">\[{formula}\]</div>'
    if hasattr(value, "savefig"):
        file = io.StringIO()
        value.savefig(file, format="svg", transparent=True, bbox_inches="tight")
        return alone(file.getvalue(), place)
    if hasattr(value, "_repr_html_"):
        return str(value._repr_html_())
    return alone(value._repr_mimebundle_()["image/svg+xml"], place)


def alone(svg: str, place: str) -> str:
    """Return an SVG as an element whose ids no other picture of the page has."""
    svg = re.sub(r"<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{place}-", svg)


def framed(path: Path, place: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a frame that shows a page, which becomes a file of the documentation."""
    file = File.generated(config, f"pictures/{place}.html", abs_src_path=str(path))
    files.append(file)
    source = get_relative_url(file.url, page.url)
    return f'<iframe src="{source}" title="{html.escape(path.name)}" loading="lazy"></iframe>'
