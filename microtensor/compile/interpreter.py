"""Running a program equation by equation: what the compiled forms are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, ShapeError
from ..func.trees import leaves_like, rebuild
from ..op import Recordable
from ..record import wrap
from ..tensor import Tensor
from .guards import is_plain
from .program import Atom, Literal, Program, Var, as_output, replaced_in
from .slots import ArgumentSlot, GradientSlot, Slot

__all__ = ["run"]


def run(program: Program, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Compute what the program computes, and leave what it leaves."""
    given = _arguments(program, args, kwargs)
    values: dict[Var, Any] = dict(program.constants)
    for var, slot in program.reads:
        value = given[slot.position] if isinstance(slot, ArgumentSlot) else slot.read()
        values[var] = _fitting(program, var, slot.name, value)

    def value_of(atom: Atom) -> Any:
        return atom.value if isinstance(atom, Literal) else values[atom]

    for equation in program.equations:
        inputs = [value_of(atom) for atom in equation.inputs]
        params = {name: replaced_in(v, value_of) for name, v in equation.params.items()}
        values[equation.out] = equation.op.kernel(*inputs, **params)
    results = [
        as_output(kind, _own(value_of(atom))) if kind != "static" else atom
        for kind, atom, _ in program.outputs
    ]
    for slot, value in [(slot, _own(value_of(atom))) for slot, atom in program.updates]:
        write(slot, value, given)
    return rebuild(program.returned, iter(results))


def _arguments(program: Program, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Return the leaves of the arguments, if they are like those of the trace."""
    if program.signature is not None:
        try:
            bound = program.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(f"{program.name}(): {error}.") from None
        as_traced, named = program.arguments
        if len(bound.args) == len(as_traced) and bound.kwargs.keys() == named.keys():
            args, kwargs = bound.args, bound.kwargs
    of = f"{program.name}() as traced"
    given = [x for _, x in leaves_like((args, kwargs), program.arguments, "the arguments", of)]
    for position, (name, value) in program.static.items():
        now = given[position]
        if now is not value and not (is_plain(value) and type(now) is type(value) and now == value):
            raise ArgumentError(
                f"{program.name}() was traced with {name}={value!r}, which decided what it did, "
                f"and got {now!r}: trace it again, or compile it, which does so by itself."
            )
    return given


def write(slot: Slot, value: Any, given: Sequence[Any]) -> None:
    """Leave a value where it belongs: an argument's, at the argument of this call."""
    if isinstance(slot, ArgumentSlot):
        target = given[slot.position]
        (target._writable() if isinstance(target, Tensor) else target)[...] = value
    elif isinstance(slot, GradientSlot) and slot.argument is not None:
        given[slot.argument]._grad = None if value is None else wrap(value)
    else:
        slot.write(value)


def _own(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _fitting(program: Program, var: Var, name: str, value: Any) -> Any:
    """Return the array or number given for an input, if it is like the one traced."""
    value = value._array if isinstance(value, Recordable) else value
    if var.scalar:
        if type(value) in (int, float, bool):
            return value
        raise ArgumentError(f"{program.name}() was traced with a number as {name}: {value!r}.")
    value = np.asarray(value)
    if value.shape != var.shape:
        raise ShapeError(
            f"{program.name}() was traced with {name} of shape {var.shape}, and got one of shape "
            f"{value.shape}: trace it again, or compile the function, which does so by itself."
        )
    if value.dtype != var.dtype:
        raise DtypeError(
            f"{program.name}() was traced with {name} of dtype {var.dtype}, and got {value.dtype}."
        )
    return value
