"""microtensor: an autograd library that shows its work.

A `Tensor` records the operations done to it; reverse-mode automatic differentiation turns that
record into gradients.
"""

import importlib
from typing import TYPE_CHECKING, Any

from . import autograd, func, functions, linalg, notebook, pytorch_names
from .custom import custom_op
from .functions import *
from .ops import recurrent as _recurrent  # noqa: F401 - operations, made with the engine's help
from .ops import rows as _rows  # noqa: F401 - the same
from .state import enable_grad, is_grad_enabled, no_grad
from .tensor import Tensor, tensor

if TYPE_CHECKING:
    from . import data, nn, onnx, optim, viz
    from .compare import compare as compare
    from .compare import compare_step as compare_step
    from .compile import compile as compile
    from .compile.derive import derive as derive
    from .compile.derive import trace as trace
    from .serialization import load as load
    from .serialization import save as save

__version__ = "0.1.0"

__all__ = [
    "Tensor",
    "autograd",
    "compare",
    "compare_step",
    "compile",
    "custom_op",
    "data",
    "derive",
    "enable_grad",
    "func",
    "is_grad_enabled",
    "linalg",
    "load",
    "nn",
    "no_grad",
    "onnx",
    "optim",
    "save",
    "tensor",
    "trace",
    "viz",
]
__all__ += functions.__all__


_PACKAGES = frozenset({"data", "nn", "onnx", "optim", "viz"})
"""Packages that are imported when they are first used: the core alone is there sooner."""

_READERS = {
    "compare": "compare", "compare_step": "compare",
    "compile": "compile", "derive": "compile", "trace": "compile",
    "load": "serialization", "save": "serialization",
}  # fmt: skip
"""Functions of which the same is true, and the packages that they are from."""


if not TYPE_CHECKING:  # or every name would be known to type checkers

    def __getattr__(name: str) -> Any:
        if name in _PACKAGES:
            return importlib.import_module(f".{name}", __name__)
        if name in _READERS:
            package = importlib.import_module(f".{_READERS[name]}", __name__)
            readers = [each for each, home in _READERS.items() if home == _READERS[name]]
            globals().update({each: getattr(package, each) for each in readers})
            return globals()[name]
        hint = pytorch_names.of_the_module(name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


notebook.show_with(
    lambda value: importlib.import_module(".viz.notebook", __name__).representations(value)
)
