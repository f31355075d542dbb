"""Tracing: running a function once, with every operation written down."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import record
from ..diagnosis import explain
from ..errors import ArgumentError, TracingError
from ..inplace import clock
from ..names import caller
from ..op import Node, Op
from ..record import NUMBERS, as_tensor, recorded
from ..tensor import Tensor
from .changes import Changes
from .constant_calls import DESCRIBING, OF_UNKNOWN_SHAPE, constant_op, shaped
from .inputs import Inputs, var_like, var_of
from .names_seen import NamesSeen
from .program import Atom, Equation, Literal, Site, Var
from .slots import Slot
from .traced import TracedArray

__all__ = ["Trace"]

_ERRORS = AttributeError, IndexError, OverflowError, TypeError, ValueError
_INDEXING = frozenset({"getitem", "scatter_add", "setitem"})


class Trace(Inputs):
    """What is written down while a function runs on examples.

    Every Tensor that takes part has a `TracedArray` for its array as long as the trace goes on;
    at its end, every one has its own array back, whether the function returned or raised.

    Parameters
    ----------
    name
        The function's.
    static
        The names of the scalars that are to be taken as the numbers they are.
    merge
        Whether an array that comes in twice is one value.
    """

    def __init__(
        self, name: str, static: frozenset[str] = frozenset(), *, merge: bool = False
    ) -> None:
        super().__init__(name, static, merge)
        self.equations: list[Equation] = []
        self.names = NamesSeen()
        self.site: Site | None = None
        """Where everything is said to be, if not at the user's line that runs."""
        self.changes = Changes(name, self.names)
        self.drawn: set[int] = set()
        """The random generators that the program itself draws from."""
        self.written: list[Slot] = []
        """Where the function left something."""
        self.made: list[weakref.ref[Any]] = []
        self.is_over = False
        self._keeps_scalars = False
        self._backward = False
        self._vars: dict[Node, Var] = {}

    # Operations

    def apply(self, op: Op, inputs: tuple[Any, ...], params: dict[str, Any] | None) -> Any:
        """Apply an operation: to Tensors, giving a Tensor, or to their arrays, giving an array."""
        if not any(isinstance(x, Tensor) for x in inputs):
            return self.record(op, inputs, params or {})
        operands = []
        arrays = []
        tracked = False
        for x in inputs:
            if x.__class__ not in NUMBERS:
                if isinstance(x, Tensor):
                    self.use(x)
                else:
                    x = record.lift(x) if len(inputs) == 2 else as_tensor(x)
                    if x is NotImplemented:
                        return x
                    if not isinstance(x._array, TracedArray):  # what rules read is the same value
                        x._array = self.known(x._array)
                arrays.append(x._array)
                tracked = tracked or x._requires_grad
            else:
                arrays.append(x)
            operands.append(x)
        data = self.record(op, tuple(arrays), params or {}, tuple(operands))
        out = recorded(op, tuple(operands), arrays, data, params, tracked)
        if out._node is not None:
            self._vars[out._node] = data._var
        self.made.append(weakref.ref(out))
        return out

    def record(
        self,
        op: Op,
        inputs: tuple[Any, ...],
        params: dict[str, Any],
        operands: tuple[Any, ...] | None = None,
    ) -> TracedArray:
        """Compute the result on the examples, and write the equation down."""
        site = self.site or self.names.look(caller(), naming=not self._backward)
        if op.name in _INDEXING:
            self._check_index(op, params["index"], inputs)
        pairs = [self._atom(x) for x in inputs]
        atoms, values = tuple(a for a, _ in pairs), [value for _, value in pairs]
        self._keeps_scalars = op.name == "full_like"
        params, examples = self._parameters(params)
        try:
            value = op.kernel(*values, **examples)
        except _ERRORS as error:
            raise explain(op, operands or inputs, error, **examples) from None
        out = var_like(value)
        out.backward = self._backward
        if out.scalar:
            self.computed(out, atoms)
        self.changes.note(op, out, value, pairs)
        self.equations.append(Equation(op, atoms, params, out, site))
        made = self.standing_for(value, out)
        self.made.append(weakref.ref(made))
        return made

    def call(self, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
        """Apply a NumPy function whose result is a constant to differentiation."""
        if function in DESCRIBING:
            args = tuple(shaped(x) for x in args)
            return function(*args, **kwargs)
        if function in OF_UNKNOWN_SHAPE:
            raise TracingError(
                f"np.{function.__name__}() in {self.name}() gives an array whose shape depends on "
                "the values, which differ from call to call: write np.where(condition, a, b), or "
                "multiply by a mask."
            )
        return self.record(constant_op(function), tuple(args), kwargs)

    def draw(self, op: Op, params: dict[str, Any]) -> TracedArray:
        """Draw random numbers, which every run of the program does anew."""
        self.drawn.add(id(params["generator"]))
        return self.record(op, (), params)

    def assign(
        self, target: TracedArray, op: Op, inputs: tuple[Any, ...], params: dict[str, Any]
    ) -> None:
        """Change an array in place: from now on it is the result."""
        self.changes.begin(target, op, inputs)
        result = self.record(op, tuple(_data(x) for x in inputs), params)
        if result.shape != target.shape:
            raise ArgumentError(
                f"{self.names.described(target)} cannot take a result of shape {result.shape} in "
                "place."
            )
        if result.dtype != target.dtype:
            if not np.can_cast(result.dtype, target.dtype, "same_kind"):
                raise TracingError(
                    f"{self.names.described(target)} cannot take {result.dtype} results in place."
                )
            result = result.astype(target.dtype)
        self.changes.finish(target, op, result)

    def change(self, op: Op, tensor: Any, other: Any) -> None:
        """Do an in-place operator of a Tensor, under `no_grad`."""
        self.use(tensor)
        if isinstance(other, Tensor):
            self.use(other)
        self.assign(tensor._array, op, (tensor._array, _data(other)), {})
        clock.mark_changed(tensor._array)

    def standing_for(self, value: Any, var: Var) -> TracedArray:
        """Return what stands for an array or a number."""
        return TracedArray(self, var, value)

    def _atom(self, x: Any) -> tuple[Atom, Any]:
        if isinstance(x, TracedArray):
            if x._trace is not self:
                raise TracingError(record.tracing_is_over(x._var.name))
            self.changes.fresh(x)
            return x._var, x._example
        if x.__class__ in NUMBERS or isinstance(x, (int, float, np.generic)):
            return Literal(x), x
        if isinstance(x, Tensor):
            self.use(x)
            return self._atom(x._array)
        return self._atom(self.known(np.asarray(x)))

    def _check_index(self, op: Op, index: Any, inputs: tuple[Any, ...]) -> None:
        """Refuse a mask of traced values, which selects as many elements as they happen to be."""
        if op.name == "setitem" and np.size(inputs[1]) == 1:
            return
        for part in index if isinstance(index, tuple) else (index,):
            if isinstance(part, (TracedArray, Tensor)) and part.dtype == np.bool_:
                raise TracingError(
                    f"{self.names.described(_data(part))} selects elements in {self.name}() as a "
                    "mask, and how many differs from call to call: write np.where(mask, a, b), or "
                    "multiply by the mask."
                )

    def _parameters(self, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return parameters as they stand in the equation, and as the kernel takes them."""
        if not any(map(_holds_traced, params.values())):
            return params, params
        written, examples = {}, {}
        for name, value in params.items():
            written[name] = self._mapped(value, 0)
            examples[name] = self._mapped(value, 1)
        return written, examples

    def _mapped(self, value: Any, which: int) -> Any:
        if isinstance(value, TracedArray) and value._var.scalar and not self._keeps_scalars:
            self.specialize(value, "parameter")
        if isinstance(value, (TracedArray, Tensor)):
            return self._atom(value)[which]
        if type(value) in (tuple, list):
            return type(value)(self._mapped(part, which) for part in value)
        if isinstance(value, slice):
            return slice(*(self._mapped(p, which) for p in (value.start, value.stop, value.step)))
        return value

    # Gradients

    def watched(self, rule: Any, g: Any, node: Node, _: int) -> Any:
        """Note whose gradient ``g`` is."""
        self._backward = True
        self._is_gradient(g, node)
        return rule

    def arrived(self, gradients: dict[Node, Any]) -> None:
        """Note whose gradients a backward pass ended with."""
        self._backward = False
        for node, g in gradients.items():
            self._is_gradient(g, node)

    def _is_gradient(self, g: Any, node: Node) -> None:
        value = self._vars.get(node)
        if value is None and node.op is None:
            tensor = node.tensor()
            value = var_of(tensor) if isinstance(tensor, Tensor) else None
        g = g._array if isinstance(g, Tensor) else g
        if value is not None and isinstance(g, TracedArray) and g._var.backward:
            known = g._var.gradient_of
            if known is None or (known.name is None and value.name is not None):
                g._var.gradient_of = value

    def forget_graph(self) -> None:
        """Let go of the nodes, so that only what the function left somewhere stays alive."""
        self._vars.clear()


def _data(value: Any) -> Any:
    return value._array if isinstance(value, Tensor) else value


def _holds_traced(value: Any) -> bool:
    if isinstance(value, slice):
        return any(map(_holds_traced, (value.start, value.stop, value.step)))
    if type(value) in (tuple, list):
        return any(map(_holds_traced, value))
    return isinstance(value, (TracedArray, Tensor))
