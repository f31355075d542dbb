"""From whole numbers to vectors: rows of a table, or one-hot."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ...errors import ArgumentError, DtypeError, IndexingError, ShapeError, TracingError
from ...ops import fused, rows
from ...record import apply, as_tensor, current_trace
from ...tensor import Tensor

__all__ = ["embedding", "one_hot", "padding_row"]


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """Return the rows of ``weight`` whose numbers are in ``input``.

    Parameters
    ----------
    input
        Integers from 0 to the number of rows - 1, in any shape (*).
    weight
        Shape (rows, features).
    padding_idx
        A row that gets no gradient; a negative one is counted from the end.

    Returns
    -------
    Shape (*, features).

    Raises
    ------
    DtypeError
        If ``input`` is not of integers.
    IndexingError
        If one of them is the number of no row.
    ShapeError
        If ``weight`` is no matrix.
    ArgumentError
        If ``padding_idx`` is the number of no row.

    >>> import microtensor as mt
    >>> weight = mt.tensor([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> embedding([2, 1, 2], weight)
    tensor([[3., 4.],
            [1., 2.],
            [3., 4.]], op=embedding)
    >>> embedding([2, 1, 2], weight, padding_idx=1).sum().backward()
    >>> weight.grad
    tensor([[0., 0.],
            [0., 0.],
            [2., 2.]])
    """
    indices, weight = _integers("embedding", input), as_tensor(weight)
    if weight.ndim != 2:
        raise ShapeError(
            f"embedding() needs a weight of shape (rows, features), and got {weight.shape}."
        )
    padding = padding_row(padding_idx, weight.shape[0])
    return apply(rows.take_rows, (indices, weight), {"padding": padding})


def padding_row(padding_idx: int | None, count: int) -> int | None:
    """Return the number of the row of padding, counted from the start."""
    if padding_idx is None:
        return None
    if not -count <= padding_idx < count:
        raise ArgumentError(
            f"padding_idx={padding_idx} is none of {count} rows: it goes from {-count} to "
            f"{count - 1}."
        )
    return padding_idx % count


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """Return vectors that are 1 at the class given, and 0 elsewhere.

    Parameters
    ----------
    tensor
        Integers from 0 to ``num_classes - 1``, in any shape (*).
    num_classes
        How many there are; by default one more than the largest of them.

    Returns
    -------
    Integers, in the shape (*, num_classes).

    Raises
    ------
    DtypeError
        If ``tensor`` is not of integers.
    IndexingError
        If one of them is the number of no class.
    ArgumentError
        If ``num_classes`` is neither -1 nor positive, or is -1 and there is no largest class.
    TracingError
        If it is -1 while tracing: the shape must not depend on values.

    >>> one_hot([0, 2], num_classes=3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    indices = _integers("one_hot", tensor)
    count = operator.index(num_classes)
    if count == -1:
        if current_trace() is not None:
            raise TracingError(
                "one_hot() needs num_classes in a traced function: without it, the shape depends "
                "on the values."
            )
        if not indices.size:
            raise ArgumentError(
                f"one_hot() of an input of shape {indices.shape} needs num_classes: there is no "
                "largest class."
            )
        count = max(int(indices.data.max()) + 1, 1)
    if count < 1:
        raise ArgumentError(
            f"one_hot() has num_classes={num_classes}, and needs 1 or more, or -1 for one more "
            "than the largest."
        )
    if current_trace() is None:
        _check_classes(indices.data, count)
    else:
        indices = fused.class_indices(indices, count)
    return as_tensor(indices[..., None] == np.arange(count)).astype(np.int64)


def _check_classes(indices: Any, count: int) -> None:
    wrong = (indices < 0) | (indices >= count)
    if wrong.any():
        at = tuple(np.argwhere(wrong)[0].tolist())
        raise IndexingError(
            f"one_hot() got the class {indices[at]} at {at} of the input, and there are {count} "
            f"classes: they go from 0 to {count - 1}."
        )


def _integers(function: str, input: Any) -> Any:
    """Return indices as a Tensor; raise if they are not integers."""
    indices = as_tensor(input)
    if indices.dtype.kind in "iu":
        return indices
    if not indices.size:
        return indices.astype(np.int64)
    raise DtypeError(
        f"{function}() takes integers, and got {indices.dtype} in the shape {indices.shape}: "
        "convert with astype(int)."
    )
