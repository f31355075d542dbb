"""Recurrent layers as loops in plain NumPy, written from the formulas, to compare ours to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def rnn(x: Array, weight: Array, h: Array, activation: Callable[..., Any] = np.tanh) -> Array:
    states = []
    for sums in x:
        h = activation(sums + h @ weight.T)
        states.append(h)
    return np.array(states)


def relu(x: Any) -> Any:
    return x * (x > 0)


def lstm(x: Array, weight: Array, h: Array, c: Array) -> Array:
    """Return i, f, g, o, c, h of every step."""
    w_i, w_f, w_g, w_o = np.split(weight, 4)
    rows = []
    for sums in x:
        x_i, x_f, x_g, x_o = np.split(sums, 4, axis=-1)
        i, f = sigmoid(x_i + h @ w_i.T), sigmoid(x_f + h @ w_f.T)
        g, o = np.tanh(x_g + h @ w_g.T), sigmoid(x_o + h @ w_o.T)
        c = f * c + i * g
        h = o * np.tanh(c)
        rows.append([i, f, g, o, c, h])
    return np.swapaxes(rows, 0, 1)


def lstm_back(g: Array, out: Array, weight: Array, c: Array) -> Array:
    """Return [dc, 0, 0, 0] before the first step, and the gradients of every step's sums."""
    size = c.shape[-1]
    back = np.zeros((out.shape[1] + 1, len(c), 4 * size), out.dtype)
    d_h, d_c = np.zeros_like(c), np.zeros_like(c)
    for t in range(out.shape[1] - 1, -1, -1):
        i, f, n, o, new, _ = out[:, t]
        g_i, g_f, g_n, g_o, g_c, g_h = g[:, t]
        d_h = d_h + g_h
        d_c = d_c + g_c + d_h * o / np.cosh(new) ** 2
        last = out[4, t - 1] if t > 0 else c
        gates = [g_i + d_c * n, g_f + d_c * last, g_n + d_c * i, g_o + d_h * np.tanh(new)]
        slopes = [i - i**2, f - f**2, 1 - n**2, o - o**2]
        back[t + 1] = np.hstack([d * slope for d, slope in zip(gates, slopes, strict=True)])
        d_h, d_c = back[t + 1] @ weight, d_c * f
    back[0, :, :size] = d_c
    return back


def gru_back(g: Array, out: Array, weight: Array, h: Array) -> Array:
    """Return [dh, 0, 0, 0] before the first step, and the gradients of r's, z's, n's sums and q."""
    size = h.shape[-1]
    back = np.zeros((out.shape[1] + 1, len(h), 4 * size), out.dtype)
    d_h = np.zeros_like(h)
    for t in range(out.shape[1] - 1, -1, -1):
        r, z, q, n, _ = out[:, t]
        g_r, g_z, g_q, g_n, g_h = g[:, t]
        d_h = d_h + g_h
        d_n = (g_n + d_h - d_h * z) * (1 - n**2)
        d_r = (g_r + d_n * q) * (r - r**2)
        d_z = (g_z + d_h * ((out[4, t - 1] if t > 0 else h) - n)) * (z - z**2)
        d_q = g_q + d_n * r
        back[t + 1] = np.hstack([d_r, d_z, d_n, d_q])
        d_h = d_h * z + np.hstack([d_r, d_z, d_q]) @ weight
    back[0, :, :size] = d_h
    return back


def gru(x: Array, weight: Array, bias: Array, h: Array) -> Array:
    """Return r, z, q, n, h of every step."""
    (w_r, w_z, w_n), (b_r, b_z, b_n) = np.split(weight, 3), np.split(bias, 3)
    rows = []
    for sums in x:
        x_r, x_z, x_n = np.split(sums, 3, axis=-1)
        r, z = sigmoid(x_r + h @ w_r.T + b_r), sigmoid(x_z + h @ w_z.T + b_z)
        q = h @ w_n.T + b_n
        n = np.tanh(x_n + r * q)
        h = (1 - z) * n + z * h
        rows.append([r, z, q, n, h])
    return np.swapaxes(rows, 0, 1)


def layers(
    kind: str,
    parameters: dict[str, Array],
    x: Array,
    num_layers: int = 1,
    bidirectional: bool = False,
    nonlinearity: str = "tanh",
    states: tuple[Array, ...] | None = None,
) -> tuple[Array, list[Array]]:
    """Return the output and the last states of a whole layer; ``x`` has the steps first."""
    size = parameters["weight_hh_l0"].shape[1]
    directions = 1 + bidirectional
    if states is None:
        states = (np.zeros((num_layers * directions, x.shape[1], size)),) * 2
    last: list[list[Array]] = [[], []]
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            suffix = f"_l{layer}" + "_reverse" * direction
            at = layer * directions + direction
            sums = x[::-1] if direction else x
            sums = sums @ parameters["weight_ih" + suffix].T + parameters.get("bias_ih" + suffix, 0)
            weight = parameters["weight_hh" + suffix]
            bias = parameters.get("bias_hh" + suffix, np.zeros(len(weight)))
            if kind == "RNN":
                h = rnn(sums + bias, weight, states[0][at],
                        np.tanh if nonlinearity == "tanh" else relu)  # fmt: skip
            elif kind == "GRU":
                h = gru(sums, weight, bias, states[0][at])[4]
            else:
                rows = lstm(sums + bias, weight, states[0][at], states[1][at])
                h = rows[5]
                last[1].append(rows[4, -1])
            last[0].append(h[-1])
            outputs.append(h[::-1] if direction else h)
        x = np.concatenate(outputs, axis=-1)
    return x, [np.array(parts) for parts in last if parts]
