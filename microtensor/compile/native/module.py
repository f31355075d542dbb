"""Compiling generated source: a module in a file of its own, which numba keeps compiled on disk."""

from __future__ import annotations

import functools
import hashlib
import linecache
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from ...errors import MissingDependencyError, OutputError
from ...files import write_whole

__all__ = ["Compiled", "compiled", "load_numba"]


class Compiled(NamedTuple):
    """The functions of a module, compiled: each takes the address of a table and a number."""

    entries: dict[str, Callable[[int, int], int]]
    kept: Any
    """What must live as long as the functions."""
    seconds: float
    from_cache: bool


def load_numba() -> Any:
    """Return numba, or say how to install it."""
    try:
        import numba
        import scipy.linalg.cython_blas  # noqa: F401 - numba's way to BLAS
    except ImportError as error:
        raise MissingDependencyError(
            "backend='numba' needs numba and scipy: pip install 'microtensor[jit]'."
        ) from error
    return numba


@functools.cache
def _version() -> str:
    """Return what compiled code depends on, beside its own source."""
    import numba
    import numpy as np

    called = (Path(__file__).with_name(name) for name in ("intrinsics.py", "scalars.py"))
    texts = (path.read_text("utf-8") for path in called)
    return "\n".join((numba.__version__, np.__version__, sys.version, *texts))


def _folder() -> Path:
    """Return the folder for generated modules: numba's own, if it is told one, or the user's."""
    told = os.environ.get("NUMBA_CACHE_DIR")
    if told:
        return Path(told) / "microtensor"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "microtensor"


def compiled(source: str, functions: list[str], pieces: list[str]) -> Compiled:
    """Compile the functions of a module, or take them from the disk.

    ``pieces`` are those that the others call; they come first.
    """
    numba = load_numba()
    start = time.perf_counter()
    digest = hashlib.sha256((_version() + source).encode()).hexdigest()[:32]
    name = f"microtensor_native_{digest}"
    try:
        path = _written(name, source)
    except (OutputError, OSError, RuntimeError):  # a RuntimeError: there is no home folder
        path = None
    try:
        found = _compiled(numba, name, source, functions, pieces, path)
    except (OSError, RuntimeError):
        if path is None:
            raise
        found = _compiled(
            numba, name, source, functions, pieces, None
        )  # it can compile, but not keep
    dispatchers, hits = found
    entries = {
        function: next(iter(dispatcher.overloads.values())).entry_point
        for function, dispatcher in dispatchers.items()
        if function not in pieces
    }
    return Compiled(entries, dispatchers, time.perf_counter() - start, hits)


def _written(name: str, source: str) -> Path:
    path = _folder() / f"{name}.py"
    data = source.encode()
    if not path.exists() or path.read_bytes() != data:  # its time stamp is part of numba's key
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    return path


def _compiled(
    numba: Any,
    name: str,
    source: str,
    functions: list[str],
    pieces: list[str],
    path: Path | None,
) -> tuple[dict[str, Any], bool]:
    file = str(path) if path else f"<{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    module = ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module  # where numba looks for the globals of what it finds on disk
    exec(compile(source, file, "exec"), module.__dict__)
    integer = numba.int64
    options = {"error_model": "numpy", "cache": path is not None}
    dispatchers = {}
    for function in functions:
        if function in pieces:
            compile_it = numba.njit(integer(integer), no_cpython_wrapper=True, **options)
        else:
            compile_it = numba.njit(integer(integer, integer), **options)
        dispatchers[function] = compile_it(getattr(module, function))
        setattr(module, function, dispatchers[function])
    return dispatchers, all(d.stats.cache_hits for d in dispatchers.values())
