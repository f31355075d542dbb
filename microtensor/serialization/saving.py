"""`save` and `load`: a dict of arrays, or of anything a checkpoint has, as a safetensors file."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import FileFormatError, SerializationError, TracingError
from ..files import write_whole
from ..record import current_trace
from .contents import LONGEST_HEADER, from_bytes, to_bytes
from .structure import flatten, restore

__all__ = ["load", "save"]

_STRUCTURE = "microtensor"
"""The key of the metadata under which the structure is."""


def save(path: str | os.PathLike[str], state_dict: Mapping[Any, Any]) -> Path:
    """Write a dict of arrays, such as a model's ``state_dict()``, to a safetensors file.

    A dict from names to arrays becomes a plain file, which ``safetensors.torch.load_file`` reads.
    Anything else is a checkpoint: its arrays are in the file by their paths, such as
    ``model.0.weight``, and all the rest is in the file's metadata, as JSON. `load` gives the same
    back. Nothing is pickled.

    The file is whole or not there: whatever interrupts the writing, ``path`` holds the new file,
    or what it held before.

    Parameters
    ----------
    path
        The file, usually called ``*.safetensors``.
    state_dict
        Arrays or Tensors of booleans, integers or floating-point numbers of at most 64 bits; NumPy
        scalars; numbers, strings, booleans and ``None``; and dicts, lists and tuples of these. The
        keys of dicts are strings, numbers, booleans or ``None``. Tensors are saved as arrays. An
        array that is there twice is saved twice.

    Returns
    -------
    The path.

    Raises
    ------
    SerializationError
        If it is no dict, or a value cannot be saved. The message says where it is.
    OutputError
        If the file cannot be written.
    MissingDependencyError
        If safetensors is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> model = nn.Linear(3, 4)
    >>> _ = mt.save(path, model.state_dict())
    >>> nn.Linear(3, 4).load_state_dict(mt.load(path))
    IncompatibleKeys(missing_keys=[], unexpected_keys=[])
    """
    if current_trace() is not None:
        raise TracingError(
            "save() writes a file, and a program would not: call it outside of the function that "
            "is compiled or traced."
        )
    if not isinstance(path, (str, os.PathLike)):
        raise SerializationError(
            f"save() takes the path first, a string, and got a {type(path).__name__}: write "
            "mt.save(path, state_dict)."
        )
    arrays, structure = flatten(state_dict)
    metadata = None if structure is None else {_STRUCTURE: structure}
    return write_whole(path, to_bytes(arrays, metadata))


def load(path: str | os.PathLike[str]) -> dict[Any, Any]:
    """Read what `save` wrote, or any safetensors file.

    Of a file from elsewhere it returns the arrays by their names. Its bfloat16 numbers become
    float32, without loss.

    Returns
    -------
    A dict of arrays, or the dict that was saved: with arrays where it had Tensors, and dicts, lists
    and tuples where it had subclasses of them.

    Raises
    ------
    FileFormatError
        If it is no safetensors file, cut off, damaged, or has a tensor of a dtype that NumPy does
        not have. A damaged file can pass as another one if only numbers are damaged: the format has
        no checksum.
    OSError
        If the file does not exist, or cannot be read.
    MissingDependencyError
        If safetensors is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import microtensor as mt
    >>> path = os.path.join(tempfile.mkdtemp(), "checkpoint.safetensors")
    >>> _ = mt.save(path, {"model": {"weight": np.ones(2)}, "epoch": 3, "best": (2, 0.25)})
    >>> mt.load(path)
    {'model': {'weight': array([1., 1.])}, 'epoch': 3, 'best': (2, 0.25)}
    """
    try:
        arrays, metadata = from_bytes(_read(path))
        structure = metadata.get(_STRUCTURE)
        return dict(arrays) if structure is None else restore(structure, arrays)
    except FileFormatError as error:
        raise FileFormatError(f"{os.fspath(path)!r} cannot be loaded: {error}") from error.__cause__


def _read(path: str | os.PathLike[str]) -> bytes:
    """Read a file whose beginning could be that of a safetensors file, and no other."""
    with open(os.fspath(path), "rb", opener=_without_waiting) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise FileFormatError("it is no regular file.")
        size = found.st_size
        beginning = file.read(9)
        if len(beginning) < 9:
            raise FileFormatError(f"it has {size} bytes, too few for a safetensors file.")
        header = int.from_bytes(beginning[:8], "little")
        if header > size - 8 or not beginning.endswith(b"{"):
            guess = ", or cut off" if header < LONGEST_HEADER else _looks_like(beginning)
            raise FileFormatError(f"it is no safetensors file{guess}.")
        file.seek(0)
        return file.read()


def _without_waiting(path: str, flags: int) -> int:
    """Open a file, also a pipe that nobody writes to."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _looks_like(beginning: bytes) -> str:
    """Say which other kind of file begins so."""
    kinds = {
        b"PK\x03\x04": ", but a ZIP archive, as numpy.savez and torch.save write",
        b"\x93NUMPY": ", but one of numpy.save",
        b"\x80": ", but a pickle, as it seems",
        b"\x89HDF": ", but an HDF5 file",
    }
    return next((kind for magic, kind in kinds.items() if beginning.startswith(magic)), "")
