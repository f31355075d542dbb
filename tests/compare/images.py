"""Convolution as a product with patches, leaky ReLU, and max pooling; and a loss by parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from .derivation import Cause, Mistake, Model, Steps, Values, correct, mistake

SLOPE = 0.1
WIDTH, KERNEL, FILTERS = 9, 4, 3
PLACES = np.arange(WIDTH - KERNEL + 1)[:, None] + np.arange(KERNEL)
"""Which pixels each patch of a row takes: (6 patches, 4 pixels)."""


def forward(v: Values, np: Any) -> None:
    v.patches = v.x[:, PLACES]
    v.z = v.patches @ v.k + v.b
    v.a = np.where(v.z > 0, v.z, SLOPE * v.z)
    v.pairs = np.reshape(v.a, (len(v.x), -1, 2, FILTERS))
    v.pooled = np.max(v.pairs, axis=2)
    v.mean = np.mean(v.pooled, axis=1)
    v.out = v.mean @ v.W
    v.error = v.out - v.y
    v.loss = np.sum(np.where(np.abs(v.error) < 1, v.error**2 / 2, np.abs(v.error) - 0.5))


def _to_pixels(v: Values) -> Any:
    """Add the gradients of all patches that a pixel is in."""
    dx = np.zeros_like(v.x)
    for place in range(len(PLACES)):
        dx[:, place : place + KERNEL] += v.dpatches[:, place]
    return dx


def _to_pixels_once(v: Values) -> Any:
    dx = np.zeros_like(v.x)
    for place in range(len(PLACES)):
        dx[:, place : place + KERNEL] = v.dpatches[:, place]
    return dx


def _by_correlation(v: Values) -> Any:
    """Correlate the padded gradient with the flipped kernels."""
    padded = np.pad(v.dz, ((0, 0), (KERNEL - 1, KERNEL - 1), (0, 0)))
    windows = np.stack([padded[:, i : i + KERNEL] for i in range(WIDTH)], axis=1)
    return np.einsum("mpkf,kf->mp", windows, v.k[::-1])


def _without_flip(v: Values) -> Any:
    padded = np.pad(v.dz, ((0, 0), (KERNEL - 1, KERNEL - 1), (0, 0)))
    windows = np.stack([padded[:, i : i + KERNEL] for i in range(WIDTH)], axis=1)
    return np.einsum("mpkf,kf->mp", windows, v.k)


STEPS: Steps = {
    "derror": lambda v: np.where(np.abs(v.error) < 1, v.error, np.sign(v.error)),
    "dout": lambda v: v.derror,
    "dW": lambda v: v.mean.T @ v.dout,
    "dmean": lambda v: v.dout @ v.W.T,
    "dpooled": lambda v: np.repeat(v.dmean[:, None], 3, axis=1) / 3,
    "dpairs": lambda v: (v.pairs == v.pooled[:, :, None]) * v.dpooled[:, :, None],
    "da": lambda v: v.dpairs.reshape(v.a.shape),
    "dz": lambda v: v.da * np.where(v.z > 0, 1, SLOPE),
    "dk": lambda v: np.einsum("mpk,mpf->kf", v.patches, v.dz),
    "db": lambda v: v.dz.sum(axis=(0, 1)),
    "dpatches": lambda v: v.dz @ v.k.T,
    "dx": _to_pixels,
}


def pictures(name: str, dtype: Any = np.float64) -> Model:
    return Model(
        f"convolution, {name}",
        lambda rng: {
            "x": rng.normal(size=(5, WIDTH)),
            "y": rng.normal(size=(5, 2)),
            "k": rng.normal(size=(KERNEL, FILTERS)),
            "b": rng.normal(size=FILTERS),
            "W": rng.normal(size=(FILTERS, 2)),
        },
        forward,
        STEPS,
        dtype,
    )


plain = pictures("rows of 9 pixels")
single = pictures("float32", np.float32)

CORRECT = {
    plain: [
        correct("every step"),
        correct("the input's gradient as a correlation with flipped kernels",
                {"dx": _by_correlation}),
        correct("the kernel's gradient patch by patch",
                {"dk": lambda v: sum(v.patches[:, p].T @ v.dz[:, p] for p in range(6))}),
        correct("from the output to the convolution in one step", given="z k b x"),
        correct("arithmetic in float32", dtype=np.float32),
    ],
    single: [correct("every step")],
}  # fmt: skip

MISTAKES: dict[Model, list[Mistake]] = {
    plain: [
        mistake("`=` for `+=`: each pixel keeps its last patch", {"dx": _to_pixels_once},
                x="missing_path"),
        mistake("the kernels are not flipped", {"dx": _without_flip}, x="unknown"),
        mistake("the kernel's gradient is that of one patch",
                {"dk": lambda v: v.patches[:, 0].T @ v.dz[:, 0]},
                k=Cause("unknown", "missing_path")),  # one place of those that a product sums over
        mistake("the kernel's gradient is not summed over the images",
                {"dk": lambda v: np.swapaxes(v.patches, 1, 2) @ v.dz}, k="missing_sum"),
        mistake("the kernel's gradient is averaged over the images",
                {"dk": lambda v: (np.swapaxes(v.patches, 1, 2) @ v.dz).mean(axis=0)},
                k=Cause("missing_sum", "factor")),  # an average is a fifth of the sum: one array
        mistake("db is summed over the images only", {"db": lambda v: v.dz.sum(axis=0)},
                b="missing_sum"),
        mistake("db is averaged over the places", {"db": lambda v: v.dz.mean(axis=1).sum(axis=0)},
                b=Cause("missing_sum", "factor")),  # an average is a sixth of the sum: one array
        mistake("the kernel's gradient is the transpose",
                {"dk": lambda v: np.einsum("mpk,mpf->fk", v.patches, v.dz)}, k="transpose"),
        mistake("all of a pair get the gradient of the largest",
                {"dpairs": lambda v: np.repeat(v.dpooled[:, :, None], 2, axis=2)},
                pairs=Cause("missing_derivative", op="max")),
        mistake("the smaller of a pair gets the gradient",
                {"dpairs": lambda v: (v.pairs != v.pooled[:, :, None]) * v.dpooled[:, :, None]},
                pairs="unknown"),
        mistake("the mean over places lacks its 1/3",
                {"dpooled": lambda v: np.repeat(v.dmean[:, None], 3, axis=1)},
                pooled=Cause("factor", factor=3)),
        # Leaky ReLU is three operations: what is missing is the slope, on one of two ways.
        mistake("leaky ReLU's derivative is missing", {"dz": lambda v: v.da},
                z=Cause("missing_derivative", "unknown")),
        mistake("no leak in the derivative", {"dz": lambda v: v.da * (v.z > 0)},
                z="missing_path"),  # where() has two branches, and one is left out
        mistake("the absolute error's part is taken for squared", {"derror": lambda v: v.error},
                error="unknown"),
        mistake("y − out", {"dout": lambda v: -v.derror}, out="sign"),
        mistake("no sum over images in db, leaky ReLU and the pool's choice missing",
                {"dpairs": lambda v: np.repeat(v.dpooled[:, :, None], 2, axis=2),
                 "dz": lambda v: v.da, "db": lambda v: v.dz.sum(axis=1)},
                pairs=Cause("missing_derivative", op="max"),
                z=Cause("missing_derivative", "unknown"), b="missing_sum"),
    ],
    single: [
        mistake("`=` for `+=`, in float32", {"dx": _to_pixels_once}, x="missing_path"),
        mistake("the mean over places lacks its 1/3, in float32",
                {"dpooled": lambda v: np.repeat(v.dmean[:, None], 3, axis=1)},
                pooled=Cause("factor", factor=3)),
    ],
}  # fmt: skip
