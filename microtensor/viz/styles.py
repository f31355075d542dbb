"""How drawings look: what is told apart by which shape and colour.

Colours are light enough for black text, and no two kinds differ by colour alone.
"""

from __future__ import annotations

__all__ = [
    "BACKWARD",
    "CARRY",
    "EDGE",
    "FINDING",
    "FOLD",
    "FRAME",
    "GRADIENT",
    "GRAPH",
    "KINDS",
    "LINK",
    "NODE",
    "OUTPUT",
    "READ",
    "REPEATED",
    "colours",
]

_FONT = "Arial"
"""Of a list of fonts layout engines take no measure, and of Helvetica Pango often a wrong one."""

GRAPH = {
    "fontname": _FONT,
    "fontsize": "11",
    "fontcolor": "#5f6368",
    "bgcolor": "white",
    "pad": "0.2",
    "nodesep": "0.3",
    "ranksep": "0.35",
}
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

KINDS = {
    "parameter": {"shape": "box", "fillcolor": "#ffe2b8", "color": "#a85b00"},
    "input": {"shape": "ellipse", "fillcolor": "#d8e8fb", "color": "#1d5c9e"},
    "constant": {
        "shape": "hexagon",
        "fillcolor": "#eceef0",
        "color": "#7a7f85",
        "margin": "0.02",
        "width": "0.5",
    },
    "operation": {
        "shape": "box",
        "fillcolor": "#ffffff",
        "color": "#7a7f85",
        "style": "filled,rounded",
    },
    "gradient": {
        "shape": "box",
        "fillcolor": "#f3e3f7",
        "color": "#7b2d90",
        "style": "filled,rounded",
    },
}
"""What a node is. The names serve as classes, for style sheets of an SVG."""

OUTPUT = {"color": "#15713f", "peripheries": "2"}
"""A result that is handed out."""

FOLD = {"shape": "box3d", "margin": "0.15,0.12", "fillcolor": "#f1f3f4", "color": "#5f6368"}
"""Several operations, drawn as one."""

FRAME = {"style": "rounded", "color": "#b4b9be", "bgcolor": "#f8f9fa", "labeljust": "l"}
"""A module that is opened."""

REPEATED = FRAME | {"style": "rounded,bold", "color": "#5f6368"}
"""Blocks that are repeated, and drawn once."""

BACKWARD = FRAME | {"color": "#cda6d8", "bgcolor": "#fcf8fd"}
"""The backward pass."""

GRADIENT = {"color": "#7b2d90", "dir": "back"}
"""Between operations of the backward pass."""

READ = {"color": "#b4b9be", "style": "dotted", "minlen": "0", "weight": "0"}
"""From a value of the forward pass to what reads it in the backward pass."""

LINK = {"color": "#b277c2", "style": "dashed", "minlen": "0"}
"""From an operation to an operation of its gradient; with an arrow if that reads its result."""

CARRY = {"color": "#5f6368", "style": "dashed", "minlen": "0", "weight": "0", "dir": "back"}
"""From the end of a block that is repeated to its beginning."""

FINDING = {"color": "#c5221f", "penwidth": "3"}
"""What the health checks found something wrong with."""


def colours(kind: str) -> dict[str, str]:
    """Return the colours of a kind, without its shape."""
    return {name: value for name, value in KINDS[kind].items() if name in ("color", "fillcolor")}
