"""Recurrent layers over all steps of a sequence, one operation each.

Step by step in a graph of its own, every step would add its gradient to that of the whole weight,
and pick its input out of the whole sequence: the gradient of the weight is one product here, and
that of the input one array.

Everything has the steps first: shape (steps, batch, features). ``x`` is what the input contributes
to the sums before the activations, ``weight`` what the state is multiplied by, as `nn.LSTM` has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..op import Op, Rule
from .composed import Composed
from .linalg import matmul
from .shape import stack

__all__ = ["gru", "lstm", "rnn_relu", "rnn_tanh"]


class Recurrence(Op):
    """An operation whose rules share the way back through time.

    Parameters
    ----------
    back
        What the rules share, ``(g, out, *inputs)``: the gradients of the sums before the
        activations, of all steps, and whatever else is found on the way.
    vjps
        One rule per input, ``(shared, out, *inputs)``.
    """

    def __init__(
        self,
        name: str,
        kernel: Callable[..., Any],
        back: Rule,
        vjps: tuple[Rule, ...],
        *,
        saves: str,
    ) -> None:
        super().__init__(name, kernel, vjps, saves=saves)
        self._back, self._rules = back, vjps
        self.vjps = ()  # so that readers ask for `rules`

    def rules(self, count: int) -> tuple[Rule, ...]:
        """Return the rules of one backward pass."""
        found: list[Any] = []

        def shared(rule: Rule) -> Rule:
            def shared_rule(g: Any, out: Any, *inputs: Any) -> Any:
                if not found:
                    found.append(self._back(g, out, *inputs))
                return rule(found[0], out, *inputs)

            return shared_rule

        return tuple(map(shared, self._rules))


def _part(x: Any, i: int, size: int) -> Any:
    """Return the ``i``-th of several arrays that lie side by side."""
    return x[..., i * size : (i + 1) * size]


def _split(x: Any, count: int) -> Any:
    """See several arrays that lie side by side as (count, batch, size)."""
    batch, width = x.shape
    return x.reshape((batch, count, width // count)).swapaxes(0, 1)


def _by_gate(weight: Any, count: int) -> Any:
    """Return what the state is multiplied by for each gate: (count, size, size)."""
    size = weight.shape[1]
    return np.ascontiguousarray(weight.reshape((count, size, size)).swapaxes(1, 2))


def _product(sums: Any, before: Any) -> Any:
    """Multiply the gradients of all steps' sums by the states before them: that of the weight."""
    return matmul(sums.reshape((-1, sums.shape[-1])).T, before.reshape((-1, before.shape[-1])))


def _shifted(h: Any, states: Any) -> Any:
    """Return the state before each step."""
    return np.concatenate([h[None], states[:-1]])


def _rnn_tanh(x: Any, weight: Any, h: Any) -> Any:
    out = np.empty(x.shape, np.result_type(x, weight, h))
    for t in range(len(x)):
        h = np.matmul(h, weight.T, out=out[t])
        h += x[t]
        np.tanh(h, out=h)
    return out


def _rnn_relu(x: Any, weight: Any, h: Any) -> Any:
    out = np.empty(x.shape, np.result_type(x, weight, h))
    for t in range(len(x)):
        h = np.matmul(h, weight.T, out=out[t])
        h += x[t]
        np.maximum(h, 0.0, out=h)
    return out


def _back_through(slope: Callable[[Any], Any]) -> Rule:
    """Return the way back through one activation; ``slope`` is its derivative, of its result."""

    def back(g: Any, out: Any, x: Any, weight: Any, h: Any) -> Any:
        sums: list[Any] = []
        for t in reversed(range(len(out))):
            d_h = g[t] + matmul(sums[-1], weight) if sums else g[t]
            sums.append(d_h * slope(out[t]))
        return stack(sums[::-1])

    return back


def _sigmoid(minus: Any) -> None:
    """Compute 1 / (1 + exp(minus)) in place, which is 0 where the exponential is infinite."""
    np.exp(minus, out=minus)
    minus += 1.0
    np.reciprocal(minus, out=minus)


def _lstm(x: Any, weight: Any, h: Any, c: Any) -> Any:
    """Return i, f, g, o, c and h of every step: (6, steps, batch, size)."""
    dtype = np.result_type(x, weight, h, c)
    out = np.empty((6, len(x), *c.shape), dtype)
    minus = np.ascontiguousarray(-weight.T)
    sums, new = np.empty(x.shape[1:], dtype), np.empty(c.shape, dtype)
    by_gate = _split(sums, 4)
    with np.errstate(over="ignore"):
        for t in range(len(x)):
            i, f, g, o, c_t, h_t = out[:, t]
            np.matmul(h, minus, out=sums)  # one product is faster than one for each gate
            sums -= x[t]
            np.tanh(by_gate[2], out=g)
            np.negative(g, out=g)
            np.exp(sums, out=sums)
            sums += 1.0
            np.reciprocal(by_gate[:2], out=out[:2, t])  # 1 / (1 + exp(-sum))
            np.reciprocal(by_gate[3], out=o)
            np.multiply(f, c, out=c_t)
            np.multiply(i, g, out=new)
            c_t += new
            np.tanh(c_t, out=h_t)
            h_t *= o
            h, c = h_t, c_t
    return out


