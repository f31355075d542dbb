"""The second tutorial's network: sigmoid in columns, binary cross-entropy with its 1/m."""

from __future__ import annotations

from typing import Any

import numpy as np

from .derivation import Cause, Mistake, Model, Steps, Values, correct, mistake
from .functions import sigmoid


def forward(v: Values, np: Any) -> None:
    v.z1 = v.W1 @ v.x + v.b1
    v.a1 = sigmoid(v.z1)
    v.z2 = v.W2 @ v.a1 + v.b2
    v.a2 = sigmoid(v.z2)
    v.z3 = v.W3 @ v.a2 + v.b3
    v.a3 = sigmoid(v.z3)
    v.loss = (-1 / v.y.shape[1]) * np.sum(v.y * np.log(v.a3) + (1 - v.y) * np.log(1 - v.a3))


def m(v: Values) -> int:
    return v.y.shape[1]


STEPS: Steps = {
    "da3": lambda v: -(v.y / v.a3 - (1 - v.y) / (1 - v.a3)) / m(v),
    "dz3": lambda v: v.da3 * v.a3 * (1 - v.a3),
    "dW3": lambda v: v.dz3 @ v.a2.T,
    "db3": lambda v: v.dz3.sum(axis=1, keepdims=True),
    "da2": lambda v: v.W3.T @ v.dz3,
    "dz2": lambda v: v.da2 * v.a2 * (1 - v.a2),
    "dW2": lambda v: v.dz2 @ v.a1.T,
    "db2": lambda v: v.dz2.sum(axis=1, keepdims=True),
    "da1": lambda v: v.W2.T @ v.dz2,
    "dz1": lambda v: v.da1 * v.a1 * (1 - v.a1),
    "dW1": lambda v: v.dz1 @ v.x.T,
    "db1": lambda v: v.dz1.sum(axis=1, keepdims=True),
}

CONVENTION: Steps = {
    "da3": lambda v: -(v.y / v.a3 - (1 - v.y) / (1 - v.a3)),
    "dW3": lambda v: v.dz3 @ v.a2.T / m(v),
    "db3": lambda v: v.dz3.sum(axis=1, keepdims=True) / m(v),
    "dW2": lambda v: v.dz2 @ v.a1.T / m(v),
    "db2": lambda v: v.dz2.sum(axis=1, keepdims=True) / m(v),
    "dW1": lambda v: v.dz1 @ v.x.T / m(v),
    "db1": lambda v: v.dz1.sum(axis=1, keepdims=True) / m(v),
}
"""As the tutorial has it: 1/m stays out of dA and dZ, and is put into dW and db."""

TIMES_M = "a3 z3 a2 z2 a1 z1"
"""What is m times the gradient by that convention."""


def network(
    layers: tuple[int, int, int, int], examples: int, name: str, *, scale: float = 1.0
) -> Model:
    n, h1, h2, out = layers
    return Model(
        f"deep sigmoid, {name}",
        lambda rng: {
            "x": rng.normal(size=(n, examples)),
            "y": rng.integers(0, 2, size=(out, examples)).astype(float),
            "W1": scale * rng.normal(size=(h1, n)),
            "b1": rng.normal(size=(h1, 1)),
            "W2": rng.normal(size=(h2, h1)),
            "b2": rng.normal(size=(h2, 1)),
            "W3": rng.normal(size=(out, h2)),
            "b3": rng.normal(size=(out, 1)),
        },
        forward,
        STEPS,
    )


narrow = network((3, 4, 2, 1), 5, "no two sizes the same")
square = network((4, 4, 4, 4), 4, "all sizes the same")
hidden = network((3, 6, 6, 1), 8, "two hidden layers of one size")
saturated = network((3, 5, 4, 1), 6, "first layer saturated", scale=40.0)
"""Some derivatives σ′ of z1 are below 1e-40, and some exactly 0."""


def _one_error_per_layer(v: Values, layer: int) -> Any:
    a = [v.x, v.a1, v.a2][layer - 1]
    return v[f"dz{layer}"] @ a.T


