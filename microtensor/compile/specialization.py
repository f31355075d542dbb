"""What is compiled for one kind of call: these shapes, this structure, this mode."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..func.trees import leaves
from ..op import Recordable
from ..tensor import Tensor
from .batch_last import OF_IMAGES, batch_last
from .commit import in_place, needed_reads
from .entry import BUSY, MISS, Entry
from .guards import Surroundings
from .kernel import Kernel, Repeating
from .lower import lowered
from .numpy_backend import NumPyKernel
from .peephole import cast_beforehand, cheaper
from .program import Program, Var
from .pullback import Pullback
from .simplify import is_impure, simplified
from .slots import ArgumentSlot, GradientSlot, StateSlot
from .trace import Trace
from .tracing import traced

if TYPE_CHECKING:
    from .compiled import Compiled

__all__ = ["Specialization"]


class Specialization:
    """A program, its kernel, and the way into it.

    Attributes
    ----------
    structure
        How the arguments are nested.
    program
        What was traced, for people.
    kernel
        What runs.
    entry
        What a call runs through.
    seconds
        How long tracing and compiling took.
    """

    def __init__(
        self,
        compiled: Compiled[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        structure: Any,
    ) -> None:
        start = time.perf_counter()
        given = [leaf for _, leaf in leaves((args, kwargs))]
        program, trace = traced(compiled.fn, args, kwargs)
        self.structure = structure
        self.static = trace.static
        """The names of the numbers that decided what the function does."""
        self.program: Program = simplified(program)
        self._as_written = False
        self._pullback = self._history(compiled, trace, given)
        self.kernel = _kernel(self.program, compiled.backend)
        self.entry = Entry(
            self.kernel.program,
            self.kernel,
            lambda names: Surroundings(compiled.fn, given, trace, names),
            given,
            trace,
            compiled.reuse_results,
        )
        self._may_repeat = self._can_repeat(trace)
        self.kernel.forget()
        self.seconds = time.perf_counter() - start

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the program, and give its results their histories.

        `MISS` says that it does not fit the call, `BUSY` that the function is to run as written.
        """
        given = [leaf for _, leaf in leaves((args, kwargs))]
        if self._as_written:
            return MISS if self.entry.fits(*given) is MISS else BUSY
        result = self.entry.call(*given)
        if self._pullback is None or result is MISS or result is BUSY:
            return result
        return self._pullback.attach(result, args, kwargs)

    @property
    def classes(self) -> str:
        """Which class indices the program looks at: ``"none"``, ``"all"``, or ``"counted"`` ones.

        Those that do not count (``ignore_index``) were taken out before, if the example had any.
        """
        makers: dict[Any, str] = {}
        found = "none"
        for equation in self.program.equations:
            makers[equation.out] = equation.op.name
            if equation.op.name == "class_indices":
                found = "counted" if makers.get(equation.inputs[0]) == "where" else "all"
        return found

    @property
    def is_direct(self) -> bool:
        """Whether the results are what the entry returns."""
        return self._pullback is None and not self._as_written

    def repeats(
        self,
        n: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        stacks: Sequence[Any],
        done: int,
    ) -> bool:
        """Run the program ``n`` times in the kernel, if it can; results go behind the ``done``."""
        if not self._may_repeat:
            return False
        given = [leaf for _, leaf in leaves((args, kwargs))]
        outputs = self.kernel.program.outputs
        kept = {output.atom: stack[done:] for output, stack in zip(outputs, stacks, strict=True)}
        result = self.entry.repeat(*given, n, kept)
        return result is not MISS and result is not BUSY

    def _can_repeat(self, trace: Trace) -> bool:
        """Tell whether the kernel can do several steps by itself.

        All that one step leaves for the next must be in arrays that it changes in place.
        """
        program = self.kernel.program
        outputs = [output.atom for output in program.outputs]
        if not self.is_direct or not isinstance(self.kernel, Repeating):
            return False
        if not all(isinstance(a, Var) and not a.scalar for a in outputs):
            return False
        if len(set(outputs)) < len(outputs) or any(there for _, _, there in trace.gradients):
            return False
        changes = in_place(program)
        read = {read.slot.place for read in program.reads}
        looked_at = {id(tensor) for tensor, _, _ in trace.gradients}
        for i, (slot, atom) in enumerate(program.updates):
            if i in changes:
                continue
            if isinstance(slot, GradientSlot):
                if isinstance(atom, Var) and id(slot.tensor) in looked_at:
                    return False
            elif not isinstance(slot, StateSlot):
                return False
            if slot.place in read or (isinstance(atom, Var) and atom.scalar):
                return False
        return True

    def explained(self) -> str:
        """Say how everything is computed, and what it took."""
        took = f"traced and compiled in {self.seconds:.3f} s"
        if getattr(self.kernel, "from_cache", False):
            took += ", the native code from the disk"
        if self._as_written:
            return f"{self.program.name}() runs as written: {_AS_WRITTEN}"
        return "\n".join([f"{self.program.name}(): {took}", *self.kernel.explain()])

    def _history(
        self, compiled: Compiled[..., Any], trace: Trace, given: Sequence[Any]
    ) -> Pullback | None:
        """Return what gives the results their histories, if they need any."""
        outputs = [i for i, output in enumerate(self.program.outputs) if output.requires_grad]
        if not outputs:
            return None
        others = trace.leaves_beside_arguments()
        draws = any(is_impure(equation.op) for equation in self.program.equations)
        if others is None or draws or self.program.updates:
            self._as_written = True
            return None
        arguments = [i for i, x in enumerate(given) if isinstance(x, Tensor) and x._requires_grad]

        def compile_alike(fn: Callable[..., Any]) -> Compiled[..., Any]:
            return type(compiled)(fn, compiled.backend, compiled.reuse_results)

        return Pullback(compiled.__name__, compiled.fn, outputs, arguments, others, compile_alike)


_AS_WRITTEN = (
    "its results are to be differentiated, and it draws random numbers or changes something, which "
    "going back would repeat. Compile the training step as a whole."
)


def _kernel(program: Program, backend: str) -> Kernel:
    values = [*(r.var for r in program.reads), *(e.out for e in program.equations)]
    if backend == "numba" and all(v.dtype.isnative and v.size for v in values):
        from .native.expand import EXPANDED
        from .numba_backend import NumbaKernel

        low = needed_reads(simplified(batch_last(lowered(program, EXPANDED | OF_IMAGES))))
        return NumbaKernel(low, _not_contiguous(low))
    low = simplified(batch_last(lowered(program, OF_IMAGES)))
    low = needed_reads(cast_beforehand(simplified(cheaper(low))))
    return NumPyKernel(low, _not_contiguous(low))


def _not_contiguous(program: Program) -> frozenset[Var]:
    """Return the values whose arrays are not contiguous now."""
    found = set()
    for var, slot in program.reads:
        if not isinstance(slot, ArgumentSlot) and not var.scalar:
            value = slot.read()
            array = value._array if isinstance(value, Recordable) else value
            if not np.asarray(array).flags.c_contiguous:
                found.add(var)
    return frozenset(found)
