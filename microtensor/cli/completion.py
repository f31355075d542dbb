"""``microtensor completion``: what has a shell complete the command's words, by argcomplete."""

from __future__ import annotations

import argparse

from ..errors import MissingDependencyError
from .parsing import Commands, completed, one_of

__all__ = ["add", "answer"]

_SHELLS = ("bash", "zsh", "fish")


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "completion",
        _run,
        help="have bash, zsh or fish complete this command",
        description="""\
Print a script that has a shell complete commands, options, files, and the
functions in them: net.py:<TAB>. Needs `pip install 'microtensor[completion]'`.""",
        epilog="""\
for a shell that runs, and in ~/.bashrc or ~/.zshrc for those to come:
  eval "$(microtensor completion bash)"
  eval "$(microtensor completion zsh)"
  microtensor completion fish | source""",
    )
    shell = parser.add_argument(
        "shell", type=one_of(*_SHELLS), metavar="SHELL", help=", ".join(_SHELLS)
    )
    completed(shell, lambda **_: _SHELLS)


def answer(parser: argparse.ArgumentParser) -> None:
    """Answer the shell that asks for completions, and end; without argcomplete, go on."""
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(parser, always_complete_options=False)


def _run(options: argparse.Namespace) -> int:
    try:
        import argcomplete
    except ImportError as error:
        raise MissingDependencyError(
            "completion needs argcomplete: pip install 'microtensor[completion]'"
        ) from error
    print(argcomplete.shell_integration.shellcode(["microtensor"], shell=options.shell))
    return 0
