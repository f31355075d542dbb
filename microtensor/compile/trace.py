"""Tracing: running a function once, with every operation written down."""

from __future__ import annotations

import functools
import gc
import inspect
import os
import sys
import sysconfig
import weakref
from collections.abc import Callable, Iterator, Sequence
from types import CellType, FrameType
from typing import Any

import numpy as np

from .. import record
from ..diagnosis import explain
from ..errors import ArgumentError, TracingError
from ..func.trees import leaves, rebuild
from ..inplace import clock
from ..names import caller, is_internal, variables
from ..op import Node, Op
from ..record import NUMBERS, as_tensor, recorded
from ..state import modes
from ..tensor import Tensor
from .program import Atom, Equation, Literal, Output, Program, Read, Site, Update, Var
from .randomness import Generators
from .slots import (
    ArgumentSlot,
    ArraySlot,
    CellSlot,
    GradientSlot,
    ItemSlot,
    Slot,
    StateSlot,
    TensorSlot,
)
from .surroundings import Place, cells_of, is_module, places, surroundings
from .traced import TracedArray

__all__ = ["Specialize", "Trace", "traced"]

_LIBRARIES = tuple(
    os.path.join(path, "")
    for path in {*sysconfig.get_paths().values(), os.path.dirname(np.__file__)}
    if path != sysconfig.get_path("data")
)
_ERRORS = AttributeError, IndexError, OverflowError, TypeError, ValueError
_VIEWS = frozenset(
    {"reshape", "ravel", "transpose", "swapaxes", "moveaxis", "squeeze", "expand_dims", "flip",
     "diagonal", "broadcast_to"}
)  # fmt: skip
"""Operations whose result shares the memory of their operand, in NumPy."""


_INDEXING = frozenset({"getitem", "scatter_add", "setitem"})


class Specialize(BaseException):
    """The Python values of these inputs decide what the function does: trace it for each value."""

    def __init__(self, slots: set[str]) -> None:
        super().__init__(slots)
        self.slots = slots


