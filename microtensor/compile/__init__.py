"""Programs of functions: traced, printed as the code a person would write, and compiled.

`trace` gives the program that a function ran, `derive` the one that computes its gradients as well,
`compile` the function made fast.
"""

import sys
from types import ModuleType
from typing import Any

from .compiled import Compiled, compile
from .derive import derive, trace
from .program import Program

__all__ = ["Compiled", "Program", "compile", "derive", "trace"]


class _Package(ModuleType):
    """The package, which passes for its function: a tool may bind `mt.compile` to either."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return compile(*args, **kwargs)


sys.modules[__name__].__class__ = _Package
