"""Whether operations are recorded. Each thread has its own setting."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from threading import get_ident
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

__all__ = ["Mode", "enable_grad", "is_grad_enabled", "modes", "no_grad", "structure"]

P = ParamSpec("P")
R = TypeVar("R")


class Modes(threading.local):
    """The modes of the current thread; a new thread starts with the class's values."""

    recording: bool = True
    watcher: Any = None
    """What looks for the first NaN or Inf, in `detect_anomaly`."""
    trace: Any = None
    """What writes down every operation, while a function is traced."""


modes = Modes()


class Structure:
    """Counts the changes to what modules consist of, and to what requires a gradient."""

    version: int = 0


structure = Structure()
"""What a compiled function looks at, to see whether it may still be what it was compiled from."""


def is_grad_enabled() -> bool:
    """Tell whether operations on tensors that require a gradient are recorded in this thread.

    >>> import microtensor as mt
    >>> with mt.no_grad():
    ...     mt.is_grad_enabled()
    False
    """
    return modes.recording


_DEFERRED = inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction


class Mode:
    """Set a mode of this thread for a ``with`` block or a decorated function, and set it back."""

    _mode: str = "recording"
    _value: Any

    def __init__(self) -> None:
        # By thread: the mode before, and the entries before this one.
        self._entered: dict[int, tuple[Any, ...]] = {}

    def __enter__(self) -> None:
        thread = get_ident()
        self._entered[thread] = (getattr(modes, self._mode), self._entered.get(thread))
        setattr(modes, self._mode, self._value)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        thread = get_ident()
        before, earlier = self._entered.pop(thread)
        if earlier is not None:
            self._entered[thread] = earlier
        setattr(modes, self._mode, before)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return ``function`` as one that runs in the mode."""
        if any(is_deferred(function) for is_deferred in _DEFERRED):
            name = type(self).__name__
            raise TypeError(
                f"@{name}() cannot decorate the generator or coroutine {function.__qualname__}, "
                f"whose body runs after the call returns. Write `with {name}():` inside it instead."
            )

        @functools.wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            with type(self)():
                return function(*args, **kwargs)

        return wrapped


class no_grad(Mode):  # noqa: N801 - PyTorch's name
    """Record nothing: a context manager, and a decorator.

    Results do not require a gradient, and in-place operators change parameters in place.

    >>> import microtensor as mt
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> with mt.no_grad():
    ...     w -= 0.5
    >>> w
    tensor([0.5, 1.5], requires_grad=True)
    """

    _value = False


class enable_grad(Mode):  # noqa: N801 - PyTorch's name
    """Record again inside `no_grad`: a context manager, and a decorator.

    >>> import microtensor as mt
    >>> w = mt.tensor(2.0, requires_grad=True)
    >>> with mt.no_grad(), mt.enable_grad():
    ...     y = w * w
    >>> y.requires_grad
    True
    """

    _value = True
