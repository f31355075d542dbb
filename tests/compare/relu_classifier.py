"""A ReLU network with softmax and cross-entropy: step by step, and fused."""

from __future__ import annotations

from typing import Any

import numpy as np

from .derivation import Cause, Mistake, Model, Steps, Values, correct, mistake
from .functions import cross_entropy, one_hot, relu, softmax


def _hidden(v: Values) -> None:
    v.z1 = v.x @ v.W1 + v.b1
    v.a1 = relu(v.z1)
    v.logits = v.a1 @ v.W2 + v.b2


def by_steps(v: Values, np: Any) -> None:
    _hidden(v)
    v.top = np.max(v.logits, axis=1, keepdims=True)
    v.shifted = v.logits - v.top
    v.e = np.exp(v.shifted)
    v.total = np.sum(v.e, axis=1, keepdims=True)
    v.probs = v.e / v.total
    v.logp = np.log(v.probs)
    v.picked = v.logp[np.arange(len(v.y)), v.y]
    v.loss = -np.mean(v.picked)


def fused(v: Values, np: Any) -> None:
    _hidden(v)
    v.loss = cross_entropy(v.logits, v.y)


def m(v: Values) -> int:
    return len(v.y)


def labels(v: Values) -> Any:
    return one_hot(v.y, v.logits.shape[1])


def largest(v: Values) -> Any:
    return one_hot(v.logits.argmax(axis=1), v.logits.shape[1])


LAYERS: Steps = {
    "dW2": lambda v: v.a1.T @ v.dlogits,
    "db2": lambda v: v.dlogits.sum(axis=0),
    "da1": lambda v: v.dlogits @ v.W2.T,
    "dz1": lambda v: v.da1 * (v.z1 > 0),
    "dW1": lambda v: v.x.T @ v.dz1,
    "db1": lambda v: v.dz1.sum(axis=0),
}

STEPS: Steps = {
    "dpicked": lambda v: np.full_like(v.picked, -1 / m(v)),
    "dlogp": lambda v: labels(v) * v.dpicked[:, None],
    "dprobs": lambda v: v.dlogp / v.probs,
    "dtotal": lambda v: (-v.dprobs * v.e / v.total**2).sum(axis=1, keepdims=True),
    "de": lambda v: v.dprobs / v.total + v.dtotal,
    "dshifted": lambda v: v.de * v.e,
    "dtop": lambda v: -v.dshifted.sum(axis=1, keepdims=True),
    "dlogits": lambda v: v.dshifted + largest(v) * v.dtop,
    **LAYERS,
}

FUSED: Steps = {"dlogits": lambda v: (softmax(v.logits) - labels(v)) / m(v), **LAYERS}


def classifier(
    name: str,
    sizes: tuple[int, int, int, int],
    forward: Any,
    steps: Steps,
    dtype: Any = np.float64,
    shift: float = 0.0,
) -> Model:
    examples, n, hidden, classes = sizes
    return Model(
        f"ReLU classifier, {name}",
        lambda rng: {
            "x": rng.normal(size=(examples, n)),
            "y": rng.integers(0, classes, size=examples),
            "W1": 0.5 * rng.normal(size=(n, hidden)),
            "b1": rng.normal(size=hidden) - shift,
            "W2": 0.5 * rng.normal(size=(hidden, classes)),
            "b2": rng.normal(size=classes),
        },
        forward,
        steps,
        dtype,
    )


stepwise = classifier("step by step", (7, 4, 6, 3), by_steps, STEPS)
stepwise32 = classifier("step by step, float32", (9, 4, 5, 3), by_steps, STEPS, np.float32)
in_one = classifier("fused", (8, 5, 6, 4), fused, FUSED)
square = classifier("fused, all sizes the same", (5, 5, 5, 5), fused, FUSED)
dead = classifier("fused, most ReLUs dead", (6, 4, 8, 3), fused, FUSED, shift=2.0)


def _in_place(v: Values) -> Any:
    dz1 = v.da1.copy()
    dz1[v.a1 <= 0] = 0
    return dz1


def _label_minus_one(v: Values) -> Any:
    p = softmax(v.logits)
    p[np.arange(m(v)), v.y - 1] -= 1
    return p / m(v)


