"""What notebooks show of tensors and modules: their graph, and what they consist of."""

from __future__ import annotations

import base64
import html
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import MicrotensorError
from ..graph import Graph
from ..names import is_name
from ..nn.module import Module
from ..tensor import Tensor
from .draw import draw_graph

if TYPE_CHECKING:
    import graphviz

__all__ = ["representations", "svg"]

_LARGEST = 3000
"""Of more operations no picture is made unasked."""
_MOST_DRAWN = 60
_SECONDS = 5.0

_CELL = 'style="text-align: left"'


def representations(value: Any) -> Mapping[str, str]:
    """Return what a notebook shows of a value, by MIME type: nothing if the text says it all.

    >>> import microtensor as mt
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> sorted(representations(w * 2))
    ['image/svg+xml', 'text/html']
    >>> representations(w)
    {}
    """
    if isinstance(value, Tensor):
        return _of_tensor(value)
    if isinstance(value, Module):
        return {"text/html": _of_module(value)}
    return {}


def svg(drawing: graphviz.Digraph) -> str | None:
    """Return a drawing as SVG to put into a page; ``None`` if that cannot be had, or not soon."""
    from .drawing import laid_out

    try:
        text = laid_out(drawing, "svg", seconds=_SECONDS).decode()
    except MicrotensorError:
        return None
    return text[text.index("<svg") :]


def _of_tensor(tensor: Tensor) -> Mapping[str, str]:
    if tensor.is_leaf:
        return {}
    text = f"<pre>{html.escape(repr(tensor))}</pre>"
    if _is_large(tensor):
        note = f"Its graph has more than {_LARGEST} nodes: <code>mt.viz.draw</code> draws it."
        return {"text/html": f"{text}\n<p>{note}</p>"}
    # The frame that calls is IPython's; the user's variables are those of the main module.
    variables = list(vars(sys.modules["__main__"]).items())
    graph = Graph(tensor, names=[item for item in variables if is_name(item[0])])
    picture = svg(draw_graph(graph, limit=_MOST_DRAWN))
    if picture is None:
        return {}
    # As an image, since a notebook that is not trusted yet leaves out the tags of SVG.
    source = f"data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()}"
    image = f'<img src="{source}" alt="its graph" style="max-width: none">'
    shown = f'{text}\n<div style="overflow-x: auto">{image}</div>'
    return {"text/html": shown, "image/svg+xml": picture}


def _is_large(tensor: Tensor) -> bool:
    assert tensor._node is not None
    seen = {tensor._node}
    stack = [tensor._node]
    while stack:
        for parent in stack.pop().parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
        if len(seen) > _LARGEST:
            return True
    return False


def _of_module(module: Module) -> str:
    """Return a table of the modules with their own parameters, and how many numbers these are."""
    rows = []
    for path, part in module.named_modules():
        parameters = dict(part.named_parameters(recurse=False))
        shapes = ", ".join(f"{name} {p.shape}" for name, p in parameters.items())
        count = sum(p.size for p in parameters.values())
        kind = f"{type(part).__name__}({part.extra_repr()})"
        rows.append(_row("td", path, kind, shapes, f"{count:,}" if count else ""))
    total = sum(p.size for p in module.parameters())
    head = _row("th", "path", "module", "parameters", "numbers")
    foot = _row("th", "", "", "all", f"{total:,}")
    return "\n".join(["<table>", head, *rows, foot, "</table>"])


def _row(tag: str, *cells: str) -> str:
    written = (f"<{tag} {_CELL}>{html.escape(cell)}</{tag}>" for cell in cells)
    return f"<tr>{''.join(written)}</tr>"
