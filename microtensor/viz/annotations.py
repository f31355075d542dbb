"""What a drawing says of values, gradients and their health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Graph
from ..op import Node
from .health import Finding
from .items import Fold, Item
from .labels import Row
from .summary import summary

__all__ = ["annotated", "health_note"]

Array = npt.NDArray[Any]

_VALUE, _GRADIENT, _MISSING, _FINDING = "#202124", "#7b2d90", "#7a7f85", "#c5221f"
_MOST_FINDINGS = 3
"""More of one node are counted."""


def annotated(
    graph: Graph,
    shown: Mapping[Node, Item],
    *,
    values: Mapping[Node, Array] | None = None,
    gradients: Mapping[Node, Array] | None = None,
    findings: Mapping[Node, Sequence[Finding]] = MappingProxyType({}),
) -> dict[Item, list[Row]]:
    """Return the rows for the label of each thing drawn, the findings first.

    ``shown`` says what is drawn for each node; ``values`` or ``gradients`` are ``None`` if they are
    not to be shown.
    """
    members: dict[Item, list[Node]] = {}
    for node, item in shown.items():
        members.setdefault(item, []).append(node)
    rows: dict[Item, list[Row]] = {}
    for item, nodes in members.items():
        of_item = [Row("", [f"⚠ {line}"], _FINDING) for line in _lines(graph, nodes, findings)]
        if not isinstance(item, Fold):
            if values is not None:
                of_item.append(_row("value", nodes, values, _VALUE, "not kept"))
            if gradients is not None and item.requires_grad:
                of_item.append(_row("gradient", nodes, gradients, _GRADIENT, "not computed"))
        if of_item:
            rows[item] = of_item
    return rows


def health_note(
    graph: Graph,
    findings: Mapping[Node, Sequence[Finding]],
    values: Mapping[Node, Array],
    gradients: Mapping[Node, Array],
) -> str:
    """Say what the health checks found in all, and what they could not judge."""
    count = sum(map(len, findings.values()))
    said = ["nothing found" if not count else "1 finding" if count == 1 else f"{count} findings"]
    tracked = [node for node in graph.nodes if node.requires_grad]
    if any(node not in values for node in tracked):
        said.append("some values were not kept")
    if all(node not in gradients for node in tracked):
        said.append("gradients were not computed")
    elif any(node not in gradients for node in tracked):
        said.append("some gradients were not computed")
    return f"health: {'; '.join(said)}"


def _row(
    caption: str, nodes: Sequence[Node], arrays: Mapping[Node, Array], colour: str, missing: str
) -> Row:
    known = [arrays[node] for node in nodes if node in arrays]
    if not known:
        return Row(caption, [missing], _MISSING)
    if len(nodes) == 1:
        return Row(caption, summary(known[0]), colour)
    every = np.concatenate([np.ravel(array) for array in known])
    return Row(f"{len(known)} {caption}s", summary(every), colour)


def _lines(
    graph: Graph, nodes: Sequence[Node], findings: Mapping[Node, Sequence[Finding]]
) -> list[str]:
    """Return the findings of what is drawn as one: of many of a kind the first, and how many."""
    by_kind: dict[str, list[tuple[Node, Finding]]] = {}
    for node in nodes:
        for finding in findings.get(node, ()):
            by_kind.setdefault(finding.kind, []).append((node, finding))
    lines = []
    for kind in sorted(by_kind, key=lambda kind: "gradient" in kind):
        found = by_kind[kind]
        node, first = next((each for each in found if each[1].is_origin), found[0])
        if len(nodes) == 1:
            lines.append(first.text)
        else:
            others = f", and in {len(found) - 1} more" if len(found) > 1 else ""
            lines.append(f"{graph.label(node)}: {first.text}{others}")
    more = len(lines) - _MOST_FINDINGS
    return [*lines[:_MOST_FINDINGS], *([f"{more} more"] if more > 0 else ())]
