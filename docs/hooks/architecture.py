"""Draws the architecture: the layers that the tests hold the package to, and the parts of each.

In a page, ``<!-- architecture -->`` stands for the drawing, and ``<!-- parts -->`` for the table of
parts. Both are made from the table in `tests/test_layering.py` and the first line of each part, so
that they are as true as those.
"""

import ast
import re
from html import escape
from pathlib import Path

import graphviz

from microtensor.viz.drawing import laid_out

ROOT = Path(__file__).parents[2]
LAYERING = ROOT / "tests" / "test_layering.py"

TITLES = (
    "what all may use",
    "an operation, as data",
    "operations, recording,<br/>the backward pass",
    "the array that records",
    "gradients on request,<br/>layers, optimizers",
    "the readers of the graph",
    "the command, the public names",
)
"""What a layer is, from the lowest on."""
COLOURS = ("#dde1e5", "#ffe2b8", "#ffe2b8", "#d8e8fb", "#d8e8fb", "#dff2df", "#dde1e5")
MAIN = {"op", "engine", "ops", "tensor", "autograd", "func", "graph", "nn", "optim", "viz",
        "compare", "compile", "onnx"}  # fmt: skip
"""The parts in bold type: where to begin to read."""
IN_A_ROW = 7


def layers() -> list[list[str]]:
    """Return the parts of each layer, from the lowest layer on."""
    tree = ast.parse(LAYERING.read_text("utf-8"))
    table = next(
        ast.literal_eval(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "LAYERS"
    )
    return [
        [part for part, its in table.items() if its == layer and not part.startswith("__")]
        for layer in range(max(table.values()) + 1)
    ]


def drawing() -> graphviz.Digraph:
    """Return the layers as a drawing, each upon those that it may import."""
    rows = [
        row(number, TITLES[number], COLOURS[number], parts)
        for number, parts in reversed(list(enumerate(layers())))
    ]
    graph = graphviz.Digraph("architecture", node_attr={"shape": "plain", "fontname": "Arial"})
    head = '<table border="0" cellborder="0" cellspacing="6" cellpadding="0">'
    graph.node("layers", f"<{head}{''.join(rows)}</table>>")
    return graph


def row(number: int, title: str, colour: str, parts: list[str]) -> str:
    """Return a layer as a row of the drawing's table."""
    parts = sorted(parts, key=lambda part: (part not in MAIN, part))
    lines = "".join(
        f"<tr>{''.join(map(cell, parts[i : i + IN_A_ROW]))}</tr>"
        for i in range(0, len(parts), IN_A_ROW)
    )
    return (
        f'<tr><td align="right"><font color="#5f6368">{title}</font></td>'
        f'<td width="24"><b>{number}</b></td>'
        f'<td align="left" bgcolor="{colour}" style="rounded" cellpadding="4">'
        f'<table border="0" cellborder="0" cellspacing="2" cellpadding="4">{lines}</table>'
        "</td></tr>"
    )


def cell(part: str) -> str:
    """Return a part as a cell of the drawing's table."""
    return f'<td align="left">{f"<b>{part}</b>" if part in MAIN else part}</td>'


def table() -> str:
    """Return what each part says of itself, as a table in HTML."""
    rows = [
        f"<tr><td>{number}</td><td><code>{name}</code></td><td>{summary}</td></tr>"
        for number, parts in enumerate(layers())
        for name, summary in sorted(map(described, parts))
    ]
    head = "<thead><tr><th>layer</th><th>part</th><th>holds</th></tr></thead>"
    return f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"


def described(part: str) -> tuple[str, str]:
    """Return the file or folder of a part, and the first sentence of what it says of itself."""
    package = ROOT / "microtensor" / part
    path = package / "__init__.py" if package.is_dir() else package.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    summary = escape(docstring.split("\n\n")[0].replace("\n", " "), quote=False)
    return f"{part}/" if package.is_dir() else path.name, re.sub(
        r"`{1,2}(.+?)`{1,2}", r"<code>\1</code>", summary
    )


def on_page_content(content: str, **kwargs: object) -> str:
    """Put the drawing and the table into their places."""
    if "<!-- architecture -->" in content:
        svg = laid_out(drawing(), "svg").decode()
        svg = re.sub(r"<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
        content = content.replace("<!-- architecture -->", f'<div class="picture">{svg}</div>')
    return content.replace("<!-- parts -->", table())
