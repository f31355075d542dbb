"""What normalising layers and attention are made of, in ONNX's operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .value import Value

__all__ = ["TO_RESULT"]

_CHANNEL = (0, 2)
"""The axes of a channel's elements, in arrays of shape (N, C, L)."""


def _less_mean(out: Any, x: Value) -> Value:
    return x - x.reduce("ReduceMean", _CHANNEL, True)


def _standardize(out: Any, x: Value, eps: float, centred: bool) -> Value:
    x = _less_mean(out, x) if centred else x
    mean_square = (x * x).reduce("ReduceMean", _CHANNEL, True)
    return x / (mean_square + eps).node("Sqrt")


def _masked_softmax(out: Any, x: Value) -> Value:
    """Give zeros where all of x is -inf."""
    top = x.reduce("ReduceMax", -1, True)
    top = top.equals(float("-inf")).where(0.0, top)
    powers = (x - top).node("Exp")
    total = powers.sum(-1, True)
    return powers / total.equals(0.0).where(1.0, total)


# fmt: off
TO_RESULT: dict[str, Callable[..., Value]] = {
    "channel_sum":    lambda out, x: x.sum(_CHANNEL),
    "channel_dot":    lambda out, x, y: (x * y).sum(_CHANNEL),
    "less_mean":      _less_mean,
    "standardize":    _standardize,
    "scale_shift":    lambda out, x, scale, shift: x * scale.unsqueeze(1) + shift.unsqueeze(1),
    "masked_softmax": _masked_softmax,
}
# fmt: on
