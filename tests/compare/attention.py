"""One head of attention: softmax(Q Kᵀ / √d) V, projected from the same input, causal or not."""

from __future__ import annotations

from typing import Any

import numpy as np

from .derivation import Cause, Mistake, Model, Steps, Values, correct, mistake
from .functions import softmax


def forward(v: Values, np: Any) -> None:
    v.Q = v.x @ v.WQ
    v.K = v.x @ v.WK
    v.V = v.x @ v.WV
    v.S = v.Q @ np.swapaxes(v.K, -1, -2) / v.WQ.shape[1] ** 0.5
    v.A = softmax(v.S)
    v.O = v.A @ v.V
    v.loss = np.sum((v.O - v.y) ** 2)


def root_d(v: Values) -> float:
    return float(np.sqrt(v.Q.shape[-1]))


def T(a: Any) -> Any:
    return np.swapaxes(a, -1, -2)


def rows(a: Any) -> Any:
    """All rows of a batch under one another."""
    return a.reshape(-1, a.shape[-1])


STEPS: Steps = {
    "dO": lambda v: 2 * (v.O - v.y),
    "dA": lambda v: v.dO @ T(v.V),
    "dV": lambda v: T(v.A) @ v.dO,
    "dS": lambda v: v.A * (v.dA - (v.dA * v.A).sum(axis=-1, keepdims=True)),
    "dQ": lambda v: v.dS @ v.K / root_d(v),
    "dK": lambda v: T(v.dS) @ v.Q / root_d(v),
    "dWQ": lambda v: rows(v.x).T @ rows(v.dQ),
    "dWK": lambda v: rows(v.x).T @ rows(v.dK),
    "dWV": lambda v: rows(v.x).T @ rows(v.dV),
    "dx": lambda v: v.dQ @ v.WQ.T + v.dK @ v.WK.T + v.dV @ v.WV.T,
}


def head(name: str, batch: tuple[int, ...], time: int, n: int, d: int, out: int) -> Model:
    return Model(
        f"attention, {name}",
        lambda rng: {
            "x": rng.normal(size=(*batch, time, n)),
            "y": rng.normal(size=(*batch, time, out)),
            "WQ": rng.normal(size=(n, d)),
            "WK": rng.normal(size=(n, d)),
            "WV": rng.normal(size=(n, out)),
        },
        forward,
        STEPS,
    )


plain = head("one sequence", (), 5, 4, 3, 2)
batched = head("a batch of sequences", (2,), 5, 4, 3, 3)
square = head("all sizes the same", (), 4, 4, 4, 4)


def _jacobians(v: Values) -> Any:
    """Multiply by each row's Jacobian, diag(a) − a aᵀ."""
    return np.stack([(np.diag(a) - np.outer(a, a)) @ da for a, da in zip(v.A, v.dA, strict=True)])


