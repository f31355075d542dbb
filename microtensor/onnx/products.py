"""Products and what layers are made of, in ONNX's operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ops.linalg import _LETTERS
from ..ops.products import _start
from .value import Value

__all__ = ["TO_RESULT"]


def _einsum(out: Any, *xs: Value, subscripts: str) -> Value:
    """Let ONNX sum the products; diagonals and lengths of 1, which few know, come before."""
    terms, output = subscripts.split("->")
    lengths: dict[str, int] = {}
    for term, x in zip(terms.split(","), xs, strict=True):
        for letter, length in zip(term, x.shape, strict=True):
            lengths[letter] = max(length, lengths.get(letter, 1))
    plain = [_with_own_axes(t, x, lengths) for t, x in zip(terms.split(","), xs, strict=True)]
    equation = ",".join(term for term, _ in plain) + "->" + output
    first, *rest = (x for _, x in plain)
    return first.node("Einsum", *rest, shape=out.shape, equation=equation)


def _with_own_axes(term: str, x: Value, lengths: dict[str, int]) -> tuple[str, Value]:
    """Take the diagonals that a letter twice in a term means, and repeat axes of length 1."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            first = term.index(letter)
            second = term.index(letter, first + 1)
            others = [a for a in range(x.ndim) if a not in (first, second)]
            n = x.shape[first]
            x = x.transpose([*others, first, second])
            x = x.reshape((*x.shape[:-2], n * n)).gather(np.arange(n) * (n + 1), x.ndim - 2)
            term = "".join(term[a] for a in others) + letter
    return term, x.expand(tuple(lengths[letter] for letter in term))


def _tensordot(out: Any, x: Value, y: Value, axes: Any) -> Value:
    of_x, of_y = list(_LETTERS[: x.ndim]), list(_LETTERS[x.ndim : x.ndim + y.ndim])
    for i, j in zip(*axes, strict=True):
        of_y[j] = of_x[i]
    kept = [c for i, c in enumerate(of_x) if i not in axes[0]]
    kept += [c for j, c in enumerate(of_y) if j not in axes[1]]
    equation = f"{''.join(of_x)},{''.join(of_y)}->{''.join(kept)}"
    return x.node("Einsum", y, shape=out.shape, equation=equation)


def _matmul(out: Any, x: Value, y: Value) -> Value:
    return x.node("MatMul", y, shape=out.shape)


def _linear(out: Any, x: Value, weight: Value, bias: Value | None = None) -> Value:
    if x.ndim == 2:
        return x.node("Gemm", weight, bias, shape=out.shape, transB=1)
    product = _matmul(out, x, weight.transpose([1, 0]))
    return product if bias is None else product + bias


def _convolve(out: Any, x: Value, y: Value, mode: str) -> Value:
    """Slide the shorter vector, reversed, over the longer."""
    x, y = (x, y) if x.size >= y.size else (y, x)
    most = y.size - 1
    start = _start(mode, y.size)
    pads = {"full": [most, most], "same": [most - start, start], "valid": [0, 0]}[mode]
    kernel = y.part(0, None, None, -1).unsqueeze(0, 1)
    made = x.unsqueeze(0, 1).node("Conv", kernel, shape=(1, 1, *out.shape), pads=pads)
    return made.reshape(out.shape)


TO_RESULT: dict[str, Callable[..., Value]] = {
    "matmul": _matmul,
    "tensordot": _tensordot,
    "einsum": _einsum,
    "linear": _linear,
    "linear_no_bias": _linear,
    "convolve": _convolve,
    "det": lambda out, x: x.node("Det", shape=out.shape),
    "logabsdet": lambda out, x: abs(x.node("Det", shape=out.shape)).node("Log"),
    "signdet": lambda out, x: x.node("Det", shape=out.shape).node("Sign"),
}
