"""The values that functions are called with: read from ``NAME=SHAPE``, and never evaluated."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..tensor import Tensor, tensor
from .failure import CommandError
from .parsing import completed, whole

if TYPE_CHECKING:
    from .target import Target

__all__ = ["Call", "add_inputs", "call_of", "called"]

_SHAPE = re.compile(r"(\d+(?:x\d+)*|scalar)(?::(\w+))?")
_DTYPES = {"float64": "f8", "float": "f8", "float32": "f4", "int": "i8", "bool": "?"}
_MOST_BYTES = 2**30

INPUTS = """\
what the function is called with:
  A function without parameters is called as it is. For others give the shapes
  of arguments, whose numbers are drawn from N(0, 1):
    --input W=3x4 b=4 x=5x3         shapes (3, 4), (4,) and (5, 3)
    --input x=5x3:float32 y=5:int   float32; int, which is 0s and 1s
    --input x=data.npy lr=0.1       an array from a file, a number
  A parameter that is annotated int, float, bool or str, or that has a default
  of such a type, gets that.
"""


class Call(NamedTuple):
    """Arguments, and which of the parameters were given arrays that can have a gradient."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    names: tuple[str, ...]
    """Of the parameters that ``args`` are for."""
    wrt: tuple[str, ...] | None
    """The parameters to differentiate with respect to; ``None`` if nobody said."""

    @property
    def floating(self) -> tuple[str, ...]:
        """The parameters that have floating-point arrays."""
        given = [*zip(self.names, self.args, strict=True), *self.kwargs.items()]
        return tuple(name for name, value in given if _is_floating(value))

    def with_tensors(self, wrt: Sequence[str]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments with Tensors for arrays; those of ``wrt`` require a gradient."""

        def converted(name: str, value: Any) -> Any:
            if isinstance(value, np.ndarray):
                return tensor(value, requires_grad=name in wrt, name=name)
            return value

        args = tuple(map(converted, self.names, self.args))
        return args, {name: converted(name, value) for name, value in self.kwargs.items()}


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add what tells a function and its arguments."""
    target = parser.add_argument(
        "target",
        metavar="FILE.py:function",
        help="a function, or a variable, of a file; without ':function', main. A module that can "
        "be imported, package.module:function, will do as well. The file is run: name only files "
        "that you would run",
    )
    completed(target, _targets)
    parser.add_argument(
        "--input",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=SHAPE",
        help="an argument of the function, by the name of its parameter; see below",
    )
    parser.add_argument(
        "--wrt",
        nargs="*",
        metavar="NAME",
        help="the arguments to differentiate with respect to; by default all that can have a "
        "gradient, unless the function uses parameters of its own",
    )
    parser.add_argument(
        "--seed",
        type=whole(0),
        default=0,
        metavar="N",
        help="of the numbers drawn for the arguments (default: 0)",
    )


def called(target: Target, options: argparse.Namespace) -> Any:
    """Call the function, and return what it returns; what is no function is the value itself.

    Arguments require a gradient if they were asked for, or else if nothing would be recorded
    without.

    Raises
    ------
    CommandError
        If arguments are missing, or the function raises.
    """
    if not target.is_function:
        if options.input or options.wrt:
            raise CommandError(f"{target.label} is no function: it takes no --input and no --wrt")
        return target.value
    call = call_of(target, options)
    args, kwargs = call.with_tensors(call.wrt or ())
    value = target(*args, **kwargs)
    if call.wrt is None and call.floating and not _recorded(value):
        args, kwargs = call.with_tensors(call.floating)
        value = target(*args, **kwargs)
    return value


def call_of(target: Target, options: argparse.Namespace) -> Call:
    """Return the arguments that the options say.

    Raises
    ------
    CommandError
        If one is missing, is no parameter, or cannot be read, or if there is a class to call.
    """
    if isinstance(target.value, type):
        raise CommandError(
            f"{target.label} is a class: name a function, or an object that the file makes of it, "
            f"model = {target.name}(...)"
        )
    parameters = target.parameters
    wrt = None if options.wrt is None else tuple(n for x in options.wrt for n in x.split(",") if n)
    given: dict[str, str] = {}
    for text in options.input:
        name, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f"--input {text}: write NAME=SHAPE, after the function")
        _check_name("--input", name, target, parameters)
        given[name] = value
    for name in wrt or ():
        _check_name("--wrt", name, target, parameters)
    missing = [n for n, p in parameters.items() if p.default is Parameter.empty and n not in given]
    if missing:
        example = " ".join(f"{name}=4x3" for name in missing)
        raise CommandError(
            f"{target.label} takes {', '.join(missing)}: give shapes, as in --input {example}"
        )
    rng = np.random.default_rng(options.seed)
    values = {
        name: _value(name, given[name], each, rng) if name in given else each.default
        for name, each in parameters.items()
    }
    for name in wrt or ():
        if isinstance(values[name], float):
            values[name] = np.array(values[name])
        if not _is_floating(values[name]):
            raise CommandError(f"--wrt {name}: {given.get(name)} can have no gradient")
    named = [name for name, each in parameters.items() if each.kind is Parameter.KEYWORD_ONLY]
    names = tuple(name for name in parameters if name not in named)
    return Call(
        tuple(values[name] for name in names), {name: values[name] for name in named}, names, wrt
    )


