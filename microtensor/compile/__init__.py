"""Programs of functions: traced, printed as the code a person would write, and compiled.

`trace` gives the program that a function ran, `derive` the one that computes its gradients as well,
`compile` the function made fast.
"""

from .compiled import Compiled, compile
from .derive import derive, trace
from .program import Program

__all__ = ["Compiled", "Program", "compile", "derive", "trace"]
