"""How each operation is written in Python: an operator, a method, a function of NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from ..errors import UnsupportedError
from ..op import REGISTRY
from .expressions import Expression, function_path, plain
from .parameters import Writer, indexed, written_value
from .program import Equation, Literal, Var

__all__ = ["form_of"]


Form: TypeAlias = Callable[[Writer, Equation], tuple[str, str, list[Expression]]]
"""Returns a template, the level of its operator, and the operands."""

_TEMPLATES = {
    "add": ("{0:sum} + {1:term}", "sum"),
    "subtract": ("{0:sum} - {1:term}", "sum"),
    "multiply": ("{0:term} * {1:unary}", "term"),
    "divide": ("{0:term} / {1:unary}", "term"),
    "floor_divide": ("{0:term} // {1:unary}", "term"),
    "remainder": ("{0:term} % {1:unary}", "term"),
    "matmul": ("{0:matmul} @ {1:unary}", "matmul"),
    "power": ("{0:atom} ** {1:unary}", "power"),
    "negative": ("-{0:unary}", "unary"),
    "invert": ("~{0:unary}", "unary"),
    "equal": ("{0:or} == {1:or}", "compare"),
    "not_equal": ("{0:or} != {1:or}", "compare"),
    "less": ("{0:or} < {1:or}", "compare"),
    "less_equal": ("{0:or} <= {1:or}", "compare"),
    "greater": ("{0:or} > {1:or}", "compare"),
    "greater_equal": ("{0:or} >= {1:or}", "compare"),
    "bitwise_and": ("{0:and} & {1:sum}", "and"),
    "bitwise_or": ("{0:or} | {1:xor}", "or"),
    "bitwise_xor": ("{0:xor} ^ {1:and}", "xor"),
    "copy": ("{0}", ""),
    "sigmoid": ("1 / (1 + np.exp(-{0:unary}))", "term"),
    "relu": ("np.maximum({0}, 0)", "atom"),
    "softplus": ("np.logaddexp({0}, 0)", "atom"),
    "silu": ("{0:term} / (1 + np.exp(-{0:unary}))", "term"),
    "leaky_relu": ("np.where({0:or} > 0, {0}, {1:term} * {0:unary})", "atom"),
    "clip": ("np.clip({0}, {1}, {2})", "atom"),
    "where": ("np.where({0}, {1}, {2})", "atom"),
    "linear": ("{0:matmul} @ {1:atom}.T + {2:term}", "sum"),
    "linear_no_bias": ("{0:matmul} @ {1:atom}.T", "matmul"),
    "sum_squared_error": ("np.sum(({0:sum} - {1:term}) ** 2)", "atom"),
    "binary_cross_entropy_with_logits": (
        "(1 - {1:term}) * {0:unary} + np.logaddexp(-{0:unary}, 0)", "sum"),
}  # fmt: skip
"""Operations on floating-point arrays; of others, those whose operator is `operator`'s."""

_FLOATING = {"sigmoid", "relu", "softplus", "silu", "leaky_relu", "linear", "linear_no_bias",
             "sum_squared_error", "binary_cross_entropy_with_logits"}  # fmt: skip


def form_of(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
    """Return how an equation is written: a template, its level, and its operands.

    Raises
    ------
    UnsupportedError
        If the operation has no name in NumPy, and its function has no source.
    """
    name = eq.op.name
    if REGISTRY.get(name) is eq.op or name == "random":
        if name in _FORMS:
            return _FORMS[name](writer, eq)
        if name in _TEMPLATES and (name not in _FLOATING or _is_floating(eq)):
            return (*_TEMPLATES[name], _operands(writer, eq))
    function = getattr(eq.op, "function", None)
    for candidate in (function,) if function is not None else eq.op.numpy:
        path = function_path(candidate)
        if path is not None:
            return _call(writer, plain(path), eq)
    if function is not None:
        raise UnsupportedError(f"The function {function!r} cannot be printed: it has no name.")
    return _call(writer, writer.defined(eq.op), eq)


def _is_floating(eq: Equation) -> bool:
    x = eq.inputs[0]
    return isinstance(x, Var) and not x.scalar and x.dtype.kind == "f"


def _operands(writer: Writer, eq: Equation) -> list[Expression]:
    """Return the operands; beside floating-point arrays ``1.0`` is ``1``."""
    whole = any(
        isinstance(x, Var) and not x.scalar and x.dtype.kind == "f" and i < 2
        for i, x in enumerate(eq.inputs)
    )
    return [
        plain(str(int(x.value)), "unary" if x.value < 0 else "atom")
        if whole and isinstance(x, Literal) and _is_whole(x.value)
        else writer.operand(x)
        for x in eq.inputs
    ]


def _is_whole(value: Any) -> bool:
    return (
        type(value) is float
        and value.is_integer()
        and abs(value) < 1e6
        and (value != 0 or not np.signbit(value))
    )


def _call(
    writer: Writer, function: Expression, eq: Equation, count: int | None = None
) -> tuple[str, str, list[Expression]]:
    """Write a call with the parameters that differ from the defaults."""
    operands = [function, *(writer.operand(x) for x in eq.inputs)]
    arguments = [f"{{{i}}}" for i in range(1, len(operands))]
    for name, value in _given(eq.params, eq.op.parameters).items():
        arguments.append(f"{name}={{{len(operands)}}}")
        operands.append(written_value(writer, value, eq.op))
    return f"{{0}}({', '.join(arguments)})", "atom", operands


def _given(params: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in params.items()
        if name not in defaults
        or not (value is defaults[name] or (_is_plain(value) and value == defaults[name]))
    }


def _is_plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str, tuple)) and not isinstance(value, np.generic)


