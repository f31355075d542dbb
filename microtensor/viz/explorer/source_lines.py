"""The line of the user's source that made a tensor."""

from __future__ import annotations

import ast
import contextlib
import linecache
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from types import FrameType
from typing import Any, NamedTuple

from ...op import Node
from ...sites import sites
from ...tensor import Tensor
from .cells import cells, shown_file

__all__ = ["SourceLine", "source_lines"]

_MOST_LINES = 8
"""Of a longer statement the first lines are shown."""
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)


class SourceLine(NamedTuple):
    """A line of the user's source, and how it was found."""

    file: str
    """The file's name, without its folder; of a notebook's cell, ``In[3]``."""
    number: int
    function: str
    text: str
    exact: bool
    """Whether it was recorded as it ran; else it is the line that assigns the variable."""


def source_lines(
    nodes: Iterable[Node], frame: FrameType | None, seen: Iterable[tuple[str, Any]]
) -> dict[Node, SourceLine]:
    """Return the lines that made nodes, as far as they can be found.

    Exact are those of operations that ran in `record_source` or `detect_anomaly`. For the variables
    ``seen`` in ``frame``, the source is searched for their assignments; of several, the last above
    the line that the frame is at is taken.
    """
    known = set(nodes)
    found = {}
    if frame is not None:
        assignments = _Assignments(frame)
        for name, value in seen:
            node = value._node if isinstance(value, Tensor) else None
            if node in known and node not in found and node is not None:
                line = assignments.line_of(name)
                if line is not None:
                    found[node] = line
    for node in known:
        site = sites.get(node)
        if site is not None and site.line is not None:
            file, number = site.line.filename, site.line.lineno or 0
            text = linecache.getline(file, number).strip()
            name = shown_file(file, linecache.getlines(file))
            found[node] = SourceLine(name, number, site.line.name, text, True)
    return found


class _Assignments:
    """The lines that assign the variables of a frame: in its function, its module, its class."""

    def __init__(self, frame: FrameType) -> None:
        file = frame.f_code.co_filename
        self._locals = frame.f_locals
        self._at = frame.f_lineno
        lines = linecache.getlines(file, frame.f_globals)
        self._module = _parsed("".join(lines))
        self._lines = lines
        self._file = shown_file(file, lines)
        self._earlier = cells()[:-1] if frame.f_code.co_name == "<module>" else []
        self._around = [] if self._module is None else _around(self._module, frame)

    def line_of(self, name: str) -> SourceLine | None:
        """Return the last line above the present one that assigns a variable, else the last."""
        if self._module is None:
            return None
        function = self._around[-1] if self._around else self._module
        scope: ast.AST | None = function if name in self._locals else self._module
        if name.startswith("self."):
            scope = next((n for n in reversed(self._around) if isinstance(n, ast.ClassDef)), None)
        if scope is None:
            return None
        inside = name.startswith("self.")
        found = sorted(_assigning(scope, name, inside))
        above = [lines for lines in found if lines[0] < self._at or inside]
        if not above and (line := self._in_earlier_cells(name)):
            return line
        if not found:
            return None
        where = getattr(scope, "name", "<module>")
        return _line(self._file, self._lines, (above or found)[-1], where)

    def _in_earlier_cells(self, name: str) -> SourceLine | None:
        """Return the line of the last cell, before the one that runs, that assigns a variable."""
        for number, cell in reversed(list(enumerate(self._earlier))):
            module = _parsed(cell)
            found = sorted(_assigning(module, name, False)) if module is not None else []
            if found:
                return _line(f"In[{number}]", cell.splitlines(keepends=True), found[-1], "<module>")
        return None


def _parsed(source: str) -> ast.Module | None:
    with contextlib.suppress(SyntaxError, ValueError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were given when the code was first compiled
        return ast.parse(source)
    return None


def _line(file: str, lines: Sequence[str], span: tuple[int, int], where: str) -> SourceLine:
    first, last = span
    text = textwrap.dedent("".join(lines[first - 1 : min(last, first + _MOST_LINES - 1)]))
    return SourceLine(file, first, where, text.rstrip(), False)


def _around(module: ast.Module, frame: FrameType) -> list[ast.AST]:
    """Return the classes and functions around a frame's code, and at last its own function."""
    if frame.f_code.co_name == "<module>":
        return []
    first = frame.f_code.co_firstlineno
    found: list[ast.AST] = []
    for node in ast.walk(module):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if start <= first <= (node.end_lineno or start):
                found.append(node)
    return found


def _assigning(scope: ast.AST, name: str, inside: bool) -> Iterator[tuple[int, int]]:
    """Yield the first and the last line of what assigns ``name`` in ``scope``.

    That is not searched for in functions in it, unless ``inside``.
    """
    for node in _statements(scope, inside):
        targets: list[ast.AST] = []
        if isinstance(node, ast.Assign):
            targets = list(node.targets)
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.For)):
            targets = [node.target]
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            targets = [node.optional_vars]
        for target in targets:
            for part in ast.walk(target):
                if isinstance(part, (ast.Name, ast.Attribute)) and ast.unparse(part) == name:
                    whole = node if isinstance(node, _ASSIGNMENTS) else part
                    yield whole.lineno, whole.end_lineno or whole.lineno


def _statements(scope: ast.AST, inside: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(scope):
        yield node
        if inside or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield from _statements(node, inside)
