"""Networks of ready-made layers and losses, and an output that is no number."""

from __future__ import annotations

from typing import Any

import numpy as np

from .derivation import Cause, Mistake, Model, Steps, Values, correct, mistake
from .functions import bce_with_logits, linear, log_softmax, mse_loss, sigmoid


def regressor(v: Values, np: Any) -> None:
    v.z1 = linear(v.x, v.W1, v.b1)
    v.h1 = np.tanh(v.z1)
    v.z2 = linear(v.h1, v.W2, v.b2)
    v.h2 = np.tanh(v.z2)
    v.out = linear(v.h2, v.W3, v.b3)
    v.loss = mse_loss(v.out, v.y)


REGRESSOR: Steps = {
    "dout": lambda v: 2 * (v.out - v.y) / v.y.size,
    "dW3": lambda v: v.dout.T @ v.h2,
    "db3": lambda v: v.dout.sum(axis=0),
    "dh2": lambda v: v.dout @ v.W3,
    "dz2": lambda v: v.dh2 * (1 - v.h2**2),
    "dW2": lambda v: v.dz2.T @ v.h1,
    "db2": lambda v: v.dz2.sum(axis=0),
    "dh1": lambda v: v.dz2 @ v.W2,
    "dz1": lambda v: v.dh1 * (1 - v.h1**2),
    "dW1": lambda v: v.dz1.T @ v.x,
    "db1": lambda v: v.dz1.sum(axis=0),
}


def _regressor_data(n: int, hidden: int, out: int, examples: int) -> Any:
    sizes = [n, hidden, hidden, out]
    return lambda rng: {
        "x": rng.normal(size=(examples, n)),
        "y": rng.normal(size=(examples, out)),
        **{f"W{i}": rng.normal(size=(sizes[i], sizes[i - 1])) for i in (1, 2, 3)},
        **{f"b{i}": rng.normal(size=sizes[i]) for i in (1, 2, 3)},
    }


def detector(v: Values, np: Any) -> None:
    v.z1 = linear(v.x, v.W1, v.b1)
    v.h1 = sigmoid(v.z1)
    v.logits = linear(v.h1, v.W2, v.b2)
    v.loss = bce_with_logits(v.logits, v.y)


DETECTOR: Steps = {
    "dlogits": lambda v: (sigmoid(v.logits) - v.y) / v.y.size,
    "dW2": lambda v: v.dlogits.T @ v.h1,
    "db2": lambda v: v.dlogits.sum(axis=0),
    "dh1": lambda v: v.dlogits @ v.W2,
    "dz1": lambda v: v.dh1 * v.h1 * (1 - v.h1),
    "dW1": lambda v: v.dz1.T @ v.x,
    "db1": lambda v: v.dz1.sum(axis=0),
}


def log_probabilities(v: Values, np: Any) -> None:
    v.logits = linear(v.x, v.W, v.b)
    v.loss = log_softmax(v.logits)


LOG_PROBABILITIES: Steps = {
    "dlogits": lambda v: v.seed - np.exp(v.loss) * v.seed.sum(axis=1, keepdims=True),
    "dW": lambda v: v.dlogits.T @ v.x,
    "db": lambda v: v.dlogits.sum(axis=0),
    "dx": lambda v: v.dlogits @ v.W,
}

plain = Model("nn regressor", _regressor_data(3, 4, 2, 7), regressor, REGRESSOR)
square = Model(
    "nn regressor, all sizes the same", _regressor_data(4, 4, 4, 4), regressor, REGRESSOR
)
binary = Model(
    "nn detector of three things",
    lambda rng: {
        "x": rng.normal(size=(6, 4)),
        "y": rng.integers(0, 2, size=(6, 3)).astype(float),
        "W1": rng.normal(size=(5, 4)),
        "b1": rng.normal(size=5),
        "W2": rng.normal(size=(3, 5)),
        "b2": rng.normal(size=3),
    },
    detector,
    DETECTOR,
)
vector = Model(
    "log probabilities, with the gradient they get",
    lambda rng: {
        "x": rng.normal(size=(5, 4)),
        "W": rng.normal(size=(3, 4)),
        "b": rng.normal(size=3),
        "seed": rng.normal(size=(5, 3)),
    },
    log_probabilities,
    LOG_PROBABILITIES,
)

PARAMETERS = "W3 b3 W2 b2 W1 b1"

