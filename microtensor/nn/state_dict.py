"""The ``state_dict`` of a module: giving it, and loading one, all of it or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DtypeError, ShapeError, StateDictError
from ..record import as_tensor
from ..state import no_grad
from ..tensor import Tensor
from .tree import ModuleTree

__all__ = ["IncompatibleKeys", "Saved"]


class IncompatibleKeys(NamedTuple):
    """Which names a ``state_dict`` lacks, and which it has too many."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Saved(ModuleTree):
    """What has a ``state_dict``: the values of a tree of modules, by their paths."""

    def _named_state(self) -> Iterator[tuple[str, Tensor]]:
        """Yield what a ``state_dict`` holds, in PyTorch's order; the shared, under each name."""
        for path, module in self.named_modules(remove_duplicate=False):
            yield from module.named_parameters(path, recurse=False, remove_duplicate=False)
            for name, buffer in module.named_buffers(path, recurse=False, remove_duplicate=False):
                if module._buffers[name.rpartition(".")[2]]:
                    yield name, buffer

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """Return the values of parameters and buffers, as a dict from paths to arrays.

        They are copies, unlike in PyTorch: training goes on without changing what was saved.

        >>> from microtensor import nn
        >>> best = nn.Linear(2, 1).state_dict()
        >>> {name: array.shape for name, array in best.items()}
        {'weight': (1, 2), 'bias': (1,)}
        """
        return {name: tensor.data.copy() for name, tensor in self._named_state()}

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True
    ) -> IncompatibleKeys:
        """Copy values, as `state_dict` gives them, into the parameters and buffers, in place.

        Parameters
        ----------
        state_dict
            Arrays, Tensors or anything of which NumPy makes an array, by path. Their dtype is
            converted to that of the parameter.
        strict
            Whether every name must be on both sides.

        Returns
        -------
        The names that are missing, and those that are unexpected.

        Raises
        ------
        TypeError
            If ``state_dict`` is no dict.
        StateDictError
            If names are missing or unexpected and ``strict``, shapes differ, or values do not fit
            a buffer of integers. It lists them all, and nothing was loaded.
        """
        return _load(type(self).__name__, dict(self._named_state()), state_dict, strict)


def _load(
    owner: str, tensors: Mapping[str, Tensor], state_dict: Mapping[str, Any], strict: bool
) -> IncompatibleKeys:
    """Copy the values of ``state_dict`` into the ``tensors`` of the same names, in place.

    Raises
    ------
    TypeError
        If ``state_dict`` is no dict.
    StateDictError
        If anything does not fit ``owner``. All that does not is listed, and nothing was loaded.
    """
    if not isinstance(state_dict, Mapping):
        hint = ": give its state_dict()" if hasattr(state_dict, "state_dict") else ""
        raise TypeError(
            "load_state_dict() takes a dict from paths to arrays, as state_dict() returns it, and "
            f"got a {type(state_dict).__name__}{hint}."
        )
    missing = [name for name in tensors if name not in state_dict]
    unexpected = [name for name in state_dict if name not in tensors]
    problems: list[str] = []
    if strict and missing:
        problems.append(f"missing: {', '.join(missing)}")
    if strict and unexpected:
        problems.append(f"unexpected: {', '.join(map(str, unexpected))}")
    values = {}
    for name, tensor in tensors.items():
        if name in state_dict:
            try:
                value = as_tensor(state_dict[name]).data
            except (DtypeError, ShapeError) as error:
                problems.append(f"{name}: {error}")
            else:
                values[name] = value.copy()  # it may be of a tensor that is loaded before this one
                if value.shape != tensor.shape:
                    problems.append(f"{name}: has shape {value.shape}, and needs {tensor.shape}")
                elif not _fits(value, tensor.dtype):
                    problems.append(f"{name}: its {value.dtype} values do not fit {tensor.dtype}")
    if problems:
        raise StateDictError(
            f"This state_dict does not fit {owner}, and nothing was loaded:\n  "
            + "\n  ".join(problems)
        )
    with no_grad():
        for name, value in values.items():
            tensors[name][...] = value
    return IncompatibleKeys(missing, unexpected)


def _fits(values: npt.NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Tell whether values can be converted to ``dtype`` with no more lost than precision."""
    if dtype.kind == "f":
        return True
    with np.errstate(invalid="ignore"):
        return np.array_equal(values.astype(dtype), values)
