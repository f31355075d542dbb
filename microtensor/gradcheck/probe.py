"""The function under test: its values, how exact they are, and its recorded derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import autograd
from ..errors import GradcheckError, GradientError, InternalError
from ..record import as_tensor
from ..state import enable_grad
from ..tensor import Tensor

__all__ = ["Probe", "elements", "epsilon", "is_floating", "jacobian_of", "outputs_of"]

Array = npt.NDArray[np.float64]
Index = tuple[int, ...]


class Probe:
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
            return xs, outputs_of(self.fn(*given))

    def values(self, arrays: dict[int, Any]) -> Array:
        """Return the elements of all outputs, one after another."""
        return elements(self(arrays)[1])

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
        values, rng = elements(outputs), np.random.default_rng(0)
        moves = np.zeros_like(values)
        for _ in range(8):
            moved = {
                i: x + (rng.integers(-2, 3, x.shape) * np.spacing(abs(x))).astype(x.dtype)
                for i, x in self.arrays.items()
            }
            moves = np.fmax(moves, abs(self.values(moved) - values))
        precision = np.concatenate([np.full(y.size, epsilon(y.dtype)) for y in outputs])
        scale = max(1.0, *(float(abs(x).max(initial=0)) for x in self.arrays.values()))
        jumps = moves > 2.0**20 * precision * np.maximum(abs(values), scale)
        return np.where(jumps, 0, moves) + precision * abs(values)


def jacobian_of(xs: dict[int, Tensor], outputs: Sequence[Tensor]) -> dict[int, Array]:
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
                    raise GradcheckError(f"gradcheck: {error}") from error
            for (i, x), g in zip(xs.items(), found, strict=True):
                rows[i].append(np.zeros(x.size) if g is None else g.data.astype(float).ravel())
    return {i: np.reshape(rows[i], (len(rows[i]), x.size)) for i, x in xs.items()}


def outputs_of(returned: Any) -> list[Tensor]:
    """Return what a function returned as Tensors."""
    return [as_tensor(y) for y in (returned if isinstance(returned, (tuple, list)) else [returned])]


def elements(tensors: Sequence[Tensor]) -> Array:
    """Return the elements of all tensors, one after another."""
    return np.concatenate([np.zeros(0), *(t.data.astype(float).ravel() for t in tensors)])


def is_floating(output: Tensor) -> bool:
    """Tell whether an output can have a gradient."""
    return output.dtype.kind == "f"


def epsilon(dtype: np.dtype[Any]) -> float:
    """Return the distance from 1 to the next number of a dtype; 0 for integers."""
    return float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0
