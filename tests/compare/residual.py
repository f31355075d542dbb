"""A residual block: layer norm, two layers, and the input added to what they give."""

from __future__ import annotations

from typing import Any

import numpy as np

from .derivation import Cause, Mistake, Model, Steps, Values, correct, mistake
from .functions import relu

EPS = 1e-5


def forward(v: Values, np: Any) -> None:
    v.mean = np.mean(v.x, axis=-1, keepdims=True)
    v.diff = v.x - v.mean
    v.var = np.mean(v.diff**2, axis=-1, keepdims=True)
    v.std = np.sqrt(v.var + EPS)
    v.xhat = v.diff / v.std
    v.norm = v.gamma * v.xhat + v.beta
    v.z = v.norm @ v.W1 + v.b1
    v.a = relu(v.z)
    v.branch = v.a @ v.W2 + v.b2
    v.out = v.x + v.branch
    v.loss = np.sum((v.out - v.y) ** 2) / len(v.x)


STEPS: Steps = {
    "dout": lambda v: 2 * (v.out - v.y) / len(v.x),
    "dbranch": lambda v: v.dout,
    "dW2": lambda v: v.a.T @ v.dbranch,
    "db2": lambda v: v.dbranch.sum(axis=0),
    "da": lambda v: v.dbranch @ v.W2.T,
    "dz": lambda v: v.da * (v.z > 0),
    "dW1": lambda v: v.norm.T @ v.dz,
    "db1": lambda v: v.dz.sum(axis=0),
    "dnorm": lambda v: v.dz @ v.W1.T,
    "dgamma": lambda v: (v.dnorm * v.xhat).sum(axis=0),
    "dbeta": lambda v: v.dnorm.sum(axis=0),
    "dxhat": lambda v: v.dnorm * v.gamma,
    "dstd": lambda v: -(v.dxhat * v.diff / v.std**2).sum(axis=-1, keepdims=True),
    "dvar": lambda v: v.dstd / (2 * v.std),
    "ddiff": lambda v: v.dxhat / v.std + v.dvar * 2 * v.diff / v.x.shape[-1],
    "dmean": lambda v: -v.ddiff.sum(axis=-1, keepdims=True),
    "dx": lambda v: v.dout + v.ddiff + v.dmean / v.x.shape[-1],
}


def layer_norm(v: Values, axis: int = -1) -> Any:
    """Return what reaches x through the layer norm, in one formula."""
    mean = v.dxhat.mean(axis=axis, keepdims=True)
    share = (v.dxhat * v.xhat).mean(axis=axis, keepdims=True)
    return (v.dxhat - mean - v.xhat * share) / v.std


def block(name: str, m: int, n: int, hidden: int, dtype: Any = np.float64) -> Model:
    return Model(
        f"residual block, {name}",
        lambda rng: {
            "x": rng.normal(size=(m, n)),
            "y": rng.normal(size=(m, n)),
            "gamma": rng.normal(size=n),
            "beta": rng.normal(size=n),
            "W1": rng.normal(size=(n, hidden)),
            "b1": rng.normal(size=hidden),
            "W2": rng.normal(size=(hidden, n)),
            "b2": rng.normal(size=n),
        },
        forward,
        STEPS,
        dtype,
    )


plain = block("four features", 6, 4, 7)
square = block("all sizes the same", 5, 5, 5)
single = block("float32", 7, 4, 6, np.float32)

THROUGH_NORM: Steps = {"dx": lambda v: v.dout + layer_norm(v)}
PARAMETERS = "W2 b2 W1 b1 gamma beta"

