"""What ``FILE.py:function`` names: loaded, found, run, and the names of its variables."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from ..compile.surroundings import is_librarys
from ..names import variables
from .failure import CommandError

__all__ = ["Target", "opened"]

_MOST_NAMES = 12


class Target:
    """A function of the user's, or a value that the file left in a variable.

    Attributes
    ----------
    label
        What to call it in messages: ``net.py:loss``.
    name
        The function's own name, without what it belongs to.
    value
        The function, or what is no function.
    """

    def __init__(self, file: str, path: str, module: ModuleType) -> None:
        self.label = f"{file}:{path}"
        self.name = path.rpartition(".")[-1]
        self.value: Any = module
        for part in path.split("."):
            try:
                self.value = getattr(self.value, part)
            except AttributeError:
                raise CommandError(_missing(file, path, module)) from None
        self._returned: dict[Any, dict[str, Any]] = {}
        self._globals = {id(vars(module)): vars(module)}

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """The parameters of the function that can be given one by one."""
        called = getattr(self.value, "forward", self.value)
        try:
            found = inspect.signature(called).parameters
        except (TypeError, ValueError):
            return {}
        several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return {name: each for name, each in found.items() if each.kind not in several}

    @property
    def is_function(self) -> bool:
        """Whether it can be called."""
        return callable(self.value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, and remember the variables of the user's functions that it ran."""
        before = sys.getprofile()
        self._returned.clear()
        with _users_code(self.label):
            sys.setprofile(self._look)
            try:
                return self.value(*args, **kwargs)
            finally:
                sys.setprofile(before)

    @property
    def names(self) -> Mapping[str, Any]:
        """The variables of the last call, the function's own first, then those of modules.

        Of every other function of the user's that ran it has those of its last call.
        """
        names: dict[str, Any] = {}
        for seen in reversed(self._returned.values()):
            for name, value in seen.items():
                names.setdefault(name, value)
        for seen in self._globals.values():
            for name, value in seen.items():
                names.setdefault(name, value)
        return names

    def _look(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "return" and not is_librarys(code.co_filename):
            self._returned.pop(code, None)  # so that the last to return is the last of all
            outside = frame.f_globals
            self._globals[id(outside)] = outside
            self._returned[code] = {
                name: value
                for name, value in variables(frame)
                if not (name in outside and outside[name] is value)
            }


@contextlib.contextmanager
def opened(text: str) -> Iterator[Target]:
    """Load what ``FILE.py:function`` or ``package.module:function`` names.

    As long as it is open, modules beside the file can be imported, as when Python runs it. What
    the user's code prints goes to the standard error: the output is the command's.

    Raises
    ------
    CommandError
        If there is no such file, module or function, or loading it raises.
    """
    file, colon, path = text.rpartition(":")
    if not colon or not path.replace(".", "_").isidentifier():
        file, path = text.removesuffix(":"), "main"
    is_path = (
        file.endswith(".py") or os.sep in file or Path(file).is_file() or _is_plain_folder(file)
    )
    argv, places, loaded = sys.argv, sys.path.copy(), set(sys.modules)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            sys.argv = [file]
            yield Target(file, path, _file(file) if is_path else _module(file, alone=not colon))
        finally:
            sys.argv, sys.path[:] = argv, places
            _forget(set(sys.modules) - loaded)


def _file(file: str) -> ModuleType:
    path = Path(file)
    if not path.is_file():
        if path.is_dir():
            raise CommandError(f"{file} is a folder: name a file in it, FILE.py:function")
        raise CommandError(f"{file} does not exist{_like(path)}")
    name = path.stem if path.stem not in sys.modules else f"_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CommandError(f"{file} is no Python file: its name does not end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look
    sys.path.insert(0, str(path.resolve().parent))
    with _users_code(file):
        spec.loader.exec_module(module)
    return module


def _is_plain_folder(name: str) -> bool:
    """Whether it is a folder, and no package that can be imported."""
    return Path(name).is_dir() and not Path(name, "__init__.py").is_file()


def _module(name: str, *, alone: bool) -> ModuleType:
    sys.path.insert(0, os.getcwd())
    try:
        missing = not name or importlib.util.find_spec(name) is None
    except (ImportError, ValueError):  # a package on the way is none, or the name is no name
        missing = True
    if missing:
        hint = f": name a file and its function, FILE.py:{name}" if alone else ""
        hint = f": did you mean {name}.py?" if Path(f"{name}.py").is_file() else hint
        raise CommandError(f"there is no module {name!r}, and no file of that name{hint}")
    with _users_code(name):
        return importlib.import_module(name)


def _forget(modules: set[str]) -> None:
    """Forget modules of the user's, so that another file may have some of the same names."""
    for name in modules:
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and not is_librarys(file):
            del sys.modules[name]


@contextlib.contextmanager
def _users_code(label: str) -> Iterator[None]:
    """Say in one line where the user's code raised, and what."""
    try:
        yield
    except SystemExit as error:
        raise CommandError(
            f"{label} ends the program, by sys.exit({error.code!r}): keep that, and what is to run "
            "as a program, under `if __name__ == '__main__':`"
        ) from error
    except Exception as error:
        raise CommandError(f"{_where(error, label)}: {_what(error)}") from error


def _where(error: Exception, label: str) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(error.filename)}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not is_librarys(frame.filename) and not frame.filename.startswith("<")
    ]
    if not frames:
        return label
    return f"{_shown(frames[-1].filename)}:{frames[-1].lineno}, in {frames[-1].name}"


def _what(error: Exception) -> str:
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {said}".removesuffix(": ")


def _shown(file: str) -> str:
    """Return a path as one would write it from here."""
    path = Path(file)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _like(path: Path) -> str:
    try:
        others = [each.name for each in path.parent.glob("*.py")]
    except OSError:
        others = []
    close = difflib.get_close_matches(path.name, others, n=1)
    return f": did you mean {path.with_name(close[0])}?" if close else ""


def _missing(file: str, path: str, module: ModuleType) -> str:
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and not isinstance(value, type)
        and getattr(value, "__module__", None) == module.__name__
    ]
    if path == "main":  # which a file alone stands for
        which = "loss" if "loss" in own else "".join(own[:1])
        hint = f": name a function, as in {file}:{which}." if own else ""
    else:
        close = difflib.get_close_matches(path, own, n=1)
        hint = f": did you mean {close[0]}?" if close else ""
    has = f" It has {', '.join(own[:_MOST_NAMES])}." if own else " It has no function."
    return f"{file} has no {path!r}{hint or '.'}{has}"
