"""What a comparison says of one gradient."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..tensor import Tensor

__all__ = ["Cause", "Row", "Status"]


class Status(StrEnum):
    """How a hand-derived gradient stands to autograd's."""

    EXACT = "exact"
    """The same, to the last bit."""
    CLOSE = "close"
    """The same to rounding; or by a convention that ``cause`` names."""
    INHERITED = "inherited"
    """Wrong, and rightly derived from what was wrong already."""
    WRONG = "wrong"
    """Wrong by a mistake in its own step."""


@dataclass(frozen=True)
class Cause:
    """Why a gradient is not the one that autograd finds.

    Attributes
    ----------
    kind
        What is wrong: ``"sign"``, ``"missing_derivative"`` and so on; ``"unknown"`` if nothing
        reproduces the hand-derived array.
    text
        That in a sentence, in the user's names.
    evidence
        What shows it: how far the array is from what the mistake gives.
    also
        The kind of a second mistake in the same step.
    factor
        Of a multiple: how many times too large it is.
    op
        The operation whose derivative is concerned.
    used, expected
        What was taken, and what belongs there: names of tensors.
    index
        The element that is furthest off, or the first that is not finite.
    """

    kind: str
    text: str
    evidence: str = ""
    also: tuple[str, ...] = ()
    factor: float | None = None
    op: str | None = None
    used: str | None = None
    expected: str | None = None
    index: tuple[int, ...] | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Both kinds, where two mistakes were made in one step."""
        return (self.kind, *self.also)


@dataclass(frozen=True, eq=False)
class Row:
    """A tensor, and what is to be said of the gradient that was derived for it by hand.

    Attributes
    ----------
    name
        What the tensor is called.
    gradient_name
        What the hand-derived gradient is called: ``dW1``, or ``d_W1`` if it has no name.
    tensor, shape
        The tensor, and its shape.
    hand, autograd
        The two gradients, as arrays.
    status
        `Status`, which equals its name: ``row.status == "wrong"``.
    max_difference
        The largest difference of two elements; ``inf`` if the shapes differ, or one has a NaN that
        the other has not.
    cause
        Why it is wrong, or not quite equal; ``None`` if there is nothing to say.
    step
        The right step as NumPy code, from the gradients that were given: ``dW2 = a1.T @ dz2``.
    rule
        The operations that the step differentiates, as NumPy code: ``z2 = a1 @ W2``.
    between
        The tensors inside the step, of which no gradient was given: with theirs, a mistake could be
        located more closely.
    """

    name: str
    gradient_name: str
    tensor: Tensor
    shape: tuple[int, ...]
    hand: Any = field(repr=False)
    autograd: Any = field(repr=False)
    status: Status = Status.EXACT
    max_difference: float = 0.0
    cause: Cause | None = None
    step: str = ""
    rule: str = ""
    between: tuple[str, ...] = ()
