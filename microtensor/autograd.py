"""Gradients on request: of any tensors, without touching their ``.grad``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from . import engine, hooks
from .anomaly import detect_anomaly
from .diagnosis import called
from .errors import GradientError
from .gradcheck import Mismatch, gradcheck, gradgradcheck
from .op import Node
from .record import as_tensor, leaf_of, lifted
from .sites import record_source
from .state import enable_grad
from .tensor import Tensor

__all__ = ["Mismatch", "detect_anomaly", "grad", "gradcheck", "gradgradcheck", "record_source"]


@overload
def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor,
    grad_outputs: Any = ...,
    *,
    retain_graph: bool | None = ...,
    create_graph: bool = ...,
    allow_unused: bool = ...,
) -> Tensor: ...


@overload
def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Sequence[Tensor],
    grad_outputs: Any = ...,
    *,
    retain_graph: bool | None = ...,
    create_graph: bool = ...,
    allow_unused: bool = ...,
) -> tuple[Tensor, ...]: ...


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> Any:
    """Return the gradients of the sum of ``outputs`` with respect to ``inputs``.

    Parameters
    ----------
    outputs
        One tensor, or several.
    inputs
        One tensor, or several; leaves or intermediate results.
    grad_outputs
        The gradient of something with respect to each output, of its shape: an array for one
        output, a sequence for several. 1 for an output of one element if left out.
    retain_graph
        Keep the saved arrays for another pass; by default, as ``create_graph``.
    create_graph
        Record the backward pass, so that the gradients can be differentiated themselves.
    allow_unused
        Give ``None`` for an input that the outputs do not depend on, instead of raising.

    Returns
    -------
    A tensor for one input, a tuple for a sequence; each has its input's shape and dtype.

    Raises
    ------
    GradientError
        If an output does not require a gradient or needs ``grad_outputs``, or an input does not
        require one, or is not used.
    ReleasedGraphError
        If an earlier backward pass dropped the saved arrays.
    InPlaceError
        If a saved array was changed in place since.

    Examples
    --------
    >>> import microtensor as mt
    >>> x = mt.tensor(2.0, requires_grad=True)
    >>> z = x * x
    >>> mt.autograd.grad(z**3, [z, x])
    (tensor(48.), tensor(192.))

    A gradient of a gradient:

    >>> (first,) = mt.autograd.grad(x**3, [x], create_graph=True)
    >>> mt.autograd.grad(first, x)
    tensor(12.)
    """
    roots = _tensors(outputs, "output")
    wanted = _tensors(inputs, "input")
    if grad_outputs is None:
        seeds: list[Any] = [None] * len(roots)
    else:
        seeds = [grad_outputs] if isinstance(outputs, Tensor) else list(grad_outputs)
    if len(seeds) != len(roots):
        raise GradientError(
            f"grad() has {len(roots)} outputs and {len(seeds)} grad_outputs: give one for each."
        )
    targets = [leaf_of(tensor) for tensor in wanted]
    gradients: dict[Node, Any] = {}
    for root, seed in zip(roots, seeds, strict=True):
        gradient, node = root._seed(seed, create_graph), leaf_of(root)
        gradients[node] = gradients[node] + gradient if node in gradients else gradient
    unused = engine.unreached(gradients, targets)
    for i, (tensor, target) in enumerate(zip(wanted, targets, strict=True)):
        if target in unused and not allow_unused:
            raise GradientError(
                f"The outputs of grad() do not depend on input {i}, {called(tensor)}: it was not "
                "used to compute them, or was overwritten since. With allow_unused=True its "
                "gradient is None."
            )
    retain = create_graph if retain_graph is None else retain_graph
    run = hooks.backward if hooks.registered else engine.backward
    if create_graph:
        with enable_grad():
            found = run(gradients, targets=set(targets), retain=retain, lift=lifted)
    else:
        found = run(gradients, targets=set(targets), retain=retain)
    results: list[Tensor | None] = []
    for i, target in enumerate(targets):
        gradient = as_tensor(found[target]) if target in found else None
        again = gradient is not None and target in targets[:i]
        results.append(gradient.copy() if again and gradient is not None else gradient)
    return results[0] if isinstance(inputs, Tensor) else tuple(results)


def _tensors(given: Tensor | Sequence[Tensor], kind: str) -> list[Tensor]:
    """Return the outputs or inputs as a list, if they are tensors that require a gradient."""
    if not isinstance(given, (Tensor, Sequence)):
        raise TypeError(f"grad() takes Tensors as {kind}s, and got {given!r}")
    tensors = [given] if isinstance(given, Tensor) else list(given)
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"grad() takes Tensors, and {kind} {i} is a {type(tensor).__name__}")
        if not tensor.requires_grad:
            raise GradientError(
                f"{kind.capitalize()} {i} of grad(), {called(tensor)}, does not require a "
                "gradient: make it with requires_grad=True, or compute it from one that does."
            )
    return tensors
