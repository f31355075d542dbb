"""The compute graph as a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ArgumentError, GradientError
from ..graph import Graph
from ..op import Node
from ..tensor import Tensor
from . import passes, styles
from .annotations import annotated, health_note
from .backward import BackwardOutline, name_gradients
from .health import Finding, Thresholds, findings
from .labels import Row
from .outline import Outline
from .picture import Picture
from .values import values as values_of

if TYPE_CHECKING:
    import graphviz

__all__ = ["draw", "draw_graph"]

_MUCH = 2
"""Of a backward pass so many times as large as the limit nothing is drawn."""


def draw(
    output: Tensor | Sequence[Tensor],
    *,
    module: Any = None,
    names: Mapping[str, Any] | None = None,
    rankdir: Literal["TB", "LR", "BT", "RL"] = "TB",
    values: bool = False,
    gradients: bool = False,
    show_backward: bool = False,
    health: bool | Thresholds = False,
    depth: int | None = None,
    repeats: bool = True,
    limit: int | None = 150,
) -> graphviz.Digraph:
    """Draw the operations that ``output`` was computed by, from its inputs and parameters on.

    Parameters are orange rectangles, inputs blue ellipses, constants grey hexagons, results of
    operations white with round corners, outputs green with a double line. Each shows its name, its
    operation, its shape and its dtype. Edges carry the position of an operand where it matters.
    Calls of `nn.Module` are frames around what they computed; boxes with depth stand for several
    operations.

    Parameters
    ----------
    output
        One tensor, or several; before or after `backward`.
    module
        An `nn.Module` whose parameters and parts are called by their paths (``layers.0.weight``);
        by default those that the calling code has as variables.
    names
        What to call which tensor or array, ``{"z1": z1}``; by default what the calling code's
        variables are called. A tensor's own ``name`` goes first.
    rankdir
        The direction of the computation: ``"TB"``, from top to bottom, or ``"LR"``, ``"BT"``,
        ``"RL"``.
    values
        Whether nodes show their values: up to 12 numbers, or what they range over. Results that
        nothing holds are computed again from the operands, if these are known.
    gradients
        Whether nodes show the gradients of the sum of the outputs. They are computed for the
        drawing: ``.grad`` and the graph stay as they are. After a `backward` without
        ``retain_graph=True`` leaves show what their ``.grad`` holds, and results "not computed".
    show_backward
        Whether the operations of the backward pass are drawn beside those of the forward pass,
        violet, each with a dashed line to the operation that it differentiates. A gradient is
        called as in a derived program, ``d_W1``.
    health
        Whether to mark, in red, NaN and Inf, exploding and vanishing gradients, dead ReLUs and
        saturated sigmoids and tanhs; `Thresholds` say beyond which numbers.
    depth
        How many levels of modules are opened: 0 draws each outermost module as one node. By default
        all are, if the limit permits.
    repeats
        Whether a chain of at least three equal blocks, of modules or of operations, is drawn once
        and marked "× 12", if that saves eight operations or more.
    limit
        How many nodes are drawn at most, more or less: in a larger graph modules are closed, from
        the innermost on, then stretches of operations are drawn as one, and a backward pass that
        is twice as large all the same is left out. The drawing says so. ``None`` for any number.

    Returns
    -------
    A `graphviz.Digraph`, to change, to show in a notebook, and to write with `render`; its
    ``.source`` is DOT.

    Raises
    ------
    GradientError
        If nothing was recorded: no output depends on a tensor that requires a gradient. If
        gradients or the backward pass are asked for, and an output has several elements.
    ReleasedGraphError
        If the backward pass is to be drawn, and an earlier one dropped the arrays it needs.
    InPlaceError
        If gradients are asked for, and an array that they depend on was changed since.
    ArgumentError
        If ``rankdir`` is none of the four, or ``depth`` or ``limit`` is negative.

    Examples
    --------
    >>> import microtensor as mt
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> print(draw((w * 3).sum()).source)
    digraph {...multiply...}
    >>> source = draw((w * 3).sum(), values=True, gradients=True).source
    >>> "value" in source, "gradient" in source
    (True, True)
    """
    if rankdir not in ("TB", "LR", "BT", "RL"):
        raise ArgumentError(f"rankdir is 'TB', 'LR', 'BT' or 'RL', not {rankdir!r}")
    for name, number in (("depth", depth), ("limit", limit)):
        if number is not None and number < 0:
            raise ArgumentError(f"{name} is {number}, and must be 0 or more, or None.")
    graph = Graph(output, module=module, names=None if names is None else names.items())
    if all(node.op is None for node in graph.outputs):
        raise GradientError(
            f"There is nothing to draw: {graph.label(graph.outputs[0])!r} of shape "
            f"{graph.outputs[0].shape} was not computed by recorded operations. Operations are "
            "recorded on tensors made with requires_grad=True, outside no_grad()."
            if graph.outputs
            else "There is nothing to draw: no output was given."
        )
    return draw_graph(
        graph,
        rankdir=rankdir,
        values=values,
        gradients=gradients,
        show_backward=show_backward,
        health=health,
        depth=depth,
        repeats=repeats,
        limit=limit,
    )


def draw_graph(
    graph: Graph,
    *,
    rankdir: str = "TB",
    values: bool = False,
    gradients: bool = False,
    show_backward: bool = False,
    health: bool | Thresholds = False,
    depth: int | None = None,
    repeats: bool = True,
    limit: int | None = None,
) -> graphviz.Digraph:
    """Draw a graph that has been read already; the arguments are those of `draw`."""
    from .drawing import Drawing

    most = limit
    if show_backward and limit is not None:
        most = limit // 3  # a derivative rule takes two operations, more or less
    outline = Outline(graph, depth=depth, repeats=repeats, limit=most)
    notes = [outline.note] if outline.note else []
    known_values = values_of(graph) if values or health else {}
    known_gradients = _gradients(graph, gradients) if gradients or health else {}
    found: dict[Node, list[Finding]] = {}
    if health:
        thresholds = health if isinstance(health, Thresholds) else None
        found = findings(graph, known_values, known_gradients, thresholds)
        notes.append(health_note(graph, found, known_values, known_gradients))
    rows = annotated(
        graph,
        outline.shown,
        values=known_values if values else None,
        gradients=known_gradients if gradients else None,
        findings=found,
    )
    backward = None
    if show_backward:
        recorded = passes.Backward(graph)
        both = graph.extended(name_gradients(graph.names, recorded))
        backward = BackwardOutline(both, outline, recorded)
        if limit is not None and len(backward.kinds) > _MUCH * limit:
            notes.append(
                f"The backward pass is not drawn: it would have {len(backward.kinds)} nodes.\n"
                "draw(..., limit=None) draws it."
            )
            backward = None
    if backward is not None:
        graph = both
        if values:
            rows |= annotated(graph, backward.shown, values=values_of(graph))
        for node, times in backward.times.items():
            repeated = Row("", [f"× {times}"], styles.KINDS["gradient"]["color"])
            rows[node] = [repeated, *rows.get(node, ())]
    drawing: graphviz.Digraph = Drawing(
        graph_attr={**styles.GRAPH, "rankdir": rankdir},
        node_attr=styles.NODE,
        edge_attr=styles.EDGE,
    )
    if notes:
        text = "".join(f"{line}\\l" for note in notes for line in note.split("\n"))
        drawing.attr(label=text, labelloc="t", labeljust="l")
    marked = {outline.shown[node] for node in found}
    picture = Picture(drawing, graph, outline, backward=backward, rows=rows, marked=marked)
    picture.add_nodes()
    picture.add_edges()
    return drawing


def _gradients(graph: Graph, asked: bool) -> dict[Node, Any]:
    """Return gradients; for the health checks, if nobody asked, only where they are defined."""
    if asked or all(node.size == 1 for node in graph.outputs):
        return passes.gradients(graph)
    return passes.held(graph)
