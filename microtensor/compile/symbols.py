"""Names and numbers as mathematics, in commands that KaTeX, MathJax and matplotlib know."""

from __future__ import annotations

import math
import re
import unicodedata
from fractions import Fraction
from typing import Any

import numpy as np

__all__ = ["number_text", "symbol", "word"]

_LOWER = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega",
]  # fmt: skip
_UPPER = ["Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi",
          "Omega"]  # fmt: skip
_GREEK = frozenset(_LOWER + _UPPER)
_LETTERS = dict(
    zip("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ", _LOWER + _UPPER, strict=True)
)  # fmt: skip
_COMBINING = {
    "\u0300": "grave", "\u0301": "acute", "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar",
    "\u0307": "dot", "\u0308": "ddot", "\u20d7": "vec",
}  # fmt: skip
_ACCENTS = frozenset({"hat", "bar", "tilde", "dot", "ddot", "vec"})
_LETTER = r"[^\W\d_][\u0300-\u036f\u20d7]*"
_GREEK_LETTER = f"[{''.join(_LETTERS)}]"
_LARGEST = 1000
"""The largest numerator and denominator of a number that is shown as a fraction."""


def symbol(name: str) -> str:
    r"""Return what a name looks like in a formula.

    >>> [symbol(name) for name in ("W1", "y_hat", "theta", "loss", "model.0.bias")]
    ['W_{1}', '\\hat{y}', '\\theta', 'L', '\\mathrm{model.0.bias}']
    >>> [symbol(name) for name in ("Wq", "alpha_t", "Δx", "params['W1']")]
    ['W_{q}', '\\alpha_{t}', '\\Delta x', 'W_{1}']
    """
    name = unicodedata.normalize("NFD", name.removeprefix("self."))
    keyed = re.fullmatch(r"[^\[\]]+((?:\[[^\[\]]+\])+)", name)
    if keyed:
        keys = re.findall(r"\[([^\[\]]+)\]", keyed[1])
        base = keys.pop().strip("'\"") if not keys[-1].isdigit() else name.partition("[")[0]
        if re.search(r"\w", base) and all(key.isdigit() for key in keys):
            core, under = _parsed(base)
            return _with(core, under + keys)
    return _with(*_parsed(name))


def word(text: str) -> str:
    r"""Return text as a symbol: a letter, a Greek one, or upright letters.

    >>> [word(text) for text in ("x", "beta", "rate", "dβ")]
    ['x', '\\beta', '\\mathrm{rate}', '{d \\beta}']
    """
    text = re.sub(r"[^\w.\[\]]", "", text)
    if text in _GREEK:
        return f"\\{text}"
    if (len(text) == 1 and text.isalnum() and text not in _LETTERS) or text.isdigit():
        return text
    runs = [run for run in re.split(f"({_GREEK_LETTER})", text) if run]
    parts = [
        f"\\{_LETTERS[run]}" if run in _LETTERS else run if len(run) == 1 else _upright(run)
        for run in runs
    ]
    return parts[0] if len(parts) == 1 else f"{{{' '.join(parts)}}}" if parts else _upright("")


def _upright(text: str) -> str:
    return rf"\mathrm{{{text.replace('_', chr(92) + '_')}}}"


def _with(core: str, under: list[str]) -> str:
    return f"{core}_{{{','.join(under)}}}" if under else core


def _parsed(name: str) -> tuple[str, list[str]]:
    """Return the letter or the word of a name, and its subscripts."""
    head, *rest = [part for part in name.split("_") if part] or [name]
    core, under = _head(head)
    if core is not None:
        while rest and not under and rest[0] in _ACCENTS:
            core = rf"\{rest.pop(0)}{{{core}}}"
        if not head.startswith("loss") or all(part.isdigit() for part in rest):
            if not all(len(part) <= 2 or part in _GREEK for part in rest):
                rest = ["_".join(rest)]
            return core, under + [_subscript(part) for part in rest]
    numbered = re.fullmatch(r"([^.]*[^\W\d_])_?(\d+)", name)
    if numbered:
        return word(numbered[1]), [numbered[2]]
    return word(name.strip("_") or name), []


def _head(text: str) -> tuple[str | None, list[str]]:
    """Return the letter that a name starts with, if it reads as one, and what is below it."""
    matched = re.fullmatch(rf"({_LETTER}|loss|{'|'.join(_GREEK)})(\d*)", text)
    if matched:
        return _letter(matched[1]), [matched[2]] if matched[2] else []
    matched = re.fullmatch(r"([Δδ])([a-zA-Z].*)", text)
    if matched:
        return f"{_letter(matched[1])} {_with(*_parsed(matched[2]))}", []
    matched = re.fullmatch(rf"([A-Z](?=[a-z]{{1,2}}\d*$)|{_GREEK_LETTER})([a-z]+\d*)", text)
    if matched:
        return _letter(matched[1]), [_subscript(matched[2])]
    return None, []


def _letter(text: str) -> str:
    if text == "loss":
        return "L"
    found = word(text[0] if text not in _GREEK else text)
    for mark in text[1:] if text not in _GREEK else "":
        found = rf"\{_COMBINING[mark]}{{{found}}}" if mark in _COMBINING else found
    return found


def _subscript(text: str) -> str:
    return text if len(text) <= 2 and text.isascii() and text.isalnum() else word(text)


def number_text(value: Any) -> tuple[str, str]:
    r"""Return a number that is not negative as text, and how tightly that binds.

    >>> [number_text(x)[0] for x in (3.0, 1e-5, 2.5e-7, 1 / 6, 0.1)]
    ['3', '10^{-5}', '2.5 \\cdot 10^{-7}', '\\frac{1}{6}', '0.1']
    """
    if isinstance(value, (bool, np.bool_)):
        return rf"\mathrm{{{bool(value)}}}", "atom"
    if isinstance(value, (float, np.floating)) and not math.isfinite(value):
        return (r"\mathrm{NaN}" if math.isnan(value) else r"\infty"), "atom"
    text = str(value)
    if len(text) > 8 and isinstance(value, (float, np.floating)):
        fraction = Fraction(float(value)).limit_denominator(_LARGEST)
        close = abs(float(fraction) - float(value)) <= 4 * float(np.spacing(value).item())
        if close and 0 < fraction.numerator <= _LARGEST and fraction.denominator > 1:
            return rf"\frac{{{fraction.numerator}}}{{{fraction.denominator}}}", "fraction"
    mantissa, _, exponent = text.partition("e")
    mantissa = mantissa.removesuffix(".0")
    if not exponent:
        return mantissa, "atom" if isinstance(value, (int, float, np.number)) else "product"
    power = f"10^{{{int(exponent)}}}"
    if mantissa == "1":
        return power, "fraction"
    return rf"{mantissa} \cdot {power}", "juxtaposed"
