"""Backpropagate by hand through a network that guesses the next letter, and have it checked.

    python examples/backprop_ninja.py

The network is a multilayer perceptron over characters: three letters are looked up in an
embedding, pass a hidden layer with batch normalization, and give the chances of the next letter.
Its forward pass is written in small steps, and `backward` derives the gradient of every step by
hand. All are compared with autograd's: first as they are right, then with mistakes planted one by
one, and at last with all of the mistakes at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np

import microtensor as mt

Derivation: TypeAlias = Callable[[SimpleNamespace], SimpleNamespace]

NAMES = """
    adela alvin anika arno bela benno britta carlo celia corin dana delia dorian edda elmar enzo
    fabia farin gerda gilo hanno hedda ilka ivo jarik jella jonte kalle kira lando levke lorin mara
    melvin mina nando neele odile orso paula perrin quirin rasmus rieke selma silvan tamme thea
    ulla urban velten vera wanda wim xaver xenia yann yola zeno zita
"""
LETTERS = "." + "abcdefghijklmnopqrstuvwxyz"  # the dot begins and ends a name
CONTEXT, EMBEDDING, HIDDEN, BATCH = 3, 4, 12, 32


def examples() -> tuple[Any, Any]:
    """Return what precedes each letter, (letters, CONTEXT), and the letter, as indices."""
    contexts, nexts = [], []
    for name in NAMES.split():
        context = [0] * CONTEXT
        for letter in f"{name}.":
            contexts.append(context)
            nexts.append(LETTERS.index(letter))
            context = [*context[1:], nexts[-1]]
    return np.array(contexts), np.array(nexts)


def parameters(rng: np.random.Generator) -> dict[str, mt.Tensor]:
    """Draw the parameters, none of them 0 or 1: a mistake could hide there."""
    shapes = {
        "C": (len(LETTERS), EMBEDDING),
        "W1": (CONTEXT * EMBEDDING, HIDDEN),
        "b1": (HIDDEN,),
        "bngain": (1, HIDDEN),
        "bnbias": (1, HIDDEN),
        "W2": (HIDDEN, len(LETTERS)),
        "b2": (len(LETTERS),),
    }
    drawn = {name: rng.normal(scale=0.5, size=shape) for name, shape in shapes.items()}
    drawn["bngain"] += 1.5
    return {name: mt.tensor(value, requires_grad=True) for name, value in drawn.items()}


def forward(
    C: Any, W1: Any, b1: Any, bngain: Any, bnbias: Any, W2: Any, b2: Any, X: Any, Y: Any
) -> SimpleNamespace:
    """Return every step from the letters X (n, CONTEXT) to the loss, by name; Y (n,) is next."""
    n = len(X)
    emb = C[X]
    embcat = emb.reshape(n, -1)
    hprebn = embcat @ W1 + b1

    # Batch normalization: each unit gets mean 0 and variance 1 over the batch.
    bnmeani = hprebn.sum(axis=0, keepdims=True) / n
    bndiff = hprebn - bnmeani
    bndiff2 = bndiff**2
    bnvar = bndiff2.sum(axis=0, keepdims=True) / (n - 1)
    bnvar_inv = (bnvar + 1e-5) ** -0.5
    bnraw = bndiff * bnvar_inv
    hpreact = bngain * bnraw + bnbias

    h = np.tanh(hpreact)
    logits = h @ W2 + b2

    # Softmax, with the largest logit taken off so that no exponential overflows.
    logit_maxes = logits.max(axis=1, keepdims=True)
    norm_logits = logits - logit_maxes
    counts = np.exp(norm_logits)
    counts_sum = counts.sum(axis=1, keepdims=True)
    counts_sum_inv = counts_sum**-1
    probs = counts * counts_sum_inv

    logprobs = np.log(probs)
    loss = -logprobs[np.arange(n), Y].sum() / n
    return SimpleNamespace(**locals())


def backward(f: SimpleNamespace) -> SimpleNamespace:
    """Return the gradient of every step and parameter, derived by hand from the arrays `f`."""
    n, rows = f.n, np.arange(f.n)

    # loss = -1/n Σ logprobs[i, Y[i]]: the others do not count.
    dlogprobs = np.zeros_like(f.logprobs)
    dlogprobs[rows, f.Y] = -1 / n
    dprobs = dlogprobs / f.probs

    # counts is used twice: by itself, and in its row's sum.
    dcounts_sum_inv = (dprobs * f.counts).sum(axis=1, keepdims=True)
    dcounts_sum = -(f.counts_sum**-2) * dcounts_sum_inv
    dcounts = dprobs * f.counts_sum_inv
    dcounts += dcounts_sum
    dnorm_logits = dcounts * f.counts

    # A shift of all logits in a row changes no probability, so dlogit_maxes is 0 to rounding.
    dlogit_maxes = -dnorm_logits.sum(axis=1, keepdims=True)
    dlogits = dnorm_logits.copy()
    dlogits[rows, f.logits.argmax(axis=1)] += dlogit_maxes[:, 0]

    dh = dlogits @ f.W2.T
    dW2 = f.h.T @ dlogits
    db2 = dlogits.sum(axis=0)
    dhpreact = dh * (1 - f.h**2)

    # What was broadcast over the batch is summed over it.
    dbngain = (dhpreact * f.bnraw).sum(axis=0, keepdims=True)
    dbnbias = dhpreact.sum(axis=0, keepdims=True)
    dbnraw = dhpreact * f.bngain
    dbnvar_inv = (dbnraw * f.bndiff).sum(axis=0, keepdims=True)
    dbnvar = dbnvar_inv * -0.5 * (f.bnvar + 1e-5) ** -1.5
    dbndiff2 = np.ones_like(f.bndiff2) * dbnvar / (n - 1)

    # bndiff and hprebn are used twice, too.
    dbndiff = dbnraw * f.bnvar_inv
    dbndiff += dbndiff2 * 2 * f.bndiff
    dbnmeani = -dbndiff.sum(axis=0, keepdims=True)
    dhprebn = dbndiff.copy()
    dhprebn += dbnmeani / n

    dembcat = dhprebn @ f.W1.T
    dW1 = f.embcat.T @ dhprebn
    db1 = dhprebn.sum(axis=0)

    # A letter that occurs often has a contribution from each place.
    demb = dembcat.reshape(f.emb.shape)
    dC = np.zeros_like(f.C)
    np.add.at(dC, f.X, demb)
    return SimpleNamespace(**locals())


def backward_in_one_step_each(f: SimpleNamespace) -> SimpleNamespace:
    """Return the gradients by the short formulas of softmax with cross-entropy and batch norm."""
    n = f.n
    dlogits = (f.probs - np.eye(len(LETTERS))[f.Y]) / n
    dhpreact = dlogits @ f.W2.T * (1 - f.h**2)
    dhprebn = (f.bngain * f.bnvar_inv / n) * (
        n * dhpreact
        - dhpreact.sum(axis=0)
        - n / (n - 1) * f.bnraw * (dhpreact * f.bnraw).sum(axis=0)
    )
    dW1 = f.embcat.T @ dhprebn
    return SimpleNamespace(**locals())


@dataclass(frozen=True)
class Mistake:
    """A line of `backward` replaced by another, and what the comparison should make of it."""

    about: str
    right: str
    wrong: str
    tensor: str
    kind: str


MISTAKES = (
    Mistake(
        "the mean's 1/n is left out",
        "dlogprobs[rows, f.Y] = -1 / n",
        "dlogprobs[rows, f.Y] = -1",
        "logprobs",
        "factor",
    ),
    Mistake(
        "counts' second use is forgotten",
        "dcounts += dcounts_sum",
        "",
        "counts",
        "missing_path",
    ),
    Mistake(
        "tanh' is taken at the input, by the formula for the output",
        "dhpreact = dh * (1 - f.h**2)",
        "dhpreact = dh * (1 - f.hpreact**2)",
        "hpreact",
        "derivative_at_output",
    ),
    Mistake(
        "averaged over the batch, where a sum belongs",
        "dbnbias = dhpreact.sum(axis=0, keepdims=True)",
        "dbnbias = dhpreact.mean(axis=0, keepdims=True)",
        "bnbias",
        "missing_sum",
    ),
    Mistake(
        "bndiff is used for bnraw",
        "dbngain = (dhpreact * f.bnraw).sum(axis=0, keepdims=True)",
        "dbngain = (dhpreact * f.bndiff).sum(axis=0, keepdims=True)",
        "bngain",
        "wrong_operand",
    ),
    Mistake(
        "not summed over the batch, along which bnvar_inv was broadcast",
        "dbnvar_inv = (dbnraw * f.bndiff).sum(axis=0, keepdims=True)",
        "dbnvar_inv = dbnraw * f.bndiff",
        "bnvar_inv",
        "missing_sum",
    ),
    Mistake(
        "the variance is divided by n where the forward pass has Bessel's n - 1",
        "dbndiff2 = np.ones_like(f.bndiff2) * dbnvar / (n - 1)",
        "dbndiff2 = np.ones_like(f.bndiff2) * dbnvar / n",
        "bndiff2",
        "factor",
    ),
    Mistake(
        "bndiff's second use replaces the first: = for +=",
        "dbndiff += dbndiff2 * 2 * f.bndiff",
        "dbndiff = dbndiff2 * 2 * f.bndiff",
        "bndiff",
        "missing_path",
    ),
    Mistake(
        "the mean's minus sign is lost",
        "dbnmeani = -dbndiff.sum(axis=0, keepdims=True)",
        "dbnmeani = dbndiff.sum(axis=0, keepdims=True)",
        "bnmeani",
        "sign",
    ),
    Mistake(
        "the mean is taken for a constant",
        "dhprebn += dbnmeani / n",
        "",
        "hprebn",
        "missing_path",
    ),
    Mistake(
        "embcat's transpose is put on the wrong side",
        "dW1 = f.embcat.T @ dhprebn",
        "dW1 = dhprebn.T @ f.embcat",
        "W1",
        "transpose",
    ),
    Mistake(
        "each letter keeps the last of its contributions: = for +=",
        "np.add.at(dC, f.X, demb)",
        "dC[f.X] = demb",
        "C",
        "missing_path",
    ),
)


def with_mistakes(*mistakes: Mistake) -> Derivation:
    """Return `backward` with some of its lines replaced."""
    source = inspect.getsource(backward)
    for mistake in mistakes:
        assert source.count(mistake.right) == 1, mistake.right
        source = source.replace(mistake.right, mistake.wrong)
    planted = dict(globals())
    exec(f"from __future__ import annotations\n{source}", planted)
    return planted["backward"]


def compare(derive: Derivation) -> Any:
    """Compare what `derive` finds, for a batch of the examples, with autograd's gradients."""
    rng = np.random.default_rng(0)
    contexts, nexts = examples()
    batch = rng.choice(len(contexts), BATCH, replace=False)
    steps = vars(forward(**parameters(rng), X=contexts[batch], Y=nexts[batch]))
    tensors = {name: step for name, step in steps.items() if isinstance(step, mt.Tensor)}
    for name, tensor in tensors.items():
        tensor.name = name

    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    by_hand = vars(derive(SimpleNamespace(**{**steps, **arrays})))
    return mt.compare(
        tensors["loss"],
        {tensor: by_hand[f"d{name}"] for name, tensor in tensors.items() if f"d{name}" in by_hand},
    )


