"""The command ``microtensor``."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from . import __version__
from .errors import MicrotensorError

__all__ = ["main"]

_TUTORIALS = ("two-layer", "deep", "all")
_FAILED = 1
_INTERRUPTED = 130
_NARROWEST = 64
"""Columns at which no heading of a table is broken within a word."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status.

    0 is success, 1 a failure on the way, 2 a wrong option, 130 Ctrl-C. Each failure is one line on
    the standard error.
    """
    _allow_any_text()
    parser = _parser()
    try:
        options = parser.parse_args(argv)
        if options.command is None:
            parser.print_help()
        else:
            _tutorial(options)
        if sys.stdout is not None:  # None where the shell closed it: >&-
            sys.stdout.flush()
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else _FAILED
    except KeyboardInterrupt:
        return _fail("interrupted", _INTERRUPTED)
    except BrokenPipeError:
        _discard_output()
        return _FAILED
    except MemoryError:
        return _fail("not enough memory; try a smaller --hidden", _FAILED)
    except (MicrotensorError, OSError) as error:
        return _fail(str(error), _FAILED)
    return 0


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, and begin with an option that does not exist.

    Without that, the value of a misspelt option is taken for a positional argument, and blamed.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, after a look at the names of the options."""
        known = self._option_string_actions
        args = sys.argv[1:] if args is None else args
        for text in args:
            if text == "--" or (self._subparsers is not None and not text.startswith("-")):
                break  # what follows are no options, or those of a command
            name = text.partition("=")[0]
            if name.startswith("--") and name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f" is unknown: did you mean {close[0]}?" if close else " is unknown"
                self.error(f"unrecognized arguments: {name}{hint}")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="microtensor",
        description="An autograd library small enough to read and good enough to use.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"microtensor {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    tutorial = commands.add_parser(
        "tutorial",
        help="train the tutorials' networks by hand-derived and by automatic gradients",
        description="Train the networks of two tutorials, by hand-derived gradients and by "
        "automatic ones side by side; show the loss, the predictions and how the gradients differ; "
        "and write the compute graph (SVG, DOT), a page that steps through backpropagation (HTML), "
        "the curves of loss and gradients (PNG) and the loss history (CSV).",
        epilog="Both tutorials train on the truth table of exclusive or, 3 inputs and 1 output. "
        "The deep network's weights are drawn with --scale 1, since with the tutorial's own 0.01 "
        "the cost stays at ln 2.",
        allow_abbrev=False,
    )
    tutorial.add_argument(
        "tutorial",
        nargs="?",
        default="all",
        type=_one_of(*_TUTORIALS),
        metavar="TUTORIAL",
        help="two-layer, deep or all (default: all)",
    )
    tutorial.add_argument(
        "--iterations", type=_whole(1), default=1500, metavar="N", help="default: 1500"
    )
    tutorial.add_argument(
        "--lr", type=_positive, default=1.0, metavar="RATE", help="learning rate (default: 1)"
    )
    tutorial.add_argument(
        "--seed",
        type=_whole(0),
        default=0,
        metavar="N",
        help="of the starting weights (default: 0)",
    )
    tutorial.add_argument(
        "--hidden",
        type=_widths,
        nargs="+",
        metavar="WIDTH",
        help="widths of the hidden layers, as 4 4 or 4,4: one for two-layer (default: 4), any "
        "number for deep (default: 4 4); with all, two-layer takes the first",
    )
    tutorial.add_argument(
        "--scale",
        type=_positive,
        default=1.0,
        metavar="SIZE",
        help="standard deviation of the deep network's starting weights (default: 1)",
    )
    tutorial.add_argument(
        "--data",
        type=_one_of("truth-table", "noisy-xor"),
        default="truth-table",
        metavar="DATA",
        help="what the deep network learns: truth-table (the default), or noisy-xor, 200 points",
    )
    tutorial.add_argument(
        "--out",
        type=_folder,
        default="microtensor-tutorial",
        metavar="FOLDER",
        help="where files go (default: microtensor-tutorial)",
    )
    tutorial.add_argument(
        "--no-plots", action="store_true", help="write the loss history only, no pictures"
    )
    tutorial.set_defaults(parser=tutorial)
    return parser


def _tutorial(options: argparse.Namespace) -> None:
    hidden = [width for widths in options.hidden or [] for width in widths]
    if options.tutorial == "two-layer" and len(hidden) > 1:
        options.parser.error(
            f"argument --hidden: two-layer has one hidden layer, and {len(hidden)} widths are given"
        )
    _make_folder(options)

    from rich.console import Console

    from .tutorials import lessons, show

    width = max(shutil.get_terminal_size().columns, _NARROWEST)
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    written: list[tuple[Path, str]] = []
    pages: list[Path] = []
    missing: list[str] = []
    chosen: list[lessons.Lesson] = []
    if options.tutorial != "deep":
        chosen.append(lessons.two_layer_lesson(options.seed, options.lr, *hidden[:1]))
    if options.tutorial != "two-layer":
        chosen.append(
            lessons.deep_lesson(
                options.seed, options.lr, hidden or (4, 4), options.scale, options.data
            )
        )
    for lesson in chosen:
        history = show.watch(lesson, options.iterations, console)
        show.show(lesson, history, console)
        result = show.write(lesson, history, options.out, plots=not options.no_plots)
        written += result.files
        pages += result.pages
        missing += [problem for problem in result.missing if problem not in missing]
    console.print("Written:")
    for path, description in written:
        console.print(f"  {path}  ({description})", soft_wrap=True)
    if pages:
        console.print("\nOpen in a browser, to step through forward and backward pass:")
        for path in pages:
            console.print(f"  {path}", soft_wrap=True)
    for problem in missing:
        _complain(problem)


def _make_folder(options: argparse.Namespace) -> None:
    """Make the output folder and try to write into it, before any training."""
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=options.out):
            pass
    except FileExistsError:
        options.parser.error(f"argument --out: '{options.out}' is a file, not a folder")
    except OSError as error:
        options.parser.error(
            f"argument --out: cannot write into '{options.out}': {error.strerror or error}"
        )


def _whole(least: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {least} or more")
        return number

    return whole


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number greater than 0")
    return number


def _widths(text: str) -> list[int]:
    if text in _TUTORIALS:
        raise argparse.ArgumentTypeError(f"{text!r} is no width; write it before the options")
    return [_whole(1)(part) for part in text.split(",")]


def _one_of(*choices: str) -> Callable[[str], str]:
    def one_of(text: str) -> str:
        if text in choices:
            return text
        close = difflib.get_close_matches(text.lower(), choices, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(choices)}"
        raise argparse.ArgumentTypeError(f"{text!r} is unknown: {hint}")

    return one_of


def _folder(text: str) -> Path:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no folder")
    return Path(text)


def _fail(message: str, status: int) -> int:
    _complain(message)
    return status


def _complain(message: str) -> None:
    print(f"microtensor: {' '.join(message.split())}", file=sys.stderr)


def _allow_any_text() -> None:
    """Show what the output's encoding lacks as ``?``, instead of failing."""
    reconfigure: Any = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")


def _discard_output() -> None:
    """Keep Python from complaining, as it exits, that nobody reads its output."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
