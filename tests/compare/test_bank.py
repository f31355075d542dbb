"""`mt.compare` on the bank: every root, the cause of each, no alarm where nothing is wrong."""

from __future__ import annotations

import functools
from typing import Any

import pytest

import microtensor as mt

from .bank import CORRECT, MISTAKES
from .derivation import Case, Cause, Correct, Mistake, Model, wrong


def _id(value: Any) -> str:
    return getattr(value, "about", str(value))


@functools.cache
def _compare(model: Model, case: Case) -> Any:
    """Compare what the case derives with the model's gradients, tensor by tensor."""
    tensors = model.tensors()
    derived = model.derive(case.steps, case.dtype)
    hand = {tensors[name]: derived[f"d{name}"] for name in case.handed_over(model)}
    return mt.compare(tensors.loss, hand, gradient=model.seed)


def _disagreement(cause: Any, expected: Cause) -> str:
    """What the cause found says that is not expected; empty if nothing."""
    if cause is None or cause.kind not in expected.kinds:
        return f"{getattr(cause, 'kind', None)} for {' or '.join(sorted(expected.kinds))}"
    for name in ("op", "used", "expected"):
        wanted = getattr(expected, name)
        if wanted is not None and getattr(cause, name) != wanted:
            return f"{name} is {getattr(cause, name)} for {wanted}"
    if expected.factor is not None and cause.factor != pytest.approx(expected.factor, rel=1e-4):
        return f"factor is {cause.factor} for {expected.factor}"
    return ""


@pytest.mark.parametrize(("model", "case"), CORRECT, ids=_id)
def test_correct_derivations_raise_no_alarm(model: Model, case: Correct) -> None:
    comparison = _compare(model, case)
    assert comparison.ok, str(comparison)
    assert list(comparison.roots) == []
    causes = {row.name: row.cause.kind for row in comparison.rows if row.cause is not None}
    assert {name for name, kind in causes.items() if kind == "convention"} == case.conventions
    assert set(causes.values()) <= {"convention", "precision"}
    assert {row.status for row in comparison.rows} <= {"exact", "close"}
    if model.eps(case.dtype) > model.eps():
        assert "precision" in causes.values()


@pytest.mark.parametrize(("model", "case"), MISTAKES, ids=_id)
def test_roots_are_the_steps_that_are_wrong(model: Model, case: Mistake) -> None:
    comparison = _compare(model, case)
    assert not comparison.ok
    assert {row.name for row in comparison.roots} == case.roots.keys(), str(comparison)
    derived = model.derive(case.steps, case.dtype)
    spoiled = wrong(model, derived, model.autograd(), model.eps(case.dtype))
    for row in comparison.rows:
        if row.name in case.conventions:
            assert row.status == "close", row.name
            assert row.cause.kind == "convention", row.name
        elif row.name in spoiled - case.roots.keys():
            assert row.status == "inherited", row.name
        elif row.name not in spoiled:
            assert row.status in ("exact", "close"), row.name


@pytest.mark.parametrize(("model", "case"), MISTAKES, ids=_id)
def test_roots_have_the_cause_that_was_planted(model: Model, case: Mistake) -> None:
    found = {row.name: row.cause for row in _compare(model, case).rows}
    disagreements = {
        name: text
        for name, expected in case.roots.items()
        if (text := _disagreement(found[name], expected))
    }
    assert disagreements == {}


def test_nearly_all_causes_are_named() -> None:
    """Of the causes that the design's table names, at least 95 in a hundred."""
    named = missed = 0
    for model, case in MISTAKES:
        found = {row.name: row.cause for row in _compare(model, case).rows}
        for name, expected in case.roots.items():
            if "unknown" not in expected.kinds:
                is_named = found[name] is not None and found[name].kind != "unknown"
                named, missed = named + is_named, missed + (not is_named)
    assert named >= 0.95 * (named + missed)
