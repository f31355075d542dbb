"""What happens in training, written down iteration by iteration."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, DtypeError, GradientError, ShapeError
from ..nn import Module
from ..tensor import Tensor

__all__ = ["History"]


class History:
    """Writes down metrics, and how large gradients and updates are, at each iteration.

    Make it when training is about to begin, and call `record` once per iteration, after
    ``optimizer.step()`` and before the gradients are zeroed. What `plot_history`, `plot_gradients`,
    `plot_updates` and `plot_histograms` draw is all in its attributes, which can be read at any
    time.

    Parameters
    ----------
    parameters
        What is trained: an `nn.Module`, or Tensors by their names, ``{"W1": W1, "b1": b1}``.
        Without it only metrics and activations are recorded. A copy of the values is held, to see
        by how much they change.
    keep
        The names of the parameters, or of layers, whose values and gradients are kept as arrays,
        or ``True`` for all. Norms need no arrays; histograms do.
    every
        Arrays, those of activations too, are kept at the first iteration and each ``every``-th
        after it. Numbers are kept at every iteration.

    Attributes
    ----------
    iterations : list[int]
        1, 2, 3, … Every list below is of this length, and has ``None`` where there was nothing.
    metrics : dict[str, list[float | None]]
        What `record` was given by name, such as ``"loss"``.
    layers : dict[str, list[str]]
        The names of the parameters of each layer: of each module that has some of its own. A
        parameter that is in no module below the outermost is its own layer.
    gradient_norms : dict[str, list[float | None]]
        The Euclidean norm of each parameter's gradient.
    parameter_norms : dict[str, list[float]]
        That of its values: those the gradient was computed at, before the update.
    update_norms : dict[str, list[float]]
        That of the difference which the update made.
    values : dict[str, list[numpy.ndarray | None]]
        The arrays that were kept, of parameters (before the update, as above) and activations.
    gradients : dict[str, list[numpy.ndarray | None]]
        The gradients that were kept, of parameters, and of activations where they were given.

    Raises
    ------
    ArgumentError
        If ``keep`` has a name that is none of a parameter or layer, ``every`` is below 1, or a
        parameter was computed by an operation.
    TypeError
        If ``parameters`` are no module and no mapping of Tensors.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> from microtensor import nn, optim
    >>> model = nn.Linear(2, 1, bias=False)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> history = mt.viz.History(model)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     loss = (model(np.eye(2)) ** 2).sum()
    ...     loss.backward()
    ...     optimizer.step()
    ...     history.record(loss=loss)
    >>> history
    History(3 iterations of loss, 1 parameter)
    >>> update, value = history.update_norms["weight"], history.parameter_norms["weight"]
    >>> [round(u / v, 3) for u, v in zip(update, value)]
    [0.2, 0.2, 0.2]
    """

    def __init__(
        self,
        parameters: Module | Mapping[str, Tensor] | None = None,
        *,
        keep: bool | Iterable[str] = False,
        every: int = 1,
    ) -> None:
        self._parameters = _named(parameters)
        self.layers = _layers(self._parameters, isinstance(parameters, Module))
        self._kept = self._names_to_keep(keep)
        if not isinstance(every, int) or every < 1:
            raise ArgumentError(f"every is {every!r}, and must be a whole number from 1 on.")
        self.every = every
        self.iterations: list[int] = []
        self.metrics: dict[str, list[float | None]] = {}
        self.gradient_norms: dict[str, list[float | None]] = {n: [] for n in self._parameters}
        self.parameter_norms: dict[str, list[float]] = {n: [] for n in self._parameters}
        self.update_norms: dict[str, list[float]] = {n: [] for n in self._parameters}
        self.values: dict[str, list[npt.NDArray[Any] | None]] = {n: [] for n in self._kept}
        self.gradients: dict[str, list[npt.NDArray[Any] | None]] = {n: [] for n in self._kept}
        self._before: dict[str, npt.NDArray[Any]] = {
            name: tensor.data.copy() for name, tensor in self._parameters.items()
        }

    def __len__(self) -> int:
        """Return the number of iterations that were recorded."""
        return len(self.iterations)

    def __repr__(self) -> str:
        metrics = ", ".join(self.metrics)
        return (
            f"History({_count(len(self), 'iteration')}{f' of {metrics}' if metrics else ''}, "
            f"{_count(len(self._parameters), 'parameter')})"
        )

    def record(
        self,
        *,
        activations: Mapping[str, Any] | None = None,
        gradients: Mapping[str, Any] | None = None,
        **metrics: Any,
    ) -> None:
        """Write down an iteration: call it after the optimizer's step, before `zero_grad`.

        Nothing is written down if it raises.

        Parameters
        ----------
        activations
            Results of layers, or any other tensors and arrays, by their names: they are kept.
        gradients
            Gradients of activations, by the same names. `backward` keeps none of these;
            ``mt.autograd.grad(loss, [a1, a2], retain_graph=True)`` before it computes them.
        **metrics
            Numbers, or Tensors with one element: ``loss=loss, accuracy=0.9``. Not every one needs
            to be measured at every iteration.

        Raises
        ------
        GradientError
            If no parameter has a gradient.
        ArgumentError
            If there is nothing to record, an activation is called as a parameter is, or a gradient
            is given whose activation is not.
        ShapeError
            If a metric has more than one element, or a gradient another shape than its activation.
        DtypeError
            If something is not real numbers.

        Warns
        -----
        UserWarning
            If no parameter has changed before the first call, which then comes too early.
        """
        numbers = {
            name: _number(name, value) for name, value in metrics.items() if value is not None
        }
        arrays = self._activations(activations or {}, gradients or {})
        if not (self._parameters or numbers or arrays):
            raise ArgumentError(
                "There is nothing to record: give a metric, record(loss=loss), or the model to "
                "History(model)."
            )
        after = {name: tensor.data.copy() for name, tensor in self._parameters.items()}
        of_parameters = {
            name: None if tensor.grad is None else tensor.grad.data
            for name, tensor in self._parameters.items()
        }
        self._check(of_parameters, after)

        self.iterations.append(len(self) + 1)
        _append(self.metrics, numbers, len(self))
        for name, gradient in of_parameters.items():
            before = self._before[name]
            self.gradient_norms[name].append(None if gradient is None else _norm(gradient))
            self.parameter_norms[name].append(_norm(before))
            with np.errstate(all="ignore"):
                self.update_norms[name].append(_norm(after[name] - before))
            if name in self._kept:
                arrays[name] = before, None if gradient is None else gradient.copy()
        if (len(self) - 1) % self.every:
            arrays = {}
        _append(self.values, {name: value for name, (value, _) in arrays.items()}, len(self))
        kept = {name: gradient for name, (_, gradient) in arrays.items() if gradient is not None}
        _append(self.gradients, kept, len(self))
        self._before = after

    def _names_to_keep(self, keep: bool | Iterable[str]) -> list[str]:
        if isinstance(keep, bool):
            return list(self._parameters) if keep else []
        names: dict[str, None] = {}
        for name in [keep] if isinstance(keep, str) else keep:
            if name not in self._parameters and name not in self.layers:
                raise ArgumentError(
                    f"keep has {name!r}, and there is no such parameter or layer: there are "
                    f"{_listed({**self.layers, **self._parameters})}. Activations are kept if they "
                    "are given to record(activations={...})."
                )
            names.update(dict.fromkeys(self.layers.get(name, [name])))
        return list(names)

    def _activations(
        self, activations: Mapping[str, Any], gradients: Mapping[str, Any]
    ) -> dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any] | None]]:
        """Return copies of activations and their gradients, by name."""
        for name in gradients:
            if name not in activations:
                raise ArgumentError(
                    f"The gradient of {name!r} needs its activation: give both, "
                    f"record(activations={{{name!r}: ...}}, gradients={{{name!r}: ...}})."
                )
        arrays: dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any] | None]] = {}
        for name, activation in activations.items():
            if name in self._parameters:
                raise ArgumentError(
                    f"{name!r} is a parameter, and an activation cannot be called the same: keep a "
                    "parameter's values with History(..., keep=...), or call the activation "
                    "otherwise."
                )
            value = _array(name, activation)
            gradient = None if gradients.get(name) is None else _array(name, gradients[name])
            if gradient is not None and gradient.shape != value.shape:
                raise ShapeError(
                    f"The gradient of {name!r} has shape {gradient.shape}, and the activation "
                    f"{value.shape}."
                )
            arrays[name] = value, gradient
        return arrays

    def _check(self, gradients: Mapping[str, Any], after: Mapping[str, npt.NDArray[Any]]) -> None:
        """Raise or warn if this is not the moment between step() and zero_grad()."""
        if not gradients:
            return
        if all(gradient is None for gradient in gradients.values()):
            raise GradientError(
                f"No parameter has a gradient, of {_listed(gradients)}: call record() after "
                "backward() and optimizer.step(), and before zero_grad()."
            )
        if not self.iterations and all(
            np.array_equal(after[name], before) for name, before in self._before.items()
        ):
            warnings.warn(
                "No parameter has changed since this History was made. Call record() after "
                "optimizer.step(); called before it, updates are written down an iteration late.",
                stacklevel=3,
            )


def _named(parameters: Any) -> dict[str, Tensor]:
    if parameters is None:
        return {}
    if isinstance(parameters, Module):
        return dict(parameters.named_parameters())
    if not isinstance(parameters, Mapping):
        raise TypeError(
            "A History is made for a nn.Module, or for Tensors by their names, {'W1': W1}, and not "
            f"for a {type(parameters).__name__}: give the model itself, or such a dict."
        )
    for name, tensor in parameters.items():
        if not (isinstance(name, str) and isinstance(tensor, Tensor)):
            raise TypeError(
                f"A History takes Tensors by their names, and {name!r} is a "
                f"{type(tensor).__name__}."
            )
        if not tensor.is_leaf:
            raise ArgumentError(
                f"{name!r} of shape {tensor.shape} was computed by an operation, and is no "
                "parameter: give it to record(activations={...})."
            )
    return dict(parameters)


def _layers(names: Iterable[str], in_modules: bool) -> dict[str, list[str]]:
    layers: dict[str, list[str]] = {}
    for name in names:
        path = name.rpartition(".")[0] if in_modules else ""
        layers.setdefault(path or name, []).append(name)
    return layers


def _append(columns: dict[str, list[Any]], row: Mapping[str, Any], length: int) -> None:
    """Make every column one longer, so that all have ``length``; new ones begin with ``None``."""
    for name in row:
        columns.setdefault(name, [None] * (length - 1))
    for name, column in columns.items():
        column.append(row.get(name))


def _norm(array: npt.NDArray[Any]) -> float:
    """Return the Euclidean norm of all elements, computed in double precision."""
    with np.errstate(all="ignore"):
        return float(np.linalg.norm(array.astype(float, copy=False).ravel()))


def _array(name: str, value: Any) -> npt.NDArray[Any]:
    array = np.array(value.data if isinstance(value, Tensor) else value)
    if array.dtype.kind not in "biuf":
        raise DtypeError(f"{name!r} has dtype {array.dtype}, and real numbers can be recorded.")
    return array


def _number(name: str, value: Any) -> float:
    array = _array(name, value)
    if array.size != 1:
        raise ShapeError(
            f"The metric {name!r} has shape {array.shape}, and must be one number: record its "
            "mean(), or give it with activations={...}."
        )
    return float(array.item())


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _listed(names: Iterable[str]) -> str:
    """List the first names."""
    names = list(names)
    return ", ".join(map(repr, names[:8])) + (", …" if len(names) > 8 else "") or "none"
