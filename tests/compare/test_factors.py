"""The words for a gradient that is some number of times what it should be."""

import numpy as np
import pytest

import microtensor as mt


def told(rows: int, factor: float) -> str:
    """Return the cause for the gradient of a mean of squares that is multiplied by a factor."""
    rng = np.random.default_rng(0)
    p = mt.tensor(rng.normal(size=(rows, 3)), requires_grad=True)
    y = rng.normal(size=(rows, 3))
    loss = ((p - y) ** 2).sum() / rows
    comparison = mt.compare(loss, {p: factor * 2 * (p.numpy() - y) / rows})
    return str(comparison.roots[0].cause.text).partition(": ")[2]


@pytest.mark.parametrize(
    ("rows", "factor", "words"),
    [
        (5, 0.5, "a factor of 2 is missing"),
        (5, 2, "a factor of 2 is too much"),
        (5, 5, "the mean's 1/m is missing (m = 5)"),
        (5, 1 / 5, "the mean's 1/m is there once too often (m = 5)"),
        (5, 2.5, "a factor of 2 is missing, and the mean's 1/m (m = 5)"),
        # 4 / 2 is 2: of the two readings neither is likelier.
        (4, 2, "a factor of 2 is too much; or it is missing, and so is the mean's 1/m (m = 4)"),
    ],
)
def test_a_factor_is_told_in_the_words_of_a_derivation(
    rows: int, factor: float, words: str
) -> None:
    assert told(rows, factor) == words
