"""Changing a Tensor in place: operators such as ``+=``, assignment to parts, another dtype.

Under `no_grad` the array itself changes. While operations are recorded, the Tensor becomes another
value, so that gradients stay right; a leaf that requires one refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from . import ops
from .diagnosis import called, explain
from .errors import DtypeError, InPlaceError, TracingError
from .gradients import Gradients
from .inplace import clock
from .op import Op, Recordable
from .ops.index import prepare
from .record import NUMBERS, apply_binary, current_trace, lift, wrap
from .state import modes, structure

if TYPE_CHECKING:
    import numpy.typing as npt

    from .tensor import Tensor

__all__ = ["InPlaceMethods"]

ArrayLike = Any


def _in_place(op: Op, ufunc: np.ufunc) -> Callable[[Tensor, ArrayLike], Tensor]:
    """Return the in-place operator that does ``op``."""

    def operator(self: Tensor, other: ArrayLike) -> Tensor:
        if modes.recording:
            if self._requires_grad and self.is_leaf:
                self._refuse_in_place()
            return apply_binary(op, self, other)
        trace = current_trace()
        if trace is not None:
            trace.change(op, self, other)
            return self
        data = self._array
        if data.__class__ is not np.ndarray or data.base is not None:
            data = self._writable()
        try:
            ufunc(data, other._array if isinstance(other, Recordable) else other, data)
        except (TypeError, ValueError) as error:
            raise explain(op, (self, other), error) from None
        clock.mark_changed(data)
        return self

    return operator


class InPlaceMethods(Gradients):
    """The operators and methods that change a Tensor in place."""

    __slots__ = ()
    data: npt.NDArray[Any]
    name: str | None

    __iadd__ = _in_place(ops.add, np.add)
    __isub__ = _in_place(ops.subtract, np.subtract)
    __imul__ = _in_place(ops.multiply, np.multiply)
    __itruediv__ = _in_place(ops.divide, np.divide)
    __ifloordiv__ = _in_place(ops.floor_divide, np.floor_divide)
    __imod__ = _in_place(ops.remainder, np.remainder)
    __ipow__ = _in_place(ops.power, np.power)
    __imatmul__ = _in_place(ops.matmul, np.matmul)

    def __setitem__(self, index: Any, value: ArrayLike) -> None:
        if not isinstance(value, Gradients):
            value = value if value.__class__ in NUMBERS else lift(value)
        tracked = self._requires_grad or (isinstance(value, Gradients) and value._requires_grad)
        if modes.recording and tracked:
            if self._requires_grad and self.is_leaf:
                self._refuse_in_place()
            if self._array.dtype.kind != "f":
                raise DtypeError(
                    f"{called(self)} has dtype {self._array.dtype} and cannot take values that "
                    "require a gradient: make it floating-point, with astype(float)."
                )
            changed = ops.setitem(self, value, prepare(index))
            changed.name = self.name
            self._array, self._node, self._requires_grad = changed._array, changed._node, True
            return
        data = self._writable()
        try:
            data[prepare(index)] = value._array if isinstance(value, Gradients) else value
        except (IndexError, TypeError, ValueError) as error:
            raise explain(ops.setitem, (self, value), error, index=index) from None
        clock.mark_changed(data)

    def _writable(self) -> npt.NDArray[Any]:
        data = self.data
        if not data.flags.writeable:
            data = self._array = data.copy()
        return data

    def _refuse_in_place(self) -> NoReturn:
        raise InPlaceError(
            f"{called(self)} is a leaf that requires a gradient, and cannot be changed in place "
            "while operations are recorded. Do it in a `with mt.no_grad():` block, as an update of "
            "weights, or write t = t + ... for a new tensor."
        )

    def _convert(self, dtype: np.dtype[Any]) -> None:
        """Become another floating-point dtype, as a leaf, with the gradient; integers stay."""
        if current_trace() is not None:
            raise TracingError(
                f"{called(self)} would become {dtype} in a function that is traced, which a "
                "program cannot repeat: convert before, or compute with astype()."
            )
        data = self.data
        if data.dtype.kind != "f" or data.dtype == dtype:
            return
        structure.version += 1
        self._array = data.astype(dtype)
        self._renew_leaf()
        if self._grad is not None:
            self._grad = wrap(self._grad.data.astype(dtype))
