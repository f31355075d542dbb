"""Tracing: running a function once, with every operation written down."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import record
from ..diagnosis import explain
from ..errors import ArgumentError, DtypeError, TracingError
from ..inplace import clock
from ..names import caller, variables
from ..op import Node, Op
from ..record import NUMBERS, as_tensor, recorded
from ..tensor import Tensor
from .constant_calls import DESCRIBING, OF_UNKNOWN_SHAPE, constant_op, shaped
from .names_seen import NamesSeen
from .program import Atom, Equation, Literal, Read, Site, Var
from .slots import ArgumentSlot, ArraySlot, GradientSlot, ItemSlot, Slot, StateSlot, TensorSlot
from .traced import TracedArray

__all__ = ["Merge", "Specialize", "Trace", "var_of"]

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


class Merge(BaseException):
    """An array that changes in place came in twice: both are to be one value."""


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
    merge
        Whether an array that comes in twice is one value.
    """

    def __init__(
        self, name: str, static: frozenset[str] = frozenset(), *, merge: bool = False
    ) -> None:
        self.name = name
        self.static = static
        self.merge = merge
        self.is_over = False
        self.reads: list[Read] = []
        self.equations: list[Equation] = []
        self.constants: dict[Var, Any] = {}
        self.gradients: list[tuple[Tensor, Slot, bool]] = []
        """Whose gradient the function looks at, and whether there was one before."""
        self._set_gradients: set[int] = set()
        self._keeps_scalars = False
        self._backward = False
        self.arguments: list[tuple[TracedArray, Read]] = []
        self.names = NamesSeen()
        self.site: Site | None = None
        """Where everything is said to be, if not at the user's line that runs."""
        self.settings: list[tuple[dict[str, Any], str, Any]] = []
        """What was taken as it is from a dict: the dict, the key, and the value."""
        self.truths: list[tuple[ItemSlot, bool]] = []
        """Settings that the function asked of whether they are 0, and the answer."""
        self.optimizers: list[Any] = []
        self.drawn: set[int] = set()
        """The random generators that the program itself draws from."""
        self.arrays: dict[int, tuple[Any, TracedArray, Var]] = {}
        """Arrays that the function refers to, what stands for each, and its value at first."""
        self.by_array: dict[int, tuple[Any, TracedArray, Slot, Var]] = {}
        """Arrays that come in, what stands for each, where it was, and its value at first."""
        self.aliases: list[tuple[Slot, Slot]] = []
        """Places that hold one array."""
        self.overlaps: list[tuple[tuple[TracedArray, Var], tuple[TracedArray, Var], bool]] = []
        """Pairs of arrays that share memory, and whether they are one."""
        self.written: list[Slot] = []
        """Where the function left something."""
        self.same_arguments: list[tuple[int, int]] = []
        """Positions of arguments that are one Tensor."""
        self.tensors: dict[int, tuple[Tensor, Any, Node | None, Any]] = {}
        self.inputs: dict[int, tuple[Slot, Var]] = {}
        self.items: list[tuple[ItemSlot, Var, Any]] = []
        self.states: dict[int, dict[Tensor, dict[str, Any]]] = {}
        self._vars: dict[Node, Var] = {}
        self._roots: dict[Var, Var] = {}
        self._changed: set[Var] = set()
        self._steps: set[Var] = set()
        """Results that took over the name of an array, by changing it in place."""
        self._pending: dict[Var, TracedArray] = {}
        """Arrays of which a part changed in place, and the part, until it is assigned back."""
        self._sources: dict[Var, frozenset[str]] = {}
        self.made: list[weakref.ref[Any]] = []

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
                    if not isinstance(x._array, TracedArray):  # what rules read is the same value
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
        self.made.append(weakref.ref(out))
        return out

    def record(
        self,
        op: Op,
        inputs: tuple[Any, ...],
        params: dict[str, Any],
        operands: tuple[Any, ...] | None = None,
    ) -> TracedArray:
        """Compute the result on the examples, and write the equation down."""
        site = self.site or self.names.look(caller(), naming=not self._backward)
        if op.name in _INDEXING:
            self._check_index(op, params["index"], inputs)
        pairs = [self._atom(x) for x in inputs]
        atoms, values = tuple(a for a, _ in pairs), [value for _, value in pairs]
        self._keeps_scalars = op.name == "full_like"
        params, examples = self._parameters(params)
        try:
            value = op.kernel(*values, **examples)
        except _ERRORS as error:
            raise explain(op, operands or inputs, error, **examples) from None
        out = self._result(value)
        out.backward = self._backward
        if out.scalar:
            self._sources[out] = frozenset().union(
                *(self._sources.get(a, frozenset()) for a in atoms if isinstance(a, Var))
            )
        for source, x in zip(atoms, values, strict=True):
            if isinstance(source, Var) and (
                (op.name in _VIEWS and source is atoms[0]) or _is_view(value, x)
            ):
                self._roots[out] = self._roots.get(source, source)
        self.equations.append(Equation(op, atoms, params, out, site))
        made = TracedArray(self, out, value)
        self.made.append(weakref.ref(made))
        return made

    def call(self, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
        """Apply a NumPy function whose result is a constant to differentiation."""
        if function in DESCRIBING:
            args = tuple(shaped(x) for x in args)
            return function(*args, **kwargs)
        if function in OF_UNKNOWN_SHAPE:
            raise TracingError(
                f"np.{function.__name__}() in {self.name}() gives an array whose shape depends on "
                "the values, which differ from call to call: write np.where(condition, a, b), or "
                "multiply by a mask."
            )
        return self.record(constant_op(function), tuple(args), kwargs)

    def draw(self, op: Op, params: dict[str, Any]) -> TracedArray:
        """Draw random numbers, which every run of the program does anew."""
        self.drawn.add(id(params["generator"]))
        return self.record(op, (), params)

    def assign(
        self, target: TracedArray, op: Op, inputs: tuple[Any, ...], params: dict[str, Any]
    ) -> None:
        """Change an array in place: from now on it is the result."""
        root = self._roots.get(target._var)
        if (
            op.name == "setitem"
            and len(inputs) == 2
            and self._pending.get(target._var) is inputs[1]
        ):
            del self._pending[target._var]  # x[index] += y: the part comes back
        elif root is not None and self._owner_of(root) is None:
            raise TracingError(
                f"{self.described(target)} is a view, and {self.name}() changes it in place, which "
                "a program cannot repeat: change the array itself, as x[index] = values."
            )
        elif root is not None:
            self._pending[root] = target
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
            if target._var in self._steps and op.name != "setitem":
                target._var.name = None  # on the way to what has the name
            self._steps.add(result._var)
        target._var, target._example = result._var, result._example

    def _owner_of(self, root: Var) -> Var | None:
        """Return an array that a part was taken of, if that part may be assigned back."""
        return root if root not in self._pending and root not in self._changed else None

    def refuse_pending(self) -> None:
        """Raise if a view was changed in place, and not assigned back to what it is a part of."""
        for handle in self._pending.values():
            raise TracingError(
                f"{self.described(handle)} is a view, and {self.name}() changes it in place, which "
                "a program cannot repeat: change the array itself, as x[index] = values."
            )

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
            if id(value) not in self.tensors:
                self._adopt(value, slot)
            else:
                first, _ = self.inputs[id(value)]
                if isinstance(first, ArgumentSlot):
                    self.same_arguments.append((first.position, position))
            return value
        if isinstance(value, np.ma.MaskedArray):
            raise DtypeError(
                f"The argument {name} of {self.name}() is a masked array, and a program knows no "
                "masks: fill it first, with filled(), or multiply by a mask of zeros and ones."
            )
        if isinstance(value, (np.ndarray, np.generic)):
            handle = self._input(slot, value, name)
            self.arguments.append((handle, Read(handle._var, slot)))
            return handle
        if type(value) in (int, float) and name not in self.static:
            return self._input(slot, value, name)
        return value

    def use(self, value: Any) -> None:
        """Take part of a Tensor: what its array is will be looked up in every call."""
        if isinstance(value, Tensor) and not _is_traced(value):
            self._adopt(value, TensorSlot(value))

    def _adopt(self, tensor: Tensor, slot: Slot) -> None:
        if id(tensor) in self.tensors:  # it was given another array, in the function
            _give(tensor, self.known(tensor._array))
            return
        self.tensors[id(tensor)] = tensor, tensor._array, tensor._node, tensor._grad
        gradient = tensor._grad
        handle = self._input(slot, tensor._array, tensor.name)
        self.inputs[id(tensor)] = slot, handle._var
        _give(tensor, handle)
        if gradient is not None and not _is_traced(gradient):
            self._adopt(gradient, self.gradient_slot(tensor))

    def gradient_slot(self, tensor: Tensor) -> GradientSlot:
        """Return where the gradient of a Tensor is."""
        slot, _ = self.inputs[id(tensor)]
        return GradientSlot(tensor, slot.position if isinstance(slot, ArgumentSlot) else None)

    def _input(self, slot: Slot, value: Any, name: str | None = None) -> TracedArray:
        if self.merge and id(value) in self.by_array:
            _, handle, first, _ = self.by_array[id(value)]
            self.aliases.append((first, slot))
            return handle
        var = self._result(value)
        var.name = name
        if var.scalar:
            self._sources[var] = frozenset({slot.name})
        self.reads.append(Read(var, slot))
        handle = TracedArray(self, var, value)
        if isinstance(value, np.ndarray):
            for array, other, _, its in self.by_array.values():
                if np.may_share_memory(array, value):
                    self.overlaps.append(((handle, var), (other, its), array is value))
            self.by_array.setdefault(id(value), (value, handle, slot, var))
        return handle

    def set_gradient(self, tensor: Tensor) -> None:
        """Note that the function sets a gradient, whatever it was before."""
        self.use(tensor)
        self._set_gradients.add(id(tensor))

    def look_at_gradient(self, tensor: Tensor) -> None:
        """Note that the function asks for a gradient that it has not set itself."""
        self.use(tensor)
        if id(tensor) in self.tensors and id(tensor) not in self._set_gradients:
            self._set_gradients.add(id(tensor))
            _, _, _, gradient = self.tensors[id(tensor)]
            slot, _ = self.inputs[id(tensor)]
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
            for key in group:
                if key != "params":
                    self._take(group, key, f"{type(optimizer).__name__}[{number}][{i}].{key}")
        self.states[id(optimizer)] = {p: dict(kept) for p, kept in optimizer.state.items()}
        for parameter, kept in optimizer.state.items():
            for key, value in kept.items():
                state = StateSlot(optimizer.state, parameter, key)
                if isinstance(value, np.ndarray) or type(value) in (int, float):
                    kept[key] = self._input(state, value, key)

    def _take(self, container: dict[Any, Any], key: Any, name: str) -> None:
        """Make a setting an input: a number, or each number of a tuple; others are compared."""
        value = container[key]
        parts = value if type(value) is tuple else (value,)
        slots = [
            ItemSlot(container, key, part=None if value is part else i)
            for i, part in enumerate(parts)
        ]
        for i, slot in enumerate(slots):
            slot.name = name if slot.part is None else f"{name}[{i}]"
        are_numbers = all(type(part) is int or isinstance(part, float) for part in parts)
        if not parts or not are_numbers or any(slot.name in self.static for slot in slots):
            self.settings.append((container, key, value))
            return
        handles = []
        for i, (slot, part) in enumerate(zip(slots, parts, strict=True)):
            number = float(part) if isinstance(part, float) else part
            called = str(key) if slot.part is None else f"{str(key).removesuffix('s')}{i + 1}"
            handle = self._input(slot, number, called)
            self.items.append((slot, handle._var, (container, value)))
            handles.append(handle)
        container[key] = tuple(handles) if type(value) is tuple else handles[0]

    def is_nonzero(self, setting: TracedArray) -> bool:
        """Tell whether a setting is not 0, which is to stay so; its value may change."""
        for slot, var, _ in self.items:
            if var is setting._var:
                truth = bool(setting._example)
                self.truths.append((slot, truth))
                return truth
        return bool(setting)

    def known(self, array: Any) -> TracedArray:
        """Return what stands for an array that the function refers to."""
        if isinstance(array, np.generic) or not isinstance(array, np.ndarray):
            var = self._result(array)
            self.constants[var] = array
            return TracedArray(self, var, array)
        known = self.by_array.get(id(array))
        if known is not None:
            return known[1]
        handle = self._input(ArraySlot(array), array)
        self.arrays[id(array)] = array, handle, handle._var
        return handle

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
            self.fresh(x)
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

    def fresh(self, x: TracedArray) -> TracedArray:
        """Return an array as it is; raise if it is a view of one that changed since."""
        if self._roots.get(x._var) in self._changed:
            raise TracingError(
                f"{self.described(x)} is a view of an array that {self.name}() changed in place "
                "since: make the view again after the change, or take a copy() before it."
            )
        if x._var in self._pending:
            raise TracingError(
                f"{self.described(x)} is used by {self.name}() while a part of it that changed in "
                "place has not been assigned back: write x[index] = values."
            )
        return x

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
        if isinstance(value, TracedArray) and value._var.scalar and not self._keeps_scalars:
            self.specialize(value, "parameter")
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

    # Gradients, and what took part

    def described(self, value: TracedArray) -> str:
        """Say which value is meant, for a message."""
        return self.names.described(value)

    def watched(self, rule: Any, g: Any, node: Node, _: int) -> Any:
        """Note whose gradient ``g`` is."""
        self._backward = True
        self._is_gradient(g, node)
        return rule

    def arrived(self, gradients: dict[Node, Any]) -> None:
        """Note whose gradients a backward pass ended with."""
        self._backward = False
        for node, g in gradients.items():
            self._is_gradient(g, node)

    def _is_gradient(self, g: Any, node: Node) -> None:
        value = self._vars.get(node)
        if value is None and node.op is None:
            tensor = node.tensor()
            value = var_of(tensor) if isinstance(tensor, Tensor) else None
        g = g._array if isinstance(g, Tensor) else g
        if value is not None and isinstance(g, TracedArray) and g._var.backward:
            known = g._var.gradient_of
            if known is None or (known.name is None and value.name is not None):
                g._var.gradient_of = value

    def forget_graph(self) -> None:
        """Let go of the nodes, so that only what the function left somewhere stays alive."""
        self._vars.clear()

    def required(self) -> list[tuple[Tensor, bool]]:
        """Return the Tensors that took part, and whether they required a gradient."""
        return [(tensor, tensor._requires_grad) for tensor, *_ in self.tensors.values()]

    def leaves_beside_arguments(self) -> list[Tensor] | None:
        """Return the Tensors that require a gradient and are no arguments.

        ``None`` if one of them was computed from others before.
        """
        found = [
            tensor
            for tensor, _, node, _ in self.tensors.values()
            if tensor._requires_grad
            and not isinstance(self.inputs[id(tensor)][0], (ArgumentSlot, GradientSlot))
        ]
        return found if all(tensor.is_leaf for tensor in found) else None


def _is_view(value: Any, x: Any) -> bool:
    """Tell whether an operation gave an array that shares memory with its operand."""
    return (
        isinstance(value, np.ndarray)
        and isinstance(x, np.ndarray)
        and value.size > 0
        and np.may_share_memory(value, x)
    )


def _is_traced(tensor: Tensor) -> bool:
    return isinstance(tensor._array, TracedArray)


def _give(tensor: Tensor, array: Any) -> None:
    """Let a Tensor have what stands for its array."""
    tensor._array = array


def var_of(tensor: Tensor) -> Var:
    """Return the value that a Tensor's array is at the moment."""
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