class Trace:
    """What is written down while a function runs on examples.

    Every Tensor that takes part has a `TracedArray` for its array as long as the trace goes on;
    at its end, every one has its own array back, whether the function returned or raised.

    Parameters
    ----------
    name
        The function's.
    static
        The names of the scalars that are to be taken as the numbers they are.
    """

    def __init__(self, name: str, static: frozenset[str] = frozenset()) -> None:
        self.name = name
        self.static = static
        self.is_over = False
        self.reads: list[Read] = []
        self.equations: list[Equation] = []
        self.constants: dict[Var, Any] = {}
        self.gradients: list[tuple[Tensor, Slot, bool]] = []
        """Whose gradient the function looks at, and whether there was one before."""
        self._set_gradients: set[int] = set()
        self._arguments: list[tuple[TracedArray, Read]] = []
        self.around: list[tuple[Place, Any]] = []
        """The variables that the function refers to, before it ran."""
        self.site: Site | None = None
        """Where everything is said to be, if not at the user's line that runs."""
        self.settings: list[tuple[dict[str, Any], str, Any]] = []
        """What was taken as it is from a dict: the dict, the key, and the value."""
        self.optimizers: list[Any] = []
        self.drawn: set[int] = set()
        """The random generators that the program itself draws from."""
        self._arrays: dict[int, tuple[Any, Var]] = {}
        self._tensors: dict[int, tuple[Tensor, Any, Node | None, Any]] = {}
        self._inputs: dict[int, tuple[Slot, Var]] = {}
        self._items: list[tuple[Slot, Var, Any]] = []
        self._states: dict[int, dict[Tensor, dict[str, Any]]] = {}
        self._vars: dict[Node, Var] = {}
        self._roots: dict[Var, Var] = {}
        self._changed: set[Var] = set()
        self._sources: dict[Var, frozenset[str]] = {}
        self._made: list[weakref.ref[Tensor]] = []
        self._modules: dict[int, tuple[str, Any]] = {}

    # Operations

    def apply(self, op: Op, inputs: tuple[Any, ...], params: dict[str, Any] | None) -> Any:
        """Apply an operation: to Tensors, giving a Tensor, or to their arrays, giving an array."""
        if not any(isinstance(x, Tensor) for x in inputs):
            return self.record(op, inputs, params or {})
        operands = []
        arrays = []
        tracked = False
        for x in inputs:
            if x.__class__ not in NUMBERS:
                if isinstance(x, Tensor):
                    self.use(x)
                else:
                    x = record.lift(x) if len(inputs) == 2 else as_tensor(x)
                    if x is NotImplemented:
                        return x
                    if x._array.__class__ is not TracedArray:  # what rules read is the same value
                        x._array = self.known(x._array)
                arrays.append(x._array)
                tracked = tracked or x._requires_grad
            else:
                arrays.append(x)
            operands.append(x)
        data = self.record(op, tuple(arrays), params or {}, tuple(operands))
        out = recorded(op, tuple(operands), arrays, data, params, tracked)
        if out._node is not None:
            self._vars[out._node] = data._var
        self._made.append(weakref.ref(out))
        return out

    def record(
        self,
        op: Op,
        inputs: tuple[Any, ...],
        params: dict[str, Any],
        operands: tuple[Any, ...] | None = None,
    ) -> TracedArray:
        """Compute the result on the examples, and write the equation down."""
        site = self.site or self._look(caller())
        if op.name in _INDEXING:
            self._check_index(op, params["index"], inputs)
        pairs = [self._atom(x) for x in inputs]
        atoms, values = tuple(a for a, _ in pairs), [value for _, value in pairs]
        params, examples = self._parameters(params)
        try:
            value = op.kernel(*values, **examples)
        except _ERRORS as error:
            raise explain(op, operands or inputs, error, **examples) from None
        out = self._result(value)
        if out.scalar:
            self._sources[out] = frozenset().union(
                *(self._sources.get(a, frozenset()) for a in atoms if isinstance(a, Var))
            )
        if op.name in _VIEWS or (op.name == "getitem" and np.may_share_memory(value, values[0])):
            source = atoms[0]
            if isinstance(source, Var):
                self._roots[out] = self._roots.get(source, source)
        self.equations.append(Equation(op, atoms, params, out, site))
        return TracedArray(self, out, value)

    def call(self, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
        """Apply a NumPy function whose result is a constant to differentiation."""
        if function in _DESCRIBING:
            args = tuple(_shaped(x) for x in args)
            return function(*args, **kwargs)
        if function in _OF_UNKNOWN_SHAPE:
            raise TracingError(
                f"np.{function.__name__}() in {self.name}() gives an array whose shape depends on "
                "the values, which differ from call to call: write np.where(condition, a, b), or "
                "multiply by a mask."
            )
        return self.record(_constant_op(function), tuple(args), kwargs)

    def draw(self, op: Op, params: dict[str, Any]) -> TracedArray:
        """Draw random numbers, which every run of the program does anew."""
        self.drawn.add(id(params["generator"]))
        return self.record(op, (), params)

    def assign(
        self, target: TracedArray, op: Op, inputs: tuple[Any, ...], params: dict[str, Any]
    ) -> None:
        """Change an array in place: from now on it is the result."""
        if target._var in self._roots:
            raise TracingError(
                f"{self.described(target)} is a view, and {self.name}() changes it in place, which "
                "a program cannot repeat: change the array itself, as x[index] = values."
            )
        result = self.record(op, tuple(_data(x) for x in inputs), params)
        if result.shape != target.shape:
            raise ArgumentError(
                f"{self.described(target)} cannot take a result of shape {result.shape} in place."
            )
        if result.dtype != target.dtype:
            if not np.can_cast(result.dtype, target.dtype, "same_kind"):
                raise TracingError(
                    f"{self.described(target)} cannot take {result.dtype} results in place."
                )
            result = result.astype(target.dtype)
        self._changed.add(target._var)
        if result._var.name is None:
            result._var.name = target._var.name
        target._var, target._example = result._var, result._example

    def change(self, op: Op, tensor: Any, other: Any) -> None:
        """Do an in-place operator of a Tensor, under `no_grad`."""
        self.use(tensor)
        if isinstance(other, Tensor):
            self.use(other)
        self.assign(tensor._array, op, (tensor._array, _data(other)), {})
        clock.mark_changed(tensor._array)

    # What comes in

    def argument(self, value: Any, name: str, position: int) -> Any:
        """Return what stands for a leaf of the arguments."""
        slot = ArgumentSlot(position, name)
        if isinstance(value, Tensor):
            if id(value) not in self._tensors:
                self._adopt(value, slot)
            return value
        if isinstance(value, (np.ndarray, np.generic)):
            handle = self._input(slot, value, name)
            self._arguments.append((handle, self.reads[-1]))
            return handle
        if type(value) in (int, float) and name not in self.static:
            return self._input(slot, value, name)
        return value

    def use(self, value: Any) -> None:
        """Take part of a Tensor: what its array is will be looked up in every call."""
        if isinstance(value, Tensor) and not _is_traced(value):
            self._adopt(value, TensorSlot(value))

    def _adopt(self, tensor: Tensor, slot: Slot) -> None:
        if id(tensor) in self._tensors:  # it was given another array, in the function
            _give(tensor, self.known(tensor._array))
            return
        self._tensors[id(tensor)] = tensor, tensor._array, tensor._node, tensor._grad
        gradient = tensor._grad
        handle = self._input(slot, tensor._array, tensor.name)
        self._inputs[id(tensor)] = slot, handle._var
        _give(tensor, handle)
        if gradient is not None and not _is_traced(gradient):
            self._adopt(gradient, self._gradient_slot(tensor))

    def _gradient_slot(self, tensor: Tensor) -> GradientSlot:
        slot, _ = self._inputs[id(tensor)]
        return GradientSlot(tensor, slot.position if isinstance(slot, ArgumentSlot) else None)

    def _input(self, slot: Slot, value: Any, name: str | None = None) -> TracedArray:
        var = self._result(value)
        var.name = name
        if var.scalar:
            self._sources[var] = frozenset({slot.name})
        self.reads.append(Read(var, slot))
        return TracedArray(self, var, value)

    def set_gradient(self, tensor: Tensor) -> None:
        """Note that the function sets a gradient, whatever it was before."""
        self.use(tensor)
        self._set_gradients.add(id(tensor))

    def look_at_gradient(self, tensor: Tensor) -> None:
        """Note that the function asks for a gradient that it has not set itself."""
        self.use(tensor)
        if id(tensor) in self._tensors and id(tensor) not in self._set_gradients:
            self._set_gradients.add(id(tensor))
            _, _, _, gradient = self._tensors[id(tensor)]
            slot, _ = self._inputs[id(tensor)]
            self.gradients.append((tensor, slot, gradient is not None))

    def example(self, value: Any) -> Any:
        """Return the array that a Tensor has in the example."""
        self.use(value)
        array: Any = value._array
        return array._example

    def watch(self, optimizer: Any) -> None:
        """Make the settings and the state of an optimizer inputs."""
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                self.use(parameter)
        if any(optimizer is known for known in self.optimizers):
            return
        self.optimizers.append(optimizer)
        number = len(self.optimizers)
        for i, group in enumerate(optimizer.param_groups):
            for key, value in group.items():
                slot = ItemSlot(group, key)
                slot.name = f"{type(optimizer).__name__}[{number}][{i}].{key}"
                if type(value) is int or isinstance(value, float):
                    if slot.name not in self.static:
                        self._take(group, key, slot, value)
                    else:
                        self.settings.append((group, key, value))
                elif key != "params":
                    self.settings.append((group, key, value))
        self._states[id(optimizer)] = {p: dict(kept) for p, kept in optimizer.state.items()}
        for parameter, kept in optimizer.state.items():
            for key, value in kept.items():
                state = StateSlot(optimizer.state, parameter, key)
                if isinstance(value, np.ndarray) or type(value) in (int, float):
                    kept[key] = self._input(state, value, key)

    def _take(self, container: dict[Any, Any], key: Any, slot: Slot, value: Any) -> None:
        number = float(value) if isinstance(value, float) else value
        handle = self._input(slot, number, str(key))
        self._items.append((slot, handle._var, (container, value)))
        container[key] = handle

    def known(self, array: Any) -> TracedArray:
        """Return what stands for an array that the function refers to."""
        if isinstance(array, np.generic) or not isinstance(array, np.ndarray):
            var = self._result(array)
            self.constants[var] = array
            return TracedArray(self, var, array)
        known = self._arrays.get(id(array))
        if known is None:
            var = self._result(array)
            self._arrays[id(array)] = known = array, var
            self.reads.append(Read(var, ArraySlot(array)))
        return TracedArray(self, known[1], array)

    def is_held(self, index: Any) -> bool:
        """Tell whether an array of indices is a variable of the user's, who may change it.

        A mask stays as it is: the shape of what it selects depends on it.
        """
        return index.dtype != np.bool_ and any(x is index for _, x in variables(caller()))

    def specialize(self, value: TracedArray, _: str) -> None:
        """Trace again with the Python numbers that ``value`` was computed from as they are."""
        if value._var.scalar and self._sources.get(value._var):
            raise Specialize(set(self._sources[value._var]))

    def _atom(self, x: Any) -> tuple[Atom, Any]:
        if isinstance(x, TracedArray):
            if x._trace is not self:
                raise TracingError(record.tracing_is_over(x._var.name))
            root = self._roots.get(x._var)
            if root in self._changed or (x._var in self._changed and x._var not in self._roots):
                self._refuse_stale(x)
            return x._var, x._example
        if x.__class__ in NUMBERS or isinstance(x, (int, float, np.generic)):
            return Literal(x), x
        if isinstance(x, Tensor):
            self.use(x)
            return self._atom(x._array)
        return self._atom(self.known(np.asarray(x)))

    def _check_index(self, op: Op, index: Any, inputs: tuple[Any, ...]) -> None:
        """Refuse a mask of traced values, which selects as many elements as they happen to be."""
        if op.name == "setitem" and np.size(inputs[1]) == 1:
            return
        for part in index if isinstance(index, tuple) else (index,):
            if isinstance(part, (TracedArray, Tensor)) and part.dtype == np.bool_:
                raise TracingError(
                    f"{self.described(_data(part))} selects elements in {self.name}() as a mask, "
                    "and how many differs from call to call: write np.where(mask, a, b), or "
                    "multiply by the mask."
                )

    def _refuse_stale(self, x: TracedArray) -> None:
        if x._var in self._roots:
            raise TracingError(
                f"{self.described(x)} is a view of an array that {self.name}() changed in place "
                "since: make the view again after the change, or take a copy() before it."
            )

    def _parameters(self, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return parameters as they stand in the equation, and as the kernel takes them."""
        if not any(map(_holds_traced, params.values())):
            return params, params
        written, examples = {}, {}
        for name, value in params.items():
            written[name] = self._mapped(value, 0)
            examples[name] = self._mapped(value, 1)
        return written, examples

    def _mapped(self, value: Any, which: int) -> Any:
        if isinstance(value, (TracedArray, Tensor)):
            return self._atom(value)[which]
        if type(value) in (tuple, list):
            return type(value)(self._mapped(part, which) for part in value)
        if isinstance(value, slice):
            return slice(*(self._mapped(p, which) for p in (value.start, value.stop, value.step)))
        return value

    def _result(self, value: Any) -> Var:
        if value.__class__ in NUMBERS:
            return Var((), np.dtype(type(value)), scalar=True)
        return Var(value.shape, value.dtype)

    # Names

    def described(self, value: TracedArray) -> str:
        """Say which value is meant, for a message."""
        if value._var.name is None:
            self._look(caller())
        name = f" {value._var.name!r}" if value._var.name else ""
        return f"The traced value{name}, {value.dtype} of shape {value.shape},"

    def _look(self, frame: FrameType | None) -> Site | None:
        """Give values the names of the variables that hold them, and say where this is."""
        if frame is None:
            return None
        for name, value in variables(frame):
            kind = type(value)  # asking the value itself can raise: it may be a dead weakref.proxy
            if issubclass(kind, Tensor):
                value = value._array
                kind = type(value)
            if kind is TracedArray:
                if value._trace is self and value._var.name is None:
                    value._var.name = name
            elif is_module(value):
                self._modules.setdefault(id(value), (name, value))
        return Site(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)

    def look_around(self, fn: Callable[..., Any]) -> None:
        """Name parameters by their paths in the modules, and the rest by the function's variables.

        The modules are those that the function or its arguments refer to.
        """
        for name, value in surroundings(fn):
            if is_module(value):
                self._modules.setdefault(id(value), (name, value))
            array = value._array if isinstance(value, Tensor) else value
            if isinstance(array, TracedArray) and array._var.name is None:
                array._var.name = name
            elif isinstance(array, np.ndarray) and id(array) in self._arrays:
                self._arrays[id(array)][1].name = name
        inputs = {
            id(slot.tensor): var
            for slot, var in self._inputs.values()
            if isinstance(slot, TensorSlot)
        }
        for name, module in self._modules.values():
            for path, parameter in module.named_parameters():
                var = inputs.get(id(parameter))
                if var is not None and not parameter.name:
                    var.name = f"{name}.{path}"

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        """Look at the variables of the user's functions as they return."""
        if event == "return" and not is_internal(frame) and not _is_librarys(frame):
            self._look(frame)

    def watched(self, rule: Any, g: Any, node: Node, _: int) -> Any:
        """Note whose gradient ``g`` is."""
        self._is_gradient(g, node)
        return rule

    def arrived(self, gradients: dict[Node, Any]) -> None:
        """Note whose gradients a backward pass ended with."""
        for node, g in gradients.items():
            self._is_gradient(g, node)

    def _is_gradient(self, g: Any, node: Node) -> None:
        value = self._vars.get(node)
        if value is None and node.op is None:
            tensor = node.tensor()
            value = _var_of(tensor) if isinstance(tensor, Tensor) else None
        g = g._array if isinstance(g, Tensor) else g
        if value is not None and isinstance(g, TracedArray):
            known = g._var.gradient_of
            if known is None or (known.name is None and value.name is not None):
                g._var.gradient_of = value

    # What goes out

    def finish(self, returned: Any) -> tuple[list[Output], Any, list[Update]]:
        """Find what the function returned and what it changed."""
        outputs = [self._output(value) for _, value in leaves(returned)]
        shape = rebuild(returned, iter(range(len(outputs))))
        updates = []
        for tensor, _, _, gradient in list(self._tensors.values()):
            slot, var = self._inputs[id(tensor)]
            atom = self._final(tensor._array)
            if atom is not var and not isinstance(slot, GradientSlot):
                updates.append(Update(slot, atom))
            if tensor._grad is not gradient or (
                gradient is not None and _var_of(gradient) is not self._inputs[id(gradient)][1]
            ):
                update = None if tensor._grad is None else self._final(tensor._grad._array)
                updates.append(Update(self._gradient_slot(tensor), update or Literal(None)))
        for handle, (var, slot) in self._arguments:
            if handle._var is not var:
                updates.append(Update(slot, handle._var))
        for slot, var, (container, _) in self._items:
            atom = self._final(container[slot.key])  # type: ignore[attr-defined]
            if atom is not var:
                updates.append(Update(slot, atom))
        for optimizer in self.optimizers:
            for parameter, kept in optimizer.state.items():
                before = {
                    (read.slot.parameter, read.slot.key): read.var
                    for read in self.reads
                    if isinstance(read.slot, StateSlot)
                }
                for key, value in kept.items():
                    if isinstance(value, (TracedArray, np.ndarray, int, float)):
                        atom = self._final(value)
                        if before.get((parameter, key)) is not atom:
                            updates.append(Update(StateSlot(optimizer.state, parameter, key), atom))
        return outputs, shape, updates

    def _final(self, value: Any) -> Atom:
        if isinstance(value, TracedArray):
            return value._var
        if value.__class__ in NUMBERS or isinstance(value, np.generic):
            return Literal(value)
        return self.known(value)._var

    def _output(self, value: Any) -> Output:
        if isinstance(value, Tensor):
            self.use(value)
            released = value._node is not None and value._node.saved is None
            requires = value._requires_grad and modes.recording and not released
            return Output("tensor", _var_of(value), requires)
        if isinstance(value, TracedArray):
            return Output("number" if value._var.scalar else "array", value._var)
        if isinstance(value, np.ndarray):
            return Output("array", self.known(value)._var)
        return Output("static", value)

    def escaped(self, cells: Sequence[CellType]) -> list[Update]:
        """Find the Tensors that the function left somewhere: each will be made anew there.

        ``cells`` are the variables of enclosing functions that it can have left one in.
        """
        if any(ref() is not None for ref in self._made):
            gc.collect()
        updates = []
        for ref in self._made:
            tensor = ref()
            if tensor is None or id(tensor) in self._tensors:
                continue
            for holder in gc.get_referrers(tensor):
                slots = list(_slots_of(holder, tensor, cells))
                if isinstance(holder, (list, set)):
                    raise TracingError(
                        f"{self.name}() put the tensor {tensor.name or _var_of(tensor).name!r} "
                        f"into a {type(holder).__name__} that outlives the call. The function runs "
                        "only once, and then its program does: return the tensor instead."
                    )
                updates += [Update(slot, self._final(tensor._array)) for slot in slots]
            tensor._array = np.asarray(self.example(tensor))
            tensor._node, tensor._requires_grad = None, False
        return updates

    def required(self) -> list[tuple[Tensor, bool]]:
        """Return the Tensors that took part, and whether they required a gradient."""
        return [(tensor, tensor._requires_grad) for tensor, *_ in self._tensors.values()]

    def leaves_beside_arguments(self) -> list[Tensor] | None:
        """Return the Tensors that require a gradient and are no arguments.

        ``None`` if one of them was computed from others before.
        """
        found = [
            tensor
            for tensor, _, node, _ in self._tensors.values()
            if tensor._requires_grad
            and not isinstance(self._inputs[id(tensor)][0], (ArgumentSlot, GradientSlot))
        ]
        return found if all(tensor.is_leaf for tensor in found) else None

    def keep_constants(self) -> None:
        """Make constants of arrays that nobody but the trace holds: the function made them."""
        self._arrays.clear()
        reads = []
        for read in self.reads:
            slot = read.slot
            if isinstance(slot, ArraySlot) and sys.getrefcount(slot.array) <= 2:
                self.constants[read.var] = slot.array
            else:
                reads.append(read)
        self.reads = reads

    def restore(self) -> None:
        """Give everything its own value back."""
        for tensor, array, node, gradient in self._tensors.values():
            tensor._array, tensor._node, tensor._grad = array, node, gradient
        for slot, _, (container, value) in self._items:
            container[slot.key] = value  # type: ignore[attr-defined]
        for optimizer in self.optimizers:
            optimizer.state.clear()
            optimizer.state.update(self._states[id(optimizer)])
        made = {id(left) for ref in self._made if (left := ref()) is not None}
        for place, value in self.around:
            if place.holds(made):
                place.write(value)
        self.around.clear()
        self.is_over = True


def traced(
    fn: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    *,
    static: frozenset[str] = frozenset(),
) -> tuple[Program, Trace]:
    """Run a function on examples, and return the program and what it was written down by.

    Nothing has changed afterwards: parameters, gradients and optimizers are as they were.
    """
    name = getattr(fn, "__name__", type(fn).__name__)
    signature, named = _signature(fn, args, kwargs)
    while True:
        trace = Trace(name, static)
        try:
            return _traced_once(fn, args, kwargs, trace, signature, named), trace
        except Specialize as needed:
            if needed.slots <= static:
                raise TracingError(
                    f"{name}() asked for the value of {', '.join(sorted(needed.slots))}."
                ) from None
            static = static | needed.slots


def _traced_once(
    fn: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    trace: Trace,
    signature: inspect.Signature | None,
    named: list[tuple[str, Any]],
) -> Program:
    before = modes.trace, modes.watcher, sys.getprofile()
    record.count_traces(1)
    generators = Generators(surroundings(fn), args, kwargs)
    trace.around = list(places(fn))
    try:
        values = [trace.argument(x, path, i) for i, (path, x) in enumerate(named)]
        given_args, given_kwargs = rebuild((tuple(args), kwargs), iter(values))
        modes.trace = modes.watcher = trace
        sys.setprofile(trace.profile)
        try:
            returned = fn(*given_args, **given_kwargs)
        finally:
            sys.setprofile(before[2])
        del given_args, given_kwargs, values
        trace.look_around(fn)
        outputs, shape, updates = trace.finish(returned)
        del returned
        trace._vars.clear()
        generators.check(trace.name, trace.drawn)
        updates += trace.escaped(cells_of(fn))
    finally:
        trace.restore()
        trace.keep_constants()
        modes.trace, modes.watcher = before[:2]
        record.count_traces(-1)
        generators.restore()
    return Program(
        trace.name,
        trace.reads,
        trace.equations,
        outputs,
        shape,
        updates,
        trace.constants,
        rebuild((tuple(args), kwargs), iter(range(len(named)))),
        signature,
    )


def _signature(
    fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[inspect.Signature | None, list[tuple[str, Any]]]:
    """Return the function's signature, and the leaves of its arguments with their names."""
    names: list[str] = []
    signature: inspect.Signature | None = None
    try:
        signature = inspect.signature(fn)
        bound = signature.bind(*args, **kwargs)
    except ValueError:
        pass
    except TypeError as error:
        raise ArgumentError(f"{getattr(fn, '__name__', fn)}() {error}.") from None
    else:
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_POSITIONAL:
                names += [f"{name}[{i}]" for i in range(len(bound.arguments.get(name, ())))]
            elif parameter.kind is not parameter.KEYWORD_ONLY:
                names.append(name)
    names += [f"argument_{i}" for i in range(len(names), len(args))]
    named = [leaf for name, value in zip(names, args, strict=False) for leaf in leaves(value, name)]
    return signature, named + [leaf for k, value in kwargs.items() for leaf in leaves(value, k)]


def _is_librarys(frame: FrameType) -> bool:
    """Tell whether a frame runs code of an installed library, whose names are not the user's."""
    return frame.f_code.co_filename.startswith(_LIBRARIES)


def _is_traced(tensor: Tensor) -> bool:
    return isinstance(tensor._array, TracedArray)


def _give(tensor: Tensor, array: Any) -> None:
    """Let a Tensor have what stands for its array."""
    tensor._array = array


def _var_of(tensor: Tensor) -> Var:
    array: Any = tensor._array
    return array._var  # type: ignore[no-any-return]


def _data(value: Any) -> Any:
    return value._array if isinstance(value, Tensor) else value


def _holds_traced(value: Any) -> bool:
    if isinstance(value, slice):
        return any(map(_holds_traced, (value.start, value.stop, value.step)))
    if type(value) in (tuple, list):
        return any(map(_holds_traced, value))
    return isinstance(value, (TracedArray, Tensor))


def _shaped(value: Any) -> Any:
    return (
        np.broadcast_to(np.zeros((), value.dtype), value.shape)
        if hasattr(value, "dtype")
        else value
    )


@functools.cache
def _constant_op(function: Callable[..., Any]) -> Op:
    """Return the operation that a NumPy function is, whose result is a constant."""
    op = Op(function.__name__, function, arity=1, parameters={}, register=False)
    op.function = function
    return op


def _slots_of(holder: Any, tensor: Tensor, cells: Sequence[CellType]) -> Iterator[Slot]:
    """Yield the places in an object that hold a tensor."""
    if any(holder is cell for cell in cells):
        yield CellSlot(holder, as_tensor=True)
    if not isinstance(holder, dict):
        holder = getattr(holder, "__dict__", None)
    if isinstance(holder, dict):
        for key, value in holder.items():
            if value is tensor:
                yield ItemSlot(holder, key, as_tensor=True)


_DESCRIBING = frozenset(
    {np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj, np.can_cast,
     np.common_type, np.min_scalar_type, np.einsum_path, np.empty_like}
)  # fmt: skip
"""NumPy functions that look at shapes and dtypes only."""

_OF_UNKNOWN_SHAPE = frozenset(
    {np.nonzero, np.unique, np.argwhere, np.flatnonzero, np.intersect1d, np.setdiff1d, np.setxor1d,
     np.union1d, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values, np.savetxt,
     np.save, np.savez, np.savez_compressed, np.array_repr, np.array_str, np.array2string,
     np.may_share_memory, np.shares_memory}
)  # fmt: skip
"""NumPy functions whose results depend on the values in more than their elements."""
