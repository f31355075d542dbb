"""What happened in training, iteration by iteration."""

from __future__ import annotations

import csv
import io
import math

from .. import viz
from ..compare import Comparison
from .side_by_side import Row

__all__ = ["History", "worst"]


class History:
    """The rows of `train_side_by_side`, by column."""

    def __init__(self, parameters: viz.History | None = None) -> None:
        self.losses: dict[str, list[float]] = {}
        self.gradient_differences: dict[str, list[float]] = {}
        self.weight_differences: dict[str, list[float]] = {}
        self.comparisons: dict[int, Comparison] = {}
        """What `compare` says of the hand-derived gradients, by iteration."""
        self.parameters = viz.History() if parameters is None else parameters
        """What one of the forms did with its parameters."""

    def __len__(self) -> int:
        return max(map(len, self.losses.values()), default=0)

    def add(self, row: Row) -> None:
        """Add an iteration."""
        for columns, values in (
            (self.losses, row.losses),
            (self.gradient_differences, row.gradient_differences),
            (self.weight_differences, row.weight_differences),
        ):
            for name, value in values.items():
                columns.setdefault(name, []).append(value)

    def not_finite(self) -> dict[str, int]:
        """Return, of the forms with a loss that is infinite or NaN, the first such iteration."""
        return {
            name: next(i for i, loss in enumerate(losses, 1) if not math.isfinite(loss))
            for name, losses in self.losses.items()
            if not all(map(math.isfinite, losses))
        }

    def to_csv(self) -> str:
        """Return all of it as CSV, numbers in full precision.

        >>> history = History()
        >>> history.add(Row(1, {"by hand": 2.0, "nn": 2.0}, {"nn": 0.0}, {"nn": 1e-16}))
        >>> print(history.to_csv())
        iteration,loss (by hand),loss (nn),gradient difference (nn),weight difference (nn)
        1,2.0,2.0,0.0,1e-16
        <BLANKLINE>
        """
        columns = {
            f"{what} ({name})": values
            for what, named in (
                ("loss", self.losses),
                ("gradient difference", self.gradient_differences),
                ("weight difference", self.weight_differences),
            )
            for name, values in named.items()
        }
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["iteration", *columns])
        writer.writerows(
            (iteration, *map(repr, values))
            for iteration, values in enumerate(zip(*columns.values(), strict=True), 1)
        )
        return text.getvalue()


def worst(differences: list[float]) -> float:
    """Return the largest, or NaN if there is one."""
    return math.nan if any(map(math.isnan, differences)) else max(differences)
