"""The command line as a whole: its help, its exit status, and how it ends when something fails."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from .. import __version__
from ..errors import MicrotensorError
from . import bench, check, compare, completion, derive, draw, explore, tutorial
from .failure import FAILED, CommandError, complain
from .parsing import Commands, Parser

__all__ = ["main"]

_INTERRUPTED = 130

_STORY = """\
microtensor records what you compute with NumPy, and shows its work: the graph
of your own code, backpropagation step by step, which of the gradients that you
derived by hand is wrong and why, and the code of the right ones."""

_WALK = """\
FILE.py:function is a function of yours that returns a loss, a Tensor; its file
is run.

a first walk:
  microtensor tutorial                    two networks learn; see what it writes
  microtensor draw net.py:loss            what your function computes, a picture
  microtensor explore net.py:loss --open  its backpropagation, step by step
  microtensor compare net.py:by_hand      is what you derived right? or why not?
  microtensor derive net.py:loss          the code that you would have written

a net.py to begin with:

import microtensor as mt

w = mt.tensor([0.5, -1.0], requires_grad=True)

def loss():
    a = mt.tanh(w)
    return (a**2).sum()

def by_hand():
    a = mt.tanh(w)
    return (a**2).sum(), {w: 2 * a.data}  # with a mistake

exit status: 0 success; 1 a failure on the way, or what `compare` and `check`
found wrong; 2 a wrong option, or a FILE.py:function that is not there or
raises; 130 Ctrl-C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status.

    0 is success, 1 a failure on the way, 2 what cannot be done, as by a wrong option, 130 Ctrl-C.
    Each failure is one line on the standard error, after its traceback with ``--debug``.
    """
    _allow_any_text()
    parser = _parser()
    debug = False
    try:
        if "_ARGCOMPLETE" in os.environ:  # a shell asks
            completion.answer(parser)
        options = parser.parse_args(argv)
        debug = options.debug
        status = 0
        if options.command is None:
            parser.print_help()
        else:
            status = options.run(options)
        if sys.stdout is not None:  # None where the shell closed it: >&-
            sys.stdout.flush()
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else FAILED
    except KeyboardInterrupt:
        return _failed("interrupted", _INTERRUPTED, debug)
    except BrokenPipeError:
        _discard_output()
        return FAILED
    except MemoryError:
        return _failed("not enough memory; try something smaller", FAILED, debug)
    except CommandError as error:
        return _failed(str(error), error.status, debug)
    except (MicrotensorError, OSError) as error:
        return _failed(str(error), FAILED, debug)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        hint = "" if debug else " (a defect of microtensor's: --debug shows where)"
        return _failed(f"{message}{hint}", FAILED, debug)
    return status


def _parser() -> Parser:
    parser = Parser(prog="microtensor", description=_STORY, epilog=_WALK)
    parser.add_argument("--version", action="version", version=f"microtensor {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = Commands(parser)
    for command in (tutorial, draw, explore, compare, derive, bench, check, completion):
        command.add(commands)
    return parser


def _failed(message: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    complain(message)
    return status


def _allow_any_text() -> None:
    """Show what the output's encoding lacks as ``?``, instead of failing."""
    reconfigure: Any = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")


def _discard_output() -> None:
    """Keep Python from complaining, as it exits, that nobody reads its output."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
