"""Applying operations to Tensors: compute the value, and record how it was made.

The three ``apply`` functions are where the time of eager execution goes: each of their lines is
paid for at every operation. So they repeat how a node is made, rather than call what makes one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .diagnosis import explain
from .errors import DtypeError, ShapeError
from .inplace import tick
from .op import Node, Op, Recordable, constant, leaf
from .ops.random import random
from .state import modes

if TYPE_CHECKING:
    import numpy.typing as npt

    from .gradients import Gradients
    from .tensor import Tensor
else:
    Tensor = Recordable

__all__ = [
    "NUMBERS",
    "apply",
    "apply_binary",
    "apply_unary",
    "as_tensor",
    "checked",
    "copied",
    "count_traces",
    "current_array",
    "current_trace",
    "draw",
    "leaf_of",
    "lift",
    "lifted",
    "numeric",
    "recorded",
    "tensor_class",
    "tracing_is_over",
    "watch",
    "wrap",
]

ArrayLike = Any
T = TypeVar("T", bound=Recordable)

NUMBERS = frozenset({int, float, bool, type(None)})
"""Operands that stay as they are: by NumPy's rules (NEP 50) they have no dtype of their own."""

_new = object.__new__

watching = 0
"""How many blocks of all threads look for anomalies: a global, since to ask it costs nothing."""
tracing = 0
"""How many functions are being traced by all threads."""
_counting = threading.Lock()


def watch(blocks: int) -> None:
    """Count blocks that look for anomalies, as they begin (1) and end (-1)."""
    global watching
    with _counting:
        watching += blocks


def count_traces(begun: int) -> None:
    """Count functions that are traced, as that begins (1) and ends (-1)."""
    global tracing
    with _counting:
        tracing += begun


def current_trace() -> Any:
    """Return what writes down the operations of this thread, or ``None``."""
    return modes.trace if tracing else None


def tracing_is_over(name: str | None) -> str:
    """Say that a value was used outside of the traced function that computed it."""
    return (
        f"The traced value {name or ''} was kept from a traced function, and means nothing outside "
        "of it: return it from the function instead."
    )


def draw(generator: Any, shape: tuple[int, ...], dtype: Any) -> Tensor:
    """Return random numbers, uniform in [0, 1), as a constant."""
    params = {"generator": generator, "shape": shape, "dtype": dtype}
    trace = current_trace()
    return wrap(random(**params) if trace is None else trace.draw(random, params))


def current_array(value: Recordable) -> Any:
    """Return the array of a value; of one that a traced function uses, what stands for it."""
    trace = current_trace()
    if trace is not None:
        trace.use(value)
    return value._array


def _watch(op: Op, inputs: tuple[Any, ...], out: Tensor) -> None:
    watcher = modes.watcher
    if watcher is not None:
        watcher.made(op, inputs, out)


def tensor_class(cls: type[T]) -> type[T]:
    """Make ``cls`` the class of what operations give; used once, by ``tensor.py``."""
    globals()["Tensor"] = cls
    return cls


def apply_binary(op: Op, x: Any, y: Any) -> Tensor:
    """Apply an operation on two inputs without parameters, at least one of which is a Tensor."""
    if tracing and modes.trace is not None:
        traced: Tensor = modes.trace.apply(op, (x, y), None)
        return traced
    tracked = False
    x_node = y_node = None
    if isinstance(x, Tensor):
        x_data = x._array
        x_node = x._node
        tracked = x._requires_grad
    elif x.__class__ in NUMBERS:
        x_data = x
    else:
        x = lift(x)
        if x is NotImplemented:
            return x  # type: ignore[no-any-return] # so that Python asks the other operand
        x_data = x._array
    if isinstance(y, Tensor):
        y_data = y._array
        y_node = y._node
        tracked = tracked or y._requires_grad
    elif y.__class__ in NUMBERS:
        y_data = y
    else:
        y = lift(y)
        if y is NotImplemented:
            return y  # type: ignore[no-any-return] # the same
        y_data = y._array
    try:
        data = op.kernel(x_data, y_data)
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise explain(op, (x, y), error) from None
    out = _new(Tensor)
    out._array = data
    out._grad = None
    if tracked and modes.recording and op.differentiable:
        if x_node is None:
            x_node = leaf_of(x) if isinstance(x, Tensor) else constant(x)
        if y_node is None:
            y_node = leaf_of(y) if isinstance(y, Tensor) else constant(y)
        out._node = node = _new(Node)
        node.op = op
        node.parents = (x_node, y_node)
        node.params = None
        if op.saves:
            saves_out, saves_x, saves_y = op.saves
            node.saved = (
                data if saves_out else None,
                x_data if saves_x else x_node,
                y_data if saves_y else y_node,
            )
        else:
            node.saved = ()
        node.shape = data.shape
        node.dtype = data.dtype
        node.name = None
        node.order = tick()
        node.requires_grad = out._requires_grad = True
    else:
        out._node = None
        out._requires_grad = False
    if watching:
        _watch(op, (x, y), out)
    return out


