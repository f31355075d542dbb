"""What a drawing writes into its nodes: text of any content, as Graphviz takes it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..graph import Graph, Kind
from ..op import Node, Op

__all__ = ["escaped", "label", "node_label", "node_tooltip", "parameters_text"]

_LONGEST = 40
_LABEL = """<table border="0" cellborder="0" cellspacing="0" cellpadding="1">
<tr><td>{}</td></tr>
<tr><td><font point-size="10" color="#5f6368">{}</font></td></tr>
</table>"""


def node_label(graph: Graph, node: Node) -> str:
    """Return the label of a node, in Graphviz's HTML: name and operation, shape and dtype."""
    name = graph.names.get(node)
    if node.op is not None:
        operation = escaped(node.op.name + _params(node))
        text = operation if name is None else f"<b>{escaped(name)} = {operation}</b>"
    elif name is not None:
        text = f"<b>{escaped(name)}</b>"
    elif graph.kind(node) is Kind.CONSTANT:
        text = escaped(_number(graph, node))
    else:
        text = f"<i>{graph.kind(node).value}</i>"
    detail = _detail(node)
    return label(text, detail)


def label(text: str, detail: str) -> str:
    """Return a label of two lines, in Graphviz's HTML."""
    return f"<{_LABEL.format(text, detail) if detail else text}>"


def node_tooltip(graph: Graph, node: Node) -> str:
    """Return what hovering over a node shows: how it was made, and what it is."""
    name = graph.names.get(node)
    if node.op is not None:
        operands = ", ".join(graph.label(parent) for parent in node.parents)
        text = f"{node.op.name}({operands}){_params(node)}"
        text = text if name is None else f"{name} = {text}"
    else:
        text = name if name is not None else _number(graph, node)
    text = f"{graph.kind(node).value} {text} {_detail(node)}".strip()
    # In a tooltip Graphviz looks for escapes twice, and for entities.
    return _printable(text).replace("\\", "\\" * 4).replace("&", "&amp;")


def escaped(text: str) -> str:
    """Return ``text``, shortened, for Graphviz's HTML, where it looks for its escapes as well."""
    text = _printable(text)
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return html.escape(text).replace("\\", "\\\\")


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
