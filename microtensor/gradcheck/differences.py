"""Differentiating numerically: central differences, extrapolated to step 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Estimate", "differentiate"]

Array = npt.NDArray[np.float64]

_HALVINGS = 20
"""How many steps are tried at most, each half of the one before."""
_ORDERS = 4
"""How many powers of the step are extrapolated away."""
_ROUNDINGS = 16.0
"""How many roundings of a value a difference of two may be off by."""


class Estimate(NamedTuple):
    """The derivatives of several values by one number, and how good they are."""

    value: Array
    spread: Array
    """How far the estimates at different steps are apart."""
    rounding: Array
    """What rounding of the values explains."""
    left: Array
    right: Array
    """The one-sided derivatives, at the smallest step."""
    bends: list[Array]
    """The right derivative less the left, at each step; where it is smooth they shrink with it."""

    def reason(self, k: int, derivative: float, tolerated: float) -> str:
        """Tell why ``derivative`` differs from that of value ``k`` by more than is tolerated."""
        if not np.isfinite([derivative, self.value[k]]).all():
            return "not finite"
        first, last = abs(self.bends[0][k]), abs(self.bends[-1][k])
        if last > tolerated and last > 2 * first:
            return "jump"
        if last > tolerated and last > 0.5 * first:
            low, high = sorted((self.left[k], self.right[k]))
            return "kink" if low - tolerated <= derivative <= high + tolerated else "wrong"
        return "wrong" if self.spread[k] <= tolerated else "no limit"


def differentiate(
    values: Callable[[Any], Array],
    x: Any,
    *,
    middle: Array,
    rounding: Array,
    eps: float,
    rtol: float,
) -> Estimate:
    """Differentiate ``values`` at ``x`` by Ridders' method (Numerical Recipes, §5.7).

    Parameters
    ----------
    values
        Several numbers as a function of one, of the dtype of ``x``.
    middle
        The values at ``x``.
    rounding
        How far each value may be off by rounding.
    eps
        The largest step, in units of ``x``, or of 1 if that is larger.
    rtol
        The relative precision that is wanted; it decides how many steps are tried.
    """
    best = np.full_like(middle, np.nan)
    error, spread, floor = (np.full_like(middle, np.inf) for _ in range(3))
    left = right = best
    row: list[Array] = []
    bends: list[Array] = []
    with np.errstate(all="ignore"):
        for starts, step in _steps(abs(float(x)), eps):
            low, high = type(x)(float(x) - step), type(x)(float(x) + step)
            below, above = float(x) - float(low), float(high) - float(x)
            if not (below > 0 and above > 0):
                continue
            if starts:
                row, bends = [], []
            down, up = values(low), values(high)
            left, right = (middle - down) / below, (up - middle) / above
            bends.append(right - left)
            top = np.maximum(abs(up), abs(down))
            here = _ROUNDINGS * (rounding + np.finfo(np.float64).eps * top) / step
            previous, row = row, [(up - down) / (above + below)]
            for order, coarse in enumerate(previous[:_ORDERS], 1):
                row.append(row[-1] + (row[-1] - coarse) / (4.0**order - 1))
                apart = np.maximum(abs(row[-1] - row[-2]), abs(row[-1] - coarse))
                better = np.maximum(apart, here) < error
                best = np.where(better, row[-1], best)
                spread = np.where(better, apart, spread)
                floor = np.where(better, here, floor)
                error = np.maximum(spread, floor)
            precise = error <= 0.01 * rtol * abs(best)
            hidden = (here >= error) & (top <= 2 * abs(middle))  # a smaller step hides it more
            if len(bends) > 2 and (precise | hidden).all():
                break
    return Estimate(best, spread, floor, left, right, bends or [best])


def _steps(x: float, eps: float) -> Iterator[tuple[bool, float]]:
    """Yield steps, and whether a sequence starts: from ``eps`` and, near 0, from ``eps * x``."""
    for scale in (max(x, 1.0), x):
        for k in range(_HALVINGS if scale > 0 else 0):
            yield k == 0, eps * scale / 2**k
        if x >= 1:
            return