CORRECT = {
    narrow: [
        correct("as in the book"),
        correct("the tutorial's convention: 1/m is kept for dW and db", CONVENTION,
                conventions=TIMES_M),
        correct("the convention, in dZ and the parameters only", CONVENTION,
                given="z3 W3 b3 z2 W2 b2 z1 W1 b1", conventions="z3 z2 z1"),
        correct("the convention, and only the parameters", CONVENTION,
                given="W3 b3 W2 b2 W1 b1"),
        correct("a3 − y in one step, da3 not given", {"dz3": lambda v: (v.a3 - v.y) / m(v)},
                given="z3 W3 b3 a2 z2 W2 b2 a1 z1 W1 b1"),
        correct("a3 − y in one step, da3 given as well",
                {"dz3": lambda v: (v.a3 - v.y) / m(v)}),
        correct("a3 − y by the convention, da3 not given",
                {**CONVENTION, "dz3": lambda v: v.a3 - v.y},
                given="z3 W3 b3 z2 W2 b2 z1 W1 b1", conventions="z3 z2 z1"),
        correct("arithmetic in float32", dtype=np.float32),
    ],
    hidden: [
        correct("as in the book"),
        correct("layer by layer in a loop",
                {f"dW{i}": lambda v, i=i: _one_error_per_layer(v, i) for i in (1, 2, 3)}),
        correct("every other layer", given="z3 W3 a1 W1 b1"),
    ],
    square: [correct("as in the book")],
    saturated: [correct("as in the book"), correct("1/m kept for later", CONVENTION,
                                                   conventions=TIMES_M)],
}  # fmt: skip

TWICE: Steps = {f"dW{i}": CONVENTION[f"dW{i}"] for i in (1, 2, 3)}

