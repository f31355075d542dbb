"""The `Tensor`: an array, how it was made, and its gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import ops
from .array_methods import ArrayMethods
from .diagnosis import called
from .errors import GradientError, InPlaceError, ShapeError
from .gradients import Gradients
from .in_place_methods import InPlaceMethods
from .inplace import clock
from .notebook import Shown
from .numpy_protocols import NumPyProtocols
from .ops.index import prepare
from .pytorch_names import PyTorchNames
from .record import apply, apply_unary, copied, current_array, leaf_of, numeric, tensor_class

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Tensor", "tensor"]

ArrayLike = Any

_TRANSPOSED: dict[str, Any] = {"axes": None}


@tensor_class
class Tensor(ArrayMethods, InPlaceMethods, Gradients, NumPyProtocols, PyTorchNames, Shown):
    """An n-dimensional array that records how it was made, so that it can be differentiated.

    It has NumPy's operators, methods and indexing, and NumPy's functions take it. What is computed
    from a tensor that requires a gradient requires one too, and is recorded; `backward` then gives
    the gradients of the tensors that were not computed, the leaves.

    Parameters
    ----------
    data
        Numbers: an array, a number, (nested) lists. They are copied.
    dtype
        The NumPy dtype; by default NumPy's choice: float64 for Python floats.
    requires_grad
        Whether `backward` is to compute the gradient with respect to this tensor.
    name
        What drawings, comparisons and messages call it.

    Raises
    ------
    DtypeError
        If the data is not real numbers, or requires a gradient and is not floating-point.
    ShapeError
        If nested lists are ragged.

    Examples
    --------
    >>> import microtensor as mt
    >>> w = mt.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> loss = (w**2).sum()
    >>> loss
    tensor(14., op=sum)
    >>> loss.backward()
    >>> w.grad
    tensor([2., 4., 6.])
    """

    __slots__ = ("__weakref__",)
    _apply = staticmethod(apply)

    def __init__(
        self,
        data: ArrayLike,
        *,
        dtype: npt.DTypeLike | None = None,
        requires_grad: bool = False,
        name: str | None = None,
    ) -> None:
        self._array = copied(data, dtype)
        self._grad = None
        self._node = None
        self._requires_grad = False
        if requires_grad:
            self._set_requires_grad(True)  # assigned, it would hide the property from mkdocstrings
        if name is not None:
            self.name = name

    # What it is

    @property
    def data(self) -> npt.NDArray[Any]:
        """The values, as an array that shares memory with the tensor.

        Changes made to it are not recorded and not noticed: a graph that saved the old values
        will use the new ones. Assign to it (``w.data -= lr * g``) or use in-place operators under
        `no_grad` instead.
        """
        array: npt.NDArray[Any] = current_array(self)
        if isinstance(array, np.generic):  # of a result without axes
            self._array = array = np.asarray(array)
        return array

    @data.setter
    def data(self, value: ArrayLike) -> None:
        if not self.is_leaf:
            raise InPlaceError(
                f"The data of {self._computed()}, and cannot be assigned: its gradient would "
                "belong to other values. Assign to a leaf, or to t.detach()."
            )
        if value is self._array:
            clock.mark_changed(value)
            return
        array = numeric(value, current_array(self).dtype, copy=False)
        if array.shape != self.shape:
            raise ShapeError(
                f"The data of {called(self)} cannot take shape {array.shape}: make a new tensor."
            )
        self._array = array

    @property
    def name(self) -> str | None:
        """What drawings, comparisons and messages call the tensor."""
        return None if self._node is None else self._node.name

    @name.setter
    def name(self, value: str | None) -> None:
        if not isinstance(value, (str, type(None))):
            raise TypeError(f"A name is a string, and this is {value!r}")
        leaf_of(self).name = value

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the elements."""
        return self._array.dtype

    @property
    def base(self) -> Any:
        """The array that owns the memory, if it is not the tensor's own, as in NumPy."""
        return self._array.base

    @property
    def T(self) -> Tensor:
        """The tensor with its axes reversed: of a matrix, its transpose."""
        return apply_unary(ops.transpose, self, _TRANSPOSED)

    def __repr__(self) -> str:
        body = np.array2string(self.data, separator=", ", prefix="tensor(")
        if self.size == 0 or self.dtype not in (np.float64, np.int64, np.bool_):
            body += f", dtype={self.dtype}"
        if self.name is not None:
            body += f", name={self.name!r}"
        if not self.is_leaf:
            body += f", op={self._op_name()}"
        elif self._requires_grad:
            body += ", requires_grad=True"
        return f"tensor({body})"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def numpy(self) -> npt.NDArray[Any]:
        """Return the values as an array that shares memory with the tensor, without a history."""
        return self.data

    def item(self) -> float:
        """Return the only element as a Python number.

        Raises
        ------
        ShapeError
            If there is not exactly one.
        """
        array = current_array(self)
        if array.size != 1:
            raise ShapeError(f"item() needs one element, and {called(self)} has {array.size}.")
        return array.item()  # type: ignore[no-any-return] # a float or an int, as the dtype is

    def tolist(self) -> Any:
        """Return the values as nested lists of Python numbers."""
        return self.data.tolist()

    # Indexing and conversion

    def __getitem__(self, index: Any) -> Tensor:
        if index.__class__ is not int and index.__class__ is not slice:
            index = prepare(index)
        return apply_unary(ops.getitem, self, {"index": index})

    def __len__(self) -> int:
        if self._array.ndim == 0:
            raise TypeError("len() of a tensor without axes")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        if self._array.ndim == 0:
            raise TypeError("A tensor without axes cannot be iterated over")
        return (self[i] for i in range(len(self._array)))

    def __contains__(self, value: ArrayLike) -> bool:
        return value.numpy() in self.data if isinstance(value, Tensor) else value in self.data

    def __bool__(self) -> bool:
        if self._array.size != 1:
            raise ShapeError(
                f"The truth of {called(self)}, with {self._array.size} elements, is ambiguous: "
                "use .any() or .all()."
            )
        return bool(current_array(self))

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        return self.data.__index__()

    def __copy__(self) -> Tensor:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return self._rebuilt(self.data.copy())

    def __reduce__(self) -> tuple[Any, ...]:
        self._must_be_leaf("pickled")
        return _unpickle, (type(self), self.data, self._requires_grad, self.name)

    def _rebuilt(self, data: npt.NDArray[Any]) -> Tensor:
        self._must_be_leaf("deep-copied")
        return _unpickle(type(self), data, self._requires_grad, self.name)

    def _must_be_leaf(self, done: str) -> None:
        if not self.is_leaf:
            raise GradientError(
                f"{self._computed()}, and cannot be {done} with its history: use t.detach() for "
                "the values, or t.copy() for a recorded copy."
            )


def tensor(
    data: ArrayLike,
    *,
    dtype: npt.DTypeLike | None = None,
    requires_grad: bool = False,
    name: str | None = None,
) -> Tensor:
    """Make a `Tensor` of a copy of ``data``; see `Tensor` for the parameters and errors.

    >>> import microtensor as mt
    >>> mt.tensor([[1, 2], [3, 4]], dtype=float, name="W")
    tensor([[1., 2.],
            [3., 4.]], name='W')
    """
    return Tensor(data, dtype=dtype, requires_grad=requires_grad, name=name)


def _unpickle(kind: type[Tensor], data: Any, requires_grad: bool, name: str | None) -> Tensor:
    out = kind.__new__(kind)
    Tensor.__init__(out, data, requires_grad=requires_grad, name=name)
    return out
