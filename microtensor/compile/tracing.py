"""Running a function on examples, to get the program that it ran."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import record
from ..errors import ArgumentError, TracingError
from ..func.trees import leaves, rebuild
from ..state import modes
from ..tensor import Tensor
from .inputs import Merge, Specialize
from .mutable import Mutable
from .outcome import Outcome, keep_constants, put_back, restore
from .program import Program
from .randomness import Generators
from .surroundings import places
from .trace import Trace

__all__ = ["traced"]


def traced(
    fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[Program, Trace]:
    """Run a function on examples, and return the program and what it was written down by.

    Nothing has changed afterwards: parameters, gradients and optimizers are as they were.
    """
    name = getattr(fn, "__name__", type(fn).__name__)
    signature, named = _signature(fn, args, kwargs)
    static: frozenset[str] = frozenset()
    merge = False
    while True:
        trace = Trace(name, static, merge=merge)
        try:
            return _traced_once(fn, args, kwargs, trace, signature, named), trace
        except Merge:
            merge = True
        except Specialize as needed:
            if needed.slots <= static:
                raise TracingError(
                    f"{name}() asked for the value of {', '.join(sorted(needed.slots))}."
                ) from None
            static = static | needed.slots


def _traced_once(
    fn: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    trace: Trace,
    signature: inspect.Signature | None,
    named: list[tuple[str, Any]],
) -> Program:
    before = modes.trace, modes.watcher, sys.getprofile()
    around = list(places(fn, (x for _, x in named)))
    generators = Generators(((place.name, value) for place, value in around), args, kwargs)
    mutable = Mutable(around)
    record.count_traces(1)
    try:
        values = [trace.argument(x, path, i) for i, (path, x) in enumerate(named)]
        given_args, given_kwargs = rebuild((tuple(args), kwargs), iter(values))
        modes.trace = modes.watcher = trace
        sys.setprofile(trace.names.profile)
        try:
            returned = fn(*given_args, **given_kwargs)
        except ValueError as error:
            if "setting an array element with a sequence" not in str(error):
                raise
            raise TracingError(
                f"{trace.name}() assigns a traced value into a plain array, which cannot hold it: "
                "make the array with np.zeros_like(x), or collect the parts with np.stack([...])."
            ) from error
        finally:
            sys.setprofile(before[2])
        del given_args, given_kwargs, values
        trace.names.look_around(fn, trace.reads)
        outcome = Outcome(trace, fn, returned, around)
        del returned
        generators.check(trace.name, trace.drawn)
        if trace.names.random is not None:
            generators.refuse(trace.name, trace.names.random)
        mutable.check(trace.name)
        restore(trace)
        outcome.find_escaped()
    finally:
        restore(trace)
        put_back(trace, around)
        keep_constants(trace)
        modes.trace, modes.watcher = before[:2]
        record.count_traces(-1)
        generators.restore()
        mutable.restore()
    trace.written = [update.slot for update in outcome.updates]
    return Program(
        trace.name,
        trace.reads,
        trace.equations,
        outcome.outputs,
        outcome.returned,
        outcome.updates,
        trace.constants,
        rebuild((tuple(args), kwargs), iter(range(len(named)))),
        signature,
        {
            i: leaf
            for i, leaf in enumerate(named)
            if not isinstance(leaf[1], (Tensor, np.ndarray, np.generic))
            and (leaf[0] in trace.static or type(leaf[1]) not in (int, float))
        },
    )


def _signature(
    fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[inspect.Signature | None, list[tuple[str, Any]]]:
    """Return the function's signature, and the leaves of its arguments with their names."""
    names: list[str] = []
    signature: inspect.Signature | None = None
    try:
        signature = inspect.signature(fn)
        bound = signature.bind(*args, **kwargs)
    except ValueError:
        pass
    except TypeError as error:
        raise ArgumentError(f"{getattr(fn, '__name__', fn)}(): {error}.") from None
    else:
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_POSITIONAL:
                names += [f"{name}[{i}]" for i in range(len(bound.arguments.get(name, ())))]
            elif parameter.kind is not parameter.KEYWORD_ONLY:
                names.append(name)
    names += [f"argument_{i}" for i in range(len(names), len(args))]
    named = [leaf for name, value in zip(names, args, strict=False) for leaf in leaves(value, name)]
    return signature, named + [leaf for k, value in kwargs.items() for leaf in leaves(value, k)]
