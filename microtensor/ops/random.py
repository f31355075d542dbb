"""Random numbers, drawn from a generator: in a traced function, in every run of its program."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import Op


def _random(*, generator: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    wide = dtype if dtype in (np.float32, np.float64) else np.dtype(np.float32)
    return generator.random(shape, wide).astype(dtype, copy=False)


random = Op("random", _random, arity=0)
"""Draw numbers, uniform in [0, 1)."""
