"""Clipping gradients: so that one step, of a few examples that are far off, cannot spoil all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ... import ops
from ...errors import ArgumentError, GradientError, TracingError
from ...functions import maximum, minimum, stack
from ...ops.norms import vector_norm
from ...record import current_trace
from ...state import no_grad
from ...tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]

Tensors = Tensor | Iterable[Tensor]


@no_grad()
def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale the gradients of ``parameters`` in place, so that their norm is at most ``max_norm``.

    The norm is that of all gradients as one vector. They are multiplied by
    ``max_norm / (norm + 1e-6)`` where that is below 1, as in `torch.nn.utils.clip_grad_norm_`.
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.

    Parameters
    ----------
    parameters
        Tensors, or one; those without a gradient are left out.
    max_norm
        The largest norm.
    norm_type
        The order of the norm; ``math.inf`` for the largest element.
    error_if_nonfinite
        Raise, and change nothing, if the norm is NaN or infinite.

    Returns
    -------
    The norm before, a Tensor without axes.

    Raises
    ------
    ArgumentError
        If ``max_norm`` is negative or NaN, or ``norm_type`` no number.
    GradientError
        If the norm is not finite, and ``error_if_nonfinite``.

    Examples
    --------
    >>> import microtensor as mt
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> w.grad = mt.tensor([30.0, 40.0])
    >>> clip_grad_norm_([w], max_norm=5.0)
    tensor(50.)
    >>> w.grad.data.round(4).tolist()
    [3.0, 4.0]
    """
    parameters = _listed(parameters)
    max_norm = _not_negative("max_norm", max_norm)
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


@no_grad()
def clip_grads_with_norm_(parameters: Tensors, max_norm: float, total_norm: Tensor) -> None:
    """Scale gradients in place as `clip_grad_norm_` does, given their norm."""
    max_norm = _not_negative("max_norm", max_norm)
    factor = minimum(max_norm / (total_norm + 1e-6), 1.0)
    for parameter in _listed(parameters):
        gradient = parameter.grad
        if gradient is not None:
            gradient *= factor if factor.dtype == gradient.dtype else factor.astype(gradient.dtype)
            parameter._grad = gradient


@no_grad()
def clip_grad_value_(parameters: Tensors, clip_value: float) -> None:
    """Limit each element of the gradients to between ``-clip_value`` and ``clip_value``, in place.

    Raises
    ------
    ArgumentError
        If ``clip_value`` is negative or NaN.

    Examples
    --------
    >>> import microtensor as mt
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> w.grad = mt.tensor([30.0, -0.5])
    >>> clip_grad_value_(w, 1.0)
    >>> w.grad
    tensor([ 1. , -0.5])
    """
    limit = _not_negative("clip_value", clip_value)
    for parameter in _listed(parameters):
        gradient = parameter.grad
        if gradient is not None:
            gradient[...] = minimum(maximum(gradient, -limit), limit)
            parameter._grad = gradient


@no_grad()
def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Return the norm of the elements of all Tensors, as one vector.

    Parameters and errors are those of `clip_grad_norm_`; without Tensors it is 0.

    Examples
    --------
    >>> import microtensor as mt
    >>> get_total_norm([mt.tensor([3.0, 0.0]), mt.tensor(4.0)])
    tensor(5.)
    """
    try:
        order = float(norm_type)
    except (TypeError, ValueError):
        order = math.nan
    if math.isnan(order):
        raise ArgumentError(f"norm_type is {norm_type!r}, and must be a number, such as 2.0.")
    norms = [_norm(tensor, order) for tensor in _listed(tensors) if tensor.size]
    total = _norm(stack(norms), order) if norms else Tensor(0.0)
    if error_if_nonfinite:
        if current_trace() is not None:
            raise TracingError(
                "error_if_nonfinite asks for the value of the norm, which differs from call to "
                "call of the program that is traced: return the norm, and look at it outside."
            )
        if not math.isfinite(total.item()):
            raise GradientError(
                f"The norm of order {order} of the gradients is {total.item()}, so they cannot be "
                "clipped: look for where it came from with mt.autograd.detect_anomaly(), or give "
                "error_if_nonfinite=False."
            )
    return total


def _norm(tensor: Any, order: float) -> Tensor:
    flat = tensor.ravel()
    if order == 0:  # PyTorch counts what is not 0
        count: Tensor = ops.astype(flat != 0, tensor.dtype).sum()
        return count
    norm: Tensor = vector_norm(flat, ord=order)
    return norm


def _gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    return [p.grad for p in parameters if p.grad is not None]


def _listed(tensors: Any) -> list[Tensor]:
    if not isinstance(tensors, Iterable):
        hint = "give its parameters()" if hasattr(tensors, "parameters") else "give them in a list"
        raise TypeError(f"Tensors are clipped, and got one {type(tensors).__name__}: {hint}.")
    found = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    for i, tensor in enumerate(found):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"Tensors are clipped, and number {i} is a {type(tensor).__name__}.")
    return found


def _not_negative(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0:
        raise ArgumentError(f"{name} is {value!r}, and must be a number of 0 or more.")
    return number