def _lstm_back_steps(g: Any, out: Any, weight: Any, c: Any) -> Any:
    """Return the gradients of ``c``, beside zeros, and of the sums of every step."""
    sums: list[Any] = []
    d_c = None
    for t in reversed(range(out.shape[1])):
        i, f, n, o, new = (out[k, t] for k in range(5))
        g_i, g_f, g_n, g_o, g_c, d_h = (g[k, t] for k in range(6))
        before = out[4, t - 1] if t else c
        tanh_c = np.tanh(new)
        if sums:
            d_h = d_h + matmul(sums[-1], weight)
        d_new = d_h * o * (1.0 - tanh_c * tanh_c) + g_c
        d_c = d_new if d_c is None else d_c + d_new
        parts = [
            (d_c * n + g_i) * (i * (1.0 - i)),
            (d_c * before + g_f) * (f * (1.0 - f)),
            (d_c * i + g_n) * (1.0 - n * n),
            (d_h * tanh_c + g_o) * (o * (1.0 - o)),
        ]
        sums.append(np.concatenate(parts, axis=-1))
        d_c = d_c * f
    zeros = np.zeros_like(d_c)
    return stack([np.concatenate([d_c, zeros, zeros, zeros], axis=-1), *sums[::-1]])


def _lstm_back(g: Any, out: Any, weight: Any, c: Any) -> Any:
    """Do the same in little memory, which stays in the processor's cache; several times faster."""
    steps, (batch, size) = out.shape[1], c.shape
    dtype = np.result_type(g, out, weight, c)
    sums = np.empty((steps + 1, batch, 4 * size), dtype)
    d_z, slopes = np.empty((4, batch, size), dtype), np.empty((4, batch, size), dtype)
    d_i, d_f, d_n, d_o = d_z
    d_c, d_h = np.zeros(c.shape, dtype), np.zeros(c.shape, dtype)
    tanh_c, d_new = np.empty_like(d_c), np.empty_like(d_c)
    for t in reversed(range(steps)):
        i, f, n, o, new, _ = out[:, t]
        d_h += g[5, t]
        d_c += g[4, t]
        np.tanh(new, out=tanh_c)
        np.multiply(d_h, tanh_c, out=d_o)
        tanh_c *= tanh_c
        np.subtract(1.0, tanh_c, out=tanh_c)
        np.multiply(d_h, o, out=d_new)
        d_new *= tanh_c
        d_c += d_new
        np.multiply(d_c, n, out=d_i)
        np.multiply(d_c, out[4, t - 1] if t else c, out=d_f)
        np.multiply(d_c, i, out=d_n)
        d_z += g[:4, t]
        d_c *= f
        np.subtract(1.0, out[:4, t], out=slopes)
        slopes[:2] *= out[:2, t]
        slopes[2] *= np.add(n, 1.0, out=d_new)
        slopes[3] *= o
        np.multiply(d_z, slopes, out=_split(sums[t + 1], 4))
        np.matmul(sums[t + 1], weight, out=d_h)
    sums[0] = 0.0
    _part(sums[0], 0, size)[...] = d_c
    return sums


def _gru(x: Any, weight: Any, bias: Any, h: Any) -> Any:
    """Return r, z, q, n = tanh(x + r q) and h of every step: (5, steps, batch, size)."""
    dtype = np.result_type(x, weight, bias, h)
    out = np.empty((5, len(x), *h.shape), dtype)
    by_gate, biases = _by_gate(weight, 3), bias.reshape((3, 1, h.shape[1]))
    for t in range(len(x)):
        r, z, q, n, h_t = out[:, t]
        np.matmul(h, by_gate, out=out[:3, t])
        out[:3, t] += biases
        sums = _split(x[t], 3)
        out[:2, t] += sums[:2]
        np.negative(out[:2, t], out=out[:2, t])
        _sigmoid(out[:2, t])
        np.multiply(r, q, out=n)
        n += sums[2]
        np.tanh(n, out=n)
        np.subtract(h, n, out=h_t)
        h_t *= z
        h_t += n
        h = h_t
    return out


