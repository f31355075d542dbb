"""Linear and logistic regression, with a penalty on the weights, (m, 1) and (m,)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .derivation import Cause, Mistake, Model, Steps, Values, correct, mistake
from .functions import sigmoid

LAMBDA = 0.3


def m(v: Values) -> int:
    return len(v.x)


def ridge(v: Values, np: Any) -> None:
    v.p = v.x @ v.w + v.b
    v.r = v.p - v.y
    v.loss = np.mean(v.r**2) + LAMBDA * np.sum(v.w**2)
    v.earlier = np.mean((v.x0 @ v.w + v.b - v.y0) ** 2)


def residual_of_earlier(v: Values) -> Any:
    return v.x0 @ v.w + v.b - v.y0


RIDGE: Steps = {
    "dr": lambda v: 2 * v.r / m(v),
    "dp": lambda v: v.dr,
    "dw": lambda v: v.x.T @ v.dp + 2 * LAMBDA * v.w,
    "db": lambda v: v.dp.sum(axis=0),
}


def logistic(v: Values, np: Any) -> None:
    v.z = v.x @ v.w + v.b
    v.p = sigmoid(v.z)
    v.right = np.log(v.p)
    v.wrong = np.log(1 - v.p)
    v.nll = -np.mean(v.y * v.right + (1 - v.y) * v.wrong)
    v.penalty = LAMBDA / 2 * np.sum(v.w**2)
    v.loss = v.nll + v.penalty


LOGISTIC: Steps = {
    "dnll": lambda v: 1.0,
    "dpenalty": lambda v: 1.0,
    "dright": lambda v: -v.y / m(v),
    "dwrong": lambda v: -(1 - v.y) / m(v),
    "dp": lambda v: v.dright / v.p - v.dwrong / (1 - v.p),
    "dz": lambda v: v.dp * v.p * (1 - v.p),
    "dw": lambda v: v.x.T @ v.dz + LAMBDA * v.w,
    "db": lambda v: v.dz.sum(axis=0),
}


def _ridge_data(columns: tuple[int, ...]) -> Any:
    return lambda rng: {
        "x": rng.normal(size=(9, 4)),
        "y": rng.normal(size=(9, *columns)),
        "w": rng.normal(size=(4, *columns)),
        "b": rng.normal(size=columns or (1,)),
        "x0": rng.normal(size=(9, 4)),
        "y0": rng.normal(size=(9, *columns)),
    }


def _logistic_data(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "x": rng.normal(size=(8, 3)),
        "y": rng.integers(0, 2, size=8).astype(float),
        "w": rng.normal(size=3),
        "b": rng.normal(size=1),
    }


RIDGE_1D: Steps = {**RIDGE, "db": lambda v: v.dp.sum(keepdims=True)}
LOGISTIC_1D: Steps = {**LOGISTIC, "db": lambda v: v.dz.sum(keepdims=True)}

column = Model("ridge regression, (m, 1)", _ridge_data((1,)), ridge, RIDGE)
one_axis = Model("ridge regression, (m,)", _ridge_data(()), ridge, RIDGE_1D)
binary = Model("logistic regression, (m,)", _logistic_data, logistic, LOGISTIC_1D)

CORRECT = {
    column: [
        correct("step by step"),
        correct("the normal equations' form", {"dw": lambda v: 2 * (
            v.x.T @ v.x @ v.w / m(v) + v.x.T @ (v.b - v.y) / m(v) + LAMBDA * v.w)}, given="w b"),
        correct("1/m kept for the parameters",
                {"dr": lambda v: 2 * v.r,
                 "dw": lambda v: v.x.T @ v.dp / m(v) + 2 * LAMBDA * v.w,
                 "db": lambda v: v.dp.mean(axis=0)}, conventions="r p"),
        correct("the 2 of the square kept for the parameters",
                {"dr": lambda v: v.r / m(v),
                 "dw": lambda v: 2 * (v.x.T @ v.dp + LAMBDA * v.w),
                 "db": lambda v: 2 * v.dp.sum(axis=0)}, conventions="r p"),
    ],
    one_axis: [
        correct("step by step"),
        correct("a loop over features", {"dw": lambda v: np.array(
            [np.sum(v.x[:, j] * v.dp) + 2 * LAMBDA * v.w[j] for j in range(4)])}),
    ],
    binary: [
        correct("step by step"),
        correct("p − y in one step", {"dz": lambda v: (v.p - v.y) / m(v)}, given="z w b"),
        correct("p − y in one step, all else given", {"dz": lambda v: (v.p - v.y) / m(v)}),
        correct("arithmetic in float32", dtype=np.float32),
    ],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    column: [
        mistake("the square's 2 is missing", {"dr": lambda v: v.r / m(v)},
                r=Cause("factor", factor=1 / 2)),
        mistake("1/m is missing", {"dr": lambda v: 2 * v.r}, r=Cause("factor", factor=9)),
        mistake("2 and 1/m are missing", {"dr": lambda v: v.r}, r=Cause("factor", factor=9 / 2)),
        mistake("y − p", {"dr": lambda v: -2 * v.r / m(v)}, r="sign"),
        mistake("y − p without the 2", {"dr": lambda v: -v.r / m(v)},
                r=Cause("factor", factor=-1 / 2)),
        mistake("the penalty is forgotten", {"dw": lambda v: v.x.T @ v.dp}, w="missing_path"),
        mistake("the penalty counts twice",
                {"dw": lambda v: v.x.T @ v.dp + 4 * LAMBDA * v.w}, w="extra_path"),
        # One of two contributions is half as large; the table's factor is of the whole gradient.
        mistake("the penalty without its 2", {"dw": lambda v: v.x.T @ v.dp + LAMBDA * v.w},
                w=Cause("unknown", "factor")),
        mistake("the penalty is subtracted",
                {"dw": lambda v: v.x.T @ v.dp - 2 * LAMBDA * v.w}, w=Cause("unknown", "sign")),
        mistake("1/m comes from dr, and from dw and db again",
                {"dw": lambda v: v.x.T @ v.dp / m(v) + 2 * LAMBDA * v.w,
                 "db": lambda v: v.dp.mean(axis=0)},
                w=Cause("unknown", "factor"),  # in one contribution of two, as above
                b="missing_sum"),
        mistake("targets in one axis make a matrix of the errors",
                {"dr": lambda v: 2 * (v.p - v.y[:, 0]) / m(v),
                 "dp": lambda v: RIDGE["dr"](v)}, r="shape"),
        mistake("dr in one axis", {"dr": lambda v: 2 * v.r[:, 0] / m(v),
                                   "dp": lambda v: v.dr[:, None]}, r="shape"),
        mistake("dw in one axis", {"dw": lambda v: RIDGE["dw"](v)[:, 0]}, w="shape"),
        mistake("dw in a row", {"dw": lambda v: RIDGE["dw"](v).T}, w="transpose"),
        mistake("an earlier pass's gradient is still in dw",
                {"dw": lambda v: RIDGE["dw"](v)
                 + 2 * v.x0.T @ residual_of_earlier(v) / m(v)}, w="extra_path"),
        mistake("an earlier pass's gradient is still in db",
                {"db": lambda v: v.dp.sum(axis=0)
                 + 2 * residual_of_earlier(v).mean(axis=0)}, b="extra_path"),
        mistake("the gradient of the smooth part at other targets",
                {"dw": lambda v: v.x.T @ np.roll(v.dp, 1, axis=0) + 2 * LAMBDA * v.w},
                w="unknown"),
    ],
    one_axis: [
        mistake("p in a column", {"dp": lambda v: v.dr[:, None],
                                  "dw": lambda v: v.x.T @ v.dr + 2 * LAMBDA * v.w,
                                  "db": lambda v: v.dr.sum(keepdims=True)}, p="shape"),
        mistake("db is a number", {"db": lambda v: v.dp.sum()}, b="shape"),
        mistake("db is the mean", {"db": lambda v: v.dp.mean(keepdims=True)}, b="missing_sum"),
        mistake("only the parameters, the penalty forgotten", {"dw": lambda v: v.x.T @ v.dp},
                given="w b", w="missing_path"),
    ],
    binary: [
        mistake("1 − p is differentiated to 1",
                {"dp": lambda v: v.dright / v.p + v.dwrong / (1 - v.p)},
                p=Cause("missing_derivative", "sign")),  # −1, in one contribution of two
        mistake("the examples of class 0 teach nothing", {"dp": lambda v: v.dright / v.p},
                p="missing_path"),
        mistake("the loss's minus", {"dright": lambda v: v.y / m(v),
                                     "dwrong": lambda v: (1 - v.y) / m(v)},
                right="sign", wrong="sign"),
        mistake("1 − y for y", {"dright": lambda v: -(1 - v.y) / m(v)},
                # It is also the gradient of its neighbour: one array.
                right=Cause("wrong_operand", "swapped")),
        mistake("σ′ twice: p − y times p(1 − p)",
                {"dz": lambda v: (v.p - v.y) / m(v) * v.p * (1 - v.p)},
                z=Cause("extra_derivative", op="sigmoid")),
        mistake("σ′ of p", {"dz": lambda v: v.dp * sigmoid(v.p) * (1 - sigmoid(v.p))},
                z=Cause("derivative_at_output", op="sigmoid")),
        mistake("minus p − y, not over m, only z and w", {"dz": lambda v: v.y - v.p},
                given="z w b", z=Cause("factor", factor=-8)),
        mistake("infinite where a prediction is sure",
                {"dp": lambda v: np.where(np.arange(8) == 3, np.inf, v.dright / v.p
                                          - v.dwrong / (1 - v.p))},
                given="p", p="nonfinite"),
        mistake("the penalty's half is taken for none",
                {"dw": lambda v: v.x.T @ v.dz + 2 * LAMBDA * v.w},
                w="extra_path"),  # twice λw is also λw counted twice
    ],
}  # fmt: skip
