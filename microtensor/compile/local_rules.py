"""One step of the backward pass, written in the user's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .. import record
from ..errors import MicrotensorError
from ..graph import Graph
from ..op import Node
from ..ops.shape import sum_to
from ..state import modes
from .identifiers import identifier
from .printing import statements
from .program import Literal, Output, Program, Read, Var
from .slots import ArgumentSlot
from .trace import Trace
from .traced import TracedArray

__all__ = ["Code", "code_of", "local_code", "local_rule"]


_NO_ARRAYS: Mapping[str, Any] = MappingProxyType({})


class Code(NamedTuple):
    """Lines of NumPy, and the expression of what they compute."""

    lines: tuple[str, ...]
    result: str
    definitions: tuple[str, ...] = ()
    """The lines of functions that NumPy does not have, and these lines call; and of imports."""

    def assigned(self, name: str) -> str:
        """Return the code with its result in a variable."""
        return "\n".join([*self.lines, f"{name} = {self.result}"])


def local_rule(graph: Graph, node: Node, position: int) -> str:
    """Return what the backward pass computes for one operand of an operation, as NumPy code.

    It says what the operand gets from this operation: its gradient, or one of several
    contributions to it. Gradients are called ``d_`` and the name; a value without a name is
    called by its operation.

    Parameters
    ----------
    graph
        Where the names come from.
    node
        An operation of the graph.
    position
        Which of its operands, from 0.

    Examples
    --------
    >>> import microtensor as mt
    >>> z = mt.tensor([[0.5, -1.0]], requires_grad=True, name="z")
    >>> b = mt.tensor([0.1, 0.2], requires_grad=True, name="b")
    >>> a = mt.sigmoid(z + b)
    >>> graph = Graph(a)
    >>> local_rule(graph, a._node, 0)
    'd_add = d_a * a * (1 - a)'
    >>> local_rule(graph, graph.nodes[2], 1)
    'd_b = np.sum(d_add, axis=0)'
    """
    step = local_code(graph, node, position)
    return step.assigned(identifier(f"d_{graph.label(node.parents[position])}"))


def local_code(graph: Graph, node: Node, position: int) -> Code:
    """Return the code of `local_rule` in its parts."""
    assert node.op is not None
    op, parent = node.op, node.parents[position]
    names: dict[Node, str] = {}
    numbers: dict[Node, Any] = {}
    taken: set[str] = set()
    for x in (node, *node.parents):
        if x in names or x in numbers:
            continue
        is_number = x.op is None and not x.shape and x not in graph.names
        if x.is_constant or (is_number and graph.value(x) is not None):
            numbers[x] = graph.value(x)
            continue
        names[x] = graph.label(x)
        while names[x] in taken:
            names[x] += "_"
        taken |= {names[x], f"d_{names[x]}"}
    g_name = f"d_{names[node]}"
    rule = op.rules(len(node.parents))[position]

    def contribution(values: Mapping[str, Any]) -> Any:
        arguments = [values[names[x]] if x in names else numbers[x] for x in (node, *node.parents)]
        c = rule(values[g_name], *arguments, **(node.params or {}))
        return c if c.shape == parent.shape else sum_to(c, parent.shape)

    for stand_in in (_ones, _values):
        values = {name: stand_in(x) for x, name in names.items()} | {g_name: stand_in(node)}
        try:
            return code_of(contribution, values)
        except MicrotensorError:  # a matrix of ones has no inverse
            continue
    return Code((), f"{op.name}_vjp({', '.join(map(identifier, values))})")


def code_of(
    compute: Callable[[Mapping[str, Any]], Any],
    values: Mapping[str, Any],
    arrays: Mapping[str, Any] = _NO_ARRAYS,
) -> Code:
    """Return the code of a computation on arrays, which are called by their names.

    Parameters
    ----------
    compute
        A function of the arrays by name, that returns an array.
    values
        Examples of the arrays; their shapes and dtypes count.
    arrays
        What arrays that are no values are called, as those of indices.

    Raises
    ------
    TracingError
        If the function asks for a value.
    UnsupportedError
        If it does something that is not NumPy's, and has no source.

    Examples
    --------
    >>> import numpy as np
    >>> values = {"a1": np.ones((4, 3)), "dz2": np.ones((4, 2))}
    >>> code = code_of(lambda v: v["a1"].T @ v["dz2"], values)
    >>> code.assigned("dW2")
    'dW2 = a1.T @ dz2'
    """
    trace = Trace("step")
    reads: list[Read] = []
    handles: dict[str, TracedArray] = {}
    for i, (name, value) in enumerate(values.items()):
        var = Var(value.shape, value.dtype)
        var.name = name
        reads.append(Read(var, ArgumentSlot(i, name)))
        handles[name] = TracedArray(trace, var, value)
    before = modes.trace, modes.watcher
    record.count_traces(1)
    modes.trace, modes.watcher = trace, None
    try:
        with np.errstate(all="ignore"):
            result = compute(handles)
    finally:
        modes.trace, modes.watcher = before
        record.count_traces(-1)
    atom = result._var if isinstance(result, TracedArray) else Literal(result)
    constants = dict(trace.constants)
    for read in trace.reads:
        constants[read.var] = read.slot.read()
    program = Program(
        "step", reads, trace.equations, [Output("array", atom)], 0, constants=constants
    )
    definitions, lines, result = statements(program, arrays)
    if lines and lines[-1].startswith(f"{result} = "):
        result = lines.pop().removeprefix(f"{result} = ")
    return Code(tuple(lines), result, tuple(definitions))


def _ones(node: Node) -> Any:
    """Return an array of a node's shape and dtype that takes no memory."""
    return np.broadcast_to(np.ones((), node.dtype), node.shape)


def _values(node: Node) -> Any:
    """Return an array of a node's shape and dtype whose matrices are regular."""
    return np.random.default_rng(0).random(node.shape).astype(node.dtype)
