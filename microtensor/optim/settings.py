"""The settings of optimizers and schedulers: their checks, and what a step reads of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..op import Recordable
from ..record import current_trace

__all__ = [
    "check_count",
    "check_finite",
    "check_fractions",
    "check_not_negative",
    "check_pair",
    "is_set",
    "number",
]


def number(value: Any) -> Any:
    """Return a setting as a Python number: a np.float64 would make float64 of float32."""
    if value.__class__ is float:
        return value
    return value if isinstance(value, Recordable) else float(value)


def is_set(value: Any) -> bool:
    """Tell whether a setting is not 0; a program holds while that stays so."""
    if isinstance(value, Recordable):
        trace = current_trace()
        if trace is not None:
            is_nonzero: bool = trace.is_nonzero(value)
            return is_nonzero
    return bool(value)


def check_finite(settings: Mapping[str, Any], *names: str) -> None:
    """Raise if a setting is not a finite number."""
    for name in names:
        value = settings[name]
        if not (isinstance(value, Real) and math.isfinite(value)):
            raise ArgumentError(f"{name} is {value!r}, and must be a finite number.")


def check_not_negative(settings: Mapping[str, Any], *names: str) -> None:
    """Raise if a setting is not a finite number of 0 or more."""
    check_finite(settings, *names)
    for name in names:
        if settings[name] < 0:
            raise ArgumentError(f"{name} is {settings[name]}, and must be 0 or more.")


def check_pair(settings: Mapping[str, Any], name: str) -> None:
    """Raise if a setting is not a tuple of two finite numbers."""
    values = settings[name]
    if not isinstance(values, (tuple, list)) or len(values) != 2:
        raise ArgumentError(f"{name} is {values!r}, and must be a tuple of two numbers.")
    check_finite(
        {f"{name}[{i}]": value for i, value in enumerate(values)}, f"{name}[0]", f"{name}[1]"
    )


def check_fractions(settings: Mapping[str, Any], name: str) -> None:
    """Raise if a setting is not a tuple of two numbers from 0 to below 1."""
    check_pair(settings, name)
    for i, value in enumerate(settings[name]):
        if not 0.0 <= value < 1.0:
            raise ArgumentError(
                f"{name}[{i}] is {value!r}, and must be from 0 to below 1: it is the part of an "
                "average that is kept in each step."
            )


def check_count(name: str, value: Any, least: int = 1) -> None:
    """Raise if a setting is not a whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ArgumentError(f"{name} is {value!r}, and must be a whole number.")
    if value < least:
        raise ArgumentError(f"{name} is {value}, and must be {least} or more.")
