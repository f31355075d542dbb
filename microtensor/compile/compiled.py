"""`compile`: a function made fast, traced once for every kind of call."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import record
from ..errors import ArgumentError, TracingError
from ..func.trees import leaves
from ..state import modes
from ..tensor import Tensor
from .commit import needed_reads
from .entry import BUSY, MISS, Entry, Kernel
from .guards import Surroundings, static_argument
from .lower import lowered
from .numpy_backend import NumPyKernel
from .peephole import cast_beforehand, cheaper
from .program import Program
from .pullback import Pullback
from .simplify import simplified
from .slots import ArgumentSlot
from .trace import Trace, traced

__all__ = ["Compiled", "Specialization", "compile"]

_MOST_PROGRAMS = 32
"""More programs for one function mean that something changes in every call."""


class Specialization:
    """What was compiled for one kind of call.

    Attributes
    ----------
    program
        What was traced, for people.
    kernel
        What runs.
    entry
        What a call runs through.
    seconds
        How long tracing and compiling took.
    """

    def __init__(
        self, compiled: Compiled, args: Sequence[Any], kwargs: dict[str, Any], backend: str
    ) -> None:
        start = time.perf_counter()
        given = [leaf for _, leaf in leaves((tuple(args), kwargs))]
        program, trace = traced(compiled.fn, args, kwargs)
        self.recording = modes.recording
        self.arguments = program.arguments
        self.trace: Trace = trace
        self.program: Program = simplified(program)
        self.kernel: Kernel = _kernel(self.program, backend)
        self.entry = Entry(
            self.kernel.program,  # type: ignore[attr-defined]
            self.kernel,
            lambda names: Surroundings(compiled.fn, given, trace, names),
            given,
            trace,
            compiled.reuse_results,
        )
        self.runs_as_written = False
        """Whether the results need a history that the program cannot give them."""
        self.pullback = self._pullback(compiled, given)
        self.seconds = time.perf_counter() - start

    def _pullback(self, compiled: Compiled, given: Sequence[Any]) -> Pullback | None:
        outputs = [i for i, output in enumerate(self.program.outputs) if output.requires_grad]
        if not outputs:
            return None
        others = self.trace.leaves_beside_arguments()
        changes = any(equation.op.name == "random" for equation in self.program.equations)
        if others is None or changes or self.program.updates:
            self.runs_as_written = True
            return None
        arguments = [i for i, x in enumerate(given) if isinstance(x, Tensor) and x._requires_grad]
        return Pullback(
            compiled.__name__,
            compiled.fn,
            outputs,
            arguments,
            others,
            lambda fn: Compiled(fn, compiled.backend, compiled.reuse_results),
        )


    def call(self, given: Sequence[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the program, and give its results their histories."""
        if self.runs_as_written:
            return MISS if self.entry.fits(*given) is MISS else BUSY
        result = self.entry.call(*given)
        if self.pullback is None or result is MISS or result is BUSY:
            return result
        return self.pullback.attach(result, args, kwargs)


class Compiled:
    """A function that `compile` made fast. It is called as the function was."""

    def __init__(self, fn: Callable[..., Any], backend: str, reuse_results: bool) -> None:
        functools.update_wrapper(self, fn, updated=())
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)
        self.fn = fn
        self.backend = backend
        self.reuse_results = reuse_results
        self.specializations: list[Specialization] = []
        self._calls: dict[int, Callable[..., Any]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            call = self._calls.get(len(args))
            if call is not None:
                result = call(*args)
                if result is not MISS and result is not BUSY:
                    return result
        return self._slow(args, kwargs)

    def _slow(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Find the program that fits a call, or make it."""
        if record.current_trace() is not None or modes.watcher is not None:
            return self.fn(*args, **kwargs)
        given = [leaf for _, leaf in leaves((args, kwargs))]
        shape = _structure(args, kwargs)
        for known in reversed(self.specializations):
            if known.structure == shape:  # type: ignore[attr-defined]
                result = known.call(given, args, kwargs)
                if result is BUSY:
                    return self.fn(*args, **kwargs)
                if result is not MISS:
                    self._prefer(known, args, kwargs)
                    return result
        made = self._specialized(args, kwargs)
        made.structure = shape  # type: ignore[attr-defined]
        result = made.call(given, args, kwargs)
        if result is BUSY:
            return self.fn(*args, **kwargs)
        if result is MISS:
            raise TracingError(
                f"{self.__name__}() changes, while it runs, what it was traced with: a module, "
                "a variable that it refers to, or a setting."
            )
        self._prefer(made, args, kwargs)
        return result

    def _specialized(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Specialization:
        for path, leaf in leaves((args, kwargs), "arguments"):
            if not isinstance(leaf, (Tensor, np.ndarray, np.generic, int, float)):
                static_argument(path, leaf)
        if len(self.specializations) >= _MOST_PROGRAMS:
            raise ArgumentError(
                f"{self.__name__}() was compiled {_MOST_PROGRAMS} times, since something that is "  # type: ignore[attr-defined]
                "no array changes from call to call: shapes, a variable, an argument that decides "
                "what is done. Make it an array or a float, pad to one shape, or compile another "
                "function for it."
            )
        made = Specialization(self, args, kwargs, self.backend)
        self.specializations.append(made)
        return made

    def _prefer(self, known: Specialization, args: tuple[Any, ...], kwargs: Any) -> None:
        """Try this program first for calls of this kind."""
        if not kwargs and known.pullback is None and all(_is_leaf(arg) for arg in args):
            self._calls[len(args)] = known.entry.call

    @property
    def program(self) -> Program:
        """The program of the latest call's kind, to be printed or drawn."""
        return self._latest().program

    @property
    def source(self) -> str:
        """The code that runs for the latest call's kind."""
        return self._latest().kernel.source  # type: ignore[attr-defined, no-any-return]

    def _latest(self) -> Specialization:
        if not self.specializations:
            raise ArgumentError(
                f"{self.__name__}() has no program yet: it is traced in its first call."  # type: ignore[attr-defined]
            )
        return self.specializations[-1]


def compile(
    fn: Callable[..., Any] | None = None,
    *,
    backend: str = "numpy",
    reuse_results: bool = False,
) -> Any:
    """Make a function fast."""
    if fn is None:
        return functools.partial(compile, backend=backend, reuse_results=reuse_results)
    return Compiled(fn, backend, reuse_results)


def _kernel(program: Program, backend: str) -> Kernel:
    low = needed_reads(cast_beforehand(simplified(cheaper(simplified(lowered(program))))))
    loose = frozenset(
        read.var
        for read in low.reads
        if not isinstance(read.slot, ArgumentSlot)
        and not read.var.scalar
        and not np.asarray(_array(read.slot.read())).flags.c_contiguous
    )
    return NumPyKernel(low, loose)


def _array(value: Any) -> Any:
    return value._array if isinstance(value, Tensor) else value


def _structure(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return how arguments are nested, as something that can be compared."""

    def shape(tree: Any) -> Any:
        if isinstance(tree, dict):
            return type(tree), tuple((key, shape(value)) for key, value in tree.items())
        if isinstance(tree, (tuple, list)):
            return type(tree), tuple(map(shape, tree))
        return tree is None

    return shape(args), shape(kwargs)


def _is_leaf(value: Any) -> bool:
    return value is not None and not isinstance(value, (tuple, list, dict))

