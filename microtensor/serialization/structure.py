"""A nested structure as arrays by names and a JSON text, and back, with exactly the same types.

In the text, booleans, integers, finite floats, strings, None and lists are what they are in JSON.
All else is an object with one key, which says what it is::

    {"array": "model.0.weight"}    {"scalar": "epoch_loss"}    {"float": "nan"}
    {"dict": [[key, value], ...]}  {"tuple": [...]}
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FileFormatError, SerializationError
from ..tensor import Tensor
from .contents import DTYPES, read_json

__all__ = ["flatten", "restore"]

Array = npt.NDArray[Any]

_VERSION = 1
_DEEPEST = 50
_KEYS = (str, int, float, bool, type(None))


def flatten(structure: Any) -> tuple[dict[str, Array], str | None]:
    """Return the arrays in a structure by their paths, and what `restore` needs for the rest.

    That is ``None`` if the structure is a dict from names to arrays, which says everything.

    Raises
    ------
    SerializationError
        If it is no dict, or something in it cannot be saved.
    """
    if not isinstance(structure, Mapping):
        raise SerializationError(
            f"save() takes a dict, and got {_called(structure)}{_advice(structure)}."
        )
    writer = _Writer()
    tree = writer.tree(structure, ())
    if tree == {"dict": [[name, {"array": name}] for name in writer.arrays]}:
        return writer.arrays, None
    return writer.arrays, json.dumps({"version": _VERSION, "structure": tree}, allow_nan=False)


def restore(text: str, arrays: Mapping[str, Array]) -> dict[Any, Any]:
    """Return the structure that `flatten` was given.

    Raises
    ------
    FileFormatError
        If the text says no structure, or does not fit the arrays.
    """
    found = read_json(text)
    if type(found) is not dict or found.keys() != {"version", "structure"}:
        raise FileFormatError("its metadata do not say how it is structured.")
    if found["version"] != _VERSION:
        raise FileFormatError(
            f"it has version {found['version']!r} of microtensor's structure, and this release "
            f"reads version {_VERSION}: load it with the release that wrote it."
        )
    reader = _Reader(arrays)
    structure = reader.value(found["structure"])
    if type(structure) is not dict:
        raise FileFormatError(f"its structure is no dict, but a {type(structure).__name__}.")
    if reader.arrays:
        raise FileFormatError(f"its structure has no place for the tensor {min(reader.arrays)!r}.")
    return structure


class _Writer:
    """Collects arrays on the way through a structure."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def tree(self, value: Any, path: tuple[Any, ...]) -> Any:
        """Return a value as JSON can say it; what it is in is at ``path``."""
        if len(path) > _DEEPEST:
            raise SerializationError(
                f"What is to be saved is nested more than {_DEEPEST} deep, or contains itself: "
                f"{_place(path[:4])}..."
            )
        if value is None or type(value) in (bool, str):
            return value
        if type(value) is int:
            return self._int(value, path)
        if type(value) is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, np.generic) and not isinstance(value, (str, bytes)):
            return {"scalar": self._keep(np.asarray(value), path)}
        if isinstance(value, (Tensor, np.ndarray)):
            return {"array": self._keep(value, path)}
        if isinstance(value, Mapping):
            return {
                "dict": [[self._key(k, path), self.tree(v, (*path, k))] for k, v in value.items()]
            }
        if isinstance(value, (list, tuple)):
            items = [self.tree(item, (*path, i)) for i, item in enumerate(value)]
            return items if isinstance(value, list) else {"tuple": items}
        raise SerializationError(
            f"{_place(path)} is {_called(value)}, which cannot be saved{_advice(value)}."
        )

    def _int(self, value: int, path: tuple[Any, ...]) -> int:
        try:
            str(value)
        except ValueError as error:
            raise SerializationError(f"{_place(path)} cannot be saved: {error}.") from None
        return value

    def _key(self, key: Any, path: tuple[Any, ...]) -> Any:
        if type(key) not in _KEYS:
            raise SerializationError(
                f"A key of {_place(path)} is {key!r}, {_called(key)}, and only strings, numbers, "
                "booleans and None can be saved as keys."
            )
        return self.tree(key, path)

    def _keep(self, value: Any, path: tuple[Any, ...]) -> str:
        """Note an array, and return its name: its path, or one like it if that is taken."""
        array = value.data if isinstance(value, Tensor) else value
        if isinstance(array, np.ma.MaskedArray):
            raise SerializationError(
                f"{_place(path)} is a masked array, which cannot be saved: give filled() and mask."
            )
        dtype = array.dtype.newbyteorder("=")
        if dtype not in DTYPES:
            raise SerializationError(
                f"{_place(path)} has dtype {array.dtype}, which cannot be saved: give booleans, "
                "integers, or floating-point numbers of at most 64 bits."
            )
        name = ".".join(map(str, path)).encode("utf-8", "backslashreplace").decode()
        while name in self.arrays or name == "__metadata__":
            name += "'"
        self.arrays[name] = np.asarray(array, dtype, order="C")
        return name


