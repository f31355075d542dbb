"""``microtensor explore``: backpropagation through a function, as a page to step through."""

from __future__ import annotations

import argparse
from pathlib import Path

from .failure import CommandError
from .inputs import INPUTS, add_inputs, called
from .opening import add_open, open_in_browser
from .parsing import Commands, file

__all__ = ["add"]

_PICTURES = (".svg", ".png", ".pdf", ".dot")


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "explore",
        _run,
        help="write a page that steps through its backpropagation",
        description="""\
Call a function that returns a loss, and write a page, one HTML file, that
steps through the computation and through backpropagation: every contribution
to every gradient, with the line of your code. If the function returns
gradients derived by hand as well, as for `microtensor compare`, they and the
verdicts on them stand beside autograd's.""",
        epilog=f"""\
{INPUTS}
examples:
  microtensor explore net.py:loss --open
  microtensor explore net.py:by_hand --out lesson.html --title "Lesson 3"
  microtensor explore net.py:loss_fn --input W=3x1 x=4x3 y=4x1 --wrt W""",
    )
    add_inputs(parser)
    parser.add_argument(
        "--out",
        type=file,
        metavar="FILE",
        help="the page (default: FUNCTION.html). One that exists is replaced",
    )
    parser.add_argument("--title", metavar="TEXT", help="of the page (default: the loss's name)")
    add_open(parser)


def _run(options: argparse.Namespace) -> int:
    from .. import compare, viz
    from ..sites import record_source
    from .returned import by_hand, got, loss
    from .target import opened

    if options.out is not None and options.out.suffix in _PICTURES:
        raise CommandError(f"{options.out} is no page: explore writes HTML, draw writes pictures")
    with record_source(), opened(options.target) as target:
        value = called(target, options)
        output, gradients, names = loss(target, value), by_hand(target, value), target.names
        if output.size != 1:
            raise CommandError(
                f"{target.label} {got(target, output)}: explore needs a loss, a Tensor of one "
                "number"
            )
        path = viz.explore(
            output,
            options.out or Path(f"{target.name}.html"),
            names=names,
            comparison=compare(output, gradients, names=names) if gradients else None,
            title=options.title,
        )
    print(path)
    if options.open:
        open_in_browser(path)
    return 0
