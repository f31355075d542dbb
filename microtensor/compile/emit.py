"""Writing equations as NumPy calls that allocate nothing: what is read, and what written into."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .buffers import Buffers
from .commit import PIECE
from .lower import is_ufunc
from .places import Places
from .program import Equation, Literal, Var
from .views import is_view

__all__ = ["Emitter"]

_REDUCTIONS = {
    "sum": np.add.reduce,
    "prod": np.multiply.reduce,
    "max": np.maximum.reduce,
    "min": np.minimum.reduce,
    "all": np.logical_and.reduce,
    "any": np.logical_or.reduce,
}
_KEYWORD_OUT = frozenset({"maximum", "minimum"})
"""Ufuncs whose third argument NumPy does not take for ``out``."""


class Emitter(Places):
    """Chooses where results are written, and writes the statements.

    What is known when the arrays are bound, such as a transposed view of a buffer, is prepared
    then; only what differs from call to call is left for the call.
    """

    def __init__(
        self,
        buffers: Buffers,
        given: Sequence[Var],
        held: Sequence[Var],
        results: Sequence[Var],
        constants: dict[Var, Any],
    ) -> None:
        super().__init__(buffers, given, held, results, constants)
        self.allocating: list[Equation] = []
        """What is computed by a function that makes an array of its own."""
        self._varying = set(given)
        self._plain: set[Var] = {*held, *constants}

    def statements(
        self, equation: Equation, target: Var | None, ends: Sequence[Var]
    ) -> Iterator[str]:
        """Yield the statements for an equation, the last to read the values ``ends``."""
        if equation.out.scalar:
            yield self._number(equation)
        elif (view := self._view(equation)) is not None:
            yield from view
        else:
            out = self._place(equation, target, ends)
            yield from self._computed(equation, out)
        for var in ends:
            self.buffers.give_back(var)

    def by_pieces(
        self,
        equations: Sequence[Equation],
        target: Var,
        ends: Sequence[Var],
        inside: Mapping[Var, Var],
    ) -> Iterator[str]:
        """Yield the statements for elementwise equations, each on a piece of its arrays.

        The last result is written into ``target``, and others into what ``inside`` says; those that
        are left take the place of an operand that was on the way, or a buffer.
        """
        pieces = self._function("pieces", pieces_of)
        shape = equations[-1].out.shape
        names: dict[Var, str] = {}
        sources: list[str] = []
        passing: set[Var] = set()
        for equation in equations:
            for atom in equation.inputs:
                if isinstance(atom, Var) and atom.shape == shape and atom not in names:
                    names[atom] = f"piece{len(names)}"
                    sources.append(f"{pieces}({self._names[atom]})")
            out = equation.out
            place = target if equation is equations[-1] else inside.get(out)
            free = [a for a in passing.intersection(equation.inputs) if a.dtype == out.dtype]
            if place is not None:
                names[out] = names.get(place, f"piece{len(names)}")
                if place not in names:
                    sources.append(f"{pieces}({self._names[place]})")
            elif free:
                names[out] = names[free[0]]
                passing.add(out)
            else:
                names[out] = f"piece{len(names)}"
                passing.add(out)
                part = Var((min(PIECE, out.size),), out.dtype)
                block = self.buffers.take(part)
                sources.append(f"{pieces}({self._buffer(part, block)}, {out.size})")
        saved = {var: self._names[var] for var in names if var in self._names}
        self._names |= names
        self._pending_cells = {}
        body = [s for equation in equations for s in self._computed(equation, names[equation.out])]
        filled = [
            f"{cell}[()] = {self._names[var]}" for (var, _), cell in self._pending_cells.items()
        ]
        self._pending_cells = None
        self._names |= saved
        name = f"pieces{len(self._prepared)}"
        self._prepared.append(f"{name} = list(zip({', '.join(sources)}))")
        variables = list(dict.fromkeys(names.values()))
        yield from filled
        yield f"for {', '.join(variables)} in {name}:"
        yield from (f"    {statement}" for statement in body)
        for var in ends:
            self.buffers.give_back(var)

    def deliveries(self) -> Iterator[str]:
        """Yield the statements that copy results which are not where they are to be."""
        for var, result in self._result_names.items():
            if self._names.get(var) != result:
                yield f"copyto({result}, {self._names[var]})"

    def kept(self, var: Var) -> Iterator[str]:
        """Copy a value before the array that it is in changes."""
        place = self._buffer(var, self.buffers.take(Var(var.shape, var.dtype)))
        yield f"copyto({place}, {self._names[var]})"
        self._names[var] = place

    def _place(self, equation: Equation, target: Var | None, ends: Sequence[Var]) -> str:
        """Choose where a result is written."""
        out = equation.out
        self._plain.add(out)
        if target is not None:
            name = self._names[target]
        elif out in self._result_names:
            name = self._result_names[out]
        else:
            other = self._reusable(equation, ends)
            block = self.buffers.take(out) if other is None else self.buffers.share(out, other)
            name = self._buffer(out, block)
        self._names[out] = name
        return name

    def _reusable(self, equation: Equation, ends: Sequence[Var]) -> Var | None:
        """Return an operand whose memory can take the result, element by element."""
        if not is_ufunc(equation.op):
            return None
        out = equation.out
        operands = [atom for atom in equation.inputs if isinstance(atom, Var)]
        for var in operands:
            if (
                var in ends
                and self.buffers.holds(var)
                and (var.shape, var.dtype) == (out.shape, out.dtype)
                and not any(other is not var and self.root(other) is var for other in operands)
            ):
                return var
        return None

    def _number(self, equation: Equation) -> str:
        name = self._names[equation.out] = f"n{len(self._names)}"
        self._varying.add(equation.out)
        kernel = self._function(equation.op.name, equation.op.kernel)
        operands = ", ".join(
            repr(a.value) if isinstance(a, Literal) else self._names[a] for a in equation.inputs
        )
        return f"{name} = {kernel}({operands})"

    def _view(self, equation: Equation) -> list[str] | None:
        """Make a view, when arrays are bound or in the call; ``None`` if it may be a copy."""
        source = equation.inputs[0] if equation.inputs else None
        if not isinstance(source, Var) or not is_view(equation):
            return None
        op, out, params = equation.op.name, equation.out, equation.params
        x = self._names[source]
        before: list[str] = []
        if op == "class_indices":
            kernel = self._function(op, equation.op.kernel)
            before.append(f"{kernel}({x}, {params['count']})")
            expression = x
            if source in self._plain:
                self._plain.add(out)
        elif op in ("reshape", "ravel", "squeeze", "expand_dims"):
            if source not in self._plain:
                return None
            expression = f"{x}.reshape({out.shape})"
            self._plain.add(out)
        elif op == "transpose":
            axes = params["axes"]
            expression = f"{x}.T" if axes is None else f"{x}.transpose({self._argument(axes)})"
        elif op == "broadcast_to":
            expression = f"{self._function('broadcast_to', np.broadcast_to)}({x}, {out.shape})"
        elif op == "getitem":
            index = params["index"]
            if not out.shape and index != () and index is not Ellipsis:
                parts = index if isinstance(index, tuple) else (index,)
                if not any(part is Ellipsis for part in parts):
                    index = (*parts, Ellipsis)  # else NumPy copies the element
            expression = f"{x}[{_index_text(index)}]"
        else:
            kernel = self._function(op, equation.op.kernel)
            given = "".join(f", {key}={self._argument(v)}" for key, v in params.items())
            expression = f"{kernel}({x}{given})"
        if source in self._varying:
            self._varying.add(out)
            name = self._names[out] = f"v{len(self._names)}"
            return [*before, f"{name} = {expression}"]
        name = self._names[out] = x if expression == x else f"v{len(self._names)}"
        if name != x:
            self._prepared.append(f"{name} = {expression}")
        return before

    def _computed(self, equation: Equation, out: str) -> Iterator[str]:
        op, params, inputs = equation.op, equation.params, equation.inputs
        if is_ufunc(op):
            operands = ", ".join(self._operands(equation))
            keyword = "out=" if op.name in _KEYWORD_OUT else ""
            ufunc = self._function(op.numpy[0].__name__, op.numpy[0])
            yield f"{ufunc}({operands}, {keyword}{out})"
        elif op.name in _REDUCTIONS:
            reduce = self._function(f"{op.name}_reduce", _REDUCTIONS[op.name])
            axis, keepdims = params["axis"], params["keepdims"]
            yield f"{reduce}({self._operand(inputs[0])}, {axis!r}, None, {out}, {keepdims!r})"
        elif op.name == "matmul":
            x, y = (self._operand(atom) for atom in inputs)
            same = all(atom.dtype == equation.out.dtype for atom in inputs)
            if same and {atom.ndim for atom in inputs if isinstance(atom, Var)} <= {1, 2}:
                yield f"{x}.dot({y}, {out})"
            else:
                yield f"{self._function('matmul', np.matmul)}({x}, {y}, {out})"
        elif op.name == "sum_to":
            yield from self._sum_to(equation, out)
        elif op.name == "where":
            condition, x, y = (self._operand(atom) for atom in inputs)
            yield f"copyto({out}, {y}, 'unsafe')"
            yield f"copyto({out}, {x}, 'unsafe', {condition})"
        elif op.name in ("astype", "copy", "broadcast_to"):
            yield f"copyto({out}, {self._operand(inputs[0])}, 'unsafe')"
        elif op.name in ("reshape", "ravel", "squeeze", "expand_dims"):
            shape = inputs[0].shape
            yield f"copyto({out}.reshape({shape}), {self._operand(inputs[0])})"
        elif op.name in ("concatenate", "stack"):
            join = self._function(op.name, getattr(np, op.name))
            parts = ", ".join(self._operand(atom) for atom in inputs)
            yield f"{join}(({parts},), {params['axis']!r}, {out})"
        elif op.name in ("zeros_like", "ones_like", "full_like"):
            filler = {"zeros_like": 0, "ones_like": 1}.get(op.name, params.get("fill_value"))
            yield f"{out}.fill({self._argument(filler)})"
        elif op.name == "setitem":
            x, value = (self._operand(atom) for atom in inputs)
            yield f"copyto({out}, {x})"
            yield f"{out}[{self._argument(params['index'])}] = {value}"
        elif op.name == "random":
            generator = self._function(f"generator{id(params['generator'])}", params["generator"])
            yield f"{generator}.random(out={out}, dtype={self._argument(equation.out.dtype)})"
        else:
            self.allocating.append(equation)
            kernel = self._function(op.name, op.kernel)
            operands = ", ".join(self._operand(atom) for atom in inputs)
            given = "".join(f", {key}={self._argument(v)}" for key, v in params.items())
            yield f"copyto({out}, {kernel}({operands}{given}), 'unsafe')"

    def _sum_to(self, equation: Equation, out: str) -> Iterator[str]:
        x, target = equation.inputs[0], equation.out.shape
        lead = len(x.shape) - len(target)
        ones = [i + lead for i, n in enumerate(target) if n == 1 and x.shape[i + lead] != 1]
        axes = (*range(lead), *ones)
        reduced = tuple(n for i, n in enumerate(x.shape) if i not in axes)
        reduce = self._function("sum_reduce", np.add.reduce)
        yield f"{reduce}({self._operand(x)}, {axes}, None, {out}.reshape({reduced}))"


def pieces_of(array: Any, size: int | None = None) -> list[Any]:
    """Return the pieces of an array, flat; of a buffer, those of an array of ``size``."""
    flat = array.reshape(-1)
    if size is None:
        return [flat[i : i + PIECE] for i in range(0, flat.size, PIECE)]
    return [flat[: min(PIECE, size - i)] for i in range(0, size, PIECE)]


def _index_text(index: Any) -> str:
    if isinstance(index, tuple):
        return (
            ", ".join(map(_index_text, index)) + ("," if len(index) == 1 else "") if index else "()"
        )
    if isinstance(index, slice):
        parts = ["" if p is None else str(p) for p in (index.start, index.stop, index.step)]
        return ":".join(parts[: 2 if index.step is None else 3])
    return "..." if index is Ellipsis else repr(None if index is None else operator.index(index))
