"""Turns formulas in TeX, `$x$` and `$$x$$`, into MathML, which browsers show without a script."""

import html
import re

import math_core
from mkdocs.exceptions import PluginError
from mkdocs.structure.pages import Page

FORMULA = re.compile(
    r'(?s)<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>'
)

converter = math_core.LatexToMathML(fancy_error=False)


def on_page_content(content: str, page: Page, **kwargs: object) -> str:
    """Replace what `pymdownx.arithmatex` left for a script to find."""

    def formula(found: re.Match[str]) -> str:
        tex = html.unescape(found["tex"]).strip()
        try:
            return converter.convert_with_local_state(tex, displaystyle=found["tag"] == "div")
        except math_core.LatexError as error:
            raise PluginError(f"{page.file.src_uri}: {tex}: {error}") from error

    return FORMULA.sub(formula, content)
