"""Operands: whether their order has to be told, and what operations call them."""

from __future__ import annotations

from ..custom import CustomOp
from ..op import Node, Op

__all__ = ["COMMUTATIVE", "operand", "order_matters"]

COMMUTATIVE = frozenset(
    {
        "add",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "equal",
        "logical_and",
        "logical_or",
        "logical_xor",
        "maximum",
        "minimum",
        "multiply",
        "not_equal",
    }
)
"""Of these operations the order of the operands is not written."""


def order_matters(node: Node) -> bool:
    """Tell whether an operation has several operands that cannot be exchanged."""
    return node.op is not None and len(node.parents) > 1 and node.op.name not in COMMUTATIVE


def operand(node: Node, position: int) -> str:
    """Return what the operation calls its operand, or its number if the names are just x and y."""
    arguments = () if node.op is None else _arguments(node.op)
    telling = any(len(name) > 1 for name in arguments)
    return arguments[position] if telling and position < len(arguments) else str(position + 1)


def _arguments(op: Op) -> tuple[str, ...]:
    """Return the names of an operation's inputs, as its derivative rules call them."""
    if isinstance(op, CustomOp):
        return op.inputs
    code = getattr(op.vjps[0], "__code__", None) if op.vjps else None
    return () if code is None else code.co_varnames[2 : code.co_argcount][: op.arity]
