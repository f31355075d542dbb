"""Python identifiers made of the names that users gave to their values."""

from __future__ import annotations

import keyword
import re

__all__ = ["Identifiers", "identifier"]

_RESERVED = frozenset({"np", "bool", "int", "float", "slice"})
"""What a printed function uses itself."""


def identifier(name: str) -> str:
    """Return a name as an identifier that resembles it.

    >>> [identifier(name) for name in ("model.0.weight", "self.W1", "params['W']", "lambda")]
    ['model_0_weight', 'W1', 'params_W', 'lambda_']
    """
    text = re.sub(r"\W+", "_", name.removeprefix("self.")).strip("_") or "value"
    text = re.sub(r"_{2,}", "_", text)
    if text[0].isdigit():
        text = f"_{text}"
    return f"{text}_" if keyword.iskeyword(text) or text in _RESERVED else text


class Identifiers:
    """The identifiers that a function has taken."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._avoided: set[str] = set()
        self._numbers: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    def avoid(self, name: str) -> None:
        """Give a name to nothing from now on."""
        self._avoided.add(name)

    def take(self, name: str) -> str:
        """Return the identifier for a name, with a number if another value has it.

        >>> taken = Identifiers()
        >>> [taken.take("z"), taken.take("z"), taken.take("W1"), taken.take("W1")]
        ['z', 'z2', 'W1', 'W1_2']
        """
        base = unique = name if name.isidentifier() and name[0] == "_" else identifier(name)
        while unique in self._taken or unique in self._avoided:
            number = self._numbers[base] = self._numbers.get(base, 1) + 1
            unique = f"{base}_{number}" if base[-1].isdigit() or "_" in base else f"{base}{number}"
        self._taken.add(unique)
        return unique

    def take_numbered(self, name: str) -> str:
        """Return the identifier for one of several values that a loop called the same.

        >>> taken = Identifiers()
        >>> [taken.take_numbered("A"), taken.take_numbered("A")]
        ['A1', 'A2']
        """
        base = identifier(name)
        separator = "_" if base[-1].isdigit() else ""
        while True:
            number = self._numbers[f"{base}#"] = self._numbers.get(f"{base}#", 0) + 1
            if f"{base}{separator}{number}" not in self._taken:
                self._taken.add(f"{base}{separator}{number}")
                return f"{base}{separator}{number}"
