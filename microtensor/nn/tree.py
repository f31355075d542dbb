"""The tree that modules form: parameters, buffers and other modules, each with its path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

from ..tensor import Tensor
from .parameter import Parameter

if TYPE_CHECKING:
    from .module import Module

__all__ = ["ModuleTree"]


class ModuleTree:
    """What is found below a module, among its attributes and theirs, and under which path."""

    _buffers: Mapping[str, bool] = {}
    """The names of the attributes that are buffers, and whether `state_dict` holds them."""

    def _children(self) -> Iterator[tuple[str, Module]]:
        """Yield every child with its name; one that has two names, twice."""
        for name, value in self.__dict__.items():
            if _is_module(value):
                yield name, value

    def _parameters_and_modules(self) -> set[str]:
        """Return the names of the attributes that are parameters or modules."""
        return {k for k, v in self.__dict__.items() if isinstance(v, (Parameter, ModuleTree))}

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules that are attributes of this one, each once, with their names."""
        seen: set[Module] = set()
        for name, module in self._children():
            if module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Yield the modules that are attributes of this one, each once."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield this module and all below it with their paths, such as ``layers.0``, parents first.

        A module that is reached twice is yielded once, unless ``remove_duplicate`` is false.
        """
        seen: set[Module] = set()
        pending: list[tuple[str, Any]] = [(prefix, self)]
        while pending:
            path, module = pending.pop()
            if remove_duplicate and module in seen:
                continue
            seen.add(module)
            yield path, module
            below = [(_join(path, name), child) for name, child in module._children()]
            pending.extend(reversed(below))

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it, each once, parents first."""
        return (module for _, module in self.named_modules())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield the parameters with their paths, such as ``layers.0.weight``.

        Parameters
        ----------
        prefix
            Goes before every path.
        recurse
            Whether to include those of the modules below.
        remove_duplicate
            Yield a parameter that is reached twice once.
        """
        seen: set[int] = set()
        for path, module in self._owners(prefix, recurse, remove_duplicate):
            for name, value in module.__dict__.items():
                if isinstance(value, Parameter) and id(value) not in seen:
                    if remove_duplicate:
                        seen.add(id(value))
                    yield _join(path, name), value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield the parameters, each once: what an optimizer is given."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield the buffers with their paths; the arguments are those of `named_parameters`."""
        seen: set[int] = set()
        for path, module in self._owners(prefix, recurse, remove_duplicate):
            for name in module._buffers:
                buffer = getattr(module, name)
                if buffer is not None and id(buffer) not in seen:
                    if remove_duplicate:
                        seen.add(id(buffer))
                    yield _join(path, name), buffer

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield the buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _owners(
        self, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterable[tuple[str, ModuleTree]]:
        return self.named_modules(prefix, remove_duplicate) if recurse else [(prefix, self)]

    def get_submodule(self, target: str) -> Module:
        """Return the module at a path, such as ``layers.0``; of ``""`` this one.

        Raises
        ------
        AttributeError
            If there is none.
        """
        module: Any = self
        for i, name in enumerate(names := target.split(".") if target else []):
            child = module.__dict__.get(name)
            if not _is_module(child):
                known = _listed(n for n, _ in module._children())
                path = ".".join(names[:i]) or "it"
                raise AttributeError(
                    f"{type(self).__name__} has no module {target!r}: {path} has {known}."
                )
            module = child
        found: Module = module
        return found

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at a path, such as ``0.weight``; errors as of `get_submodule`."""
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        value = owner.__dict__.get(name)
        if not isinstance(value, Parameter):
            known = _listed(n for n, _ in owner.named_parameters(recurse=False))
            raise AttributeError(
                f"{type(self).__name__} has no parameter {target!r}: {path or 'it'} has {known}."
            )
        return value

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer at a path, such as ``norm.running_mean``; errors as `get_submodule`."""
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        value = owner.__dict__.get(name) if name in owner._buffers else None
        if not isinstance(value, Tensor):
            known = _listed(n for n, _ in owner.named_buffers(recurse=False))
            raise AttributeError(
                f"{type(self).__name__} has no buffer {target!r}: {path or 'it'} has {known}."
            )
        return value


def _is_module(value: object) -> TypeGuard[Module]:
    return isinstance(value, ModuleTree)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
