"""A recurrent network: four steps that share weights, a loss at every step or at the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from .derivation import Cause, Mistake, Model, Step, Steps, Values, correct, mistake

T = 4
TIMES = range(1, T + 1)


def _states(v: Values, np: Any) -> None:
    for t in TIMES:
        v[f"z{t}"] = v[f"x{t}"] @ v.Wx + v[f"h{t - 1}"] @ v.Wh + v.b
        v[f"h{t}"] = np.tanh(v[f"z{t}"])


def at_every_step(v: Values, np: Any) -> None:
    _states(v, np)
    v.loss = 0.0
    for t in TIMES:
        v[f"o{t}"] = v[f"h{t}"] @ v.Wy
        v.loss = v.loss + np.sum((v[f"o{t}"] - v[f"y{t}"]) ** 2) / (2 * len(v.x1))


def at_the_end(v: Values, np: Any) -> None:
    _states(v, np)
    v.o4 = v.h4 @ v.Wy
    v.loss = np.sum((v.o4 - v.y4) ** 2) / (2 * len(v.x1))


def do(t: int) -> Step:
    return lambda v: (v[f"o{t}"] - v[f"y{t}"]) / len(v.x1)


def dh_from_loss(t: int) -> Step:
    return lambda v: v[f"do{t}"] @ v.Wy.T


def dh_from_next(t: int) -> Step:
    return lambda v: v[f"dz{t + 1}"] @ v.Wh.T


def dh_from_both(t: int) -> Step:
    return lambda v: dh_from_loss(t)(v) + dh_from_next(t)(v)


def dz(t: int) -> Step:
    return lambda v: v[f"dh{t}"] * (1 - v[f"h{t}"] ** 2)


def over_time(term: Any, times: Any = TIMES) -> Step:
    """Sum ``term(v, t)`` over time, last step first."""
    return lambda v: sum(term(v, t) for t in reversed(times))


def wx_at(v: Values, t: int) -> Any:
    return v[f"x{t}"].T @ v[f"dz{t}"]


def wh_at(v: Values, t: int) -> Any:
    return v[f"h{t - 1}"].T @ v[f"dz{t}"]


def wy_at(v: Values, t: int) -> Any:
    return v[f"h{t}"].T @ v[f"do{t}"]


def b_at(v: Values, t: int) -> Any:
    return v[f"dz{t}"].sum(axis=0)


def steps(every: bool) -> Steps:
    table: dict[str, Step] = {}
    for t in reversed(TIMES):
        if every or t == T:
            table[f"do{t}"] = do(t)
        if t == T:
            table[f"dh{t}"] = dh_from_loss(t)
        else:
            table[f"dh{t}"] = dh_from_both(t) if every else dh_from_next(t)
        table[f"dz{t}"] = dz(t)
    table["dWy"] = over_time(wy_at, TIMES if every else [T])
    table["dWx"] = over_time(wx_at)
    table["dWh"] = over_time(wh_at)
    table["db"] = over_time(b_at)
    table["dh0"] = dh_from_next(0)
    return table


def network(name: str, n: int, hidden: int, out: int, every: bool, dtype: Any = float) -> Model:
    def arrays(rng: np.random.Generator) -> dict[str, Any]:
        return {
            **{f"x{t}": rng.normal(size=(6, n)) for t in TIMES},
            **{f"y{t}": rng.normal(size=(6, out)) for t in TIMES if every or t == T},
            "h0": 0.5 * rng.normal(size=(6, hidden)),
            "Wx": 0.5 * rng.normal(size=(n, hidden)),
            "Wh": 0.5 * rng.normal(size=(hidden, hidden)),
            "b": rng.normal(size=hidden),
            "Wy": rng.normal(size=(hidden, out)),
        }

    forward = at_every_step if every else at_the_end
    return Model(f"recurrent, {name}", arrays, forward, steps(every), dtype)


many = network("a loss at every step", 3, 4, 2, True)
last = network("a loss at the end", 3, 5, 2, False)
single = network("a loss at every step, float32", 3, 4, 2, True, np.float32)
equal = network("input as wide as the state", 4, 4, 2, True)

CORRECT = {
    many: [
        correct("step by step"),
        correct("only the weights", given="Wx Wh Wy b"),
        correct("every other state", given="h3 h1 Wh Wx"),
        correct("first step first", {"dWh": lambda v: sum(wh_at(v, t) for t in TIMES)}),
        correct("the outer products of all steps at once", {"dWx": lambda v: np.einsum(
            "tmi,tmh->ih", np.stack([v[f"x{t}"] for t in TIMES]),
            np.stack([v[f"dz{t}"] for t in TIMES]))}),
        correct("arithmetic in float32", dtype=np.float32),
    ],
    last: [correct("step by step"), correct("only dz", given="z4 z3 z2 z1 Wh")],
    single: [correct("step by step")],
    equal: [correct("step by step")],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    many: [
        mistake("`=` for `+=`: dWh is that of the first step", {"dWh": lambda v: wh_at(v, 1)},
                Wh="missing_path"),
        mistake("`=` for `+=`: dWx is that of the first step", {"dWx": lambda v: wx_at(v, 1)},
                Wx="missing_path"),
        mistake("`=` for `+=` in both, and in b",
                {"dWx": lambda v: wx_at(v, 1), "dWh": lambda v: wh_at(v, 1),
                 "db": lambda v: b_at(v, 1)},
                Wx="missing_path", Wh="missing_path", b="missing_path"),
        mistake("the loop ends a step too early", {"dWh": over_time(wh_at, TIMES[1:])},
                Wh="missing_path"),
        mistake("the last step counts twice",
                {"dWh": lambda v: over_time(wh_at)(v) + wh_at(v, 4)}, Wh="extra_path"),
        mistake("averaged over time", {"dWx": lambda v: over_time(wx_at)(v) / T},
                Wx=Cause("factor", factor=1 / 4)),
        mistake("nothing comes back from the next state", {"dh2": dh_from_loss(2)},
                h2="missing_path"),
        mistake("nothing comes back through time at all",
                {f"dh{t}": dh_from_loss(t) for t in (1, 2, 3)},
                h3="missing_path", h2="missing_path", h1="missing_path"),
        mistake("the state's own loss is forgotten", {"dh3": dh_from_next(3)}, h3="missing_path"),
        mistake("the next state counts twice",
                {"dh1": lambda v: dh_from_both(1)(v) + dh_from_next(1)(v)}, h1="extra_path"),
        mistake("tanh′ is missing everywhere",
                {f"dz{t}": lambda v, t=t: v[f"dh{t}"] for t in TIMES},
                **{f"z{t}": Cause("missing_derivative", op="tanh") for t in TIMES}),
        mistake("tanh′ is missing in step 2", {"dz2": lambda v: v.dh2},
                z2=Cause("missing_derivative", op="tanh")),
        mistake("1 − z² in step 3", {"dz3": lambda v: v.dh3 * (1 - v.z3**2)},
                z3=Cause("derivative_at_output", op="tanh")),
        mistake("1 − tanh²(h) in step 1", {"dz1": lambda v: v.dh1 * (1 - np.tanh(v.h1) ** 2)},
                z1=Cause("derivative_at_output", op="tanh")),
        mistake("only the weights, and tanh′ is missing in step 1", {"dz1": lambda v: v.dh1},
                given="Wx Wh Wy b", Wx=Cause("missing_derivative", op="tanh"),
                Wh=Cause("missing_derivative", op="tanh"),
                b=Cause("missing_derivative", op="tanh")),
        mistake("some states and weights, and a state's own loss is forgotten",
                {"dh2": dh_from_next(2)}, given="h3 h2 Wx Wh", h2="missing_path"),
        mistake("h of the step before in tanh′", {"dz3": lambda v: v.dh3 * (1 - v.h2**2)},
                z3="wrong_operand"),
        # A whole loop with the wrong index: each contribution has its wrong operand.
        mistake("h of the step itself for that before in dWh",
                {"dWh": over_time(lambda v, t: v[f"h{t}"].T @ v[f"dz{t}"])},
                Wh="wrong_operand"),
        # The operand lacks its transpose, in one contribution of two.
        mistake("Wh is not transposed",
                {"dh2": lambda v: dh_from_loss(2)(v) + v.dz3 @ v.Wh},
                h2=Cause("wrong_operand", "transpose", "unknown")),
        mistake("b is not summed over the examples",
                {"db": over_time(lambda v, t: v[f"dz{t}"])}, b="missing_sum"),
        mistake("noise in one element of dWh", {"dWh": lambda v: over_time(wh_at)(v)
                + 1e-3 * (np.arange(16).reshape(4, 4) == 6)}, Wh="unknown"),
    ],
    last: [
        mistake("`+=` is `=`, the last step's is kept", {"dWh": lambda v: wh_at(v, 4)},
                Wh="missing_path"),
        mistake("y − o", {"do4": lambda v: -do(4)(v)}, o4="sign"),
        mistake("1/m is missing", {"do4": lambda v: v.o4 - v.y4}, o4=Cause("factor", factor=6)),
        mistake("dWh is the transpose", {"dWh": lambda v: over_time(wh_at)(v).T}, Wh="transpose"),
        mistake("Wh is not transposed in step 2", {"dh2": lambda v: v.dz3 @ v.Wh},
                h2=Cause("transpose", "wrong_operand")),  # as in two_layer: the operand's transpose
        mistake("dh for dz in step 3", {"dh2": lambda v: v.dh3 @ v.Wh.T},
                h2=Cause("missing_derivative", "wrong_operand")),  # dz3 is dh3 with tanh′
        mistake("tanh′ twice in step 4, and dWx with the wrong sign",
                {"dz4": lambda v: v.dh4 * (1 - v.h4**2) ** 2,
                 "dWx": lambda v: -over_time(wx_at)(v)},
                z4=Cause("extra_derivative", op="tanh"), Wx="sign"),
        mistake("Wh is updated inside the loop",
                {"dh1": lambda v: v.dz2 @ (v.Wh - 0.1 * wh_at(v, 4)).T},
                # By one contribution: nothing that is given tells what was taken off.
                h1=Cause("unknown", "wrong_operand")),
    ],
    single: [
        mistake("`=` for `+=`, in float32", {"dWh": lambda v: wh_at(v, 1)}, Wh="missing_path"),
        mistake("tanh′ is missing, in float32", {"dz2": lambda v: v.dh2},
                z2=Cause("missing_derivative", op="tanh")),
    ],
    equal: [
        mistake("dWx and dWh change places",
                {"dWx": over_time(wh_at), "dWh": over_time(wx_at)},
                Wx="swapped", Wh="swapped"),
        mistake("Wx for Wh", {"dh3": lambda v: dh_from_loss(3)(v) + v.dz4 @ v.Wx.T},
                h3=Cause("wrong_operand", used="Wx", expected="Wh")),
    ],
}  # fmt: skip