CORRECT = {
    stepwise: [
        correct("every step"),
        correct("p − y in one step, nothing before it given",
                {"dlogits": lambda v: (v.probs - labels(v)) / m(v)},
                given="logits W2 b2 a1 z1 W1 b1"),
        correct("p − y in one step, the rest given as well",
                {"dlogits": lambda v: (v.probs - labels(v)) / m(v)}),
        correct("the largest logit taken for a constant", {"dtop": lambda v: np.zeros((m(v), 1)),
                                                           "dlogits": lambda v: v.dshifted}),
        correct("only probs, logits and W1", given="probs logits W1"),
        correct("p − y without 1/m, which dW and db make up for",
                {"dlogits": lambda v: v.probs - labels(v),
                 "dW2": lambda v: v.a1.T @ v.dlogits / m(v),
                 "db2": lambda v: v.dlogits.mean(axis=0),
                 "dW1": lambda v: v.x.T @ v.dz1 / m(v),
                 "db1": lambda v: v.dz1.mean(axis=0)},
                given="logits W2 b2 a1 z1 W1 b1", conventions="logits a1 z1"),
        correct("arithmetic in float32", dtype=np.float32),
    ],
    stepwise32: [correct("every step"), correct("arithmetic in float64", dtype=np.float64)],
    in_one: [
        correct("p − y"),
        correct("ReLU's derivative in place, from its output", {"dz1": _in_place}),
        correct("einsum", {"dW1": lambda v: np.einsum("mi,mh->ih", v.x, v.dz1)}),
    ],
    square: [correct("p − y")],
    dead: [correct("p − y"), correct("only the weights", given="W1 W2")],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    stepwise: [
        mistake("the mean's 1/m is missing", {"dpicked": lambda v: -np.ones(m(v))},
                picked=Cause("factor", factor=7)),
        mistake("the loss's minus is missing", {"dpicked": lambda v: np.full(m(v), 1 / m(v))},
                picked="sign"),
        mistake("another class is picked", {"dlogp": lambda v: np.roll(labels(v), 1, axis=1)
                                            * v.dpicked[:, None]}, logp="unknown"),
        mistake("1/p is missing", {"dprobs": lambda v: v.dlogp},
                probs=Cause("missing_derivative", op="log")),
        mistake("the total's derivative lacks its minus", {"dtotal": lambda v: -STEPS["dtotal"](v)},
                total="sign"),
        mistake("the total is not summed over the classes, e takes the sum",
                {"dtotal": lambda v: -v.dprobs * v.e / v.total**2,
                 "de": lambda v: v.dprobs / v.total + v.dtotal.sum(axis=1, keepdims=True)},
                total="missing_sum"),
        mistake("e has no share in the total", {"de": lambda v: v.dprobs / v.total},
                e="missing_path"),
        mistake("e has no share in the numerator",
                {"de": lambda v: np.broadcast_to(v.dtotal, v.e.shape)}, e="missing_path"),
        mistake("the total counts twice", {"de": lambda v: v.dprobs / v.total + 2 * v.dtotal},
                e="extra_path"),
        mistake("the largest logit gets something, though nothing depends on it",
                {"dtop": lambda v: 0.1 + 0.3 * np.sin(v.top)}, top="unknown"),
        mistake("exp's derivative is missing", {"dshifted": lambda v: v.de},
                shifted=Cause("missing_derivative", op="exp")),
        mistake("exp's derivative at its output", {"dshifted": lambda v: v.de * np.exp(v.e)},
                shifted=Cause("derivative_at_output", op="exp")),
        mistake("p − y without 1/m, beside steps that have it",
                {"dlogits": lambda v: v.probs - labels(v)}, logits=Cause("factor", factor=7)),
        mistake("y − p", {"dlogits": lambda v: (labels(v) - v.probs) / m(v)}, logits="sign"),
        mistake("the label is not subtracted", {"dlogits": lambda v: v.probs / m(v)},
                given="logits W2 b2 a1 z1 W1 b1",
                # It is what the path through the total gives, without that through the numerator.
                logits=Cause("missing_path", "unknown")),
        mistake("three at once: 1/p, ReLU and the transpose of W1",
                {"dprobs": lambda v: v.dlogp, "dz1": lambda v: v.da1,
                 "dW1": lambda v: v.dz1.T @ v.x},
                probs="missing_derivative", z1="missing_derivative", W1="transpose"),
    ],
    stepwise32: [
        mistake("1/p is missing, in float32", {"dprobs": lambda v: v.dlogp},
                probs=Cause("missing_derivative", op="log")),
        mistake("e has no share in the total, in float32", {"de": lambda v: v.dprobs / v.total},
                e="missing_path"),
        mistake("db1 is averaged, in float32", {"db1": lambda v: v.dz1.mean(axis=0)},
                b1="missing_sum"),
    ],
    in_one: [
        mistake("1/m is missing", {"dlogits": lambda v: softmax(v.logits) - labels(v)},
                logits=Cause("factor", factor=8)),
        mistake("1/m is there twice",
                {"dlogits": lambda v: (softmax(v.logits) - labels(v)) / m(v) ** 2},
                logits=Cause("factor", factor=1 / 8)),
        mistake("divided by the number of elements, not of examples",
                {"dlogits": lambda v: (softmax(v.logits) - labels(v)) / v.logits.size},
                logits=Cause("factor", factor=1 / 4)),
        mistake("y − p, and no 1/m", {"dlogits": lambda v: labels(v) - softmax(v.logits)},
                logits=Cause("factor", factor=-8)),
        mistake("the label's neighbour is subtracted", {"dlogits": _label_minus_one},
                logits="unknown"),
        mistake("ReLU's derivative is missing", {"dz1": lambda v: v.da1},
                z1=Cause("missing_derivative", op="relu")),
        mistake("only the parameters, and ReLU's derivative is missing", {"dz1": lambda v: v.da1},
                given="W2 b2 W1 b1", W1=Cause("missing_derivative", op="relu"),
                b1=Cause("missing_derivative", op="relu")),
        mistake("only the parameters, y − p", {"dlogits": lambda v: -FUSED["dlogits"](v)},
                given="W2 b2 W1 b1", W2="sign", b2="sign", W1="sign", b1="sign"),
        # What stands where the mask belongs is another tensor; it is no product in the graph.
        mistake("the activation for the mask", {"dz1": lambda v: v.da1 * v.a1},
                z1=Cause("unknown", "wrong_operand")),
        mistake("1 − mask", {"dz1": lambda v: v.da1 * (v.z1 <= 0)}, z1="unknown"),
        mistake("db2 is one number", {"db2": lambda v: v.dlogits.sum()},
                b2=Cause("shape", "missing_sum")),  # as in deep: a sum over the wrong axes
        mistake("db1 has an axis too many", {"db1": lambda v: v.dz1.sum(axis=0, keepdims=True)},
                b1="shape"),
        mistake("db1 is not summed", {"db1": lambda v: v.dz1}, b1="missing_sum"),
        mistake("db1 is not summed and dW2 has the wrong sign",
                {"db1": lambda v: v.dz1, "dW2": lambda v: -v.a1.T @ v.dlogits},
                b1="missing_sum", W2="sign"),
        mistake("db2 with NaN", {"db2": lambda v: np.where(np.arange(4) == 2, np.nan,
                                                           v.dlogits.sum(axis=0))},
                b2="nonfinite"),
    ],
    square: [
        mistake("W1 for W2", {"da1": lambda v: v.dlogits @ v.W1.T},
                a1=Cause("wrong_operand", used="W1", expected="W2")),
        mistake("the input for the activation", {"dW2": lambda v: v.x.T @ v.dlogits},
                W2=Cause("wrong_operand", used="x", expected="a1")),
        mistake("the logits are the transpose",
                {"dlogits": lambda v: ((softmax(v.logits) - labels(v)) / m(v)).T},
                logits="transpose"),
        mistake("b1 gets b2's gradient", {"db1": lambda v: v.db2}, b1="swapped"),
        mistake("db1 is summed over the features", {"db1": lambda v: v.dz1.sum(axis=1)},
                # A sum over an axis that was not broadcast.
                b1=Cause("missing_sum", "unknown")),
        mistake("`*` for `@` in dW2", {"dW2": lambda v: v.a1.T * v.dlogits},
                W2="elementwise_for_matmul"),
    ],
    dead: [
        mistake("dead ReLUs pass gradients on", {"dz1": lambda v: v.da1},
                z1=Cause("missing_derivative", op="relu")),
        mistake("W2 twice as large", {"dW2": lambda v: 2 * v.a1.T @ v.dlogits},
                # 2 g is also g, added to what an earlier pass left.
                W2=Cause("factor", "extra_path", factor=2)),
    ],
}  # fmt: skip
