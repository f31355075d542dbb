"""Comparing hand-derived gradients with autograd's: which step is wrong, and why.

`tape` holds the computation, `judge` tells mistakes from their consequences, `hypotheses` are the
mistakes that people make, `causes` finds the one that reproduces an array, `report` says so.
"""

import sys
from types import ModuleType
from typing import Any

from .comparing import compare, compare_step
from .comparison import Comparison
from .verdict import Cause, Row, Status

__all__ = ["Cause", "Comparison", "Row", "Status", "compare", "compare_step"]


class _Package(ModuleType):
    """The package, which passes for its function: a tool may bind `mt.compare` to either."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return compare(*args, **kwargs)


sys.modules[__name__].__class__ = _Package
