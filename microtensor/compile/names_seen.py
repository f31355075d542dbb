"""The names of the user's variables, seen while a function is traced."""

from __future__ import annotations

import os
import random
import sys
import weakref
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

import numpy as np

from ..names import caller, is_package_file, variables
from ..nn.module import Module
from ..tensor import Tensor
from .program import Read, Site, Var
from .slots import ArraySlot, TensorSlot
from .surroundings import is_librarys, is_module, surroundings
from .traced import TracedArray

__all__ = ["NamesSeen"]

_DEPTH = 12
"""How many frames around an operation are looked at."""


def _running_module() -> Callable[[], Any] | None:
    """Return a reference to the innermost module that is being called."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code is not Module.__call__.__code__:
        frame = frame.f_back
    return None if frame is None else weakref.ref(frame.f_locals["self"])


class NamesSeen:
    """Gives traced values the names of the variables that hold them."""

    def __init__(self) -> None:
        self._modules: dict[int, tuple[str, Any]] = {}
        self.random: str | None = None
        """A function of Python's that was called for a random number, or for a new generator."""

    def look(self, frame: FrameType | None, *, naming: bool = True) -> Site | None:
        """Look at the variables of a frame, and say where in the user's code it is.

        Without ``naming`` only the latter: the variables of a derivative rule are not the user's.
        """
        if frame is None:
            return None
        code = frame.f_code
        site = Site(code.co_filename, frame.f_lineno, code.co_name, _running_module())
        if not naming:
            return site
        frames = [frame]
        while (outer := frames[-1].f_back) is not None and len(frames) < _DEPTH:
            frames.append(outer)
        for outer in reversed(frames):  # a value is called as where it was made, not as in a helper
            if not is_librarys(outer.f_code.co_filename):
                self._name(outer)
        return site

    def _name(self, frame: FrameType) -> None:
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

    def profile(self, frame: FrameType, event: str, function: Any) -> None:
        """Look at the variables of the user's functions as they return, and for random draws."""
        if event == "return" and not is_librarys(frame.f_code.co_filename):
            self.look(frame)
        elif event == "c_call" and _is_random(function) and _is_users(frame):
            self.random = f"{function.__self__.__class__.__name__}.{function.__name__}"

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


def _is_random(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    return isinstance(owner, random.Random) or function is os.urandom


def _is_users(frame: FrameType) -> bool:
    """Tell whether the innermost frame that is of no other library is the user's."""
    inner: FrameType | None = frame
    while inner is not None and is_librarys(inner.f_code.co_filename):
        if is_package_file(inner.f_code.co_filename):
            return False
        inner = inner.f_back
    return inner is not None
