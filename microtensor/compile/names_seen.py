"""The names of the user's variables, seen while a function is traced."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

import numpy as np

from ..names import caller, is_internal, variables
from ..tensor import Tensor
from .program import Read, Site, Var
from .slots import ArraySlot, TensorSlot
from .surroundings import is_module, surroundings
from .traced import TracedArray

__all__ = ["NamesSeen"]

_LIBRARIES = tuple(
    os.path.join(path, "")
    for path in {*sysconfig.get_paths().values(), os.path.dirname(np.__file__)}
    if path != sysconfig.get_path("data")
)


class NamesSeen:
    """Gives traced values the names of the variables that hold them."""

    def __init__(self) -> None:
        self._modules: dict[int, tuple[str, Any]] = {}

    def look(self, frame: FrameType | None) -> Site | None:
        """Look at the variables of a frame, and say where in the user's code it is."""
        if frame is None:
            return None
        for name, value in variables(frame):
            kind = type(value)  # asking the value itself can raise: it may be a dead weakref.proxy
            if issubclass(kind, Tensor):
                value = value._array
                kind = type(value)
            if kind is TracedArray:
                if value._var.name is None:
                    value._var.name = name
            elif is_module(value):
                self._modules.setdefault(id(value), (name, value))
        return Site(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        """Look at the variables of the user's functions as they return."""
        if event != "return" or is_internal(frame):
            return
        if not frame.f_code.co_filename.startswith(_LIBRARIES):
            self.look(frame)

    def look_around(self, fn: Callable[..., Any], reads: Iterable[Read]) -> None:
        """Name parameters by their paths in modules, and the rest by the function's variables.

        The modules are those that the function or its arguments refer to.
        """
        arrays: dict[int, Var] = {}
        tensors: dict[int, Var] = {}
        for var, slot in reads:
            if isinstance(slot, ArraySlot):
                arrays[id(slot.array)] = var
            elif isinstance(slot, TensorSlot):
                tensors[id(slot.tensor)] = var
        for name, value in surroundings(fn):
            if is_module(value):
                self._modules.setdefault(id(value), (name, value))
            array = value._array if isinstance(value, Tensor) else value
            if isinstance(array, TracedArray) and array._var.name is None:
                array._var.name = name
            elif isinstance(array, np.ndarray) and id(array) in arrays:
                arrays[id(array)].name = name
        for name, module in self._modules.values():
            for path, parameter in module.named_parameters():
                held = tensors.get(id(parameter))
                if held is not None and not parameter.name:
                    held.name = f"{name}.{path}"

    def described(self, value: TracedArray) -> str:
        """Say which value is meant, for a message."""
        if value._var.name is None:
            self.look(caller())
        name = f" {value._var.name!r}" if value._var.name else ""
        return f"The traced value{name}, {value.dtype} of shape {value.shape},"
