"""Operations of the user's own, with hand-derived rules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol, overload

import numpy as np

from .errors import ArgumentError, DtypeError, InternalError, MicrotensorError
from .op import Op, Recordable
from .record import as_tensor, leaf_of, numeric, wrap
from .tensor import Tensor

__all__ = ["CustomOp", "custom_op"]

Rule = Callable[..., Any]
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Operation(Protocol):
    """What `custom_op` returns: of a Tensor among the inputs it makes a Tensor, else an array."""

    @overload
    def __call__(self, x: Tensor, /, *inputs: Any, **params: Any) -> Tensor: ...
    @overload
    def __call__(self, x: Any, y: Tensor, /, *inputs: Any, **params: Any) -> Tensor: ...
    @overload
    def __call__(self, *inputs: Any, **params: Any) -> Any: ...


def custom_op(
    forward: Callable[..., Any],
    *vjps: Rule | None,
    name: str | None = None,
    saves: str | None = None,
    broadcasts: bool = False,
) -> Operation:
    """Make an operation of a function of arrays and hand-derived rules.

    It takes part in everything: it records, is drawn, and is differentiated. `gradcheck` tells
    whether the rules are right, `gradgradcheck` whether they can be differentiated again.

    Parameters
    ----------
    forward
        ``forward(*inputs, **params)`` on arrays, returning an array of numbers. It takes as many
        inputs as there are rules; what else it takes must have a default, or be given by keyword.
    vjps
        One rule per input, ``rule(g, out, *inputs, **params)``, which returns the gradient of
        that input: an array of its shape. ``g`` is the gradient of the output ``out``. Rules
        written with operators and NumPy's functions can be differentiated themselves. ``None`` for
        an input that the output is constant in.
    name
        What drawings and messages call it; by default the name of ``forward``.
    saves
        Which of ``out`` and the inputs, by their names in ``forward``, the rules read the values
        of: ``"out"``, ``"x y"``. Of the others a rule sees shape and dtype only, and memory is
        saved. By default all.
    broadcasts
        Whether inputs broadcast against each other. A rule may then return a gradient of the
        output's shape, and it is summed over what was repeated.

    Raises
    ------
    ArgumentError
        If ``forward`` or a rule does not take the arguments it would get.
    DtypeError
        When called, if ``forward`` does not return an array of numbers.
    InternalError
        In a backward pass, if a rule raises, or returns anything but an array of the input's shape.

    Notes
    -----
    What ``forward`` and the rules are given is read-only: others use it. An exception in
    ``forward`` is passed on, with a note that names the operation.

    Examples
    --------
    >>> import numpy as np
    >>> import microtensor as mt
    >>> softsign = mt.custom_op(
    ...     lambda x: x / (1 + abs(x)),
    ...     lambda g, out, x: g / (1 + abs(x)) ** 2,
    ...     name="softsign",
    ... )
    >>> x = mt.tensor([1.0, -3.0], requires_grad=True)
    >>> softsign(x)
    tensor([ 0.5 , -0.75], op=softsign)
    >>> softsign(x).sum().backward()
    >>> x.grad
    tensor([0.25  , 0.0625])
    """
    return CustomOp(forward, vjps, name or _name(forward), saves, broadcasts)


class CustomOp(Op):
    """What `custom_op` makes: an `Op` that trusts neither its kernel nor its rules."""

    def __init__(
        self,
        forward: Callable[..., Any],
        vjps: tuple[Rule | None, ...],
        name: str,
        saves: str | None,
        broadcasts: bool,
    ) -> None:
        self.name = name
        self.forward = forward
        self.inputs, parameters = self._arguments(forward, vjps)
        super().__init__(
            name,
            self._kernel(forward),
            tuple(self._rule(i, rule, parameters) for i, rule in enumerate(vjps))
            if any(vjps)
            else None,
            arity=len(vjps),
            broadcasts=broadcasts,
            parameters=parameters,
            register=False,
        )
        known = ("out", *self.inputs)
        saved = known if saves is None else saves.split()
        if not set(saved) <= set(known):
            raise ArgumentError(f"{name} saves {saves!r}, and has {', '.join(known)} to save.")
        self.saves = tuple(argument in saved for argument in known) if saved else ()

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """Apply to arrays, giving an array, or to Tensors, giving a Tensor that records it."""
        if len(inputs) < self.arity:
            raise TypeError(
                f"{self.name}() takes {', '.join(self.inputs)} by position, and got {len(inputs)} "
                "of them."
            )
        return super().__call__(*inputs, **params)

    @property
    def summary(self) -> str:
        """What the operation does, for people."""
        return f"{self.name}, of {', '.join(self.inputs)}."

    def _arguments(
        self, forward: Callable[..., Any], vjps: tuple[Rule | None, ...]
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Return the names of the inputs, and the parameters with their defaults."""
        if not vjps or not all(rule is None or callable(rule) for rule in vjps):
            raise ArgumentError(
                f"{self.name} needs a rule for each input of forward: a function, or None where "
                f"the output is constant, and got {', '.join(map(repr, vjps)) or 'none'}."
            )
        if isinstance(forward, np.ufunc):
            given = list(inspect.signature(lambda x, y: x).parameters.values())[: forward.nin]
        else:
            given = list(inspect.signature(forward).parameters.values())
        positional = [p for p in given if p.kind in _POSITIONAL]
        inputs = tuple(p.name for p in positional[: len(vjps)])
        if any(p.kind is p.VAR_POSITIONAL for p in given):
            inputs += tuple(f"x{i}" for i in range(len(inputs), len(vjps)))
        required = [p.name for p in positional if p.default is p.empty]
        if not len(required) <= len(vjps) == len(inputs):
            raise ArgumentError(
                f"{self.name} has {len(vjps)} rules, and its forward takes "
                f"{', '.join(required) or 'no inputs'}: give one rule for each input, None where "
                "the output is constant, and other arguments a default."
            )
        others = [
            p for p in given if p.name not in inputs and p.kind in (*_POSITIONAL, p.KEYWORD_ONLY)
        ]
        return inputs, {p.name: p.default for p in others}

    def _kernel(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        def kernel(*inputs: Any, **params: Any) -> Any:
            try:
                out = forward(*map(_read_only, inputs), **params)
            except Exception as error:
                error.add_note(f"in the forward function of the custom operation {self.name}")
                raise
            if isinstance(out, Tensor):
                raise DtypeError(
                    f"The forward function of {self.name} returned a Tensor: it is given arrays "
                    "and returns one; a gradient through anything else would be lost."
                )
            try:
                out = numeric(out, None, copy=False)
            except MicrotensorError as error:
                raise type(error)(f"The forward function of {self.name}: {error}") from None
            if self.differentiable and out.dtype.kind != "f" and any(map(_is_floating, inputs)):
                raise DtypeError(
                    f"The forward function of {self.name} returned {out.dtype}, which has no "
                    "gradient: return floating-point numbers, or give None for every rule."
                )
            return out

        return kernel

    def _rule(self, i: int, rule: Rule | None, parameters: dict[str, Any]) -> Rule:
        """Return a rule that is checked: when it is defined, and whenever it is used."""
        if rule is None:
            return lambda g, out, *inputs, **params: np.zeros(inputs[i].shape, inputs[i].dtype)
        self._check_arguments(i, rule, parameters)

        def checked(g: Any, out: Any, *inputs: Any, **params: Any) -> Any:
            try:
                c = rule(*map(_read_only, (g, out, *inputs)), **params)
            except Exception as error:
                raise self._broken(i, f"raised {type(error).__name__}: {error}") from error
            if isinstance(c, (int, float)):
                c = np.asarray(c)
            if not _is_array(c):
                given = "None" if c is None else f"a {type(c).__name__}"
                raise self._broken(i, f"gave {given} instead of an array")
            if c.dtype.kind not in "fiub":
                raise self._broken(i, f"gave an array of dtype {c.dtype}")
            if c.shape != inputs[i].shape and not (self.broadcasts and c.shape == g.shape):
                raise self._broken(
                    i, f"gave a gradient of shape {c.shape}, and the input has {inputs[i].shape}"
                )
            return as_tensor(c) if isinstance(g, Tensor) else c

        return checked

    def _check_arguments(self, i: int, rule: Rule, parameters: dict[str, Any]) -> None:
        signature = inspect.signature(rule)
        try:
            signature.bind(None, None, *self.inputs, **parameters)
        except TypeError as error:
            wanted = ", ".join(["g", "out", *self.inputs, *(f"{name}=" for name in parameters)])
            raise ArgumentError(
                f"The rule of {self.name} for {self.inputs[i]} takes {signature}, and would be "
                f"called as rule({wanted}): {error}."
            ) from None

    def _broken(self, i: int, what: str) -> InternalError:
        return InternalError(f"The rule of {self.name} for its input {self.inputs[i]} {what}.")


def _name(forward: Callable[..., Any]) -> str:
    name = getattr(forward, "__name__", "")
    return name if name.isidentifier() else "custom_op"


def _is_floating(x: Any) -> bool:
    return isinstance(x, float) or getattr(getattr(x, "dtype", None), "kind", None) == "f"


def _is_array(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic, Recordable))


def _read_only(x: Any) -> Any:
    """Return a view that cannot be written to: a rule or a kernel does not own what it is given."""
    if isinstance(x, Tensor):
        return wrap(_read_only(x._array), leaf_of(x), x.requires_grad)
    if isinstance(x, np.ndarray) and not isinstance(x, Recordable):
        x = x.view()
        x.flags.writeable = False
    return x
