"""Running a program natively as a caller does: the places found, bound, and looked at again."""

from __future__ import annotations

from typing import Any

import numpy as np

from microtensor.compile.native import NativeKernel
from microtensor.compile.program import Literal, Program, Var
from microtensor.compile.slots import ArgumentSlot, TensorSlot
from microtensor.func.trees import leaves
from microtensor.op import Recordable

Array = np.ndarray[Any, Any]


class Bound:
    """A kernel with its arguments, and parameters that it changes in place."""

    def __init__(self, program: Program, *args: Any) -> None:
        self.program = program
        self.kernel = NativeKernel(program)
        given = [value for _, value in leaves((args, {}))]
        for i, (var, slot) in enumerate(program.reads):
            value = given[slot.position] if isinstance(slot, ArgumentSlot) else slot.read()
            if var.scalar:
                self.kernel.set_scalar(i, value)
                continue
            array = np.asarray(value._array if isinstance(value, Recordable) else value)
            self.kernel.set_read(i, np.ascontiguousarray(array).reshape(var.shape))
        places = {
            update.atom: update.slot.read()
            for update in program.updates
            if isinstance(update.slot, TensorSlot)
        }
        self.places = [
            places.get(var, np.zeros(var.shape, var.dtype)) for var in self.kernel.results
        ]
        for j, place in enumerate(self.places):
            self.kernel.set_result(j, place)

    def value(self, atom: Var | Literal) -> Any:
        """Return what an output or update is now."""
        if isinstance(atom, Literal):
            return atom.value
        return self.places[self.kernel.results.index(atom)]

    def outputs(self) -> list[Any]:
        """Do a step, and return the outputs."""
        self.kernel.run()
        return [self.value(x.atom) for x in self.program.outputs if x.kind != "static"]
