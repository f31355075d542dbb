"""Parameters in a list, and in a dict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from ..tensor import Tensor
from .module import Module
from .parameter import Parameter

__all__ = ["ParameterDict", "ParameterList"]

_Named = Mapping[str, Any] | Iterable[tuple[str, Any]]


def _parameter(value: Any) -> Any:
    """Return a Tensor or an array as a parameter; a parameter is taken as it is."""
    return value if isinstance(value, Parameter) else Parameter(value)


class _Parameters(Module):
    def _named(self) -> dict[str, Parameter]:
        return {k: v for k, v in self.__dict__.items() if isinstance(v, Parameter)}

    def __len__(self) -> int:
        return len(self._named())

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Raise: there is nothing to compute."""
        raise RuntimeError(f"{type(self).__name__} holds parameters, and computes nothing.")

    def __repr__(self) -> str:
        lines = [f"({name}): {p.dtype} {p.shape}" for name, p in self._named().items()]
        body = "\n  ".join(["", *lines]) + "\n" if lines else ""
        return f"{type(self).__name__}({body})"


class ParameterList(_Parameters):
    """A list of parameters, which `Module.parameters` finds.

    Parameters
    ----------
    values
        What it holds at first; of Tensors and arrays, parameters are made.

    Examples
    --------
    >>> from microtensor import nn
    >>> scales = nn.ParameterList([[1.0, 2.0], [3.0]])
    >>> scales
    ParameterList(
      (0): float64 (2,)
      (1): float64 (1,)
    )
    >>> sum(scale.sum() for scale in scales)
    tensor(6., op=add)
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        self.extend(values or ())

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._named().values())

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return getattr(self, self._name_at(index))

    def __setitem__(self, index: int, value: Any) -> None:
        self.register_parameter(self._name_at(index), _parameter(value))

    def append(self, value: Any) -> Self:
        """Add a parameter at the end; return the list."""
        self.register_parameter(str(len(self)), _parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add parameters at the end; return the list."""
        if isinstance(values, Tensor):
            raise TypeError("ParameterList takes several tensors, and got one: put it into a list.")
        for value in values:
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> Self:
        return self.extend(values)

    def _name_at(self, index: int) -> str:
        names = list(self._named())
        try:
            return names[index]
        except IndexError:
            raise IndexError(
                f"ParameterList has {len(names)} parameters, and none at {index}."
            ) from None


class ParameterDict(_Parameters):
    """A dict of parameters, which `Module.parameters` finds.

    Parameters
    ----------
    parameters
        What it holds at first: a dict, or pairs; of Tensors and arrays, parameters are made.

    Examples
    --------
    >>> from microtensor import nn
    >>> scales = nn.ParameterDict({"mean": [1.0, 2.0]})
    >>> list(scales), "mean" in scales, scales["mean"].shape
    (['mean'], True, (2,))
    """

    def __init__(self, parameters: _Named | None = None) -> None:
        self.update(parameters or {})

    def __iter__(self) -> Iterator[str]:
        return iter(self._named())

    def __contains__(self, name: str) -> bool:
        return name in self._named()

    def __getitem__(self, name: str) -> Parameter:
        return self._named()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.register_parameter(name, _parameter(value))

    def __delitem__(self, name: str) -> None:
        self[name]  # raises, if there is none
        delattr(self, name)

    def pop(self, name: str) -> Parameter:
        """Take out the parameter called ``name``, and return it."""
        value = self[name]
        del self[name]
        return value

    def clear(self) -> None:
        """Take out all parameters."""
        for name in list(self):
            del self[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the parameter called ``name``, or ``default``."""
        return self._named().get(name, default)

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._named().keys()

    def values(self) -> Iterable[Parameter]:
        """Return the parameters."""
        return self._named().values()

    def items(self) -> Iterable[tuple[str, Parameter]]:
        """Return pairs of a name and its parameter."""
        return self._named().items()

    def update(self, parameters: _Named) -> None:
        """Add parameters, of a dict or of pairs, in place of those that have the same names."""
        for name, value in parameters.items() if isinstance(parameters, Mapping) else parameters:
            self[name] = value
