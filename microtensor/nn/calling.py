"""Calling a module: its hooks, and the note in the graph that it was this module."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar
from weakref import ref

from ..errors import ArgumentError, TracingError
from ..hooks import HookHandle, Pass, hooks_of
from ..inplace import tick
from ..op import Node
from ..record import current_trace
from ..tensor import Tensor

__all__ = ["Called"]

P = ParamSpec("P")
R = TypeVar("R", covariant=True)

_noted = 0
"""When the latest of the calls began that noted themselves in a graph. One that began later has
none within it, and need not look for one, which would take longer than all the rest."""

_hooking = False
"""Whether there ever was a hook of a module: a global, since to ask it costs nothing."""

_keys = itertools.count()


class ModuleHooks:
    """The hooks of a module, by keys that handles know; never changed, but replaced."""

    def __init__(self, **kinds: dict[int, Any]) -> None:
        global _hooking
        _hooking = True
        self.kinds: dict[str, dict[int, Any]] = {"before": {}, "after": {}, "backward": {}}
        self.kinds |= kinds

    def __reduce__(self) -> tuple[Any, ...]:
        return _hooks, (self.kinds,)

    def but(self, kind: str, hooks: dict[int, Any]) -> ModuleHooks:
        """Return these with others of one kind."""
        return ModuleHooks(**(self.kinds | {kind: hooks}))


def _hooks(kinds: dict[str, dict[int, Any]]) -> ModuleHooks:
    return ModuleHooks(**kinds)


class Forward(Protocol[P, R]):
    """What has a ``forward``: to type checkers a call has its arguments, and its result."""

    _hooks: ModuleHooks | None

    @property
    def forward(self) -> Callable[P, R]:
        """Compute the result."""


class Called:
    """What is a function by its ``forward``, with hooks before and after."""

    _hooks: ModuleHooks | None = None
    forward: Callable[..., Any]

    def __call__(self: Forward[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Compute ``forward``, and note in the graph that this module did."""
        global _noted
        begun = tick()
        if _hooking and self._hooks is not None:
            out = _call_with_hooks(self, self._hooks.kinds, args, kwargs)  # type: ignore[arg-type] # forward's own signature
        else:
            out = self.forward(*args, **kwargs) if kwargs else self.forward(*args)  # type: ignore[call-arg] # the same
        if isinstance(out, Tensor):
            if out._requires_grad and (node := out._node) is not None and node.order > begun:
                if _noted > begun:
                    node.call = (ref(self), begun, getattr(node, "call", None))
                else:  # never set to less, or another thread's calls might seem to have none within
                    node.call = (ref(self), begun, None)
                    _noted = begun
        elif isinstance(out, (tuple, list, dict)):
            for result in out.values() if isinstance(out, dict) else out:
                node = result._node if isinstance(result, Tensor) else None
                if node is not None and node.order > begun:
                    node.call = (ref(self), begun, getattr(node, "call", None))
                    _noted = max(_noted, begun)
        return out

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> HookHandle:
        """Call ``hook(module, args)`` before each ``forward``; it may return other arguments.

        Parameters
        ----------
        hook
            Returns ``None``, or a tuple of arguments, or the only argument.
        prepend
            Whether it comes before the hooks that are there, not after them.
        with_kwargs
            Call ``hook(module, args, kwargs)``, which returns ``None`` or ``(args, kwargs)``.

        Returns
        -------
        A handle, whose ``remove()`` takes the hook away.

        Notes
        -----
        A module with hooks cannot be traced or compiled: that raises a `TracingError`.
        """
        return self._register("before", (hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> HookHandle:
        """Call ``hook(module, args, output)`` after each ``forward``; it may return another output.

        Parameters
        ----------
        hook
            Returns ``None``, or what the module returns instead.
        prepend, with_kwargs
            As of `register_forward_pre_hook`: ``hook(module, args, kwargs, output)``.

        Returns
        -------
        A handle, whose ``remove()`` takes the hook away.

        Examples
        --------
        >>> import microtensor as mt
        >>> from microtensor import nn
        >>> model = nn.Sequential(nn.ReLU(), nn.Tanh())
        >>> seen = []
        >>> handle = model[0].register_forward_hook(lambda module, args, out: seen.append(out))
        >>> out = model(mt.tensor([-1.0, 2.0]))
        >>> seen
        [tensor([0., 2.])]
        >>> handle.remove()
        """
        return self._register("after", (hook, with_kwargs), prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> HookHandle:
        """Call ``hook(module, grad_input, grad_output)`` in a backward pass.

        Parameters
        ----------
        hook
            It gets the gradients of the positional arguments and of the outputs, as tuples with
            ``None`` for what has no gradient. It returns ``None``, or other gradients of the
            arguments. If no argument requires a gradient, it is called when those of the outputs
            are there.
        prepend
            Whether it comes before the hooks that are there, not after them.

        Returns
        -------
        A handle, whose ``remove()`` takes the hook away.
        """
        return self._register("backward", hook, prepend)

    def _register(self, kind: str, hook: Any, prepend: bool) -> HookHandle:
        key = next(_keys)
        known = self._hooks or ModuleHooks()
        there = known.kinds[kind]
        self._hooks = known.but(kind, {key: hook} | there if prepend else there | {key: hook})

        def remove() -> None:
            if self._hooks is None or key not in self._hooks.kinds[kind]:
                return
            rest = {k: h for k, h in self._hooks.kinds[kind].items() if k != key}
            left = self._hooks.but(kind, rest)
            self._hooks = left if any(left.kinds.values()) else None

        return HookHandle(remove)


def _call_with_hooks(
    module: Called, hooks: dict[str, dict[int, Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    name = type(module).__name__
    if current_trace() is not None:
        raise TracingError(
            f"The module {name} has hooks, and a program calls none: take them away with their "
            "handles' remove(), or run the function without compiling it."
        )
    for hook, with_kwargs in list(hooks["before"].values()):
        if with_kwargs:
            result = hook(module, args, kwargs)
            if result is None:
                continue
            if not (isinstance(result, tuple) and len(result) == 2):
                raise ArgumentError(
                    f"A forward pre-hook of {name}, with_kwargs, returned {result!r}: return None, "
                    "or (args, kwargs)."
                )
            args, kwargs = result
        else:
            result = hook(module, args)
            if result is not None:
                args = result if isinstance(result, tuple) else (result,)
    call = _BackwardCall(module, list(hooks["backward"].values())) if hooks["backward"] else None
    if call is not None:
        args = call.inputs_of(args)
    out = module.forward(*args, **kwargs)
    for hook, with_kwargs in list(hooks["after"].values()):
        given = (args, kwargs, out) if with_kwargs else (args, out)
        result = hook(module, *given)
        out = out if result is None else result
    return out if call is None else call.outputs_of(out)


class _BackwardCall:
    """One call of a module that has backward hooks.

    What goes in and what comes out pass through copies in the graph, made one after another. When
    a backward pass comes to the first of them, the gradients of all of them are complete.
    """

    def __init__(self, module: Called, hooks: list[Callable[..., Any]]) -> None:
        self._module = module
        self._user_hooks = hooks
        self._inputs: list[Callable[[], Node | None]] = []
        self._outputs: list[Callable[[], Node | None]] = []
        self._grad_output: tuple[Any, ...] = ()

    def inputs_of(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments, watched."""
        copies, self._inputs = _watched(args, self._at_inputs)
        return tuple(copies)

    def outputs_of(self, out: Any) -> Any:
        """Return what the module returns, watched, if that is a Tensor or a tuple of them."""
        if not isinstance(out, (Tensor, tuple, list)):
            return out
        copies, self._outputs = _watched(
            (out,) if isinstance(out, Tensor) else out, self._at_outputs
        )
        return copies[0] if isinstance(out, Tensor) else type(out)(copies)

    def _at_outputs(self, gradients: Pass) -> None:
        self._grad_output = _given(gradients, self._outputs)
        if all(node() is None for node in self._inputs):
            nothing = (None,) * len(self._inputs)
            for hook in self._user_hooks:
                result = gradients.call(hook, self._module, nothing, self._grad_output)
                if result is not None and any(g is not None for g in _tuple(result)):
                    raise ArgumentError(
                        f"A backward hook of {type(self._module).__name__} returned gradients, and "
                        "no argument of the module requires one: return None."
                    )

    def _at_inputs(self, gradients: Pass) -> None:
        for hook in self._user_hooks:
            given = _given(gradients, self._inputs)
            result = gradients.call(hook, self._module, given, self._grad_output)
            if result is None:
                continue
            result = _tuple(result)
            if len(result) != len(given):
                raise ArgumentError(
                    f"A backward hook of {type(self._module).__name__} returned {len(result)} "
                    f"gradients, and the module was called with {len(given)} arguments."
                )
            for get_node, before, g in zip(self._inputs, given, result, strict=True):
                node = get_node()
                if node is not None and before is not None:
                    gradients.take(node, 0.0 * before if g is None else g)
        self._grad_output = ()


def _watched(
    values: Any, together: Callable[[Pass], None]
) -> tuple[list[Any], list[Callable[[], Node | None]]]:
    """Return copies of the Tensors that require a gradient, and their nodes."""
    copies, nodes = [], []
    for value in values:
        node: Callable[[], Node | None] = _nothing
        if isinstance(value, Tensor) and value.requires_grad:
            value = value.copy()
            if value._node is not None and value.requires_grad:
                hooks_of(value._node).together = together
                node = ref(value._node)
        copies.append(value)
        nodes.append(node)
    return copies, nodes


def _given(gradients: Pass, nodes: list[Callable[[], Node | None]]) -> tuple[Any, ...]:
    return tuple(None if (node := get()) is None else gradients.given(node) for get in nodes)


def _nothing() -> None:
    return None


def _tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)