# Forms that depend on parameters


def _reshape(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
    shape = eq.params["shape"]
    operands = [writer.operand(eq.inputs[0]), written_value(writer, shape, eq.op)]
    (size, *rest) = eq.inputs[0].shape or (None,)
    if not rest and eq.out.shape in ((size, 1), (1, size)):
        return (
            "{0:atom}" + ("[:, None]" if eq.out.shape[0] == size else "[None, :]"),
            "atom",
            operands[:1],
        )
    return "{0:atom}.reshape({1})", "atom", operands


def _transpose(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
    axes = eq.params.get("axes")
    x = writer.operand(eq.inputs[0])
    ndim = eq.out.ndim
    if axes is None or tuple(int(a) % ndim for a in axes) == tuple(range(ndim))[::-1]:
        return "{0:atom}.T", "atom", [x]
    return "{0:atom}.transpose({1})", "atom", [x, written_value(writer, tuple(axes), eq.op)]


def _astype(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
    dtype = written_value(writer, np.dtype(eq.params["dtype"]), eq.op)
    return "{0:atom}.astype({1})", "atom", [writer.operand(eq.inputs[0]), dtype]


def _getitem(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
    template, operands = indexed(writer, eq.params["index"], eq.op)
    return template, "atom", [writer.operand(eq.inputs[0]), *operands]


def _joined(function: str) -> Form:
    def form(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
        operands = [writer.operand(x) for x in eq.inputs]
        arrays = ", ".join(f"{{{i}}}" for i in range(len(operands)))
        axis = eq.params["axis"]
        return f"{function}([{arrays}]{f', axis={axis}' if axis else ''})", "atom", operands

    return form


def _sum_to(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
    (x,) = eq.inputs
    shape = eq.params["shape"]
    lead = len(x.shape) - len(shape)
    kept = tuple(i + lead for i, n in enumerate(shape) if n == 1 and x.shape[i + lead] != 1)
    axes: Any = tuple(range(lead)) + kept
    axis = "" if len(axes) == len(x.shape) else f", axis={axes[0] if len(axes) == 1 else axes}"
    if not kept:
        template = f"np.sum({{0}}{axis})"
    elif not lead:
        template = f"np.sum({{0}}{axis}, keepdims=True)"
    else:
        template = f"np.sum({{0}}{axis}).reshape({shape})"
    return template, "atom", [writer.operand(x)]


def _broadcast_to(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
    (x,) = eq.inputs
    shape = eq.params["shape"]
    if isinstance(x, Literal) and isinstance(x.value, np.generic):
        return "{0}", "atom", [writer.array(np.full(shape, x.value))]
    return "np.broadcast_to({0}, {1})", "atom", [writer.operand(x), _shape(writer, shape, eq)]


def _shape(writer: Writer, shape: Any, eq: Equation) -> Expression:
    return written_value(writer, shape, eq.op)


def _einsum(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
    operands = [writer.operand(x) for x in eq.inputs]
    arrays = ", ".join(f"{{{i}}}" for i in range(len(operands)))
    return f"np.einsum({eq.params['subscripts']!r}, {arrays})", "atom", operands


def _tensordot(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
    operands = [writer.operand(x) for x in eq.inputs]
    axes = tuple(tuple(int(a) for a in part) for part in eq.params["axes"])
    return f"np.tensordot({{0}}, {{1}}, axes={axes})", "atom", operands


def _choose(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
    operands = [written_value(writer, eq.params["index"], eq.op)]
    operands += [writer.operand(x) for x in eq.inputs]
    arrays = ", ".join(f"{{{i}}}" for i in range(1, len(operands)))
    return f"np.choose({{0}}, [{arrays}])", "atom", operands


def _square(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
    template = ("{0:atom} ** 2", "power") if _is_floating(eq) else ("np.square({0})", "atom")
    return (*template, [writer.operand(eq.inputs[0])])


def _random(writer: Writer, eq: Equation) -> tuple[str, str, list[Expression]]:
    operands = [
        writer.generator(eq.params["generator"]),
        written_value(writer, eq.params["shape"], eq.op),
    ]
    dtype = np.dtype(eq.params.get("dtype") or float)
    if dtype == np.float64:
        return "{0}.random({1})", "atom", operands
    return "{0}.random({1}, dtype={2})", "atom", [*operands, written_value(writer, dtype, eq.op)]


def _named(function: str) -> Form:
    return lambda writer, eq: _call(writer, plain(function), eq)


_FORMS: dict[str, Form] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "astype": _astype,
    "getitem": _getitem,
    "concatenate": _joined("np.concatenate"),
    "stack": _joined("np.stack"),
    "sum_to": _sum_to,
    "broadcast_to": _broadcast_to,
    "einsum": _einsum,
    "tensordot": _tensordot,
    "choose": _choose,
    "square": _square,
    "sort": _named("np.sort"),
    "diff": _named("np.diff"),
    "quantile": _named("np.quantile"),
    "random": _random,
}
