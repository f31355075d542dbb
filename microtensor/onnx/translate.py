"""From a program to a graph: every operation by the table of its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..compile.lower import lowered
from ..compile.program import Atom, Equation, Literal, Program, Var, replaced_in
from ..compile.slots import ArgumentSlot
from ..errors import ArgumentError, InternalError
from ..op import REGISTRY, Op
from . import (
    activations,
    convolution,
    elementwise,
    indexing,
    losses,
    normalization,
    products,
    recurrent,
    reduce,
    shape,
)
from .graph import Graph, Origin
from .unsupported import Untranslatable
from .value import Number, Value

__all__ = ["TRANSLATIONS", "Unsupported", "Untranslated", "translated"]


def _to_result(eq: Equation, xs: Sequence[Any], graph: Graph) -> list[Any]:
    return [_as_value(x, eq.out.dtype, graph) for x in xs]


def _to_common(eq: Equation, xs: Sequence[Any], graph: Graph) -> list[Any]:
    dtype = np.result_type(*(x.dtype if isinstance(x, Value) else x for x in xs))
    return [_as_value(x, dtype, graph) for x in xs]


def _as_given(eq: Equation, xs: Sequence[Any], graph: Graph) -> list[Any]:
    return [x if x is None or isinstance(x, Value) else graph.constant(x) for x in xs]


def _as_they_are(eq: Equation, xs: Sequence[Any], graph: Graph) -> list[Any]:
    return list(xs)


def _as_value(x: Value | Number | None, dtype: Any, graph: Graph) -> Value | None:
    if x is None:
        return None
    return x.astype(dtype) if isinstance(x, Value) else graph.constant(x, dtype)


class Translation(NamedTuple):
    """How an operation is said in ONNX, and in which dtype it takes its inputs."""

    convert: Callable[[Equation, Sequence[Any], Graph], list[Any]]
    translate: Callable[..., Value]


TRANSLATIONS: dict[str, Translation] = {
    **{
        name: Translation(_to_result, each)
        for module in (
            activations,
            convolution,
            elementwise,
            losses,
            normalization,
            products,
            recurrent,
            reduce,
            shape,
        )
        for name, each in module.TO_RESULT.items()
    },
    **{name: Translation(_to_common, each) for name, each in elementwise.TOGETHER.items()},
    **{
        name: Translation(_as_given, each)
        for module in (elementwise, indexing, losses, reduce, shape)
        for name, each in module.AS_GIVEN.items()
    },
}
"""By the name of the operation. What is missing is taken apart into what its kernel computes."""


FUNCTIONS: dict[Any, Callable[..., Value]] = {
    np.argpartition: lambda out, x, kth, axis=-1: reduce.argsort(out, x, axis),
    np.argsort: reduce.argsort,
    np.count_nonzero: reduce.count_nonzero,
    np.ldexp: elementwise.ldexp,
    np.searchsorted: reduce.searchsorted,
}
"""NumPy functions whose results are constants to differentiation, and no `Op`."""


class Unsupported(NamedTuple):
    """An operation without a translation, or with an argument that has none."""

    origin: Origin
    reason: str


class Untranslated(Exception):  # noqa: N818 - it is turned into the error that users see
    """Operations of a program have no translation: all of them."""

    def __init__(self, found: list[Unsupported]) -> None:
        super().__init__(found)
        self.found = found


def translated(
    program: Program,
    input_names: Sequence[str],
    output_names: Sequence[str],
    parameters: Mapping[int, str],
    numbers: Mapping[int, Number],
    modules: Mapping[int, str],
) -> Graph:
    """Return the graph that computes what a program does.

    Parameters
    ----------
    input_names, output_names
        Of all arguments that are arrays, and of all results.
    parameters
        The names of arrays that the model keeps, by their ``id``.
    modules
        The paths of the modules, by their ``id``.
    numbers
        The arguments that are Python numbers, by their positions: they are constants of the model.
    """
    program = lowered(program, frozenset(TRANSLATIONS))
    graph = Graph()
    values: dict[Var, Value | Number] = dict(_inputs(graph, program, input_names, numbers))
    graph.reserve(output_names)
    values |= _kept(graph, program, parameters)
    for var, array in program.constants.items():
        values[var] = array if var.scalar else graph.constant(array)
    unsupported = []
    for equation in program.equations:
        site = equation.site
        module = modules.get(id(site.module()), "") if site and site.module else ""
        graph.origin = Origin(equation.op.name, module, site)
        try:
            before = len(graph.nodes)
            result = values[equation.out] = _translated(equation, graph, values)
            if equation.out.name and isinstance(result, Value):
                graph.rename(result, equation.out.name, since=before)
        except Untranslatable as error:
            unsupported.append(Unsupported(graph.origin, str(error)))
            values[equation.out] = Value(graph, "", equation.out.shape, equation.out.dtype)
    if unsupported:
        raise Untranslated(unsupported)
    graph.origin = Origin("the result")
    for output in program.outputs:
        graph.outputs.append(_as_output(graph, _value_of(output.atom, values)))
    return graph


def _inputs(
    graph: Graph, program: Program, names: Sequence[str], numbers: Mapping[int, Number]
) -> Iterator[tuple[Var, Value | Number]]:
    """Make inputs of the arguments; numbers among them stay what they are."""
    rest = iter(names)
    for var, slot in program.reads:
        if isinstance(slot, ArgumentSlot):
            if var.scalar and slot.position not in numbers:
                raise ArgumentError(
                    f"{program.name}() takes the number {slot.name}, which becomes a constant: "
                    "give export() its arguments."
                )
            if var.scalar:
                yield var, numbers[slot.position]
            else:
                yield var, graph.input(next(rest), var.shape, var.dtype)


def _kept(
    graph: Graph, program: Program, names: Mapping[int, str]
) -> Iterator[tuple[Var, Value | Number]]:
    """Make parameters of the arrays that the model keeps."""
    for var, slot in program.reads:
        if isinstance(slot, ArgumentSlot):
            continue
        value = slot.read()
        if var.scalar:
            yield var, value
        else:
            name = names.get(id(value)) or var.name or slot.name or "array"
            yield var, graph.parameter(name, np.asarray(value))


def _value_of(atom: Atom, values: Mapping[Var, Value | Number]) -> Any:
    return atom.value if isinstance(atom, Literal) else values[atom]


def _translated(
    equation: Equation, graph: Graph, values: Mapping[Var, Value | Number]
) -> Value | Number:
    op, out = equation.op, equation.out
    inputs = [_value_of(atom, values) for atom in equation.inputs]
    params = {
        name: replaced_in(value, lambda atom: _value_of(atom, values))
        for name, value in equation.params.items()
    }
    if out.scalar:  # Python numbers, computed with each other
        number: Number = op.kernel(*inputs, **params)
        return number
    translation = _translation_of(op)
    inputs = translation.convert(equation, inputs, graph)
    result: Value = translation.translate(out, *inputs, **params)
    if result.shape != out.shape or result.dtype != out.dtype:
        raise InternalError(
            f"The translation of {op.name} gives {result.dtype}{list(result.shape)}, and the "
            f"operation {out.dtype}{list(out.shape)}."
        )
    return result


def _translation_of(op: Op) -> Translation:
    """Return how an operation is translated: one of the library's, or a constant of NumPy's."""
    if op.function in FUNCTIONS:
        return Translation(_as_they_are, FUNCTIONS[op.function])
    if REGISTRY.get(op.name) is not op or op.name not in TRANSLATIONS:
        raise Untranslatable("it has no translation to ONNX")
    return TRANSLATIONS[op.name]


def _as_output(graph: Graph, value: Any) -> Value:
    """Return a value that is computed: not an input, nor a result for the second time."""
    result: Value = value if isinstance(value, Value) else graph.constant(value)
    made = {name for node in graph.nodes for name in node.outputs}
    if result.name in made and all(result.name != each.name for each in graph.outputs):
        return result
    return result.node("Identity")
