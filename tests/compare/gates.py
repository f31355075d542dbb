"""A gated recurrent unit: elementwise products, and a state that is used four times."""

from __future__ import annotations

from typing import Any

import numpy as np

from .derivation import Cause, Mistake, Model, Steps, Values, correct, mistake
from .functions import sigmoid


def forward(v: Values, np: Any) -> None:
    v.zu = v.x @ v.Wu + v.h @ v.Uu
    v.u = sigmoid(v.zu)
    v.zr = v.x @ v.Wr + v.h @ v.Ur
    v.r = sigmoid(v.zr)
    v.kept = v.r * v.h
    v.zc = v.x @ v.Wc + v.kept @ v.Uc
    v.c = np.tanh(v.zc)
    v.new = (1 - v.u) * v.h + v.u * v.c
    v.loss = np.sum(v.new * v.y)


STEPS: Steps = {
    "dnew": lambda v: v.y,
    "dc": lambda v: v.dnew * v.u,
    "du": lambda v: v.dnew * (v.c - v.h),
    "dzc": lambda v: v.dc * (1 - v.c**2),
    "dWc": lambda v: v.x.T @ v.dzc,
    "dUc": lambda v: v.kept.T @ v.dzc,
    "dkept": lambda v: v.dzc @ v.Uc.T,
    "dr": lambda v: v.dkept * v.h,
    "dzr": lambda v: v.dr * v.r * (1 - v.r),
    "dWr": lambda v: v.x.T @ v.dzr,
    "dUr": lambda v: v.h.T @ v.dzr,
    "dzu": lambda v: v.du * v.u * (1 - v.u),
    "dWu": lambda v: v.x.T @ v.dzu,
    "dUu": lambda v: v.h.T @ v.dzu,
    "dh": lambda v: v.dnew * (1 - v.u) + v.dkept * v.r + v.dzr @ v.Ur.T + v.dzu @ v.Uu.T,
    "dx": lambda v: v.dzc @ v.Wc.T + v.dzr @ v.Wr.T + v.dzu @ v.Wu.T,
}


def unit(name: str, m: int, n: int, hidden: int, dtype: Any = np.float64) -> Model:
    return Model(
        f"gated unit, {name}",
        lambda rng: {
            "x": rng.normal(size=(m, n)),
            "h": rng.normal(size=(m, hidden)),
            "y": rng.normal(size=(m, hidden)),
            **{f"W{gate}": rng.normal(size=(n, hidden)) for gate in "urc"},
            **{f"U{gate}": rng.normal(size=(hidden, hidden)) for gate in "urc"},
        },
        forward,
        STEPS,
        dtype,
    )


plain = unit("(5, 3) to (5, 4)", 5, 3, 4)
square = unit("all sizes the same", 4, 4, 4)
single = unit("float32", 6, 3, 4, np.float32)

