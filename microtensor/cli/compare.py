"""``microtensor compare``: which of the gradients derived by hand are wrong, and why."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from ..errors import ComparisonError, MicrotensorError
from .failure import FAILED, CommandError
from .inputs import INPUTS, add_inputs, called
from .parsing import Commands

if TYPE_CHECKING:
    from ..compare import Comparison
    from .target import Target

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "compare",
        _run,
        help="say which gradients derived by hand are wrong, and why",
        description="""\
Call a function that returns a loss and gradients of it that were derived by
hand, and say which of them are wrong by themselves, which others only inherit
that, and why.

The function returns `loss, {W1: dW1, z1: dz1}`: the gradients by tensor, or by
the names of its variables, `loss, {"W1": dW1}`. What `mt.compare(...)`
returned will do as well.""",
        epilog=f"""\
exit status: 0 if all gradients are right; 1 if one is wrong; 2 if nothing could
be compared: there is no such function, or it raises. So it marks what many did:
  for f in */net.py; do
    microtensor compare $f:by_hand > $f.txt 2>&1; echo $f $?
  done

{INPUTS}
examples:
  microtensor compare net.py:by_hand
  microtensor compare net.py:by_hand --json""",
    )
    add_inputs(parser)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def _run(options: argparse.Namespace) -> int:
    from .target import opened

    try:
        with opened(options.target) as target:
            comparison = _comparison(target, options)
    except MicrotensorError as error:
        raise CommandError(str(error)) from error
    if options.json:
        import json

        print(json.dumps(comparison.to_dict(), indent=2))
    elif sys.stdout is not None and sys.stdout.isatty():
        comparison.show()
    else:
        print(comparison)
    return 0 if comparison.ok else FAILED


def _comparison(target: Target, options: argparse.Namespace) -> Comparison:
    from ..compare import Comparison, compare
    from .returned import by_hand

    value: Any
    try:
        value = called(target, options)
    except CommandError as error:
        if not isinstance(error.__cause__, ComparisonError):
            raise
        value = error.__cause__.comparison  # it raises if it is wrong
    if isinstance(value, Comparison):
        return value
    gradients = by_hand(target, value)
    if gradients is None:
        raise CommandError(
            f"{target.label} gives a loss only: return the gradients as well, loss, {{W1: dW1}}"
        )
    return compare(value[0], gradients, names=target.names)
