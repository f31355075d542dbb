"""Writing files so that a reader finds a whole one, or none."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from .errors import OutputError

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]  # Windows has none

__all__ = ["write_whole"]


def write_whole(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write ``data`` to ``path``: to a file beside it first, which is then moved there in one step.

    Whatever interrupts it, be it that the process is killed or the power goes, ``path`` holds all
    of ``data`` or what it held before. The file beside it, ``.<name>.<random>.part``, remains if
    the process is killed; except on Windows, the next `write_whole` to ``path`` removes it. A
    symbolic link is followed, the permissions of a file that exists are kept, and what is no file
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
        if isinstance(error, FileNotFoundError) and not Path(path).parent.exists():
            reason = f"there is no folder {str(Path(path).parent)!r}"
        raise OutputError(f"{os.fspath(path)!r} cannot be written: {reason}.") from error
    return Path(path)


def _replace(target: Path, data: bytes) -> None:
    _remove_abandoned(target)
    with _file_beside(target) as (file, temporary):
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        if fcntl is None:  # Windows moves no file that is open
            file.close()
        temporary.replace(target)
    _keep_entry(target.parent)


@contextlib.contextmanager
def _file_beside(target: Path) -> Iterator[tuple[FileIO, Path]]:
    """Open a new file beside ``target``, locked while its writer lives; remove it if it remains."""
    while True:
        temporary = target.with_name(f"{_prefix(target)}{secrets.token_hex(8)}.part")
        file = FileIO(temporary, "x")
        if not _lock(file, wait=True) or os.fstat(file.fileno()).st_nlink:
            break
        file.close()  # another writer found it before it was locked, and removed it
    try:
        with file:
            yield file, temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _prefix(target: Path) -> str:
    return f".{target.name[:50]}."  # names are limited to 255 bytes


def _remove_abandoned(target: Path) -> None:
    """Remove what killed writers left beside ``target``: the files that nobody has locked."""
    pattern = f"{glob.escape(_prefix(target))}{'[0-9a-f]' * 16}.part"
    for name in glob.glob(pattern, root_dir=target.parent):
        part = target.parent / name
        with contextlib.suppress(OSError), FileIO(part) as file:
            if _lock(file, wait=False):
                part.unlink()


def _lock(file: FileIO, *, wait: bool) -> bool:
    """Lock a file until it is closed, if only by the end of the process; tell whether it is."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # another process has the lock, or the file system has none
        return False
    return True


def _keep_entry(folder: Path) -> None:
    """Have the disk hold a folder's entries, where the system has a way to ask for it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
