"""How far gradients may be apart that are the same mathematics.

The error of a floating-point computation is estimated by Monte Carlo arithmetic (Parker, 1997):
every value of the computation, forward and backward, is perturbed at random by a small relative
amount (and by a few least normal numbers, for what underflows), and how far the results spread, per
unit of that amount, is how they amplify rounding. So a sum of large terms that cancel is judged by
its terms, and one wrong element is not hidden among large ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from .tape import Tape, Value

__all__ = ["DOUBLE", "SINGLE", "Amplification", "epsilon"]

DOUBLE = float(np.finfo(np.float64).eps)
SINGLE = float(np.finfo(np.float32).eps)

_RUNS = 3
_STEP = 2.0**-26
"""The relative perturbation: small enough for the response to be linear, large beside float64's."""
_LEAST = 2.0**16
"""The absolute one, in least normal numbers: products of it are not subnormal, and so not slow."""
_SAFETY = 24.0
"""How many times the spread that was seen is still rounding, since another derivation adds up
other terms in another order."""
_WORST = 1e-3
"""A gradient that is further off, relative to its largest element, is none any more."""
_BENT = frozenset(
    {"absolute", "all", "any", "argmax", "argmin", "ceil", "clip", "floor", "max", "maximum", "min",
     "minimum", "prod", "quantile", "relu", "rint", "round", "sign", "sort", "where"}
)  # fmt: skip
"""Operations with kinks: a perturbation must not carry them to the other side."""


def epsilon(dtype: Any) -> float:
    """Return the relative rounding of a floating-point dtype."""
    return float(np.finfo(dtype).eps)


class Amplification:
    """By how much the gradients of some values amplify relative errors of rounding."""

    def __init__(self, tape: Tape, seeds: Mapping[Value, Any], of: Collection[Value]) -> None:
        rng = np.random.default_rng(0)
        self._exact = exact = tape.gradients(seeds, toward=of)
        self._spread: dict[Value, Any] = {}
        with np.errstate(all="ignore"):
            for _ in range(_RUNS):
                found = _perturbed(tape, seeds, of, rng)
                for value in (each for each in of if each in found):
                    g = found[value]
                    apart = np.abs(g - exact[value]) / _STEP
                    apart = np.where(np.isfinite(apart), apart, 0.0)
                    seen = self._spread.get(value)
                    self._spread[value] = apart if seen is None else np.maximum(seen, apart)

    def tolerance(self, value: Value, of: Any, eps: float) -> Any:
        """Return how far each element of a gradient may be off that was computed with ``eps``.

        ``of`` is the gradient, which need not be the right one: larger ones are off by more.
        """
        spread, exact = self._spread[value], self._exact[value]
        largest, right = _largest(of), _largest(exact)
        scale = max(1.0, largest / right) if right > 0 else 1.0
        typical = float(np.mean(spread)) if spread.size else 0.0
        rounding = _SAFETY * scale * (spread + typical) + 8.0 * largest
        noise = epsilon(value.dtype) * float(np.max(rounding, initial=0.0))
        if eps > epsilon(value.dtype) and largest > noise:
            return np.minimum(eps * rounding, _WORST * largest)
        return eps * rounding


def _perturbed(
    tape: Tape, seeds: Mapping[Value, Any], of: Collection[Value], rng: Any
) -> dict[Value, Any]:
    data: dict[Value, Any] = {}

    def noisy(x: Any, dtype: Any) -> Any:
        noise = rng.uniform(-1.0, 1.0, np.shape(x))
        return x + (_STEP * x + _LEAST * float(np.finfo(dtype).tiny)) * noise

    for value in tape.values:
        if value.data is None or not value.has_gradient:
            continue
        if value.op is None:
            data[value] = noisy(np.asarray(value.data, np.float64), value.dtype)
            continue
        operands = [data.get(x, x.data) for x in value.parents]
        if any(x.data is None and not x.is_left_out for x in value.parents):
            data[value] = noisy(np.asarray(value.data, np.float64), value.dtype)
        else:
            data[value] = noisy(value.op.kernel(*operands, **value.params), value.dtype)

    def read(user: Value, x: Value) -> Any:
        assert user.op is not None
        return x.argument if user.op.name in _BENT else data.get(x, x.argument)

    def given(value: Value, g: Any) -> Any:
        return noisy(g, value.dtype)

    return tape.gradients(
        {value: np.asarray(g, np.float64) for value, g in seeds.items()},
        given=given,
        data=read,
        toward=of,
    )


def _largest(x: Any) -> float:
    finite = np.abs(x[np.isfinite(x)]) if np.ndim(x) else np.abs(x)
    return float(np.max(finite)) if np.size(finite) else 0.0
