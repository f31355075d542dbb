"""What to say when a kernel refuses its operands: names, shapes, dtypes, and what to do."""

from __future__ import annotations

from typing import Any

from .errors import DtypeError, IndexingError, MicrotensorError, ShapeError
from .names import caller, variables
from .op import Op, Recordable

__all__ = ["called", "explain", "operand"]


_OF_DTYPE = AttributeError, OverflowError, TypeError
"""What kernels raise for operands of a kind they cannot compute with."""


def explain(op: Op, inputs: tuple[Any, ...], error: Exception, **params: Any) -> Exception:
    """Make of the exception that ``op``'s kernel raised one that says what was wrong.

    That of a user's own kernel is the user's to understand, and stays as it is.
    """
    if isinstance(error, MicrotensorError) or not op.trusted:
        return error
    seen = list(variables(caller()))
    operands = " and ".join(operand(value, seen) for value in inputs)
    given = "".join(f", {name}={value!r}" for name, value in params.items())
    kind: type[MicrotensorError] = ShapeError
    reason = str(error).rstrip(".")
    if op.name == "matmul":
        reason = _matmul_reason(*inputs)
    elif isinstance(error, IndexError) and not isinstance(error, ValueError):
        kind = IndexingError
    elif isinstance(error, _OF_DTYPE) or "negative integer powers" in reason:
        kind = DtypeError
    elif op.broadcasts and "broadcast" in reason:
        reason = (
            "the shapes do not broadcast: aligned at the right, each pair of lengths must be equal "
            "or contain a 1"
        )
    return kind(f"{op.name} of {operands}{given}: {reason}.")


def called(tensor: Any) -> str:
    """Say which tensor is meant: by its name, else that of the caller's variable, and its shape."""
    name = _name(tensor, list(variables(caller())))
    which = f"tensor {name!r}" if name else "a tensor"
    return f"{which} of shape {tensor.shape}"


def _name(value: Any, seen: list[tuple[str, Any]]) -> str | None:
    if value.name is not None:
        return str(value.name)
    return next((name for name, other in seen if other is value or other is value._array), None)


def operand(value: Any, seen: list[tuple[str, Any]]) -> str:
    """Describe an operand: its name, found among the variables ``seen``, its dtype and shape."""
    if not isinstance(value, Recordable):
        return repr(value)
    name = _name(value, seen)
    return f"{repr(name) + ' ' if name else ''}{value._array.dtype} {value._array.shape}"


def _matmul_reason(x: Any, y: Any) -> str:
    shapes: list[tuple[int, ...]] = [getattr(value, "shape", ()) for value in (x, y)]
    if () in shapes:
        return "@ multiplies vectors and matrices; use * to multiply by a number"
    inner = shapes[0][-1], shapes[1][-2] if len(shapes[1]) > 1 else shapes[1][0]
    if inner[0] == inner[1]:
        return "the leading axes do not broadcast"
    hint = ""
    if len(shapes[0]) == len(shapes[1]) == 2:
        if shapes[0][1] == shapes[1][1]:
            hint = "; the right one transposed (.T) would fit"
        elif shapes[0][0] == shapes[1][0]:
            hint = "; the left one transposed (.T) would fit"
        elif shapes[0][0] == shapes[1][1]:
            hint = "; the other order would fit"
    return (
        f"the last axis of the left, {inner[0]}, must equal the second-to-last of the right, "
        f"{inner[1]}{hint}"
    )
