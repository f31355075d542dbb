"""Random numbers in a traced function: a draw that the program could not repeat is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..errors import TracingError
from ..func.trees import leaves
from .surroundings import is_module

__all__ = ["Generators"]


class Generators:
    """The random generators that a function can reach, and their states before it ran."""

    def __init__(
        self, around: Iterable[tuple[str, Any]], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> None:
        self._found: dict[int, tuple[str, np.random.Generator, Any]] = {}
        self._global = np.random.get_state(legacy=False)  # noqa: NPY002
        for name, value in [*around, *leaves((tuple(args), kwargs), "the arguments")]:
            self._look(name, value)

    def _look(self, name: str, value: Any) -> None:
        if isinstance(value, np.random.Generator):
            self._found[id(value)] = name, value, value.bit_generator.state
        elif is_module(value):
            for module in value.modules():
                for key, part in vars(module).items():
                    if isinstance(part, np.random.Generator):
                        self._look(f"{name}.{key}", part)

    def check(self, name: str, drawn: set[int]) -> None:
        """Raise if the function drew numbers that the program would not draw again."""
        for key, (where, generator, state) in self._found.items():
            if key not in drawn and generator.bit_generator.state != state:
                self._refuse(name, where)
        now = np.random.get_state(legacy=False)  # noqa: NPY002
        if now["state"]["pos"] != self._global["state"]["pos"]:
            self._refuse(name, "np.random")

    def restore(self) -> None:
        """Give the generators their states back."""
        for _, generator, state in self._found.values():
            generator.bit_generator.state = state
        np.random.set_state(self._global)  # noqa: NPY002

    def _refuse(self, name: str, where: str) -> None:
        raise TracingError(
            f"{name}() draws random numbers from {where}, and its program would use the same ones "
            "in every call: draw them outside and give them as an argument, or use "
            "mt.nn.functional.dropout, whose draws are part of the program."
        )
