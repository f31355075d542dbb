"""A program printed as the Python function that a person would write."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from ..func.trees import rebuild
from ..op import REGISTRY, Op
from .expressions import Expression, fill, function_path, number, plain
from .forms import form_of
from .identifiers import identifier
from .kernel_source import Definition, Definitions
from .literals import array_text
from .naming import Names
from .parameters import added_at
from .program import Equation, Literal, Program, Var
from .readable import readable
from .simplify import is_impure

__all__ = ["source", "statements"]

_NO_ARRAYS: Mapping[str, Any] = MappingProxyType({})
_scatter_add = REGISTRY["scatter_add"]
_WIDTH = 100
_INLINED = 60
"""Expressions longer than this get a name."""
_LITERAL = 12
"""Arrays of so many elements stand where they are used."""
_WRITTEN = 1000
"""Larger arrays are not written down: the function takes them."""


def source(program: Program) -> str:
    """Return the Python source of a function that computes what a program does.

    Raises
    ------
    UnsupportedError
        If it has an operation whose function has no source, or returns what cannot be written.
    """
    return _Printer(readable(program)).text()


def statements(
    program: Program, arrays: Mapping[str, Any] = _NO_ARRAYS
) -> tuple[list[str], list[str], str]:
    """Return what a program does without the function around it.

    That is the functions it calls that NumPy does not have, its lines, and what it returns. Arrays
    in it that equal one of ``arrays`` are called by that name.

    Raises
    ------
    UnsupportedError
        As `source`.
    """
    return _Printer(readable(program), arrays).inner()


class _Statement:
    """A line of the function: ``var = expression``, and perhaps one that changes it in place."""

    def __init__(self, var: Var, expression: Expression, then: Expression | None = None) -> None:
        self.var, self.expression, self.then = var, expression, then

    def variables(self) -> list[Var]:
        """Return the values that the statement names."""
        return self.expression.variables() + (self.then.variables() if self.then else [])


class _Printer:
    """Writes a program: it is what the forms of the operations ask, their `Writer`."""

    def __init__(self, program: Program, arrays: Mapping[str, Any] = _NO_ARRAYS) -> None:
        self.program = program
        self._known = arrays
        self.statements: list[_Statement] = []
        self.definitions = Definitions()
        self.names = Names(program)
        self.parameters: list[tuple[Any, str]] = []
        """What the function takes beyond what the program reads: an identifier, and what it is."""
        self.shared: set[Var] = set()
        """The values that have the name of the one they take the place of."""
        self._generators: dict[int, Var] = {}
        self._arrays: dict[int, Var] = {}
        self._inlined: dict[Var, Expression] = {}
        self._kept: list[Any] = []
        for var, array in program.constants.items():
            self._add_constant(var, np.asarray(array))
        for eq in program.equations:
            self._write(eq)

    # Statements

    def _write(self, eq: Equation) -> None:
        if eq.op is _scatter_add:
            self.names.name(eq)
            zeros, addition = added_at(self, eq)
            self.statements.append(_Statement(eq.out, zeros, addition))
            return
        expression = self._expression(eq)
        if is_impure(eq.op):
            self.names.name(eq)
        if self.names.is_line(eq.out):
            self._line(eq.out, expression)
        elif self._length(expression) > _INLINED:
            self.names.name(eq)
            self._line(eq.out, expression)
        else:
            self._inlined[eq.out] = expression

    def _line(self, var: Var, expression: Expression) -> None:
        self.statements.append(_Statement(var, expression))

    def _expression(self, eq: Equation) -> Expression:
        """Return the expression of an equation, with names for operands where it is too long."""
        while True:
            template, level, operands = form_of(self, eq)
            expression = fill(template, level, operands)
            written = [
                x for x in dict.fromkeys(eq.uses()) if x in self._inlined and not self._is_short(x)
            ]
            twice = [x for x in written if not self._once(template, eq, x)]
            if not twice and (not written or self._length(expression) <= _WIDTH - 30):
                return expression
            longest = max(twice or written, key=lambda x: self._length(self._inlined[x]))
            self.names.name(self.names.made_by(longest))
            self._line(longest, self._inlined.pop(longest))

    def _is_short(self, var: Var) -> bool:
        return self._inlined[var].is_simple

    @staticmethod
    def _once(template: str, eq: Equation, var: Var) -> bool:
        return all(
            template.count(f"{{{i}:") + template.count(f"{{{i}}}") <= 1
            for i, x in enumerate(eq.inputs)
            if x is var
        )

    def _length(self, expression: Expression) -> int:
        return len(self._rendered(expression))

    def _rendered(self, expression: Expression) -> str:
        return "".join(
            piece.name
            if isinstance(piece, Definition)
            else self.names.of(piece)
            if isinstance(piece, Var)
            else piece
            for piece in expression.pieces
        )

    # What forms ask

    def operand(self, atom: Any) -> Expression:
        if isinstance(atom, Literal):
            return number(atom.value)
        return self._inlined.get(atom) or Expression((atom,), 16)

    def array(self, array: Any) -> Expression:
        array = np.asarray(array)
        for name, known in self._known.items():
            if array.shape == known.shape and np.array_equal(array, known):
                return plain(identifier(name))
        if array.size <= _LITERAL or len(array_text(array)) < 30:
            return plain(array_text(array))
        if id(array) not in self._arrays:
            var = self._arrays[id(array)] = Var(array.shape, array.dtype)
            self._kept.append(array)
            self._add_constant(var, array)
        return Expression((self._arrays[id(array)],), 16)

    def _add_constant(self, var: Var, array: Any) -> None:
        if array.size > _WRITTEN and len(text := array_text(array)) > _INLINED:
            self.names.name_as(var, var.name or "constant")
            self.parameters.append((var, f"{array.dtype} of shape {array.shape}"))
            return
        text = array_text(array)
        if len(text) < 30 and var.name is None:
            self._inlined[var] = plain(text)
            return
        self.names.name_as(var, var.name or "constant")
        self._line(var, plain(text))

    def generator(self, generator: Any) -> Expression:
        if id(generator) not in self._generators:
            var = self._generators[id(generator)] = Var((), np.dtype(object))
            self.names.name_as(var, "rng")
            self._kept.append(generator)
            self.parameters.append((var, "a numpy.random.Generator"))
        return Expression((self._generators[id(generator)],), 16)

    def defined(self, op: Op) -> Expression:
        function = getattr(op, "forward", op.kernel)
        path = function_path(function)
        if path is not None:
            return plain(path)
        return Expression((self.definitions.function(function, op.name),), 16)

    # The text

    def text(self) -> str:
        taken = self.names.taken
        name = identifier(self.program.name) if self.program.name != "<lambda>" else "function"
        returned = self._returned()
        self._share_names(returned)
        taken.take(name)
        definitions = self.definitions.lines(taken)
        lines = [*self._imports(), "import numpy as np", *definitions]
        return "\n".join([*lines, "", "", *self._body(name, returned)])

    def inner(self) -> tuple[list[str], list[str], str]:
        returned = self._returned()
        definitions = [*self._imports(), *self.definitions.lines(self.names.taken)]
        lines = [line for statement in self.statements for line in self._lines(statement)]
        return definitions, lines, ", ".join(map(self._rendered, returned))

    def _imports(self) -> list[str]:
        """Return what the definitions import beside NumPy."""
        return [
            f"import {module}" + (f" as {alias}" if alias != module else "")
            for module, alias in sorted(self.definitions.imports.items())
        ]

    def _body(self, name: str, returned: list[Expression]) -> list[str]:
        lines = self._head(name)
        first = self._first_backward()
        changed = next((s.var for s in self.statements if s.var in self.shared), None)
        for statement in self.statements:
            if statement.var in (first, changed) and len(lines) > 1:
                lines.append("")
            for line in self._lines(statement):
                lines += _wrapped(f"    {line}")
        texts = [self._rendered(expression) for expression in returned]
        line = f"    return {', '.join(texts) or 'None'}"
        if len(line) > _WIDTH:
            broken = [part for text in texts for part in _broken(f"        {text},")]
            return [*lines, "    return (", *broken, "    )"]
        return [*lines, line]

    def _lines(self, statement: _Statement) -> Iterator[str]:
        comment = self.names.comment(statement.var, self._inlined, self._rendered)
        expression = self._rendered(statement.expression)
        yield f"{self.names.of(statement.var)} = {expression}{comment}"
        if statement.then is not None:
            yield self._rendered(statement.then)

    def _first_backward(self) -> Var | None:
        """Return the first value after the forward pass: a gradient, or what only they need."""
        for i, statement in enumerate(self.statements):
            if statement.var.gradient_of is not None:
                while i and self._is_auxiliary(self.statements[i - 1].var):
                    i -= 1
                return self.statements[i].var
        return None

    def _is_auxiliary(self, var: Var) -> bool:
        made = var not in self.program.constants and not self.names.is_result(var)
        return made and var.name is None

    def _head(self, name: str) -> list[str]:
        parameters = [self.names.of(read.var) for read in self.program.reads]
        parameters += [self.names.of(var) for var, _ in self.parameters]
        line = f"def {name}({', '.join(parameters)}):"
        lines = [line]
        if len(line) > _WIDTH:
            lines = [f"def {name}(", *(f"    {parameter}," for parameter in parameters), "):"]
        return lines + [f"    # {self.names.of(var)}: {what}" for var, what in self.parameters]

    def _returned(self) -> list[Expression]:
        """Return the expressions of what the function returned, then of what it changed."""
        leaves = [self._leaf(kind, atom) for kind, atom, _ in self.program.outputs]
        tree = rebuild(self.program.returned, iter(leaves))
        updates = [self.operand(update.atom) for update in self.program.updates]
        if tree is None:
            return updates
        if isinstance(tree, tuple) and not isinstance(tree, Expression) and not updates:
            return [_nested(part) for part in tree] if len(tree) > 1 else [_nested(tree)]
        return [_nested(tree), *updates]

    def _leaf(self, kind: str, atom: Any) -> Expression:
        if kind != "static":
            return self.operand(atom)
        if atom is None or isinstance(atom, (bool, int, float, str, np.generic)):
            return plain(repr(atom)) if isinstance(atom, str) else number(atom)
        raise UnsupportedError(
            f"{self.program.name}() returns {atom!r}, which has no literal: return arrays, numbers "
            "and texts, in tuples, lists and dicts."
        )

    def _share_names(self, returned: Iterable[Expression]) -> None:
        """Let the new value of a parameter have its name, where the old one is not needed again."""
        before = self.names.values_before()
        later = {var for expression in returned for var in expression.variables()}
        for statement in reversed(self.statements):
            old = before.get(statement.var)
            if old is not None and old not in later:
                self.names.share(statement.var, old)
                self.shared.add(statement.var)
            later.update(statement.variables())


def _nested(tree: Any) -> Expression:
    """Write a tuple, list or dict of expressions."""
    if isinstance(tree, Expression):
        return tree
    if tree is None:
        return plain("None")
    if isinstance(tree, dict):
        around = "{{" + ", ".join(f"{key!r}: {{{i}}}" for i, key in enumerate(tree)) + "}}"
        return fill(around, "atom", [_nested(value) for value in tree.values()])
    parts = [_nested(part) for part in tree]
    inner = ", ".join(f"{{{i}}}" for i in range(len(parts)))
    if isinstance(tree, list):
        return fill(f"[{inner}]", "atom", parts)
    return fill(f"({inner},)" if len(parts) == 1 else f"({inner})", "atom", parts)


def _broken(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(
        line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _wrapped(line: str) -> list[str]:
    """Break a line that holds a long array after commas."""
    if len(line) <= 2 * _WIDTH or "np.array(" not in line:
        return [line]
    return _broken(line)
