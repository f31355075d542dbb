"""What a drawing writes into its nodes: text of any content, as Graphviz takes it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..graph import Graph, Kind
from ..op import Node, Op
from ..scopes import Scope

__all__ = [
    "Row",
    "escaped",
    "label",
    "node_label",
    "node_tooltip",
    "parameters_text",
    "title",
    "tooltip",
]

_LONGEST = 40
_TABLE = '<table border="0" cellborder="0" cellspacing="0" cellpadding="1">\n{}\n</table>'
_LINE = "<tr><td>{}</td></tr>"
_WIDE_LINE = '<tr><td colspan="2">{}</td></tr>'
_GREY = '<font point-size="10" color="#5f6368">{}</font>'


class Row(NamedTuple):
    """More to say about a node: what it is, and lines of text, in a colour."""

    caption: str
    lines: Sequence[str]
    colour: str = "#202124"

    def __str__(self) -> str:
        face = ' face="Courier"' if len(self.lines) > 1 else ""
        lines = (escaped(line, whole=True) for line in self.lines)
        text = "".join(f'{line}<br align="left"/>' for line in lines)
        text = f'<font point-size="10" color="{self.colour}"{face}>{text}</font>'
        if not self.caption:
            return _WIDE_LINE.format(text)
        caption = _GREY.format(self.caption)
        return f'<tr><td align="right" valign="top">{caption}</td><td align="left">{text}</td></tr>'


def node_label(
    graph: Graph,
    node: Node,
    *,
    kind: str,
    scope: Scope | None = None,
    varied: bool = False,
    rows: Iterable[Row] = (),
) -> str:
    """Return the label of a node, in Graphviz's HTML: name and operation, shape and dtype, rows.

    Parameters
    ----------
    kind
        What it is called if it has no name.
    scope
        The module that consists of this operation.
    varied
        Whether it stands for operations with other indices as well.
    rows
        What to say besides.
    """
    name = graph.names.get(node)
    if node.op is not None:
        params = "[…]" if varied else _params(node)
        operation = escaped(node.op.name + params)
        text = operation if name is None else f"<b>{escaped(name)} = {operation}</b>"
    elif name is not None:
        text = f"<b>{escaped(name)}</b>"
    elif graph.kind(node) is Kind.CONSTANT:
        text = escaped(_number(graph, node))
    else:
        text = f"<i>{kind}</i>"
    module = () if scope is None else (title(scope),)
    return label(text, *module, _detail(node), rows=rows)


def label(text: str, *details: str, rows: Iterable[Row] = ()) -> str:
    """Return a label in Graphviz's HTML: a line of text, grey ones, and more rows."""
    more = [str(row) for row in rows]
    grey = [_GREY.format(detail) for detail in details if detail]
    if not grey and not more:
        return f"<{text}>"
    line = _WIDE_LINE if more else _LINE
    lines = [*map(line.format, [text, *grey]), *more]
    return f"<{_TABLE.format(chr(10).join(lines))}>"


def title(first: Scope | None, last: Scope | None = None, times: int = 1) -> str:
    """Return what a module, or blocks that are repeated, are called, in Graphviz's HTML."""
    last = first if last is None else last
    text = ""
    if first is not None and last is not None:
        path, end = first.path or first.name, last.path or last.name
        path = path if end == path else f"{path} … {end}"
        kind = type(first.module).__name__
        alike = type(last.module) is type(first.module) and kind != path
        text = f"<b>{escaped(path)}</b>" + (f": {escaped(kind)}" if alike else "")
    return text if times == 1 else f"{text} <b>× {times}</b>".strip()


def node_tooltip(graph: Graph, node: Node, kind: str) -> str:
    """Return what hovering over a node shows: how it was made, and what it is."""
    name = graph.names.get(node)
    if node.op is not None:
        operands = ", ".join(graph.label(parent) for parent in node.parents)
        text = f"{node.op.name}({operands}){_params(node)}"
        text = text if name is None else f"{name} = {text}"
    else:
        text = name if name is not None else _number(graph, node)
    text = f"{kind} {text} {_detail(node)}".strip()
    return tooltip(text)


def tooltip(text: str) -> str:
    """Return ``text`` for a tooltip, where Graphviz looks for escapes twice, and for entities."""
    return _printable(text).replace("\\", "\\" * 4).replace("&", "&amp;")


def escaped(text: str, *, whole: bool = False) -> str:
    """Return ``text`` for Graphviz's HTML, where it looks for its escapes as well.

    It is shortened, unless it is wanted ``whole``, as columns of numbers are.
    """
    text = _printable(text)
    if len(text) > _LONGEST and not whole:
        text = text[: _LONGEST - 1] + "…"
    text = html.escape(text).replace("\\", "\\\\")
    return re.sub(r"^ +| {2,}", lambda spaces: "\N{NO-BREAK SPACE}" * len(spaces[0]), text)


def _printable(text: str) -> str:
    r"""Write control characters and the like as Python does: a newline as ``\n``."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def _number(graph: Graph, node: Node) -> str:
    value = graph.value(node)
    return graph.kind(node).value if value is None or node.shape else format(value, ".6g")


def _detail(node: Node) -> str:
    return "" if node.is_constant else f"{node.shape} {node.dtype}"


def _params(node: Node) -> str:
    return "" if node.op is None or not node.params else parameters_text(node.op, node.params)


def parameters_text(op: Op, params: Mapping[str, Any]) -> str:
    """Return the parameters that differ from the operation's defaults: `` axis=0``, ``[:, 0]``."""
    defaults = op.parameters
    given = {k: v for k, v in params.items() if k not in defaults or v is not defaults[k]}
    index = given.pop("index", None)
    text = "" if index is None else f"[{_index(index)}]"
    return text + "".join(f" {name}={_index(value)}" for name, value in given.items())


def _index(value: Any) -> str:
    """Write an index or a parameter as it is written in code, arrays by what they are."""
    if isinstance(value, tuple) and any(isinstance(part, (slice, np.ndarray)) for part in value):
        return ", ".join(map(_index, value))
    if isinstance(value, slice):
        ends = ("" if end is None else str(end) for end in (value.start, value.stop))
        return ":".join(ends) + ("" if value.step is None else f":{value.step}")
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return "..." if value is Ellipsis else str(value)