class _Reader:
    """Gives arrays back to their places: each to one."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = dict(arrays)

    def value(self, tree: Any, depth: int = 0) -> Any:
        """Return what a tree of `_Writer` says."""
        if depth > _DEEPEST + 1:
            raise FileFormatError(f"its structure is nested more than {_DEEPEST} deep.")
        if type(tree) is list:
            return [self.value(item, depth + 1) for item in tree]
        if type(tree) is not dict:
            return tree
        if len(tree) == 1:
            ((kind, content),) = tree.items()
            if isinstance(content, list):
                if kind == "tuple":
                    return tuple(self.value(item, depth + 1) for item in content)
                if kind == "dict":
                    return self._dict(content, depth)
            elif isinstance(content, str):
                if kind == "float" and content in ("nan", "inf", "-inf"):
                    return float(content)
                if kind == "array":
                    return self._take(content)
                if kind == "scalar" and (array := self._take(content)).ndim == 0:
                    return array[()]
        raise FileFormatError(f"its structure has {str(tree)[:80]}, which says nothing.")

    def _dict(self, pairs: list[Any], depth: int) -> dict[Any, Any]:
        found = {}
        for pair in pairs:
            if type(pair) is not list or len(pair) != 2:
                raise FileFormatError(f"its structure has {str(pair)[:80]} for a key and a value.")
            key = self.value(pair[0], depth + 1)
            if type(key) not in _KEYS or key in found:
                raise FileFormatError(
                    f"its structure has the key {str(key)[:80]}, or has it twice."
                )
            found[key] = self.value(pair[1], depth + 1)
        return found

    def _take(self, name: str) -> Array:
        if name not in self.arrays:
            raise FileFormatError(
                f"its structure has the tensor {name!r}, and the file does not, or not twice."
            )
        return self.arrays.pop(name)


def _place(path: tuple[Any, ...]) -> str:
    """Return where a value is, as the user would write it."""
    return "state_dict" + "".join(f"[{key!r}]" for key in path)


def _called(value: Any) -> str:
    name = type(value).__name__
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {name}"


_INSTEAD: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (lambda value: isinstance(value, type), "give the state_dict() of an instance"),
    (lambda value: hasattr(value, "state_dict"), "give its state_dict()"),
    (lambda value: hasattr(value, "bit_generator"), "give its bit_generator.state"),
    (lambda value: isinstance(value, np.random.BitGenerator), "give its state"),
    (lambda value: isinstance(value, (set, frozenset)), "give a sorted list"),
    (lambda value: isinstance(value, np.dtype), "give its name"),
    (lambda value: isinstance(value, (str, int, float)), "give the plain value"),
    (lambda value: hasattr(value, "__array__"), "give a NumPy array"),
    (callable, "save what it is made of, and make it anew after loading"),
)
"""What to save instead of a value, by what can be told of it."""


def _advice(value: Any) -> str:
    advice = (text for holds, text in _INSTEAD if holds(value))
    return ": " + next(advice, "give arrays, numbers, strings, and dicts, lists or tuples of them")
