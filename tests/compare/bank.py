"""All models, with their correct derivations and their mistakes."""

from __future__ import annotations

from . import (
    attention,
    batch_norm,
    deep,
    formulas,
    gates,
    images,
    layers,
    recurrent,
    regression,
    relu_classifier,
    residual,
    rounding,
    shared_weights,
    two_layer,
)
from .derivation import Correct, Mistake, Model

FAMILIES = [
    two_layer,
    deep,
    relu_classifier,
    batch_norm,
    recurrent,
    residual,
    rounding,
    regression,
    attention,
    gates,
    shared_weights,
    images,
    layers,
    formulas,
]

CORRECT: list[tuple[Model, Correct]] = [
    (model, each)
    for family in FAMILIES
    for model, derivations in family.CORRECT.items()
    for each in derivations
]
MISTAKES: list[tuple[Model, Mistake]] = [
    (model, each)
    for family in FAMILIES
    for model, mistakes in family.MISTAKES.items()
    for each in mistakes
]
MODELS = list({model: None for model, _ in [*CORRECT, *MISTAKES]})
