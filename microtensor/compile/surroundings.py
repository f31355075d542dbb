"""What a function can refer to beside its arguments: the variables that it closes over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any

from ..names import is_package_file

__all__ = ["functions_of", "surroundings"]


def surroundings(fn: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """Yield the names and values that a function, and those of the user's it calls, refer to."""
    for function in functions_of(fn):
        for cell, name in zip(function.__closure__ or (), function.__code__.co_freevars, strict=True):
            try:
                yield name, cell.cell_contents
            except ValueError:  # not yet assigned
                continue
        for name in global_names(function.__code__):
            if name in function.__globals__:
                yield name, function.__globals__[name]
    owner = getattr(fn, "__self__", None)
    if owner is not None:
        yield "self", owner
        for name, value in list(getattr(owner, "__dict__", {}).items()):
            yield f"self.{name}", value


def functions_of(fn: Callable[..., Any]) -> list[FunctionType]:
    """Return the Python function that ``fn`` is, and those of the user's that it refers to."""
    pending = [fn]
    found: list[FunctionType] = []
    while pending:
        function = pending.pop()
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        if isinstance(function, MethodType):
            function = function.__func__
        elif not isinstance(function, FunctionType) and not isinstance(function, type):
            function = getattr(type(function), "__call__", None)
        if not isinstance(function, FunctionType) or function in found:
            continue
        if is_package_file(function.__code__.co_filename):
            continue
        found.append(function)
        for cell in function.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            if isinstance(value, (FunctionType, MethodType)):
                pending.append(value)
        for name in global_names(function.__code__):
            value = function.__globals__.get(name)
            if isinstance(value, (FunctionType, MethodType)):
                module = getattr(value, "__module__", "") or ""
                if module == function.__module__:
                    pending.append(value)
    return found


def global_names(code: CodeType) -> list[str]:
    """Return the names that code, and the functions defined in it, look up."""
    names = list(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names += global_names(constant)
    return list(dict.fromkeys(names))
