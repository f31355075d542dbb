"""A comparison as something to read: text, a rich table in a terminal, HTML, and plain data."""

from __future__ import annotations

import html
import io
import math
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from .verdict import Row, Status

if TYPE_CHECKING:
    from rich.console import Console

    from .comparison import Comparison

__all__ = ["as_dict", "as_html", "as_text", "console", "print_to"]

_WIDTH = 100
_COLOURS = {
    Status.EXACT: "green",
    Status.CLOSE: "green",
    Status.INHERITED: "yellow",
    Status.WRONG: "bold red",
}
_CSS = {Status.EXACT: "#188038", Status.CLOSE: "#188038", Status.INHERITED: "#a26600",
        Status.WRONG: "#d93025"}  # fmt: skip
"""To be read on white, and on the dark of a notebook."""
_CODE = ("Right:", "since:", "      ")
"""How lines of code begin in a paragraph."""
_MOST = 3
"""So many tensors at most are asked for."""
_COLUMNS = ("gradient of", "shape", "status", "largest difference")


def as_text(comparison: Comparison) -> str:
    """Return the report as plain text."""
    out = io.StringIO()
    print_to(console(out, width=_WIDTH, no_color=True, force_terminal=False), comparison)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


def console(file: IO[str] | None, **options: Any) -> Console:
    """Return what prints to a file, in a notebook as well: rich would print beside it there."""
    from rich.console import Console

    return Console(file=file, highlight=False, markup=False, force_jupyter=False, **options)


def print_to(console: Console, comparison: Comparison) -> None:
    """Print the report."""
    from rich import box
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    name, shape, status, difference = _COLUMNS
    table.add_column(name, overflow="fold")
    table.add_column(shape, overflow="fold")
    table.add_column(status, no_wrap=True)
    table.add_column(difference, justify="right", overflow="fold")
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
    for rows in told(comparison):
        console.print()
        head, *rest = paragraph(rows)
        names = ", ".join(row.name for row in rows)
        console.print(Text.assemble((f"{names}: ", _COLOURS[rows[0].status]), head))
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


def told(comparison: Comparison) -> list[list[Row]]:
    """Return the rows that have a paragraph, those of one cause together; the wrong ones first."""
    groups: dict[Any, list[Row]] = {}
    for row in comparison.rows:
        if row.cause is not None:
            text = row.cause.text.replace(row.gradient_name, "")
            groups.setdefault((row.status is not Status.WRONG, text), []).append(row)
    return [groups[key] for key in sorted(groups, key=lambda key: key[0])]


def paragraph(rows: list[Row]) -> list[str]:
    """Return what is wrong, the evidence, the right step and what it differentiates."""
    first, *others = rows
    assert first.cause is not None
    text = f"{first.cause.text}."
    if others:
        text += f" The same is true of {_and([row.gradient_name for row in others])}."
    if first.status is not Status.WRONG:
        return [text]
    lines = [text]
    if first.cause.evidence:
        lines.append(f"Evidence: {first.cause.evidence}.")
    for row in rows:
        if row.step:
            lines += _labelled("Right:", row.step)
    if first.rule:
        lines += _labelled("since:", first.rule)
    if first.between and (others or first.cause.kind == "unknown"):
        lines.append(
            f"To see in which step it is, give the gradient of {_and(first.between[:_MOST])} too."
        )
    return lines


def _and(names: Sequence[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


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
    paragraphs = "".join(map(_html_paragraph, told(comparison)))
    return (
        f"<div><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<p>{html.escape(summary(comparison))}</p>{paragraphs}</div>"
    )


def _html_paragraph(rows: list[Row]) -> str:
    names = html.escape(", ".join(row.name for row in rows))
    colour = _CSS[rows[0].status]
    said: list[str] = []
    code: list[str] = []
    for line in paragraph(rows):
        (code if line.startswith(_CODE) else said).append(html.escape(line))
    text = f'<p><b style="color:{colour}">{names}</b>: {"<br>".join(said)}</p>'
    return text + (f"<pre>{chr(10).join(code)}</pre>" if code else "")


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
        "between": list(row.between),
    }
