"""Line search: how far to go in a direction, so that both value and slope fall enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Point", "strong_wolfe"]

Array = npt.NDArray[np.floating]


class Point(NamedTuple):
    """A point on the line: how far it is, the value there, the gradient, and the slope."""

    t: float
    value: float
    gradient: Array
    slope: float


def strong_wolfe(
    at: Callable[[float], Point],
    start: Point,
    t: float,
    extent: float,
    *,
    decrease: float = 1e-4,
    curvature: float = 0.9,
    tolerance_change: float = 1e-9,
    most: int = 25,
) -> tuple[Point, int]:
    """Return a point that meets the strong Wolfe conditions, and how many points were looked at.

    The value is to be below ``start.value + decrease * t * start.slope``, and the slope's absolute
    value below ``curvature`` times that of the start. First steps grow until an interval is known
    to have such a point, then that is narrowed, with the least points of cubics. Nocedal and
    Wright, "Numerical optimization", 2006, algorithms 3.5 and 3.6, with the safeguards of minFunc.

    Parameters
    ----------
    at
        The point at a distance.
    start
        The point at distance 0; its slope is negative.
    t
        The first distance to try.
    extent
        The largest element of the direction, for ``tolerance_change``.
    most
        How many points are looked at, after the first.
    """

    def is_low(point: Point) -> bool:
        return point.value <= start.value + decrease * point.t * start.slope

    def is_flat(point: Point) -> bool:
        return abs(point.slope) <= -curvature * start.slope

    last, point, tried = start, at(t), 0
    while tried < most:
        if not is_low(point) or (tried > 1 and point.value >= last.value):
            break
        if is_flat(point):
            return point, tried + 1
        if point.slope >= 0:
            break
        t = _least_of_cubic(last, point, point.t + 0.01 * (point.t - last.t), point.t * 10)
        last, point, tried = point, at(t), tried + 1
    else:
        last = start

    low, high = (last, point) if last.value <= point.value else (point, last)
    stuck = False
    while tried < most and abs(high.t - low.t) * extent >= tolerance_change:
        left, right = min(low.t, high.t), max(low.t, high.t)
        t = _least_of_cubic(low, high, left, right)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) >= margin:
            stuck = False
        elif stuck or t >= right or t <= left:
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            stuck = False
        else:
            stuck = True
        point, tried = at(t), tried + 1
        if not is_low(point) or point.value >= low.value:
            high = point
            if high.value < low.value:
                low, high = high, low
            continue
        if is_flat(point):
            return point, tried + 1
        if point.slope * (high.t - low.t) >= 0:
            high = low
        low = point
    return low, tried + 1


def _least_of_cubic(a: Point, b: Point, left: float, right: float) -> float:
    """Return where the cubic through two points with these slopes is least, within bounds."""
    if a.t > b.t:
        a, b = b, a
    middle = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.t - b.t)
    square = middle * middle - a.slope * b.slope
    if not square >= 0:
        return (left + right) / 2.0
    root = math.sqrt(square)
    divisor = b.slope - a.slope + 2.0 * root
    if divisor == 0:
        return (left + right) / 2.0
    t = b.t - (b.t - a.t) * ((b.slope + root - middle) / divisor)
    return min(max(t, left), right)
