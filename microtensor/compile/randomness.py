"""Random numbers in a traced function: a draw that the program could not repeat is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import TracingError
from ..func.trees import leaves

__all__ = ["Generators"]


class Generators:
    """The random generators that a function can reach, and their states before it ran."""

    def __init__(
        self, around: Iterable[tuple[str, Any]], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> None:
        self._found: dict[int, tuple[str, np.random.Generator, Any]] = {}
        self._global = np.random.get_state(legacy=False)
        self._old: dict[int, tuple[str, np.random.RandomState, Any]] = {}
        for name, value in [*around, *leaves((tuple(args), kwargs), "the arguments")]:
            self._look(name, value)

    def _look(self, name: str, value: Any) -> None:
        if isinstance(value, np.random.Generator):
            self._found[id(value)] = name, value, value.bit_generator.state
        elif isinstance(value, np.random.RandomState):
            self._old[id(value)] = name, value, value.get_state(legacy=False)

    def check(self, name: str, drawn: set[int]) -> None:
        """Raise if the function drew numbers that the program would not draw again."""
        for key, (where, generator, state) in self._found.items():
            if key not in drawn and generator.bit_generator.state != state:
                self.refuse(name, where)
        for where, old, state in self._old.values():
            if old.get_state(legacy=False)["state"]["pos"] != state["state"]["pos"]:
                self.refuse(name, where)
        now = np.random.get_state(legacy=False)
        if now["state"]["pos"] != self._global["state"]["pos"]:
            self.refuse(name, "np.random")

    def restore(self) -> None:
        """Give the generators their states back."""
        for _, generator, state in self._found.values():
            generator.bit_generator.state = state
        for _, old, state in self._old.values():
            old.set_state(state)
        np.random.set_state(self._global)

    def refuse(self, name: str, where: str) -> None:
        """Raise, saying what was drawn from where."""
        raise TracingError(
            f"{name}() draws random numbers from {where}, and its program would use the same ones "
            "in every call: draw them outside and give them as an argument, or use "
            "mt.nn.functional.dropout, whose draws are part of the program."
        )
