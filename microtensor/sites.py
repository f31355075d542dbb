"""Where operations were applied: the user's line, and what the operands are called there."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from . import record
from .diagnosis import operand
from .names import caller, variables
from .op import Node, Op, Recordable
from .state import Mode, modes

__all__ = ["Site", "Sites", "Watching", "record_source", "sites"]


class Site(NamedTuple):
    """Where an operation was applied, and what its operands are called there."""

    line: traceback.FrameSummary | None
    operands: tuple[str, ...]

    @classmethod
    def of_caller(cls, inputs: Sequence[Any]) -> Site:
        """Return where the user's code is now, and what it calls ``inputs``."""
        frame = caller()
        seen = list(variables(frame))
        line = None
        if frame is not None and not frame.f_code.co_filename.startswith("<frozen "):
            code = frame.f_code
            line = traceback.FrameSummary(
                code.co_filename, frame.f_lineno, code.co_name, lookup_line=False
            )
        return cls(line, tuple(_called(x, seen) for x in inputs))


Sites = WeakKeyDictionary[Node, Site]

sites: Sites = WeakKeyDictionary()
"""Where the nodes come from that were recorded while something looked."""


def _called(x: Any, seen: list[tuple[str, Any]]) -> str:
    """Describe an operand: by its name, else by the operation that made it."""
    described = operand(x, seen)
    node = x._node if isinstance(x, Recordable) else None
    if node is None or node.op is None or described.startswith("'"):
        return described
    return f"the result of {node.op.name}, {described}"


class Watching(Mode):
    """A mode in which what is ``_value`` hears of every operation of this thread."""

    _mode = "watcher"

    def __enter__(self) -> None:
        super().__enter__()
        record.watch(1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        record.watch(-1)
        super().__exit__(kind, error, traceback)


class record_source(Watching):  # noqa: N801 - a mode, named as PyTorch's are
    """Remember the user's line of each operation: a context manager, and a decorator.

    What `microtensor.viz.explore` shows of a computation in a block includes the line that applied
    each operation, exactly; without it, lines are found for named tensors only. An operation takes
    several times as long in a block, since it looks at the stack. `detect_anomaly` remembers lines
    too.

    Examples
    --------
    >>> import microtensor as mt
    >>> w = mt.tensor([1.0, 2.0], requires_grad=True)
    >>> with mt.autograd.record_source():
    ...     loss = (w * 3).sum()
    """

    @property
    def _value(self) -> Any:
        return modes.watcher or _Recorder()


class _Recorder:
    """What remembers where a thread's operations are applied; it looks at no value."""

    def made(self, op: Op, inputs: Sequence[Any], out: Any) -> None:
        if out._node is not None:
            sites[out._node] = Site.of_caller(inputs)

    def watched(self, rule: Any, g: Any, node: Node, position: int) -> Any:
        return rule

    def arrived(self, gradients: dict[Node, Any]) -> None:
        pass
