"""Formulas by elementary functions: a Gaussian's likelihood, and a cosine similarity."""

from __future__ import annotations

from typing import Any

import numpy as np

from .derivation import Cause, Mistake, Model, Steps, Values, correct, mistake


def gaussian(v: Values, np: Any) -> None:
    v.mu = v.x @ v.W
    v.s = v.x @ v.U
    v.sigma = np.exp(v.s)
    v.diff = v.y - v.mu
    v.t = v.diff / v.sigma
    v.square = v.t**2
    v.logs = np.log(v.sigma)
    v.nll = v.square / 2 + v.logs
    v.loss = np.mean(v.nll)


GAUSSIAN: Steps = {
    "dnll": lambda v: np.full_like(v.nll, 1 / v.nll.size),
    "dlogs": lambda v: v.dnll,
    "dsquare": lambda v: v.dnll / 2,
    "dt": lambda v: 2 * v.t * v.dsquare,
    "ddiff": lambda v: v.dt / v.sigma,
    "dsigma": lambda v: -v.dt * v.diff / v.sigma**2 + v.dlogs / v.sigma,
    "ds": lambda v: v.dsigma * v.sigma,
    "dmu": lambda v: -v.ddiff,
    "dU": lambda v: v.x.T @ v.ds,
    "dW": lambda v: v.x.T @ v.dmu,
}

likelihood = Model(
    "Gaussian likelihood",
    lambda rng: {
        "x": rng.normal(size=(7, 3)),
        "y": rng.normal(size=(7, 2)),
        "W": rng.normal(size=(3, 2)),
        "U": 0.5 * rng.normal(size=(3, 2)),
    },
    gaussian,
    GAUSSIAN,
)


def cosine(v: Values, np: Any) -> None:
    v.p = v.a * v.b
    v.dot = np.sum(v.p, axis=1, keepdims=True)
    v.aa = np.sum(v.a**2, axis=1, keepdims=True)
    v.bb = np.sum(v.b**2, axis=1, keepdims=True)
    v.norm = np.sqrt(v.aa * v.bb)
    v.cos = v.dot / v.norm
    v.loss = np.sum(v.cos * v.y)


COSINE: Steps = {
    "dcos": lambda v: v.y,
    "ddot": lambda v: v.dcos / v.norm,
    "dnorm": lambda v: -v.dcos * v.dot / v.norm**2,
    "daa": lambda v: v.dnorm * v.bb / (2 * v.norm),
    "dbb": lambda v: v.dnorm * v.aa / (2 * v.norm),
    "dp": lambda v: np.broadcast_to(v.ddot, v.p.shape),
    "da": lambda v: v.dp * v.b + 2 * v.a * v.daa,
    "db": lambda v: v.dp * v.a + 2 * v.b * v.dbb,
}

similarity = Model(
    "cosine similarity",
    lambda rng: {
        "a": rng.normal(size=(6, 4)),
        "b": rng.normal(size=(6, 4)),
        "y": rng.normal(size=(6, 1)),
    },
    cosine,
    COSINE,
)


def clipped(v: Values, np: Any) -> None:
    v.z = v.x @ v.W
    v.upper = np.maximum(v.z, v.floor)
    v.root = np.sqrt(v.upper)
    v.total = np.sum(v.root, axis=0)
    v.loss = np.sum(np.log(v.total))


CLIPPED: Steps = {
    "dtotal": lambda v: 1 / v.total,
    "droot": lambda v: np.broadcast_to(v.dtotal, v.root.shape),
    "dupper": lambda v: v.droot / (2 * v.root),
    "dz": lambda v: v.dupper * (v.z > v.floor),
    "dfloor": lambda v: (v.dupper * (v.z <= v.floor)).sum(axis=0),
    "dW": lambda v: v.x.T @ v.dz,
}

floors = Model(
    "roots of maxima",
    lambda rng: {
        "x": rng.normal(size=(8, 3)),
        "W": rng.normal(size=(3, 4)),
        "floor": 0.2 + rng.random(4),
    },
    clipped,
    CLIPPED,
)

