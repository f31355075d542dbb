"""One run of a function that is differentiated: what all transforms are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import autograd, ops
from ..errors import ArgumentError, DtypeError, GradientError, MicrotensorError, ShapeError
from ..record import apply_unary, as_tensor, leaf_of, wrap
from ..state import enable_grad, modes
from ..tensor import Tensor
from .trees import leaves, leaves_like, rebuild

__all__ = ["Argnums", "Run", "arguments"]

Argnums = int | tuple[int, ...]


class Run:
    """A run of a function, recorded, to be differentiated with respect to some of its arguments.

    Each of these is a leaf of the graph, or the tensor given if that has a history to be recorded;
    the function gets a copy. A leaf lives as long as the function runs: from then on, what depends
    on no living leaf is a constant to everybody but the pullback.
    """

    def __init__(
        self,
        transform: str,
        fn: Callable[..., Any],
        args: Sequence[Any],
        argnums: Argnums,
        kwargs: dict[str, Any],
        has_aux: bool = False,
    ) -> None:
        self.transform = transform
        self.fn = getattr(fn, "__name__", type(fn).__name__)
        positions = self._positions(argnums, len(args))
        self.primals: Any = tuple(args[i] for i in positions)
        if isinstance(argnums, int | np.integer):
            (self.primals,) = self.primals
        self.plain = not _has_tensor((args, kwargs))
        sources = [
            self._source(path, x) for i in positions for path, x in leaves(args[i], f"argument {i}")
        ]
        given = list(args)
        with enable_grad():
            self.inputs = [apply_unary(ops.positive, x) for x in sources]
            # An argument of its own, which the function may assign into.
            inputs = (apply_unary(ops.positive, x) for x in self.inputs)
            for i in positions:
                given[i] = rebuild(args[i], inputs)
            self.returned = fn(*given, **kwargs)
        del sources, given
        self.aux = None
        if has_aux:
            if not isinstance(self.returned, tuple) or len(self.returned) != 2:
                raise GradientError(
                    f"{self._call} with has_aux=True needs a pair, (output, aux), and got "
                    f"{_kind(self.returned)}."
                )
            self.returned, aux = self.returned
            self.aux = rebuild(aux, (self._result(x) for _, x in leaves(aux)))
        self.outputs = [self._output(path, y) for path, y in leaves(self.returned, "its output")]
        self.depends = any(map(_has_living_leaf, self.outputs))

    @property
    def value(self) -> Any:
        """What the function returned, as the caller is to see it."""
        return rebuild(self.returned, (self._result(y.copy()) for y in self.outputs))

    def gradient(self) -> Any:
        """Return the gradient of the only output, which is one number."""
        if isinstance(self.returned, (dict, tuple, list)) or [y.size for y in self.outputs] != [1]:
            raise GradientError(
                f"{self._call} needs it to return one number, and got {_kind(self.returned)}: "
                "reduce it, with .sum() or a loss, or use jacobian()."
            )
        return self._results(self._pull([np.ones_like(self.outputs[0]._array)]))

    def pullback(self, gradient: Any, given: str = "the gradient", of: str = "the output") -> Any:
        """Return the gradients of the arguments for a gradient of the output."""
        seeds = []
        pairs = leaves_like(gradient, self.returned, given, of)
        for (path, seed), y in zip(pairs, self.outputs, strict=True):
            seeds.append(as_tensor(seed))
            if seeds[-1].shape != y.shape:
                raise ShapeError(
                    f"{self._call}: {path} has shape {seeds[-1].shape}, where {of} has "
                    f"{y.shape}: it is never broadcast."
                )
        plain = self.plain and not _has_tensor(gradient)
        return self._results(self._pull(seeds), plain)

    def like(self, array: Any) -> Any:
        """Return an array as it is, or as a Tensor if the function was given one."""
        return array if self.plain else wrap(array)

    def rows(self, i: int) -> Any:
        """Return the Jacobian of output ``i``, in the structure of the arguments."""
        y = self.outputs[i]
        rows = []
        for at in np.ndindex(y.shape):
            seeds: list[Any] = [None] * len(self.outputs)
            seeds[i] = seed = np.zeros(y.shape)
            seed[at] = 1
            rows.append(self._pull(seeds))
        empty = [wrap(np.zeros((0, *x.shape), x.dtype)) for x in self.inputs]
        columns = map(ops.stack, zip(*rows, strict=True)) if rows else empty
        return self._results(
            column.reshape(y.shape + x.shape)
            for column, x in zip(columns, self.inputs, strict=True)
        )

    def _pull(self, seeds: Sequence[Any]) -> list[Tensor]:
        """Return the gradients of the inputs for those of the outputs, ``None`` for zeros."""
        pairs = [
            (y, as_tensor(seed))
            for y, seed in zip(self.outputs, seeds, strict=True)
            if seed is not None and y.requires_grad
        ]
        found: Sequence[Tensor | None] = [None] * len(self.inputs)
        if pairs and self.inputs:
            ys, gs = zip(*pairs, strict=True)
            record = modes.recording and (self.depends or any(g.requires_grad for g in gs))
            found = autograd.grad(
                ys, self.inputs, gs, retain_graph=True, create_graph=record, allow_unused=True
            )
        return [
            wrap(np.zeros_like(x._array)) if g is None else g
            for x, g in zip(self.inputs, found, strict=True)
        ]

    def _source(self, path: str, x: Any) -> Tensor:
        """Return the tensor that the function is to be differentiated with respect to."""
        if isinstance(x, Tensor) and x.requires_grad and modes.recording:
            return x
        try:
            data = as_tensor(x)._array
        except MicrotensorError as error:
            raise DtypeError(f"{self._call}: {path} cannot be differentiated. {error}") from None
        if data.dtype.kind != "f":
            raise DtypeError(
                f"{self._call} differentiates with respect to {path}, which is {data.dtype}, and "
                "only floating-point arrays have a gradient: write 1.0 for 1, or leave it out of "
                "argnums."
            )
        return wrap(data, requires_grad=True)

    def _output(self, path: str, y: Any) -> Tensor:
        try:
            return as_tensor(y)
        except MicrotensorError:
            raise GradientError(
                f"{self._call} needs it to return arrays, and {path} is {_kind(y)}."
            ) from None

    def _results(self, gradients: Iterable[Tensor], plain: bool | None = None) -> Any:
        """Return gradients of the inputs in the structure of the arguments."""
        return rebuild(self.primals, (self._result(g, plain) for g in gradients))

    def _result(self, value: Any, plain: bool | None = None) -> Any:
        """Return a value as the caller is to see it: with a history only where that goes on."""
        if not isinstance(value, Tensor) or (modes.recording and _has_living_leaf(value)):
            return value
        return value._array[()] if (self.plain if plain is None else plain) else value.detach()

    def _positions(self, argnums: Argnums, count: int) -> list[int]:
        """Return the positions of the arguments to differentiate with respect to, from 0."""
        given = [argnums] if isinstance(argnums, int | np.integer) else list(argnums)
        positions = [i + count if i < 0 else i for i in given]
        if not all(0 <= i < count for i in positions) or len(set(positions)) < len(positions):
            raise ArgumentError(
                f"{self._call} with argnums={argnums} got {count} positional arguments: each of "
                "argnums must be the position of another one."
            )
        return positions

    @property
    def _call(self) -> str:
        return f"{self.transform}() of {self.fn}"


def arguments(transform: str, name: str, given: Any) -> tuple[Any, ...]:
    """Return a tuple of arguments as it is; raise if it is something else."""
    if isinstance(given, (tuple, list)):
        return tuple(given)
    raise ArgumentError(
        f"{transform}() takes {name} as a tuple of arguments, and got {_kind(given)}: write (x,) "
        "for one."
    )


def _has_tensor(tree: Any) -> bool:
    return any(isinstance(x, Tensor) for _, x in leaves(tree))


def _has_living_leaf(value: Tensor) -> bool:
    """Tell whether a tensor depends on one that can still be asked for its gradient."""
    if not value._requires_grad:
        return False
    pending = [leaf_of(value)]
    seen = set(pending)
    while pending:
        node = pending.pop()
        if node.op is None and node.tensor() is not None:
            return True
        for parent in node.parents:
            if parent.requires_grad and parent not in seen:
                seen.add(parent)
                pending.append(parent)
    return False


def _kind(value: Any) -> str:
    """Say what a value is, for a message."""
    if isinstance(value, (Tensor, np.ndarray)):
        return f"an array of shape {value.shape}"
    return "None" if value is None else f"a {type(value).__name__}"
