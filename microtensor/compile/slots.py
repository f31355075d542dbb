"""Where a traced function found a value, and where it left one: what a program reads and writes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import CellType
from typing import Any

import numpy as np

from ..errors import StateDictError
from ..op import Recordable
from ..record import wrap
from ..tensor import Tensor

__all__ = [
    "ArgumentSlot",
    "ArraySlot",
    "CellSlot",
    "GradientSlot",
    "ItemSlot",
    "Slot",
    "StateSlot",
    "TensorSlot",
]


class Slot(ABC):
    """A place that holds a value."""

    name: str

    @property
    def place(self) -> Any:
        """What two slots have in common that are the same place."""
        return id(self)

    @abstractmethod
    def read(self) -> Any:
        """Return the array or number that is there now."""

    @abstractmethod
    def write(self, value: Any) -> None:
        """Put an array or number there."""


class ArgumentSlot(Slot):
    """A leaf of the arguments of a call; there is nothing to write to."""

    def __init__(self, position: int, name: str) -> None:
        self.position, self.name = position, name

    @property
    def place(self) -> Any:
        return "argument", self.position

    def read(self) -> Any:
        raise LookupError(self.name)

    def write(self, value: Any) -> None:
        raise LookupError(self.name)


class TensorSlot(Slot):
    """The array of a Tensor, which is changed in place."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.name = tensor.name or ""

    @property
    def place(self) -> Any:
        return "tensor", id(self.tensor)

    def read(self) -> Any:
        return self.tensor.data

    def write(self, value: Any) -> None:
        data = self.tensor._writable()
        data[...] = value


class GradientSlot(Slot):
    """The gradient of a Tensor; ``None`` for none.

    Of an argument, it is the gradient of whatever Tensor is given in a call, at that position.
    """

    def __init__(self, tensor: Tensor, argument: int | None = None) -> None:
        self.tensor = tensor
        self.argument = argument
        self.name = ""

    @property
    def place(self) -> Any:
        return "gradient", id(self.tensor)

    def read(self) -> Any:
        gradient = self.tensor._grad
        return None if gradient is None else gradient._array

    def write(self, value: Any) -> None:
        self.tensor._grad = None if value is None else wrap(value)


class ArraySlot(Slot):
    """An array that the function refers to."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array
        self.name = ""

    @property
    def place(self) -> Any:
        return "array", id(self.array)

    def read(self) -> Any:
        return self.array

    def write(self, value: Any) -> None:
        self.array[...] = value


class ItemSlot(Slot):
    """An item of a dict: a setting, or an attribute in the ``__dict__`` of its owner.

    With ``part``, the item is a tuple, and the value is the one at that position.
    """

    def __init__(
        self,
        container: dict[Any, Any],
        key: Any,
        as_tensor: bool = False,
        part: int | None = None,
    ) -> None:
        self.container, self.key, self.as_tensor, self.part = container, key, as_tensor, part
        self.name = str(key)

    @property
    def place(self) -> Any:
        return "item", id(self.container), self.key, self.part

    @property
    def held(self) -> Any:
        """What is there now: a Tensor, an array or a number."""
        value = self.container[self.key]
        return value if self.part is None else value[self.part]

    def read(self) -> Any:
        value = self.held
        return value._array if isinstance(value, Recordable) else value

    def write(self, value: Any) -> None:
        if self.part is not None:
            whole = self.container[self.key]
            value = (*whole[: self.part], value, *whole[self.part + 1 :])
        self.container[self.key] = wrap(value) if self.as_tensor else value


class StateSlot(Slot):
    """What an optimizer remembers of a parameter."""

    def __init__(self, state: dict[Tensor, dict[str, Any]], parameter: Tensor, key: str) -> None:
        self.state, self.parameter, self.key = state, parameter, key
        self.name = key

    @property
    def place(self) -> Any:
        return "state", id(self.state), id(self.parameter), self.key

    def read(self) -> Any:
        try:
            return self.state[self.parameter][self.key]
        except KeyError:
            raise StateDictError(f"The optimizer has no {self.key} of a parameter.") from None

    def write(self, value: Any) -> None:
        self.state.setdefault(self.parameter, {})[self.key] = value


class CellSlot(Slot):
    """A variable of an enclosing function."""

    def __init__(self, cell: CellType, as_tensor: bool = False) -> None:
        self.cell, self.as_tensor = cell, as_tensor
        self.name = ""

    @property
    def place(self) -> Any:
        return "cell", id(self.cell)

    def read(self) -> Any:
        value = self.cell.cell_contents
        return value._array if isinstance(value, Recordable) else value

    def write(self, value: Any) -> None:
        self.cell.cell_contents = wrap(value) if self.as_tensor else value
