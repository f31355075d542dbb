"""Passes that make a program shorter, and leave its results as they are."""

from __future__ import annotations

from .program import Program

__all__ = ["simplified"]


def simplified(program: Program) -> Program:
    """Return the program without what is not needed for its results."""
    return program
