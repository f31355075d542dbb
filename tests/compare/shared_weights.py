"""Weights used more than once: a tied autoencoder, and an embedding looked up by characters."""

from __future__ import annotations

from typing import Any

import numpy as np

from .derivation import Cause, Mistake, Model, Steps, Values, correct, mistake
from .functions import cross_entropy, one_hot, sigmoid, softmax


def tied(v: Values, np: Any) -> None:
    v.z = v.x @ v.W + v.b
    v.h = sigmoid(v.z)
    v.out = v.h @ v.W.T + v.c
    v.loss = np.mean(np.sum((v.out - v.x) ** 2, axis=1))


TIED: Steps = {
    "dout": lambda v: 2 * (v.out - v.x) / len(v.x),
    "dc": lambda v: v.dout.sum(axis=0),
    "dh": lambda v: v.dout @ v.W,
    "dz": lambda v: v.dh * v.h * (1 - v.h),
    "dW": lambda v: v.x.T @ v.dz + v.dout.T @ v.h,
    "db": lambda v: v.dz.sum(axis=0),
}


def autoencoder(name: str, n: int, hidden: int) -> Model:
    return Model(
        f"tied autoencoder, {name}",
        lambda rng: {
            "x": rng.normal(size=(6, n)),
            "W": rng.normal(size=(n, hidden)),
            "b": rng.normal(size=hidden),
            "c": rng.normal(size=n),
        },
        tied,
        TIED,
    )


def characters(v: Values, np: Any) -> None:
    v.emb = v.C[v.ids]
    v.cat = np.reshape(v.emb, (len(v.ids), -1))
    v.both = np.concatenate([v.cat, v.extra], axis=1)
    v.h = np.tanh(v.both @ v.W1 + v.b1)
    v.logits = v.h @ v.W2 + v.b2
    v.loss = cross_entropy(v.logits, v.y)


def scattered(v: Values) -> Any:
    """Add the gradient of each looked up row to its character's."""
    dC = np.zeros_like(v.C)
    np.add.at(dC, v.ids, v.demb)
    return dC


def overwritten(v: Values) -> Any:
    dC = np.zeros_like(v.C)
    dC[v.ids] = v.demb
    return dC


def by_loops(v: Values) -> Any:
    dC = np.zeros_like(v.C)
    for i in range(v.ids.shape[0]):
        for j in range(v.ids.shape[1]):
            dC[v.ids[i, j]] += v.demb[i, j]
    return dC


CHARACTERS: Steps = {
    "dlogits": lambda v: (softmax(v.logits) - one_hot(v.y, 7)) / len(v.y),
    "dW2": lambda v: v.h.T @ v.dlogits,
    "db2": lambda v: v.dlogits.sum(axis=0),
    "dh": lambda v: v.dlogits @ v.W2.T,
    "dW1": lambda v: v.both.T @ (v.dh * (1 - v.h**2)),
    "db1": lambda v: (v.dh * (1 - v.h**2)).sum(axis=0),
    "dboth": lambda v: (v.dh * (1 - v.h**2)) @ v.W1.T,
    "dextra": lambda v: v.dboth[:, 6:],
    "dcat": lambda v: v.dboth[:, :6],
    "demb": lambda v: v.dcat.reshape(v.emb.shape),
    "dC": scattered,
}

narrow = autoencoder("5 to 3", 5, 3)
square = autoencoder("4 to 4", 4, 4)
names = Model(
    "character network",
    lambda rng: {
        "ids": rng.integers(0, 7, size=(8, 3)),
        "y": rng.integers(0, 7, size=8),
        "C": rng.normal(size=(7, 2)),
        "extra": rng.normal(size=(8, 6)),
        "W1": 0.5 * rng.normal(size=(12, 5)),
        "b1": rng.normal(size=5),
        "W2": rng.normal(size=(5, 7)),
        "b2": rng.normal(size=7),
    },
    characters,
    CHARACTERS,
)

