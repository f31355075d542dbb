"""What the bank is written in: models, hand-derived steps, and mistakes in them.

A `Model` is a forward pass, and a table of steps: ``"dz2"`` is the gradient of ``v.z2``, in plain
NumPy, from the values ``v`` and from the gradients derived before it. A `Mistake` replaces some of
the steps; those after it inherit what it spoils. A `Correct` replaces steps by others as good.

The forward pass is written once and run three times: on arrays, for the values that the steps see;
on Tensors, for the graph; and with HIPS autograd, for gradients that nothing here had a part in.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import autograd
import autograd.numpy
import numpy as np
import numpy.typing as npt

import microtensor as mt

Array = npt.NDArray[Any]
Forward = Callable[["Values", Any], None]
Step = Callable[["Values"], Any]
Steps = Mapping[str, Step]


class Values:
    """What a derivation has so far, as attributes (``v.z2``) and as items (``v["z2"]``)."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self[name] = value

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, mt.Tensor):
            value.name = name
        self.__dict__[name] = value

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"nothing is called {name} yet, only {', '.join(self.__dict__)}")

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)


class Tapped(Values):
    """Values to each of which a zero is added: its gradient is that of the value."""

    def __init__(self, values: Mapping[str, Any], taps: Mapping[str, Any]) -> None:
        self.__dict__["taps"] = taps
        super().__init__(values)

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value + self.taps[name] if name in self.taps else value


class Model:
    """A forward pass from ``arrays`` to ``v.loss``, and the derivation of its gradients.

    ``arrays(rng)`` gives data and parameters by name; ``forward(v, np)`` computes with ``v`` and
    with the NumPy that it is given. What ``steps`` derive a gradient of requires one. If there is a
    ``v.earlier``, it is the loss of a pass before this, whose gradients are still in ``.grad``. An
    array ``seed`` is the gradient of a ``v.loss`` that has more than one element. ``condition`` is
    by how much the computation enlarges rounding errors.
    """

    def __init__(
        self,
        name: str,
        arrays: Callable[[np.random.Generator], Mapping[str, Array]],
        forward: Forward,
        steps: Steps,
        dtype: npt.DTypeLike = np.float64,
        *,
        condition: float = 1.0,
    ) -> None:
        self.name = name
        self.condition = condition
        self.forward = forward
        self.steps = steps
        self.dtype = np.dtype(dtype)
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        self.arrays = {
            name: array.astype(dtype) if array.dtype.kind == "f" else array
            for name, array in arrays(rng).items()
        }

    def __str__(self) -> str:
        return self.name

    def values(self, dtype: npt.DTypeLike | None = None) -> dict[str, Any]:
        """Run it on arrays, for all that it computes."""
        arrays = {
            name: array.astype(dtype or self.dtype) if array.dtype.kind == "f" else array
            for name, array in self.arrays.items()
        }
        values = Values(arrays)
        self.forward(values, np)
        return dict(values.__dict__)

    def tensors(self) -> Values:
        """Run it on Tensors, each named."""
        values = Values({})
        for name, array in self.arrays.items():
            is_constant = array.dtype.kind != "f"
            wanted = f"d{name}" in self.steps
            values[name] = array if is_constant else mt.tensor(array, requires_grad=wanted)
        self.forward(values, np)
        if "earlier" in values.__dict__:
            values.earlier.backward()
        return values

    def derive(self, steps: Steps, dtype: npt.DTypeLike | None = None) -> Values:
        """Follow the derivation with ``steps`` in place of the model's own of these names."""
        values = Values(self.values(dtype))
        for name, step in {**self.steps, **steps}.items():
            values[name] = np.asarray(step(values))
        return values

    @property
    def seed(self) -> Array | None:
        """The gradient of the output, where the output is more than a number."""
        return self.arrays.get("seed")

    def eps(self, dtype: npt.DTypeLike | None = None) -> float:
        """The rounding error of its arithmetic, or of a coarser one's."""
        both = (self.dtype, dtype or self.dtype)
        return self.condition * max(float(np.finfo(each).eps) for each in both)

    @property
    def names(self) -> list[str]:
        """The tensors that the table derives gradients of, in its order."""
        return [name[1:] for name in self.steps]

    def autograd(self) -> dict[str, Array]:
        """The gradients that microtensor computes."""
        tensors = self.tensors()
        wanted = [tensors[name] for name in self.names]
        gradients = mt.autograd.grad(tensors.loss, wanted, self.seed)
        return {name: g.numpy() for name, g in zip(self.names, gradients, strict=True)}

    def hips(self) -> dict[str, Array]:
        """The gradients that HIPS autograd computes, in float64."""
        values = self.values(np.float64)
        arrays = {name: values[name] for name in self.arrays}

        def loss(taps: Mapping[str, Any]) -> Any:
            tapped = Tapped(arrays, taps)
            self.forward(tapped, autograd.numpy)
            return tapped.loss if self.seed is None else (tapped.loss * self.seed).sum()

        taps = {name: np.zeros_like(values[name]) for name in self.names}
        gradients: dict[str, Array] = autograd.grad(loss)(taps)
        return gradients


