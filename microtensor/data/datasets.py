"""Data sets: samples by their numbers, one at a time or many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, IndexingError, ShapeError
from ..record import as_tensor, wrap
from ..tensor import Tensor

__all__ = [
    "Dataset",
    "Indices",
    "Subset",
    "TensorDataset",
    "as_dataset",
    "check_sized",
    "rows_within",
]

Indices = slice | npt.NDArray[np.intp]


class Dataset:
    """The base of data sets of one's own, which define ``__getitem__`` and ``__len__``.

    A sample is whatever ``dataset[i]`` returns; a `DataLoader` makes batches of arrays, numbers,
    strings, and tuples, lists and dicts of these. A list of samples serves as well.

    Examples
    --------
    >>> from microtensor.data import DataLoader, Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...
    ...     def __getitem__(self, i):
    ...         return float(i), float(i**2)
    >>> next(iter(DataLoader(Squares(), batch_size=3)))
    (tensor([0., 1., 2.]), tensor([0., 1., 4.]))
    """

    def __getitem__(self, index: Any) -> Any:
        """Return a sample; every subclass says which."""
        raise NotImplementedError(
            f"{type(self).__name__} has no samples: define `def __getitem__(self, index)` in it."
        )


class TensorDataset(Dataset):
    """The rows of arrays of equal length: sample i is ``(array[i] for each array)``.

    Batches of it are taken in one step from each array, not sample by sample.

    Parameters
    ----------
    tensors
        Arrays or Tensors, at least one. They are not copied. Of Tensors the values are taken: no
        gradient flows back to them.

    Raises
    ------
    ArgumentError
        If there is none.
    ShapeError
        If their lengths differ, or one has no axis.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor.data import TensorDataset
    >>> dataset = TensorDataset(np.arange(6.0).reshape(3, 2), [0, 1, 0])
    >>> len(dataset)
    3
    >>> dataset[1]
    (tensor([2., 3.]), tensor(1))
    """

    def __init__(self, *tensors: Any) -> None:
        if not tensors:
            raise ArgumentError("TensorDataset() needs an array, and got none.")
        self.tensors: tuple[Tensor, ...] = tuple(as_tensor(t).detach() for t in tensors)
        shapes = [tensor.shape for tensor in self.tensors]
        if not all(shapes):
            raise ShapeError(
                f"Samples are along the first axis, and the shapes are {_listed(shapes)}: every "
                "array needs an axis."
            )
        if len({shape[0] for shape in shapes}) > 1:
            raise ShapeError(
                f"Every array needs as many samples, and the shapes are {_listed(shapes)}."
            )

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def batch(self, indices: Indices) -> Any:
        """Return copies of many samples, as one Tensor for each array."""
        return tuple(_rows(tensor, indices) for tensor in self.tensors)


class Rows(TensorDataset):
    """The rows of one array: sample i is ``array[i]``."""

    def __init__(self, tensor: Any) -> None:
        super().__init__(tensor)

    def __getitem__(self, index: Any) -> Any:
        return self.tensors[0][index]

    def batch(self, indices: Indices) -> Any:
        """Return copies of many samples, as one Tensor."""
        return _rows(self.tensors[0], indices)


class Subset(Dataset):
    """Some samples of a data set, in the order of ``indices``.

    Parameters
    ----------
    dataset
        A data set.
    indices
        The numbers of samples; negative ones count from the end.

    Raises
    ------
    IndexingError
        If they are no integers, or the data set does not have them.

    Examples
    --------
    >>> from microtensor.data import Subset
    >>> list(Subset(["a", "b", "c"], [2, 0]))
    ['c', 'a']
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | npt.NDArray[np.integer[Any]]) -> None:
        check_sized(dataset)
        chosen = np.asarray(indices)
        if chosen.ndim == 1 and chosen.size == 0:
            chosen = chosen.astype(np.intp)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            hint = ": np.flatnonzero gives those of a mask" if chosen.dtype.kind == "b" else ""
            raise IndexingError(
                f"Subset() takes a list of integers, and got shape {chosen.shape} and dtype "
                f"{chosen.dtype}{hint}."
            )
        count = len(dataset)
        outside = chosen[(chosen >= count) | (chosen < -count)]
        if outside.size:
            raise IndexingError(
                f"Subset() was given the index {outside[0]}, and the data set has {count} samples."
            )
        self.dataset = dataset
        chosen = chosen.astype(np.intp)  # a sum of bytes could be too large for one
        self.indices: npt.NDArray[np.intp] = np.where(chosen < 0, chosen + count, chosen)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        chosen = self.indices[index]
        return self.dataset[chosen if chosen.ndim else int(chosen)]


def rows_within(dataset: Any) -> tuple[TensorDataset, npt.NDArray[np.intp] | None] | None:
    """Return the arrays that a data set, or a subset of one, takes samples from, and which.

    ``None`` if it computes its samples, be it by a ``__getitem__`` of its own.
    """
    chosen: npt.NDArray[np.intp] | None = None
    while type(dataset).__getitem__ is Subset.__getitem__:
        chosen = dataset.indices if chosen is None else dataset.indices[chosen]
        dataset = dataset.dataset
    if type(dataset).__getitem__ in (TensorDataset.__getitem__, Rows.__getitem__):
        return dataset, chosen
    return None


def as_dataset(data: Any) -> Any:
    """Return a data set as it is, and make one of an array or a tuple of arrays."""
    if isinstance(data, (np.ndarray, Tensor)):
        return Rows(data)
    if type(data) is tuple and all(isinstance(each, (np.ndarray, Tensor)) for each in data):
        return TensorDataset(*data)
    check_sized(data)
    return data


def check_sized(dataset: Any) -> None:
    """Raise if something has no length, or no samples by number."""
    if not (hasattr(type(dataset), "__len__") and hasattr(type(dataset), "__getitem__")):
        raise ArgumentError(
            f"A data set has samples by number, and a length; a {type(dataset).__name__} does not: "
            "give arrays, a list, or an object with __getitem__ and __len__."
        )
    if isinstance(dataset, (Mapping, str, bytes)):
        raise ArgumentError(
            f"A {type(dataset).__name__} is no data set: give arrays, or a list of samples."
        )


def _rows(tensor: Tensor, indices: Indices) -> Tensor:
    array = tensor.data
    return wrap(array[indices].copy() if isinstance(indices, slice) else array.take(indices, 0))


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))
