"""What a check found wrong, and the message that says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..tensor import Tensor

__all__ = ["Mismatch", "report"]

Index = tuple[int, ...]

_SHOWN = 10
"""How many elements a message lists."""


class Mismatch(NamedTuple):
    """An element of the Jacobian whose recorded gradient is not what finite differences show.

    ``reason`` is ``"wrong"``; ``"kink"`` where the one-sided derivatives ``left`` and ``right``
    differ and the analytic one is between them; ``"jump"`` where they grow as the step shrinks;
    ``"no limit"`` where the differences settle on nothing; or ``"not finite"``. ``excess`` is the
    difference in units of what was tolerated.
    """

    input: str
    input_index: Index
    output: int
    output_index: Index
    analytic: float
    numeric: float
    left: float
    right: float
    reason: str
    excess: float


def report(mismatches: list[Mismatch], checked: int, outputs: Sequence[Tensor]) -> str:
    """Return the message for mismatches among the derivatives checked: a table of the worst."""
    worst = sorted(mismatches, key=lambda m: -np.nan_to_num(m.excess, nan=np.inf))[:_SHOWN]
    rows = [("input", "index", "output", "analytic", "numeric", "ratio", "reason")]
    for m in worst:
        at_kink = f"{m.left:.6g} on the left, {m.right:.6g} on the right"
        rows.append(
            (
                m.input,
                str(m.input_index),
                f"{m.output} {m.output_index}" if len(outputs) > 1 else str(m.output_index),
                f"{m.analytic:.6g}",
                f"{m.numeric:.6g}",
                f"{m.analytic / m.numeric:.6g}" if m.numeric else "-",
                f"kink: {at_kink}" if m.reason == "kink" else m.reason,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    count = len(mismatches)
    lines = [
        f"gradcheck: {count} of {checked} derivatives {'is' if count == 1 else 'are'} "
        "not what differences show:"
    ]
    for *cells, reason in rows:
        padded = (cell.rjust(width) for cell, width in zip(cells, widths, strict=False))
        lines.append("  " + "  ".join([*padded, reason]))
    if count > _SHOWN:
        lines.append(f"  ... and {count - _SHOWN} more")
    if any(m.reason == "kink" for m in mismatches):
        lines.append(
            "At a kink any value between the one-sided derivatives is right: check at other inputs."
        )
    for i, output in enumerate(outputs):
        if not output.requires_grad and any(m.output == i for m in mismatches):
            lines.append(
                f"Output {i} does not require a gradient: fn computed it outside the graph, and "
                "its gradient counts as 0."
            )
    return "\n".join(lines)
