"""Arrays and metadata as the bytes of a safetensors file, and back; see its specification.

https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FileFormatError, MissingDependencyError, SerializationError

__all__ = ["DTYPES", "LONGEST_HEADER", "from_bytes", "read_json", "to_bytes"]

Array = npt.NDArray[Any]

_READ = {
    "BOOL": "?", "I8": "i1", "I16": "<i2", "I32": "<i4", "I64": "<i8",
    "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8",
    "F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2",
}  # fmt: skip
"""What the elements of a tensor are read as, by the dtype that the file says it has."""

DTYPES = frozenset(np.dtype(read) for read in _READ.values())
"""The dtypes that can be saved, in the byte order of this machine."""

LONGEST_HEADER = 100_000_000
"""In bytes: safetensors reads none that is longer."""


def to_bytes(arrays: Mapping[str, Array], metadata: dict[str, str] | None) -> bytes:
    """Return the file of C-contiguous arrays of `DTYPES`, by names."""
    safetensors = _safetensors()
    data: bytes = safetensors.numpy.save(dict(arrays), metadata)
    if int.from_bytes(data[:8], "little") > LONGEST_HEADER:
        raise SerializationError(
            f"There is too much beside the arrays, {len(data)} bytes of JSON: make arrays of long "
            "lists of numbers."
        )
    return data


def from_bytes(data: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays by names, in the order of the file, and the metadata.

    Raises
    ------
    FileFormatError
        If it is not the content of a safetensors file.
    """
    safetensors = _safetensors()
    try:
        found = dict(safetensors.deserialize(data))
    except safetensors.SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing: ")
        raise FileFormatError(f"it is damaged, or no safetensors file: {reason}.") from error
    # The library takes the last of several tensors of one name, and keeps the metadata to itself.
    header = read_json(data[8 : 8 + int.from_bytes(data[:8], "little")].decode())
    metadata = header.pop("__metadata__", None) or {}
    return {name: _array(name, **found[name]) for name in header}, metadata


def read_json(text: str) -> Any:
    """Return what a JSON text says, if no object in it has a key twice."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"its JSON cannot be read: {error}.") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise FileFormatError(f"it has the key {twice!r} twice.")
    return found


def _array(name: str, dtype: str, shape: list[int], data: bytearray) -> Array:
    if dtype not in _READ:
        raise FileFormatError(
            f"the tensor {name!r} has dtype {dtype}, which NumPy or a Tensor does not have: "
            "convert it where the file was written."
        )
    try:
        array: Array = np.frombuffer(data, _READ[dtype]).reshape(shape)
    except ValueError as error:
        raise FileFormatError(f"the tensor {name!r} has shape {shape}: {error}.") from error
    if dtype == "BF16":  # the first half of a float32
        wide = np.left_shift(array, 16, dtype=np.uint32, out=np.empty(shape, np.uint32))
        return wide.view(np.float32)
    if dtype == "BOOL":  # which can be any byte
        return np.not_equal(array.view(np.uint8), 0, out=np.empty(shape, np.bool_))
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise MissingDependencyError(
            "save() and load() need safetensors: pip install 'microtensor[io]'"
        ) from error
    return safetensors
