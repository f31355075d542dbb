"""Drawings as files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RenderError
from ..files import write_whole

if TYPE_CHECKING:
    import graphviz

__all__ = ["render"]


def render(
    drawing: graphviz.Digraph, path: str | os.PathLike[str], *, format: str | None = None
) -> Path:
    """Write a drawing to ``path``, in the format that its ending names.

    The system's ``dot`` lays it out where it is installed and works, else graphviz-pure, which
    comes along with microtensor and writes SVG and PNG. ``.dot`` and ``.gv`` files hold the DOT
    source. The file appears whole or not at all.

    Parameters
    ----------
    drawing
        What `draw` returns.
    path
        The file to write, such as ``"graph.svg"``; one that exists is replaced.
    format
        The format, where the ending does not name it.

    Returns
    -------
    The path.

    Raises
    ------
    RenderError
        If the format is missing or unknown to the layout engine, or there is no layout engine.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import microtensor as mt
    >>> from microtensor.viz import draw, render
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = render(draw((w * 3).sum()), Path(folder) / "graph.svg")
    ...     path.name, path.read_bytes().startswith(b"<?xml")
    ('graph.svg', True)
    """
    from .drawing import laid_out

    chosen = format or Path(path).suffix[1:].lower()
    if not chosen:
        raise RenderError(
            f"What format is {os.fspath(path)!r} to have? End it in .svg or .png, or give format=."
        )
    if chosen in ("dot", "gv"):
        return write_whole(path, drawing.source.encode(drawing.encoding))
    return write_whole(path, laid_out(drawing, chosen))
