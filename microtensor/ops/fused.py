"""Operations that do in one node, and with fewer passes over memory, what others do in several."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import IndexingError, ShapeError
from ..op import Op
from .elementwise import _softplus, sigmoid
from .linalg import matmul
from .reduce import softmax


def _linear_no_bias(x: Any, weight: Any) -> Any:
    if x.ndim == 2:
        return matmul.kernel(x, weight.T)
    if x.ndim == 0:
        raise ShapeError("linear needs an input with an axis of features, and got a number.")
    return matmul.kernel(_rows(x), weight.T).reshape((*x.shape[:-1], weight.shape[0]))


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    if bias.shape != weight.shape[:1]:
        raise ShapeError(
            f"linear needs a bias of shape {weight.shape[:1]} for a weight of shape "
            f"{weight.shape}, and got {bias.shape}."
        )
    out = _linear_no_bias(x, weight)
    out += bias
    return out


def _rows(x: Any) -> Any:
    """See all axes but the last as one."""
    return x if x.ndim == 2 else x.reshape((-1, x.shape[-1]))


def _linear_x(g: Any, weight: Any) -> Any:
    """Return g @ weight; of a matrix, since NumPy's dot of more axes does without BLAS."""
    if g.ndim <= 2:
        return g.dot(weight)
    return _rows(g).dot(weight).reshape((*g.shape[:-1], weight.shape[1]))


def _linear_weight(g: Any, x: Any) -> Any:
    """Return the sum of the outer products of all rows."""
    return g.T.dot(x) if g.ndim == 2 else _rows(g).T.dot(_rows(x))


def _sum_squared_error(x: Any, y: Any) -> Any:
    error = x - y
    return np.vdot(error, error)


def _clamped_logs(x: Any) -> tuple[Any, Any]:
    """Return log(x) and log(1 - x), not below -100, so that both stay finite at 0 and 1."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), -100.0), np.maximum(np.log1p(-x), -100.0)


def _binary_cross_entropy(x: Any, y: Any) -> Any:
    log_x, log_rest = _clamped_logs(x)
    return (y - 1.0) * log_rest - y * log_x


def _variance(x: Any) -> Any:
    """Return x (1 - x), not below 1e-12 or, in float16, its least normal number."""
    return np.maximum(x * (1.0 - x), max(1e-12, float(np.finfo(x.dtype).tiny)))


def _with_logits(x: Any, y: Any) -> Any:
    return (1.0 - y) * x + _softplus(-x)


def _huber(x: Any, y: Any, delta: float = 1.0) -> Any:
    """Compute (x - y)² / 2 up to a distance of delta, and a line from there; none overflows."""
    distance = np.absolute(x - y)
    near = np.minimum(distance, delta)
    return near * (distance - 0.5 * near)


def _log_odds(x: Any) -> Any:
    log_x, log_rest = _clamped_logs(x)
    return log_x - log_rest


def _columns(x: Any) -> Any:
    """Return the logits with an example in each column, its largest taken out of it.

    NumPy reduces along the first axis several times faster than along a last one of few classes.
    """
    columns = np.array(_rows(x).T, order="C")
    columns -= np.maximum.reduce(columns)
    return columns


def _at(classes: Any) -> Any:
    """Return the index of each example's class in its column."""
    return classes.reshape(-1), np.arange(classes.size)


def _cross_entropy(x: Any, classes: Any) -> Any:
    columns = _columns(x)
    losses = np.log(np.add.reduce(np.exp(columns))) - columns[_at(classes)]
    return losses.reshape(classes.shape)


def _mean_cross_entropy(x: Any, classes: Any) -> Any:
    losses = _cross_entropy(x, classes)
    return np.add.reduce(losses, None) / losses.size


def _softmax_error(x: Any, classes: Any) -> Any:
    columns = _columns(x)
    np.exp(columns, out=columns)
    columns /= np.add.reduce(columns)
    columns[_at(classes)] -= 1.0
    return columns.T.reshape(x.shape)


def _class_indices(x: Any, count: int) -> Any:
    """Return class indices as they are; raise if one is not from 0 to ``count - 1``."""
    if x.size and not (np.minimum.reduce(x, None) >= 0 and np.maximum.reduce(x, None) < count):
        wrong = np.argwhere((x < 0) | (x >= count))[0]
        at = tuple(wrong.tolist())
        raise IndexingError(
            f"the class index {x[at]} at {at} of the target is none of {count} classes: indices go "
            f"from 0 to {count - 1}."
        )
    return x


def _softmax_vjp(g: Any, p: Any) -> Any:
    return p * (g - (g * p).sum(axis=-1, keepdims=True))


# fmt: off
linear_no_bias = Op("linear_no_bias", _linear_no_bias, saves="x weight", vjps=(
    lambda g, out, x, weight: _linear_x(g, weight),
    lambda g, out, x, weight: _linear_weight(g, x)))
linear = Op("linear", _linear, saves="x weight", vjps=(
    lambda g, out, x, weight, bias: _linear_x(g, weight),
    lambda g, out, x, weight, bias: _linear_weight(g, x),
    lambda g, out, x, weight, bias: np.add.reduce(_rows(g))))

# Losses. x is the prediction, y the target; for classes, x are logits along the last axis.
sum_squared_error = Op("sum_squared_error", _sum_squared_error, saves="x y", vjps=(
    lambda g, out, x, y: (2.0 * g) * (x - y),
    lambda g, out, x, y: (2.0 * g) * (y - x)))
binary_cross_entropy = Op("binary_cross_entropy", _binary_cross_entropy, saves="x y", vjps=(
    lambda g, out, x, y: g * ((x - y) / _variance(x)),
    lambda g, out, x, y: -g * _log_odds(x)))
binary_cross_entropy_with_logits = Op(
    "binary_cross_entropy_with_logits", _with_logits, saves="x y", vjps=(
    lambda g, out, x, y: g * (sigmoid(x) - y),
    lambda g, out, x, y: -g * x))
huber = Op("huber", _huber, saves="x y", vjps=(
    lambda g, out, x, y, delta: g * np.clip(x - y, -delta, delta),
    lambda g, out, x, y, delta: g * np.clip(y - x, -delta, delta)))
cross_entropy = Op("cross_entropy", _cross_entropy, saves="x classes", vjps=(
    lambda g, out, x, classes: g[..., None] * softmax_error(x, classes),
    lambda g, out, x, classes: np.zeros_like(g)))
mean_cross_entropy = Op("mean_cross_entropy", _mean_cross_entropy, saves="x classes", vjps=(
    lambda g, out, x, classes: (g / classes.size) * softmax_error(x, classes),
    lambda g, out, x, classes: np.zeros_like(classes)))
# Class indices, looked at: in a program, which others may follow.
class_indices = Op("class_indices", _class_indices)
# The gradient of the cross entropy: softmax - one-hot.
softmax_error: Op = Op("softmax_error", _softmax_error, saves="x", vjps=(
    lambda g, out, x, classes: _softmax_vjp(g, softmax(x)),
    lambda g, out, x, classes: np.zeros_like(classes)))
# fmt: on
