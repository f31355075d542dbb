"""Passes that make a program shorter, and leave its results as they are."""

from __future__ import annotations

from .program import Program

__all__ = ["simplified"]


def simplified(program: Program) -> Program:
    """Return the program without what is not needed for its results."""
    needed = set(program.results())
    kept = []
    for equation in reversed(program.equations):
        if equation.out in needed or equation.op.name == "random":
            kept.append(equation)
            needed.update(equation.uses())
    return program.with_equations(reversed(kept))
