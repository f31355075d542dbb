"""The result of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any

from ..errors import ComparisonError
from . import report
from .verdict import Row, Status

__all__ = ["Comparison"]


class Comparison:
    """What `compare` finds: a row for each gradient, and which of them are wrong by themselves.

    Printed, it is a table and a paragraph for each mistake; `show` does that with colours in a
    terminal, and a notebook shows it as HTML.

    Attributes
    ----------
    rows
        The gradients in the order of backpropagation, each a `Row`.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)

    @property
    def ok(self) -> bool:
        """Whether no gradient is wrong."""
        return all(row.status in (Status.EXACT, Status.CLOSE) for row in self.rows)

    @property
    def roots(self) -> list[Row]:
        """The gradients whose own step is wrong: what the others inherit comes from them."""
        return [row for row in self.rows if row.status is Status.WRONG]

    @property
    def summary(self) -> str:
        """How the gradients stand, in a sentence."""
        return report.summary(self)

    def raise_if_wrong(self) -> None:
        """Raise if a gradient is wrong, with the report as the message: for tests.

        Raises
        ------
        ComparisonError
            It is an `AssertionError`, and has the comparison as ``error.comparison``.
        """
        if not self.ok:
            raise ComparisonError(f"\n{report.as_text(self)}", self)

    def show(self, file: IO[str] | None = None) -> None:
        """Print the report to the standard output or a file, with colours in a terminal."""
        report.print_to(report.console(file), self)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as nested dicts and lists that `json` takes.

        >>> import microtensor as mt
        >>> x = mt.tensor([1.0, 2.0], requires_grad=True, name="x")
        >>> mt.compare((x * x).sum(), {x: [2.0, -4.0]}).to_dict()["roots"]
        ['x']
        """
        return report.as_dict(self)

    def __getitem__(self, key: str | int) -> Row:
        """Return the row of a tensor by its name, or by its position."""
        if isinstance(key, str):
            for row in self.rows:
                if row.name == key:
                    return row
            raise KeyError(f"{key!r} is none of {', '.join(row.name for row in self.rows)}")
        return self.rows[key]

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return report.as_text(self)

    def __repr__(self) -> str:
        return f"<Comparison of {len(self.rows)} gradients: {self.summary}>"

    def _repr_html_(self) -> str:
        return report.as_html(self)