def _gru_back_steps(g: Any, out: Any, weight: Any, h: Any) -> Any:
    """Return the gradients of ``h``, beside zeros, and of r's, z's, n's sums and q, every step."""
    sums: list[Any] = []
    d_h = None
    for t in reversed(range(out.shape[1])):
        r, z, q, n = (out[k, t] for k in range(4))
        g_r, g_z, g_q, g_n, g_h = (g[k, t] for k in range(5))
        before = out[4, t - 1] if t else h
        d_h = g_h if d_h is None else g_h + d_h
        d_n = (d_h * (1.0 - z) + g_n) * (1.0 - n * n)
        d_r = (d_n * q + g_r) * (r * (1.0 - r))
        d_z = (d_h * (before - n) + g_z) * (z * (1.0 - z))
        d_q = d_n * r + g_q
        sums.append(np.concatenate([d_r, d_z, d_n, d_q], axis=-1))
        d_h = d_h * z + matmul(np.concatenate([d_r, d_z, d_q], axis=-1), weight)
    zeros = np.zeros_like(d_h)
    return stack([np.concatenate([d_h, zeros, zeros, zeros], axis=-1), *sums[::-1]])


def _gru_back(g: Any, out: Any, weight: Any, h: Any) -> Any:
    """Do the same in little memory."""
    steps, (batch, size) = out.shape[1], h.shape
    dtype = np.result_type(g, out, weight, h)
    sums = np.empty((steps + 1, batch, 4 * size), dtype)
    d_r, d_z, d_n, d_q = d_sums = np.empty((4, batch, size), dtype)
    slopes, product = np.empty((2, batch, size), dtype), np.empty((batch, size), dtype)
    d_h = np.zeros((batch, size), dtype)
    for t in reversed(range(steps)):
        r, z, q, n, _ = out[:, t]
        d_h += g[4, t]
        np.subtract(1.0, out[:2, t], out=slopes)
        np.multiply(d_h, slopes[1], out=d_n)
        d_n += g[3, t]
        np.multiply(n, n, out=product)
        d_n *= np.subtract(1.0, product, out=product)
        np.multiply(d_n, r, out=d_q)
        d_q += g[2, t]
        np.multiply(d_n, q, out=d_r)
        np.subtract(out[4, t - 1] if t else h, n, out=d_z)
        d_z *= d_h
        slopes *= out[:2, t]
        d_sums[:2] += g[:2, t]
        d_sums[:2] *= slopes
        _split(sums[t + 1], 4)[...] = d_sums
        d_h *= z
        d_h += np.matmul(_part(sums[t + 1], 0, 2 * size), weight[: 2 * size], out=product)
        d_h += np.matmul(d_q, weight[2 * size :], out=product)
    sums[0] = 0.0
    _part(sums[0], 0, size)[...] = d_h
    return sums


def _of_state(back: Any, size: int) -> Any:
    """Return the gradients of what a GRU's state contributes: to r and z, and to q."""
    return back[1:, :, : 2 * size], _part(back[1:], 3, size)


# The rules: back is what the way back through time found.
# fmt: off
rnn_tanh = Recurrence("rnn_tanh", _rnn_tanh, _back_through(lambda h: 1.0 - h * h),
    saves="out weight h", vjps=(
    lambda back, out, x, weight, h: back,
    lambda back, out, x, weight, h: _product(back, _shifted(h, out)),
    lambda back, out, x, weight, h: matmul(back[0], weight)))
rnn_relu = Recurrence("rnn_relu", _rnn_relu, _back_through(lambda h: h > 0),
    saves="out weight h", vjps=(
    lambda back, out, x, weight, h: back,
    lambda back, out, x, weight, h: _product(back, _shifted(h, out)),
    lambda back, out, x, weight, h: matmul(back[0], weight)))
lstm = Recurrence("lstm", _lstm, lambda g, out, x, weight, h, c: lstm_back(g, out, weight, c),
    saves="out weight h c", vjps=(
    lambda back, out, x, weight, h, c: back[1:],
    lambda back, out, x, weight, h, c: _product(back[1:], _shifted(h, out[5])),
    lambda back, out, x, weight, h, c: matmul(back[1], weight),
    lambda back, out, x, weight, h, c: _part(back[0], 0, c.shape[-1])))
lstm_back: Composed = Composed("lstm_back", _lstm_back, _lstm_back_steps, arity=4)
gru = Recurrence("gru", _gru, lambda g, out, x, weight, bias, h: gru_back(g, out, weight, h),
    saves="out weight h", vjps=(
    lambda back, out, x, weight, bias, h: _part(back[1:], 0, 3 * h.shape[1]),
    lambda back, out, x, weight, bias, h: np.concatenate(
        [_product(sums, _shifted(h, out[4])) for sums in _of_state(back, h.shape[1])]),
    lambda back, out, x, weight, bias, h: np.concatenate(
        [np.add.reduce(sums, (0, 1)) for sums in _of_state(back, h.shape[1])]),
    lambda back, out, x, weight, bias, h: _part(back[0], 0, h.shape[1])))
gru_back: Composed = Composed("gru_back", _gru_back, _gru_back_steps, arity=4)
# fmt: on
