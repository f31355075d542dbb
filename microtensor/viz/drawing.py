"""Graphviz, found wherever it is: the system's ``dot``, or the engine that graphviz-pure brings."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import graphviz
from graphviz.backend import dot_command

from ..errors import RenderError

__all__ = ["Drawing", "laid_out"]

T = TypeVar("T")

_MOST_AS_PNG = 300
"""Of a drawing with more statements a notebook keeps no second picture: it would be large."""
_SECONDS = 5.0
_FAILURES = (RenderError, OSError)
"""As which the failure of a layout engine shows, here and in the package graphviz."""


class Drawing(graphviz.Digraph):
    """A `graphviz.Digraph` that is laid out whether or not Graphviz is installed in the system.

    So ``pipe``, ``render`` and a notebook's display work after ``pip install`` alone.
    """

    def _repr_png_(self) -> bytes | None:
        """Return what a notebook shows until it is trusted, which takes SVG for code."""
        if len(self.body) > _MOST_AS_PNG:
            return None
        try:
            return laid_out(self, "png", seconds=_SECONDS)
        except RenderError:
            return None

    def __repr__(self) -> str:
        return f"<Drawing, {len(self.body)} statements in DOT>"

    def pipe(self, *args: Any, **kwargs: Any) -> Any:
        """Return the drawing in a format, as `graphviz.Digraph.pipe` does.

        Raises
        ------
        RenderError
            If there is no layout engine, or it does not know the format or refuses the drawing.
        """
        kwargs = {"quiet": True} | kwargs
        return _by_graphviz(lambda: super(Drawing, self).pipe(*args, **kwargs))

    def render(self, *args: Any, **kwargs: Any) -> str:
        """Write DOT and the drawing, as `graphviz.Digraph.render` does.

        Raises
        ------
        RenderError
            If there is no layout engine, or it does not know the format or refuses the drawing.
        """
        kwargs = {"quiet": True} | kwargs
        path: str = _by_graphviz(lambda: super(Drawing, self).render(*args, **kwargs))
        return path


def layout_engines() -> list[Path]:
    """Return the programs that lay graphs out, the one to prefer first.

    Raises
    ------
    RenderError
        If there is none.
    """
    engines = [Path("dot")] if shutil.which("dot") else []
    brought = _graphviz_pure()
    if brought is not None:
        engines.append(brought)
    if not engines:
        raise RenderError(
            "Nothing here lays graphs out: install Graphviz (https://graphviz.org/download), or "
            "`pip install graphviz-pure`. The drawing's DOT is its .source."
        )
    return engines


def laid_out(drawing: graphviz.Digraph, format: str, *, seconds: float | None = None) -> bytes:
    """Return a drawing in a format that the layout engine writes.

    Parameters
    ----------
    seconds
        How long an engine may take; ``None`` for as long as it needs.

    Raises
    ------
    RenderError
        If there is no layout engine, or it does not know the format, refuses the drawing, or takes
        too long.
    """
    return _by_first_that_works(lambda engine: _laid_out_by(engine, drawing, format, seconds))


def _laid_out_by(
    engine: Path, drawing: graphviz.Digraph, format: str, seconds: float | None
) -> bytes:
    command = [os.fspath(engine), f"-K{drawing.engine}", f"-T{format}"]
    try:
        done = subprocess.run(
            command,
            input=drawing.source.encode(drawing.encoding),
            capture_output=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise RenderError(f"{engine.name} took more than {seconds} seconds.") from None
    except OSError as error:
        raise RenderError(f"{engine} cannot be run: {error.strerror}.") from error
    if done.returncode or done.stderr.startswith(b"Error"):
        raise _refused(engine, format, done.stderr, done.returncode)
    return done.stdout


def _refused(engine: Path, format: str, said: bytes | str | None, status: int) -> RenderError:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said or ""
    reason = text.strip() or f"exit status {status}"
    hint = "" if engine.name == "dot" else "; Graphviz itself, if installed, knows more formats"
    return RenderError(f"{engine.name} cannot write {format!r}: {reason}{hint}.")


def _by_graphviz(lay_out: Callable[[], T]) -> T:
    """Let the package graphviz lay out, whose engine is a variable of a module."""

    def lay_out_by(engine: Path) -> T:
        dot_command.DOT_BINARY = engine
        try:
            return lay_out()
        except graphviz.CalledProcessError as error:
            format = next(option[2:] for option in error.cmd if str(option).startswith("-T"))
            raise _refused(engine, format, error.stderr, error.returncode) from None
        except graphviz.ExecutableNotFound as error:
            raise RenderError(f"{engine} cannot be run: No such file or directory.") from error

    return _by_first_that_works(lay_out_by)


def _by_first_that_works(lay_out: Callable[[Path], T]) -> T:
    """Return what the first layout engine makes that does not fail; if all do, raise as it did."""
    failures = []
    for engine in layout_engines():
        try:
            return lay_out(engine)
        except _FAILURES as error:
            failures.append(error)
    raise failures[0]


@functools.cache
def _graphviz_pure() -> Path | None:
    """Return the program of the package graphviz-pure, which need not be on the PATH."""
    try:
        files = importlib.metadata.files("graphviz-pure") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.stem == "graphviz-pure" and file.suffix in ("", ".exe"):
            path = Path(file.locate())
            if path.is_file():
                return path.resolve()
    command = shutil.which("graphviz-pure")
    return None if command is None else Path(command)
