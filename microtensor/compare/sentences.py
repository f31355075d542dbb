"""A mistake in a sentence, in the user's names."""

from __future__ import annotations

import numpy as np

from .causes import Finding
from .factors import Factors
from .mistakes import Hypothesis
from .names import Names

__all__ = ["number", "sentence", "told_multiple"]


def sentence(own: str, finding: Finding, names: Names) -> str:
    """Say what a mistake is; ``own`` is what the gradient is called."""
    h = finding.hypothesis
    derivative = names.derivative(h.op, h.where, h.used)
    if h.times > 1:
        derivative = f"{derivative}, and so in {_places(h.times)},"
    where = names.of(h.where) if h.where is not None else own
    used = names.of(h.used) if h.used is not None else ""
    match h.kind:
        case "transpose":
            return _transpose(h, own, used)
        case "missing_derivative" if h.detail:
            return f"{derivative} lacks its factor {h.detail.format(used)}"
        case "missing_derivative":
            return f"{derivative} is missing: the gradient of {used} is passed on as it is"
        case "extra_derivative":
            return f"{derivative} is there twice"
        case "derivative_at_output" if h.detail == "input":
            return (
                f"{derivative} is taken at the output, {used}, where the input {where} belongs: "
                "the formula for an input was given an output"
            )
        case "derivative_at_output":
            return (
                f"{derivative} is taken at the input, {where}, where the output {used} belongs: "
                "the formula for an output was given an input"
            )
        case "missing_path":
            return _missing_path(h, where, names)
        case "extra_path" if h.detail == "earlier":
            return f"{own} still holds the gradient of an earlier pass: set it to zero first"
        case "extra_path":
            return f"what {where} gets by way of {_way(h, names)} is counted twice"
        case "missing_sum":
            return _missing_sum(h, own, where)
        case "wrong_operand":
            return _wrong_operand(finding, names)
        case "elementwise_for_matmul" if h.detail == "derivative":
            return (
                f"a matrix product (@) stands where {derivative} is multiplied by elementwise (*)"
            )
        case "elementwise_for_matmul":
            return (
                f"an elementwise product (*) with {used} stands where a matrix product (@) belongs"
            )
        case "sign":
            return f"what {where} gets by way of {_way(h, names)} has the wrong sign"
        case "factor":
            return told_multiple(f"what {where} gets by way of {_way(h, names)}", finding)
        case "swapped":
            return f"{own} is the gradient of {used}, not of {where}"
    raise AssertionError(h.kind)


def told_multiple(what: str, finding: Finding) -> str:
    """Say how many times too large something is, and what that number is."""
    if finding.factor == 0:
        return f"{what} is all zeros"
    told = Factors(finding.step).told(finding.factor) if finding.step is not None else ""
    return f"{what} is {number(finding.factor)} times what it should be: {told}"


def number(x: float) -> str:
    """Write a number shortly."""
    return f"{x:.6g}"


def _places(count: int) -> str:
    return "both places" if count == 2 else f"all {count} places"


def _way(h: Hypothesis, names: Names) -> str:
    return names.by_way_of(h.used) if h.used is not None else "one of its uses"


def _transpose(h: Hypothesis, own: str, used: str) -> str:
    if h.detail == "operand":
        return f"an operand of the product with {used} is the wrong way round (.T missing or added)"
    if h.detail == "operands":
        return f"both operands of the product with {used} are the wrong way round (.T)"
    if h.detail == "exchanged":
        return (
            f"the operands of the product with {used} are exchanged: the formula for examples in "
            "columns was taken for examples in rows, or the reverse"
        )
    if np.ndim(h.gradient) == 2:
        return f"{own} is the transpose of what it should be"
    return f"{own} has its axes in another order"


def _missing_path(h: Hypothesis, where: str, names: Names) -> str:
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
    if h.detail == "statistics":
        return (
            f"the statistics that {where} is normalized by were taken for constants: they depend "
            "on it, so what comes by way of them is missing"
        )
    way = _way(h, names)
    if h.detail == "only":
        return (
            f"{where} is used several times, and only what comes by way of {way} is there: add the "
            "others (+= instead of =)"
        )
    ways = f"{way}, and so in {_places(h.times)}," if h.times > 1 else way
    return (
        f"what {where} gets by way of {ways} is missing: it is used more than once, and what comes "
        "from each use adds up (+= instead of =)"
    )


def _missing_sum(h: Hypothesis, own: str, where: str) -> str:
    if h.detail == "mean":
        return f"an average stands where a sum belongs: {where} was broadcast, so sum over that"
    if h.detail in ("first", "last"):
        return (
            f"only the {h.detail} row was taken, where {where} was broadcast: sum over all of them"
        )
    if h.detail == "unsummed":
        return f"{own} was not summed over the axis along which {where} was broadcast"
    return f"{own} was summed over other axes than the one along which {where} was broadcast"


def _wrong_operand(finding: Finding, names: Names) -> str:
    h = finding.hypothesis
    assert h.used is not None
    assert h.expected is not None
    if h.detail == "update":
        return (
            f"{names.of(h.used)} is taken as it is after its update (by "
            f"{number(abs(finding.factor))} times its gradient): compute all gradients before any "
            "update"
        )
    places = f", and so in {_places(h.times)}" if h.times > 1 else ""
    if h.detail == "gradient":
        used, expected = names.gradient(h.used), names.gradient(h.expected)
        return f"{used} is used where {expected} belongs{places}"
    return f"{names.of(h.used)} is used where {names.of(h.expected)} belongs{places}"
