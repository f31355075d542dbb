"""The layer that turns whole numbers, such as those of words or characters, into vectors."""

from __future__ import annotations

import operator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..record import as_tensor
from ..state import no_grad
from ..tensor import Tensor
from . import init
from .functional.embeddings import embedding, padding_row
from .module import Module
from .parameter import Parameter

__all__ = ["Embedding"]


class Embedding(Module):
    """A table of vectors, one for each whole number from 0 to ``num_embeddings - 1``.

    Parameters
    ----------
    num_embeddings
        How many vectors there are.
    embedding_dim
        How long they are.
    padding_idx
        The number of a vector that starts as 0 and gets no gradient; a negative one is counted
        from the end.
    dtype
        Of the weight; float64 by default.
    generator
        What the initial values are drawn from; a fresh, unpredictable one by default.

    Attributes
    ----------
    weight
        Shape (num_embeddings, embedding_dim), at first drawn from the normal distribution, as in
        PyTorch.

    Raises
    ------
    TypeError
        If the sizes are not integers.
    ShapeError
        If they are negative.
    ArgumentError
        If ``padding_idx`` is the number of no vector.

    PyTorch's ``max_norm``, ``scale_grad_by_freq`` and ``sparse`` are not supported.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor import nn
    >>> layer = nn.Embedding(10, 3, generator=np.random.default_rng(0))
    >>> layer([[1, 2, 4, 5], [4, 3, 2, 9]]).shape
    (2, 4, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        dtype: npt.DTypeLike | None = None,
        generator: init.Generator | None = None,
    ) -> None:
        try:
            count, size = operator.index(num_embeddings), operator.index(embedding_dim)
        except TypeError:
            raise TypeError(
                f"Embedding({num_embeddings!r}, {embedding_dim!r}): vectors and their elements are "
                "counted in integers."
            ) from None
        if count < 0 or size < 0:
            raise ShapeError(f"Embedding({count}, {size}): sizes cannot be negative.")
        self.num_embeddings, self.embedding_dim = count, size
        self.padding_idx = padding_row(padding_idx, count)
        self.weight = Parameter(np.empty((count, size), dtype))
        self.reset_parameters(generator)

    def reset_parameters(self, generator: init.Generator | None = None) -> None:
        """Draw the weight anew; the vector of the padding becomes 0."""
        init.normal_(self.weight, generator=generator)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0.0

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None
    ) -> Self:
        """Make a layer of given vectors.

        Parameters
        ----------
        embeddings
            Shape (num_embeddings, embedding_dim), floating-point; copied.
        freeze
            Whether they are left as they are in training.
        padding_idx
            The number of a vector that gets no gradient.

        >>> layer = Embedding.from_pretrained([[1.0, 2.0], [3.0, 4.0]])
        >>> layer([1])
        tensor([[3., 4.]])
        """
        given = as_tensor(embeddings)
        if given.ndim != 2:
            raise ShapeError(
                "from_pretrained() needs embeddings of shape (num_embeddings, embedding_dim), and "
                f"got {given.shape}."
            )
        count, size = given.shape
        layer = cls(count, size, padding_idx, dtype=given.dtype)
        layer.weight = Parameter(given.detach().numpy().copy(), requires_grad=not freeze)
        return layer

    def forward(self, input: Any) -> Tensor:
        """Map integers of any shape (*) to vectors, (*, embedding_dim)."""
        return embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """Return the sizes."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
