"""What comes into a function while it is traced: arguments, and what else it refers to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import DtypeError
from ..names import caller, variables
from ..op import Node
from ..record import NUMBERS
from ..tensor import Tensor
from .program import Atom, Read, Var
from .slots import ArgumentSlot, ArraySlot, GradientSlot, ItemSlot, Slot, StateSlot, TensorSlot
from .traced import TracedArray

__all__ = ["Inputs", "Merge", "Specialize", "var_like", "var_of"]


class Specialize(BaseException):
    """The Python values of these inputs decide what the function does: trace it for each value."""

    def __init__(self, slots: set[str]) -> None:
        super().__init__(slots)
        self.slots = slots


class Merge(BaseException):
    """An array that changes in place came in twice: both are to be one value."""


class Inputs(ABC):
    """What stands for each value that came in, and where it was found.

    Parameters
    ----------
    name
        The function's.
    static
        The names of the scalars that are to be taken as the numbers they are.
    merge
        Whether an array that comes in twice is one value.
    """

    def __init__(self, name: str, static: frozenset[str], merge: bool) -> None:
        self.name = name
        self.static = static
        self.merge = merge
        self.reads: list[Read] = []
        self.constants: dict[Var, Any] = {}
        self.arguments: list[tuple[TracedArray, Read]] = []
        self.same_arguments: list[tuple[int, int]] = []
        """Positions of arguments that are one Tensor."""
        self.tensors: dict[int, tuple[Tensor, Any, Node | None, Any]] = {}
        self.inputs: dict[int, tuple[Slot, Var]] = {}
        self.arrays: dict[int, tuple[Any, TracedArray, Var]] = {}
        """Arrays that the function refers to, what stands for each, and its value at first."""
        self.by_array: dict[int, tuple[Any, TracedArray, Slot, Var]] = {}
        """Arrays that come in, what stands for each, where it was, and its value at first."""
        self.aliases: list[tuple[Slot, Slot]] = []
        """Places that hold one array."""
        self.overlaps: list[tuple[tuple[TracedArray, Var], tuple[TracedArray, Var], bool]] = []
        """Pairs of arrays that share memory, and whether they are one."""
        self.gradients: list[tuple[Tensor, Slot, bool]] = []
        """Whose gradient the function looks at, and whether there was one before."""
        self._set_gradients: set[int] = set()
        self.optimizers: list[Any] = []
        self.states: dict[int, dict[Tensor, dict[str, Any]]] = {}
        self.items: list[tuple[ItemSlot, Var, Any]] = []
        self.settings: list[tuple[dict[str, Any], str, Any]] = []
        """What was taken as it is from a dict: the dict, the key, and the value."""
        self.truths: list[tuple[ItemSlot, bool]] = []
        """Settings that the function asked of whether they are 0, and the answer."""
        self._sources: dict[Var, frozenset[str]] = {}
        """The names of the inputs that a Python number was computed from."""

    @abstractmethod
    def standing_for(self, value: Any, var: Var) -> TracedArray:
        """Return what stands for an array or a number."""

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

    def gradient_slot(self, tensor: Tensor) -> GradientSlot:
        """Return where the gradient of a Tensor is."""
        slot, _ = self.inputs[id(tensor)]
        return GradientSlot(tensor, slot.position if isinstance(slot, ArgumentSlot) else None)

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
            var = var_like(array)
            self.constants[var] = array
            return self.standing_for(array, var)
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

    def computed(self, number: Var, operands: Iterable[Atom]) -> None:
        """Note what a Python number was computed from."""
        self._sources[number] = frozenset().union(
            *(self._sources.get(x, frozenset()) for x in operands if isinstance(x, Var))
        )

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

    def _input(self, slot: Slot, value: Any, name: str | None = None) -> TracedArray:
        if self.merge and id(value) in self.by_array:
            _, handle, first, _ = self.by_array[id(value)]
            self.aliases.append((first, slot))
            return handle
        var = var_like(value)
        var.name = name
        if var.scalar:
            self._sources[var] = frozenset({slot.name})
        self.reads.append(Read(var, slot))
        handle = self.standing_for(value, var)
        if isinstance(value, np.ndarray):
            for array, other, _, its in self.by_array.values():
                if np.may_share_memory(array, value):
                    self.overlaps.append(((handle, var), (other, its), array is value))
            self.by_array.setdefault(id(value), (value, handle, slot, var))
        return handle


def var_like(value: Any) -> Var:
    """Return a value of the shape and dtype of an array or a number."""
    if value.__class__ in NUMBERS:
        return Var((), np.dtype(type(value)), scalar=True)
    return Var(value.shape, value.dtype)


def var_of(tensor: Tensor) -> Var:
    """Return the value that a Tensor's array is at the moment."""
    array: Any = tensor._array
    result: Var = array._var
    return result


def _is_traced(tensor: Tensor) -> bool:
    return isinstance(tensor._array, TracedArray)


def _give(tensor: Tensor, array: Any) -> None:
    """Let a Tensor have what stands for its array."""
    tensor._array = array