MISTAKES: dict[Model, list[Mistake]] = {
    narrow: [
        mistake("the cost's 1/m is nowhere", {"da3": CONVENTION["da3"]},
                a3=Cause("factor", factor=5)),
        mistake("1/m both in da3 and in every dW", TWICE,
                **{f"W{i}": Cause("factor", factor=1 / 5) for i in (1, 2, 3)}),
        # Summing and dividing by m is averaging: one array, two readings.
        mistake("1/m once too often in db1", {"db1": CONVENTION["db1"]},
                b1=Cause("missing_sum", "factor")),
        mistake("1/m kept for later, and forgotten in every db",
                {**CONVENTION, **{f"db{i}": STEPS[f"db{i}"] for i in (1, 2, 3)}},
                conventions=TIMES_M,
                **{f"b{i}": Cause("factor", factor=5) for i in (1, 2, 3)}),
        mistake("1/m kept for later, and forgotten in dW2",
                {**CONVENTION, "dW2": STEPS["dW2"]},
                conventions=TIMES_M, W2=Cause("factor", factor=5)),
        mistake("m taken from the wrong axis of a2", {**CONVENTION,
                "dW3": lambda v: v.dz3 @ v.a2.T / v.a2.shape[0]},
                conventions=TIMES_M, W3=Cause("factor", factor=5 / 2)),
        mistake("the minus before the brackets is lost", {"da3": lambda v: -STEPS["da3"](v)},
                a3="sign"),
        mistake("the term of 1 − y is forgotten", {"da3": lambda v: -v.y / v.a3 / m(v)},
                a3="missing_path"),
        # What is missing is −1: a derivative, and the sign of one of two contributions.
        mistake("the derivative of 1 − a is taken for 1",
                {"da3": lambda v: -(v.y / v.a3 + (1 - v.y) / (1 - v.a3)) / m(v)},
                a3=Cause("missing_derivative", "sign")),
        mistake("a3 − y without 1/m, beside a da3 that has it",
                {"dz3": lambda v: v.a3 - v.y}, z3=Cause("factor", factor=5)),
        mistake("a3 − y is multiplied by σ′ once more",
                {"dz3": lambda v: (v.a3 - v.y) / m(v) * v.a3 * (1 - v.a3)},
                z3=Cause("extra_derivative", op="sigmoid")),
        mistake("y − a3", {"dz3": lambda v: (v.y - v.a3) / m(v)}, z3="sign"),
        mistake("y − a3, and no 1/m", {"dz3": lambda v: v.y - v.a3},
                z3=Cause("factor", factor=-5)),
        mistake("σ′ of z2 is missing", {"dz2": lambda v: v.da2},
                z2=Cause("missing_derivative", op="sigmoid")),
        mistake("σ′ of z2 is missing, by the convention",
                {**CONVENTION, "dz2": lambda v: v.da2}, conventions="a3 z3 a2",
                z2=Cause("missing_derivative", op="sigmoid")),
        mistake("σ′ of a1", {"dz1": lambda v: v.da1 * sigmoid(v.a1) * (1 - sigmoid(v.a1))},
                z1=Cause("derivative_at_output", op="sigmoid")),
        mistake("db2 is not summed over the examples", {"db2": lambda v: v.dz2},
                b2="missing_sum"),
        mistake("db2 is averaged over the examples",
                {"db2": lambda v: v.dz2.mean(axis=1, keepdims=True)}, b2="missing_sum"),
        mistake("db1 without keepdims", {"db1": lambda v: v.dz1.sum(axis=1)}, b1="shape"),
        # Not summed over the broadcast axis, but over another: no shape tells which was meant.
        mistake("db1 is summed over the neurons", {"db1": lambda v: v.dz1.sum(axis=0)},
                b1=Cause("shape", "missing_sum")),
        mistake("dW1 is the transpose", {"dW1": lambda v: v.x @ v.dz1.T}, W1="transpose"),
        mistake("dW2 is the transpose and has 1/m twice",
                {"dW2": lambda v: v.a1 @ v.dz2.T / m(v)}, W2=Cause("transpose", "factor")),
        mistake("σ′ missing in z2, and the minus of da3",
                {"da3": lambda v: -STEPS["da3"](v), "dz2": lambda v: v.da2},
                a3="sign", z2="missing_derivative"),
        mistake("only dZ is given, and σ′ of z1 is missing", {"dz1": lambda v: v.da1},
                given="z3 z2 z1", z1=Cause("missing_derivative", op="sigmoid")),
        mistake("W1 is the transpose, by the convention",
                {**CONVENTION, "dW1": lambda v: v.x @ v.dz1.T / m(v)}, conventions=TIMES_M,
                W1="transpose"),
        mistake("db2 is not summed, by the convention",
                {**CONVENTION, "db2": lambda v: v.dz2 / m(v)}, conventions=TIMES_M,
                b2="missing_sum"),
        mistake("σ′ of z1 is missing, by the convention",
                {**CONVENTION, "dz1": lambda v: v.da1}, conventions="a3 z3 a2 z2 a1",
                z1=Cause("missing_derivative", op="sigmoid")),
        mistake("σ′ of a2, by the convention",
                {**CONVENTION, "dz2": lambda v: v.da2 * sigmoid(v.a2) * (1 - sigmoid(v.a2))},
                conventions="a3 z3 a2", z2=Cause("derivative_at_output", op="sigmoid")),
        mistake("only the parameters, and the cost's 1/m is nowhere",
                {"da3": CONVENTION["da3"]}, given="W3 b3 W2 b2 W1 b1",
                **dict.fromkeys(["W3", "b3", "W2", "b2", "W1", "b1"], Cause("factor", factor=5))),
        mistake("only the parameters, and σ′ of z1 is missing", {"dz1": lambda v: v.da1},
                given="W3 b3 W2 b2 W1 b1",
                W1=Cause("missing_derivative", op="sigmoid"),
                b1=Cause("missing_derivative", op="sigmoid")),
    ],
    hidden: [
        mistake("the layer's own activation for the one before",
                {"dW2": lambda v: v.dz2 @ v.a2.T},
                W2=Cause("wrong_operand", used="a2", expected="a1")),
        mistake("z1 for a1", {"dW2": lambda v: v.dz2 @ v.z1.T},
                W2=Cause("wrong_operand", used="z1", expected="a1")),
        mistake("σ′ of the layer before", {"dz2": lambda v: v.da2 * v.a1 * (1 - v.a1)},
                z2="wrong_operand"),
        mistake("db1 and db2 change places",
                {"db2": lambda v: ((v.W2.T @ v.dz2) * v.a1 * (1 - v.a1)).sum(1, keepdims=True),
                 "db1": lambda v: v.dz2.sum(axis=1, keepdims=True)},
                b2="swapped", b1="swapped"),
        mistake("W2 is not transposed", {"da1": lambda v: v.W2 @ v.dz2},
                a1=Cause("transpose", "wrong_operand")),  # as in two_layer: the operand's transpose
        mistake("W2 after the update", {"da1": lambda v: (v.W2 - 0.1 * v.dW2).T @ v.dz2},
                a1=Cause("wrong_operand", expected="W2")),
    ],
    square: [
        mistake("W1 for W2", {"da1": lambda v: v.W1.T @ v.dz2},
                a1=Cause("wrong_operand", used="W1", expected="W2")),
        mistake("`*` for np.dot", {"da2": lambda v: v.W3.T * v.dz3}, a2="elementwise_for_matmul"),
        mistake("np.dot for `*`", {"dz2": lambda v: np.dot(v.da2, v.a2 * (1 - v.a2))},
                z2="elementwise_for_matmul"),
        mistake("W3 is transposed and W1's activation is not the input",
                {"dW3": lambda v: v.a2 @ v.dz3.T, "dW1": lambda v: v.dz1 @ v.a1.T},
                W3="transpose", W1=Cause("wrong_operand", used="a1", expected="x")),
    ],
    saturated: [
        mistake("0/0 in a saturated layer", {"dz1": lambda v: _zero_by_zero(v)}, z1="nonfinite"),
        mistake("σ′ of the saturated layer is missing", {"dz1": lambda v: v.da1},
                z1=Cause("missing_derivative", op="sigmoid")),
    ],
}  # fmt: skip


def _zero_by_zero(v: Values) -> Any:
    derivative = v.a1 * (1 - v.a1)
    tiny = derivative < 1e-12
    derivative[tiny] = np.nan
    return v.da1 * derivative
