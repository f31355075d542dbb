"""Where values are while generated NumPy code runs, and how the code refers to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .buffers import Buffers
from .program import Atom, Equation, Literal, Var, variables_in
from .views import is_view

__all__ = ["Places"]


class Places:
    """The names of values, of the arrays prepared for them, and of the functions that are called.

    Parameters
    ----------
    buffers
        The memory of what is computed on the way.
    given
        What every call is given: the arguments, and numbers.
    held
        The other values read, whose arrays are bound once.
    results
        What is written into arrays of the caller's.
    constants
        The values that belong to the program.
    """

    def __init__(
        self,
        buffers: Buffers,
        given: Sequence[Var],
        held: Sequence[Var],
        results: Sequence[Var],
        constants: dict[Var, Any],
    ) -> None:
        self.buffers = buffers
        self.functions: dict[str, Any] = {"copyto": np.copyto, "inf": np.inf, "nan": np.nan}
        self._given = set(given)
        self._held = list(held)
        self._result_names = {var: f"out{i}" for i, var in enumerate(results)}
        self._names: dict[Var, str] = {var: f"held{i}" for i, var in enumerate(self._held)}
        self._names |= {var: f"given{i}" for i, var in enumerate(given)}
        self._fixed: dict[str, Callable[[list[Any]], Any]] = {}
        self._prepared: list[str] = []
        self._cells: dict[tuple[Var, np.dtype[Any]], str] = {}
        self._pending_cells: dict[tuple[Var, np.dtype[Any]], str] | None = None
        """Computed numbers that statements of pieces read, and where from: many times each."""
        self._roots: dict[Var, Var] = {}
        for i, (var, array) in enumerate(constants.items()):
            self._names[var] = self._fix(f"constant{i}", np.asarray(array))

    def note(self, equation: Equation) -> None:
        """Learn whose memory a result looks at."""
        source = equation.inputs[0] if equation.inputs else None
        if isinstance(source, Var) and is_view(equation):
            self._roots[equation.out] = self.root(source)

    def root(self, var: Var) -> Var:
        """Return the value that has the memory of this one."""
        return self._roots.get(var, var)

    def name(self, var: Var) -> str:
        """Return what a value is called in the generated code."""
        return self._names[var]

    def parameters(self) -> Iterator[str]:
        """Yield the parameters of the function that binds arrays."""
        yield from (self._names[var] for var in self._held)
        yield from self._result_names.values()
        yield from self._fixed

    def fixed(self) -> list[Any]:
        """Return the arrays that belong to the program itself."""
        blocks = self.buffers.allocate()
        return [make(blocks) for make in self._fixed.values()]

    def preparations(self) -> list[str]:
        """Return the statements that make views of what is bound."""
        return self._prepared

    def cells(self) -> Iterator[str]:
        """Yield the statements that put given numbers where ufuncs read them fast."""
        for (var, _), cell in self._cells.items():
            if var in self._given:
                yield f"{cell}[()] = {self._names[var]}"

    def _buffer(self, var: Var, block: int) -> str:
        dtype, shape = var.dtype, var.shape
        nbytes = var.size * dtype.itemsize
        size = "x".join(map(str, shape)) or "number"

        def view(blocks: list[Any]) -> Any:
            return blocks[block][:nbytes].view(dtype).reshape(shape)

        return self._fix(f"b{block}_{size}_{dtype.name}", view)

    def _fix(self, name: str, value: Any) -> str:
        if name not in self._fixed:
            self._fixed[name] = value if callable(value) else lambda _: value
        return name

    def _operands(self, equation: Equation) -> list[str]:
        """Return the operands of a ufunc, numbers in arrays of the dtype that it computes in."""
        dtypes = [a.dtype for a in equation.inputs if not a.scalar]
        weak = [a for a in equation.inputs if a.scalar]
        if weak and dtypes:
            values = [a.value if isinstance(a, Literal) else a.dtype.type(1).item() for a in weak]
            dtype = np.result_type(*dtypes, *values)
        else:
            dtype = equation.out.dtype
        return [
            self._weak(atom, dtype) if atom.scalar else self._operand(atom)
            for atom in equation.inputs
        ]

    def _weak(self, atom: Atom, dtype: np.dtype[Any]) -> str:
        if isinstance(atom, Literal):
            if atom.value is None:
                return "None"
            return self._fix(_literal_name(atom.value, dtype), np.array(atom.value, dtype))
        if atom not in self._given:
            if self._pending_cells is None:
                return self._names[atom]
            name = self._fix(f"cell_{self._names[atom]}_{dtype.name}", np.empty((), dtype))
            return self._pending_cells.setdefault((atom, dtype), name)
        cell = self._cells.get((atom, dtype))
        if cell is None:
            cell = self._fix(f"cell{len(self._cells)}", np.empty((), dtype))
            self._cells[atom, dtype] = cell
        return cell

    def _operand(self, atom: Atom) -> str:
        if isinstance(atom, Literal):
            if isinstance(atom.value, np.generic):
                return self._fix(
                    _literal_name(atom.value.item(), atom.dtype), np.asarray(atom.value)
                )
            return repr(atom.value)
        return self._names[atom]

    def _argument(self, value: Any) -> str:
        """Return a parameter as text: what it holds of arrays and objects, by name."""
        if isinstance(value, Var):
            return self._names[value]
        if any(variables_in(value)) or isinstance(value, tuple):
            if isinstance(value, slice):
                parts = ", ".join(map(self._argument, (value.start, value.stop, value.step)))
                return f"slice({parts})"
            parts = "".join(f"{self._argument(part)}, " for part in value)
            return f"({parts})" if isinstance(value, tuple) else f"[{parts}]"
        if isinstance(value, np.integer):
            value = int(value)
        if value is None or (type(value) in (int, float, bool, str) and value == value):
            return repr(value)
        return self._fix(f"p{len(self._fixed)}", lambda _: value)

    def _function(self, name: str, function: Any) -> str:
        """Return the name of a function that the generated code calls."""
        known = self.functions.get(name)
        if known is None:
            self.functions[name] = function
        elif known is not function:
            return self._function(f"{name}_", function)
        return name


def _literal_name(value: Any, dtype: np.dtype[Any]) -> str:
    text = "".join(c if c.isalnum() else "_" for c in repr(value).replace("-", "m"))
    return f"c{text}_{dtype.name}"
