"""The right step, written as code in the user's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..compile.identifiers import identifier
from ..compile.local_rules import code_of
from ..errors import MicrotensorError
from ..record import current_trace
from .names import Names
from .step import Step
from .tape import Value, summed, with_arguments

__all__ = ["expression", "forward_code", "step_code"]

_MOST = 40
"""Longer steps are not written out."""
_LINES = 6
_FEW = 6
"""An expression of more values is no name."""
_UNWRITTEN = MicrotensorError, ValueError, TypeError, AttributeError, IndexError
"""What an operation raises that cannot be written as code."""


def step_code(step: Step, names: Names, seeds: Mapping[Value, Any]) -> str:
    """Return the right step, from the gradients given downstream: ``dW2 = a1.T @ dz2``.

    It is empty where that is too long to help.
    """
    if not step.edges or len(step.edges) > _MOST:
        return ""
    passed_on = _gradient_names(names, step.sources)
    inputs = _Inputs(_read(step), names)
    arrays = dict(inputs.arrays)
    for source, name in passed_on.items():
        if source not in seeds:
            arrays[name] = step.flow[source]

    def compute(given: Mapping[str, Any]) -> Any:
        read = inputs.reader(given)
        total: dict[Value, Any] = {}
        for source, name in passed_on.items():
            total[source] = current_trace().known(seeds[source]) if source in seeds else given[name]
        for user in sorted({e.user for e in step.edges}, key=lambda value: -value.index):
            for edge in (e for e in step.edges if e.user is user):
                arguments = [read(x) for x in (user, *user.parents)]
                c = summed(edge, with_arguments(edge, total[user], arguments))
                operand = edge.operand
                total[operand] = total[operand] + c if operand in total else c
        return total[step.target]

    try:
        code = code_of(compute, arrays, names.indices)
    except _UNWRITTEN:
        return ""
    text = code.assigned(identifier(_gradient_name(names, step.target)))
    return text if text.count("\n") < _LINES else ""


def forward_code(step: Step, names: Names) -> str:
    """Return the operations that a step differentiates, one line each: ``z2 = a1 @ W2``."""
    inputs = _Inputs(_read(step), names)
    lines = []
    for source in sorted(step.sources, key=lambda value: value.index):

        def compute(given: Mapping[str, Any], source: Value = source) -> Any:
            return inputs.reader(given, inside=source)(source)

        name = names.known(source) or ("result" if len(step.sources) > 1 else "output")
        try:
            code = code_of(compute, inputs.arrays, names.indices)
        except _UNWRITTEN:
            continue
        text = code.assigned(identifier(name))
        if text.count("\n") < _LINES:
            lines.append(text)
    return "\n".join(lines[:_LINES])


def _read(step: Step) -> list[Value]:
    return [x for edge in step.edges for x in (edge.user, *edge.user.parents)]


def expression(value: Value, names: Names) -> str | None:
    """Return the expression of a value in those that have names, if it is one line."""
    inputs = _Inputs([value], names)
    if len(inputs.arrays) > _FEW:
        return None
    try:
        code = code_of(
            lambda given: inputs.reader(given, inside=value)(value), inputs.arrays, names.indices
        )
    except _UNWRITTEN:
        return None
    return None if code.lines else code.result


class _Inputs:
    """The arrays that code reads, under their names; what has none is computed of those."""

    def __init__(self, values: Sequence[Value], names: Names) -> None:
        self._names: dict[Value, str] = {}
        self.arrays: dict[str, Any] = {}
        pending = list(values)
        seen: set[Value] = set()
        while pending:
            x = pending.pop(0)
            if x in seen or x.data is None or not hasattr(x.data, "shape"):
                continue
            seen.add(x)
            name = names.known(x)
            if name is None and x.op is not None:
                pending += x.parents
                continue
            if name is None and not x.shape:
                continue
            name = identifier(name or ("x" if x.node is None else names.of(x)))
            while name in self.arrays:
                name += "_"
            self._names[x] = name
            self.arrays[name] = np.asarray(x.data)

    def reader(self, given: Mapping[str, Any], inside: Value | None = None) -> Any:
        """Return what gives for each value what stands for it in the code."""
        made: dict[Value, Any] = {}

        def read(x: Value) -> Any:
            if x in self._names and x is not inside:
                return given[self._names[x]]
            if x.op is None or x.data is None:
                return x.argument
            if x not in made:
                made[x] = x.op(*(read(y) for y in x.parents), **x.params)
            return made[x]

        return read


def _gradient_names(names: Names, values: Sequence[Value]) -> dict[Value, str]:
    """Return what the gradients of values are called in code, no two the same."""
    found: dict[Value, str] = {}
    for value in values:
        name = base = _gradient_name(names, value)
        number = 1
        while name in found.values():
            number += 1
            name = f"{base}_{number}"
        found[value] = name
    return found


def _gradient_name(names: Names, value: Value) -> str:
    name = names.gradient(value)
    if name.isidentifier():
        return name
    own = names.known(value)
    if own is None:
        own = value.op.name if value.op is not None else "value"
    return f"d_{identifier(own)}"
