"""Modules made of modules: in a row, in a list, in a dict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, overload

from ..tensor import Tensor
from .module import Module

_Named = Mapping[str, Module] | Iterable[tuple[str, Module]]

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


class _Row(Module):
    """Children in order, reached by position; by default their names are their positions."""

    def __len__(self) -> int:
        return sum(1 for _ in self._children())

    def __iter__(self) -> Iterator[Module]:
        return (module for _, module in self._children())

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Module | Self:
        if isinstance(index, slice):
            part = type(self).__new__(type(self))
            for name, module in list(self._children())[index]:
                part.add_module(name, module)
            return part._renumbered()
        result: Module | Self = getattr(self, self._name_at(index))
        return result

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(self._name_at(index), module)

    def __delitem__(self, index: int | slice) -> None:
        names = [name for name, _ in self._children()]
        for name in names[index] if isinstance(index, slice) else [self._name_at(index)]:
            delattr(self, name)
        self._renumbered()

    def append(self, module: Module) -> Self:
        """Add a module at the end; return the container."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end; return the container."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Add a module before the one at ``index``, as `list.insert`; return the container."""
        children = list(self)
        children.insert(index, module)
        self._check(module)
        return self._filled(children)

    def pop(self, index: int = -1) -> Module:
        """Take out the module at ``index``, by default the last, and return it."""
        module: Module = getattr(self, self._name_at(index))
        del self[index]
        return module

    def clear(self) -> None:
        """Take out all modules."""
        self._filled([])

    def __add__(self, other: Iterable[Module]) -> Self:
        """Return a new container of the modules of both."""
        joined = type(self).__new__(type(self))
        for module in (*self, *other):
            joined.append(module)
        return joined

    def __iadd__(self, other: Iterable[Module]) -> Self:
        return self.extend(other)

    def _filled(self, modules: Iterable[Module]) -> Self:
        """Hold these modules, named by their positions, and no others."""
        for name, _ in list(self._children()):
            delattr(self, name)
        return self.extend(modules)

    def _check(self, module: Any) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__} holds modules, and got {module!r}.")

    def _name_at(self, index: int) -> str:
        names = [name for name, _ in self._children()]
        try:
            return names[index]
        except IndexError:
            raise IndexError(
                f"{type(self).__name__} has {len(names)} modules, and none at {index}."
            ) from None

    def _renumbered(self) -> Self:
        """Name the children by their positions again, those that have a number for a name."""
        children = list(self._children())
        for name, _ in children:
            delattr(self, name)
        for i, (name, module) in enumerate(children):
            self.add_module(str(i) if name.isdecimal() else name, module)
        return self


class Sequential(_Row):
    """Modules in a row: each gets what the one before it gives.

    Parameters
    ----------
    *modules
        The modules, named ``"0"``, ``"1"`` and so on; or one dict of modules by name.

    Raises
    ------
    TypeError
        If one is not a module.

    Examples
    --------
    >>> from microtensor import nn
    >>> model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Sigmoid())
    >>> model
    Sequential(
      (0): Linear(in_features=3, out_features=4, bias=False)
      (1): Sigmoid()
    )
    >>> model[-1], len(model), model([0.0, 0.0, 1.0]).shape
    (Sigmoid(), 2, (4,))
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named: Iterable[tuple[str, Any]] = modules[0].items()
        else:
            named = ((str(i), module) for i, module in enumerate(modules))
        for name, module in named:
            self.add_module(name, module)

    def forward(self, input: Any) -> Tensor:
        """Pass ``input`` through the modules, in order."""
        for module in self.__dict__.values():
            if isinstance(module, Module):
                input = module(input)
        return input


class ModuleList(_Row):
    """A list of modules, whose parameters are found as those of an attribute are.

    Parameters
    ----------
    modules
        What it holds at first.

    Examples
    --------
    >>> from microtensor import nn
    >>> layers = nn.ModuleList(nn.Linear(n, n) for n in (2, 3))
    >>> [name for name, _ in layers.named_parameters()]
    ['0.weight', '0.bias', '1.weight', '1.bias']
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        self.extend(modules or ())


class ModuleDict(Module):
    """A dict of modules, whose parameters are found as those of an attribute are.

    Parameters
    ----------
    modules
        What it holds at first: a dict, or pairs of a name and a module.

    Examples
    --------
    >>> from microtensor import nn
    >>> heads = nn.ModuleDict({"mean": nn.Linear(4, 1), "spread": nn.Linear(4, 1)})
    >>> list(heads), "mean" in heads, heads["mean"]
    (['mean', 'spread'], True, Linear(in_features=4, out_features=1, bias=True))
    """

    def __init__(self, modules: _Named | None = None) -> None:
        self.update(modules or {})

    def __len__(self) -> int:
        return len(self._named())

    def __iter__(self) -> Iterator[str]:
        return iter(self._named())

    def __contains__(self, name: str) -> bool:
        return name in self._named()

    def __getitem__(self, name: str) -> Module:
        return self._named()[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        self[name]  # raises, if there is none
        delattr(self, name)

    def pop(self, name: str) -> Module:
        """Take out the module called ``name``, and return it."""
        module = self[name]
        del self[name]
        return module

    def clear(self) -> None:
        """Take out all modules."""
        for name in list(self):
            del self[name]

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._named().keys()

    def values(self) -> Iterable[Module]:
        """Return the modules."""
        return self._named().values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Return pairs of a name and its module."""
        return self._named().items()

    def update(self, modules: _Named) -> None:
        """Add the modules, of a dict or of pairs, in place of those that have the same names."""
        for name, module in modules.items() if isinstance(modules, Mapping) else modules:
            self.add_module(name, module)

    def _named(self) -> dict[str, Module]:
        return dict(self._children())
