"""Where rounding is rough: cancellation, long sums, saturation, and gradients that are zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import batch_norm, layers, relu_classifier
from .batch_norm import one_formula
from .derivation import Cause, Mistake, Model, Values, correct, mistake
from .functions import one_hot, softmax


def _far_from_zero(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "x": rng.normal(size=(8, 5)),
        "y": rng.normal(size=(8, 3)),
        "W": rng.normal(size=(5, 3)),
        "b": 1e5 + rng.normal(size=3),
        "gamma": rng.normal(size=(1, 3)),
        "beta": rng.normal(size=(1, 3)),
        "scale": np.array(1.0),
    }


def _nearly_constant(rng: np.random.Generator) -> dict[str, Any]:
    return {**_far_from_zero(rng), "b": np.zeros(3), "x": 1 + 1e-4 * rng.normal(size=(8, 5))}


far = Model("batch norm of values around 1e+5", _far_from_zero, batch_norm.forward,
            batch_norm.STEPS, condition=1e6)  # fmt: skip
constant = Model("batch norm of nearly constant values", _nearly_constant, batch_norm.forward,
                 batch_norm.STEPS, condition=1e4)  # fmt: skip


def _many_examples(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "x": rng.normal(size=(600, 4)),
        "y": rng.integers(0, 3, size=600),
        "W1": rng.normal(size=(4, 5)),
        "b1": rng.normal(size=5),
        "W2": rng.normal(size=(5, 3)),
        "b2": rng.normal(size=3),
    }


def _sure(rng: np.random.Generator) -> dict[str, Any]:
    data = _many_examples(rng)
    return {**data, "x": data["x"][:8], "y": data["y"][:8], "W2": 200 * data["W2"]}


many = Model("600 examples", _many_examples, relu_classifier.fused, relu_classifier.FUSED)
many32 = Model("600 examples in float32", _many_examples, relu_classifier.fused,
               relu_classifier.FUSED, np.float32)  # fmt: skip
sure = Model("predictions that are sure", _sure, relu_classifier.fused, relu_classifier.FUSED)


def _zeros(rng: np.random.Generator) -> dict[str, Any]:
    shapes = {"W1": (4, 3), "W2": (4, 4), "W3": (2, 4), "b1": (4,), "b2": (4,), "b3": (2,)}
    return {
        "x": rng.normal(size=(6, 3)),
        "y": rng.normal(size=(6, 2)),
        **{name: np.zeros(shape) for name, shape in shapes.items()},
    }


def _perfect(rng: np.random.Generator) -> dict[str, Any]:
    return {**_zeros(rng), "y": np.zeros((6, 2)), "W1": rng.normal(size=(4, 3))}


start = Model("all weights start at zero", _zeros, layers.regressor, layers.REGRESSOR)
perfect = Model("a fit without error", _perfect, layers.regressor, layers.REGRESSOR)


def _one_by_one(v: Values) -> Any:
    """Sum over the examples one after the other, in the arithmetic of the gradients."""
    dW1 = np.zeros_like(v.W1)
    for x, dz in zip(v.x, v.dz1, strict=True):
        dW1 += np.outer(x, dz)
    return dW1


def _backwards(v: Values) -> Any:
    total = np.zeros_like(v.b1)
    for dz in v.dz1[::-1]:
        total = total + dz
    return total


def _by_logarithms(v: Values) -> Any:
    shifted = v.logits - v.logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return (np.exp(logs) - one_hot(v.y, 3)) / len(v.y)


CORRECT = {
    far: [
        correct("every step"),
        correct("dh in one formula", {"dh": one_formula}, given="out gamma beta h W"),
    ],
    constant: [correct("every step"), correct("dh in one formula", {"dh": one_formula})],
    many: [
        correct("summed one by one", {"dW1": _one_by_one, "db1": _backwards}),
        correct("1/m divided out at the end", {
            "dW1": lambda v: v.x.T @ (600 * v.dz1) / 600,
            "dW2": lambda v: v.a1.T @ (softmax(v.logits) - one_hot(v.y, 3)) / 600}),
    ],
    many32: [
        correct("summed one by one", {"dW1": _one_by_one, "db1": _backwards}),
        correct("p − y"),
    ],
    sure: [correct("p − y"), correct("by logarithms", {"dlogits": _by_logarithms})],
    start: [correct("every step"), correct("only the weights", given="W3 W2 W1")],
    perfect: [
        correct("every step"),
        correct("only the weights", given="W3 W2 W1"),
        correct("an error of rounding",
                {"dout": lambda v: np.zeros_like(v.out)}, given="out W3 h2 W2 W1"),
    ],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    far: [
        mistake("the mean is a constant", {"dh": lambda v: v.ddiff}, h="missing_path"),
        mistake("the mean's minus", {"dmean": lambda v: v.ddiff.sum(axis=0, keepdims=True)},
                mean="sign"),
        mistake("dmean is averaged",
                {"dmean": lambda v: -v.ddiff.mean(axis=0, keepdims=True)}, mean="missing_sum"),
        mistake("tanh′ is missing", {"dout": lambda v: v.da},
                out=Cause("missing_derivative", op="tanh")),
    ],
    constant: [
        mistake("the variance is a constant", {"ddiff": lambda v: v.dxhat * v.istd},
                diff="missing_path"),
        mistake("one example is left out", {"dW": lambda v: v.x[1:].T @ v.dh[1:]}, W="unknown"),
    ],
    many: [
        mistake("one example is left out", {"dW1": lambda v: v.x[:-1].T @ v.dz1[:-1]},
                W1="unknown"),
        mistake("1/m is missing", {"dlogits": lambda v: 600 * relu_classifier.FUSED["dlogits"](v)},
                logits=Cause("factor", factor=600)),
        mistake("1/(m − 1)",
                {"dlogits": lambda v: relu_classifier.FUSED["dlogits"](v) * 600 / 599},
                logits=Cause("factor", factor=600 / 599)),
    ],
    many32: [
        mistake("1/(m − 1), in float32",
                {"dlogits": lambda v: relu_classifier.FUSED["dlogits"](v) * np.float32(600 / 599)},
                logits=Cause("factor", factor=600 / 599)),
        mistake("ReLU's derivative is missing, in float32", {"dz1": lambda v: v.da1},
                z1=Cause("missing_derivative", op="relu")),
    ],
    sure: [
        mistake("y − p", {"dlogits": lambda v: -relu_classifier.FUSED["dlogits"](v)},
                logits="sign"),
        mistake("0 log 0", {"dlogits": lambda v: _indefinite(v)}, given="logits",
                logits="nonfinite"),
    ],
    start: [mistake("2 is missing", {"dout": lambda v: (v.out - v.y) / v.y.size},
                    out=Cause("factor", factor=1 / 2))],
    perfect: [mistake("the target is forgotten in b3", {"db3": lambda v: np.full(2, 0.25)},
                      b3="unknown")],
}  # fmt: skip


def _indefinite(v: Values) -> Any:
    dlogits = relu_classifier.FUSED["dlogits"](v)
    dlogits[softmax(v.logits) == 0] = np.nan
    return dlogits
