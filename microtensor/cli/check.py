"""``microtensor check``: what is installed here, and whether it works."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from .failure import FAILED
from .parsing import Commands

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["EXTRAS", "Extra", "add"]


class Extra(NamedTuple):
    """An optional part: ``pip install 'microtensor[name]'``."""

    name: str
    requirements: tuple[str, ...]
    gives: str


EXTRAS = (
    Extra("plot", ("matplotlib>=3.9",), "curves of training"),
    Extra("jit", ("numba>=0.61", "scipy>=1.14"), "compiling by numba"),
    Extra("io", ("safetensors>=0.4.5",), "saving and loading"),
    Extra("onnx", ("onnx>=1.18",), "ONNX files"),
    Extra("completion", ("argcomplete>=3.5",), "TAB in a shell"),
)


class CoreError(Exception):
    """A part of the core gives something wrong."""


def add(commands: Commands) -> None:
    """Add the command."""
    commands.add(
        "check",
        _run,
        help="say what is installed, and whether it works",
        description="""\
Show the versions of what is installed, try out the core, and say what each
optional part gives and how to install it.""",
        epilog="""\
example:
  microtensor check && microtensor tutorial

exit status: 0 if the core works, whatever optional parts there are; else 1.""",
    )


def _run(options: argparse.Namespace) -> int:
    import platform
    import shutil

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from .. import __file__ as place
    from .. import __version__

    width = max(shutil.get_terminal_size().columns, 64)
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    system = f"{platform.system()} {platform.machine()}"
    console.print(f"microtensor {__version__}, Python {platform.python_version()}, {system}")
    console.print(f"{place.removesuffix('__init__.py')}", soft_wrap=True)
    works = True

    def table(*headings: str) -> Table:
        made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for heading in headings:
            made.add_column(heading, overflow="fold")
        return made

    core = table("core", "", "")
    for name, part in _PARTS.items():
        try:
            row = (name, Text("works", "green"), part())
        except Exception as error:
            if options.debug:
                raise
            works = False
            row = (name, Text("FAILS", "bold red"), f"{type(error).__name__}: {error}")
        core.add_row(*row)
    console.print()
    console.print(core)

    optional = table("optional", "", "for")
    for extra in EXTRAS:
        good, found = _installed(extra)
        optional.add_row(extra.name, Text(found, "green" if good else "yellow"), extra.gives)
    console.print()
    console.print(optional)
    console.print()
    console.print("The core works." if works else "The core does not work.")
    return 0 if works else FAILED


def _installed(extra: Extra) -> tuple[bool, str]:
    """Tell whether an extra can be used, and say what is there, or what to do."""
    import importlib.metadata

    found = []
    for requirement in extra.requirements:
        name, _, least = requirement.partition(">=")
        try:
            version = importlib.metadata.version(name)
            importlib.import_module(name)
        except importlib.metadata.PackageNotFoundError:
            return False, f"pip install 'microtensor[{extra.name}]'"
        except Exception as error:  # what another package does as it is imported
            return False, f"{name} cannot be imported: {error}"
        if _numbers(version) < _numbers(least):
            return False, f"{name} {version} is too old: pip install '{requirement}'"
        found.append(f"{name} {version}")
    return True, ", ".join(found)


def _numbers(version: str) -> list[int]:
    """Return the release numbers of a version."""
    found = re.match(r"\d+(\.\d+)*", version)
    return [int(number) for number in found[0].split(".")] if found else []


def _gradients() -> str:
    import numpy as np

    from ..tutorials.lessons import two_layer_lesson

    comparison = two_layer_lesson(seed=0, lr=1.0).compare()
    if not comparison.ok:
        raise CoreError(comparison.summary)
    return f"NumPy {np.__version__}; a network's gradients are those derived by hand"


def _programs() -> str:
    import numpy as np

    from .. import Tensor, compile, tensor

    def function(x: object) -> Tensor:
        out: Tensor = (np.exp(tensor(x)) ** 2).sum()
        return out

    x = np.linspace(-1, 1, 5)
    if not np.isclose(compile(function)(x).item(), np.sum(np.exp(2 * x))):
        raise CoreError("a compiled function gives another result")
    return "a compiled function gives what it should"


def _drawings() -> str:
    from ..tutorials.lessons import two_layer_lesson
    from ..viz import draw
    from ..viz.drawing import laid_out, layout_engines

    picture = laid_out(draw(two_layer_lesson(seed=0, lr=1.0).graph().loss), "svg")
    if b"</svg>" not in picture:
        raise CoreError("the layout engine writes no SVG")
    formats = {"dot": "Graphviz: SVG, PNG, PDF and more", "graphviz-pure": "SVG and PNG"}
    engine = layout_engines()[0].stem
    return f"laid out by {engine}, {formats.get(engine, '')}".rstrip(", ")


_PARTS: dict[str, Callable[[], str]] = {
    "gradients": _gradients,
    "programs": _programs,
    "drawings": _drawings,
}