CORRECT = {
    plain: [
        correct("every step"),
        correct("only the parameters", given=PARAMETERS),
        correct("from the output to the first layer", given="out W1 b1"),
        correct("1/m is kept for the parameters, 1/outputs is not",
                {"dout": lambda v: 2 * (v.out - v.y) / 2,
                 **{f"dW{i}": lambda v, i=i: REGRESSOR[f"dW{i}"](v) / 7 for i in (1, 2, 3)},
                 **{f"db{i}": lambda v, i=i: REGRESSOR[f"db{i}"](v) / 7 for i in (1, 2, 3)}},
                conventions="out h2 z2 h1 z1"),
        correct("arithmetic in float32", dtype=np.float32),
    ],
    square: [correct("every step")],
    binary: [
        correct("every step"),
        correct("p − y by way of the probabilities", {"dlogits": lambda v: (
            -(v.y / sigmoid(v.logits) - (1 - v.y) / (1 - sigmoid(v.logits)))
            * sigmoid(v.logits) * (1 - sigmoid(v.logits)) / v.y.size)}),
    ],
    vector: [correct("every step"), correct("only W and b", given="W b")],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    plain: [
        mistake("2 is missing", {"dout": lambda v: (v.out - v.y) / v.y.size},
                out=Cause("factor", factor=1 / 2)),
        mistake("the mean is over examples only", {"dout": lambda v: 2 * (v.out - v.y) / 7},
                out=Cause("factor", factor=2)),
        mistake("the weights' shape is (in, out)", {"dW2": lambda v: v.h1.T @ v.dz2,
                                                    "dW1": lambda v: v.x.T @ v.dz1},
                W2="transpose", W1="transpose"),
        mistake("tanh′ of h2", {"dz2": lambda v: v.dh2 * (1 - np.tanh(v.h2) ** 2)},
                z2=Cause("derivative_at_output", op="tanh")),
        mistake("tanh′ is 1 − h", {"dz1": lambda v: v.dh1 * (1 - v.h1)}, z1="unknown"),
        mistake("tanh′ is h(1 − h), as σ′ is", {"dz1": lambda v: v.dh1 * v.h1 * (1 - v.h1)},
                z1="unknown"),
        mistake("h2 for h1 in tanh′", {"dz1": lambda v: v.dh1 * (1 - v.h2**2)},
                z1="wrong_operand"),
        mistake("h2 for h1 in dW2", {"dW2": lambda v: v.dz2.T @ v.h2},
                W2=Cause("wrong_operand", used="h2", expected="h1")),
        mistake("W2 is transposed", {"dh1": lambda v: v.dz2 @ v.W2.T},
                h1=Cause("transpose", "wrong_operand")),  # as in two_layer: the operand's transpose
        mistake("dW2 is for the layer after, and db1 not summed",
                {"dW2": lambda v: v.dh2.T @ v.h1, "db1": lambda v: v.dz1},
                W2=Cause("missing_derivative", "wrong_operand"),  # dz2 is dh2 with tanh′
                b1="missing_sum"),
        mistake("only the parameters, and the error's sign",
                {"dout": lambda v: -REGRESSOR["dout"](v)}, given=PARAMETERS,
                **dict.fromkeys(PARAMETERS.split(), Cause("sign"))),
        mistake("only the parameters, and tanh′ twice in z1",
                {"dz1": lambda v: v.dh1 * (1 - v.h1**2) ** 2}, given=PARAMETERS,
                W1=Cause("extra_derivative", op="tanh"), b1=Cause("extra_derivative", op="tanh")),
        mistake("2 is missing, and W3 is the transpose",
                {"dout": lambda v: (v.out - v.y) / v.y.size, "dW3": lambda v: v.h2.T @ v.dout},
                out=Cause("factor", factor=1 / 2), W3="transpose"),
    ],
    square: [
        mistake("dW3 for a weight of the shape (in, out)", {"dW3": lambda v: v.h2.T @ v.dout},
                W3="transpose"),
        mistake("W2 for W3", {"dh2": lambda v: v.dout @ v.W2},
                h2=Cause("wrong_operand", used="W2", expected="W3")),
        mistake("`*` for `@`", {"dh1": lambda v: v.dz2 * v.W2}, h1="elementwise_for_matmul"),
        mistake("z1 for h1", {"dW2": lambda v: v.dz2.T @ v.z1},
                W2=Cause("wrong_operand", used="z1", expected="h1")),
        mistake("db3 is summed over the outputs", {"db3": lambda v: v.dout.sum(axis=1)},
                b3=Cause("missing_sum", "unknown")),  # a sum over an axis that was not broadcast
    ],
    binary: [
        mistake("divided by the examples only",
                {"dlogits": lambda v: (sigmoid(v.logits) - v.y) / 6},
                logits=Cause("factor", factor=3)),
        mistake("the probability's derivative is there as well",
                {"dlogits": lambda v: DETECTOR["dlogits"](v) * sigmoid(v.logits)
                 * (1 - sigmoid(v.logits))},
                # The loss is one operation, and σ′ is not its derivative.
                logits=Cause("extra_derivative", "unknown")),
        mistake("logits for probabilities", {"dlogits": lambda v: (v.logits - v.y) / v.y.size},
                logits="unknown"),
        mistake("y − p, summed and not averaged", {"dlogits": lambda v: v.y - sigmoid(v.logits)},
                logits=Cause("factor", factor=-18)),
        mistake("σ′ is missing in z1, and db2 averaged",
                {"dz1": lambda v: v.dh1, "db2": lambda v: v.dlogits.mean(axis=0)},
                z1=Cause("missing_derivative", op="sigmoid"), b2="missing_sum"),
    ],
    vector: [
        # Within log_softmax, that is the share of log Σ exp left out.
        mistake("log_softmax passes all on", {"dlogits": lambda v: v.seed},
                logits=Cause("missing_derivative", "missing_path")),
        mistake("as if each row's gradients had the sum 1",
                {"dlogits": lambda v: v.seed - np.exp(v.loss)}, logits="unknown"),
        mistake("the sign", {"dlogits": lambda v: -LOG_PROBABILITIES["dlogits"](v)},
                logits="sign"),
        mistake("the transpose, and x without W", {"dW": lambda v: v.x.T @ v.dlogits,
                                                   "db": lambda v: v.dlogits},
                W="transpose", b="missing_sum"),
    ],
}  # fmt: skip