class Cause:
    """What a wrong row's cause is expected to say: one of ``kinds``, and what else is named.

    More than one kind stands only where they are the same array, and each reading is right.
    """

    def __init__(
        self,
        *kinds: str,
        factor: float | None = None,
        op: str | None = None,
        used: str | None = None,
        expected: str | None = None,
    ) -> None:
        self.kinds = frozenset(kinds)
        self.factor = factor
        self.op = op
        self.used = used
        self.expected = expected

    def __repr__(self) -> str:
        details = [f"{name}={value}" for name, value in vars(self).items() if value is not None]
        return f"Cause({', '.join(details)})"


@dataclass(frozen=True, eq=False)
class Case:
    """Steps in place of a model's own, and what of them is handed over."""

    about: str
    steps: Steps
    given: frozenset[str] | None
    """The tensors whose gradients are handed over; all, if None."""
    conventions: frozenset[str]
    """Those whose gradients carry a factor that later steps make up for."""
    dtype: npt.DTypeLike | None
    """What the arithmetic by hand is done in, where it is not the model's."""

    def handed_over(self, model: Model) -> list[str]:
        """The tensors whose gradients are handed over, in backpropagation order."""
        return [name for name in model.names if self.given is None or name in self.given]


@dataclass(frozen=True, eq=False)
class Correct(Case):
    """A derivation that deserves no alarm."""


@dataclass(frozen=True, eq=False)
class Mistake(Case):
    """Steps that are wrong, and the roots that are to be found, with their causes."""

    roots: Mapping[str, Cause]


def correct(
    about: str,
    steps: Steps | None = None,
    *,
    given: str | None = None,
    conventions: str = "",
    dtype: npt.DTypeLike | None = None,
) -> Correct:
    """Write a `Correct`, names separated by blanks."""
    return Correct(about, steps or {}, _names(given), frozenset(conventions.split()), dtype)


def mistake(
    about: str,
    steps: Steps,
    *,
    given: str | None = None,
    conventions: str = "",
    dtype: npt.DTypeLike | None = None,
    **roots: str | Cause,
) -> Mistake:
    """Write a `Mistake`; each keyword is a root, with its cause or only the cause's kind."""
    causes = {
        name: Cause(cause) if isinstance(cause, str) else cause for name, cause in roots.items()
    }
    return Mistake(about, steps, _names(given), frozenset(conventions.split()), dtype, causes)


def _names(names: str | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names.split())


def differs(hand: Array, truth: Array, eps: float, floor: float = 0.0) -> bool:
    """Whether two arrays differ in shape, or by more than rounding (and by more than ``floor``).

    ``eps`` is that of the arithmetic, unless the array's own is coarser; NaN is equal to NaN.
    """
    if hand.shape != truth.shape:
        return True
    eps = max(eps, float(np.finfo(hand.dtype).eps))
    finite = np.abs(truth[np.isfinite(truth)])
    tolerance = 200 * eps * float(finite.max(initial=0.0)) + floor
    return not np.allclose(hand, truth, rtol=0, atol=tolerance, equal_nan=True)


def wrong(model: Model, values: Values, truth: Mapping[str, Array], eps: float) -> set[str]:
    """Return the tensors whose gradients in ``values`` differ from the truth.

    A gradient that is zero in theory is rounding noise, as large as what cancelled.
    """
    floor = 16 * eps * max(float(np.abs(g).max()) for g in truth.values())
    return {name for name in model.names if differs(values[f"d{name}"], truth[name], eps, floor)}
