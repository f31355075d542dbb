"""How parameters are written in Python: shapes, axes, dtypes and indices."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from ..errors import UnsupportedError
from ..op import Op
from .expressions import LEVELS, Expression, fill, function_path, number, plain
from .literals import is_range
from .program import Equation, Var

__all__ = ["Writer", "added_at", "indexed", "written_value"]


class Writer(Protocol):
    """What writes a program: it knows how values are called."""

    def operand(self, atom: Any) -> Expression:
        """Return the expression of a value or a number."""

    def array(self, array: Any) -> Expression:
        """Return the expression of an array that stands in the program."""

    def generator(self, generator: Any) -> Expression:
        """Return the name of a random generator."""

    def defined(self, op: Op) -> Expression:
        """Return the name of a function that is defined above, and computes ``op``."""


def written_value(writer: Writer, value: Any, op: Op, inside: bool = False) -> Expression:
    """Write a parameter: a shape, an axis, an index, a dtype."""
    if isinstance(value, Var):
        return writer.operand(value)
    if value is Ellipsis:
        return plain("...")
    if value is None or isinstance(value, (bool, str)):
        return plain(repr(value))
    if isinstance(value, np.integer):
        return plain(str(int(value)))
    if isinstance(value, (int, float, np.generic)):
        return number(value)
    if isinstance(value, np.ndarray):
        return writer.array(value)
    if isinstance(value, np.dtype):
        return plain("bool" if value == np.bool_ else f"np.{value.name}")
    if isinstance(value, slice):
        return _nested(writer, "slice({})", (value.start, value.stop, value.step), op)
    if isinstance(value, tuple):
        return _nested(writer, "({},)" if len(value) == 1 else "({})", value, op)
    if isinstance(value, list):
        return _nested(writer, "[{}]", value, op)
    if isinstance(value, dict):
        keys = ", ".join(f"{key!r}: {{{i}}}" for i, key in enumerate(value))
        parts = [written_value(writer, part, op) for part in value.values()]
        return fill("{{" + keys + "}}", "atom", parts)
    path = function_path(value) if callable(value) else None
    if path is not None:
        return plain(path)
    raise UnsupportedError(
        f"The operation {op.name} cannot be printed with the argument {value!r}."
    )


def _nested(writer: Writer, around: str, values: Any, op: Op) -> Expression:
    parts = [written_value(writer, value, op) for value in values]
    return fill(around.format(", ".join(f"{{{i}}}" for i in range(len(parts)))), "atom", parts)


def added_at(writer: Writer, eq: Equation) -> tuple[Expression, Expression]:
    """Return how elements are added to zeros: the zeros, and the statement that adds to them."""
    (x,) = eq.inputs
    index = eq.params["index"]
    shape = eq.params["shape"]
    given = [writer.array(np.zeros(shape, eq.out.dtype))] if math.prod(shape) else []
    zeros = given[0] if given else plain(f"np.zeros({shape})")
    target = Expression((eq.out,), LEVELS["atom"])
    parts = index if isinstance(index, tuple) else (index,)
    if all(map(_is_basic, parts)):
        template, operands = indexed(writer, index, eq.op)
        return zeros, fill(
            f"{template} = {{{len(operands) + 1}}}", "", [target, *operands, writer.operand(x)]
        )
    where = written_value(writer, index, eq.op)
    return zeros, fill("np.add.at({0}, {1}, {2})", "", [target, where, writer.operand(x)])


def indexed(writer: Writer, index: Any, op: Op) -> tuple[str, list[Expression]]:
    """Return a template for ``{0}[index]``, and its operands from the second on."""
    operands = [plain("")]
    parts = index if isinstance(index, tuple) and index else (index,)
    texts = []
    for part in parts:
        if isinstance(part, slice):
            ends = []
            for end in (part.start, part.stop):
                ends.append("" if end is None else f"{{{len(operands)}}}")
                operands += [] if end is None else [written_value(writer, end, op)]
            text = ":".join(ends)
            if part.step is not None:
                text += f":{{{len(operands)}}}"
                operands.append(written_value(writer, part.step, op))
        else:
            text = f"{{{len(operands)}}}"
            operands.append(_selected(writer, part, op))
        texts.append(text)
    comma = "," if isinstance(index, tuple) and len(index) == 1 and not _is_basic(parts[0]) else ""
    return f"{{0:atom}}[{', '.join(texts)}{comma}]", operands[1:]


def _is_basic(part: Any) -> bool:
    return isinstance(part, (int, slice)) or part is Ellipsis or part is None


def _selected(writer: Writer, part: Any, op: Op) -> Expression:
    """Write an array of indices as the list that one writes."""
    is_short = isinstance(part, np.ndarray) and part.ndim > 0 and 0 < part.size <= 16
    if is_short and part.dtype in (np.dtype(np.intp), np.dtype(bool)) and not is_range(part):
        return plain(repr(part.tolist()))
    return written_value(writer, part, op)
