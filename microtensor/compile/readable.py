"""What a person would have written: rewritings for the eye, equal up to rounding."""

from __future__ import annotations

from .program import Program

__all__ = ["readable"]


def readable(program: Program) -> Program:
    """Return the program in the form that is printed."""
    return program
