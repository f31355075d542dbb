"""NumPy's protocols: what happens when a NumPy function, or an array's operator, meets a Tensor.

It records, or raises and says which function it was: nothing turns into a constant, or an array of
objects, without a word.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .diagnosis import called
from .errors import GradientError, UnsupportedError
from .inplace import clock
from .op import IMPLEMENTATIONS, Op, Recordable, unknown_argument
from .record import current_array
from .state import modes

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["CONSTANT", "NumPyProtocols"]


class NumPyProtocols(Recordable):
    """The methods that NumPy calls on values which are not its own."""

    __slots__ = ()

    if not TYPE_CHECKING:  # or to type checkers `array @ tensor` would be an array

        def __array__(
            self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
        ) -> npt.NDArray[Any]:
            if self._requires_grad and modes.recording:
                raise GradientError(
                    f"{called(self)} requires a gradient, which a NumPy array would lose. Use "
                    "NumPy's functions on the tensor itself (mt.stack for a list of tensors), or "
                    "t.numpy() or t.detach() to leave the graph on purpose."
                )
            return np.array(self._array, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            implementation = IMPLEMENTATIONS.get(ufunc)
        elif method == "outer":
            implementation = _outer(ufunc) if ufunc in IMPLEMENTATIONS else None
        else:
            function = _METHODS.get((ufunc, method))
            implementation = None if function is None else IMPLEMENTATIONS.get(function)
        if implementation is None and ufunc in CONSTANT and method == "__call__" and not kwargs:
            return ufunc(*map(_unwrapped, inputs))
        if implementation is None:
            call = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
            raise UnsupportedError(f"{call}() does not support Tensors: {_ALTERNATIVE}")
        if kwargs:
            if kwargs.keys() == {"out"} and method == "__call__":
                return _into(kwargs["out"][0], ufunc, inputs)
            if method == "__call__":
                for name in kwargs.keys() - _own_parameters(implementation):
                    raise UnsupportedError(unknown_argument(f"np.{ufunc.__name__}", name, []))
        if method in ("reduce", "accumulate"):
            kwargs.setdefault("axis", 0)
        return implementation(*inputs, **kwargs)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        implementation = IMPLEMENTATIONS.get(function)
        if implementation is not None:
            alike, names = _common(function)
            if len(args) > alike or not kwargs.keys() <= names:
                args, kwargs = _in_our_terms(function, implementation, args, kwargs)
            return implementation(*args, **kwargs)
        if function in CONSTANT:
            signature = _signature(function)
            if signature is not None and "out" in signature.bind(*args, **kwargs).arguments:
                raise UnsupportedError(unknown_argument(f"np.{function.__name__}", "out", []))
            return function(*map(_unwrapped, args), **{k: _unwrapped(v) for k, v in kwargs.items()})
        module = function.__module__.replace("numpy", "np", 1)
        raise UnsupportedError(
            f"{module}.{function.__name__}() does not support Tensors: {_ALTERNATIVE}"
        )


def _into(out: Any, ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Any:
    """Do ``array += tensor``: write into a plain array, where that loses no gradient."""
    if isinstance(out, Recordable) or (
        modes.recording and any(getattr(x, "_requires_grad", False) for x in inputs)
    ):
        raise UnsupportedError(
            f"np.{ufunc.__name__}(..., out=) would lose the gradient of a Tensor: use the result "
            "that it returns, or write into an array from t.detach() or under no_grad()."
        )
    result = ufunc(*map(_unwrapped, inputs), out=out)
    clock.mark_changed(out)
    return result


def _outer(ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    """Return what applies ``ufunc`` to all pairs of elements of two arrays."""
    return lambda x, y: ufunc(np.reshape(x, np.shape(x) + (1,) * np.ndim(y)), y)


@functools.cache
def _own_parameters(implementation: Any) -> frozenset[str]:
    """Return the names of the parameters that what runs for a NumPy function takes."""
    if isinstance(implementation, Op):
        return frozenset(implementation.parameters)
    return frozenset(inspect.signature(implementation).parameters)


@functools.cache
def _common(function: Any) -> tuple[int, frozenset[str]]:
    """Return how many parameters are NumPy's in the same order, and the names of all of ours."""
    implementation, signature = IMPLEMENTATIONS[function], _signature(function)
    known = _own_parameters(implementation)
    if signature is None:
        return 99, known
    ours: list[str | None]
    if isinstance(implementation, Op):
        ours = [None] * implementation.arity + list(implementation.parameters)
    else:
        parameters = inspect.signature(implementation).parameters
        if any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):
            return 99, known
        ours = list(parameters)
    pairs = zip(ours, signature.parameters, strict=False)  # NumPy's are more
    alike = [mine in (None, theirs) for mine, theirs in pairs]
    return (alike.index(False) if False in alike else len(alike)), known


