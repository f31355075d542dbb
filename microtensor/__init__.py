"""microtensor: an autograd library that shows its work.

A `Tensor` records the operations done to it; reverse-mode automatic differentiation turns that
record into gradients.
"""

from typing import TYPE_CHECKING, Any

from . import autograd, func, functions, linalg, nn, optim
from .compile import compile, derive, trace
from .custom import custom_op
from .functions import *  # noqa: F403 - the names in its __all__
from .state import enable_grad, is_grad_enabled, no_grad
from .tensor import Tensor, tensor

if TYPE_CHECKING:
    from . import viz

__version__ = "0.1.0"

__all__ = [
    "Tensor",
    "autograd",
    "compile",
    "custom_op",
    "derive",
    "enable_grad",
    "func",
    "is_grad_enabled",
    "linalg",
    "nn",
    "no_grad",
    "optim",
    "tensor",
    "trace",
    "viz",
]
__all__ += functions.__all__


def __getattr__(name: str) -> Any:
    """Import ``viz`` when it is first used: to compute, nobody needs what it needs."""
    if name == "viz":
        import importlib

        return importlib.import_module(".viz", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
