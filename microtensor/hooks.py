"""Hooks: functions of the user's that are given gradients while a backward pass runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from . import engine
from .errors import ShapeError, TracingError
from .op import Node, Recordable, describe
from .record import as_tensor, current_trace, wrap
from .state import no_grad, structure

__all__ = ["GradientHooks", "HookHandle", "Pass", "backward", "has_hooks", "hooks_of"]

Hook = Callable[[Any], Any]

registered = False
"""Whether there ever was a hook: where there was none, a backward pass does not look for any."""

_keys = itertools.count()


class HookHandle:
    """What registering a hook returns: it takes the hook away again, as a block's end does.

    >>> import microtensor as mt
    >>> x = mt.tensor(1.0, requires_grad=True)
    >>> with x.register_hook(lambda g: 10.0 * g):
    ...     (2.0 * x).backward()
    >>> (2.0 * x).backward()
    >>> x.grad
    tensor(22.)
    """

    def __init__(self, remove: Callable[[], Any]) -> None:
        self._remove = remove

    def remove(self) -> None:
        """Take the hook away; again, it does nothing."""
        self._remove()

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class GradientHooks:
    """What is done with the gradient of a node, once it is complete.

    Attributes
    ----------
    functions
        The user's hooks, in the order in which they are called.
    retained
        Returns the Tensor that keeps the gradient, if one does.
    together
        What is called first, once in a pass for several nodes, with the `Pass`.
    """

    def __init__(self) -> None:
        global registered
        registered = True
        self.functions: dict[int, Hook] = {}
        self.retained: Callable[[], Any] = _nothing
        self.together: Callable[[Pass], None] | None = None

    def add(self, hook: Hook) -> HookHandle:
        """Add a hook, the last to be called."""
        key = next(_keys)
        self.functions[key] = hook
        structure.version += 1
        return HookHandle(lambda: self.functions.pop(key, None))

    def retain(self, tensor: Any) -> None:
        """Let a Tensor keep the gradient."""
        self.retained = ref(tensor)
        structure.version += 1


def _nothing() -> None:
    return None


def hooks_of(node: Node) -> GradientHooks:
    """Return the hooks of a node, which it gets here if it had none."""
    hooks: GradientHooks | None = getattr(node, "hooks", None)
    if hooks is None:
        hooks = node.hooks = GradientHooks()
    return hooks


def has_hooks(node: Node | None) -> bool:
    """Tell whether a backward pass has something to do with a node's gradient."""
    hooks: GradientHooks | None = getattr(node, "hooks", None)
    return hooks is not None and bool(
        hooks.functions or hooks.retained() is not None or hooks.together
    )


def backward(gradients: dict[Node, Any], **options: Any) -> dict[Node, Any]:
    """Run a backward pass with hooks; arguments and result are those of `engine.backward`."""
    hooked = Pass(gradients, options.get("lift") is not None)
    found = engine.backward(hooked, **options)
    hooked.finish(found)
    return dict(found)


class Pass(dict[Node, Any]):
    """The gradients of a backward pass, each of which the hooks get when it is complete.

    That is when the engine takes it out, to go on with it; of leaves, at the end.
    """

    def __init__(self, gradients: dict[Node, Any], recording: bool) -> None:
        super().__init__(gradients)
        self.recording = recording
        self._done: set[Any] = set()

    def pop(self, node: Node, *default: Any) -> Any:
        """Take out a gradient, which is complete."""
        if getattr(node, "hooks", None) is not None:
            self._run(node)
        return super().pop(node, *default)

    def finish(self, found: dict[Node, Any]) -> None:
        """Give the gradients that the pass ended with to their hooks."""
        for node in list(found):
            if getattr(node, "hooks", None) is not None and node not in self._done:
                self._run(node)

    def given(self, node: Node) -> Any:
        """Return a gradient as hooks get it, a Tensor that is not changed in place; or ``None``."""
        g = self.get(node)
        if g is None or self.recording:
            return g
        g = np.asarray(g).view()
        g.flags.writeable = False
        return wrap(g)

    def take(self, node: Node, result: Any) -> None:
        """Put what a hook returned into the place of a gradient."""
        result = as_tensor(result)
        if result.shape != node.shape:
            raise ShapeError(
                f"A hook returned a gradient of shape {result.shape} for {describe(node)}: return "
                "one of its shape, or None to leave the gradient as it is."
            )
        if result.dtype != node.dtype:
            result = result.astype(node.dtype)
        self[node] = result if self.recording else result._array.copy()

    def call(self, hook: Callable[..., Any], *arguments: Any) -> Any:
        """Call a hook; what it computes is recorded if the pass is."""
        if self.recording:
            return hook(*arguments)
        with no_grad():
            return hook(*arguments)

    def _run(self, node: Node) -> None:
        self._done.add(node)
        hooks: GradientHooks = node.hooks
        if not has_hooks(node):
            return
        if current_trace() is not None:
            raise TracingError(
                f"The gradient of {describe(node)} has a hook, and a program calls none: take it "
                "away with the handle's remove(), or run the function without compiling it."
            )
        together = hooks.together
        if together is not None and together not in self._done:
            self._done.add(together)
            together(self)
        for hook in list(hooks.functions.values()):
            result = self.call(hook, self.given(node))
            if result is not None:
                self.take(node, result)
        tensor = hooks.retained()
        if tensor is not None:
            g = self[node]
            kept = g if isinstance(g, Recordable) else wrap(np.array(g))
            tensor._grad = kept if tensor._grad is None else tensor._grad + kept
