"""The exceptions a user can meet. Each says what was wrong, and what to do."""

from collections.abc import Sequence
from typing import Any

__all__ = [
    "AnomalyError",
    "ArgumentError",
    "ComparisonError",
    "DtypeError",
    "FileFormatError",
    "GradcheckError",
    "GradientError",
    "InPlaceError",
    "IndexingError",
    "InternalError",
    "MicrotensorError",
    "MissingDependencyError",
    "OutputError",
    "ReleasedGraphError",
    "RenderError",
    "SerializationError",
    "ShapeError",
    "StateDictError",
    "TracingError",
    "UnsupportedError",
]


class MicrotensorError(Exception):
    """Base of every exception that microtensor raises on purpose."""


class ArgumentError(MicrotensorError, ValueError):
    """An argument has a value that is not allowed: an unknown reduction, a negative rate."""


class ShapeError(MicrotensorError, ValueError):
    """Shapes do not fit together, or an axis does not exist."""


class DtypeError(MicrotensorError, TypeError):
    """The data is not numeric, or its dtype cannot do what was asked: integers have no gradient."""


class IndexingError(MicrotensorError, IndexError):
    """An index does not exist, or is no index."""


class UnsupportedError(MicrotensorError, TypeError):
    """A NumPy function, or one of its arguments, that has no differentiable counterpart here."""


class GradientError(MicrotensorError, RuntimeError):
    """A gradient was asked for that the recorded graph does not define."""


class ReleasedGraphError(GradientError):
    """The arrays a backward pass needs were dropped by an earlier one."""


class AnomalyError(MicrotensorError, FloatingPointError):
    """A NaN or an Inf was made, in a block that looks for the first one."""


class InPlaceError(GradientError):
    """An array that a gradient depends on was, or would be, changed in place."""


class StateDictError(MicrotensorError, RuntimeError):
    """A ``state_dict`` does not fit the module or optimizer that loads it."""


class MissingDependencyError(MicrotensorError, ImportError):
    """An optional package is not installed; the message says how to install it."""


class RenderError(MicrotensorError, RuntimeError):
    """A drawing could not be laid out, or not in the format asked for."""


class OutputError(MicrotensorError, OSError):
    """A file could not be written; there is none, or the earlier one, not half of one."""


class SerializationError(MicrotensorError, TypeError):
    """A value cannot be saved; the message says where it is, and what to give instead."""


class FileFormatError(MicrotensorError, ValueError):
    """A file is not what its reader expects: of another format, cut off, or damaged."""


class TracingError(MicrotensorError, TypeError):
    """A traced function did what its program cannot repeat: it asked for a value, or drew one."""


class InternalError(MicrotensorError, AssertionError):
    """A derivative rule broke its contract: a defect of the rule, not of its user."""


class GradcheckError(MicrotensorError, AssertionError):
    """A recorded gradient is not what finite differences show.

    ``mismatches`` lists the elements that differ, each a `microtensor.autograd.Mismatch`; it is
    empty if what is wrong is not a matter of single elements.
    """

    def __init__(self, message: str, mismatches: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.mismatches = list(mismatches)


class ComparisonError(MicrotensorError, AssertionError):
    """A hand-derived gradient is not autograd's; the message is the report.

    ``comparison`` is what it reports, a `microtensor.compare.Comparison`.
    """

    def __init__(self, message: str, comparison: Any = None) -> None:
        super().__init__(message)
        self.comparison = comparison
