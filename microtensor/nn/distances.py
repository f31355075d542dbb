"""Distances as modules; `microtensor.nn.functional` has them as functions."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class PairwiseDistance(Module):
    """The norm of ``x1 - x2 + eps`` along the last axis. See `functional.pairwise_distance`.

    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> nn.PairwiseDistance(eps=0.0)(mt.tensor([[0.0, 0.0]]), [[3.0, 4.0]])
    tensor([5.])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Any, x2: Any) -> Tensor:
        """Take vectors along the last axis; the two broadcast."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"p={self.norm}, eps={self.eps}, keepdim={self.keepdim}"


class CosineSimilarity(Module):
    """The cosine of the angle of vectors along ``dim``. See `functional.cosine_similarity`."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Any, x2: Any) -> Tensor:
        """Take vectors along the axis ``dim``; the two broadcast."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"dim={self.dim}, eps={self.eps}"
