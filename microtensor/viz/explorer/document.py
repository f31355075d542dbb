"""One HTML file of a page's data, markup, style and scripts; it loads nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

__all__ = ["document"]

SCRIPTS = (
    "dom.js",
    "theme.js",
    "format.js",
    "data.js",
    "state.js",
    "heatmap.js",
    "array_view.js",
    "camera.js",
    "shapes.js",
    "graph.js",
    "overview.js",
    "chain.js",
    "step_view.js",
    "history.js",
    "tensor_view.js",
    "transport.js",
    "keys.js",
    "search.js",
    "main.js",
)
"""The modules, each after those that it imports."""

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:const|function|class) (\w+))", re.MULTILINE)


def document(title: str, data: dict[str, Any]) -> bytes:
    """Return the page.

    The scripts are one module, and may run, as may the style be used, because the page's
    Content-Security-Policy has their hashes. Nothing else may run or be loaded. The data is JSON
    without any ``<``, so that no name in it ends its element.
    """
    style, script = _asset("explorer.css"), _joined(SCRIPTS)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "title": html.escape(title),
        "policy": policy,
        "style": style,
        "data": _json(data),
        "script": script,
    }
    page = re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _asset("page.html"))
    return page.encode(errors="replace")  # a lone surrogate, in a name


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _joined(names: Iterable[str]) -> str:
    """Join modules to one, in which each is a function that returns what it exports.

    Browsers load no modules from disk, and a page has nowhere else to load them from.
    """
    joined: dict[str, str] = {}
    for name in names:
        source = _asset(name)
        for _, imported in _IMPORT.findall(source):
            assert f"{imported}.js" in joined, f"{name} imports {imported}.js, which comes later"
        exported = ", ".join(found[2] for found in _EXPORT.finditer(source))
        body = _EXPORT.sub(r"\1", _IMPORT.sub(r"const \1 = $\2;", source)).strip()
        module = name.removesuffix(".js")
        joined[name] = f"const ${module} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();"
    return "\n" + "\n\n".join(joined.values()) + "\n"


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _json(data: dict[str, Any]) -> str:
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
