"""Constants written as Python: arrays, and what the functions of operations refer to."""

from __future__ import annotations

import builtins
import textwrap
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from .expressions import function_path, number

__all__ = ["array_text", "builtin_name", "constant_text", "is_range"]


def builtin_name(value: Any) -> str | None:
    """Return how Python calls one of its own functions or types."""
    name = getattr(value, "__name__", "")
    return name if getattr(builtins, name, None) is value else None


def constant_text(value: Any, op: str) -> str:
    """Write a constant that a function refers to."""
    if isinstance(value, np.ndarray):
        return array_text(value)
    if value is None or isinstance(value, (bool, str)):
        return repr(value)
    if isinstance(value, (int, float, np.generic)):
        return str(number(value).pieces[0])
    if isinstance(value, np.dtype):
        return f"np.dtype({value.name!r})"
    if isinstance(value, (tuple, list)):
        parts = ", ".join(constant_text(part, op) for part in value)
        if isinstance(value, list):
            return f"[{parts}]"
        return f"({parts},)" if len(value) == 1 else f"({parts})"
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(constant_text(part, op) for part in value)}}}"
    if isinstance(value, dict):
        items = (f"{constant_text(k, op)}: {constant_text(v, op)}" for k, v in value.items())
        return f"{{{', '.join(items)}}}"
    if callable(value) and (path := function_path(value) or builtin_name(value)):
        return path
    raise UnsupportedError(
        f"The operation {op} cannot be printed: its function refers to {value!r}, which is neither "
        "a number, an array nor a function whose source can be found."
    )


def array_text(array: np.ndarray[Any, Any]) -> str:
    """Write an array as a person would.

    >>> array_text(np.eye(3)), array_text(np.ones((2, 3))), array_text(np.array([1.5, 2.0]))
    ('np.eye(3)', 'np.ones((2, 3))', 'np.array([1.5, 2.0])')
    """
    dtype = _dtype_argument(array, np.dtype(float))
    if not array.size:
        return f"np.zeros({array.shape}{dtype})"
    shape = repr(array.shape) if array.ndim != 1 else repr(array.shape[0])
    if (
        array.ndim == 2
        and array.shape[0] == array.shape[1] > 1
        and _equal(array, np.eye(len(array)))
    ):
        return f"np.eye({len(array)}{dtype})"
    if array.ndim and array.size > 1:
        first = array.reshape(-1)[0]
        if _equal(array, np.full_like(array, first)):
            if first in (0, 1) and array.dtype.kind != "b":
                return f"np.{'ones' if first else 'zeros'}({shape}{dtype})"
            return (
                f"np.full({shape}, {number(first.item()).pieces[0]}{_dtype_argument(array, None)})"
            )
    if is_range(array):
        return f"np.arange({len(array)}{_dtype_argument(array, np.dtype(np.intp))})"
    text = textwrap.dedent(
        np.array2string(array, separator=", ", threshold=array.size + 1, floatmode="unique")
        if array.dtype.kind != "f"
        else repr(array.tolist())
    )
    text = " ".join(text.replace("\n", " ").split())
    text = text.replace("nan", "np.nan").replace("inf", "np.inf")
    natural = np.asarray(array.tolist()).dtype if array.size else np.dtype(float)
    return f"np.array({text}{_dtype_argument(array, natural)})"


def is_range(array: np.ndarray[Any, Any]) -> bool:
    """Tell whether an array counts: 0, 1, 2 and so on, to 2 at least."""
    counts = array.ndim == 1 and len(array) > 2 and array.dtype.kind in "iu"
    return counts and bool(np.array_equal(array, np.arange(len(array))))


def _equal(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> bool:
    if x.dtype.kind == "f" and (np.signbit(x) != np.signbit(y)).any():  # -0.0 == 0.0
        return False
    return bool(np.array_equal(x, y))


def _dtype_argument(array: np.ndarray[Any, Any], default: np.dtype[Any] | None) -> str:
    if array.dtype == default:
        return ""
    name = "bool" if array.dtype == np.bool_ else f"np.{array.dtype.name}"
    return f", dtype={name}"
