"""The two ways to a program: what a function computes, and its gradients as well."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..errors import ArgumentError, DtypeError, GradientError
from ..func.trees import leaves, rebuild
from ..record import as_tensor, current_array, wrap
from ..state import enable_grad
from ..tensor import Tensor
from .program import Program
from .simplify import simplified
from .tracing import traced

__all__ = ["derive", "trace"]


def trace(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Program:
    """Run a function once, and return the program that it ran.

    Everything that happens to Tensors, and to the arrays among the arguments, becomes a part of it:
    `backward`, the steps of optimizers, changes under `no_grad`. The parameters themselves, their
    gradients and the optimizer are as they were afterwards.

    Parameters
    ----------
    fn
        A function of arrays, Tensors and numbers, in tuples, lists and dicts. It may refer to
        Tensors, modules and optimizers besides.
    args, kwargs
        Examples of what it is called with: their shapes and dtypes count, not their values.

    Raises
    ------
    TracingError
        If the function asks for a value, as ``if x > 0`` does, draws random numbers that the
        program could not repeat, or keeps a tensor in a list; the message says what to write.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> def layer(x, W, b):
    ...     z = x @ W + b
    ...     return np.tanh(z)
    >>> program = mt.trace(layer, np.ones((1, 2)), np.ones((2, 3)), np.zeros(3))
    >>> print(program.source)
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def layer(x, W, b):
        z = x @ W + b
        return np.tanh(z)
    >>> program(np.ones((1, 2)), np.ones((2, 3)), np.zeros(3))
    array([[0.96402758, 0.96402758, 0.96402758]])
    """
    if not callable(fn) or isinstance(fn, Tensor):
        raise ArgumentError(
            f"trace() takes a function and its arguments, and got {fn!r}: the sum of a diagonal is "
            "np.trace(t), or t.trace()."
        )
    program, _ = traced(fn, args, kwargs)
    return simplified(program)


def derive(
    loss_fn: Callable[..., Any],
    *args: Any,
    argnums: int | tuple[int, ...] | None = None,
    **kwargs: Any,
) -> Program:
    """Return the program that computes a loss and its gradients: the code of backpropagation.

    Parameters
    ----------
    loss_fn
        A function that returns one number.
    args, kwargs
        Examples of its arguments.
    argnums
        The position of the argument to differentiate with respect to, or a tuple of several; by
        default those that hold Tensors which require a gradient, or, where there are none, those
        that are floating-point.

    Returns
    -------
    A program that returns the loss and the gradients: of one argument for an int ``argnums``, else
    a tuple of them, each nested like its argument.

    Raises
    ------
    GradientError
        If the function does not return one number, or no argument can have a gradient.
    ArgumentError
        If there is no argument of that position.
    DtypeError
        If an argument is not floating-point.
    TracingError
        As `trace`.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> def loss_fn(w, x, y):
    ...     error = x @ w - y
    ...     return np.sum(error**2)
    >>> program = mt.derive(loss_fn, np.ones(2), np.ones((3, 2)), np.zeros(3), argnums=0)
    >>> print(program.source)
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def loss_fn(w, x, y):
        error = x @ w - y
        loss = np.sum(error ** 2)
    <BLANKLINE>
        d_error = 2 * error  # the gradient of error
        d_w = x.T @ d_error  # the gradient of w
        return loss, d_w
    """
    if not callable(loss_fn) or isinstance(loss_fn, Tensor):
        raise ArgumentError(
            f"derive() takes a function and its arguments, and got {loss_fn!r}: write "
            "mt.derive(loss_fn, W, x, y)."
        )
    positions = _positions(loss_fn, args, argnums)
    name = getattr(loss_fn, "__name__", type(loss_fn).__name__)

    @functools.wraps(loss_fn, updated=())
    def value_and_gradients(*given: Any, **given_kwargs: Any) -> Any:
        own = list(given)
        sources: list[list[Tensor]] = []
        for i in positions:
            tensors = [_source(name, path, x) for path, x in leaves(given[i], f"argument {i}")]
            sources.append(tensors)
            own[i] = rebuild(given[i], iter(tensors))
        with enable_grad():
            loss = loss_fn(*own, **given_kwargs)
            if not isinstance(loss, Tensor) or loss.size != 1:
                raise GradientError(
                    f"derive() needs {name}() to return one number, a Tensor that depends on the "
                    f"arguments, and got {_kind(loss)}: reduce it, with .sum() or a loss."
                )
            flat = [tensor for tensors in sources for tensor in tensors]
            found = [_named(g, x) for g, x in zip(_gradients(loss, flat), flat, strict=True)]
        gradients = tuple(
            rebuild(given[i], iter([found.pop(0) for _ in tensors]))
            for i, tensors in zip(positions, sources, strict=True)
        )
        return loss, gradients[0] if isinstance(argnums, int) or len(gradients) == 1 else gradients

    program, _ = traced(value_and_gradients, args, kwargs)
    return simplified(program)


def _gradients(loss: Tensor, sources: list[Tensor]) -> list[Any]:
    from ..autograd import grad

    if not loss.requires_grad:
        return [np.zeros(x.shape, x.dtype) for x in sources]
    found = grad([loss], sources, allow_unused=True)
    return [
        np.zeros(x.shape, x.dtype) if g is None else g for x, g in zip(sources, found, strict=True)
    ]


def _named(gradient: Any, source: Tensor) -> Tensor:
    """Return a gradient as a value of its own, which the program knows as that of ``source``."""
    array = gradient._array if isinstance(gradient, Tensor) else gradient
    copy: Tensor = ops.copy(as_tensor(array))
    value, of = current_array(copy), current_array(source)
    value._var.gradient_of, value._var.backward = of._var, True
    return copy


def _source(name: str, path: str, x: Any) -> Tensor:
    """Return the Tensor to differentiate with respect to, that an argument is or becomes."""
    tensor = as_tensor(x)
    if tensor.dtype.kind != "f":
        raise DtypeError(
            f"derive() of {name}() differentiates with respect to {path}, which is "
            f"{tensor.dtype}, and only floating-point arrays have a gradient: leave it out of "
            "argnums, or write 1.0 for 1."
        )
    return tensor if tensor.requires_grad else wrap(tensor._array, requires_grad=True)


def _positions(
    loss_fn: Callable[..., Any], args: tuple[Any, ...], argnums: int | tuple[int, ...] | None
) -> list[int]:
    """Return the positions of the arguments to differentiate with respect to."""
    if argnums is None:
        trees = [[x for _, x in leaves(arg)] for arg in args]
        trained = [i for i, tree in enumerate(trees) if any(map(_requires_grad, tree))]
        floats = [i for i, tree in enumerate(trees) if tree and all(map(_is_floating, tree))]
        if not trained and not floats:
            raise GradientError(
                f"derive() of {getattr(loss_fn, '__name__', loss_fn)} got no argument that is a "
                "floating-point array: give some, or say which with argnums=."
            )
        return trained or floats
    given = [argnums] if isinstance(argnums, int | np.integer) else argnums
    if (
        not isinstance(given, (list, tuple))
        or not given
        or not all(isinstance(i, int | np.integer) for i in given)
    ):
        raise ArgumentError(
            f"derive() takes argnums as the position of an argument, or a tuple of several, and "
            f"got {argnums!r}."
        )
    positions = [i + len(args) if i < 0 else i for i in given]
    if not all(0 <= i < len(args) for i in positions) or len(set(positions)) < len(positions):
        raise ArgumentError(
            f"derive() with argnums={argnums} got {len(args)} positional arguments: each of "
            "argnums must be the position of another one."
        )
    return positions


def _requires_grad(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad


def _is_floating(x: Any) -> bool:
    return getattr(getattr(x, "dtype", None), "kind", "") == "f"


def _kind(value: Any) -> str:
    """Say what a value is, for a message."""
    if hasattr(value, "shape"):
        return f"an array of shape {value.shape}"
    return "None" if value is None else f"a {type(value).__name__}"
