"""Recurrent layers in ONNX: a step as a graph of its own, which `Scan` does for each input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .graph import Graph
from .shape import concatenated
from .value import Value

__all__ = ["TO_RESULT"]

Step = Callable[..., tuple[Sequence[Value], Value]]
"""From the states and the step's input to the new states, and what the step gives."""


def _scan(out: Any, x: Value, states: Sequence[Value], step: Step) -> Value:
    """Do a step for each of the first axis of ``x``, and return what all give."""
    graph = x.graph
    body = Graph(names=graph.names, constants=graph.constants, origin=graph.origin)
    befores = [body.input(graph.name("before"), each.shape, each.dtype) for each in states]
    at = body.input(graph.name("at"), x.shape[1:], x.dtype)
    afters, given = step(*befores, at)
    body.outputs = [each.node("Identity") for each in (*afters, given)]
    steps = out.ndim - 3  # which axis of the result they are
    result = graph.node(
        "Scan", (*states, x), out.shape, out.dtype, body=body, num_scan_inputs=1,
        scan_output_axes=[steps],
    )  # fmt: skip
    graph.nodes[-1].outputs[:0] = [graph.name("last") for _ in states]
    return result


def _stacked(values: Sequence[Value]) -> Value:
    """Put values beside each other along a new first axis."""
    return concatenated([x.unsqueeze(0) for x in values], 0)


def _parts(x: Value, count: int) -> list[Value]:
    """Return several arrays that lie side by side along the last axis."""
    size = x.shape[-1] // count
    return [x.part(x.ndim - 1, i * size, (i + 1) * size) for i in range(count)]


def _rnn(activation: str) -> Callable[..., Value]:
    def translation(out: Any, x: Value, weight: Value, h: Value) -> Value:
        turned = weight.transpose([1, 0])

        def step(h: Value, at: Value) -> tuple[Sequence[Value], Value]:
            h = (h.node("MatMul", turned, shape=h.shape) + at).node(activation)
            return [h], h

        return _scan(out, x, [h], step)

    return translation


def _lstm(out: Any, x: Value, weight: Value, h: Value, c: Value) -> Value:
    turned = weight.transpose([1, 0])

    def step(h: Value, c: Value, at: Value) -> tuple[Sequence[Value], Value]:
        sums = h.node("MatMul", turned, shape=at.shape) + at
        i, f, g, o = _parts(sums, 4)
        i, f, o = (gate.node("Sigmoid") for gate in (i, f, o))
        g = g.node("Tanh")
        c = f * c + i * g
        h = o * c.node("Tanh")
        return [h, c], _stacked([i, f, g, o, c, h])

    return _scan(out, x, [h, c], step)


def _gru(out: Any, x: Value, weight: Value, bias: Value, h: Value) -> Value:
    turned = weight.transpose([1, 0])

    def step(h: Value, at: Value) -> tuple[Sequence[Value], Value]:
        sums = h.node("MatMul", turned, shape=at.shape) + bias
        (of_r, of_z, q), (x_r, x_z, x_n) = _parts(sums, 3), _parts(at, 3)
        r, z = (of_r + x_r).node("Sigmoid"), (of_z + x_z).node("Sigmoid")
        n = (r * q + x_n).node("Tanh")
        h = (h - n) * z + n
        return [h], _stacked([r, z, q, n, h])

    return _scan(out, x, [h], step)


TO_RESULT: dict[str, Callable[..., Value]] = {
    "rnn_tanh": _rnn("Tanh"),
    "rnn_relu": _rnn("Relu"),
    "lstm": _lstm,
    "gru": _gru,
}
"""Of what goes in the steps come first: (steps, batch, features)."""
