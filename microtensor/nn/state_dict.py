"""Loading a ``state_dict`` into tensors: all of it, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DtypeError, ShapeError, StateDictError
from ..record import as_tensor
from ..state import no_grad
from ..tensor import Tensor

__all__ = ["IncompatibleKeys", "load"]


class IncompatibleKeys(NamedTuple):
    """Which names a ``state_dict`` lacks, and which it has too many."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def load(
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
