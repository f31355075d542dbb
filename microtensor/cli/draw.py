"""``microtensor draw``: the graph of what a function computes, as a picture."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .failure import CommandError
from .inputs import INPUTS, add_inputs, called
from .opening import add_open, open_in_browser
from .parsing import Commands, completed, file, one_of, whole

__all__ = ["add"]

_FORMATS = ("svg", "png", "pdf", "dot")
_DIRECTIONS = ("TB", "LR", "BT", "RL")


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "draw",
        _run,
        help="draw the graph of what your function computes",
        description="""\
Call a function, and draw the graph of the Tensor that it returns: every
operation from the inputs and parameters on, in the names of your code. Several
Tensors in a tuple are drawn together, of a loss and its hand-derived gradients
the loss.""",
        epilog=f"""\
{INPUTS}
examples:
  microtensor draw net.py:loss
  microtensor draw net.py:loss --values --gradients --out loss.png
  microtensor draw net.py:loss_fn --input W=3x1 x=4x3 y=4x1 --backward
  microtensor draw net.py:model --input input=1x784 --depth 1
  microtensor draw net.py:loss --format dot --out - | xdot -""",
    )
    add_inputs(parser)
    parser.add_argument(
        "--out",
        type=file,
        metavar="FILE",
        help="the file to write, whose ending says the format; - for the standard output "
        "(default: FUNCTION.svg). One that exists is replaced",
    )
    format = parser.add_argument(
        "--format",
        type=one_of(*_FORMATS),
        metavar="FORMAT",
        help="svg, png, pdf or dot, where the ending does not say it (default: svg)",
    )
    completed(format, lambda **_: _FORMATS)
    parser.add_argument("--values", action="store_true", help="show values in the nodes")
    parser.add_argument("--gradients", action="store_true", help="show gradients in the nodes")
    parser.add_argument(
        "--backward", action="store_true", help="draw the backward pass beside the forward pass"
    )
    parser.add_argument(
        "--health",
        action="store_true",
        help="mark NaN, exploding and vanishing gradients, dead and saturated units",
    )
    parser.add_argument(
        "--depth",
        type=whole(0),
        metavar="N",
        help="how many levels of modules are opened (default: all, if the limit permits)",
    )
    parser.add_argument(
        "--limit",
        type=whole(0),
        default=150,
        metavar="N",
        help="draw at most about N nodes, and parts of a larger graph as one; 0 for no limit "
        "(default: 150)",
    )
    direction = parser.add_argument(
        "--rankdir",
        type=one_of(*_DIRECTIONS),
        default="TB",
        metavar="DIRECTION",
        help="of the computation: TB, from top to bottom (the default), LR, BT or RL",
    )
    completed(direction, lambda **_: _DIRECTIONS)
    add_open(parser)


def _run(options: argparse.Namespace) -> int:
    from ..viz import draw, render
    from .returned import outputs
    from .target import opened

    with opened(options.target) as target:
        found = outputs(target, called(target, options))
        drawing = draw(
            found,
            names=target.names,
            values=options.values,
            gradients=options.gradients,
            show_backward=options.backward,
            health=options.health,
            depth=options.depth,
            limit=options.limit or None,
            rankdir=options.rankdir,
        )
        path = options.out or Path(f"{target.name}.{options.format or 'svg'}")
    if str(path) == "-":
        if options.open:
            raise CommandError("--open needs a file, and --out - is none")
        format = options.format or "svg"
        data = drawing.source.encode() if format == "dot" else drawing.pipe(format=format)
        sys.stdout.buffer.write(data)
        return 0
    print(render(drawing, path, format=options.format))
    if options.open:
        open_in_browser(path)
    return 0
