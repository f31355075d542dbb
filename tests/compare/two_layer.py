"""The first tutorial's network: two sigmoid layers, no bias, sum of squared errors."""

from __future__ import annotations

from typing import Any

import autograd
import numpy as np

from .derivation import Cause, Mistake, Model, Steps, Values, correct, mistake
from .functions import sigmoid


def forward(v: Values, np: Any) -> None:
    v.z1 = v.x @ v.W1
    v.a1 = sigmoid(v.z1)
    v.z2 = v.a1 @ v.W2
    v.a2 = sigmoid(v.z2)
    v.error = v.y - v.a2
    v.loss = np.sum(v.error**2)


STEPS: Steps = {
    "derror": lambda v: 2 * v.error,
    "da2": lambda v: -v.derror,
    "dz2": lambda v: v.da2 * v.a2 * (1 - v.a2),
    "dW2": lambda v: v.a1.T @ v.dz2,
    "da1": lambda v: v.dz2 @ v.W2.T,
    "dz1": lambda v: v.da1 * v.a1 * (1 - v.a1),
    "dW1": lambda v: v.x.T @ v.dz1,
    "dx": lambda v: v.dz1 @ v.W1.T,
}

truth_table = Model(
    "two-layer sigmoid on the truth table",
    lambda rng: {
        "x": np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float),
        "y": np.array([[0], [1], [1], [0]], dtype=float),
        "W1": rng.random((3, 4)),
        "W2": rng.random((4, 1)),
    },
    forward,
    STEPS,
)


def sizes(m: int, n: int, hidden: int, out: int, name: str, dtype: Any = np.float64) -> Model:
    return Model(
        f"two-layer sigmoid, {name}",
        lambda rng: {
            "x": rng.normal(size=(m, n)),
            "y": rng.random((m, out)),
            "W1": rng.normal(size=(n, hidden)),
            "W2": rng.normal(size=(hidden, out)),
        },
        forward,
        STEPS,
        dtype,
    )


wide = sizes(6, 3, 5, 2, "no two sizes the same")
square = sizes(4, 4, 4, 4, "all sizes the same")
single = sizes(7, 3, 5, 2, "float32", np.float32)


def _loops(v: Values) -> Any:
    """Sum the outer products of one example after the other."""
    total = np.zeros_like(v.W1)
    for i in range(len(v.x)):
        total += np.outer(v.x[i], v.dz1[i])
    return total


def _complex_step(v: Values) -> Any:
    """Differentiate the loss with respect to W1 by an imaginary step of 1e-200."""
    gradient = np.zeros_like(v.W1)
    for index in np.ndindex(*v.W1.shape):
        W1 = v.W1.astype(complex)
        W1[index] += 1e-200j
        a2 = sigmoid(sigmoid(v.x @ W1) @ v.W2)
        gradient[index] = np.sum((v.y - a2) ** 2).imag / 1e-200
    return gradient


def _by_hips(v: Values) -> Any:
    def loss(W1: Any) -> Any:
        return ((v.y - sigmoid(sigmoid(v.x @ W1) @ v.W2)) ** 2).sum()

    return autograd.grad(loss)(v.W1)


