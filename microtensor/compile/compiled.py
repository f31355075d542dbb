"""`compile`: a function made fast, traced once for every kind of call."""

from __future__ import annotations

import copy
import functools
import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

import numpy as np

from .. import record
from ..errors import ArgumentError, IndexingError, ShapeError, TracingError
from ..func.trees import leaves, rebuild
from ..record import wrap
from ..state import modes
from ..tensor import Tensor
from .entry import BUSY, MISS
from .guards import static_argument
from .program import Program
from .specialization import Specialization

__all__ = ["Compiled", "compile"]

P = ParamSpec("P")
R = TypeVar("R")
Q = ParamSpec("Q")
T = TypeVar("T")

_BACKENDS = ("numpy", "numba")
_DEFERRED = inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction
_tracing = threading.RLock()
"""Held while a function is traced, since that lends its parameters other arrays."""
_MOST_PROGRAMS = 32
"""More programs for one function mean that something changes in every call."""


class Compiled(Generic[P, R]):
    """A function that `compile` made fast. It is called as the function was.

    Attributes
    ----------
    fn
        The function as it was written.
    backend
        ``"numpy"`` or ``"numba"``.
    specializations
        What was compiled for each kind of call.
    """

    __name__: str

    def __init__(self, fn: Callable[P, R], backend: str, reuse_results: bool) -> None:
        functools.update_wrapper(self, fn, updated=())
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)
        self.fn = fn
        self.backend = backend
        self.reuse_results = reuse_results
        self.specializations: list[Specialization] = []
        self._calls: dict[int, Callable[..., Any]] = {}
        self._latest: Specialization | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function: its program, where there is one for such arguments."""
        if not kwargs:
            call = self._calls.get(len(args))
            if call is not None:
                try:
                    result = call(*args)
                except IndexingError as error:
                    result = self._after(error, args, kwargs)
                if result is not MISS and result is not BUSY:
                    return result  # type: ignore[no-any-return] # what the function returns
        return self._found(args, kwargs)  # type: ignore[no-any-return] # the same

    def repeat(self, n: int, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function ``n`` times with the same arguments, and return all results.

        With the numba backend the steps are done in native code, without coming back to Python.

        Parameters
        ----------
        n
            How many times, at least once.
        args, kwargs
            The arguments of every call.

        Returns
        -------
        What the function returns, each array or number with an axis of length ``n`` in front: the
        loss curve, of a training step that returns its loss.

        Raises
        ------
        ArgumentError
            If ``n`` is not a positive integer.
        ShapeError
            If the shape of a result changes from step to step.

        Examples
        --------
        >>> import microtensor as mt
        >>> w = mt.tensor(4.0, requires_grad=True)
        >>> @mt.compile
        ... def step():
        ...     w.grad = None
        ...     loss = w * w
        ...     loss.backward()
        ...     with mt.no_grad():
        ...         w[...] = w - 0.25 * w.grad
        ...     return loss
        >>> step.repeat(3)
        tensor([16.,  4.,  1.])
        """
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise ArgumentError(f"repeat() takes a positive number of steps, and got {n!r}.")
        result = self(*args, **kwargs)
        values = [value for _, value in leaves(result)]
        stacks = [_stack(self.__name__, n, value) for value in values]
        _put(self.__name__, stacks, 0, values)
        done = 1
        while done < n:
            known = self._latest
            if known is not None and known.repeats(n - done, args, kwargs, stacks, done):
                break
            result = self(*args, **kwargs)
            _put(self.__name__, stacks, done, [value for _, value in leaves(result)])
            done += 1
        kinds = (
            wrap(stack) if isinstance(value, Tensor) else stack
            for stack, value in zip(stacks, values, strict=True)
        )
        return rebuild(result, kinds)  # type: ignore[no-any-return] # nested as the result was

    def explain(self) -> str:
        """Say how the operations of the latest kind of call are computed, and what it took."""
        return self._known().explained()

    @property
    def program(self) -> Program:
        """The program of the latest kind of call, to be printed or drawn."""
        return self._known().program

    @property
    def source(self) -> str:
        """The code that runs for the latest kind of call."""
        return self._known().kernel.source

    @property
    def compile_seconds(self) -> float:
        """How long tracing and compiling took, for all kinds of calls together."""
        return sum(known.seconds for known in self.specializations)

    def __repr__(self) -> str:
        return (
            f"<compiled {self.__name__}, backend={self.backend!r}, for "
            f"{len(self.specializations)} kinds of calls>"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled[P, R]:
        return Compiled(copy.deepcopy(self.fn, memo), self.backend, self.reuse_results)

    def __reduce__(self) -> tuple[Any, ...]:
        return Compiled, (self.fn, self.backend, self.reuse_results)

    @overload
    def __get__(self, owner: None, kind: Any = ...) -> Self: ...
    @overload
    def __get__(
        self: Compiled[Concatenate[T, Q], R], owner: T, kind: Any = ...
    ) -> Callable[Q, R]: ...
    def __get__(self, owner: Any, kind: Any = None) -> Any:
        """Be a method, if the function was one."""
        return self if owner is None else functools.partial(self, owner)

    def _found(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the program that fits a call, or make it; if none can, the function itself."""
        if record.current_trace() is not None or modes.watcher is not None:
            return self.fn(*args, **kwargs)
        with _tracing:
            return self._searched(args, kwargs)

    def _searched(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        structure = _structure(args), _structure(kwargs)
        for known in reversed(self.specializations):
            if known.structure == structure:
                try:
                    result = known(args, kwargs)
                except IndexingError as error:
                    return self._after(error, args, kwargs)
                if result is not MISS:
                    return self._took(known, result, args, kwargs)
        made = self._made(args, kwargs, structure)
        result = made(args, kwargs)
        if result is MISS:
            raise TracingError(
                f"{self.__name__}() changes, while it runs, what it was traced with: a module, a "
                "variable that it refers to, or a setting."
            )
        return self._took(made, result, args, kwargs)

    def _after(self, error: IndexingError, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Try again after class indices were refused, as an example of those that do not count.

        A program traced on an example without any knows of none.
        """
        if all(known.classes != "all" for known in self.specializations):
            raise error
        structure = _structure(args), _structure(kwargs)
        try:
            made = self._made(args, kwargs, structure)
        except IndexingError:
            raise error from None
        if made.classes != "counted":
            self.specializations.remove(made)
            raise error
        return self._took(made, made(args, kwargs), args, kwargs)

    def _took(
        self, known: Specialization, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Remember which program a call took, to try it first the next time."""
        self._latest = known
        if not kwargs and known.is_direct and all(map(_is_leaf, args)):
            self._calls[len(args)] = known.entry.call
        return self.fn(*args, **kwargs) if result is BUSY else result

    def _made(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], structure: Any
    ) -> Specialization:
        for path, leaf in leaves((args, kwargs), "arguments"):
            if not isinstance(leaf, (Tensor, np.ndarray, np.generic, int, float)):
                static_argument(path, leaf)
        if len(self.specializations) >= _MOST_PROGRAMS:
            raise ArgumentError(
                f"{self.__name__}() was compiled {_MOST_PROGRAMS} times, since something that is "
                f"no array changes from call to call: {self._suspects()}. Make it an array or a "
                "float, pad to one shape, or compile another function for it."
            )
        made = Specialization(self, args, kwargs, structure)
        self.specializations.append(made)
        return made

    def _suspects(self) -> str:
        """Say what may have changed: numbers that decided something, if there are any."""
        names = sorted({name for known in self.specializations for name in known.static})
        if names:
            return f"{', '.join(names)}, of which the function asked the value"
        return "shapes, a variable, an argument that decides what is done"

    def _known(self) -> Specialization:
        if self._latest is None:
            raise ArgumentError(
                f"{self.__name__}() has no program yet: it is traced in its first call."
            )
        return self._latest


class _Compile(Protocol):
    """``compile`` with its settings, which takes the function yet."""

    def __call__(self, fn: Callable[P, R], /) -> Compiled[P, R]: ...


@overload
def compile(
    fn: Callable[P, R], *, backend: str = ..., reuse_results: bool = ...
) -> Compiled[P, R]: ...


@overload
def compile(fn: None = ..., *, backend: str = ..., reuse_results: bool = ...) -> _Compile: ...


def compile(
    fn: Callable[..., Any] | None = None,
    *,
    backend: str = "numpy",
    reuse_results: bool = False,
) -> Any:
    """Make a function fast: it is traced in its first call, and from then on its program runs.

    It may be a function of arrays and Tensors, a model, a loss with its gradients, or a whole
    training step: what it changes, parameters, gradients, attributes, an optimizer's state, is
    changed in the same places. It computes what the function computes, to rounding, or raises.

    What comes from outside is looked up in every call: arguments, numbers among them, the Tensors
    and arrays that the function refers to, an optimizer's settings; random numbers of `nn.Dropout`
    are drawn in every call. Other shapes, dtypes, strings, ``train`` or ``eval``, what requires a
    gradient: for each of these the function is traced anew. A plain array that it refers to may
    change, but what it computes of that with NumPy alone, without a Tensor, is computed once.

    Parameters
    ----------
    fn
        The function; without it, `compile` is a decorator with arguments.
    backend
        ``"numpy"``: a Python function of NumPy calls that reuses its memory. ``"numba"``: native
        code, for which ``pip install 'microtensor[jit]'`` is needed; compiling takes seconds, once:
        the code is kept on disk.
    reuse_results
        Whether results may be overwritten by the next call.

    Returns
    -------
    `Compiled`, which is called as the function was; it has ``repeat``, ``source``, ``program``,
    ``explain`` and ``compile_seconds``.

    Raises
    ------
    TracingError
        In the first call, if the function asks for a value, as ``if x > 0`` does, draws random
        numbers that a program cannot repeat, or keeps a tensor in a list.
    ArgumentError
        If there is no such backend; in a call, if an argument that is no array cannot be hashed,
        or something that is none changes in every call.
    MissingDependencyError
        In the first call, if numba is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> from microtensor import nn, optim
    >>> model = nn.Linear(2, 1, generator=np.random.default_rng(0))
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> @mt.compile
    ... def step(x, y):
    ...     optimizer.zero_grad()
    ...     loss = nn.functional.mse_loss(model(x), y)
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> x, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.0], [1.0]])
    >>> losses = [step(x, y).item() for _ in range(100)]
    >>> losses[-1] < 0.01 * losses[0]
    True
    """
    if backend not in _BACKENDS:
        raise ArgumentError(f"backend is {backend!r}, and must be one of {', '.join(_BACKENDS)}.")
    if fn is None:
        return functools.partial(compile, backend=backend, reuse_results=reuse_results)
    if not callable(fn):
        raise ArgumentError(f"compile() takes a function, and got {fn!r}.")
    if any(kind(fn) for kind in _DEFERRED):
        raise ArgumentError(
            f"compile() cannot take the generator or coroutine {getattr(fn, '__name__', fn)}, "
            "whose body runs after the call returns: compile a function that it calls."
        )
    return Compiled(fn, backend, reuse_results)


def _structure(tree: Any) -> Any:
    """Return how arguments are nested, as something that can be compared."""
    if isinstance(tree, dict):
        return type(tree), tuple((key, _structure(value)) for key, value in tree.items())
    if isinstance(tree, (tuple, list)):
        return type(tree), tuple(map(_structure, tree))
    return tree is None


def _is_leaf(value: Any) -> bool:
    return value is not None and not isinstance(value, (tuple, list, dict))


def _stack(name: str, n: int, value: Any) -> Any:
    array = value._array if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise ArgumentError(
            f"repeat() of {name}() collects arrays and numbers, and it returned {value!r}."
        )
    return np.empty((n, *array.shape), array.dtype)


def _put(name: str, stacks: Sequence[Any], i: int, values: Sequence[Any]) -> None:
    for stack, value in zip(stacks, values, strict=True):
        array = value._array if isinstance(value, Tensor) else np.asarray(value)
        if array.shape != stack.shape[1:]:
            raise ShapeError(
                f"repeat() of {name}() had results of shape {stack.shape[1:]}, and in step {i} one "
                f"of shape {array.shape}: call it step by step."
            )
        stack[i] = array
