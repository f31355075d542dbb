"""The cause of a verdict, from what was found."""

from __future__ import annotations

from typing import Any

import numpy as np

from .causes import Finding
from .mistakes import Hypothesis
from .names import Names
from .sentences import number, sentence, told_multiple
from .verdict import Cause

__all__ = ["convention", "explained", "misshapen", "nonfinite", "precision", "unknown"]


def explained(own: str, hand: Any, finding: Finding, names: Names) -> Cause:
    """Return the cause that a finding is."""
    h, kinds = finding.hypothesis, finding.kinds
    said = [] if h.kind == "none" else [sentence(own, finding, names)]
    if "factor" in kinds and not h.is_change:
        said.append(told_multiple("besides, it" if said else own, finding))
        if finding.factor < 0 and not finding.sign_is_told:
            said.append("the sign is wrong as well")
    elif "sign" in kinds and not h.is_change:
        said.append("it also has the wrong sign" if said else f"{own} has the wrong sign")
    is_multiple = kinds[0] in ("sign", "factor") or "factor" in kinds
    return Cause(
        kind=kinds[0],
        text="; ".join(said),
        evidence=_evidence(hand, finding),
        also=kinds[1:],
        factor=finding.factor if is_multiple else None,
        op=h.op,
        used=_used(h, names),
        expected=_expected(h, names),
    )


def _evidence(hand: Any, finding: Finding) -> str:
    apart = float(np.max(np.abs(hand - finding.gradient), initial=0.0))
    gives = f"this array to {apart:.1e}" if apart else "exactly this array"
    made = f"with this mistake the step gives {gives}"
    right = finding.step.expected if finding.step is not None else None
    if right is None or np.shape(right) != np.shape(hand):
        return made
    return f"{made}; without it, the two differ by {float(np.max(np.abs(hand - right))):.2g}"


def _used(h: Hypothesis, names: Names) -> str | None:
    if h.used is None or h.kind not in ("wrong_operand", "swapped"):
        return None
    return names.gradient(h.used) if h.detail == "gradient" else names.of(h.used)


def _expected(h: Hypothesis, names: Names) -> str | None:
    if h.kind == "wrong_operand" and h.expected is not None:
        return names.gradient(h.expected) if h.detail == "gradient" else names.of(h.expected)
    return names.of(h.where) if h.kind == "swapped" and h.where is not None else None


def convention(own: str, factor: float, told: str, by: list[str]) -> Cause:
    """Say that a gradient is a multiple of the right one that later steps make up for."""
    made = " and ".join(by[:2]) if by else "other steps"
    return Cause(
        kind="convention",
        text=f"{own} is {number(factor)} times the gradient of this output ({told}), and {made} "
        f"make{'s' if len(by) == 1 else ''} up for it: a convention, not a mistake",
        factor=factor,
    )


def precision(own: str, apart: float) -> Cause:
    """Say that a gradient agrees as far as float32 goes."""
    return Cause(
        kind="precision",
        text=f"{own} agrees to {apart:.1e}, as far as float32 goes and no further: some of it was "
        "computed in float32, or with a constant such as 1e-8 added",
    )


def nonfinite(own: str, hand: Any, index: tuple[int, ...]) -> Cause:
    """Say where a gradient holds a NaN or an Inf."""
    return Cause(
        kind="nonfinite",
        text=f"{own} holds {hand[index]} at {index}, where autograd's gradient is finite: look for "
        "a logarithm or a division of 0",
        index=index,
    )


def misshapen(own: str, name: str, hand: Any, right: Any) -> Cause:
    """Say that a gradient has another shape than its tensor."""
    text = (
        f"{own} has shape {hand.shape}, and {name} has {right.shape}: a gradient has its tensor's "
        "shape"
    )
    if hand.size == right.size and np.allclose(hand.ravel(), right.ravel(), rtol=1e-6):
        text += f". The numbers are right: reshape it to {right.shape}"
    return Cause(kind="shape", text=text)


def unknown(own: str, hand: Any, expected: Any, *, is_kept: bool) -> Cause:
    """Say which element is furthest off, since no mistake was found that explains it."""
    apart = np.abs(hand - expected)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(apart)), apart.shape))
    wrong = int(np.count_nonzero(apart > 1e-6 * max(float(np.max(np.abs(expected))), 1e-300)))
    text = (
        f"no mistake that is known here explains {own}. Furthest off is the element at {index}: "
        f"{hand[index]:.6g} by hand, {expected[index]:.6g} by the step made right"
    )
    if is_kept and wrong > apart.size // 2:
        text += f". If {own} is added to with +=, it may still hold what an earlier pass left"
    return Cause(
        kind="unknown",
        text=text,
        evidence=f"{wrong} of {apart.size} elements are off",
        index=index,
    )
