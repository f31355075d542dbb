"""The bank itself: its derivations are right, and its mistakes are mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .bank import CORRECT, MISTAKES, MODELS
from .derivation import Correct, Mistake, Model, Values, differs, wrong


def _id(value: Any) -> str:
    return getattr(value, "about", str(value))


def _wrong_by_themselves(model: Model, mistake: Mistake, eps: float) -> set[str]:
    """Those that are given, and are not what the right steps make of what was given before.

    With a gradient of the wrong shape no right step can go on: those after it get the right one.
    """
    hand = model.derive(mistake.steps, mistake.dtype)
    given = mistake.handed_over(model)
    values, found = Values(model.values(mistake.dtype)), set()
    for name, step in model.steps.items():
        values[name] = np.asarray(step(values))
        if name[1:] in given:
            if differs(hand[name], values[name], eps):
                found.add(name[1:])
            if hand[name].shape == values[name].shape:
                values[name] = hand[name]
    return found


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_steps_agree_with_an_independent_library(model: Model) -> None:
    reference = model.hips()
    assert not wrong(model, model.derive({}, np.float64), reference, model.eps(np.float64))
    computed = Values({f"d{name}": gradient for name, gradient in model.autograd().items()})
    assert not wrong(model, computed, reference, model.eps())


@pytest.mark.parametrize(("model", "derivation"), CORRECT, ids=_id)
def test_correct_derivations_agree_with_autograd(model: Model, derivation: Correct) -> None:
    truth = model.autograd()
    eps = model.eps(derivation.dtype)
    values = model.derive(derivation.steps, derivation.dtype)
    assert wrong(model, values, truth, eps) & set(derivation.handed_over(model)) == (
        derivation.conventions
    )
    for name in derivation.conventions:
        hand, largest = values[f"d{name}"], np.abs(truth[name]).argmax()
        factor = hand.flat[largest] / truth[name].flat[largest]
        assert not differs(hand, factor * truth[name], eps)


@pytest.mark.parametrize(("model", "mistake"), MISTAKES, ids=_id)
def test_mistakes_spoil_their_roots_and_no_other_step(model: Model, mistake: Mistake) -> None:
    truth = model.autograd()
    eps = model.eps(mistake.dtype)
    spoiled = wrong(model, model.derive(mistake.steps, mistake.dtype), truth, eps)
    spoiled &= set(mistake.handed_over(model))
    assert spoiled >= mistake.roots.keys()
    if not mistake.conventions:  # by a convention, one step has a factor that another lacks
        assert _wrong_by_themselves(model, mistake, eps) & spoiled == mistake.roots.keys()


def test_bank_is_as_large_as_it_claims() -> None:
    assert len(MISTAKES) >= 90
    assert len(CORRECT) >= 30
    assert len({model for model, _ in MISTAKES}) >= 12
    for cases in (CORRECT, MISTAKES):
        names = [(model.name, each.about) for model, each in cases]
        assert len(names) == len(set(names))
