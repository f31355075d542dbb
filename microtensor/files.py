"""Writing files so that a reader finds a whole one, or none."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from .errors import OutputError

__all__ = ["write_whole"]


def write_whole(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write ``data`` to ``path``: to a file beside it first, which is then moved there in one step.

    Whatever interrupts it, ``path`` holds all of ``data`` or what it held before. A symbolic link
    is followed, the permissions of a file that exists are kept, and what is no file
    (``/dev/stdout``) is written to directly.

    Raises
    ------
    OutputError
        If the folder does not exist or cannot be written to, ``path`` is a folder, or the disk is
        full.
    """
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            _replace(target, data)
    except (OSError, ValueError) as error:  # a ValueError: the path contains a null character
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise OutputError(f"{os.fspath(path)!r} cannot be written: {reason}.") from error
    return Path(path)


def _replace(target: Path, data: bytes) -> None:
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
