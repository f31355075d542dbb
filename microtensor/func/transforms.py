"""The transforms: each takes a function, and returns or evaluates a derivative of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, overload

import numpy as np

from ..tensor import Tensor
from .run import Argnums, Run
from .run import arguments as _arguments
from .trees import rebuild

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]

A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")
Aux = TypeVar("Aux")


@overload
def grad(  # type: ignore[overload-overlap] # has_aux tells them apart
    fn: Callable[Concatenate[A, P], Any], argnums: Literal[0] = ..., has_aux: Literal[False] = ...
) -> Callable[Concatenate[A, P], A]: ...
@overload
def grad(
    fn: Callable[Concatenate[A, P], tuple[Any, Aux]],
    argnums: Literal[0] = ...,
    *,
    has_aux: Literal[True],
) -> Callable[Concatenate[A, P], tuple[A, Aux]]: ...
@overload
def grad(fn: Callable[P, Any], argnums: Argnums, has_aux: bool = ...) -> Callable[P, Any]: ...
def grad(fn: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the gradient of ``fn``, which returns one number.

    Parameters
    ----------
    fn
        A function that returns an array or Tensor of one element.
    argnums
        The position of the argument to differentiate with respect to, or a tuple of several. The
        others, and all given by keyword, are passed on as they are.
    has_aux
        Whether ``fn`` returns a pair: the number, and anything else to return with the gradient.

    Returns
    -------
    A function of the same arguments. It returns what has the structure of the argument, or a tuple
    of that for a tuple ``argnums``; with ``has_aux`` a pair of that and what else ``fn`` returned.

    Raises
    ------
    GradientError
        When called, if ``fn`` does not return one number.
    DtypeError
        When called, if an argument is not floating-point.
    ArgumentError
        When called, if there is no argument of that position.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor.func import grad
    >>> grad(lambda x: np.sin(x).sum())(np.array([0.0, np.pi]))
    array([ 1., -1.])

    Of second order, and with respect to parameters in a dict:

    >>> grad(grad(lambda x: x**3))(2.0)
    np.float64(12.0)
    >>> loss = lambda p, x: ((x @ p["W"] + p["b"]) ** 2).sum()
    >>> grad(loss)({"W": np.eye(2), "b": 1.0}, np.ones(2))
    {'W': array([[4., 4.],
           [4., 4.]]), 'b': np.float64(8.0)}
    """

    @functools.wraps(fn, updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        run = Run("grad", fn, args, argnums, kwargs, has_aux)
        found = run.gradient()
        return (found, run.aux) if has_aux else found

    return gradient


@overload
def value_and_grad(  # type: ignore[overload-overlap] # the same
    fn: Callable[Concatenate[A, P], R], argnums: Literal[0] = ..., has_aux: bool = ...
) -> Callable[Concatenate[A, P], tuple[R, A]]: ...
@overload
def value_and_grad(
    fn: Callable[P, R], argnums: Argnums, has_aux: bool = ...
) -> Callable[P, tuple[R, Any]]: ...
def value_and_grad(fn: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the pair of what ``fn`` returns and its gradient.

    The value comes first, as in JAX; `torch.func.grad_and_value` has it last. With ``has_aux`` it
    is the pair that ``fn`` returns. The rest is as in `grad`.

    >>> from microtensor.func import value_and_grad
    >>> value_and_grad(lambda x: x**3)(2.0)
    (np.float64(8.0), np.float64(12.0))
    """

    @functools.wraps(fn, updated=())
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        run = Run("value_and_grad", fn, args, argnums, kwargs, has_aux)
        found = run.gradient()
        return ((run.value, run.aux) if has_aux else run.value), found

    return value_and_gradient


@overload
def vjp(
    fn: Callable[..., R], *primals: Any, has_aux: Literal[False] = ...
) -> tuple[R, Callable[[R], tuple[Any, ...]]]: ...
@overload
def vjp(
    fn: Callable[..., tuple[R, Aux]], *primals: Any, has_aux: Literal[True]
) -> tuple[R, Callable[[R], tuple[Any, ...]], Aux]: ...
def vjp(fn: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Run ``fn`` on ``primals``, and return its output and the pullback, reverse mode.

    Returns
    -------
    The output; the pullback, which takes a gradient of the output's structure and shapes and
    returns a tuple, the gradient of each primal; with ``has_aux`` what else ``fn`` returned. The
    pullback can be called any number of times: each call is one backward pass.

    Raises
    ------
    DtypeError
        If a primal is not floating-point.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor.func import vjp
    >>> out, pullback = vjp(lambda W, x: W @ x, np.eye(2), np.array([3.0, 4.0]))
    >>> out
    array([3., 4.])
    >>> pullback(np.array([1.0, 10.0]))
    (array([[ 3.,  4.],
           [30., 40.]]), array([ 1., 10.]))
    """
    run = Run("vjp", fn, primals, tuple(range(len(primals))), {}, has_aux)
    return (run.value, run.pullback, run.aux) if has_aux else (run.value, run.pullback)


@overload
def jvp(
    fn: Callable[..., R],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    has_aux: Literal[False] = ...,
) -> tuple[R, R]: ...
@overload
def jvp(
    fn: Callable[..., tuple[R, Aux]],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    has_aux: Literal[True],
) -> tuple[R, R, Aux]: ...
def jvp(
    fn: Function, primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool = False
) -> tuple[Any, ...]:
    """Run ``fn`` on ``primals``, and return its output and the derivative along ``tangents``.

    It is no forward mode, but reverse mode twice: the pullback is linear in the gradient it takes,
    and its own pullback is the derivative. That costs a recorded and a plain backward pass, about
    twice a gradient whatever the number of elements, and the memory of reverse mode.

    Returns
    -------
    The output; the tangent of the output, of its structure and shapes; with ``has_aux`` what else
    ``fn`` returned.

    Raises
    ------
    ArgumentError, ShapeError
        If ``tangents`` has not the structure, or not the shapes, of ``primals``.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor.func import jvp
    >>> jvp(lambda x: x**2, (np.array([1.0, 2.0]),), (np.array([1.0, 0.5]),))
    (array([1., 4.]), array([2., 2.]))
    """
    primals = _arguments("jvp", "primals", primals)
    tangents = _arguments("jvp", "tangents", tangents)
    run = Run("jvp", fn, primals, tuple(range(len(primals))), {}, has_aux)
    zeros = (np.zeros(y.shape, y.dtype if y.dtype.kind == "f" else float) for y in run.outputs)
    transposed = Run("jvp", run.pullback, (rebuild(run.returned, map(run.like, zeros)),), (0,), {})
    (tangent,) = transposed.pullback(tangents, "tangents", "primals")
    return (run.value, tangent, run.aux) if has_aux else (run.value, tangent)


@overload
def jacobian(
    fn: Callable[Concatenate[Tensor, P], Tensor], argnums: Literal[0] = ...
) -> Callable[Concatenate[Tensor, P], Tensor]: ...
@overload
def jacobian(fn: Callable[P, Any], argnums: Argnums = ...) -> Callable[P, Any]: ...
def jacobian(fn: Function, argnums: Argnums = 0) -> Function:
    """Return the function that computes every derivative of every output of ``fn``.

    For an output of shape S and an argument of shape T the Jacobian has the shape S + T. Of several
    outputs, or arguments, it has the structure of the outputs, with that of the arguments inside.
    It costs a backward pass for each element of the outputs. ``argnums`` is as in `grad`.

    >>> import numpy as np
    >>> from microtensor.func import jacobian
    >>> jacobian(lambda x: np.stack([x[0] * x[1], x[1] ** 2]))(np.array([3.0, 4.0]))
    array([[4., 3.],
           [0., 8.]])
    """

    @functools.wraps(fn, updated=())
    def derivatives(*args: Any, **kwargs: Any) -> Any:
        run = Run("jacobian", fn, args, argnums, kwargs)
        return rebuild(run.returned, (run.rows(i) for i in range(len(run.outputs))))

    return derivatives


@overload
def hessian(
    fn: Callable[Concatenate[Tensor, P], Tensor], argnums: Literal[0] = ...
) -> Callable[Concatenate[Tensor, P], Tensor]: ...
@overload
def hessian(fn: Callable[P, Any], argnums: Argnums = ...) -> Callable[P, Any]: ...
def hessian(fn: Function, argnums: Argnums = 0) -> Function:
    """Return the function that computes every second derivative of ``fn``.

    It is the `jacobian` of the `jacobian`: for one number as the output, and an argument of n
    elements, that costs n + 1 backward passes. Mostly `hvp` is all one needs.

    >>> import numpy as np
    >>> from microtensor.func import hessian
    >>> hessian(lambda x: x[0] ** 3 * x[1])(np.array([2.0, 5.0]))
    array([[60., 12.],
           [12.,  0.]])
    """
    return jacobian(jacobian(fn, argnums), argnums)


def hvp(fn: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
    """Return the product of the Hessian of ``fn``, which returns one number, with ``tangents``.

    It is a tuple, with a product for each primal. No Hessian is made: the gradient is
    differentiated along ``tangents``, at the cost of two backward passes.

    >>> import numpy as np
    >>> from microtensor.func import hvp
    >>> hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([  6., 120.]),)
    """
    primals = _arguments("hvp", "primals", primals)
    tangents = _arguments("hvp", "tangents", tangents)
    argnums = tuple(range(len(primals)))
    run = Run("hvp", grad(fn, argnums), primals, argnums, {})
    product: tuple[Any, ...] = run.pullback(tangents, "tangents", "primals")
    return product  # the Hessian is symmetric