CORRECT = {
    plain: [
        correct("every step"),
        correct("layer norm in one formula, its steps not given", THROUGH_NORM,
                given=f"out branch a z norm xhat x {PARAMETERS}"),
        correct("layer norm in one formula, its steps given as well", THROUGH_NORM),
        correct("only the parameters and the input", given=f"x {PARAMETERS}"),
        correct("arithmetic in float32", dtype=np.float32),
    ],
    square: [correct("every step")],
    single: [correct("every step"), correct("layer norm in one formula", THROUGH_NORM)],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    plain: [
        mistake("the way around the block is forgotten",
                {"dx": lambda v: v.ddiff + v.dmean / 4}, x="missing_path"),
        mistake("only the way around the block", {"dx": lambda v: v.dout}, x="missing_path"),
        mistake("the mean is a constant", {"dx": lambda v: v.dout + v.ddiff}, x="missing_path"),
        mistake("the way around the block counts twice",
                {"dx": lambda v: 2 * v.dout + layer_norm(v)}, x="extra_path"),
        mistake("the branch's gradient is added twice",
                {"dx": lambda v: v.dout + 2 * (v.ddiff + v.dmean / 4)},
                x=Cause("extra_path", "unknown")),  # two of three contributions are counted twice
        mistake("normed over the examples", {"dx": lambda v: v.dout + layer_norm(v, axis=0)},
                given=f"out branch a z norm xhat x {PARAMETERS}", x="unknown"),
        mistake("the square root's ½ is missing", {"dvar": lambda v: v.dstd / v.std},
                var=Cause("factor", factor=2)),
        mistake("the square root's derivative is missing", {"dvar": lambda v: v.dstd},
                var=Cause("missing_derivative", op="sqrt")),
        mistake("a quotient's minus", {"dstd": lambda v: -STEPS["dstd"](v)}, std="sign"),
        mistake("a quotient's square",
                {"dstd": lambda v: -(v.dxhat * v.diff / v.std).sum(axis=-1, keepdims=True)},
                std=Cause("unknown", "wrong_operand")),  # diff / std for x̂ / std
        mistake("the variance is a constant", {"ddiff": lambda v: v.dxhat / v.std},
                diff="missing_path"),
        mistake("dmean is averaged", {"dmean": lambda v: -v.ddiff.mean(axis=-1, keepdims=True)},
                mean="missing_sum"),
        mistake("γ is missing", {"dxhat": lambda v: v.dnorm},
                xhat=Cause("missing_derivative", op="multiply")),
        mistake("norm for x̂ in dγ", {"dgamma": lambda v: (v.dnorm * v.norm).sum(axis=0)},
                gamma=Cause("wrong_operand", used="norm", expected="xhat")),
        mistake("x for norm in dW1", {"dW1": lambda v: v.x.T @ v.dz},
                W1=Cause("wrong_operand", used="x", expected="norm")),
        mistake("x̂ for norm in dW1", {"dW1": lambda v: v.xhat.T @ v.dz},
                W1=Cause("wrong_operand", used="xhat", expected="norm")),
        mistake("dγ is not summed, and neither is dβ",
                {"dgamma": lambda v: v.dnorm * v.xhat, "dbeta": lambda v: v.dnorm},
                gamma="missing_sum", beta="missing_sum"),
        mistake("ReLU's derivative missing, the way around forgotten",
                {"dz": lambda v: v.da, "dx": lambda v: v.ddiff + v.dmean / 4},
                z=Cause("missing_derivative", op="relu"), x="missing_path"),
        mistake("only parameters and x: the way around is forgotten",
                {"dx": lambda v: v.ddiff + v.dmean / 4}, given=f"out x {PARAMETERS}",
                x="missing_path"),
        mistake("only parameters and x: γ is missing", {"dxhat": lambda v: v.dnorm},
                given=f"out norm x {PARAMETERS}", x=Cause("missing_derivative", op="multiply")),
    ],
    square: [
        mistake("W2 for W1", {"dnorm": lambda v: v.dz @ v.W2.T},
                norm=Cause("wrong_operand", used="W2", expected="W1")),
        mistake("dγ and dβ change places",
                {"dgamma": STEPS["dbeta"], "dbeta": STEPS["dgamma"]},
                gamma=Cause("swapped", "missing_derivative"),  # without x̂, it is dβ: the same
                beta=Cause("swapped", "extra_derivative")),  # with x̂, it is dγ: the same
        mistake("dW2 is the transpose", {"dW2": lambda v: v.dbranch.T @ v.a}, W2="transpose"),
        mistake("z for a in dW2, `*` for `@` in da",
                {"dW2": lambda v: v.z.T @ v.dbranch, "da": lambda v: v.dbranch * v.W2.T},
                W2=Cause("wrong_operand", used="z", expected="a"), a="elementwise_for_matmul"),
    ],
    single: [
        mistake("the way around the block is forgotten, in float32",
                {"dx": lambda v: v.ddiff + v.dmean / 4}, x="missing_path"),
        mistake("2 is missing, in float32", {"dout": lambda v: (v.out - v.y) / 7},
                out=Cause("factor", factor=1 / 2)),
    ],
}  # fmt: skip
