"""The steps of a computation: forward, operation by operation, then backward."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...graph import Graph
from ...op import Node
from .arrays import Arrays
from .backward import BackwardPass, Contribution

__all__ = ["steps"]

Step = dict[str, Any]


def steps(
    graph: Graph,
    ids: Mapping[Node, int],
    backward: BackwardPass,
    arrays: Arrays,
    rule: Callable[[Graph, Node, int], str],
) -> list[Step]:
    """Return the steps, for JSON.

    The first, ``start``, has the leaves only. One ``forward`` follows for each operation, ``seed``
    for the gradient that the backward pass starts from, one ``contribution`` for each operand that
    gets a gradient, and after the last of several to one tensor their ``sum``.
    """
    found: list[Step] = [{"kind": "start"}]
    found += ({"kind": "forward", "node": ids[node]} for node in graph.nodes if node.op is not None)
    found += (
        {"kind": "seed", "node": ids[node], "gradient": arrays.add(backward.gradients[node])}
        for node in graph.outputs
    )
    totals = Counter(c.parent for c in backward.contributions)
    arrived: dict[Node, list[int]] = defaultdict(list)
    for contribution in backward.contributions:
        parent = contribution.parent
        parts, gradient = arrived[parent], backward.gradients[parent]
        parts.append(len(found))
        array = gradient if totals[parent] == 1 else contribution.array
        facts = {
            "rule": rule(graph, contribution.node, contribution.position),
            "part": len(parts),
            "of": totals[parent],
        }
        found.append(_contribution(contribution, array, ids, arrays) | facts)
        if totals[parent] == len(parts) > 1:
            total = {"node": ids[parent], "parts": parts, "gradient": arrays.add(gradient)}
            found.append({"kind": "sum", **total})
    return found


def _contribution(
    contribution: Contribution, array: Any, ids: Mapping[Node, int], arrays: Arrays
) -> Step:
    """Describe a contribution, ``array``, with what came in and what the rule made of it."""
    raw, parent = contribution.raw, contribution.parent
    summed = list(_summed(raw.shape, parent.shape))
    return {
        "kind": "contribution",
        "node": ids[parent],
        "by": ids[contribution.node],
        "position": contribution.position,
        "incoming": arrays.add(contribution.incoming),
        "raw": arrays.add(raw if raw.shape != parent.shape else array),
        "axes": summed,
        "array": arrays.add(array),
    }


def _summed(raw: Sequence[int], shape: Sequence[int]) -> Iterator[int]:
    """Yield the axes over which a gradient of shape ``raw`` is summed to ``shape``."""
    extra = len(raw) - len(shape)
    for axis, length in enumerate(raw):
        if axis < extra or (shape[axis - extra] == 1 and length != 1):
            yield axis
