"""A comparison as something to read: text, a rich table in a terminal, HTML, and plain data."""

from __future__ import annotations

import html
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .verdict import Row, Status

if TYPE_CHECKING:
    from rich.console import Console

    from .comparison import Comparison

__all__ = ["as_dict", "as_html", "as_text", "print_to"]

_WIDTH = 100
_COLOURS = {
    Status.EXACT: "green",
    Status.CLOSE: "green",
    Status.INHERITED: "yellow",
    Status.WRONG: "bold red",
}
_CSS = {Status.EXACT: "#15713f", Status.CLOSE: "#15713f", Status.INHERITED: "#8a5a00",
        Status.WRONG: "#b3261e"}  # fmt: skip
_COLUMNS = ("gradient of", "shape", "status", "largest difference")


def as_text(comparison: Comparison) -> str:
    """Return the report as plain text."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(file=out, width=_WIDTH, no_color=True, highlight=False, markup=False,
                      force_terminal=False)  # fmt: skip
    print_to(console, comparison)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


def print_to(console: Console, comparison: Comparison) -> None:
    """Print the report."""
    from rich import box
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, justify="right" if column == _COLUMNS[-1] else "left",
                         overflow="fold")  # fmt: skip
    for row in comparison.rows:
        table.add_row(
            Text(row.name),
            str(row.shape),
            Text(_status(row), _COLOURS[row.status]),
            _difference(row),
        )
    console.print(table)
    console.print()
    console.print(Text(summary(comparison)))
    for row in told(comparison):
        console.print()
        style = _COLOURS[row.status]
        head, *rest = _paragraph(row)
        console.print(Text.assemble((f"{row.name}: ", style), head))
        for line in rest:
            console.print(Padding(Text(line), (0, 0, 0, 2)))


def summary(comparison: Comparison) -> str:
    """Say in a sentence how the gradients stand."""
    rows, roots = comparison.rows, comparison.roots
    if not roots:
        count = {1: "The gradient is", 2: "Both gradients are"}
        return f"{count.get(len(rows), f'All {len(rows)} gradients are')} right."
    inherited = sum(row.status is Status.INHERITED for row in rows)
    steps = "1 step is" if len(roots) == 1 else f"{len(roots)} steps are"
    text = f"{steps} wrong: {', '.join(row.name for row in roots)}."
    if inherited:
        text += f" {inherited} more {'is a consequence' if inherited == 1 else 'are consequences'}."
    return text


def told(comparison: Comparison) -> list[Row]:
    """Return the rows that have a paragraph: what is wrong, and what is not quite equal."""
    noted = [row for row in comparison.rows if row.cause is not None]
    return [row for row in noted if row.status is Status.WRONG] + [
        row for row in noted if row.status is not Status.WRONG
    ]


def _paragraph(row: Row) -> list[str]:
    """Return what is wrong, the evidence, the right step and what it differentiates."""
    assert row.cause is not None
    lines = [f"{row.cause.text}."]
    if row.status is not Status.WRONG:
        return lines
    if row.cause.evidence:
        lines.append(f"Evidence: {row.cause.evidence}.")
    if row.step:
        lines += _labelled("Right:", row.step)
    if row.rule:
        lines += _labelled("since:", row.rule)
    return lines


def _labelled(label: str, code: str) -> list[str]:
    first, *more = code.splitlines()
    return [f"{label} {first}", *(f"{' ' * len(label)} {line}" for line in more)]


def _status(row: Row) -> str:
    if row.cause is not None and row.cause.kind in ("convention", "precision"):
        return f"{row.status} ({row.cause.kind})"
    return str(row.status)


def _difference(row: Row) -> str:
    if row.hand.shape != row.autograd.shape:
        return f"shape {row.hand.shape}"
    if not np.isfinite(row.hand).all() and np.isfinite(row.autograd).all():
        return "not finite"
    return "0" if row.max_difference == 0 else f"{row.max_difference:.1e}"


def as_html(comparison: Comparison) -> str:
    """Return the report as an HTML fragment."""
    head = "".join(f'<th style="text-align:left">{column}</th>' for column in _COLUMNS)
    body = "".join(
        f'<tr><td style="text-align:left">{html.escape(row.name)}</td>'
        f'<td style="text-align:left">{row.shape}</td>'
        f'<td style="text-align:left;color:{_CSS[row.status]};font-weight:600">{_status(row)}</td>'
        f'<td style="text-align:right">{html.escape(_difference(row))}</td></tr>'
        for row in comparison.rows
    )
    paragraphs = "".join(_html_paragraph(row) for row in told(comparison))
    return (
        f"<div><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<p>{html.escape(summary(comparison))}</p>{paragraphs}</div>"
    )


def _html_paragraph(row: Row) -> str:
    assert row.cause is not None
    text = (
        f'<p><b style="color:{_CSS[row.status]}">{html.escape(row.name)}</b>: '
        f"{html.escape(row.cause.text)}."
    )
    if row.status is not Status.WRONG:
        return f"{text}</p>"
    if row.cause.evidence:
        text += f"<br>Evidence: {html.escape(row.cause.evidence)}."
    text += "</p>"
    code = "\n".join(filter(None, (row.step, *(f"# {line}" for line in row.rule.splitlines()))))
    return text + (f"<pre>{html.escape(code)}</pre>" if code else "")


def as_dict(comparison: Comparison) -> dict[str, Any]:
    """Return the report as data for machines: of numbers, texts, lists and dicts."""
    return {
        "ok": comparison.ok,
        "roots": [row.name for row in comparison.roots],
        "rows": [_row_dict(row) for row in comparison.rows],
    }


def _row_dict(row: Row) -> dict[str, Any]:
    cause = row.cause
    return {
        "name": row.name,
        "gradient": row.gradient_name,
        "shape": list(row.shape),
        "status": str(row.status),
        "max_difference": row.max_difference if math.isfinite(row.max_difference) else None,
        "cause": None
        if cause is None
        else {
            "kind": cause.kind,
            "also": list(cause.also),
            "text": cause.text,
            "evidence": cause.evidence,
            "factor": cause.factor,
            "op": cause.op,
            "used": cause.used,
            "expected": cause.expected,
            "index": None if cause.index is None else list(cause.index),
        },
        "step": row.step,
        "rule": row.rule,
    }
