"""Layers that leave out elements at random, while training."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..tensor import Tensor
from .functional.dropouts import alpha_dropout, dropout, dropout1d, dropout2d
from .module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d"]


class Dropout(Module):
    """Set each element to 0 with probability ``p`` while training, and divide the rest by 1 - p.

    Parameters
    ----------
    p
        From 0 to 1.
    generator
        Where the random numbers come from; by default one of its own, unpredictable. A deep copy
        of the layer has a copy of it, and leaves out the same elements: give it another.

    Raises
    ------
    ArgumentError
        If ``p`` is not from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> layer = nn.Dropout(0.5, generator=np.random.default_rng(0))
    >>> layer(mt.tensor([1.0, 1.0, 1.0, 1.0]))
    tensor([2., 0., 0., 0.])
    >>> layer.eval()(mt.tensor([1.0, 1.0, 1.0, 1.0]))
    tensor([1., 1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, *, generator: np.random.Generator | None = None) -> None:
        if not 0.0 <= p <= 1.0:
            name = type(self).__name__
            raise ArgumentError(f"{name} has p={p}, and needs a probability, from 0 to 1.")
        self.p = p
        self.generator = generator or np.random.default_rng()

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return dropout(input, self.p, self.training, generator=self.generator)

    def extra_repr(self) -> str:
        """Return the probability."""
        return f"p={self.p}"


class Dropout1d(Dropout):
    """Set whole channels of an input (N, C, L) to 0 with probability ``p`` while training.

    Parameters and errors are those of `Dropout`, and the rest is divided by 1 - p.
    """

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of shape (N, C, L) or (C, L)."""
        return dropout1d(input, self.p, self.training, generator=self.generator)


class Dropout2d(Dropout):
    """Set whole channels of an input (N, C, H, W) to 0 with probability ``p`` while training.

    Parameters and errors are those of `Dropout`, and the rest is divided by 1 - p (Tompson and
    others, 2015).
    """

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of shape (N, C, H, W), or (N, C, L)."""
        return dropout2d(input, self.p, self.training, generator=self.generator)


class AlphaDropout(Dropout):
    """Dropout for networks with SELU: mean 0 and variance 1 stay.

    Parameters and errors are those of `Dropout` (Klambauer and others, 2017).
    """

    def forward(self, input: Any) -> Tensor:
        """Apply to an input of any shape."""
        return alpha_dropout(input, self.p, self.training, generator=self.generator)