CORRECT = {
    plain: [
        correct("every step"),
        correct("the product rule term by term", {"du": lambda v: -v.dnew * v.h + v.dnew * v.c}),
        correct("only the weights", given="Wu Uu Wr Ur Wc Uc"),
        correct("only the gates", given="u r c h"),
        correct("arithmetic in float32", dtype=np.float32),
    ],
    square: [correct("every step")],
    single: [correct("every step")],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    plain: [
        mistake("u counts only where it lets the candidate in", {"du": lambda v: v.dnew * v.c},
                u="missing_path"),
        mistake("u counts only where it keeps the state", {"du": lambda v: -v.dnew * v.h},
                u="missing_path"),
        mistake("1 − u is differentiated to 1", {"du": lambda v: v.dnew * (v.c + v.h)},
                u=Cause("missing_derivative", "sign")),  # −1, in one contribution of two
        mistake("h − c for c − h", {"du": lambda v: v.dnew * (v.h - v.c)}, u="sign"),
        mistake("u is missing in dc", {"dc": lambda v: v.dnew},
                c=Cause("missing_derivative", op="multiply")),
        mistake("1 − u for u", {"dc": lambda v: v.dnew * (1 - v.u)}, c="wrong_operand"),
        mistake("r for h", {"dr": lambda v: v.dkept * v.r},
                r=Cause("wrong_operand", used="r", expected="h")),
        mistake("the state before is not multiplied in", {"dr": lambda v: v.dkept},
                r=Cause("missing_derivative", op="multiply")),
        mistake("h for the kept state", {"dUc": lambda v: v.h.T @ v.dzc},
                Uc=Cause("wrong_operand", used="h", expected="kept")),
        mistake("tanh′ for σ′", {"dzr": lambda v: v.dr * (1 - v.r**2)}, zr="unknown"),
        mistake("σ′ for tanh′", {"dzc": lambda v: v.dc * v.c * (1 - v.c)}, zc="unknown"),
        mistake("σ′ of the other gate", {"dzr": lambda v: v.dr * v.u * (1 - v.u)},
                zr="wrong_operand"),
        mistake("σ′ is missing in both gates", {"dzr": lambda v: v.dr, "dzu": lambda v: v.du},
                zr=Cause("missing_derivative", op="sigmoid"),
                zu=Cause("missing_derivative", op="sigmoid")),
        mistake("the state's direct way is forgotten",
                {"dh": lambda v: STEPS["dh"](v) - v.dnew * (1 - v.u)}, h="missing_path"),
        mistake("the state's way through the reset is forgotten",
                {"dh": lambda v: STEPS["dh"](v) - v.dkept * v.r}, h="missing_path"),
        mistake("the state's ways through both gates are forgotten",
                {"dh": lambda v: v.dnew * (1 - v.u) + v.dkept * v.r}, h="missing_path"),
        mistake("the update gate counts twice in the state",
                {"dh": lambda v: STEPS["dh"](v) + v.dzu @ v.Uu.T}, h="extra_path"),
        mistake("Ur for Uu in the state", {"dh": lambda v: v.dnew * (1 - v.u) + v.dkept * v.r
                                           + v.dzr @ v.Ur.T + v.dzu @ v.Ur.T},
                h=Cause("wrong_operand", used="Ur", expected="Uu")),
        mistake("dWr and dWu change places", {"dWr": lambda v: v.x.T @ (v.du * v.u * (1 - v.u)),
                                              "dWu": lambda v: v.x.T @ v.dzr},
                # Each is the other's, because it is made of the other's dz.
                Wr=Cause("swapped", "wrong_operand"), Wu=Cause("swapped", "wrong_operand")),
        mistake("the candidate's share of x is forgotten, and σ′ of the update gate is there twice",
                {"dzu": lambda v: v.du * (v.u * (1 - v.u)) ** 2,
                 "dx": lambda v: v.dzr @ v.Wr.T + v.dzu @ v.Wu.T},
                zu=Cause("extra_derivative", op="sigmoid"), x="missing_path"),
        mistake("three: sign of new, Uc transposed, x lacks a share",
                {"dnew": lambda v: -v.y, "dUc": lambda v: v.dzc.T @ v.kept,
                 "dx": lambda v: v.dzc @ v.Wc.T + v.dzu @ v.Wu.T},
                new="sign", Uc="transpose", x="missing_path"),
    ],
    square: [
        mistake("`@` for `*` in dr", {"dr": lambda v: v.dkept @ v.h}, r="elementwise_for_matmul"),
        mistake("`*` for `@` in dkept", {"dkept": lambda v: v.dzc * v.Uc.T},
                kept="elementwise_for_matmul"),
        mistake("Wc for Uc", {"dkept": lambda v: v.dzc @ v.Wc.T},
                kept=Cause("wrong_operand", used="Wc", expected="Uc")),
        mistake("x for h in dUu", {"dUu": lambda v: v.x.T @ v.dzu},
                Uu=Cause("swapped", "wrong_operand")),  # which makes it dWu
        mistake("Uc after the update", {"dkept": lambda v: v.dzc @ (v.Uc - 0.01 * v.dUc).T},
                kept=Cause("wrong_operand", expected="Uc")),
    ],
    single: [
        mistake("u counts only where it lets the candidate in, in float32",
                {"du": lambda v: v.dnew * v.c}, u="missing_path"),
        mistake("tanh′ is missing, in float32", {"dzc": lambda v: v.dc},
                zc=Cause("missing_derivative", op="tanh")),
    ],
}  # fmt: skip