def causes(comparison: Any) -> dict[str, str]:
    """Return the kind of the cause of each root, by the name of its tensor."""
    return {row.name: row.cause.kind for row in comparison.roots}


def main() -> tuple[int, int, int]:
    """Compare the right gradients, then with each mistake, then with all of them.

    Returns how many mistakes are named one by one, how many all at once, and how many steps are
    called wrong that are right.
    """
    print("Every step by hand:\n")
    right = compare(backward)
    print(right)

    print("\nSoftmax with cross-entropy in one step, batch normalization in one step:\n")
    fused = compare(backward_in_one_step_each)
    print(fused)

    one_by_one, false_alarms = 0, len(right.roots) + len(fused.roots)
    for number, mistake in enumerate(MISTAKES, 1):
        comparison = compare(with_mistakes(mistake))
        one_by_one += causes(comparison).get(mistake.tensor) == mistake.kind
        false_alarms += len(causes(comparison).keys() - {mistake.tensor})
        print(f"\n{number}. Planted: {mistake.about}.")
        print(f"     {mistake.wrong or '(nothing)'}    # right: {mistake.right}")
        for row in comparison.roots:
            print(f"   Found at {row.name}: {row.cause.text}.")

    print("\nAll of them at once:\n")
    comparison = compare(with_mistakes(*MISTAKES))
    print(comparison)
    expected = {mistake.tensor: mistake.kind for mistake in MISTAKES}
    at_once = len(causes(comparison).items() & expected.items())
    false_alarms += len(causes(comparison).keys() - expected.keys())

    planted = len(MISTAKES)
    print(
        f"\n{one_by_one} of {planted} planted mistakes named one by one, {at_once} at once; "
        f"{false_alarms} right steps called wrong"
    )
    return one_by_one, at_once, false_alarms


if __name__ == "__main__":
    main()
