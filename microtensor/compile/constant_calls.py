"""NumPy functions whose results are constants to differentiation, in a traced function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..op import Op

__all__ = ["DESCRIBING", "OF_UNKNOWN_SHAPE", "constant_op", "shaped"]


def shaped(value: Any) -> Any:
    """Return something of the shape and dtype of a value, without its elements."""
    return (
        np.broadcast_to(np.zeros((), value.dtype), value.shape)
        if hasattr(value, "dtype")
        else value
    )


@functools.cache
def constant_op(function: Callable[..., Any]) -> Op:
    """Return the operation that a NumPy function is, whose result is a constant."""
    op = Op(function.__name__, function, arity=1, parameters={}, register=False)
    op.function = function
    return op


DESCRIBING = frozenset(
    {np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj, np.can_cast,
     np.common_type, np.min_scalar_type, np.einsum_path, np.empty_like}
)  # fmt: skip
"""NumPy functions that look at shapes and dtypes only."""

OF_UNKNOWN_SHAPE = frozenset(
    {np.nonzero, np.unique, np.argwhere, np.flatnonzero, np.intersect1d, np.setdiff1d, np.setxor1d,
     np.union1d, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values, np.savetxt,
     np.save, np.savez, np.savez_compressed, np.array_repr, np.array_str, np.array2string,
     np.may_share_memory, np.shares_memory}
)  # fmt: skip
"""NumPy functions whose results depend on the values in more than their elements."""
