"""The source of functions, with all they refer to: for operations that NumPy has no name for."""

from __future__ import annotations

import ast
import inspect
import linecache
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import MicrotensorError, UnsupportedError
from ..op import Op
from .expressions import function_path
from .identifiers import Identifiers, identifier
from .literals import builtin_name, constant_text
from .surroundings import global_names

__all__ = ["Definition", "Definitions"]


class Definition:
    """Something that a printed program defines above its function, under ``name``."""

    def __init__(self, wanted: str) -> None:
        self.name = wanted
        self.statement: ast.stmt | None = None
        self.locals: set[str] = set()
        self.renamed: dict[str, Definition | str] = {}


class Definitions:
    """The functions and constants that a printed program defines, each once."""

    def __init__(self) -> None:
        self._found: dict[Any, Definition] = {}
        self._kept: list[Any] = []
        self.imports: dict[str, str] = {}

    def function(self, function: Callable[..., Any], name: str) -> Definition:
        """Return the definition of a function, called ``name`` if nothing else is.

        Raises
        ------
        UnsupportedError
            If it is not written in Python, or its source is nowhere to be found.
        """
        pending = [(function, self._new(function, name))] if id(function) not in self._found else []
        while pending:
            current, definition = pending.pop()
            node = _node_of(current, name)
            definition.statement = node
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            names.update(part.arg for part in ast.walk(node) if isinstance(part, ast.arg))
            definition.locals = names
            assert isinstance(current, types.FunctionType)
            for reference, value in _references(current):
                if reference not in names:
                    continue
                definition.renamed[reference] = self._reference(reference, value, name, pending)
        return self._found[id(function)]

    def _new(self, value: Any, name: str) -> Definition:
        definition = self._found[id(value)] = Definition(name)
        self._kept.append(value)
        return definition

    def _reference(
        self, name: str, value: Any, op: str, pending: list[tuple[Any, Definition]]
    ) -> Definition | str:
        """Return what a name in a function is in the printed program."""
        if value is np:
            return "np"
        if isinstance(value, types.ModuleType):
            self.imports[value.__name__] = identifier(value.__name__)
            return self.imports[value.__name__]
        if isinstance(value, type) and issubclass(value, MicrotensorError):
            return "ValueError"
        if isinstance(value, Op):
            value = getattr(value, "forward", value.kernel)
        if isinstance(value, type) or callable(value):
            path = function_path(value) or builtin_name(value)
            if path:
                return path
        if id(value) in self._found:
            return self._found[id(value)]
        definition = self._new(value, name)
        if isinstance(value, types.FunctionType):
            pending.append((value, definition))
        else:
            source = f"{name} = {constant_text(value, op)}"
            definition.statement = ast.parse(source).body[0]
        return definition

    def lines(self, taken: Identifiers) -> list[str]:
        """Return the definitions, constants first, under names that nothing else has."""
        found = list(self._found.values())
        for definition in found:
            for name in definition.locals - definition.renamed.keys():
                taken.avoid(name)
        for definition in found:
            definition.name = taken.take(definition.name)
        constants, functions = [], []
        for definition in found:
            assert definition.statement is not None
            text = ast.unparse(_Renamed(definition).visit(definition.statement))
            if isinstance(definition.statement, ast.FunctionDef):
                functions += ["", "", *text.splitlines()]
            else:
                constants.append(text)
        return ([""] if constants else []) + constants + functions


class _Renamed(ast.NodeTransformer):
    """Puts a definition's name and those of what it refers to into its source."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.definition.renamed:
            target = self.definition.renamed[node.id]
            text = target.name if isinstance(target, Definition) else target
            return ast.copy_location(ast.parse(text, mode="eval").body, node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if node.attr == "kernel" and isinstance(node.value, ast.Name):
            result: ast.AST = self.visit(node.value)
            return result
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node is self.definition.statement:
            node.name = self.definition.name
        node.decorator_list = []
        node.returns = None
        node.body = [
            part for i, part in enumerate(node.body) if i or not _is_text(part)
        ] or node.body
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        assign = ast.Assign([node.target], node.value)
        return self.generic_visit(ast.fix_missing_locations(ast.copy_location(assign, node)))

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if node is self.definition.statement:
            node.targets = [ast.Name(self.definition.name, ast.Store())]
            return ast.fix_missing_locations(node)
        return self.generic_visit(node)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _references(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the global and enclosing variables that a function's code reads."""
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents
    for name in global_names(code):
        if name in function.__globals__ and name not in code.co_varnames:
            yield name, function.__globals__[name]


def _node_of(function: Any, op: str) -> ast.FunctionDef:
    """Return the syntax tree of a function, a lambda as a ``def``."""
    refusal = UnsupportedError(
        f"The operation {op} cannot be printed: the source of {function!r} is nowhere to be found. "
        "Write its function in a file, with NumPy's functions."
    )
    if not isinstance(function, types.FunctionType):
        raise refusal
    code = function.__code__
    try:
        lines = linecache.getlines(code.co_filename) or inspect.findsource(function)[0]
        tree = ast.parse("".join(lines))
    except (OSError, SyntaxError):
        raise refusal from None
    nodes: list[Any] = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.Lambda))
        and _first_line(node) == code.co_firstlineno
    ]
    if len(nodes) > 1:
        nodes = [node for node in nodes if _spans(node, code)]
    if not nodes:
        raise refusal
    node = nodes[-1]
    if isinstance(node, ast.FunctionDef):
        return node
    text = f"def function({ast.unparse(node.args)}):\n    return {ast.unparse(node.body)}"
    (definition,) = ast.parse(text).body
    assert isinstance(definition, ast.FunctionDef)
    return definition


def _first_line(node: Any) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([int(node.lineno), *(int(decorator.lineno) for decorator in decorators)])


def _spans(node: Any, code: types.CodeType) -> bool:
    """Tell whether code was compiled from a node, by the columns of its body."""
    body = node.body if isinstance(node, ast.Lambda) else None
    if body is None:
        return bool(node.name == code.co_name)
    places = [p for p in code.co_positions() if p[1] is not None and p[2] is not None and p[3] != 0]
    starts = {(line, column) for line, _, column, _ in places}
    return (body.lineno, body.col_offset) in starts and all(
        (body.lineno, body.col_offset) <= start <= (body.end_lineno, body.end_col_offset)
        for start in starts
        if start != (code.co_firstlineno, 0)
    )
