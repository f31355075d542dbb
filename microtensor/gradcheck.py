"""Checking derivative rules against finite differences: every element, to second order."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import autograd
from .differences import Estimate, differentiate
from .errors import GradcheckError, GradientError, InternalError
from .record import as_tensor
from .state import enable_grad
from .tensor import Tensor

__all__ = ["Mismatch", "gradcheck", "gradgradcheck"]

Array = npt.NDArray[np.float64]
Index = tuple[int, ...]

_NOISE = 2.0**-42
"""How far a derivative may be off by the rounding of others, relative to the largest of them."""
_SCATTER = {True: 0.0, False: 0.01}
"""How much estimates may scatter beyond what is tolerated: none in float64."""
_SHOWN = 10
"""How many elements a message lists."""


class Mismatch(NamedTuple):
    """An element of the Jacobian whose recorded gradient is not what finite differences show.

    ``reason`` is ``"wrong"``; ``"kink"`` where the one-sided derivatives ``left`` and ``right``
    differ and the analytic one is between them; ``"jump"`` where they grow as the step shrinks;
    ``"no limit"`` where the differences settle on nothing; or ``"not finite"``. ``excess`` is the
    difference in units of what was tolerated.
    """

    input: str
    input_index: Index
    output: int
    output_index: Index
    analytic: float
    numeric: float
    left: float
    right: float
    reason: str
    excess: float


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
        _check(_Probe(fn, inputs), eps, atol, rtol)
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
    probe = _Probe(fn, inputs)
    _, outputs = probe(probe.arrays)
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        seeds = [rng.standard_normal(y.shape).astype(y.dtype) for y in outputs if _floats(y)]
    else:
        seeds = list(grad_outputs if isinstance(grad_outputs, (tuple, list)) else [grad_outputs])

    def gradients(*given: Any) -> list[Tensor]:
        xs = [given[i] for i in probe.arrays]
        outputs = _outputs(fn(*given[: len(probe.inputs)]))
        pairs = zip(filter(_floats, outputs), given[len(probe.inputs) :], strict=True)
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


def _check(probe: _Probe, eps: float, atol: float, rtol: float) -> None:
    xs, outputs = probe(probe.arrays)
    values = _flat(outputs)
    places = [(i, at) for i, output in enumerate(outputs) for at in np.ndindex(output.shape)]
    for (i, at), value in zip(places, values, strict=True):
        if not np.isfinite(value):
            raise GradcheckError(f"gradcheck: output {i} is {value} at {at}: there is no gradient.")
    if not np.array_equal(values, probe.values(probe.arrays)):
        raise GradcheckError("gradcheck: fn gave two different values for the same inputs.")
    _warn_if_imprecise(probe, outputs)
    rounding = probe.rounding(outputs)
    jacobian = _jacobian(xs, outputs)

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
        raise GradcheckError(_report(mismatches, checked, outputs), mismatches)


def _largest(estimates: Sequence[Estimate], outputs: Sequence[int]) -> Array:
    """Return for each value the largest derivative of the output that it belongs to."""
    derivatives = np.reshape([e.value for e in estimates], (len(estimates), len(outputs)))
    each = np.fmax.reduce(abs(derivatives), axis=0, initial=0.0)
    top = {i: np.fmax.reduce(each, where=np.equal(outputs, i), initial=0.0) for i in set(outputs)}
    return np.array([top[i] for i in outputs])


class _Probe:
    """The function under test and its inputs: called with copies, so that it cannot change them."""

    def __init__(self, fn: Callable[..., Any], inputs: Any) -> None:
        several = isinstance(inputs, Sequence) and not isinstance(inputs, (str, Tensor))
        self.fn = fn
        self.inputs: list[Any] = []
        self.arrays: dict[int, npt.NDArray[Any]] = {}
        for i, x in enumerate(inputs if several else (inputs,)):
            if isinstance(x, Tensor):
                x = Tensor(x.data, requires_grad=x.requires_grad, name=x.name)
                differentiated = x.requires_grad
            else:
                x = np.array(x) if isinstance(x, (np.ndarray, np.generic, float)) else x
                differentiated = isinstance(x, np.ndarray) and x.dtype.kind == "f"
            self.inputs.append(x)
            if differentiated:
                self.arrays[i] = x.data if isinstance(x, Tensor) else x
        if not self.arrays:
            raise GradientError(
                "gradcheck() has nothing to check: none of the inputs is a floating-point array, "
                "or a tensor that requires a gradient."
            )

    def name(self, i: int) -> str | None:
        """Return the name of an input, if it is a tensor that has one."""
        return self.inputs[i].name if isinstance(self.inputs[i], Tensor) else None

    def label(self, i: int) -> str:
        """Return what a message calls an input."""
        return self.name(i) or str(i)

    def __call__(self, arrays: dict[int, Any]) -> tuple[dict[int, Tensor], list[Tensor]]:
        """Return tensors made of ``arrays``, by position, and the outputs for them."""
        xs = {i: Tensor(x, requires_grad=True, name=self.name(i)) for i, x in arrays.items()}
        given = [
            xs[i] if i in xs else x.copy() if isinstance(x, (np.ndarray, Tensor)) else x
            for i, x in enumerate(self.inputs)
        ]
        with enable_grad(), np.errstate(all="ignore"):
            return xs, _outputs(self.fn(*given))

    def values(self, arrays: dict[int, Any]) -> Array:
        """Return the elements of all outputs, one after another."""
        return _flat(self(arrays)[1])

    def along(self, i: int, at: Index) -> Callable[[Any], Array]:
        """Return the values as a function of one element of one input."""

        def values(element: Any) -> Array:
            x = self.arrays[i].copy()
            x[at] = element
            return self.values(self.arrays | {i: x})

        return values

    def rounding(self, outputs: Sequence[Tensor]) -> Array:
        """Estimate how far each value is off by rounding: what changes in the last bits do to it.

        That is more than a rounding of the value itself where large terms cancel. A change by more
        than cancellation explains is a jump of the function, and no rounding.
        """
        values, rng = _flat(outputs), np.random.default_rng(0)
        moves = np.zeros_like(values)
        for _ in range(8):
            moved = {
                i: x + (rng.integers(-2, 3, x.shape) * np.spacing(abs(x))).astype(x.dtype)
                for i, x in self.arrays.items()
            }
            moves = np.fmax(moves, abs(self.values(moved) - values))
        precision = np.concatenate([np.full(y.size, _epsilon(y.dtype)) for y in outputs])
        scale = max(1.0, *(float(abs(x).max(initial=0)) for x in self.arrays.values()))
        jumps = moves > 2.0**20 * precision * np.maximum(abs(values), scale)
        return np.where(jumps, 0, moves) + precision * abs(values)


def _jacobian(xs: dict[int, Tensor], outputs: Sequence[Tensor]) -> dict[int, Array]:
    """Return by input the recorded derivatives: a row for each value, a column for each element."""
    rows: dict[int, list[Array]] = {i: [] for i in xs}
    for output in outputs:
        for at in np.ndindex(output.shape):
            seed = np.zeros_like(output.data)
            seed[at] = 1
            found: Sequence[Tensor | None] = [None] * len(xs)
            if output.requires_grad:
                try:
                    with np.errstate(all="ignore"):
                        found = autograd.grad(
                            output, list(xs.values()), seed, retain_graph=True, allow_unused=True
                        )
                except InternalError as error:
                    raise GradcheckError(f"gradcheck: {error}.") from error
            for (i, x), g in zip(xs.items(), found, strict=True):
                rows[i].append(np.zeros(x.size) if g is None else g.data.astype(float).ravel())
    return {i: np.reshape(rows[i], (len(rows[i]), x.size)) for i, x in xs.items()}


def _outputs(returned: Any) -> list[Tensor]:
    return [as_tensor(y) for y in (returned if isinstance(returned, (tuple, list)) else [returned])]


def _flat(tensors: Sequence[Tensor]) -> Array:
    return np.concatenate([np.zeros(0), *(t.data.astype(float).ravel() for t in tensors)])


def _floats(output: Tensor) -> bool:
    return output.dtype.kind == "f"


def _epsilon(dtype: np.dtype[Any]) -> float:
    return float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0


def _warn_if_imprecise(probe: _Probe, outputs: Sequence[Tensor]) -> None:
    named = {f"input {probe.label(i)}": x.dtype for i, x in probe.arrays.items()}
    named |= {f"output {i}": output.dtype for i, output in enumerate(outputs)}
    for name, dtype in named.items():
        if _epsilon(dtype) > 1e-15:
            digits = max(1, round(-2 / 3 * float(np.log10(_epsilon(dtype)))))
            warnings.warn(
                f"gradcheck: {name} is {dtype}, whose differences hold to some {digits} digits, "
                "so that only gross errors show: give float64 inputs.",
                stacklevel=4,
            )
            return


def _report(mismatches: list[Mismatch], checked: int, outputs: Sequence[Tensor]) -> str:
    worst = sorted(mismatches, key=lambda m: -np.nan_to_num(m.excess, nan=np.inf))[:_SHOWN]
    rows = [("input", "index", "output", "analytic", "numeric", "ratio", "reason")]
    for m in worst:
        at_kink = f"{m.left:.6g} on the left, {m.right:.6g} on the right"
        rows.append(
            (
                m.input,
                str(m.input_index),
                f"{m.output} {m.output_index}" if len(outputs) > 1 else str(m.output_index),
                f"{m.analytic:.6g}",
                f"{m.numeric:.6g}",
                f"{m.analytic / m.numeric:.6g}" if m.numeric else "-",
                f"kink: {at_kink}" if m.reason == "kink" else m.reason,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    count = len(mismatches)
    lines = [
        f"gradcheck: {count} of {checked} derivatives {'is' if count == 1 else 'are'} "
        "not what differences show:"
    ]
    for *cells, reason in rows:
        padded = (cell.rjust(width) for cell, width in zip(cells, widths, strict=False))
        lines.append("  " + "  ".join([*padded, reason]))
    if count > _SHOWN:
        lines.append(f"  ... and {count - _SHOWN} more")
    if any(m.reason == "kink" for m in mismatches):
        lines.append(
            "At a kink any value between the one-sided derivatives is right: check at other inputs."
        )
    for i, output in enumerate(outputs):
        if not output.requires_grad and any(m.output == i for m in mismatches):
            lines.append(
                f"Output {i} does not require a gradient: fn computed it outside the graph, and "
                "its gradient counts as 0."
            )
    return "\n".join(lines)
