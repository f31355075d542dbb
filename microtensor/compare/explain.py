"""What a mistake is called in a sentence, in the user's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from .causes import Finding
from .factors import Factors
from .mistakes import Hypothesis
from .names import Names
from .tape import Value
from .verdict import Cause

__all__ = ["convention", "explained", "misshapen", "nonfinite", "precision", "unknown"]


def explained(value: Value, hand: Any, finding: Finding, names: Names) -> Cause:
    """Return the cause that a finding is."""
    h = finding.hypothesis
    kinds = finding.kinds
    own = names.gradient(value)
    sentences = []
    if h.kind != "none":
        sentences.append(_sentence(h, own, finding, names))
    if h.is_change:
        pass
    elif kinds[-1:] == ("sign",) and "factor" not in kinds:
        sentences.append("it also has the wrong sign" if sentences else f"{own} has the wrong sign")
    elif "factor" in kinds and finding.step is not None:
        told = Factors(finding.step).told(finding.factor)
        subject = "besides, it" if sentences else own
        sentences.append(f"{subject} is {_number(finding.factor)} times what it should be: {told}")
        if finding.factor < 0:
            sentences.append("the sign is wrong as well")
    text = "; ".join(sentences)
    apart = float(np.max(np.abs(hand - finding.gradient))) if np.size(hand) else 0.0
    right = finding.step.expected if finding.step is not None else None
    return Cause(
        kind=kinds[0],
        text=text,
        evidence=_evidence(apart, hand, right),
        also=kinds[1:],
        factor=finding.factor if "factor" in kinds or kinds == ("sign",) else None,
        op=h.op,
        used=_used(h, names),
        expected=_expected(h, names),
    )


def _evidence(apart: float, hand: Any, right: Any) -> str:
    made = f"so made, the step gives this array to {apart:.1e}"
    if right is None or np.shape(right) != np.shape(hand):
        return made
    return f"{made}; made right, it is {float(np.max(np.abs(hand - right))):.2g} off"


def _used(h: Hypothesis, names: Names) -> str | None:
    if h.used is None or h.kind not in ("wrong_operand", "swapped"):
        return None
    if h.detail == "gradient":
        return names.gradient(h.used)
    return names.of(h.used)


def _expected(h: Hypothesis, names: Names) -> str | None:
    if h.kind == "wrong_operand" and h.expected is not None:
        return names.gradient(h.expected) if h.detail == "gradient" else names.of(h.expected)
    return names.of(h.where) if h.kind == "swapped" and h.where is not None else None


def _sentence(h: Hypothesis, own: str, finding: Finding, names: Names) -> str:
    """Say what one mistake is."""
    derivative = names.derivative(h.op, h.where)
    if h.times > 1:
        derivative = f"{derivative}, and so in all {h.times} places,"
    where = names.of(h.where) if h.where is not None else own
    used = names.of(h.used) if h.used is not None else ""
    match h.kind:
        case "transpose":
            if h.detail == "operand":
                return f"{used} stands in the product the other way round (.T missing, or too much)"
            if np.ndim(h.gradient) == 2:
                return f"{own} is the transpose of what it should be"
            return f"{own} has its axes in another order"
        case "missing_derivative" if h.detail:
            factor = h.detail.format(used)
            return f"{derivative} lacks its factor {factor}"
        case "missing_derivative":
            return f"{derivative} is missing: the gradient of {used} is passed on as it is"
        case "extra_derivative":
            return f"{derivative} is multiplied by twice"
        case "derivative_at_output":
            if h.detail == "input":
                return (
                    f"{derivative} is taken at the output, {used}, where the input {where} "
                    "belongs: the formula for an input was given an output"
                )
            return (
                f"{derivative} is taken at the input, {where}, where the output {used} belongs: "
                "the formula for an output was given an input"
            )
        case "missing_path":
            return _missing_path(h, where, used)
        case "extra_path":
            if h.detail == "earlier":
                return f"{own} still holds the gradient of an earlier pass: set it to zero first"
            return f"{where} gets the contribution from {used} twice"
        case "missing_sum":
            return _missing_sum(h, own, where, used)
        case "wrong_operand":
            if h.detail == "update":
                return (
                    f"{used} is taken as it is after its update (by "
                    f"{_number(abs(finding.factor))} times its gradient): compute all gradients "
                    "before any update"
                )
            return f"{_used(h, names)} is used where {_expected(h, names)} belongs"
        case "elementwise_for_matmul":
            if h.detail == "derivative":
                return (
                    f"a matrix product (@) with {used} stands where an elementwise one (*) belongs"
                )
            return (
                f"an elementwise product (*) with {used} stands where a matrix product (@) belongs"
            )
        case "sign":
            return f"the contribution from {used} has the wrong sign"
        case "factor":
            told = Factors(finding.step).told(finding.factor) if finding.step else ""
            times = _number(finding.factor)
            return f"the contribution from {used} is {times} times what it should be: {told}"
        case "swapped":
            return f"{own} is the gradient of {used}, not of {where}"
    return f"{own} is another gradient"


def _missing_path(h: Hypothesis, where: str, used: str) -> str:
    if h.detail == "assigned":
        return (
            f"{where} was indexed with repeats, and only the last contribution to each element was "
            "kept: add them up (np.add.at), do not assign"
        )
    if h.detail == "diagonal":
        return (
            "the softmax was differentiated element by element, p (1 - p): each output depends on "
            "every input, so the other outputs contribute too"
        )
    if h.detail == "only":
        return (
            f"{where} is used several times, and only the contribution from {used} is there: add "
            "the others (+= instead of =)"
        )
    return (
        f"the contribution from {used} is missing: {where} is used more than once, and what comes "
        "from each use adds up (+= instead of =)"
    )


def _missing_sum(h: Hypothesis, own: str, where: str, used: str) -> str:
    if h.detail == "mean":
        return f"an average stands where a sum belongs: {where} was broadcast, so sum over that"
    if h.detail in ("first", "last"):
        return (
            f"only the {h.detail} row was taken, where {where} was broadcast: sum over all of them"
        )
    if h.detail == "unsummed":
        return f"{own} was not summed over the axis along which {where} was broadcast"
    return f"{own} was summed over other axes than the one along which {where} was broadcast"


def convention(own: str, factor: float, told: str, by: list[str]) -> Cause:
    """Say that a gradient is a multiple of the right one that later steps make up for."""
    made = " and ".join(by[:2]) if by else "later steps"
    return Cause(
        kind="convention",
        text=f"{own} is {_number(factor)} times the gradient of this output ({told}), and {made} "
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
        f"{own} has shape {hand.shape}, and {name} has {right.shape}: a gradient has its tensor's"
    )
    if hand.size == right.size and np.allclose(hand.ravel(), right.ravel(), rtol=1e-6):
        text += f". The numbers are right: reshape it to {right.shape}"
    return Cause(kind="shape", text=text)


def unknown(own: str, hand: Any, expected: Any) -> Cause:
    """Say which element is furthest off, since no mistake was found that explains it."""
    apart = np.abs(hand - expected)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(apart)), apart.shape))
    wrong = int(np.count_nonzero(apart > 1e-6 * max(float(np.max(np.abs(expected))), 1e-300)))
    return Cause(
        kind="unknown",
        text=f"no mistake that is known here explains {own}. Furthest off is the element at "
        f"{index}: {hand[index]:.6g} by hand, {expected[index]:.6g} by the step made right",
        evidence=f"{wrong} of {apart.size} elements are off",
        index=index,
    )


def _number(x: float) -> str:
    return f"{x:.6g}"
