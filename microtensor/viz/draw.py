"""The compute graph as a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ArgumentError, GradientError
from ..graph import Graph, Kind
from ..op import Node, Op
from ..tensor import Tensor
from .labels import node_label, node_tooltip

if TYPE_CHECKING:
    import graphviz

__all__ = ["COMMUTATIVE", "EDGE", "GRAPH", "NODE", "draw"]

_FONT = "Arial"
"""Of a list of fonts layout engines take no measure, and of Helvetica Pango often a wrong one."""

GRAPH = {"fontname": _FONT, "bgcolor": "white", "pad": "0.2", "nodesep": "0.3", "ranksep": "0.35"}
NODE = {
    "fontname": _FONT,
    "fontsize": "12",
    "style": "filled",
    "margin": "0.12,0.06",
    "height": "0.4",
}
EDGE = {
    "fontname": _FONT,
    "fontsize": "9",
    "color": "#5f6368",
    "fontcolor": "#5f6368",
    "arrowsize": "0.6",
}

_STYLES = {
    Kind.PARAMETER: {"shape": "box", "fillcolor": "#ffe2b8", "color": "#a85b00"},
    Kind.INPUT: {"shape": "ellipse", "fillcolor": "#d8e8fb", "color": "#1d5c9e"},
    Kind.CONSTANT: {
        "shape": "hexagon",
        "fillcolor": "#eceef0",
        "color": "#7a7f85",
        "margin": "0.02",
        "width": "0.5",
    },
    Kind.OPERATION: {
        "shape": "box",
        "fillcolor": "#ffffff",
        "color": "#7a7f85",
        "style": "filled,rounded",
    },
}
_OUTPUT = {"fillcolor": "#d6f0de", "color": "#15713f", "peripheries": "2"}

COMMUTATIVE = frozenset(
    {
        "add",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "equal",
        "logical_and",
        "logical_or",
        "logical_xor",
        "maximum",
        "minimum",
        "multiply",
        "not_equal",
    }
)


def draw(
    output: Tensor | Sequence[Tensor],
    *,
    module: Any = None,
    names: Mapping[str, Any] | None = None,
    rankdir: Literal["TB", "LR", "BT", "RL"] = "TB",
) -> graphviz.Digraph:
    """Draw the operations that ``output`` was computed by, from its inputs and parameters on.

    Parameters are orange rectangles, inputs blue ellipses, constants grey hexagons, results of
    operations white with round corners, outputs green with a double line. Each shows its name, its
    operation, its shape and its dtype. Edges carry the position of an operand where it matters.

    Parameters
    ----------
    output
        One tensor, or several; before or after `backward`.
    module
        An `nn.Module` whose parameters are called by their paths (``layers.0.weight``); by default
        those that the calling code has as variables.
    names
        What to call which tensor or array, ``{"z1": z1}``; by default what the calling code's
        variables are called. A tensor's own ``name`` goes first.
    rankdir
        The direction of the computation: ``"TB"``, from top to bottom, or ``"LR"``, ``"BT"``,
        ``"RL"``.

    Returns
    -------
    A `graphviz.Digraph`, to change, to show in a notebook, and to write with `render`; its
    ``.source`` is DOT.

    Raises
    ------
    GradientError
        If nothing was recorded: no output depends on a tensor that requires a gradient.
    ArgumentError
        If ``rankdir`` is none of the four.

    Examples
    --------
    >>> import microtensor as mt
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> print(draw((w * 3).sum()).source)
    digraph {...multiply...}
    """
    from .drawing import Drawing

    if rankdir not in ("TB", "LR", "BT", "RL"):
        raise ArgumentError(f"rankdir is 'TB', 'LR', 'BT' or 'RL', not {rankdir!r}")
    graph = Graph(output, module=module, names=None if names is None else names.items())
    if all(node.op is None for node in graph.outputs):
        raise GradientError(
            f"There is nothing to draw: {graph.label(graph.outputs[0])!r} of shape "
            f"{graph.outputs[0].shape} was not computed by recorded operations. Operations are "
            "recorded on tensors made with requires_grad=True, outside no_grad()."
            if graph.outputs
            else "There is nothing to draw: no output was given."
        )
    drawing: graphviz.Digraph = Drawing(
        graph_attr={**GRAPH, "rankdir": rankdir}, node_attr=NODE, edge_attr=EDGE
    )
    ids = {node: f"n{i}" for i, node in enumerate(graph.nodes) if not node.is_constant}
    for node, id in ids.items():
        _add_node(drawing, id, graph, node)
    for source, target, position in graph.edges():
        if source.is_constant:  # drawn wherever it is used: no edges across the drawing from a 2
            id = f"{ids[target]}c{position}"
            _add_node(drawing, id, graph, source)
        else:
            id = ids[source]
        label = _operand(target, position) if _order_matters(target) else ""
        drawing.edge(id, ids[target], **({"label": f" {label} "} if label else {}))
    return drawing


def _add_node(drawing: graphviz.Digraph, id: str, graph: Graph, node: Node) -> None:
    kind = graph.kind(node)
    attributes = _STYLES[kind] | {"class": kind.value}
    if node in graph.outputs:
        attributes |= _OUTPUT | {"class": f"{kind.value} output"}
    if _order_matters(node):
        attributes["ordering"] = "in"
    drawing.node(id, node_label(graph, node), tooltip=node_tooltip(graph, node), **attributes)


def _order_matters(node: Node) -> bool:
    return node.op is not None and len(node.parents) > 1 and node.op.name not in COMMUTATIVE


def _operand(node: Node, position: int) -> str:
    """Return what the operation calls its operand, or its number if the names are just x and y."""
    arguments = () if node.op is None else _arguments(node.op)
    telling = any(len(name) > 1 for name in arguments)
    return arguments[position] if telling and position < len(arguments) else str(position + 1)


def _arguments(op: Op) -> tuple[str, ...]:
    """Return the names of an operation's inputs, as its derivative rules call them."""
    if not op.vjps:
        return ()
    code = getattr(op.vjps[0], "__code__", None)
    return () if code is None else code.co_varnames[2 : 2 + op.arity]
