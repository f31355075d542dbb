"""The random generator that an order is drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError

__all__ = ["fresh"]


def fresh(generator: Any) -> np.random.Generator:
    """Return the generator that was given, or a fresh, unpredictable one instead of ``None``."""
    if generator is None:
        return np.random.default_rng()
    if not isinstance(generator, np.random.Generator):
        raise ArgumentError(
            f"generator is {generator!r}, and must be a numpy.random.Generator: give "
            "numpy.random.default_rng(seed)."
        )
    return generator