CORRECT = {
    narrow: [
        correct("both uses of W"),
        correct("the second use transposed at the end",
                {"dW": lambda v: v.x.T @ v.dz + (v.h.T @ v.dout).T}),
        correct("only the parameters", given="W b c"),
    ],
    square: [correct("both uses of W")],
    names: [
        correct("rows added one by one", {"dC": by_loops}),
        correct("rows added as a product with one-hot rows", {"dC": lambda v: np.einsum(
            "mkc,mkd->cd", one_hot(v.ids, 7), v.demb)}),
        correct("np.add.at", given="C W1 b1 W2 b2 logits"),
        correct("arithmetic in float32", dtype=np.float32),
    ],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    narrow: [
        mistake("only the encoder's use of W", {"dW": lambda v: v.x.T @ v.dz}, W="missing_path"),
        mistake("only the decoder's use of W", {"dW": lambda v: v.dout.T @ v.h}, W="missing_path"),
        mistake("the encoder's use counts twice",
                {"dW": lambda v: 2 * v.x.T @ v.dz + v.dout.T @ v.h}, W="extra_path"),
        mistake("averaged over both uses", {"dW": lambda v: TIED["dW"](v) / 2},
                W=Cause("factor", factor=1 / 2)),
        mistake("dW is that of the decoder's weights", {"dW": lambda v: TIED["dW"](v).T},
                W="transpose"),
        mistake("σ′ of h, and only the decoder's use of W",
                {"dz": lambda v: v.dh * sigmoid(v.h) * (1 - sigmoid(v.h)),
                 "dW": lambda v: v.dout.T @ v.h},
                z=Cause("derivative_at_output", op="sigmoid"), W="missing_path"),
        mistake("db is one number, and dc is not summed",
                {"db": lambda v: v.dz.sum(), "dc": lambda v: v.dout},
                b=Cause("shape", "missing_sum"),  # as in deep: a sum over the wrong axes
                c="missing_sum"),
    ],
    square: [
        # One of two contributions is transposed: the derivative of W.T is what is missing.
        mistake("the decoder's use is not transposed",
                {"dW": lambda v: v.x.T @ v.dz + v.h.T @ v.dout},
                W=Cause("missing_derivative", "transpose")),
        mistake("W transposed where it is not", {"dh": lambda v: v.dout @ v.W.T},
                h=Cause("transpose", "wrong_operand")),  # the operand's transpose, as in two_layer
        mistake("b and c change places",
                {"dc": lambda v: (v.dout @ v.W * v.h * (1 - v.h)).sum(axis=0),
                 "db": lambda v: v.dout.sum(axis=0)}, b="swapped", c="swapped"),
    ],
    names: [
        mistake("`=` for `+=`: a character's last use wins", {"dC": overwritten},
                C="missing_path"),
        mistake("dC is averaged over the uses of a character", {"dC": lambda v: scattered(v)
                / np.maximum(1, np.bincount(v.ids.ravel(), minlength=7))[:, None]},
                C=Cause("missing_sum", "unknown")),  # the sum is inside the lookup, over no axis
        mistake("the two halves of what was concatenated change places",
                {"dextra": lambda v: v.dboth[:, :6], "dcat": lambda v: v.dboth[:, 6:]},
                extra="swapped", cat="swapped"),
        mistake("cut one column too late",
                {"dextra": lambda v: np.roll(v.dboth, -1, axis=1)[:, 6:]}, extra="unknown"),
        mistake("characters and their features are reshaped in the wrong order",
                {"demb": lambda v: v.dcat.reshape(8, 2, 3).swapaxes(1, 2)}, emb="unknown"),
        mistake("emb is left flat", {"demb": lambda v: v.dcat,
                                     "dC": lambda v: _scatter(v, v.dcat.reshape(8, 3, 2))},
                emb="shape"),
        mistake("tanh′ is missing in dW1, db1 and both",
                {"dW1": lambda v: v.both.T @ v.dh, "db1": lambda v: v.dh.sum(axis=0),
                 "dboth": lambda v: v.dh @ v.W1.T},
                **dict.fromkeys(["W1", "b1", "both"], Cause("missing_derivative", op="tanh"))),
        mistake("the next character is looked up", {"dC": lambda v: np.roll(scattered(v), 1, 0)},
                C="unknown"),
    ],
}  # fmt: skip


def _scatter(v: Values, rows: Any) -> Any:
    dC = np.zeros_like(v.C)
    np.add.at(dC, v.ids, rows)
    return dC
