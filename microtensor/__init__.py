"""microtensor: an autograd library that shows its work.

A `Tensor` records the operations done to it; reverse-mode automatic differentiation turns that
record into gradients.
"""

from . import autograd, func, functions, linalg, nn, optim
from .custom import custom_op
from .functions import *  # noqa: F403 - the names in its __all__
from .state import enable_grad, is_grad_enabled, no_grad
from .tensor import Tensor, tensor

__version__ = "0.1.0"

__all__ = [
    "Tensor",
    "autograd",
    "custom_op",
    "enable_grad",
    "func",
    "is_grad_enabled",
    "linalg",
    "nn",
    "no_grad",
    "optim",
    "tensor",
]
__all__ += functions.__all__
