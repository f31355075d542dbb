"""What a tensor has to do with gradients: whether it requires one, backward, and hooks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import engine, hooks
from .diagnosis import called
from .errors import DtypeError, GradientError, ShapeError, TracingError
from .op import Node, Recordable
from .record import as_tensor, copied, current_array, current_trace, leaf_of, lifted, wrap
from .state import enable_grad, structure

if TYPE_CHECKING:
    import numpy.typing as npt

    from .tensor import Tensor

__all__ = ["Gradients"]

ArrayLike = Any


class Gradients(Recordable):
    """The part of a Tensor that takes part in differentiation, and what a Tensor keeps for it."""

    __slots__ = ("_array", "_grad", "_node", "_requires_grad")
    _array: npt.NDArray[Any]
    _grad: Tensor | None
    _node: Node | None
    _requires_grad: bool

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made the tensor."""
        return self._node is None or self._node.op is None

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
        array = self._array
        gradient: Any = value if isinstance(value, Gradients) else wrap(copied(value, array.dtype))
        if gradient.dtype != array.dtype:
            gradient = gradient.astype(array.dtype)
        if gradient.shape != array.shape:
            raise ShapeError(
                f"The gradient of {called(self)} has its shape {array.shape}, not {gradient.shape}."
            )
        self._grad = gradient

    @property
    def requires_grad(self) -> bool:
        """Whether `backward` computes a gradient with respect to this tensor, or through it."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self._set_requires_grad(value)

    def _set_requires_grad(self, value: bool) -> None:
        if value == self._requires_grad:
            return
        if not self.is_leaf:
            raise GradientError(
                f"{self._computed()}, and requires a gradient because its inputs do. t.detach() is "
                "the same data without a history."
            )
        if value and self._array.dtype.kind != "f":
            raise DtypeError(
                f"{called(self)} has dtype {self._array.dtype}, and only floating-point tensors "
                "can require a gradient: write 1.0 for 1, or give dtype=float."
            )
        structure.version += 1
        self._requires_grad = bool(value)
        self._renew_leaf()

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
        if gradient is None and self._array.ndim == 0 and not create_graph and trace is None:
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

    def _renew_leaf(self) -> None:
        """Forget the node, which says what the tensor was; its name and its hooks stay."""
        before, self._node = self._node, None
        if before is not None:
            renewed = leaf_of(self)
            renewed.name = before.name
            if hooks.has_hooks(before):
                renewed.hooks = before.hooks

    def _op_name(self) -> str:
        return "" if self._node is None or self._node.op is None else self._node.op.name

    def _computed(self) -> str:
        return f"{called(self)} was computed by {self._op_name()}"


def _pass() -> Callable[..., Any]:
    """Return what runs a backward pass: with hooks, if there ever were any."""
    return hooks.backward if hooks.registered else engine.backward
