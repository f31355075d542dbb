"""Splitting a data set at random, into one to train with and one to validate with."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .datasets import Subset, as_dataset
from .generators import fresh

__all__ = ["random_split"]


def random_split(
    dataset: Any, lengths: Sequence[float], generator: np.random.Generator | None = None
) -> list[Subset]:
    """Divide a data set into parts at random; each sample goes to one.

    Parameters
    ----------
    dataset
        A data set, an array, or a tuple of arrays of equal length.
    lengths
        How many samples each part gets, which together are all; or which fraction of them, which
        together are 1. Fractions are rounded down, and what is left goes to the parts in turn, one
        sample to each, as in PyTorch.
    generator
        What the order is drawn from; a fresh, unpredictable one by default.

    Raises
    ------
    ArgumentError
        If lengths are negative, or are not all.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor.data import random_split
    >>> X, y = np.zeros((10, 3)), np.arange(10)
    >>> train, validation = random_split((X, y), [0.75, 0.25], np.random.default_rng(0))
    >>> len(train), len(validation)
    (8, 2)
    """
    dataset = as_dataset(dataset)
    counts = _counts(list(lengths), len(dataset))
    order = fresh(generator).permutation(len(dataset))
    ends = list(itertools.accumulate(counts))
    return [Subset(dataset, order[end - n : end]) for n, end in zip(counts, ends, strict=True)]


def _counts(lengths: list[Any], total: int) -> list[int]:
    if any(isinstance(length, (float, np.floating)) for length in lengths):
        if not math.isclose(sum(lengths), 1) or min(lengths) < 0:
            raise ArgumentError(
                f"random_split() takes fractions from 0 to 1 that sum to 1, and {lengths} sum to "
                f"{sum(lengths)}."
            )
        counts = [math.floor(total * fraction) for fraction in lengths]
        for i in range(total - sum(counts)):
            counts[i % len(counts)] += 1
        return counts
    try:
        counts = [operator.index(length) for length in lengths]
    except TypeError:
        raise ArgumentError(
            f"random_split() takes numbers of samples or fractions, and got {lengths}."
        ) from None
    if sum(counts) != total or min(counts, default=0) < 0:
        raise ArgumentError(
            f"random_split() takes numbers of samples that sum to the {total} there are, and "
            f"{lengths} sum to {sum(counts)}: give fractions, such as [0.8, 0.2], to have them "
            "counted."
        )
    return counts
