"""What a function refers to beside its arguments: the variables that it closes over."""

from __future__ import annotations

import functools
import os
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..names import is_package_file
from ..op import Recordable

__all__ = [
    "Place",
    "cells_of",
    "functions_of",
    "is_librarys",
    "is_module",
    "places",
    "surroundings",
]

_MOST_ENTRIES = 1000
"""What a larger list or dict holds is not looked at again."""
_DEPTH = 4
"""How deep lists, dicts and objects are looked into."""
_OF_CLASSES = (FunctionType, classmethod, staticmethod, property, type, ModuleType)
_LIBRARIES = tuple(
    os.path.join(path, "")
    for path in {*sysconfig.get_paths().values(), os.path.dirname(np.__file__)}
    if path != sysconfig.get_path("data")
)


class Place(NamedTuple):
    """Where a value is found: ``container[key]``, or the content of a cell."""

    name: str
    container: Any
    key: Any
    shadow: Any = None
    """The attributes of an object, which come before its class's: the container is of that."""

    def read(self) -> Any:
        """Return what is there now."""
        if isinstance(self.container, CellType):
            return self.container.cell_contents
        return self.container[self.key]

    def write(self, value: Any) -> None:
        """Put a value there."""
        if isinstance(self.container, CellType):
            self.container.cell_contents = value
        else:
            self.container[self.key] = value

    def read_or(self, default: Any) -> Any:
        """Return what is there now, or ``default`` if there is nothing any more."""
        try:
            return self.read()
        except (LookupError, ValueError):
            return default


def is_module(value: Any) -> bool:
    """Tell whether a value is a module; its class is asked, since an object may answer anything."""
    return hasattr(type(value), "named_parameters")