@functools.cache
def _signature(function: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except ValueError:  # before NumPy 2.4, functions written in C do not tell theirs
        return None


def _in_our_terms(
    function: Any, implementation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Name the arguments as NumPy does, leave out those at their default, refuse the unknown."""
    signature = _signature(function)
    if signature is None:
        return args, kwargs
    bound = signature.bind(*args, **kwargs)
    given = bound.arguments
    known = _own_parameters(implementation)
    inputs = implementation.arity if isinstance(implementation, Op) else 0
    for i, (name, parameter) in enumerate(signature.parameters.items()):
        if name not in given or parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            continue
        if parameter.kind is inspect.Parameter.VAR_KEYWORD and name not in known:
            unknown = next((n for n in given[name] if n not in known), None)
        elif i >= inputs and name not in known:
            unknown = None if _is_default(given.pop(name), parameter.default) else name
        else:
            continue
        if unknown is not None:
            call = f"{function.__module__.replace('numpy', 'np', 1)}.{function.__name__}"
            raise UnsupportedError(unknown_argument(call, unknown, sorted(known)))
    for name in [n for n, value in given.items() if value is np._NoValue]:
        del given[name]
    return bound.args, bound.kwargs


def _is_default(value: Any, default: Any) -> bool:
    if value is default or value is None or value is np._NoValue:
        return True
    return (
        type(value) is type(default)
        and isinstance(value, (bool, int, float, str))
        and (value == default)
    )


def _unwrapped(value: Any) -> Any:
    if isinstance(value, Recordable):
        array = current_array(value)
        return array if isinstance(array, Recordable) else np.asarray(array)
    return type(value)(map(_unwrapped, value)) if type(value) in (list, tuple) else value


_ALTERNATIVE = (
    "it has no derivative rule here. Compose it from functions that do, or, if its result is to be "
    "a constant, call it with t.detach().numpy()."
)

_METHODS: dict[Any, Any] = {
    (np.add, "reduce"): np.sum,
    (np.multiply, "reduce"): np.prod,
    (np.maximum, "reduce"): np.max,
    (np.minimum, "reduce"): np.min,
    (np.logical_and, "reduce"): np.all,
    (np.logical_or, "reduce"): np.any,
    (np.add, "accumulate"): np.cumsum,
    (np.multiply, "accumulate"): np.cumprod,
}
"""The functions that the methods of ufuncs are."""

CONSTANT = frozenset(
    {
        np.allclose, np.isclose, np.array_equal, np.array_equiv, np.shape, np.ndim, np.size,
        np.nonzero, np.argsort, np.searchsorted, np.count_nonzero, np.unique, np.result_type,
        np.array_repr, np.array_str, np.array2string, np.iscomplexobj, np.isrealobj,
        np.may_share_memory, np.shares_memory, np.savetxt, np.save, np.savez, np.savez_compressed,
        np.argpartition, np.argwhere, np.flatnonzero, np.lexsort, np.nanargmax, np.nanargmin,
        np.digitize, np.isin, np.iscomplex, np.isreal, np.isneginf, np.isposinf, np.empty_like,
        np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values, np.intersect1d,
        np.setdiff1d, np.setxor1d, np.union1d, np.ix_, np.can_cast, np.common_type,
        np.min_scalar_type, np.einsum_path, np.diag_indices_from, np.tril_indices_from,
        np.triu_indices_from, np.unravel_index, np.ravel_multi_index, np.packbits, np.unpackbits,
        np.angle, np.linalg.matrix_rank, np.spacing, np.bitwise_count, np.gcd,
        np.lcm, np.left_shift, np.right_shift,
    }
)  # fmt: skip
"""NumPy functions whose results are constants to differentiation."""
