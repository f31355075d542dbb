"""The `Tensor`: an array, how it was made, and its gradients."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from . import engine, hooks, ops
from .array_methods import ArrayMethods
from .diagnosis import called, explain
from .errors import DtypeError, GradientError, InPlaceError, ShapeError, TracingError
from .inplace import clock
from .notebook import Shown
from .numpy_protocols import NumPyProtocols
from .op import Node
from .ops.index import prepare
from .pytorch_names import PyTorchNames
from .record import (
    NUMBERS,
    apply,
    apply_unary,
    as_tensor,
    current_array,
    current_trace,
    leaf_of,
    lift,
    lifted,
    numeric,
    tensor_class,
    wrap,
)
from .state import enable_grad, modes, structure

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Tensor", "tensor"]

ArrayLike = Any

_TRANSPOSED: dict[str, Any] = {"axes": None}


@tensor_class
class Tensor(ArrayMethods, NumPyProtocols, PyTorchNames, Shown):
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

    __slots__ = ("__weakref__", "_array", "_grad", "_node", "_requires_grad")
    _apply = staticmethod(apply)
    _array: npt.NDArray[Any]
    _grad: Tensor | None
    _node: Node | None
    _requires_grad: bool

    def __init__(
        self,
        data: ArrayLike,
        *,
        dtype: npt.DTypeLike | None = None,
        requires_grad: bool = False,
        name: str | None = None,
    ) -> None:
        trace = current_trace()
        if trace is not None and type(data) is np.ndarray:
            data = trace.known(data)
        self._array = numeric(data, dtype, copy=True)
        self._grad = None
        self._node = None
        self._requires_grad = False
        if requires_grad:
            self.requires_grad = True
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
        array = current_array(self)
        if isinstance(array, np.generic):  # of a result without axes
            self._array = array = np.asarray(array)
        return array  # type: ignore[no-any-return]

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
    def grad(self) -> Tensor | None:
        """The gradient that `backward` accumulated, of the same shape; ``None`` before that.

        Only leaves have one: `microtensor.autograd.grad` gives those of intermediate tensors.
        """
        trace = current_trace()
        if trace is not None:
            trace.look_at_gradient(self)
        if self._grad is None and self._requires_grad and not self.is_leaf:
            warnings.warn(
                f"{self._computed()}, and backward() keeps the gradients of leaves only: use "
                "mt.autograd.grad(loss, [t]) for this one, or t.retain_grad() before.",
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: ArrayLike | None) -> None:
        trace = current_trace()
        if trace is not None:
            trace.set_gradient(self)
        if value is None:
            self._grad = None
            return
        gradient = value if isinstance(value, Tensor) else Tensor(value, dtype=self.dtype)
        if gradient.dtype != self.dtype:
            gradient = gradient.astype(self.dtype)
        if gradient.shape != self.shape:
            raise ShapeError(
                f"The gradient of {called(self)} has its shape {self.shape}, not {gradient.shape}."
            )
        self._grad = gradient

    @property
    def requires_grad(self) -> bool:
        """Whether `backward` computes a gradient with respect to this tensor, or through it."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value == self._requires_grad:
            return
        if not self.is_leaf:
            raise GradientError(
                f"{self._computed()}, and requires a gradient because its inputs do. t.detach() is "
                "the same data without a history."
            )
        if value and self._array.dtype.kind != "f":
            raise DtypeError(
                f"{called(self)} has dtype {self.dtype}, and only floating-point tensors can "
                "require a gradient: write 1.0 for 1, or give dtype=float."
            )
        structure.version += 1
        self._requires_grad = bool(value)
        self._renew_leaf()

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

    def _renew_leaf(self) -> None:
        """Forget the node, which says what the tensor was; its name and its hooks stay."""
        before, self._node = self._node, None
        if before is not None:
            self.name = before.name
            if hooks.has_hooks(before):
                leaf_of(self).hooks = before.hooks

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
    def is_leaf(self) -> bool:
        """Whether no recorded operation made the tensor."""
        return self._node is None or self._node.op is None

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
    def T(self) -> Tensor:  # noqa: N802 - NumPy's name
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

    def _op_name(self) -> str:
        return "" if self._node is None or self._node.op is None else self._node.op.name

    def _computed(self) -> str:
        return f"{called(self)} was computed by {self._op_name()}"

    # Gradients

    def backward(
        self,
        gradient: ArrayLike | None = None,
        *,
        retain_graph: bool = False,
        create_graph: bool = False,
    ) -> None:
        """Add to the ``.grad`` of every leaf the gradient of this tensor with respect to it.

        Parameters
        ----------
        gradient
            The gradient of something with respect to this tensor, of its shape; 1 by default, if
            the tensor has one element.
        retain_graph
            Keep the saved arrays, so that `backward` can go through the graph again.
        create_graph
            Record the backward pass, so that the gradients can be differentiated themselves;
            implies ``retain_graph``.

        Raises
        ------
        GradientError
            If the tensor does not require a gradient, or has several elements and none is given.
        ReleasedGraphError
            If an earlier backward pass dropped the saved arrays.
        InPlaceError
            If a saved array was changed in place since.

        Examples
        --------
        >>> import microtensor as mt
        >>> x = mt.tensor([3.0, 4.0], requires_grad=True)
        >>> (x * x).backward(gradient=[1.0, 10.0])
        >>> x.grad
        tensor([ 6., 80.])
        """
        if not self._requires_grad:
            raise GradientError(
                f"backward() needs something that requires a gradient, and {called(self)} does "
                "not: nothing it was computed from does, or it was computed under no_grad()."
            )
        trace = current_trace()
        if trace is not None:
            trace.use(self)
        node = self._node or leaf_of(self)
        if gradient is None and self._array.ndim == 0 and not create_graph and not current_trace():
            seeds = {node: self._array.dtype.type(1)}
        else:
            seeds = {node: self._seed(gradient, create_graph)}
        if create_graph:
            with enable_grad():
                gradients = _pass()(seeds, retain=True, lift=lifted)
                for node, g in gradients.items():
                    target = node.tensor()
                    if target is not None:
                        if trace is not None:
                            trace.look_at_gradient(target)
                        target._grad = as_tensor(g) if target._grad is None else target._grad + g
            return
        for node, g in _pass()(seeds, retain=retain_graph).items():
            target = node.tensor()
            if target is not None:
                if trace is not None:
                    trace.look_at_gradient(target)
                earlier = target._grad
                target._grad = wrap(g if earlier is None else earlier._array + g)

    def _seed(self, gradient: ArrayLike | None, create_graph: bool = False) -> Any:
        """Return what a backward pass starts from: the gradient given, or 1."""
        data = self._array
        if gradient is None:
            if data.ndim == 0:
                seed = data.dtype.type(1)
                trace = current_trace()
                seed = seed if trace is None else trace.known(seed)
            elif data.size == 1:
                seed = np.ones_like(data)
            else:
                raise GradientError(
                    f"backward() without a gradient needs one element, and {called(self)} has "
                    f"{data.size}. Reduce it, with .sum() or a loss, or give "
                    "gradient=, an array of its shape."
                )
            return wrap(seed) if create_graph else seed
        given = as_tensor(gradient)
        if given.shape != data.shape:
            raise ShapeError(
                f"The gradient given for {called(self)} has shape {given.shape}, not {data.shape}: "
                "it must have the tensor's shape, and is never broadcast."
            )
        if given.dtype != data.dtype:
            given = given.astype(data.dtype)
        return given.copy() if create_graph else given._array.copy()

    def register_hook(self, hook: Callable[[Tensor], Any]) -> hooks.HookHandle:
        """Call ``hook(grad)`` with the gradient of this tensor in every backward pass.

        Parameters
        ----------
        hook
            It gets the gradient once that is complete, and must not change it; it returns ``None``,
            or the gradient with which the pass goes on.

        Returns
        -------
        A handle, whose ``remove()`` takes the hook away; in a ``with`` statement, its end does.

        Raises
        ------
        GradientError
            If the tensor does not require a gradient.
        TracingError
            While a function is traced, or if the backward pass is: a program calls no hooks.

        Notes
        -----
        Drawings and comparisons show the gradients of the operations, without hooks.

        Examples
        --------
        >>> import microtensor as mt
        >>> x = mt.tensor([3.0, 4.0], requires_grad=True)
        >>> handle = x.register_hook(lambda grad: mt.clip(grad, -1, 1))
        >>> (x * [0.5, 20.0]).sum().backward()
        >>> x.grad
        tensor([0.5, 1. ])
        """
        return self._hooked("register_hook").add(hook)

    def retain_grad(self) -> None:
        """Keep the gradient of this tensor in ``.grad``, as of a leaf; call it before backward.

        Raises
        ------
        GradientError
            If the tensor does not require a gradient.

        >>> import microtensor as mt
        >>> x = mt.tensor(3.0, requires_grad=True)
        >>> y = x * x
        >>> y.retain_grad()
        >>> (2.0 * y).backward()
        >>> y.grad
        tensor(2.)
        """
        kept = self._hooked("retain_grad")
        if not self.is_leaf:
            kept.retain(self)

    def _hooked(self, method: str) -> hooks.GradientHooks:
        if not self._requires_grad:
            raise GradientError(
                f"{method}() needs a tensor that requires a gradient, and {called(self)} does not."
            )
        if current_trace() is not None:
            raise TracingError(
                f"{method}() was called in a function that is traced, whose program calls no "
                "hooks: return the tensor, or use mt.autograd.grad."
            )
        return hooks.hooks_of(leaf_of(self))

    def detach(self) -> Tensor:
        """Return a tensor that shares the memory and has no history."""
        return wrap(current_array(self))

    def numpy(self) -> npt.NDArray[Any]:
        """Return the values as an array that shares memory with the tensor, without a history."""
        return self.data

    def item(self) -> Any:
        """Return the only element as a Python number.

        Raises
        ------
        ShapeError
            If there is not exactly one.
        """
        array = current_array(self)
        if array.size != 1:
            raise ShapeError(f"item() needs one element, and {called(self)} has {array.size}.")
        return array.item()

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

    # Changes in place

    def __setitem__(self, index: Any, value: ArrayLike) -> None:
        if not isinstance(value, Tensor):
            value = value if value.__class__ in NUMBERS else lift(value)
        tracked = self._requires_grad or (isinstance(value, Tensor) and value._requires_grad)
        if modes.recording and tracked:
            if self._requires_grad and self.is_leaf:
                self._refuse_in_place()
            if self._array.dtype.kind != "f":
                raise DtypeError(
                    f"{called(self)} has dtype {self.dtype} and cannot take values that require a "
                    "gradient: make it floating-point, with astype(float)."
                )
            changed = ops.setitem(self, value, prepare(index))
            changed.name = self.name
            self._array, self._node, self._requires_grad = changed._array, changed._node, True
            return
        data = self._writable()
        try:
            data[prepare(index)] = value._array if isinstance(value, Tensor) else value
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


def _pass() -> Callable[..., Any]:
    """Return what runs a backward pass: with hooks, if there ever were any."""
    return hooks.backward if hooks.registered else engine.backward


def _unpickle(kind: type[Tensor], data: Any, requires_grad: bool, name: str | None) -> Tensor:
    out = kind.__new__(kind)
    Tensor.__init__(out, data, requires_grad=requires_grad, name=name)
    return out
