"""A drawing read back by Graphviz: its nodes, its edges and its frames, as people see them."""

import html
import json
import re
from typing import Any, NamedTuple

import graphviz

from microtensor.viz.drawing import laid_out


class Shown(NamedTuple):
    """A node: the lines of its label, and its attributes."""

    lines: list[str]
    attributes: dict[str, Any]

    @property
    def title(self) -> str:
        return self.lines[0]

    @property
    def classes(self) -> list[str]:
        return str(self.attributes["class"]).split()


class Arrow(NamedTuple):
    """An edge, between the first lines of two labels."""

    tail: str
    head: str
    label: str
    attributes: dict[str, Any]


class Reading:
    """What a drawing shows."""

    def __init__(self, drawing: graphviz.Digraph) -> None:
        graph = json.loads(laid_out(drawing, "json0"))
        objects = graph.get("objects", [])
        self.note = graph.get("label", "").replace("\\l", "\n").strip()
        self.nodes = {
            each["name"]: Shown(lines(each["label"]), each)
            for each in objects
            if not each["name"].startswith("cluster")
        }
        names = {each["_gvid"]: each["name"] for each in objects}
        self.arrows = [
            Arrow(
                self.nodes[names[edge["tail"]]].title,
                self.nodes[names[edge["head"]]].title,
                edge.get("label", "").strip(),
                edge,
            )
            for edge in graph.get("edges", [])
        ]
        frames = [each for each in objects if each["name"].startswith("cluster")]
        self.frames = {
            " ".join(lines(each.get("label", ""))): {
                self.nodes[names[i]].title for i in each.get("nodes", [])
            }
            for each in frames
        }

    @property
    def titles(self) -> list[str]:
        return [node.title for node in self.nodes.values()]

    def node(self, title: str) -> Shown:
        (found,) = (node for node in self.nodes.values() if node.title == title)
        return found

    def edges(self) -> list[tuple[str, str, str]]:
        return [(arrow.tail, arrow.head, arrow.label) for arrow in self.arrows]

    def links(self) -> set[tuple[str, str]]:
        """Return the dashed lines, from an operation to an operation of its gradient."""
        return {
            (arrow.tail, arrow.head)
            for arrow in self.arrows
            if arrow.attributes.get("style") == "dashed" and "minlen" in arrow.attributes
        }


def lines(label: str) -> list[str]:
    """Return the text of a label, one string for each row of its table."""
    rows = re.findall(r"<tr>(.*?)</tr>", label, re.DOTALL) or [label]
    return [_text(re.sub(r"</td><td[^>]*>", " ", row)) for row in rows]


def _text(markup: str) -> str:
    text = re.sub(r"<[^<>]*>", "", re.sub(r"<br[^<>]*>(?=[^<])", "\n", markup))
    return html.unescape(text).replace("\N{NO-BREAK SPACE}", " ").replace("\\\\", "\\")