CORRECT = {
    likelihood: [
        correct("every step"),
        correct("ds in one formula", {"ds": lambda v: (1 - v.t**2) / v.t.size}, given="s mu U W"),
        correct("ds in one formula, all else given",
                {"ds": lambda v: (1 - v.t**2) / v.t.size}),
        correct("arithmetic in float32", dtype=np.float32),
    ],
    similarity: [
        correct("every step"),
        correct("in one formula", {"da": lambda v: v.y * (v.b / v.norm - v.cos * v.a / v.aa)},
                given="a b"),
        correct("in one formula, all else given",
                {"da": lambda v: v.y * (v.b / v.norm - v.cos * v.a / v.aa)}),
    ],
    floors: [correct("every step"), correct("only W and the floor", given="W floor")],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    likelihood: [
        mistake("divided by the examples, not by all elements",
                {"dnll": lambda v: np.full_like(v.nll, 1 / 7)}, nll=Cause("factor", factor=2)),
        mistake("the ½ is missing", {"dsquare": lambda v: v.dnll},
                square=Cause("factor", factor=2)),
        mistake("the square's 2 is missing", {"dt": lambda v: v.t * v.dsquare},
                t=Cause("factor", factor=1 / 2)),
        mistake("the square is not differentiated", {"dt": lambda v: v.dsquare},
                t=Cause("missing_derivative", op="square")),
        mistake("1/σ is missing", {"ddiff": lambda v: v.dt},
                diff=Cause("missing_derivative", op="divide")),
        mistake("σ multiplies where it divides", {"ddiff": lambda v: v.dt * v.sigma},
                diff="unknown"),
        mistake("s for σ", {"ddiff": lambda v: v.dt / v.s},
                diff=Cause("wrong_operand", used="s", expected="sigma")),
        mistake("the logarithm's share is forgotten",
                {"dsigma": lambda v: -v.dt * v.diff / v.sigma**2}, sigma="missing_path"),
        mistake("the quotient's share is forgotten", {"dsigma": lambda v: v.dlogs / v.sigma},
                sigma="missing_path"),
        mistake("the quotient's minus is forgotten",
                {"dsigma": lambda v: v.dt * v.diff / v.sigma**2 + v.dlogs / v.sigma},
                sigma=Cause("unknown", "sign")),  # the sign of one contribution of two
        mistake("the exponential's derivative is missing", {"ds": lambda v: v.dsigma},
                s=Cause("missing_derivative", op="exp")),
        mistake("the exponential's derivative is there twice",
                {"ds": lambda v: v.dsigma * v.sigma**2}, s=Cause("extra_derivative", op="exp")),
        mistake("the exponential's derivative at its output",
                {"ds": lambda v: v.dsigma * np.exp(v.sigma)},
                s=Cause("derivative_at_output", op="exp")),
        mistake("the difference's minus", {"dmu": lambda v: v.ddiff}, mu="sign"),
        mistake("dU and dW change places", {"dU": lambda v: v.x.T @ v.dmu,
                                            "dW": lambda v: v.x.T @ v.ds},
                # Each is the other's, because it is made of the other's gradient.
                U=Cause("swapped", "wrong_operand"), W=Cause("swapped", "wrong_operand")),
        mistake("exp missing, ½ missing, W transposed",
                {"dsquare": lambda v: v.dnll, "ds": lambda v: v.dsigma,
                 "dW": lambda v: v.dmu.T @ v.x},
                square=Cause("factor", factor=2), s=Cause("missing_derivative", op="exp"),
                W="transpose"),
    ],
    similarity: [
        mistake("the norms are constants", {"da": lambda v: v.dp * v.b}, a="missing_path"),
        mistake("the quotient's minus", {"dnorm": lambda v: -COSINE["dnorm"](v)}, norm="sign"),
        mistake("the square root's ½", {"daa": lambda v: v.dnorm * v.bb / v.norm,
                                        "dbb": lambda v: v.dnorm * v.aa / v.norm},
                aa=Cause("factor", factor=2), bb=Cause("factor", factor=2)),
        mistake("aa for bb", {"daa": lambda v: v.dnorm * v.aa / (2 * v.norm)},
                # It is also the gradient of its neighbour: one array.
                aa=Cause("wrong_operand", "swapped")),
        mistake("a for b in the dot product", {"da": lambda v: v.dp * v.a + 2 * v.a * v.daa},
                a=Cause("wrong_operand", used="a", expected="b")),
        mistake("dp is not spread over the features",
                {"dp": lambda v: v.ddot}, p="shape"),
        mistake("ddot lacks 1/norm", {"ddot": lambda v: v.dcos},
                dot=Cause("missing_derivative", op="divide")),
        mistake("NaN in one row", {"dnorm": lambda v: np.where(
            np.arange(6)[:, None] == 4, np.nan, COSINE["dnorm"](v))}, norm="nonfinite"),
    ],
    floors: [
        mistake("the maximum passes all on", {"dz": lambda v: v.dupper},
                z=Cause("missing_derivative", op="maximum")),
        mistake("the floor is not summed over the examples",
                {"dfloor": lambda v: v.dupper * (v.z <= v.floor)}, floor="missing_sum"),
        mistake("the floor takes the other branch's gradient",
                {"dfloor": lambda v: (v.dupper * (v.z > v.floor)).sum(axis=0)}, floor="unknown"),
        mistake("sqrt's derivative at its output",
                {"dupper": lambda v: v.droot / (2 * np.sqrt(v.root))},
                upper=Cause("derivative_at_output", op="sqrt")),
        mistake("sqrt's ½ and sign", {"dupper": lambda v: -v.droot / v.root},
                upper=Cause("factor", factor=-2)),
        mistake("log's derivative is missing", {"dtotal": lambda v: np.ones(4)},
                total=Cause("missing_derivative", op="log")),
        mistake("one element of the floor is forgotten",
                {"dfloor": lambda v: CLIPPED["dfloor"](v) * np.array([1, 1, 0, 1])},
                floor="unknown"),
    ],
}  # fmt: skip
