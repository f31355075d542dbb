"""What a backend makes of a program: a kernel, which runs on arrays that it is bound to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from .program import Program, Var

__all__ = ["Kernel", "Repeating"]


class Kernel(Protocol):
    """A program, made ready to run by a backend."""

    program: Program
    source: str
    given: list[Var]
    held: list[Var]
    results: list[Var]
    numbers: list[Var]

    def bind(self, held: Sequence[Any], results: Sequence[Any]) -> Callable[..., Any]:
        """Return what runs the program on these arrays."""

    def new_results(self) -> list[Any]:
        """Return arrays for what is handed out."""

    def explained(self, error: Exception) -> Exception:
        """Say where in the user's code an exception came from."""

    def explain(self) -> list[str]:
        """Say of each operation how it is computed."""

    def forget(self) -> None:
        """Let go of what only making the kernel needed."""


@runtime_checkable
class Repeating(Protocol):
    """A kernel whose bound functions have a ``repeat``, which does several steps."""

    def repeat(self, n: int, kept: dict[Var, Any]) -> None:
        """Run the program ``n`` times on what it ran on last."""
