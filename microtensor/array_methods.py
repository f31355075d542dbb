"""What Tensors share with NumPy's arrays: the operators, and the methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from . import ops
from .errors import ShapeError, UnsupportedError
from .op import Op, Recordable, unknown_argument
from .ops import cumulative, rearrange, rounding, select
from .record import apply_binary, apply_unary, checked, current_array, wrap

if TYPE_CHECKING:
    import numpy.typing as npt

    from .tensor import Tensor

__all__ = ["ArrayMethods"]

ArrayLike = Any
Axis = int | tuple[int, ...] | None

_WHOLE: dict[str, Any] = {"axis": None, "keepdims": False}


class ArrayMethods(Recordable):
    """The operators and methods of NumPy's arrays, recorded."""

    __slots__ = ()

    # Operators

    def __add__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.add, self, other)

    def __radd__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.add, other, self)

    def __sub__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.subtract, self, other)

    def __rsub__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.subtract, other, self)

    def __mul__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.multiply, self, other)

    def __rmul__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.multiply, other, self)

    def __truediv__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.divide, self, other)

    def __rtruediv__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.divide, other, self)

    def __floordiv__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.floor_divide, self, other)

    def __rfloordiv__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.floor_divide, other, self)

    def __mod__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.remainder, self, other)

    def __rmod__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.remainder, other, self)

    def __pow__(self, other: ArrayLike) -> Tensor:
        if other.__class__ is int and other == 2:
            return apply_unary(ops.square, self)
        return apply_binary(ops.power, self, other)

    def __rpow__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.power, other, self)

    def __matmul__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.matmul, self, other)

    def __rmatmul__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.matmul, other, self)

    def __neg__(self) -> Tensor:
        return apply_unary(ops.negative, self)

    def __pos__(self) -> Tensor:
        return apply_unary(ops.positive, self)

    def __abs__(self) -> Tensor:
        return apply_unary(ops.absolute, self)

    def __invert__(self) -> Tensor:
        return apply_unary(ops.invert, self)

    def __and__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.bitwise_and, self, other)

    def __or__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.bitwise_or, self, other)

    def __xor__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.bitwise_xor, self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __lt__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.less, self, other)

    def __le__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.less_equal, self, other)

    def __gt__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.greater, self, other)

    def __ge__(self, other: ArrayLike) -> Tensor:
        return apply_binary(ops.greater_equal, self, other)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]  # NumPy's: an element each
        return apply_binary(ops.equal, self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]  # NumPy's: an element each
        return apply_binary(ops.not_equal, self, other)

    __hash__ = object.__hash__

    # NumPy's methods

    def sum(self, axis: Axis = None, keepdims: bool = False, **unknown: Any) -> Tensor:
        """Add up the elements, or those along ``axis``."""
        if unknown:
            _refuse(ops.sum, unknown)
        params = (
            _WHOLE if axis is None and keepdims is False else {"axis": axis, "keepdims": keepdims}
        )
        return apply_unary(ops.sum, self, params)

    def mean(self, axis: Axis = None, keepdims: bool = False, **unknown: Any) -> Tensor:
        """Average the elements, or those along ``axis``."""
        if unknown:
            _refuse(ops.mean, unknown)
        return apply_unary(ops.mean, self, {"axis": axis, "keepdims": keepdims})

    def max(self, axis: Axis = None, keepdims: bool = False, **unknown: Any) -> Tensor:
        """Return the largest element; a tie splits the gradient evenly."""
        if unknown:
            _refuse(ops.max, unknown)
        return apply_unary(ops.max, self, {"axis": axis, "keepdims": keepdims})

    def min(self, axis: Axis = None, keepdims: bool = False, **unknown: Any) -> Tensor:
        """Return the smallest element; a tie splits the gradient evenly."""
        if unknown:
            _refuse(ops.min, unknown)
        return apply_unary(ops.min, self, {"axis": axis, "keepdims": keepdims})

    def prod(self, axis: Axis = None, keepdims: bool = False, **unknown: Any) -> Tensor:
        """Multiply the elements, or those along ``axis``."""
        if unknown:
            _refuse(ops.prod, unknown)
        return apply_unary(ops.prod, self, {"axis": axis, "keepdims": keepdims})

    def var(
        self, axis: Axis = None, ddof: float = 0, keepdims: bool = False, **unknown: Any
    ) -> Tensor:
        """Return the variance, dividing by ``n - ddof``; PyTorch divides by n - 1."""
        if unknown:
            _refuse(ops.var, unknown)
        return apply_unary(ops.var, self, {"axis": axis, "ddof": ddof, "keepdims": keepdims})

    def std(
        self, axis: Axis = None, ddof: float = 0, keepdims: bool = False, **unknown: Any
    ) -> Tensor:
        """Return the standard deviation, over ``n - ddof``; its gradient at 0 is 0."""
        if unknown:
            _refuse(ops.std, unknown)
        return apply_unary(ops.std, self, {"axis": axis, "ddof": ddof, "keepdims": keepdims})

    def argmax(self, axis: int | None = None, keepdims: bool = False, **unknown: Any) -> Tensor:
        """Return the position of the largest element, a constant."""
        if unknown:
            _refuse(ops.argmax, unknown)
        return apply_unary(ops.argmax, self, {"axis": axis, "keepdims": keepdims})

    def argmin(self, axis: int | None = None, keepdims: bool = False, **unknown: Any) -> Tensor:
        """Return the position of the smallest element, a constant."""
        if unknown:
            _refuse(ops.argmin, unknown)
        return apply_unary(ops.argmin, self, {"axis": axis, "keepdims": keepdims})

    def all(self, axis: Axis = None, keepdims: bool = False, **unknown: Any) -> Tensor:
        """Tell whether all elements are true, a constant."""
        if unknown:
            _refuse(ops.all, unknown)
        return apply_unary(ops.all, self, {"axis": axis, "keepdims": keepdims})

    def any(self, axis: Axis = None, keepdims: bool = False, **unknown: Any) -> Tensor:
        """Tell whether an element is true, a constant."""
        if unknown:
            _refuse(ops.any, unknown)
        return apply_unary(ops.any, self, {"axis": axis, "keepdims": keepdims})

    def reshape(self, *shape: Any) -> Tensor:
        """Return the elements in another shape of the same size; one length may be -1."""
        if len(shape) == 1:
            (shape,) = shape
        return apply_unary(ops.reshape, self, {"shape": shape})

    def ravel(self) -> Tensor:
        """Return the elements along one axis."""
        return apply_unary(ops.ravel, self)

    def flatten(self, *axes: Any, **unknown: Any) -> Tensor:
        """Return a copy of the elements along one axis."""
        if axes or unknown:
            raise UnsupportedError(
                "flatten() makes one axis of all, as NumPy's: F.flatten(t, 1) keeps the first."
            )
        return self.ravel().copy()

    def transpose(self, *axes: Any) -> Tensor:
        """Return the axes reversed, or in the order given."""
        if len(axes) == 2 and len(shape := self._array.shape) > 2:
            raise ShapeError(
                f"transpose{axes} of a tensor of shape {shape}: it takes all {len(shape)} axes "
                f"in their new order, as NumPy's. To exchange two, write t.swapaxes{axes}."
            )
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return apply_unary(ops.transpose, self, {"axes": order})

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Exchange two axes."""
        return apply_unary(ops.swapaxes, self, {"axis1": axis1, "axis2": axis2})

    def squeeze(self, axis: Axis = None) -> Tensor:
        """Drop the axes of length 1, or those given."""
        return apply_unary(ops.squeeze, self, {"axis": axis})

    def dot(self, other: ArrayLike) -> Tensor:
        """Multiply as `numpy.dot`."""
        result: Tensor = ops.dot(self, other)
        return result

    def clip(self, min: ArrayLike = None, max: ArrayLike = None) -> Tensor:
        """Limit the elements to between ``min`` and ``max``."""
        result: Tensor = ops.clip(self, min, max)
        return result

    def astype(self, dtype: npt.DTypeLike) -> Tensor:
        """Convert to another dtype; to one that is not floating-point, the result is a constant."""
        wanted = np.dtype(dtype)
        if wanted.kind == "f":
            return apply_unary(ops.astype, self, {"dtype": wanted})
        return wrap(checked(current_array(self).astype(wanted)))

    def cumsum(self, axis: int | None = None) -> Tensor:
        """Return the running sums, along ``axis`` or of the flattened elements."""
        return apply_unary(cumulative.cumsum, self, {"axis": axis})

    def cumprod(self, axis: int | None = None) -> Tensor:
        """Return the running products, along ``axis`` or of the flattened elements."""
        return apply_unary(cumulative.cumprod, self, {"axis": axis})

    def repeat(self, repeats: ArrayLike, axis: int | None = None) -> Tensor:
        """Repeat each element, along ``axis`` or of the flattened elements."""
        return apply_unary(rearrange.repeat, self, {"repeats": repeats, "axis": axis})

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """Return the elements on a diagonal."""
        result: Tensor = rearrange.diagonal(self, offset, axis1, axis2)
        return result

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """Add up the elements on a diagonal."""
        result: Tensor = rearrange.trace(self, offset, axis1, axis2)
        return result

    def take(self, indices: ArrayLike, axis: int | None = None, mode: str = "raise") -> Tensor:
        """Return the elements at ``indices``, along ``axis`` or of the flattened elements."""
        result: Tensor = select.take(self, indices, axis, mode)
        return result

    def compress(self, condition: ArrayLike, axis: int | None = None) -> Tensor:
        """Return the slices along ``axis`` for which ``condition`` holds."""
        result: Tensor = select.compress(condition, self, axis)
        return result

    def choose(self, choices: Any, mode: str = "raise") -> Tensor:
        """Return at each place the element of the choice that this has the number of."""
        result: Tensor = select.choose(self, choices, mode)
        return result

    def round(self, decimals: int = 0) -> Tensor:
        """Round to ``decimals``; the result is flat."""
        return apply_unary(rounding.round, self, {"decimals": decimals})

    def nonzero(self) -> tuple[npt.NDArray[np.intp], ...]:
        """Return the indices of the elements that are not 0, constants."""
        return np.nonzero(current_array(self))

    def argsort(self, axis: int | None = -1, *, stable: bool = False) -> npt.NDArray[np.intp]:
        """Return the indices that would sort along ``axis``, constants."""
        return np.argsort(current_array(self), axis, kind="stable" if stable else None)

    def searchsorted(self, v: ArrayLike, side: Any = "left") -> Any:
        """Return where to insert ``v`` to keep this sorted, constants."""
        return np.searchsorted(self, v, side)  # type: ignore[call-overload]  # by its protocol

    def sort(self, *_: Any, **__: Any) -> NoReturn:
        """Raise: NumPy's method sorts in place, which would lose the gradient."""
        raise UnsupportedError("An array's sort() is in place: use np.sort(t), or mt.sort(t).")

    def partition(self, *_: Any, **__: Any) -> NoReturn:
        """Raise: NumPy's method changes the array in place, which would lose the gradient."""
        raise UnsupportedError("An array's partition() is in place: use np.partition(t, kth).")

    def copy(self) -> Tensor:
        """Return a copy, recorded: its gradient is that of the original."""
        return apply_unary(ops.copy, self)


def _refuse(op: Op, unknown: dict[str, Any]) -> NoReturn:
    raise UnsupportedError(unknown_argument(op.name, next(iter(unknown)), list(op.parameters)))
