"""`export`: a model as a file that other tools run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..compile.derive import trace
from ..compile.program import Program
from ..compile.slots import ArgumentSlot, GradientSlot, Slot, TensorSlot
from ..compile.tracing import _signature
from ..errors import (
    ArgumentError,
    MicrotensorError,
    MissingDependencyError,
    TracingError,
    UnsupportedError,
)
from ..files import write_whole
from ..func.trees import leaves, rebuild
from ..nn.module import Module
from ..tensor import Tensor
from .graph import Graph
from .lengths import TRACES, DynamicAxes, Lengths, by_axis
from .model import Dims, assembled
from .sizes import merged
from .translate import Untranslated, translated

if TYPE_CHECKING:
    import onnx

__all__ = ["export"]

Arguments: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

_OPSETS = range(18, 24)
"""Before 18, reductions are said in another way; what comes later is not tested."""


def export(
    model: Any,
    args: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_axes: DynamicAxes | None = None,
    opset_version: int = 18,
) -> onnx.ModelProto:
    """Write a model as an ONNX file, which onnxruntime and other tools run.

    The model is traced in its evaluation mode, on examples, and is afterwards in the mode that it
    was in. Parameters and buffers have their names in the ``state_dict``. Python numbers among the
    arguments, and decisions made by shapes, become part of the file.

    Parameters
    ----------
    model
        A `Module`, a function of arrays or Tensors, or a `Program`.
    args
        Examples of its arguments, a tuple; or the one that there is. Their shapes and dtypes count.
    path
        Where the file goes; ``None`` for no file.
    kwargs
        Examples of arguments by keyword.
    input_names
        Of all arguments that are arrays; by default those in the signature.
    output_names
        Of all results; by default ``output``, or ``output_0``, ``output_1``, ...
    dynamic_axes
        By the name of an input, its axes whose length may differ from call to call, as
        ``{"input": {0: "batch"}}``. Axes of one name have one length. In a list, as ``[0]``, the
        first axis is called ``batch``, others ``axis_1``, ... Which axes of outputs differ is found
        out; where given, it is checked.
    opset_version
        Of ONNX's operations, 18 to 23.

    Returns
    -------
    The model, an ``onnx.ModelProto``, checked.

    Raises
    ------
    UnsupportedError
        If operations have no translation to ONNX: it lists all. Or if what the model does does not
        follow the length of an axis of ``dynamic_axes``.
    TracingError
        If the function looks at values, as ``if x > 0`` does, or changes something.
    ArgumentError
        If names do not fit the arguments or results, or results are not arrays.
    MissingDependencyError
        If the package ``onnx`` is not installed.
    OutputError
        If the file cannot be written: the one before is still there, whole.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> model = mt.onnx.export(
    ...     network, np.ones((1, 3)), dynamic_axes={"input": {0: "batch"}}
    ... )
    >>> [node.op_type for node in model.graph.node]
    ['Gemm', 'Relu', 'Gemm']
    >>> sorted(parameter.name for parameter in model.graph.initializer)
    ['0.bias', '0.weight', '2.bias', '2.weight']
    """
    _require_onnx()
    if opset_version not in _OPSETS:
        raise ArgumentError(
            f"export() writes opset_version {_OPSETS[0]} to {_OPSETS[-1]}, not {opset_version!r}."
        )
    if not callable(model) or isinstance(model, Tensor):
        raise ArgumentError(
            f"export() takes a module, a function or a program, and examples of its arguments, and "
            f"got {model!r}."
        )
    arguments = args if isinstance(args, tuple) else (args,), dict(kwargs or {})
    with _evaluation(model):
        exporting = _Export(model, arguments, input_names, output_names)
        graph, dims = exporting.graph(dynamic_axes or {})
    found = assembled(graph, exporting.name, exporting.outputs, dims, opset_version)
    if path is not None:
        write_whole(path, found.SerializeToString())
    return found


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise MissingDependencyError(
            "mt.onnx.export() needs onnx: pip install 'microtensor[onnx]'."
        ) from error


@contextmanager
def _evaluation(model: Any) -> Iterator[None]:
    """Put a module, and those below, into evaluation mode for a while."""
    modules = list(model.modules()) if isinstance(model, Module) else []
    before = [(module, module.training) for module in modules]
    try:
        for module in modules:
            module.training = False
        yield
    finally:
        for module, training in before:
            module.training = training


class _Export:
    """What is exported: the model, its examples, and the names of what goes in and out."""

    def __init__(
        self,
        model: Callable[..., Any],
        arguments: Arguments,
        input_names: Sequence[str] | None,
        output_names: Sequence[str] | None,
    ) -> None:
        self.model, self.arguments = model, _distinct(arguments)
        self.leaves = self._leaves()
        self.program = self._traced(self.arguments)
        self.name = self.program.name
        arrays = _arrays_read(self.program)
        self.positions = [position for position, _ in arrays]
        is_module = isinstance(model, Module)  # called, it takes anything: forward has the names
        names = [self.leaves[i][0] if is_module else name for i, name in arrays]
        self.inputs = self._named("input", input_names, names)
        count = len(self.program.outputs)
        names = ["output"] if count == 1 else [f"output_{i}" for i in range(count)]
        if output_names is None:
            names = [f"{name}_" if name in self.inputs else name for name in names]
        self.outputs = self._named("output", output_names, names)
        for name in self.inputs:
            if name in self.outputs:
                raise ArgumentError(f"export() got {name!r} for an input and an output.")

    def graph(self, dynamic: DynamicAxes) -> tuple[Graph, dict[str, Dims]]:
        """Return the graph, and the lengths of the axes of its inputs and outputs."""
        lengths = self._lengths(dynamic)
        if not lengths:
            graph = self._translated(self.program, self.arguments)
            return graph, {value.name: value.shape for value in (*graph.inputs, *graph.outputs)}
        if isinstance(self.model, Program):
            raise ArgumentError(
                "A program is of one size: export the function that it was traced from to have "
                "dynamic_axes."
            )
        graphs = []
        for t in range(TRACES):
            values = [value for _, value in self.leaves]
            examples = lengths.resized([values[i] for i in self.positions], t)
            for position, example in zip(self.positions, examples, strict=True):
                values[position] = example
            args, kwargs = rebuild(self.arguments, iter(values))
            graphs.append(self._translated(self._traced_again((args, kwargs)), (args, kwargs)))
        graph, dims = merged(graphs, lengths)
        self._check_outputs(dynamic, graph, dims)
        return graph, dict(dims)

    def _lengths(self, dynamic: DynamicAxes) -> Lengths:
        if not isinstance(dynamic, Mapping):
            raise ArgumentError(
                f"dynamic_axes is a dict such as {{'input': {{0: 'batch'}}}}, and is {dynamic!r}."
            )
        for name in dynamic:
            if name not in self.inputs and name not in self.outputs:
                raise ArgumentError(
                    f"dynamic_axes has {name!r}, and {self.name}() has the inputs "
                    f"{', '.join(self.inputs)} and the outputs {', '.join(self.outputs)}."
                )
        examples = [self.leaves[i][1] if self.leaves else () for i in self.positions]
        arrays = [*examples, *(tensor for _, tensor in self._state())]
        taken = {length for array in arrays for length in np.shape(array)}
        return Lengths(dict(zip(self.inputs, examples, strict=True)), dynamic, taken)

    # What goes in and out

    def _traced(self, arguments: Arguments) -> Program:
        args, kwargs = arguments
        program = (
            self.model if isinstance(self.model, Program) else trace(self.model, *args, **kwargs)
        )
        if program.updates:
            changed = dict.fromkeys(self._called(update.slot) for update in program.updates)
            raise TracingError(
                f"{program.name}() changes {', '.join(changed)} when it is called, and an ONNX "
                "model keeps nothing from call to call: return the new values instead."
            )
        for output in program.outputs:
            if output.kind == "static":
                raise ArgumentError(
                    f"{program.name}() returns {output.atom!r}, and an ONNX model returns arrays: "
                    "return Tensors only."
                )
        if not program.outputs:
            raise ArgumentError(f"{program.name}() returns nothing: there is nothing to export.")
        return program

    def _traced_again(self, arguments: Arguments) -> Program:
        try:
            return self._traced(arguments)
        except MicrotensorError as error:
            values = [value for _, value in leaves(arguments)]
            shapes = ", ".join(
                f"{name} of shape {np.shape(values[i])}"
                for name, i in zip(self.inputs, self.positions, strict=True)
            )
            raise UnsupportedError(
                f"{self.name}() cannot be exported with these dynamic_axes: with {shapes} it "
                f"fails: {error}"
            ) from error

    def _leaves(self) -> list[tuple[str, Any]]:
        """Return what is among the arguments, with the names that the signature gives."""
        args, kwargs = self.arguments
        if isinstance(self.model, Program):
            return list(leaves(self.arguments))
        fn = self.model.forward if isinstance(self.model, Module) else self.model
        return _signature(fn, args, kwargs)[1]

    def _named(self, kind: str, given: Sequence[str] | None, default: list[str]) -> list[str]:
        if isinstance(given, str):
            raise ArgumentError(f"{kind}_names is a list of names, and is {given!r}.")
        names = default if given is None else list(given)
        if len(names) != len(default):
            raise ArgumentError(
                f"{self.name}() has {len(default)} {kind}s that are arrays, and {kind}_names has "
                f"{len(names)}: {names}."
            )
        if len(set(names)) < len(names) or not all(isinstance(n, str) and n for n in names):
            raise ArgumentError(f"{kind}_names must be strings, all different, and are {names}.")
        return names

    def _translated(self, program: Program, arguments: Arguments) -> Graph:
        numbers = {i: value for i, (_, value) in enumerate(leaves(arguments))}
        if [position for position, _ in _arrays_read(program)] != self.positions:
            raise TracingError(f"{self.name}() took other arguments when traced again.")
        parameters = {id(tensor.data): name for name, tensor in self._state()}
        try:
            return translated(
                program, self.inputs, self.outputs, parameters, numbers, self._modules()
            )
        except Untranslated as error:
            found = dict.fromkeys(f"  {origin}: {reason}" for origin, reason in error.found)
            raise UnsupportedError(
                f"{self.name} cannot be exported to ONNX, for these operations:\n"
                + "\n".join(found)
                + "\nCompute them outside of the model, or otherwise. No file was written."
            ) from None

    def _state(self) -> list[tuple[str, Tensor]]:
        """Return a module's parameters and buffers, each once, with their names."""
        if not isinstance(self.model, Module):
            return []
        return [*self.model.named_parameters(), *self.model.named_buffers()]

    def _called(self, slot: Slot) -> str:
        names = {id(tensor): name for name, tensor in self._state()}
        held = slot.tensor if isinstance(slot, TensorSlot | GradientSlot) else None
        return names.get(id(held)) or slot.name or "an array"

    def _modules(self) -> dict[int, str]:
        """Return the paths of the modules, by their ``id``."""
        named = self.model.named_modules() if isinstance(self.model, Module) else ()
        return {id(module): name for name, module in named}

    def _check_outputs(self, dynamic: DynamicAxes, graph: Graph, dims: Mapping[str, Dims]) -> None:
        for name, value in zip(self.outputs, graph.outputs, strict=True):
            lengths = dims[value.name]
            for axis in by_axis(name, dynamic.get(name, {}), len(lengths)):
                if isinstance(lengths[axis], int):
                    raise ArgumentError(
                        f"dynamic_axes has axis {axis} of {name!r}, whose length is always "
                        f"{lengths[axis]}: the shape is {lengths}."
                    )


def _distinct(arguments: Arguments) -> Arguments:
    """Return arguments of which none is another: each is an input of its own."""
    seen: set[int] = set()
    values = []
    for _, value in leaves(arguments):
        again = isinstance(value, Tensor) and id(value) in seen
        values.append(Tensor(value.data, requires_grad=value.requires_grad) if again else value)
        seen.add(id(value))
    args, kwargs = rebuild(arguments, iter(values))
    return args, kwargs


def _arrays_read(program: Program) -> list[tuple[int, str]]:
    """Return the positions and names of the arguments that are arrays."""
    return [
        (read.slot.position, read.slot.name)
        for read in program.reads
        if isinstance(read.slot, ArgumentSlot) and not read.var.scalar
    ]