CORRECT = {
    truth_table: [
        correct("as in the book"),
        correct("only the weights", given="W1 W2"),
        correct("every other intermediate", given="a2 a1 W1"),
        correct(
            "the chain of the last layer in one expression",
            {"dz2": lambda v: -2 * (v.y - v.a2) * (v.a2 - v.a2**2)},
            given="z2 W2 W1",
        ),
        correct("a product with one output written as an outer product",
                {"da1": lambda v: v.dz2 * v.W2.T}),
        correct("arithmetic in float32", dtype=np.float32),
    ],
    wide: [
        correct("as in the book"),
        correct("einsum", {"dW2": lambda v: np.einsum("mh,mo->ho", v.a1, v.dz2),
                           "da1": lambda v: np.einsum("mo,ho->mh", v.dz2, v.W2)}),
        correct("loops over examples", {"dW1": _loops}),
        correct("by complex steps", {"dW1": _complex_step}, given="W1"),
        correct("by another library", {"dW1": _by_hips}),
        correct("errors as target minus output, which the weights' gradients make up for",
                {"da2": lambda v: v.derror,
                 "dW2": lambda v: -v.a1.T @ v.dz2, "dW1": lambda v: -v.x.T @ v.dz1},
                given="a2 z2 W2 a1 z1 W1", conventions="a2 z2 a1 z1"),
        correct("one gradient is rounded to float32",
                {"dW1": lambda v: (v.x.T @ v.dz1).astype(np.float32)}),
        correct("σ′ by exponentials",
                {"dz1": lambda v: v.da1 * np.exp(-v.z1) / (1 + np.exp(-v.z1)) ** 2}),
        correct("arithmetic in float32", dtype=np.float32),
    ],
    square: [correct("as in the book")],
    single: [correct("as in the book")],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    truth_table: [
        mistake(
            "`weights += d_weights`: what the tutorial calls gradients is minus the gradients",
            {"dW2": lambda v: v.a1.T @ (-v.dz2), "dW1": lambda v: v.x.T @ (-v.dz1)},
            given="W1 W2",
            W2="sign",
            W1="sign",
        ),
        mistake("the square's 2 is missing", {"derror": lambda v: v.error},
                error=Cause("factor", factor=0.5)),
        mistake("y − a2 is differentiated as if it were a2 − y", {"da2": lambda v: v.derror},
                a2="sign"),
        mistake("σ′ of z2 is missing", {"dz2": lambda v: v.da2},
                z2=Cause("missing_derivative", op="sigmoid")),
        mistake("sigmoid_derivative, as calculus has it, is given the output",
                {"dz2": lambda v: v.da2 * sigmoid(v.a2) * (1 - sigmoid(v.a2))},
                z2=Cause("derivative_at_output", op="sigmoid")),
        mistake("x(1 − x) is given what goes into the sigmoid",
                {"dz1": lambda v: v.da1 * v.z1 * (1 - v.z1)},
                z1=Cause("derivative_at_output", op="sigmoid")),
        mistake("both derivatives are taken at the output",
                {"dz2": lambda v: v.da2 * sigmoid(v.a2) * (1 - sigmoid(v.a2)),
                 "dz1": lambda v: v.da1 * sigmoid(v.a1) * (1 - sigmoid(v.a1))},
                z2="derivative_at_output", z1="derivative_at_output"),
        mistake("σ′ of the layer after", {"dz1": lambda v: v.da1 * v.a2 * (1 - v.a2)},
                z1="wrong_operand"),
        mistake("dW1 is the transpose", {"dW1": lambda v: v.dz1.T @ v.x}, W1="transpose"),
        mistake("dW2 is the transpose", {"dW2": lambda v: v.dz2.T @ v.a1}, W2="transpose"),
        mistake("W2 after the update",
                {"da1": lambda v: v.dz2 @ (v.W2 - 0.5 * v.dW2).T},
                a1=Cause("wrong_operand", expected="W2")),
        mistake("one element is off", {"dW1": lambda v: _nudged(v)},
                W1="unknown"),
    ],
    wide: [
        mistake("the gradient of a mean where the loss is a sum",
                {"derror": lambda v: 2 * v.error / v.error.size},
                error=Cause("factor", factor=1 / 12)),
        mistake("σ′ of z1 is missing", {"dz1": lambda v: v.da1},
                z1=Cause("missing_derivative", op="sigmoid")),
        mistake("σ′ of z1 is there twice", {"dz1": lambda v: v.da1 * (v.a1 * (1 - v.a1)) ** 2},
                z1=Cause("extra_derivative", op="sigmoid")),
        # A part of the derivative is missing, which the table doesn't tell from all of it.
        mistake("half of σ′: a for a(1 − a)", {"dz2": lambda v: v.da2 * v.a2},
                z2=Cause("unknown", "missing_derivative")),
        mistake("two derivatives are missing",
                {"dz2": lambda v: v.da2, "dz1": lambda v: v.da1},
                z2="missing_derivative", z1="missing_derivative"),
        mistake("only the weights, and σ′ of z2 is missing in both",
                {"dz2": lambda v: v.da2}, given="W2 W1",
                W2=Cause("missing_derivative", op="sigmoid"),
                W1=Cause("missing_derivative", op="sigmoid")),
        mistake("only the weights, and σ′ of z1 is missing", {"dz1": lambda v: v.da1},
                given="W2 W1", W1=Cause("missing_derivative", op="sigmoid")),
        mistake("only the weights, and the square's 2 is missing",
                {"derror": lambda v: v.error}, given="W2 W1",
                W2=Cause("factor", factor=1 / 2), W1=Cause("factor", factor=1 / 2)),
        mistake("only the weights, and σ′ of a1",
                {"dz1": lambda v: v.da1 * sigmoid(v.a1) * (1 - sigmoid(v.a1))},
                given="W2 W1", W1=Cause("derivative_at_output", op="sigmoid")),
        mistake("σ′ of z2 is missing, in arithmetic in float32", {"dz2": lambda v: v.da2},
                dtype=np.float32, z2=Cause("missing_derivative", op="sigmoid")),
        mistake("transposed, in arithmetic in float32", {"dW1": lambda v: v.dz1.T @ v.x},
                dtype=np.float32, W1="transpose"),
        mistake("transposed, and with the wrong sign", {"dW1": lambda v: -(v.dz1.T @ v.x)},
                W1=Cause("transpose", "sign")),
        mistake("σ′ missing, W1 transposed, and W2 with the wrong sign",
                {"dz2": lambda v: v.da2, "dW2": lambda v: -v.a1.T @ v.dz2,
                 "dW1": lambda v: v.dz1.T @ v.x},
                z2="missing_derivative", W2="sign", W1="transpose"),
        mistake("dW1 is reshaped where it should be transposed",
                {"dW1": lambda v: (v.dz1.T @ v.x).reshape(v.W1.shape)}, W1="unknown"),
    ],
    square: [
        mistake("W1 for W2", {"da1": lambda v: v.dz2 @ v.W1.T},
                a1=Cause("wrong_operand", used="W1", expected="W2")),
        mistake("only the weights, and W1 for W2", {"da1": lambda v: v.dz2 @ v.W1.T},
                given="W2 W1", W1=Cause("wrong_operand", used="W1", expected="W2")),
        mistake("the input for the activation", {"dW2": lambda v: v.x.T @ v.dz2},
                W2=Cause("wrong_operand", used="x", expected="a1")),
        mistake("z1 for a1", {"dW2": lambda v: v.z1.T @ v.dz2},
                W2=Cause("wrong_operand", used="z1", expected="a1")),
        mistake("`*` for `@`", {"da1": lambda v: v.dz2 * v.W2.T}, a1="elementwise_for_matmul"),
        mistake("`*` for `@` in the weights' gradient", {"dW1": lambda v: v.x.T * v.dz1},
                W1="elementwise_for_matmul"),
        mistake("`@` for `*`", {"dz1": lambda v: v.da1 @ (v.a1 * (1 - v.a1))},
                z1="elementwise_for_matmul"),
        mistake("dW2 is the transpose, and nothing shows in its shape",
                {"dW2": lambda v: v.dz2.T @ v.a1}, W2="transpose"),
        mistake("dW1 and dW2 change places",
                {"dW2": lambda v: v.x.T @ ((v.dz2 @ v.W2.T) * v.a1 * (1 - v.a1)),
                 "dW1": lambda v: v.a1.T @ v.dz2},
                W2="swapped", W1="swapped"),
        # The table says of the gradient that it is transposed, and of an operand that it is
        # another: an operand that lacks its transpose is between the two.
        mistake("W2 is not transposed", {"da1": lambda v: v.dz2 @ v.W2},
                a1=Cause("transpose", "wrong_operand")),
        mistake("a1 is not transposed", {"dW2": lambda v: v.a1 @ v.dz2},
                W2=Cause("transpose", "wrong_operand")),
        # What is multiplied is one step too early: dz1 is da1 without σ′.
        mistake("da1 for dz1", {"dW1": lambda v: v.x.T @ v.da1},
                W1=Cause("missing_derivative", "wrong_operand")),
    ],
    single: [
        mistake("σ′ of z2 is missing, in float32", {"dz2": lambda v: v.da2},
                z2=Cause("missing_derivative", op="sigmoid")),
        mistake("the square's 2 is missing, in float32", {"derror": lambda v: v.error},
                error=Cause("factor", factor=0.5)),
        mistake("dW1 is the transpose, in float32", {"dW1": lambda v: v.dz1.T @ v.x},
                W1="transpose"),
    ],
}  # fmt: skip


def _nudged(v: Values) -> Any:
    dW1 = v.x.T @ v.dz1
    dW1[1, 2] += 0.01
    return dW1