CORRECT = {
    plain: [
        correct("every step"),
        correct("softmax by its Jacobians", {"dS": _jacobians}),
        correct("1/√d kept for dQ and dK, S given before it",
                {"dQ": lambda v: v.dS @ (v.K / root_d(v)),
                 "dK": lambda v: T(v.Q / root_d(v)).dot(v.dS).T}),
        correct("only the weights", given="WQ WK WV"),
        correct("only V, S and x", given="V S x"),
    ],
    batched: [
        correct("every step"),
        correct("einsum", {"dWQ": lambda v: np.einsum("bti,btd->id", v.x, v.dQ),
                           "dA": lambda v: np.einsum("btd,bsd->bts", v.dO, v.V)}),
        correct("arithmetic in float32", dtype=np.float32),
    ],
    square: [correct("every step")],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    plain: [
        mistake("1/√d is missing in dQ", {"dQ": lambda v: v.dS @ v.K},
                Q=Cause("factor", factor=3**0.5)),
        mistake("1/√d is missing in both", {"dQ": lambda v: v.dS @ v.K,
                                            "dK": lambda v: T(v.dS) @ v.Q},
                Q=Cause("factor", factor=3**0.5), K=Cause("factor", factor=3**0.5)),
        mistake("1/d for 1/√d", {"dK": lambda v: T(v.dS) @ v.Q / v.Q.shape[-1]},
                K=Cause("factor", factor=3**-0.5)),
        mistake("softmax's derivative is missing", {"dS": lambda v: v.dA},
                S=Cause("missing_derivative", op="softmax")),
        mistake("only the weights, and softmax's derivative is missing", {"dS": lambda v: v.dA},
                given="WQ WK WV", WQ=Cause("missing_derivative", op="softmax"),
                WK=Cause("missing_derivative", op="softmax")),
        mistake("only the weights, and 1/√d is missing",
                {"dQ": lambda v: v.dS @ v.K, "dK": lambda v: T(v.dS) @ v.Q}, given="WQ WK WV",
                WQ=Cause("factor", factor=3**0.5), WK=Cause("factor", factor=3**0.5)),
        # Only the diagonal of the Jacobian, inside one operation: the table has no name for it.
        mistake("softmax is differentiated elementwise, as σ is",
                {"dS": lambda v: v.dA * v.A * (1 - v.A)}, S=Cause("unknown", "missing_path")),
        mistake("softmax's sum is forgotten", {"dS": lambda v: v.dA * v.A},
                S=Cause("unknown", "missing_path")),  # as above, inside one operation
        mistake("softmax's sum is over the queries",
                {"dS": lambda v: v.A * (v.dA - (v.dA * v.A).sum(axis=0, keepdims=True))},
                S="unknown"),
        mistake("the values' share of x is forgotten",
                {"dx": lambda v: v.dQ @ v.WQ.T + v.dK @ v.WK.T}, x="missing_path"),
        mistake("`=` for `+=`: only the queries' share of x", {"dx": lambda v: v.dQ @ v.WQ.T},
                x="missing_path"),
        mistake("the keys' share of x counts twice",
                {"dx": lambda v: STEPS["dx"](v) + v.dK @ v.WK.T}, x="extra_path"),
        mistake("x is fed the queries' gradient through the keys' weights",
                {"dx": lambda v: (v.dQ + v.dK) @ v.WK.T + v.dV @ v.WV.T},
                x=Cause("wrong_operand", used="WK", expected="WQ")),
        mistake("A is not transposed", {"dV": lambda v: v.A @ v.dO},
                V=Cause("transpose", "wrong_operand")),  # the operand's transpose, as in two_layer
        mistake("Q's gradient for K's in dWK", {"dWK": lambda v: v.x.T @ v.dQ},
                WK=Cause("swapped", "wrong_operand")),  # dQ for dK, which makes it dWQ
        mistake("dWV is the transpose, dS has the wrong sign",
                {"dS": lambda v: -STEPS["dS"](v), "dWV": lambda v: v.dV.T @ v.x},
                S="sign", WV="transpose"),
    ],
    batched: [
        mistake("dWQ is not summed over the batch", {"dWQ": lambda v: T(v.x) @ v.dQ},
                WQ="missing_sum"),
        mistake("dWK is averaged over the batch",
                {"dWK": lambda v: (T(v.x) @ v.dK).mean(axis=0)}, WK="missing_sum"),
        mistake("S is transposed in each of the batch", {"dS": lambda v: T(STEPS["dS"](v))},
                S="transpose"),
        mistake("keys for queries", {"dK": lambda v: T(v.dS) @ v.K / root_d(v)},
                K=Cause("wrong_operand", used="K", expected="Q")),
        mistake("dA has the axes of batch and time in another order",
                {"dA": lambda v: np.moveaxis(STEPS["dA"](v), 0, -1),
                 "dS": lambda v: v.A * (np.moveaxis(v.dA, -1, 0)
                                        - (np.moveaxis(v.dA, -1, 0) * v.A).sum(-1, keepdims=True))},
                A="transpose"),
    ],
    square: [
        mistake("dS is not transposed", {"dK": lambda v: v.dS @ v.Q / root_d(v)},
                K=Cause("transpose", "wrong_operand")),  # the operand's transpose, as in two_layer
        mistake("V for K", {"dQ": lambda v: v.dS @ v.V / root_d(v)},
                Q=Cause("wrong_operand", used="V", expected="K")),
        mistake("Q and K change places", {"dQ": STEPS["dK"], "dK": STEPS["dQ"]},
                Q="swapped", K="swapped"),
        mistake("`*` for `@` in dA", {"dA": lambda v: v.dO * v.V.T}, A="elementwise_for_matmul"),
        mistake("V is not transposed, and softmax's derivative is missing",
                {"dA": lambda v: v.dO @ v.V, "dS": lambda v: v.dA},
                A=Cause("transpose", "wrong_operand"), S="missing_derivative"),
    ],
}  # fmt: skip
