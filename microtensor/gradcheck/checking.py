"""Checking derivative rules against finite differences: every element, to second order."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import autograd
from ..errors import GradcheckError
from ..record import as_tensor
from ..tensor import Tensor
from .differences import Estimate, differentiate
from .mismatch import Mismatch, report
from .probe import Probe, elements, epsilon, is_floating, jacobian_of, outputs_of

__all__ = ["gradcheck", "gradgradcheck"]

Array = npt.NDArray[np.float64]

_NOISE = 2.0**-42
"""How far a derivative may be off by the rounding of others, relative to the largest of them."""
_SCATTER = {True: 0.0, False: 0.01}
"""How much estimates may scatter beyond what is tolerated: none in float64."""


def gradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 0.05,
    atol: float = 1e-10,
    rtol: float = 1e-6,
    raise_exception: bool = True,
) -> bool:
    """Check the gradients of ``fn`` against finite differences, every element of the Jacobian.

    Each derivative is estimated by central differences at ever smaller steps, extrapolated to
    step 0 (Ridders' method; Numerical Recipes, §5.7). Which estimate counts depends on how well
    they agree among each other, never on the gradient under test. An element is right if it
    differs from the estimate by no more than ``atol``, plus ``rtol`` times the estimate, plus what
    rounding in ``fn`` explains.

    Parameters
    ----------
    fn
        A function of as many arguments as there are inputs. It returns a tensor, or several.
    inputs
        One input, or a sequence of them. Floating-point arrays and numbers, and tensors that
        require a gradient, are differentiated; all others are constants. ``fn`` gets copies.
    eps
        The largest step, in units of the element, or of 1 if that is larger.
    atol
        The absolute tolerance. For a derivative below 1 and not 0 it shrinks in proportion, so that
        small ones are checked as closely as large ones, also beside them.
    rtol
        The tolerance relative to the estimate.
    raise_exception
        Raise if an element is wrong; otherwise return ``False``.

    Raises
    ------
    GradcheckError
        With a table of the worst elements: input, index, analytic, numeric and why. Also if a value
        or a gradient is not finite or has the wrong shape, or ``fn`` is not the same called again.
    GradientError
        If no input is to be differentiated.

    Warns
    -----
    UserWarning
        If an input or output is less precise than float64: then only gross errors show.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> from microtensor.gradcheck import gradcheck
    >>> gradcheck(lambda x, y: np.tanh(x) @ y, (np.ones((2, 3)), np.ones(3)))
    True

    A kink is told from an error. It is reported all the same, since nothing could be checked:

    >>> gradcheck(mt.relu, np.array([-1.0, 0.0]))
    Traceback (most recent call last):
    microtensor.errors.GradcheckError: gradcheck: 1 of 4 derivatives is not what differences show:
      input  index  output  analytic  numeric  ratio  reason
          0   (1,)    (1,)         0      0.5      0  kink: 0 on the left, 1 on the right
    At a kink any value between the one-sided derivatives is right: check at other inputs.
    """
    if not (eps > 0 and atol >= 0 and rtol >= 0):
        raise ValueError(
            f"gradcheck() takes eps > 0 and atol, rtol >= 0, not {eps}, {atol}, {rtol}"
        )
    try:
        _check(Probe(fn, inputs), eps, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 0.05,
    atol: float = 1e-10,
    rtol: float = 1e-6,
    raise_exception: bool = True,
) -> bool:
    """Check the gradients of the gradients of ``fn``, as `gradcheck` checks those of ``fn``.

    The gradients are a function of the inputs and of ``grad_outputs``, the gradients of something
    with respect to the floating-point outputs, and are checked with respect to both.
    ``grad_outputs`` is an array for one output, or a sequence; by default random, and the same at
    each call. The other parameters, the errors and the warnings are those of `gradcheck`.

    >>> import numpy as np
    >>> from microtensor.gradcheck import gradgradcheck
    >>> gradgradcheck(np.exp, np.array([0.0, 1.0]))
    True
    """
    probe = Probe(fn, inputs)
    _, outputs = probe(probe.arrays)
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        seeds = [rng.standard_normal(y.shape).astype(y.dtype) for y in outputs if is_floating(y)]
    else:
        seeds = list(grad_outputs if isinstance(grad_outputs, (tuple, list)) else [grad_outputs])

    def gradients(*given: Any) -> list[Tensor]:
        xs = [given[i] for i in probe.arrays]
        outputs = outputs_of(fn(*given[: len(probe.inputs)]))
        pairs = zip(filter(is_floating, outputs), given[len(probe.inputs) :], strict=True)
        recorded = [(y, g) for y, g in pairs if y.requires_grad]
        found: Sequence[Tensor | None] = [None] * len(xs)
        if recorded:
            ys, gs = zip(*recorded, strict=True)
            found = autograd.grad(ys, xs, gs, create_graph=True, allow_unused=True)
        return [
            as_tensor(np.zeros_like(x.data)) if g is None else g
            for x, g in zip(xs, found, strict=True)
        ]

    return gradcheck(
        gradients,
        (*probe.inputs, *seeds),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
    )


def _check(probe: Probe, eps: float, atol: float, rtol: float) -> None:
    xs, outputs = probe(probe.arrays)
    values = elements(outputs)
    places = [(i, at) for i, output in enumerate(outputs) for at in np.ndindex(output.shape)]
    for (i, at), value in zip(places, values, strict=True):
        if not np.isfinite(value):
            raise GradcheckError(f"gradcheck: output {i} is {value} at {at}: there is no gradient.")
    if not np.array_equal(values, probe.values(probe.arrays)):
        raise GradcheckError("gradcheck: fn gave two different values for the same inputs.")
    _warn_if_imprecise(probe, outputs)
    rounding = probe.rounding(outputs)
    jacobian = jacobian_of(xs, outputs)

    mismatches: list[Mismatch] = []
    for i, x in probe.arrays.items():
        estimates = [
            differentiate(
                probe.along(i, at), x[at], middle=values, rounding=rounding, eps=eps, rtol=rtol
            )
            for at in np.ndindex(x.shape)
        ]
        noise = _NOISE * _largest(estimates, [output for output, _ in places])
        for at, e, column in zip(np.ndindex(x.shape), estimates, jacobian[i].T, strict=True):
            scale = np.where(e.value == 0, 1.0, np.minimum(abs(e.value), 1.0))
            tolerated = atol * scale + rtol * abs(e.value) + e.rounding + noise
            settled = tolerated + _SCATTER[x.dtype.itemsize >= 8] * abs(e.value)
            with np.errstate(invalid="ignore", divide="ignore"):
                excess = np.where(column == e.value, 0, abs(column - e.value) / tolerated)
            mismatches += [
                Mismatch(
                    probe.label(i),
                    at,
                    *places[k],
                    float(column[k]),
                    float(e.value[k]),
                    float(e.left[k]),
                    float(e.right[k]),
                    e.reason(k, column[k], tolerated[k]),
                    float(excess[k]),
                )
                for k in np.flatnonzero(~((excess <= 1) & (e.spread <= settled))).tolist()
            ]
    if mismatches:
        checked = sum(block.size for block in jacobian.values())
        raise GradcheckError(report(mismatches, checked, outputs), mismatches)


def _largest(estimates: Sequence[Estimate], outputs: Sequence[int]) -> Array:
    """Return for each value the largest derivative of the output that it belongs to."""
    derivatives = np.reshape([e.value for e in estimates], (len(estimates), len(outputs)))
    each = np.fmax.reduce(abs(derivatives), axis=0, initial=0.0)
    top = {i: np.fmax.reduce(each, where=np.equal(outputs, i), initial=0.0) for i in set(outputs)}
    return np.array([top[i] for i in outputs])


def _warn_if_imprecise(probe: Probe, outputs: Sequence[Tensor]) -> None:
    named = {f"input {probe.label(i)}": x.dtype for i, x in probe.arrays.items()}
    named |= {f"output {i}": output.dtype for i, output in enumerate(outputs)}
    for name, dtype in named.items():
        if epsilon(dtype) > 1e-15:
            digits = max(1, round(-2 / 3 * float(np.log10(epsilon(dtype)))))
            warnings.warn(
                f"gradcheck: {name} is {dtype}, whose differences hold to some {digits} digits, "
                "so that only gross errors show: give float64 inputs.",
                stacklevel=4,
            )
            return
