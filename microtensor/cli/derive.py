"""``microtensor derive``: the code of backpropagation, for a loss function."""

from __future__ import annotations

import argparse
import functools
from typing import TYPE_CHECKING, Any

from .failure import CommandError
from .inputs import INPUTS, Call, add_inputs, call_of
from .parsing import Commands, file

if TYPE_CHECKING:
    from ..compile.program import Program
    from .target import Target

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "derive",
        _run,
        help="print its backpropagation as code, NumPy or LaTeX",
        description="""\
Print the code that computes a loss and its gradients, derived from a function
that returns the loss: NumPy that runs by itself, in the names of your code.

The gradients are those of the arguments, or, if none of them can have one or
the function uses parameters of its own, of the tensors with requires_grad=True
that it uses.""",
        epilog=f"""\
{INPUTS}
examples:
  microtensor derive net.py:loss > backprop.py
  microtensor derive net.py:loss --latex
  microtensor derive net.py:loss_fn --input W=3x1 x=4x3 y=4x1 --wrt W""",
    )
    add_inputs(parser)
    parser.add_argument("--latex", action="store_true", help="print mathematics, for LaTeX")
    parser.add_argument(
        "--out", type=file, metavar="FILE", help="write it there (default: the standard output)"
    )


def _run(options: argparse.Namespace) -> int:
    from ..files import write_whole
    from .target import opened

    with opened(options.target) as target:
        if not target.is_function:
            raise CommandError(f"{target.label} is no function that returns a loss")
        program = _program(target, call_of(target, options))
        text = program.latex if options.latex else program.source
    if options.out is None or str(options.out) == "-":
        print(text)
    else:
        print(write_whole(options.out, f"{text.rstrip()}\n".encode()))
    return 0


def _program(target: Target, call: Call) -> Program:
    from ..compile.derive import derive, trace
    from ..tensor import Tensor
    from .returned import got

    # As it is, first: does it work, and does it use parameters of its own?
    args, kwargs = call.with_tensors(call.wrt or ())
    loss = target(*args, **kwargs)
    own = isinstance(loss, Tensor) and loss.requires_grad
    wrt = call.wrt or (() if own or call.wrt is not None else call.floating)
    if wrt:
        unknown = [name for name in wrt if name not in call.names]
        if unknown:
            raise CommandError(
                f"{target.label}: {', '.join(unknown)} can only be given by name, and derive "
                "differentiates with respect to arguments that have a position"
            )
        positions = tuple(call.names.index(name) for name in wrt)
        chosen = positions if len(positions) > 1 else positions[0]
        return derive(target.value, *call.args, argnums=chosen, **call.kwargs)
    if not isinstance(loss, Tensor) or loss.size != 1:
        raise CommandError(
            f"{target.label} {got(target, loss)}: derive needs a loss, a Tensor of one number"
        )

    @functools.wraps(target.value, updated=())
    def loss_and_gradients(*args: Any, **kwargs: Any) -> Any:
        loss = target.value(*args, **kwargs)
        loss.backward()
        return loss

    program = trace(loss_and_gradients, *call.args, **call.kwargs)
    if not program.updates:
        raise CommandError(
            f"{target.label} makes the parameters itself, so that nothing has a gradient after it: "
            "let them be its arguments, or variables of the file"
        )
    return program
