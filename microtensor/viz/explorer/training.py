"""The iterations of a training that a page's slider moves through."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import ArgumentError, DtypeError, ShapeError
from ...op import Node
from ..history import History
from .arrays import Arrays, number

__all__ = ["MOST_ITERATIONS", "Iterations", "iterations"]

MOST_ITERATIONS = 100
"""How many iterations a page holds; of more, evenly spaced ones, with the first and the last."""
_GRADIENT = ".grad"

Iterations = Sequence[Mapping[str, Any]]


def iterations(
    history: History | Iterations,
    nodes: Mapping[str, Node],
    ids: Mapping[Node, int],
    arrays: Arrays,
) -> dict[str, Any]:
    """Return the iterations of a history, for JSON.

    Parameters
    ----------
    history
        A `History`, or for each iteration a mapping from names to arrays and numbers.
    nodes
        The page's nodes by their names.
    ids
        Their indices.

    Raises
    ------
    ArgumentError
        If no name is that of a tensor of the graph, or a number's.
    ShapeError
        If an array has not the shape of the tensor that it is called as.
    DtypeError
        If a value is no array of real numbers.
    """
    numbers, rows = _rows(history)
    columns: dict[str, list[Any]] = {}
    metrics: dict[str, list[Any]] = {}
    chosen = _chosen(rows, nodes)
    for at, i in enumerate(chosen):
        for name, value in rows[i].items():
            if value is None:
                continue
            array = _array(name, value, numbers[i])
            node = nodes.get(name.removesuffix(_GRADIENT))
            known = node is not None and (array.ndim > 0 or math.prod(node.shape) == 1)
            if not known and array.size != 1:
                continue
            if node is not None and known:
                _check(name, array, node, numbers[i])
            if known:
                columns.setdefault(name, [None] * len(chosen))[at] = arrays.add(
                    array, of_training=True
                )
            if not array.shape or not known:
                metrics.setdefault(name, [None] * len(chosen))[at] = number(array.item(), 9)
    if not columns and not metrics:
        given = ", ".join(sorted({name for row in rows for name in row})[:8]) or "nothing"
        raise ArgumentError(
            f"history= has {given}, and none of it is a tensor of the graph or a number: call "
            f"arrays as the tensors are called, such as {next(iter(nodes))!r}, and their gradients "
            f"{next(iter(nodes)) + _GRADIENT!r}."
        )
    return {
        "numbers": [numbers[i] for i in chosen],
        "of": len(rows),
        "metrics": metrics,
        "values": {ids[nodes[n]]: c for n, c in columns.items() if not n.endswith(_GRADIENT)},
        "gradients": {
            ids[nodes[n.removesuffix(_GRADIENT)]]: c
            for n, c in columns.items()
            if n.endswith(_GRADIENT)
        },
    }


def _rows(history: History | Iterations) -> tuple[list[int], list[Mapping[str, Any]]]:
    """Return the numbers of the iterations, and what each has by name."""
    if isinstance(history, History):
        columns: dict[str, Sequence[Any]] = {
            **history.metrics,
            **history.values,
            **{f"{name}{_GRADIENT}": column for name, column in history.gradients.items()},
        }
        rows = [
            {name: column[i] for name, column in columns.items()}
            for i in range(len(history.iterations))
        ]
        return list(history.iterations), list(rows)
    if isinstance(history, (str, Mapping)) or not isinstance(history, Iterable):
        raise ArgumentError(
            "history= is a History, or a list with a dict of arrays by their names for each "
            f"iteration, and not a {type(history).__name__}."
        )
    listed = list(history)
    for row in listed:
        if not isinstance(row, Mapping):
            raise ArgumentError(
                "history= is a History, or a list with a dict of arrays by their names for each "
                f"iteration, and has a {type(row).__name__}."
            )
    return list(range(1, len(listed) + 1)), listed


def _chosen(rows: Sequence[Mapping[str, Any]], nodes: Mapping[str, Node]) -> list[int]:
    """Return which iterations to keep: of those that have arrays, if any do."""
    arrays = [
        i
        for i, row in enumerate(rows)
        if any(
            value is not None and np.ndim(value) and name.removesuffix(_GRADIENT) in nodes
            for name, value in row.items()
        )
    ]
    found = arrays or list(range(len(rows)))
    if len(found) <= MOST_ITERATIONS:
        return found
    return [found[int(i)] for i in np.linspace(0, len(found) - 1, MOST_ITERATIONS).round()]


def _array(name: str, value: Any, iteration: int) -> Any:
    array = np.array(getattr(value, "data", value) if hasattr(value, "_node") else value)
    if array.dtype.kind not in "biuf":
        raise DtypeError(
            f"history= has {name!r} of dtype {array.dtype} at iteration {iteration}, and a page "
            "shows real numbers."
        )
    return array


def _check(name: str, array: Any, node: Node, iteration: int) -> None:
    """Raise if an array cannot be a tensor's; what is no parameter may be of another batch."""
    same = array.ndim == 0 or array.shape == node.shape
    is_parameter = node.op is None and node.requires_grad
    if not same and (is_parameter or array.ndim != len(node.shape)):
        raise ShapeError(
            f"history= has {name!r} of shape {array.shape} at iteration {iteration}, and the "
            f"tensor on the page has shape {node.shape}: give arrays of the tensor's shape, or "
            "call them otherwise."
        )
