"""A layer with batch norm, every step of it by hand, and in one formula."""

from __future__ import annotations

from typing import Any

import numpy as np

from .derivation import Cause, Mistake, Model, Steps, Values, correct, mistake

EPS = 1e-5


def forward(v: Values, np: Any) -> None:
    m = v.x.shape[0]
    v.h = v.x @ v.W + v.b
    v.mean = np.mean(v.h, axis=0, keepdims=True)
    v.diff = v.h - v.mean
    v.squares = v.diff**2
    v.var = np.sum(v.squares, axis=0, keepdims=True) / (m - 1)
    v.istd = (v.var + EPS) ** -0.5
    v.xhat = v.diff * v.istd
    v.out = v.gamma * v.xhat + v.beta
    v.a = np.tanh(v.out)
    v.loss = v.scale * np.mean((v.a - v.y) ** 2)


def m(v: Values) -> int:
    return len(v.x)


STEPS: Steps = {
    "da": lambda v: v.scale * 2 * (v.a - v.y) / v.y.size,
    "dout": lambda v: v.da * (1 - v.a**2),
    "dgamma": lambda v: (v.dout * v.xhat).sum(axis=0, keepdims=True),
    "dbeta": lambda v: v.dout.sum(axis=0, keepdims=True),
    "dxhat": lambda v: v.dout * v.gamma,
    "distd": lambda v: (v.dxhat * v.diff).sum(axis=0, keepdims=True),
    "dvar": lambda v: -0.5 * (v.var + EPS) ** -1.5 * v.distd,
    "dsquares": lambda v: np.ones_like(v.squares) * v.dvar / (m(v) - 1),
    "ddiff": lambda v: v.dxhat * v.istd + 2 * v.diff * v.dsquares,
    "dmean": lambda v: -v.ddiff.sum(axis=0, keepdims=True),
    "dh": lambda v: v.ddiff + v.dmean / m(v),
    "dW": lambda v: v.x.T @ v.dh,
    "db": lambda v: v.dh.sum(axis=0),
    "dx": lambda v: v.dh @ v.W.T,
}


def one_formula(v: Values, n: int | None = None) -> Any:
    """Return dh from dout in one expression; Bessel's correction makes n = m − 1."""
    n = m(v) - 1 if n is None else n
    share = v.xhat * (v.dout * v.xhat).sum(axis=0) / n
    return v.gamma * v.istd * (v.dout - v.dout.mean(axis=0) - share)


def layer(name: str, scale: float = 1.0, dtype: Any = np.float64, width: int = 3) -> Model:
    return Model(
        f"batch norm, {name}",
        lambda rng: {
            "x": rng.normal(size=(8, 5)),
            "y": rng.normal(size=(8, width)),
            "W": rng.normal(size=(5, width)),
            "b": rng.normal(size=width),
            "gamma": rng.normal(size=(1, width)),
            "beta": rng.normal(size=(1, width)),
            "scale": np.array(scale),
        },
        forward,
        STEPS,
        dtype,
    )


plain = layer("(8, 5) to (8, 3)")
tiny = layer("gradients of 1e-12", 1e-12)
huge = layer("gradients of 1e+8", 1e8)
single = layer("float32", dtype=np.float32, width=4)

