"""Plant the mistakes that learners make into the first tutorial's backpropagation, and find them.

    python examples/compare_first_tutorial.py

Each time one line of the gradients derived by hand is replaced (twice, two lines at once), and all
gradients are compared with autograd's. The comparison tells the step that is wrong from the steps
that only inherit it, and says why it is wrong.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import microtensor as mt
from microtensor.tutorials.by_hand.two_layer import sigmoid, truth_table  # noqa: F401 - planted


def backward(
    x: Any, y: Any, W1: Any, W2: Any, z1: Any, a1: Any, z2: Any, a2: Any, dW1: Any, dW2: Any
) -> tuple[Any, ...]:
    """Return the gradients of the sum of squared errors; dW1 and dW2 are added to those given."""
    da2 = 2 * (a2 - y)
    dz2 = da2 * a2 * (1 - a2)
    dW2 += a1.T @ dz2
    da1 = dz2 @ W2.T
    dz1 = da1 * a1 * (1 - a1)
    dW1 += x.T @ dz1
    return da2, dz2, dW2, da1, dz1, dW1


@dataclass(frozen=True)
class Mistake:
    """Lines of `backward` replaced, and by tensor the cause that the comparison should name."""

    about: str
    lines: dict[str, str]
    causes: dict[str, str]


# The tutorial's own sizes: 4 examples, 3 features, 4 hidden units, 1 output.
MISTAKES = (
    Mistake(
        "the sigmoid's derivative is left out in the last layer",
        {"dz2 = da2 * a2 * (1 - a2)": "dz2 = da2"},
        {"z2": "missing_derivative"},
    ),
    Mistake(
        "the sigmoid's derivative is left out in the hidden layer",
        {"dz1 = da1 * a1 * (1 - a1)": "dz1 = da1"},
        {"z1": "missing_derivative"},
    ),
    Mistake(
        "the sigmoid's derivative is there twice",
        {"dz1 = da1 * a1 * (1 - a1)": "dz1 = da1 * (a1 * (1 - a1)) ** 2"},
        {"z1": "extra_derivative"},
    ),
    Mistake(
        "the sigmoid's derivative is taken at a1, which is a sigmoid's output already",
        {"dz1 = da1 * a1 * (1 - a1)": "dz1 = da1 * sigmoid(a1) * (1 - sigmoid(a1))"},
        {"z1": "derivative_at_output"},
    ),
    Mistake(
        "the formula for the output, a (1 - a), is given the input",
        {"dz2 = da2 * a2 * (1 - a2)": "dz2 = da2 * z2 * (1 - z2)"},
        {"z2": "derivative_at_output"},
    ),
    Mistake(
        "the sign: the inner derivative of y - a2 is -1",
        {"da2 = 2 * (a2 - y)": "da2 = 2 * (y - a2)"},
        {"a2": "sign"},
    ),
    Mistake(
        "the square's 2 is left out",
        {"da2 = 2 * (a2 - y)": "da2 = a2 - y"},
        {"a2": "factor"},
    ),
    Mistake(
        "the sign and the 2 together",
        {"da2 = 2 * (a2 - y)": "da2 = y - a2"},
        {"a2": "factor"},
    ),
    Mistake(
        "averaged over the examples, where the loss is a sum",
        {"dW1 += x.T @ dz1": "dW1 += x.T @ dz1 / len(x)"},
        {"W1": "factor"},
    ),
    Mistake(
        "da1 for dz1 in the product",
        {"dW1 += x.T @ dz1": "dW1 += x.T @ da1"},
        {"W1": "wrong_operand"},
    ),
    Mistake(
        "the transpose is forgotten; 4 examples and 4 hidden units, so nothing complains",
        {"dW2 += a1.T @ dz2": "dW2 += a1 @ dz2"},
        {"W2": "transpose"},
    ),
    Mistake(
        "the product the wrong way round",
        {"dW1 += x.T @ dz1": "dW1 = dz1.T @ x"},
        {"W1": "transpose"},
    ),
    Mistake(
        "@ for *: a matrix product with the derivative",
        {"dz1 = da1 * a1 * (1 - a1)": "dz1 = da1 @ (a1 * (1 - a1))"},
        {"z1": "elementwise_for_matmul"},
    ),
    Mistake(
        "W2 is updated before it is used, with the tutorial's learning rate of 1",
        {"da1 = dz2 @ W2.T": "da1 = dz2 @ (W2 - dW2).T"},
        {"a1": "wrong_operand"},
    ),
    Mistake(
        "two mistakes, one in each layer",
        {
            "da2 = 2 * (a2 - y)": "da2 = 2 * (y - a2)",
            "dz1 = da1 * a1 * (1 - a1)": "dz1 = da1",
        },
        {"a2": "sign", "z1": "missing_derivative"},
    ),
)

# With 4 features and 4 outputs as well, every matrix is 4 by 4, and no shape gives a mistake away.
SQUARE_MISTAKES = (
    Mistake(
        "W1 for W2",
        {"da1 = dz2 @ W2.T": "da1 = dz2 @ W1.T"},
        {"a1": "wrong_operand"},
    ),
    Mistake(
        "the input for the hidden activation",
        {"dW2 += a1.T @ dz2": "dW2 += x.T @ dz2"},
        {"W2": "wrong_operand"},
    ),
    Mistake(
        "* for @",
        {"dW2 += a1.T @ dz2": "dW2 += a1.T * dz2"},
        {"W2": "elementwise_for_matmul"},
    ),
    Mistake(
        "W2's transpose is forgotten",
        {"da1 = dz2 @ W2.T": "da1 = dz2 @ W2"},
        {"a1": "transpose"},
    ),
)

# The examples in two batches: what the second adds to the gradients must not replace the first's.
BATCH_MISTAKES = (
    Mistake(
        "= for +=, so that the second batch's gradient replaces the first's",
        {"dW2 += a1.T @ dz2": "dW2 = a1.T @ dz2"},
        {"W2": "missing_path"},
    ),
)
KEPT = Mistake(
    "gradients are kept from an earlier pass over the first batch",
    {},
    {"W2": "extra_path", "W1": "extra_path"},
)


def with_mistake(mistake: Mistake) -> Any:
    """Return `backward` with the lines of `mistake`."""
    source = inspect.getsource(backward)
    for right, wrong in mistake.lines.items():
        assert source.count(f" {right}\n") == 1, right
        source = source.replace(f" {right}\n", f" {wrong}\n")
    planted = dict(globals())
    exec(f"from __future__ import annotations\n{source}", planted)
    return planted["backward"]


def starting_weights(features: int, outputs: int) -> tuple[Any, Any]:
    """Draw W1 and W2 of a network with 4 hidden units."""
    rng = np.random.default_rng(0)
    W1 = mt.tensor(rng.normal(size=(features, 4)), requires_grad=True)
    W2 = mt.tensor(rng.normal(size=(4, outputs)), requires_grad=True)
    return W1, W2


def compare(mistake: Mistake, examples: Any, targets: Any) -> Any:
    """Compare all gradients of one pass over the examples."""
    W1, W2 = starting_weights(examples.shape[1], targets.shape[1])
    x, y = mt.tensor(examples), mt.tensor(targets)
    z1 = x @ W1
    a1 = mt.sigmoid(z1)
    z2 = a1 @ W2
    a2 = mt.sigmoid(z2)
    loss = ((y - a2) ** 2).sum()

    arrays = (tensor.numpy() for tensor in (x, y, W1, W2, z1, a1, z2, a2))
    da2, dz2, dW2, da1, dz1, dW1 = with_mistake(mistake)(
        *arrays, np.zeros(W1.shape), np.zeros(W2.shape)
    )
    return mt.compare(loss, {a2: da2, z2: dz2, W2: dW2, a1: da1, z1: dz1, W1: dW1})


def compare_batches(mistake: Mistake, examples: Any, targets: Any, visits: list[int]) -> Any:
    """Compare the gradients of the weights; the backward pass by hand visits these batches."""
    W1, W2 = starting_weights(examples.shape[1], targets.shape[1])
    loss, batches = 0, []
    for batch in (slice(0, 2), slice(2, 4)):
        x, y = mt.tensor(examples[batch]), mt.tensor(targets[batch])
        z1 = x @ W1
        a1 = mt.sigmoid(z1)
        z2 = a1 @ W2
        a2 = mt.sigmoid(z2)
        loss = loss + ((y - a2) ** 2).sum()
        batches.append([tensor.numpy() for tensor in (x, y, W1, W2, z1, a1, z2, a2)])

    dW1, dW2 = np.zeros(W1.shape), np.zeros(W2.shape)
    for visit in visits:
        _, _, dW2, _, _, dW1 = with_mistake(mistake)(*batches[visit], dW1, dW2)
    return mt.compare(loss, {W1: dW1, W2: dW2})


def comparisons() -> Iterator[tuple[Mistake, Any]]:
    """Yield each mistake with its comparison."""
    x, y = truth_table()
    for mistake in MISTAKES:
        yield mistake, compare(mistake, x, y)

    square_x = np.hstack([x, x[:, :1] * x[:, 1:2]])
    square_y = np.hstack([y, 1 - y, x[:, :2]])
    for mistake in SQUARE_MISTAKES:
        yield mistake, compare(mistake, square_x, square_y)

    for mistake in BATCH_MISTAKES:
        yield mistake, compare_batches(mistake, x, y, visits=[0, 1])
    yield KEPT, compare_batches(KEPT, x, y, visits=[0, 0, 1])


def main() -> tuple[int, int]:
    """Plant, compare, explain; return how many mistakes were named, of how many."""
    print("Nothing planted:\n")
    print(compare(Mistake("nothing", {}, {}), *truth_table()))

    named = planted = 0
    for mistake, comparison in comparisons():
        planted += 1
        named += {row.name: row.cause.kind for row in comparison.roots} == mistake.causes
        print(f"\n{planted}. Planted: {mistake.about}.")
        for right, wrong in mistake.lines.items():
            print(f"     {wrong}    # right: {right}")
        for row in comparison.roots:
            print(f"   Found at {row.name}: {row.cause.text}.")

    print(f"\n{named} of {planted} planted mistakes named")
    return named, planted


if __name__ == "__main__":
    main()
