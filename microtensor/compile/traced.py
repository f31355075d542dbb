"""The array of a Tensor while a function is traced: it computes, and writes down what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .. import ops
from ..array_methods import ArrayMethods
from ..errors import TracingError
from ..numpy_protocols import CONSTANT, NumPyProtocols
from ..op import IMPLEMENTATIONS, Op
from ..ops.index import prepare
from ..record import apply, apply_unary, tracing_is_over

if TYPE_CHECKING:
    from .program import Var
    from .trace import Trace

__all__ = ["TracedArray"]


class _Flags:
    """What NumPy's ``flags`` say of memory that nobody shares."""

    writeable = c_contiguous = owndata = True


class TracedArray(ArrayMethods, NumPyProtocols):
    """Stands for the array of a Tensor, or an array argument, while a function is traced.

    It behaves as that array, on the values of the example, and every operation becomes an equation.
    Only the values themselves it does not tell, since they will be others in the next call.
    """

    __slots__ = ("__weakref__", "_example", "_trace", "_var")
    _apply = staticmethod(apply)
    _node = None
    _requires_grad = False
    flags = _Flags()
    base = None

    def __init__(self, trace: Trace, var: Var, example: Any) -> None:
        self._trace = trace
        self._var = var
        self._example = example

    @property  # type: ignore[misc]  # object's is not to be overridden
    def __class__(self) -> type:
        """What it stands for: so isinstance(x, np.ndarray) takes the same branch."""
        return TracedArray if self._var.scalar else np.ndarray

    @property
    def _array(self) -> TracedArray:  # type: ignore[override]  # a Tensor's is an attribute
        if self._trace.is_over:
            raise TracingError(tracing_is_over(self._var.name))
        return self

    @property
    def name(self) -> str | None:
        return self._var.name

    @property
    def shape(self) -> tuple[int, ...]:
        return self._var.shape

    @property
    def ndim(self) -> int:
        return self._var.ndim

    @property
    def size(self) -> int:
        return self._var.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._var.dtype

    @property
    def itemsize(self) -> int:
        return self._var.dtype.itemsize

    @property
    def T(self) -> Any:
        return self.transpose()

    def astype(self, dtype: Any, **_: Any) -> Any:
        return apply_unary(ops.astype, self, {"dtype": np.dtype(dtype)})

    @property
    def is_number(self) -> bool:
        return self._var.scalar

    def copy(self, order: str = "C") -> Any:
        if self._var.scalar:
            return ops.full_like(np.zeros((), self.dtype), fill_value=self)
        return apply_unary(ops.copy, self)

    def fill(self, value: Any) -> None:
        self[...] = value

    def __getitem__(self, index: Any) -> Any:
        return apply_unary(ops.getitem, self, {"index": prepare(index)})

    def __setitem__(self, index: Any, value: Any) -> None:
        self._trace.assign(self, ops.setitem, (self, value), {"index": prepare(index)})

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __hash__(self) -> int:
        if self._var.scalar:
            self._trace.specialize(self, "hash")
        return object.__hash__(self)

    # What would tell a value

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        self._trace.specialize(self, "array")
        self._refuse(
            "np.asarray",
            "use it as it is, and np.stack([a, b]) in place of np.array([a, b])",
        )

    def __bool__(self) -> bool:
        self._trace.specialize(self, "bool")
        self._refuse(
            "the truth", "write np.where(condition, a, b) in place of `a if condition else b`"
        )

    def __float__(self) -> float:
        self._trace.specialize(self, "float")
        self._refuse("float()", "leave it an array, and return it")

    def __int__(self) -> int:
        self._trace.specialize(self, "int")
        self._refuse("int()", "leave it an array, with astype(int)")

    def __index__(self) -> int:
        self._trace.specialize(self, "index")
        self._refuse("an index", "index with an array, as x[i] of an array i")

    def __round__(self, digits: int = 0) -> Any:
        self._trace.specialize(self, "round")
        return self.round(digits)

    def __str__(self) -> str:
        self._trace.specialize(self, "str")
        return repr(self)

    def __contains__(self, value: Any) -> NoReturn:
        self._refuse("`in`", "write np.any(x == value), which is an array")

    def item(self, *_: Any) -> NoReturn:
        self._refuse("item()", "return the array, and call item() on what the function returns")

    def tolist(self) -> NoReturn:
        self._refuse("tolist()", "return the array, and call tolist() on what comes back")

    def nonzero(self) -> NoReturn:
        self._refuse("nonzero()", "write np.where(condition, a, b), whose shape is known")

    def __format__(self, spec: str) -> str:
        self._trace.specialize(self, "format")
        if spec:
            self._refuse("the value, to format it,", "return it, and print what comes back")
        return repr(self)

    def __repr__(self) -> str:
        return f"traced({self._var.name or ''} {self.dtype}{list(self.shape)})"

    def _refuse(self, what: str, instead: str) -> NoReturn:
        raise TracingError(
            f"{self._trace.names.described(self)} was asked for {what} while {self._trace.name}() "
            f"was traced. Its value differs from call to call, and the program is to serve for "
            f"all: {instead}."
        )

    # NumPy's protocols, in place as well

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "at":
            target, index, values = inputs
            if ufunc is not np.add or not isinstance(target, TracedArray):
                self._refuse(f"np.{ufunc.__name__}.at", "use np.add.at, or mt.where")
            index = prepare(index)
            values = ops.zeros_like(ops.getitem(target, index)) + values
            added = ops.index.scatter_add(values, index, target.shape)
            self._trace.assign(target, ops.add, (target, added), {})
            return None
        out = kwargs.pop("out", None)
        if out is None:
            return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)
        if not isinstance(out[0], TracedArray):
            self._refuse(f"out= of np.{ufunc.__name__}", "use the result that it returns")
        result = super().__array_ufunc__(ufunc, method, *inputs, **kwargs)
        out[0][...] = result
        return out[0]

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if function in CONSTANT:
            return self._trace.call(function, args, kwargs)
        if function not in IMPLEMENTATIONS:
            for value in (*args, *kwargs.values()):
                if isinstance(value, TracedArray):
                    self._trace.specialize(value, "number")
        return super().__array_function__(function, types, args, kwargs)


def _in_place(op: Op) -> Callable[[TracedArray, Any], TracedArray]:
    def operator(self: TracedArray, other: Any) -> TracedArray:
        self._trace.assign(self, op, (self, other), {})
        return self

    return operator


for _name, _op in {
    "__iadd__": ops.add,
    "__isub__": ops.subtract,
    "__imul__": ops.multiply,
    "__itruediv__": ops.divide,
    "__ifloordiv__": ops.floor_divide,
    "__imod__": ops.remainder,
    "__ipow__": ops.power,
    "__imatmul__": ops.matmul,
    "__iand__": ops.bitwise_and,
    "__ior__": ops.bitwise_or,
    "__ixor__": ops.bitwise_xor,
}.items():
    setattr(TracedArray, _name, _in_place(_op))
