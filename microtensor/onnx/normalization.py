"""What normalising layers and attention are made of, in ONNX's operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .value import Value

__all__ = ["TO_RESULT"]


def _channel(x: Value) -> tuple[int, ...]:
    """Return the axes of a channel's elements, in an array of shape (N, C, ...)."""
    return (0, *range(2, x.ndim))


def _spread(values: Value, x: Value) -> Value:
    return values.unsqueeze(*range(1, x.ndim - 1))


def _less_mean(out: Any, x: Value) -> Value:
    return x - x.reduce("ReduceMean", _channel(x), True)


def _inverse_rms(out: Any, x: Value, eps: float) -> Value:
    mean_square = (x * x).reduce("ReduceMean", _channel(x))
    return (mean_square + eps).node("Sqrt").node("Reciprocal")


def _scale_shift(out: Any, x: Value, scale: Value, shift: Value) -> Value:
    return x * _spread(scale, x) + _spread(shift, x)


def _masked_softmax(out: Any, x: Value) -> Value:
    """Give zeros where all of x is -inf."""
    top = x.reduce("ReduceMax", -1, True)
    top = top.equals(float("-inf")).where(0.0, top)
    powers = (x - top).node("Exp")
    total = powers.sum(-1, True)
    return powers / total.equals(0.0).where(1.0, total)


# fmt: off
TO_RESULT: dict[str, Callable[..., Value]] = {
    "channel_sum":    lambda out, x: x.sum(_channel(x)),
    "channel_dot":    lambda out, x, y: (x * y).sum(_channel(x)),
    "less_mean":      _less_mean,
    "inverse_rms":    _inverse_rms,
    "scale_channels": lambda out, x, scale: x * _spread(scale, x),
    "scale_shift":    _scale_shift,
    "masked_softmax": _masked_softmax,
}
# fmt: on
