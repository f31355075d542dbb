"""How the command reads its options: with complaints in one line, and completion in a shell."""

from __future__ import annotations

import argparse
import difflib
import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["Commands", "Parser", "completed", "file", "folder", "one_of", "positive", "whole"]


def _formatter(prog: str) -> argparse.HelpFormatter:
    formatter = argparse.RawDescriptionHelpFormatter(prog, max_help_position=16)
    formatter._action_max_length = 14  # argparse forgets by how much commands are indented
    return formatter


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, and begin with an option that does not exist.

    Without that, the value of a misspelt option is taken for a positional argument, and blamed.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_formatter, **kwargs)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, after a look at the names of the options."""
        known = self._option_string_actions
        args = sys.argv[1:] if args is None else args
        for text in args:
            if text == "--" or (self._subparsers is not None and not text.startswith("-")):
                break  # what follows are no options, or those of a command
            name = text.partition("=")[0]
            if name.startswith("--") and name not in known:
                self.error(f"{name} is unknown{_did_you_mean(name, known)}")
        return super().parse_known_args(args, namespace)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and complain of what is left: a function that was written apart, for one."""
        options, left = self.parse_known_args(args, namespace)
        if left:
            target = getattr(options, "target", ":")
            apart = ":" not in target and left[0].isidentifier()
            hint = f": did you mean {target}:{left[0]}?" if apart else ""
            self.error(f"unrecognized arguments: {' '.join(left)}{hint}")
        return options

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Complain of a command that does not exist."""
        if action.dest == "command" and value not in (commands := list(action.choices or ())):
            hint = _did_you_mean(value, commands) or f": there are {', '.join(commands)}"
            if ".py" in value:
                hint = f": did you mean {self.prog} draw {value}?"
            self.error(f"there is no command {value!r}{hint}")
        super()._check_value(action, value)

    def error(self, message: str) -> NoReturn:
        """End the command with a message in one line."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n")


def _did_you_mean(text: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(text, list(known), n=1)
    return f": did you mean {close[0]}?" if close else ""


class Commands:
    """The commands, in the order in which ``--help`` tells of them."""

    def __init__(self, parser: Parser) -> None:
        self._made = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
        self.names: list[str] = []

    def add(
        self, name: str, run: Callable[[argparse.Namespace], int], **texts: Any
    ) -> argparse.ArgumentParser:
        """Add a command, and return its parser; ``run`` returns the exit status."""
        parser = self._made.add_parser(name, **texts)
        parser.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,  # or it would undo the one before the command
            help="show the traceback of an error",
        )
        parser.set_defaults(run=run, parser=parser)
        self.names.append(name)
        return parser


def completed(action: argparse.Action, complete: Callable[..., Iterable[str]]) -> None:
    """Have argcomplete offer what ``complete(prefix=...)`` returns."""
    action.completer = complete  # type: ignore[attr-defined]  # where argcomplete looks


def whole(least: int) -> Callable[[str], int]:
    """Return what reads a whole number."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {least} or more")
        return number

    return read


def positive(text: str) -> float:
    """Read a number greater than 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number greater than 0")
    return number


def one_of(*choices: str) -> Callable[[str], str]:
    """Return what reads one of several words."""

    def read(text: str) -> str:
        if text in choices:
            return text
        close = difflib.get_close_matches(text.lower(), choices, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(choices)}"
        raise argparse.ArgumentTypeError(f"{text!r} is unknown: {hint}")

    return read


def folder(text: str) -> Path:
    """Read the path of a folder."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no folder")
    return Path(text)


def file(text: str) -> Path:
    """Read the path of a file."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no file")
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder, not a file")
    return Path(text)
