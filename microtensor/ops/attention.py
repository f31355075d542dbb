"""The weights of attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import Op


def _masked_softmax(x: Any) -> Any:
    """Compute the softmax along the last axis; of what is -inf throughout, zeros instead of NaN."""
    top = np.maximum.reduce(x, axis=-1, keepdims=True)
    out = x - np.where(top == -np.inf, 0.0, top).astype(x.dtype)
    out = np.exp(out)
    total = np.add.reduce(out, axis=-1, keepdims=True)
    out /= np.where(total == 0.0, 1.0, total).astype(x.dtype)
    return out


# fmt: off
masked_softmax = Op("masked_softmax", _masked_softmax, saves="out", vjps=(
    lambda g, out, x: out * (g - (g * out).sum(axis=-1, keepdims=True)),))
# fmt: on
