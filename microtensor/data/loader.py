"""The `DataLoader`: batches of a data set, each epoch in another order."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, ShapeError, TracingError
from ..record import as_tensor, current_trace, wrap
from ..tensor import Tensor
from .datasets import Indices, TensorDataset, as_dataset, rows_within
from .generators import fresh

__all__ = ["DataLoader", "default_collate"]

B_co = TypeVar("B_co", covariant=True)


class DataLoader(Generic[B_co]):
    """Iterate over a data set in batches; each iteration is an epoch.

    Batches are Tensors of the dtypes of the data. Of arrays, a batch is taken in one step. Any
    other data set is asked for its samples one by one, and `default_collate` makes a batch of them.

    Parameters
    ----------
    dataset
        An array, of which a batch is a Tensor; a tuple of arrays of equal length or a
        `TensorDataset`, of which it is a tuple of Tensors; or anything with ``__getitem__`` and
        ``__len__``, such as a list of samples.
    batch_size
        How many samples a batch has; the last one can have fewer.
    shuffle
        Whether each epoch has a new random order.
    drop_last
        Leave out the last batch if it has fewer samples.
    collate_fn
        Makes a batch of a list of samples, instead of `default_collate`.
    generator
        What the orders are drawn from, as an epoch begins; a fresh, unpredictable one by default.
        One that is in the same state gives the same batches: save ``generator.bit_generator.state``
        between epochs to go on from there.

    Raises
    ------
    ArgumentError
        If the data set is empty or is none, or ``batch_size`` is not 1 or more.
    ShapeError
        If the lengths of arrays differ.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor.data import DataLoader
    >>> X, y = np.arange(10.0).reshape(5, 2), np.array([0, 1, 1, 0, 1])
    >>> loader = DataLoader((X, y), batch_size=2, shuffle=True, generator=np.random.default_rng(0))
    >>> len(loader)
    3
    >>> for x, labels in loader:
    ...     print(x.shape, labels)
    (2, 2) tensor([1, 1])
    (2, 2) tensor([0, 0])
    (1, 2) tensor([1])
    """

    @overload
    def __init__(
        self: DataLoader[Tensor],
        dataset: Tensor | npt.NDArray[Any],
        batch_size: int = ...,
        shuffle: bool = ...,
        *,
        drop_last: bool = ...,
        collate_fn: None = ...,
        generator: np.random.Generator | None = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: DataLoader[tuple[Tensor, ...]],
        dataset: TensorDataset | tuple[Tensor | npt.NDArray[Any], ...],
        batch_size: int = ...,
        shuffle: bool = ...,
        *,
        drop_last: bool = ...,
        collate_fn: None = ...,
        generator: np.random.Generator | None = ...,
    ) -> None: ...
    @overload
    def __init__(
        self,
        dataset: Any,
        batch_size: int = ...,
        shuffle: bool = ...,
        *,
        drop_last: bool = ...,
        collate_fn: Callable[[list[Any]], B_co],
        generator: np.random.Generator | None = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: DataLoader[Any],
        dataset: Any,
        batch_size: int = ...,
        shuffle: bool = ...,
        *,
        drop_last: bool = ...,
        collate_fn: None = ...,
        generator: np.random.Generator | None = ...,
    ) -> None: ...
    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        self.dataset = as_dataset(dataset)
        if not len(self.dataset):
            raise ArgumentError("The data set is empty: there is nothing to make batches of.")
        try:
            self.batch_size = 0 if isinstance(batch_size, bool) else operator.index(batch_size)
        except TypeError:
            self.batch_size = 0
        if self.batch_size < 1:
            raise ArgumentError(f"batch_size is {batch_size!r}, and must be an integer from 1 on.")
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.generator = fresh(generator)

    def __len__(self) -> int:
        """Return how many batches an epoch has."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[B_co]:
        if current_trace() is not None:
            raise TracingError(
                "A DataLoader gives other batches in each epoch, and a program would repeat these: "
                "compile the step, which takes a batch, and call it in the loop."
            )
        count = len(self.dataset)
        order = self.generator.permutation(count) if self.shuffle else None
        return self._batches(order, count)

    def _batches(self, order: Any, count: int) -> Iterator[Any]:
        rows = None if self.collate_fn else rows_within(self.dataset)
        if rows is None:
            fetch = self._collated
        else:
            arrays, chosen = rows
            fetch = arrays.batch
            if chosen is not None:
                order = chosen if order is None else chosen[order]
        for begin in range(0, len(self) * self.batch_size, self.batch_size):
            part = slice(begin, min(begin + self.batch_size, count))
            yield fetch(part if order is None else order[part])

    def _collated(self, indices: Indices) -> Any:
        numbers = (
            range(indices.start, indices.stop) if isinstance(indices, slice) else indices.tolist()
        )
        samples = [self.dataset[i] for i in numbers]
        return (self.collate_fn or default_collate)(samples)


def default_collate(samples: Sequence[Any]) -> Any:
    """Make a batch of samples.

    Arrays, Tensors and numbers are stacked along a new first axis; of tuples, lists and dicts the
    items are put together each by itself; strings become a list.

    Raises
    ------
    ShapeError
        If arrays differ in shape, tuples in length, or dicts in keys.
    ArgumentError
        If there are no samples, or they are something else.

    Examples
    --------
    >>> from microtensor.data import default_collate
    >>> default_collate([{"x": [1.0, 2.0], "name": "a"}, {"x": [3.0, 4.0], "name": "b"}])
    {'x': [tensor([1., 3.]), tensor([2., 4.])], 'name': ['a', 'b']}
    """
    if not samples:
        raise ArgumentError("default_collate() needs samples, and got none.")
    first = samples[0]
    if isinstance(first, (str, bytes)):
        return list(samples)
    if isinstance(first, Mapping):
        _same("the keys", [set(sample) for sample in samples])
        return {key: default_collate([sample[key] for sample in samples]) for key in first}
    if isinstance(first, (tuple, list)):
        _same("the lengths", [len(sample) for sample in samples])
        items = [default_collate(each) for each in zip(*samples, strict=True)]
        return items if isinstance(first, list) else tuple(items)
    if isinstance(first, (Tensor, np.ndarray, np.generic, bool, int, float)):
        arrays = [as_tensor(sample).detach().data for sample in samples]
        _same("the shapes", [array.shape for array in arrays])
        return wrap(np.stack(arrays))
    raise ArgumentError(
        f"A batch cannot be made of a {type(first).__name__}: give the DataLoader a collate_fn, "
        "which makes one of a list of samples."
    )


def _same(what: str, found: list[Any]) -> None:
    other = next((each for each in found if each != found[0]), found[0])
    if other != found[0]:
        raise ShapeError(
            f"Samples cannot be one batch, since {what} differ: {found[0]} and {other}. Give the "
            "DataLoader a collate_fn that makes them equal."
        )
