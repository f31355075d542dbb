"""``microtensor tutorial``: the tutorials' networks, trained by hand and automatically."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .failure import complain
from .parsing import Commands, completed, folder, one_of, positive, whole

if TYPE_CHECKING:
    from ..tutorials import lessons

__all__ = ["add"]

_TUTORIALS = ("two-layer", "deep", "all")
_DATA = ("truth-table", "noisy-xor")
_NARROWEST = 64
"""Columns at which no heading of a table is broken within a word."""


def add(commands: Commands) -> None:
    """Add the command."""
    tutorial = commands.add(
        "tutorial",
        _run,
        help="train two networks, by hand and automatically",
        description="""\
Train the networks of two tutorials, by hand-derived gradients and by automatic
ones side by side; show the loss, the predictions and how the gradients differ;
and write the compute graph (SVG, DOT), a page that steps through
backpropagation (HTML), the curves of loss and gradients (PNG) and the loss
history (CSV).""",
        epilog="""\
Both tutorials train on the truth table of exclusive or, 3 inputs and 1 output.
The deep network's weights are drawn with --scale 1, since with the tutorial's
own 0.01 the cost stays at ln 2.

examples:
  microtensor tutorial
  microtensor tutorial deep --data noisy-xor --hidden 8""",
    )
    chosen = tutorial.add_argument(
        "tutorial",
        nargs="?",
        default="all",
        type=one_of(*_TUTORIALS),
        metavar="TUTORIAL",
        help="two-layer, deep or all (default: all)",
    )
    completed(chosen, lambda **_: _TUTORIALS)
    tutorial.add_argument(
        "--iterations", type=whole(1), default=1500, metavar="N", help="default: 1500"
    )
    tutorial.add_argument(
        "--lr", type=positive, default=1.0, metavar="RATE", help="learning rate (default: 1)"
    )
    tutorial.add_argument(
        "--seed",
        type=whole(0),
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
        type=positive,
        default=1.0,
        metavar="SIZE",
        help="standard deviation of the deep network's starting weights (default: 1)",
    )
    data = tutorial.add_argument(
        "--data",
        type=one_of(*_DATA),
        default="truth-table",
        metavar="DATA",
        help="what the deep network learns: truth-table (the default), or noisy-xor, 200 points",
    )
    completed(data, lambda **_: _DATA)
    tutorial.add_argument(
        "--out",
        type=folder,
        default="microtensor-tutorial",
        metavar="FOLDER",
        help="where files go (default: microtensor-tutorial)",
    )
    tutorial.add_argument(
        "--no-plots", action="store_true", help="write the loss history only, no pictures"
    )


def _run(options: argparse.Namespace) -> int:
    """Train, show and write; return the exit status."""
    hidden = [width for widths in options.hidden or [] for width in widths]
    if options.tutorial == "two-layer" and len(hidden) > 1:
        options.parser.error(
            f"argument --hidden: two-layer has one hidden layer, and {len(hidden)} widths are given"
        )
    _make_folder(options)

    from rich.console import Console

    from ..tutorials import lessons, show

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
        complain(problem)
    return 0


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


def _widths(text: str) -> list[int]:
    if text in _TUTORIALS:
        raise argparse.ArgumentTypeError(f"{text!r} is no width; write it before the options")
    return [whole(1)(part) for part in text.split(",")]