def apply_unary(op: Op, x: Any, params: dict[str, Any] | None = None) -> Tensor:
    """Apply an operation on one Tensor, with its complete parameters."""
    if tracing and modes.trace is not None:
        traced: Tensor = modes.trace.apply(op, (x,), params)
        return traced
    x_data = x._array
    try:
        data = op.kernel(x_data, **params) if params else op.kernel(x_data)
    except (AttributeError, IndexError, OverflowError, TypeError, ValueError) as error:
        raise explain(op, (x,), error, **(params or {})) from None
    out = _new(Tensor)
    out._array = data
    out._grad = None
    if x._requires_grad and modes.recording and op.differentiable:
        x_node = x._node
        if x_node is None:
            x_node = leaf_of(x)
        out._node = node = _new(Node)
        node.op = op
        node.parents = (x_node,)
        node.params = params
        if op.saves:
            saves_out, saves_x = op.saves
            node.saved = (data if saves_out else None, x_data if saves_x else x_node)
        else:
            node.saved = ()
        node.shape = data.shape
        node.dtype = data.dtype
        node.name = None
        node.order = tick()
        node.requires_grad = out._requires_grad = True
    else:
        out._node = None
        out._requires_grad = False
    if watching:
        _watch(op, (x,), out)
    return out


def apply(op: Op, inputs: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
    """Apply an operation on any inputs, with its complete parameters."""
    if len(inputs) == 1:
        return apply_unary(op, inputs[0], params)
    if tracing and modes.trace is not None:
        traced: Tensor = modes.trace.apply(op, inputs, params)
        return traced
    operands = []
    arrays = []
    tracked = False
    for x in inputs:
        if isinstance(x, Tensor):
            arrays.append(x._array)
            tracked = tracked or x._requires_grad
        elif x.__class__ in NUMBERS:
            arrays.append(x)
        else:
            x = as_tensor(x)
            arrays.append(x._array)
        operands.append(x)
    try:
        data = op.kernel(*arrays, **params) if params else op.kernel(*arrays)
    except (AttributeError, IndexError, OverflowError, TypeError, ValueError) as error:
        raise explain(op, tuple(operands), error, **params) from None
    out = recorded(op, tuple(operands), arrays, data, params, tracked)
    if watching:
        _watch(op, inputs, out)
    return out


def recorded(
    op: Op,
    operands: tuple[Any, ...],
    arrays: Sequence[Any],
    data: Any,
    params: dict[str, Any] | None,
    tracked: bool,
) -> Tensor:
    """Return the Tensor of what ``op`` computed of the operands, and record how, if tracked."""
    out = _new(Tensor)
    out._array = data
    out._grad = None
    if tracked and modes.recording and op.differentiable:
        parents = []
        for x in operands:
            node = (x._node or leaf_of(x)) if isinstance(x, Tensor) else constant(x)
            parents.append(node)
        out._node = node = _new(Node)
        node.op = op
        node.parents = tuple(parents)
        node.params = params or None
        if op.saves:
            saves = op.saves if not op.variadic else (op.saves[0], *op.saves[1:] * len(parents))
            saved = [data if saves[0] else None]
            for position, parent in enumerate(parents):
                saved.append(arrays[position] if saves[position + 1] else parent)
            node.saved = tuple(saved)
        else:
            node.saved = ()
        node.shape = data.shape
        node.dtype = data.dtype
        node.name = None
        node.order = tick()
        node.requires_grad = out._requires_grad = True
    else:
        out._node = None
        out._requires_grad = False
    return out


def leaf_of(x: Gradients) -> Node:
    """Return the node of a tensor, which it gets here if no recorded operation made it."""
    if x._node is None:  # else another operand of the same operation just got it: x * x
        x._node = leaf(x, x._array, x._requires_grad)
    return x._node


def wrap(data: Any, node: Node | None = None, requires_grad: bool = False) -> Tensor:
    """Make a Tensor of an array that is known to be fit, without copying."""
    out = _new(Tensor)
    out._array = data
    out._grad = None
    out._node = node
    out._requires_grad = requires_grad
    return out


def lifted(data: Any, node: Node) -> Tensor:
    """Return the Tensor that a node's array was the value of, with its history."""
    return wrap(data, node, node.requires_grad)


def as_tensor(value: ArrayLike) -> Tensor:
    """Return a Tensor as it is, and anything else as a constant that shares its memory."""
    if isinstance(value, Recordable):
        return value if isinstance(value, Tensor) else wrap(value)
    if tracing and type(value) is np.ndarray and modes.trace is not None:
        value = modes.trace.known(value)
    return wrap(numeric(value, None, copy=False))


def lift(value: Any) -> Any:
    """Make a constant Tensor of an operand; ``NotImplemented`` if it is no array of numbers."""
    if value.__class__ is not np.ndarray:
        if isinstance(value, Recordable):  # the value of a Tensor that is traced
            return wrap(value)
        if getattr(type(value), "__array_ufunc__", value) is None:
            return NotImplemented
        return wrap(numeric(value, None, copy=False))
    return wrap(checked(value))


def copied(data: ArrayLike, dtype: npt.DTypeLike | None) -> Any:
    """Return a copy of data as an array of real numbers; while tracing, of what stands for it."""
    if tracing and type(data) is np.ndarray and modes.trace is not None:
        data = modes.trace.known(data)
    return numeric(data, dtype, copy=True)


def numeric(data: ArrayLike, dtype: npt.DTypeLike | None, *, copy: bool) -> npt.NDArray[Any]:
    """Return data as an array of real numbers; raise if it is anything else."""
    if isinstance(data, Recordable):
        given: npt.NDArray[Any] = _array_of(data, dtype, copy)
        return given
    if isinstance(data, np.ma.MaskedArray):
        raise DtypeError(
            "A tensor has no mask: fill a masked array first, with filled(), or multiply by a mask "
            "of zeros and ones."
        )
    try:
        array = np.array(data, dtype=dtype) if copy else np.asarray(data, dtype=dtype)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise DtypeError(f"A tensor cannot be made of {_short(data)}: {error}.") from None
        raise ShapeError(
            f"Nested lists must form a rectangle, and {_short(data)} is ragged: pad the rows to "
            "one length."
        ) from None
    except (OverflowError, TypeError) as error:
        raise DtypeError(f"A tensor cannot be made of {_short(data)}: {error}.") from None
    fit: npt.NDArray[Any] = checked(array)
    return fit


def _array_of(value: Any, dtype: npt.DTypeLike | None, copy: bool) -> Any:
    """Return the array of a Tensor, or of the value of one that is traced, in another dtype."""
    if isinstance(value, Tensor) and value._requires_grad and modes.recording:
        value.__array__()  # type: ignore[attr-defined] # raises, and says that the gradient would be lost
    array = value._array
    if dtype is not None and array.dtype != dtype:
        return checked(array.astype(dtype))
    return array.copy() if copy else array


def checked(array: Any) -> Any:
    """Return an array of real numbers; raise if it is anything else."""
    kind = array.dtype.kind
    if kind in "fiub":
        return array
    advice = {
        "c": "complex numbers are not supported; split them into real and imaginary parts",
        "O": "convert the objects to numbers first, as np.array(data, dtype=float)",
        "U": "convert the strings to numbers first",
        "S": "convert the strings to numbers first",
    }.get(kind, "convert to numbers first")
    raise DtypeError(
        f"A tensor holds real numbers, and this data has dtype {array.dtype}, shape {array.shape}, "
        f"such as {_short(array.reshape(-1)[:3].tolist())}: {advice}."
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
