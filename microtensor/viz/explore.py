"""The compute graph as a page to step through: forward, then backward."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, GradientError, InPlaceError, ReleasedGraphError
from ..files import write_whole
from ..graph import Graph
from ..inplace import clock
from ..names import caller, variables
from ..op import describe
from ..record import leaf_of
from ..tensor import Tensor
from .shown_page import ShownPage

if TYPE_CHECKING:
    from ..compare import Comparison
    from .explorer.backward import BackwardPass
    from .history import History

__all__ = ["explore"]

MOST_NODES = 5000
"""A larger graph is nothing to look at, and takes a browser long to draw."""


def explore(
    output: Tensor,
    path: str | os.PathLike[str],
    *,
    gradient: Any = None,
    module: Any = None,
    names: Mapping[str, Any] | None = None,
    comparison: Comparison | None = None,
    history: History | Sequence[Mapping[str, Any]] | None = None,
    title: str | None = None,
) -> Path:
    """Write a page that steps through the computation of ``output`` and through backpropagation.

    The page is one HTML file, which opens in any browser, offline. It shows the graph, and goes
    through it step by step: forward, operation by operation, then backward, contribution by
    contribution: the incoming gradient, the operation's local rule in the names of the calling
    code, the sum over axes that were broadcast, the sum over all that a tensor was used for. A
    tensor that is clicked on shows its value and gradient, how it was made and on which line, and
    the chain rule's expression for its gradient.

    Explore before `backward`, or after ``backward(retain_graph=True)``. No tensor's ``grad``
    changes, and the graph stays as it is.

    The line that made a tensor is exact for operations that ran in `autograd.record_source`. Else
    it is found for tensors that are variables, as the last line above the call of `explore` that
    assigns the variable; in a notebook, in the cells that ran before, too.

    Arrays of up to 64 elements are written in full, larger ones rounded to 6 digits, up to 1024
    elements. What is larger is summarised: means over blocks, statistics, a histogram; the page
    says so. With more than some 300 arrays that limit falls, to 64 at least.

    Parameters
    ----------
    output
        The tensor to start from, a loss usually.
    path
        The file to write, such as ``"graph.html"``; one that exists is replaced.
    gradient
        The gradient of something with respect to ``output``, of its shape; 1 if left out, which
        needs an output of one element.
    module
        An `nn.Module` whose parameters are called by their paths (``layers.0.weight``); by default
        those that the calling code has as variables.
    names
        What to call which tensor or array, ``{"z1": z1}``; by default what the calling code's
        variables are called. A tensor's own ``name`` goes first.
    comparison
        What `microtensor.compare` returned for ``output``: the hand-derived gradients and the
        verdicts on them stand beside the gradients.
    history
        The course of a training, whose iterations a slider goes through: a `History`, or a list
        with a dict for each iteration, ``{"loss": 0.5, "W1": array, "W1.grad": array}``. Names are
        those on the page; numbers of any other name are shown as metrics. If arrays were kept at
        some iterations only, these are shown. Of more than 100, 100 are taken, evenly spaced.
    title
        The page's title; by default the output's name.

    Returns
    -------
    The path. A notebook shows the page in its place.

    Raises
    ------
    ReleasedGraphError
        If `backward` dropped the saved arrays.
    InPlaceError
        If a tensor was changed in place since it was used.
    GradientError
        If nothing was recorded, or ``output`` has several elements and no ``gradient`` is given.
    ArgumentError
        If ``comparison`` is of another output, ``history`` of another graph, or the graph has more
        than 5000 nodes.
    ShapeError
        If ``gradient`` or an array of ``history`` has not the shape of its tensor.
    RenderError
        If there is no layout engine; graphviz-pure, which microtensor needs, is one.
    OutputError
        If the file cannot be written; there is none then, or the earlier one.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import microtensor as mt
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = mt.viz.explore((w * 3).sum(), Path(folder) / "graph.html")
    ...     path.name, path.read_bytes().startswith(b"<!doctype html>")
    ('graph.html', True)
    """
    from .explorer.document import document
    from .explorer.page import Page

    if not isinstance(output, Tensor):
        raise TypeError(f"explore() takes a Tensor, and got a {type(output).__name__}")
    frame = caller()
    seen = list(variables(frame))
    graph = Graph(output, module=module, names=seen if names is None else names.items())
    _check(graph)
    backward = _backward(output, gradient)
    _check_unchanged(graph)
    page = Page(graph, backward)
    page.find_lines(frame, seen)
    if comparison is not None:
        page.add_comparison(comparison)
    if history is not None:
        page.add_history(history)
    title = page.name_of_output if title is None else title
    return ShownPage(write_whole(path, document(title, page.data(title))))


def _check(graph: Graph) -> None:
    output = graph.outputs[0]
    if output.op is None:
        raise GradientError(
            f"There is nothing to explore: {graph.label(output)!r} of shape {output.shape} was not "
            "computed by recorded operations. Operations are recorded on tensors made with "
            "requires_grad=True, outside no_grad()."
        )
    if len(graph.nodes) > MOST_NODES:
        raise ArgumentError(
            f"The graph of {graph.label(output)!r} has {len(graph.nodes)} nodes, and a page shows "
            f"at most {MOST_NODES}: explore one step of the loop, or a part, such as one layer's "
            "result with gradient=."
        )


def _backward(output: Tensor, gradient: Any) -> BackwardPass:
    from .explorer.backward import BackwardPass

    try:
        with np.errstate(all="ignore"):  # what is not finite is seen on the page
            return BackwardPass({leaf_of(output): output._seed(gradient)})
    except ReleasedGraphError as error:
        raise ReleasedGraphError(
            "explore() computes all gradients, and the arrays that these need were dropped by "
            "backward(). Call explore() before backward(), call backward(retain_graph=True), or "
            "compute the output again."
        ) from error


def _check_unchanged(graph: Graph) -> None:
    """Raise if a leaf no longer has the value that the graph was computed from."""
    for edge in graph.edges():
        leaf, value = edge.source, graph.value(edge.source)
        if leaf.op is None and clock.changed_since(value, edge.target.order):
            assert edge.target.op is not None
            name = graph.names.get(leaf)
            which = f"{name!r}, shape {leaf.shape}" if name else describe(leaf)
            raise InPlaceError(
                f"{which}, was changed in place after the operation {edge.target.op.name} used it, "
                "so its value is not the one that the result was computed from. Explore before "
                "optimizer.step(), or compute the output again."
            )
