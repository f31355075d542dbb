"""What a program depends on beside the values it reads: if it changes, the function is traced anew.

Guards are written as conditions in Python, since they are evaluated in every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import BuiltinFunctionType, CellType, ModuleType
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..hooks import has_hooks
from ..op import Recordable
from ..state import structure
from .slots import ArraySlot, ItemSlot, Slot, TensorSlot
from .surroundings import Place, is_module, places
from .trace import Trace

__all__ = ["Surroundings", "is_plain"]

_PLAIN = (int, float, bool, str, bytes, type(None))


def is_plain(value: Any) -> bool:
    """Tell whether a value is compared with ``==``: a number, a string, or a tuple of them."""
    return isinstance(value, _PLAIN) or (type(value) is tuple and all(map(is_plain, value)))


class Surroundings:
    """The variables of a function as they were when it was traced.

    Attributes
    ----------
    found
        Where the Tensors and arrays that the program reads are looked up in every call, so that
        another one of the same shape may be there.
    conditions
        The others: each an expression that is true as long as nothing changed.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        arguments: Sequence[Any],
        trace: Trace,
        names: dict[str, Any],
    ) -> None:
        self._names = names
        given = {id(x) for x in arguments if isinstance(x, Recordable)}
        self._arguments: dict[int, str] = {}
        self.found: dict[int, str] = {}
        self.conditions: list[str] = []
        read = {id(_subject(read.slot)) for read in trace.reads if _subject(read.slot) is not None}
        updated = {(id(s.container), s.key) for s in trace.written if isinstance(s, ItemSlot)}
        seen = list(places(fn, arguments))
        in_modules = {
            id(vars(module))
            for value in (fn, *arguments, *(value for _, value in seen))
            for module in _modules(value)
        }
        for place, value in seen:
            where = id(place.container)
            if where in in_modules and (where, place.key) not in updated:
                continue  # the version of the structure tells
            if id(value) in read:
                expression = self._expression(place)
                first = self.found.setdefault(id(value), expression)
                if first != expression:
                    self.conditions.append(f"{expression} is {first}")
            elif id(value) in given:
                self._arguments.setdefault(id(value), self._expression(place))
            elif isinstance(value, (Recordable, np.ndarray)) or self._matters(value):
                self.conditions.append(self._unchanged(place, value))
            if place.shadow is not None:
                shadow = self._name("place", place.shadow)
                self.conditions.append(f"{place.key!r} not in {shadow}")
            if isinstance(value, (list, dict, set)):
                self.conditions.insert(0, f"len({self._expression(place)}) == {len(value)}")
        for optimizer in trace.optimizers:
            name = self._name("optimizer", optimizer)
            for attribute in ("state", "param_groups"):
                known = self._name("known", getattr(optimizer, attribute))
                self.conditions.append(f"{name}.{attribute} is {known}")
            for i, group in enumerate(optimizer.param_groups):
                known = self._name("known", group)
                self.conditions.append(f"{name}.param_groups[{i}] is {known}")
        for slot, truth in trace.truths:
            part = "" if slot.part is None else f"[{slot.part}]"
            expression = self._expression(Place(slot.name, slot.container, slot.key))
            self.conditions.append(f"bool({expression}{part}) is {truth}")
        for container, key, value in trace.settings:
            self.conditions.append(self._unchanged(Place(str(key), container, key), value))
        self._modules = [
            (module, dict(_plain_attributes(module)))
            for value in (fn, *arguments, *(value for _, value in seen))
            for module in _modules(value)
        ]
        self._required = [
            (tensor, required, has_hooks(tensor._node)) for tensor, required in trace.required()
        ]
        self.version = structure.version

    def places_of(self, tensor: Any) -> str | None:
        """Return where an argument is also found, among the variables of the function."""
        return self._arguments.get(id(tensor))

    def is_same_structure(self) -> bool:
        """Tell whether modules and what requires a gradient are as they were."""
        for tensor, required, hooked in self._required:
            if tensor._requires_grad is not required or has_hooks(tensor._node) is not hooked:
                return False
        for module, attributes in self._modules:
            now = dict(_plain_attributes(module))
            if now.keys() != attributes.keys():
                return False
            for key, value in attributes.items():
                if now[key] is not value and not (is_plain(value) and now[key] == value):
                    return False
        return True

    def _matters(self, value: Any) -> bool:
        return not isinstance(value, (ModuleType, type, BuiltinFunctionType, np.ufunc))

    def _unchanged(self, place: Place, value: Any) -> str:
        expression = self._expression(place)
        known = self._name("known", value)
        if is_plain(value) and value == value:
            kind = self._name("kind", type(value))
            alike = f"{expression}.__class__ is {kind} and {expression} == {known}"
            return f"({expression} is {known} or ({alike}))"
        return f"{expression} is {known}"

    def _expression(self, place: Place) -> str:
        container = self._name("place", place.container)
        if isinstance(place.container, CellType):
            return f"{container}.cell_contents"
        if isinstance(place.key, (str, int)):
            return f"{container}[{place.key!r}]"
        return f"{container}[{self._name('key', place.key)}]"

    def _name(self, kind: str, value: Any) -> str:
        name = f"{kind}{len(self._names)}"
        self._names[name] = value
        return name


def _subject(slot: Slot) -> Any:
    if isinstance(slot, TensorSlot):
        return slot.tensor
    return slot.array if isinstance(slot, ArraySlot) else None


def _modules(value: Any) -> Iterator[Any]:
    if is_module(value):
        yield from value.modules()


def _plain_attributes(module: Any) -> Iterator[tuple[str, Any]]:
    for key, value in vars(module).items():
        if not isinstance(value, np.ndarray):
            yield key, value
    yield "training", module.training


def static_argument(name: str, value: Any) -> Any:
    """Return an argument that is no array, if calls can be told apart by it."""
    try:
        hash(value)
    except TypeError:
        raise ArgumentError(
            f"The argument {name} is a {type(value).__name__}, which is neither an array nor a "
            "number and cannot be hashed, so that calls cannot be told apart by it: give arrays in "
            "tuples, lists or dicts, or let the function refer to the object."
        ) from None
    return value