CORRECT = {
    plain: [
        correct("every step"),
        correct("dh in one formula", {"dh": one_formula}, given="out gamma beta h W b"),
        correct("dh in one formula, every other step given as well", {"dh": one_formula}),
        correct("the bias is exactly 0, as theory has it", {"db": lambda v: np.zeros(3)}),
        correct("the variance's path to the mean left out, since it is 0",
                {"dmean": lambda v: -(v.dxhat * v.istd).sum(axis=0, keepdims=True)}),
        correct("some intermediates", given="out xhat diff W"),
        correct("arithmetic in float32", dtype=np.float32),
    ],
    tiny: [correct("every step"), correct("dh in one formula", {"dh": one_formula})],
    huge: [correct("every step"), correct("dh in one formula", {"dh": one_formula})],
    single: [correct("every step"), correct("dh in one formula", {"dh": one_formula})],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    plain: [
        mistake("the mean is over examples only, not over elements",
                {"da": lambda v: 2 * (v.a - v.y) / m(v)}, a=Cause("factor", factor=3)),
        mistake("tanh′ is missing", {"dout": lambda v: v.da},
                out=Cause("missing_derivative", op="tanh")),
        mistake("1 − x² is given what goes into tanh", {"dout": lambda v: v.da * (1 - v.out**2)},
                out=Cause("derivative_at_output", op="tanh")),
        # Without x̂ it is β's gradient: one array, two readings.
        mistake("x̂ is missing in dγ", {"dgamma": lambda v: v.dout.sum(axis=0, keepdims=True)},
                gamma=Cause("missing_derivative", "swapped")),
        mistake("h for x̂ in dγ", {"dgamma": lambda v: (v.dout * v.h).sum(axis=0, keepdims=True)},
                gamma=Cause("wrong_operand", used="h", expected="xhat")),
        mistake("dγ is not summed", {"dgamma": lambda v: v.dout * v.xhat}, gamma="missing_sum"),
        mistake("dβ is averaged", {"dbeta": lambda v: v.dout.mean(axis=0, keepdims=True)},
                beta="missing_sum"),
        mistake("dβ without keepdims", {"dbeta": lambda v: v.dout.sum(axis=0)}, beta="shape"),
        mistake("γ is missing", {"dxhat": lambda v: v.dout},
                xhat=Cause("missing_derivative", op="multiply")),
        mistake("β for γ", {"dxhat": lambda v: v.dout * v.beta},
                xhat=Cause("wrong_operand", used="beta", expected="gamma")),
        mistake("h for h − mean", {"distd": lambda v: (v.dxhat * v.h).sum(axis=0, keepdims=True)},
                istd=Cause("wrong_operand", used="h", expected="diff")),
        mistake("x̂ for h − mean",
                {"distd": lambda v: (v.dxhat * v.xhat).sum(axis=0, keepdims=True)},
                istd=Cause("wrong_operand", used="xhat", expected="diff")),
        mistake("the power's −½ is missing", {"dvar": lambda v: (v.var + EPS) ** -1.5 * v.distd},
                var=Cause("factor", factor=-2)),
        mistake("the power's minus is missing", {"dvar": lambda v: -STEPS["dvar"](v)}, var="sign"),
        mistake("the exponent stays −½",
                {"dvar": lambda v: -0.5 * (v.var + EPS) ** -0.5 * v.distd}, var="unknown"),
        mistake("the power's derivative is missing", {"dvar": lambda v: v.distd},
                var=Cause("missing_derivative", op="power")),
        mistake("1/m for 1/(m − 1)",
                {"dsquares": lambda v: np.ones_like(v.squares) * v.dvar / m(v)},
                squares=Cause("factor", factor=7 / 8)),
        mistake("1/(m − 1) is missing", {"dsquares": lambda v: np.ones_like(v.squares) * v.dvar},
                squares=Cause("factor", factor=7)),
        mistake("the variance is a constant", {"ddiff": lambda v: v.dxhat * v.istd},
                diff="missing_path"),
        mistake("h − mean counts only in the variance",
                {"ddiff": lambda v: 2 * v.diff * v.dsquares}, diff="missing_path"),
        # One of two contributions is half as large; the table's factor is of the whole gradient.
        mistake("the square's 2 is missing",
                {"ddiff": lambda v: v.dxhat * v.istd + v.diff * v.dsquares},
                diff=Cause("unknown", "factor")),
        mistake("the mean is a constant", {"dh": lambda v: v.ddiff}, h="missing_path"),
        mistake("h counts only in the mean",
                {"dh": lambda v: np.ones_like(v.h) * v.dmean / m(v)}, h="missing_path"),
        # 1/m is a factor of one contribution, and the derivative of the mean or its division.
        mistake("1/m of the mean is missing", {"dh": lambda v: v.ddiff + v.dmean},
                h=Cause("missing_derivative", "factor")),
        mistake("one formula without Bessel's correction", {"dh": lambda v: one_formula(v, m(v))},
                # What comes by way of the variance is (m − 1) / m of what it should be.
                h=Cause("factor", factor=7 / 8), given="out gamma beta h W b"),
        mistake("one formula without γ", {"dh": lambda v: one_formula(v) / v.gamma},
                h="missing_derivative", given="out gamma beta h W b"),
        mistake("the bias, which batch norm takes out again, gets β's gradient",
                {"db": lambda v: v.dout.sum(axis=0)},
                # dout for dh; that is β's gradient, but β has the shape (1, 3).
                b=Cause("wrong_operand", "swapped")),
        mistake("only h and W, and the mean is a constant", {"dh": lambda v: v.ddiff},
                given="h W", h="missing_path"),
        mistake("only out, h and W, and the variance is a constant",
                {"ddiff": lambda v: v.dxhat * v.istd}, given="out h W",
                # dvar, passed on for 2 (h − mean) dvar, is one to all h: the mean takes it out.
                h=Cause("missing_path", "missing_derivative")),
        # Nothing is nothing times the gradient, and all of its paths are left out.
        mistake("dx is never filled in", {"dx": lambda v: np.zeros_like(v.x)},
                x=Cause("unknown", "factor", "missing_path")),
        mistake("γ missing, the power's minus missing, and the mean a constant",
                {"dxhat": lambda v: v.dout, "dvar": lambda v: -STEPS["dvar"](v),
                 "dh": lambda v: v.ddiff},
                xhat="missing_derivative", var="sign", h="missing_path"),
    ],
    tiny: [
        mistake("the power's minus is missing, at 1e-12", {"dvar": lambda v: -STEPS["dvar"](v)},
                var="sign"),
        mistake("tanh′ is missing, at 1e-12", {"dout": lambda v: v.da},
                out=Cause("missing_derivative", op="tanh")),
        mistake("the variance is a constant, at 1e-12", {"ddiff": lambda v: v.dxhat * v.istd},
                diff="missing_path"),
    ],
    huge: [
        mistake("dW is the transpose, at 1e+8", {"dW": lambda v: v.dh.T @ v.x}, W="transpose"),
        mistake("the mean is a constant, at 1e+8", {"dh": lambda v: v.ddiff}, h="missing_path"),
    ],
    single: [
        mistake("the mean is a constant, in float32", {"dh": lambda v: v.ddiff}, h="missing_path"),
        mistake("1/m for 1/(m − 1), in float32",
                {"dsquares": lambda v: np.ones_like(v.squares) * v.dvar / m(v)},
                squares=Cause("factor", factor=7 / 8)),
    ],
}  # fmt: skip
