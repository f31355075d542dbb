"""Whether a notebook's outputs are those that it is stored with, but for rounding and layout."""

import base64
import doctest
import html
import math
import re
from collections.abc import Sequence
from typing import Any

__all__ = ["difference"]

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", re.IGNORECASE)
IMAGE = re.compile(r'src="data:image/svg\+xml;base64,([^"]*)"')
ROUNDED = {
    "exactly this array|this array to [-+.e0-9]*[0-9]": "this array",
    r"\b(exact|close)\b": "right",
}
"""What a report says otherwise where sums are rounded otherwise."""
RELATIVE, ABSOLUTE = 1e-6, 1e-9


def difference(before: Sequence[Any], after: Sequence[Any], want: str | None = None) -> str | None:
    """Say where outputs differ; what both have may be what a doctest wants instead."""
    if len(before) != len(after):
        return f"{len(before)} outputs, and {len(after)}"
    for one, other in zip(map(told, before), map(told, after), strict=True):
        if one.keys() != other.keys():
            return f"{sorted(one)}, and {sorted(other)}"
        for kind in one:
            texts = one[kind], other[kind]
            if not (same(*texts) or (want and all(is_wanted(text, want) for text in texts))):
                return f"{kind}: {one[kind]!r}, and {other[kind]!r}"
    return None


def told(output: Any) -> dict[str, str]:
    """Return what an output tells, as text by its kind; of pictures their labels."""
    if output.output_type == "stream":
        return {output.name: output.text}
    if output.output_type == "error":
        return {"error": f"{output.ename}: {output.evalue}"}
    return {kind: text_of(kind, value) for kind, value in output.data.items()}


def text_of(kind: str, value: Any) -> str:
    """Return what a value tells."""
    if kind == "image/png":
        return ""
    text = "".join(value)
    if kind == "image/svg+xml":
        return " ".join(re.findall(r"<text[^>]*>(.*?)</text>", text))
    if text.startswith("<iframe"):  # a page, whose numbers are tested elsewhere
        return " ".join(re.findall("<title>(.*?)</title>", html.unescape(text)))
    if kind == "text/html":
        for pattern, instead in ROUNDED.items():
            text = re.sub(pattern, instead, text)
    return IMAGE.sub(lambda found: text_of("image/svg+xml", decoded(found[1])), text)


def decoded(data: str) -> str:
    """Return text that was written in base 64."""
    return base64.b64decode(data).decode()


def same(before: str, after: str) -> bool:
    """Tell whether texts are equal, their numbers to rounding."""
    words = [NUMBER.sub("0", text).split() for text in (before, after)]
    numbers = [list(map(float, NUMBER.findall(text))) for text in (before, after)]
    return (
        words[0] == words[1]
        and len(numbers[0]) == len(numbers[1])
        and all(
            math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
            for a, b in zip(*numbers, strict=True)
        )
    )


def is_wanted(text: str, want: str) -> bool:
    """Tell whether a text is what a doctest wants."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(want, f"{text}\n", flags)