def surroundings(fn: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """Yield the names and values that a function, and those of the user's it calls, refer to."""
    for place in variables_of(fn):
        yield place.name, place.read()
    owner = getattr(fn, "__self__", None)
    if owner is not None and not isinstance(owner, ModuleType):
        yield "self", owner
        for name, value in list(getattr(owner, "__dict__", {}).items()):
            yield f"self.{name}", value


def places(fn: Callable[..., Any], arguments: Iterable[Any] = ()) -> Iterator[tuple[Place, Any]]:
    """Yield the variables of a function, and what their lists, dicts and attributes hold.

    ``arguments`` are objects that it is called with. Of objects, classes and the user's modules,
    those attributes count whose names the function mentions; of `nn.Module`, all but parameters
    and other modules.
    """
    owners = list(_owners(fn, arguments))
    variables = [(place, place.read()) for place in variables_of(fn)]
    objects = [value for _, value in (*owners, *variables)]
    mentioned = _mentioned(functions_of(fn), objects)
    pending = [(place, value, 0) for place, value in variables]
    for name, owner in owners:
        pending += [(p, v, 1) for p, v in _inside(name, owner, mentioned)]
    seen: set[int] = set()
    while pending:
        place, value, depth = pending.pop()
        yield place, value
        if depth < _DEPTH and id(value) not in seen:
            seen.add(id(value))
            pending += [(p, v, depth + 1) for p, v in _inside(place.name, value, mentioned)]


def _mentioned(functions: list[FunctionType], objects: Iterable[Any]) -> set[str]:
    """Return the names that functions mention, and the methods of these objects that they call."""
    names: set[str] = set()
    classes = {type(value) for value in objects if type(value).__module__ != "builtins"}
    pending = list(functions)
    seen: set[FunctionType] = set()
    while pending:
        function = pending.pop()
        if function in seen or is_librarys(function.__code__.co_filename):
            continue
        seen.add(function)
        new = set(global_names(function.__code__))
        names |= new
        for kind in classes:
            methods = (getattr(kind, name, None) for name in new)
            pending += [method for method in methods if isinstance(method, FunctionType)]
    return names


def _owners(fn: Callable[..., Any], arguments: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the objects that a function is a method of, or made with, and that it is given."""
    owner = getattr(fn, "__self__", None)
    if owner is not None and not isinstance(owner, ModuleType):
        yield "self", owner
    if isinstance(fn, functools.partial):
        yield from _owners(fn.func, ())
        for i, value in enumerate(fn.args):
            yield f"argument {i}", value
        yield from fn.keywords.items()
    elif not isinstance(fn, (FunctionType, MethodType, type)):
        yield "self", fn
    for i, value in enumerate(arguments):
        if not isinstance(value, (Recordable, np.ndarray, np.generic, int, float, str)):
            yield f"argument {i}", value


def variables_of(fn: Callable[..., Any]) -> Iterator[Place]:
    """Yield the variables that a function, and those of the user's it calls, refer to."""
    for function in functions_of(fn):
        names = function.__code__.co_freevars
        for cell, name in zip(function.__closure__ or (), names, strict=True):
            try:
                cell.cell_contents  # noqa: B018 - not yet assigned, it raises
            except ValueError:
                continue
            yield Place(name, cell, None)
        for name in global_names(function.__code__):
            if name in function.__globals__:
                yield Place(name, function.__globals__, name)


def functions_of(fn: Callable[..., Any]) -> list[FunctionType]:
    """Return the Python function that ``fn`` is, and those of the user's that it refers to."""
    pending: list[Any] = [fn]
    found: list[FunctionType] = []
    while pending:
        function: Any = pending.pop()
        while isinstance(function, functools.partial) or hasattr(function, "__wrapped__"):
            partial = isinstance(function, functools.partial)
            function = function.func if partial else function.__wrapped__
        if isinstance(function, MethodType):
            owner = type(function.__self__)
            function = function.__func__
            if isinstance(function, FunctionType):
                methods = (getattr(owner, n, None) for n in global_names(function.__code__))
                pending += [m for m in methods if isinstance(m, FunctionType)]
        elif not isinstance(function, (FunctionType, type)):
            function = getattr(type(function), "__call__", None)  # noqa: B004 - which it is
        if not isinstance(function, FunctionType) or function in found:
            continue
        if is_librarys(function.__code__.co_filename):
            continue
        found.append(function)
        for cell in function.__closure__ or ():
            try:
                pending.append(cell.cell_contents)
            except ValueError:
                continue
        for name in global_names(function.__code__):
            value = function.__globals__.get(name)
            if isinstance(value, FunctionType) or (
                getattr(value, "__module__", None) == function.__module__
            ):
                pending.append(value)
    return found


def cells_of(fn: Callable[..., Any]) -> list[CellType]:
    """Return the cells of the variables of enclosing functions."""
    return [cell for function in functions_of(fn) for cell in function.__closure__ or ()]


def global_names(code: CodeType) -> list[str]:
    """Return the names that code, and the functions defined in it, look up."""
    names = list(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names += global_names(constant)
    return list(dict.fromkeys(names))


def is_librarys(file: str) -> bool:
    """Tell whether a source file is this package's, or of another library, not the user's."""
    return is_package_file(file) or file.startswith(_LIBRARIES)


def _inside(name: str, value: Any, mentioned: set[str]) -> Iterator[tuple[Place, Any]]:
    """Yield what a value holds, as far as the function may look at it."""
    if isinstance(value, FunctionType):
        for i, default in enumerate(value.__defaults__ or ()):
            if not is_librarys(value.__code__.co_filename):
                yield Place(f"{name}'s default {i}", value.__defaults__, i), default
    elif isinstance(value, (Recordable, np.ndarray, MethodType, BuiltinFunctionType)):
        return
    elif is_module(value) and not isinstance(value, type):
        for path, module in value.named_modules(name):
            for key, held in vars(module).items():
                if key not in module._parameters_and_modules():
                    yield Place(f"{path}.{key}", vars(module), key), held
    elif isinstance(value, (ModuleType, type)):
        if isinstance(value, ModuleType) and is_librarys(getattr(value, "__file__", None) or "<"):
            return
        for key, held in vars(value).items():
            if key in mentioned and not isinstance(held, _OF_CLASSES):
                yield Place(f"{name}.{key}", vars(value), key), held
    elif isinstance(value, (list, tuple)):
        if len(value) <= _MOST_ENTRIES:
            for i, held in enumerate(value):
                yield Place(f"{name}[{i}]", value, i), held
    elif isinstance(value, dict):
        if len(value) <= _MOST_ENTRIES:
            for key, held in value.items():
                yield Place(f"{name}[{key!r}]", value, key), held
    elif not hasattr(type(value), "param_groups") and not hasattr(value, "param_groups"):
        yield from _attributes(name, value, mentioned)


def _attributes(name: str, value: Any, mentioned: set[str]) -> Iterator[tuple[Place, Any]]:
    attributes = getattr(value, "__dict__", None)
    if type(attributes) is not dict or type(value).__module__ == "builtins":
        return
    for key, held in attributes.items():
        if key in mentioned:
            yield Place(f"{name}.{key}", attributes, key), held
    for kind in type(value).__mro__[:-1]:
        for key, held in vars(kind).items():
            if key in mentioned and key not in attributes and not isinstance(held, _OF_CLASSES):
                yield Place(f"{name}.{key}", vars(kind), key, attributes), held
