"""Lowering: operations that NumPy does not have, as those that it has.

An operation's kernel is NumPy code. Run on traced arrays, it writes down what it is made of; so
nothing is said twice. Where a kernel wants memory of its own, or a machine does it better another
way, the table at the end has a form for the compiler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import record
from ..errors import MicrotensorError
from ..op import Op
from ..state import modes
from .program import Atom, Equation, Literal, Program, Var, replaced_in, variables_in
from .trace import Trace
from .traced import TracedArray

__all__ = ["PRIMITIVE", "lowered"]

PRIMITIVE = frozenset(
    {
        "all", "any", "argmax", "argmin", "astype", "broadcast_to", "class_indices", "clip",
        "concatenate", "copy", "cumprod", "cumsum", "einsum", "expand_dims", "flip", "full_like",
        "getitem", "matmul", "max", "min", "moveaxis", "ones_like", "prod", "random", "ravel",
        "reshape", "scatter_add", "setitem", "squeeze", "stack", "sum", "sum_to", "swapaxes",
        "tensordot", "transpose", "where", "zeros_like",
    }
)  # fmt: skip
"""What the backends know, beside every operation that is one of NumPy's ufuncs."""


def lowered(program: Program, keep: frozenset[str] = frozenset()) -> Program:
    """Return the program in operations that NumPy has; those named in ``keep`` stay."""
    equations: list[Equation] = []
    substitutes: dict[Var, Atom] = {}
    constants: dict[Var, Any] = {}

    def current(atom: Atom) -> Atom:
        return substitutes.get(atom, atom) if isinstance(atom, Var) else atom

    for equation in program.equations:
        if any(var in substitutes for var in equation.uses()):
            equation = equation.replaced(current)
        steps = None
        if not is_primitive(equation.op) and equation.op.name not in keep:
            steps = _steps(equation)
        if steps is None:
            equations.append(equation)
            continue
        made, result, arrays = steps
        equations += made
        constants |= arrays
        substitutes[equation.out] = result
        if isinstance(result, Var):
            result.name = result.name or equation.out.name
            result.gradient_of = result.gradient_of or equation.out.gradient_of
            result.backward = equation.out.backward
    low = program.replaced(equations, substitutes)
    low.constants = {**program.constants, **constants}
    return low


def is_primitive(op: Op) -> bool:
    """Tell whether the backends know an operation."""
    return op.trusted and (op.name in PRIMITIVE or is_ufunc(op))


def is_ufunc(op: Op) -> bool:
    """Tell whether an operation is a ufunc of NumPy's, elementwise."""
    ufunc = op.numpy[0] if op.numpy else None
    return isinstance(ufunc, np.ufunc) and ufunc.signature is None and ufunc.nin == op.arity


def _steps(equation: Equation) -> tuple[list[Equation], Atom, dict[Var, Any]] | None:
    """Return what an operation is made of, or ``None`` if its kernel does not tell."""
    op = equation.op
    kernel = _FORMS.get(op.name, op.kernel) if op.trusted else op.kernel
    trace = Trace(op.name)
    trace.site = equation.site

    def handle(atom: Any) -> Any:
        if isinstance(atom, Literal):
            return atom.value
        if atom.scalar:
            return TracedArray(trace, atom, atom.dtype.type(1).item())
        return TracedArray(trace, atom, np.ones(atom.shape, atom.dtype))

    before = modes.trace
    record.count_traces(1)
    modes.trace = trace
    try:
        inputs = [handle(atom) for atom in equation.inputs]
        params = {
            name: replaced_in(value, handle) if any(variables_in(value)) else value
            for name, value in equation.params.items()
        }
        with np.errstate(all="ignore"):
            result = kernel(*inputs, **params)
    except (MicrotensorError, TypeError, ValueError, AttributeError, IndexError):
        return None
    finally:
        modes.trace = before
        record.count_traces(-1)
    if not isinstance(result, TracedArray) or result.dtype != equation.out.dtype:
        return None
    if result.shape != equation.out.shape:
        return None
    arrays = dict(trace.constants)
    for read in trace.reads:
        arrays[read.var] = read.slot.read()
    return trace.equations, result._var, arrays


# How the compiler does what a kernel does with memory of its own


def _sigmoid(x: Any) -> Any:
    """Limit x to where the exponential is finite: there, the result is 1 already."""
    if x.dtype.kind != "f":
        return NotImplemented
    power = np.exp(np.minimum(x, 709.0 if x.dtype == np.float64 else 88.0))
    return power / (power + 1.0)


def _linear_no_bias(x: Any, weight: Any) -> Any:
    return x @ weight.T


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    return x @ weight.T + bias


def _relu(x: Any) -> Any:
    return np.maximum(x, 0.0)


def _sum_squared_error(x: Any, y: Any) -> Any:
    error = (x - y).reshape(-1)
    return error @ error


def _mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    total = x.sum(axis=axis, keepdims=keepdims)
    return total / float(x.size // (total.size or 1))


_FEW = 128
"""Up to so many classes, comparing each is faster than picking one."""


def _shifted(x: Any) -> Any:
    """Return logits in columns, the largest of each example taken out of it."""
    columns = x.T
    return columns - columns.max(axis=0)


def _is_class(x: Any, classes: Any) -> Any:
    return np.arange(x.shape[-1])[:, None] == classes


def _cross_entropy(x: Any, classes: Any) -> Any:
    if x.ndim != 2 or x.shape[-1] > _FEW:
        return NotImplemented
    columns = _shifted(x)
    chosen = np.where(_is_class(x, classes), columns, 0.0).sum(axis=0)
    return np.log(np.exp(columns).sum(axis=0)) - chosen


def _mean_cross_entropy(x: Any, classes: Any) -> Any:
    if x.ndim != 2 or x.shape[-1] > _FEW:
        return NotImplemented
    return _mean(_cross_entropy(x, classes))


def _softmax_error(x: Any, classes: Any) -> Any:
    if x.ndim != 2 or x.shape[-1] > _FEW:
        return NotImplemented
    powers = np.exp(_shifted(x))
    return (powers / powers.sum(axis=0) - _is_class(x, classes)).T


_FORMS: dict[str, Callable[..., Any]] = {
    "sigmoid": _sigmoid,
    "relu": _relu,
    "linear": _linear,
    "linear_no_bias": _linear_no_bias,
    "sum_squared_error": _sum_squared_error,
    "mean": _mean,
    "cross_entropy": _cross_entropy,
    "mean_cross_entropy": _mean_cross_entropy,
    "softmax_error": _softmax_error,
}
