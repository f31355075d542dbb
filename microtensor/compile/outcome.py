"""What a traced function returned, and what it changed or left somewhere."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from types import CellType, CoroutineType, GeneratorType
from typing import Any

import numpy as np

from ..errors import TracingError
from ..func.trees import leaves, rebuild
from ..record import NUMBERS
from ..state import modes
from ..tensor import Tensor
from .guards import is_plain
from .inputs import Merge, var_of
from .program import Atom, Literal, Output, Update
from .slots import ArraySlot, CellSlot, GradientSlot, ItemSlot, Slot, StateSlot
from .surroundings import Place, cells_of
from .trace import Trace
from .traced import TracedArray

__all__ = ["Outcome", "keep_constants", "put_back", "restore"]


class Outcome:
    """What a function did, told from how things are after it ran.

    Attributes
    ----------
    outputs
        The leaves of what it returned.
    returned
        How they are nested.
    updates
        What it changed.
    """

    def __init__(
        self,
        trace: Trace,
        fn: Callable[..., Any],
        returned: Any,
        around: list[tuple[Place, Any]],
    ) -> None:
        self._trace = trace
        self._cells = cells_of(fn)
        self.outputs = [self._output(value) for _, value in leaves(returned)]
        self.returned = rebuild(returned, iter(range(len(self.outputs))))
        self.updates = [
            *self._of_tensors(),
            *self._of_arrays(),
            *self._of_settings(),
            *self._of_optimizers(),
            *self._of_variables(around),
        ]
        self._refuse_overlaps()
        trace.changes.refuse_pending()

    def find_escaped(self) -> None:
        """Find Tensors and arrays that the function left somewhere: they are made anew there."""
        trace = self._trace
        trace.forget_graph()
        if any(ref() is not None for ref in trace.made):
            gc.collect()
        left = {id(value): value for ref in trace.made if (value := ref()) is not None}
        for value in list(left.values()):  # a Tensor made of an array, as by detach()
            left |= {id(h): h for h in gc.get_referrers(value) if isinstance(h, Tensor)}
        ours: list[Any] = [left]
        for value in left.values():
            if id(value) in trace.tensors:
                continue
            atom = self._final(value._array)
            holders = gc.get_referrers(value)
            ours.append(holders)
            for holder in holders:
                if any(holder is own for own in ours):
                    continue
                if isinstance(holder, (list, set)):
                    name = getattr(atom, "name", None) or ""
                    raise TracingError(
                        f"{trace.name}() put the traced value {name!r} into a "
                        f"{type(holder).__name__} that outlives the call. The function runs only "
                        "once, and then its program does: return the value instead."
                    )
                self.updates += [Update(slot, atom) for slot in self._slots(holder, value)]

    def _of_tensors(self) -> Iterator[Update]:
        trace = self._trace
        for tensor, _, _, gradient in list(trace.tensors.values()):
            slot, var = trace.inputs[id(tensor)]
            atom = self._final(tensor._array)
            if atom is not var and not isinstance(slot, GradientSlot):
                yield Update(slot, atom)
            if tensor._grad is not gradient or (
                gradient is not None and var_of(gradient) is not trace.inputs[id(gradient)][1]
            ):
                update = None if tensor._grad is None else self._final(tensor._grad._array)
                yield Update(trace.gradient_slot(tensor), update or Literal(None))

    def _of_arrays(self) -> Iterator[Update]:
        for handle, (var, slot) in self._trace.arguments:
            if handle._var is not var:
                yield Update(slot, handle._var)
        for array, handle, var in self._trace.arrays.values():
            if handle._var is not var:
                yield Update(ArraySlot(array), handle._var)

    def _of_settings(self) -> Iterator[Update]:
        for slot, var, _ in self._trace.items:
            atom = self._final(slot.held)
            if atom is not var:
                yield Update(slot, atom)

    def _of_optimizers(self) -> Iterator[Update]:
        before = {
            (read.slot.parameter, read.slot.key): read.var
            for read in self._trace.reads
            if isinstance(read.slot, StateSlot)
        }
        for optimizer in self._trace.optimizers:
            for parameter, kept in optimizer.state.items():
                for key, value in kept.items():
                    if isinstance(value, (TracedArray, np.ndarray, int, float)):
                        atom = self._final(value)
                        if before.get((parameter, key)) is not atom:
                            yield Update(StateSlot(optimizer.state, parameter, key), atom)

    def _of_variables(self, around: Iterable[tuple[Place, Any]]) -> Iterator[Update]:
        """Yield the changes to variables and attributes that are no arrays.

        What is set anew in every call is set by the program as well. What counts on from the value
        before is refused, since the program cannot know.
        """
        for place, value in around:
            now = place.read_or(value)
            if now is value or isinstance(now, (Tensor, TracedArray, np.ndarray)):
                continue
            if type(value) in (int, float) and type(now) in (int, float) and now != value:
                raise TracingError(
                    f"{self._trace.name}() changes {place.name} from {value!r} to {now!r}, which "
                    "its program cannot repeat, since the function runs only once: make it a "
                    "Tensor and change that in place, or change it outside."
                )
            if is_plain(now):
                slot: Slot
                if isinstance(place.container, CellType):
                    slot = CellSlot(place.container)
                elif isinstance(place.container, dict):
                    slot = ItemSlot(place.container, place.key)
                else:
                    continue
                yield Update(slot, Literal(now))

    def _refuse_overlaps(self) -> None:
        """Raise if an array changed that another one shares a part of its memory with."""
        for one, other, same in self._trace.overlaps:
            for (handle, var), (also, _) in ((one, other), (other, one)):
                if handle._var is not var:
                    if same:
                        raise Merge
                    raise TracingError(
                        f"{self._trace.names.described(handle)} is changed in place by "
                        f"{self._trace.name}(), and shares memory with another array that it "
                        f"uses, of shape {also.shape}: a program cannot repeat that. Copy one."
                    )

    def _final(self, value: Any) -> Atom:
        if isinstance(value, TracedArray):
            return self._trace.changes.fresh(value)._var
        if value.__class__ in NUMBERS or isinstance(value, np.generic):
            return Literal(value)
        return self._trace.known(value)._var

    def _output(self, value: Any) -> Output:
        if isinstance(value, Tensor):
            self._trace.use(value)
            released = value._node is not None and value._node.saved is None
            requires = value._requires_grad and modes.recording and not released
            return Output("tensor", self._final(value._array), requires)
        if isinstance(value, TracedArray):
            return Output("number" if value._var.scalar else "array", self._final(value))
        if isinstance(value, (GeneratorType, CoroutineType)):
            raise TracingError(
                f"{self._trace.name}() returned a {type(value).__name__}, which runs only later: "
                "return arrays, in tuples, lists or dicts."
            )
        if isinstance(value, np.ndarray):
            return Output("array", self._trace.known(value)._var)
        return Output("static", value)

    def _slots(self, holder: Any, value: Any) -> Iterator[Slot]:
        """Yield the places in an object that hold a Tensor or an array."""
        as_tensor = isinstance(value, Tensor)
        if any(holder is cell for cell in self._cells):
            yield CellSlot(holder, as_tensor)
        if not isinstance(holder, dict):
            holder = getattr(holder, "__dict__", None)
        if isinstance(holder, dict):
            for key, held in list(holder.items()):
                if held is value:
                    yield ItemSlot(holder, key, as_tensor)


def restore(trace: Trace) -> None:
    """Give what took part its own values back."""
    for tensor, array, node, gradient in trace.tensors.values():
        tensor._array, tensor._node, tensor._grad = array, node, gradient
    for slot, _, (container, value) in trace.items:
        container[slot.key] = value
    for optimizer in trace.optimizers:
        optimizer.state.clear()
        optimizer.state.update(trace.states[id(optimizer)])


def put_back(trace: Trace, around: Iterable[tuple[Place, Any]]) -> None:
    """Set variables and attributes back; what was left elsewhere becomes a value like any other."""
    for place, value in around:
        if place.read_or(value) is not value:
            place.write(value)
    for ref in trace.made:
        value = ref()
        for left in (value, *gc.get_referrers(value)) if value is not None else ():
            if isinstance(left, Tensor) and id(left) not in trace.tensors:
                held: Any = left._array
                if isinstance(held, TracedArray):
                    left._array = np.asarray(held._example)
                    left._node, left._requires_grad = None, False
    trace.is_over = True


def keep_constants(trace: Trace) -> None:
    """Make constants of arrays that nobody but the trace holds: the function made them."""
    trace.arrays.clear()
    trace.by_array.clear()
    reads = []
    for read in trace.reads:
        slot = read.slot
        if isinstance(slot, ArraySlot) and sys.getrefcount(slot.array) <= 2:
            trace.constants[read.var] = slot.array
        else:
            reads.append(read)
    trace.reads = reads
