"""What a command cannot do, and how it says so: in one line."""

from __future__ import annotations

import sys

__all__ = ["CANNOT", "FAILED", "CommandError", "complain"]

FAILED = 1
"""The exit status of a failure on the way, of a wrong gradient, of a core that does not work."""
CANNOT = 2
"""The exit status where what was asked for cannot be done: a wrong option, a file that raises."""


class CommandError(Exception):
    """Ends the command, with a message and an exit status."""

    def __init__(self, message: str, status: int = CANNOT) -> None:
        super().__init__(message)
        self.status = status


def complain(message: str) -> None:
    """Write a message to the standard error, as one line."""
    print(f"microtensor: {' '.join(message.split())}", file=sys.stderr)
