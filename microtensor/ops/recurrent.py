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
from .elementwise import sigmoid
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


def _lstm(x: Any, weight: Any, h: Any, c: Any) -> Any:
    """Return [i, f, g, o, c, h] of every step, side by side.

    A step is computed in little memory, which stays in the processor's cache, and then copied.
    """
    steps, batch, width = x.shape
    size = width // 4
    out = np.empty((steps, batch, 6 * size), np.result_type(x, weight, h, c))
    gates = np.empty((batch, width), out.dtype)
    i, f, g, o = (_part(gates, k, size) for k in range(4))
    weight = np.ascontiguousarray(weight.T)
    half = np.full(width, 0.5, out.dtype)  # sigmoid(x) = tanh(x / 2) / 2 + 1 / 2
    _part(half, 2, size)[...] = 1.0
    rest = 1.0 - half
    h, c, new = h.astype(out.dtype), c.astype(out.dtype), np.empty_like(c, out.dtype)
    for t in range(steps):
        np.matmul(h, weight, out=gates)
        gates += x[t]
        gates *= half
        np.tanh(gates, out=gates)
        gates *= half
        gates += rest
        c *= f
        np.multiply(i, g, out=new)
        c += new
        np.tanh(c, out=h)
        h *= o
        out[t, :, :width] = gates
        _part(out[t], 4, size)[...] = c
        _part(out[t], 5, size)[...] = h
    return out


def _lstm_back_steps(g: Any, out: Any, weight: Any, c: Any) -> Any:
    """Return the gradients of ``c``, beside zeros, and of the sums of every step."""
    size = c.shape[-1]
    sums: list[Any] = []
    d_c = None
    for t in reversed(range(len(out))):
        i, f, n, o, new = (_part(out[t], k, size) for k in range(5))
        g_i, g_f, g_n, g_o, g_c, d_h = (_part(g[t], k, size) for k in range(6))
        before = _part(out[t - 1], 4, size) if t else c
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
    """Do the same in little memory, several times faster."""
    steps, (batch, size) = len(out), c.shape
    width = 4 * size
    dtype = np.result_type(g, out, weight, c)
    sums = np.empty((steps + 1, batch, width), dtype)
    gates, slopes, d_z = (np.empty((batch, width), dtype) for _ in range(3))
    i, f, n, o = (_part(gates, k, size) for k in range(4))
    d_i, d_f, d_n, d_o = (_part(d_z, k, size) for k in range(4))
    d_c, d_h = np.zeros(c.shape, dtype), np.zeros(c.shape, dtype)
    tanh_c, d_new = np.empty_like(d_c), np.empty_like(d_c)
    for t in reversed(range(steps)):
        gates[...] = out[t, :, :width]
        d_h += _part(g[t], 5, size)
        d_c += _part(g[t], 4, size)
        np.tanh(_part(out[t], 4, size), out=tanh_c)
        np.multiply(d_h, tanh_c, out=d_o)
        np.multiply(tanh_c, tanh_c, out=tanh_c)
        np.subtract(1.0, tanh_c, out=tanh_c)
        np.multiply(d_h, o, out=d_new)
        d_new *= tanh_c
        d_c += d_new
        np.multiply(d_c, n, out=d_i)
        np.multiply(d_c, _part(out[t - 1], 4, size) if t else c, out=d_f)
        np.multiply(d_c, i, out=d_n)
        d_z += g[t, :, :width]
        d_c *= f
        np.subtract(1.0, gates, out=slopes)
        n += 1.0
        slopes *= gates  # (1 - n) (1 + n) where that is tanh's
        d_z *= slopes
        np.matmul(d_z, weight, out=d_h)
        sums[t + 1] = d_z
    sums[0] = 0.0
    sums[0, :, :size] = d_c
    return sums


def _gru(x: Any, weight: Any, bias: Any, h: Any) -> Any:
    """Return [r, z, n, q, h] of every step, side by side, where n = tanh(x + r q)."""
    steps, batch, width = x.shape
    size = width // 3
    dtype = np.result_type(x, weight, bias, h)
    out = np.empty((steps, batch, 5 * size), dtype)
    for t in range(steps):
        r, z, n, q, state = (out[t, :, k * size : (k + 1) * size] for k in range(5))
        sums = np.matmul(h, weight.T)
        sums += bias
        q[...] = sums[:, 2 * size :]
        sums[:, : 2 * size] += x[t, :, : 2 * size]
        out[t, :, : 2 * size] = sigmoid.kernel(sums[:, : 2 * size])
        np.multiply(r, q, out=n)
        n += x[t, :, 2 * size :]
        np.tanh(n, out=n)
        np.subtract(h, n, out=state)
        state *= z
        state += n
        h = state
    return out


def _gru_back(g: Any, out: Any, x: Any, weight: Any, bias: Any, h: Any) -> Any:
    """Return the gradients of the sums, those of the input's part and the state's, and of ``h``."""
    size = h.shape[-1]
    of_x: list[Any] = []
    of_h: list[Any] = []
    d_h = None
    for t in reversed(range(len(out))):
        r, z, n, q, _ = (_part(out[t], k, size) for k in range(5))
        g_r, g_z, g_n, g_q, g_h = (_part(g[t], k, size) for k in range(5))
        before = _part(out[t - 1], 4, size) if t else h
        d_h = g_h if d_h is None else g_h + d_h
        d_n = (d_h * (1.0 - z) + g_n) * (1.0 - n * n)
        d_r = (d_n * q + g_r) * (r * (1.0 - r))
        d_z = (d_h * (before - n) + g_z) * (z * (1.0 - z))
        of_x.append(np.concatenate([d_r, d_z, d_n], axis=-1))
        of_h.append(np.concatenate([d_r, d_z, d_n * r + g_q], axis=-1))
        d_h = d_h * z + matmul(of_h[-1], weight)
    return stack(of_x[::-1]), stack(of_h[::-1]), d_h


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
    lambda back, out, x, weight, h, c: _product(back[1:], _shifted(h, _part(out, 5, c.shape[-1]))),
    lambda back, out, x, weight, h, c: matmul(back[1], weight),
    lambda back, out, x, weight, h, c: _part(back[0], 0, c.shape[-1])))
lstm_back: Composed = Composed("lstm_back", _lstm_back, _lstm_back_steps, arity=4)
gru = Recurrence("gru", _gru, _gru_back, saves="out weight h", vjps=(
    lambda back, out, x, weight, bias, h: back[0],
    lambda back, out, x, weight, bias, h: _product(
        back[1], _shifted(h, _part(out, 4, h.shape[-1]))),
    lambda back, out, x, weight, bias, h: np.add.reduce(back[1], (0, 1)),
    lambda back, out, x, weight, bias, h: back[2]))
# fmt: on