def _check_name(
    option: str, name: str, target: Target, parameters: Mapping[str, Parameter]
) -> None:
    if name not in parameters:
        has = f"it has {', '.join(parameters)}" if parameters else "it has none"
        raise CommandError(f"{option} {name}: {target.label} has no parameter {name!r}; {has}")


def _value(name: str, text: str, parameter: Parameter, rng: np.random.Generator) -> Any:
    """Read the value of a parameter."""
    kind = _kind(parameter)
    if kind is str:
        return text
    if kind is bool and text in ("True", "False"):
        return text == "True"
    if text.endswith(".npy"):
        return _loaded(name, text)
    shape = _SHAPE.fullmatch(text)
    if kind in (int, float) or shape is None:
        try:
            return kind(text) if kind in (int, float) else float(text)
        except ValueError:
            raise CommandError(
                f"--input {name}={text}: {text!r} is no "
                + (f"{kind.__name__}" if kind else "shape as 4x3, number as 0.5, or .npy file")
            ) from None
    sizes = () if shape[1] == "scalar" else tuple(map(int, shape[1].split("x")))
    dtype = _DTYPES.get(shape[2] or "float")
    if dtype is None:
        raise CommandError(f"--input {name}={text}: the dtype is one of {', '.join(_DTYPES)}")
    if np.prod([float(size) for size in sizes]) * np.dtype(dtype).itemsize > _MOST_BYTES:
        raise CommandError(f"--input {name}={text}: an array of more than a gigabyte")
    if dtype in ("i8", "?"):
        return rng.integers(0, 2, sizes).astype(dtype)
    return np.asarray(rng.normal(size=sizes), dtype)


def _kind(parameter: Parameter) -> Any:
    """Return which of Python's types a parameter is to have, if one is to be seen."""
    kinds = {each.__name__: each for each in (int, float, bool, str)}
    annotation = parameter.annotation
    kind = kinds.get(annotation if isinstance(annotation, str) else "")
    if kind is not None or annotation in kinds.values():
        return kind or annotation
    return type(parameter.default) if type(parameter.default) in kinds.values() else None


def _loaded(name: str, file: str) -> Any:
    try:
        return np.load(file, allow_pickle=False)
    except OSError as error:
        raise CommandError(f"--input {name}={file}: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise CommandError(f"--input {name}={file}: not an array of numbers: {error}") from error


def _is_floating(value: Any) -> bool:
    return isinstance(value, (np.ndarray, Tensor)) and value.dtype.kind == "f"


def _recorded(value: Any) -> bool:
    """Tell whether something that a function returned has a graph."""
    if isinstance(value, Tensor):
        return value.requires_grad
    return any(map(_recorded, value)) if isinstance(value, (tuple, list)) else True


def _targets(prefix: str, **_: Any) -> list[str]:
    """Complete a file, and after its colon a function."""
    import ast

    file, colon, _name = prefix.rpartition(":")
    if colon:
        try:
            body = ast.parse(Path(file).read_text("utf-8")).body
        except (OSError, SyntaxError, ValueError):
            return []
        return [f"{file}:{each.name}" for each in body if isinstance(each, ast.FunctionDef)]
    folder, slash, _name = prefix.rpartition("/")
    found = []
    for path in sorted(Path(f"{folder}{slash}" or ".").glob("*")):
        if path.is_dir() and not path.name.startswith("."):
            found.append(f"{folder}{slash}{path.name}/")
        elif path.suffix == ".py":
            found.append(f"{folder}{slash}{path.name}:")
    return found
