"""What recurrent layers have in common: parameters, shapes, and the way through the layers."""

from __future__ import annotations

import math
import operator
import warnings
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, ShapeError
from ..functions import flip
from ..record import as_tensor
from . import init
from .functional.dropouts import dropout as drop
from .functional.layers import linear
from .module import Module
from .parameter import Parameter

__all__ = ["RecurrentLayer", "counted", "reset_uniform"]


class RecurrentLayer(Module):
    """What recurrent layers have in common: parameters, shapes, and the way through the layers."""

    gates: ClassVar[int]
    """How many sums there are for each element of the state."""

    states: ClassVar[int] = 1
    """How many arrays the state is made of."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        dtype: npt.DTypeLike | None,
        generator: np.random.Generator | None,
    ) -> None:
        name = type(self).__name__
        self.input_size = counted(name, "input_size", input_size)
        self.hidden_size = counted(name, "hidden_size", hidden_size)
        self.num_layers = counted(name, "num_layers", num_layers)
        if not 0.0 <= dropout <= 1.0:
            raise ArgumentError(
                f"{name} has dropout={dropout}, and needs a probability, from 0 to 1."
            )
        if dropout and num_layers == 1:
            warnings.warn(
                f"{name} has dropout={dropout} and one layer: dropout comes between layers, so "
                "that there is none here.",
                stacklevel=3,
            )
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.generator = np.random.default_rng() if generator is None else generator
        directions = 1 + bidirectional
        rows = self.gates * self.hidden_size
        for layer in range(self.num_layers):
            width = self.input_size if layer == 0 else directions * self.hidden_size
            for suffix in self._suffixes(layer):
                for kind, length in (("ih", width), ("hh", self.hidden_size)):
                    weight = Parameter(np.empty((rows, length), dtype))
                    setattr(self, f"weight_{kind}{suffix}", weight)
                for kind in ("ih", "hh") if bias else ():
                    setattr(self, f"bias_{kind}{suffix}", Parameter(np.empty(rows, dtype)))
        self.reset_parameters(generator)

    def reset_parameters(self, generator: np.random.Generator | None = None) -> None:
        """Draw all parameters anew, uniform between ±1/√hidden_size."""
        reset_uniform(self, self.hidden_size, generator)

    def _suffixes(self, layer: int) -> list[str]:
        """Return how the names of a layer's parameters end, for each direction."""
        return [f"_l{layer}", f"_l{layer}_reverse"][: 1 + self.bidirectional]

    def _parameters_of(self, suffix: str) -> tuple[Any, Any, Any, Any]:
        """Return both weights and both biases, which are ``None`` where there are none."""
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weight_ih, weight_hh, bias_ih, bias_hh = (
            getattr(self, kind + suffix, None) for kind in kinds
        )
        return weight_ih, weight_hh, bias_ih, bias_hh

    def _run(self, input: Any, states: tuple[Any, ...] | None) -> tuple[Any, tuple[Any, ...]]:
        """Return the output of the last layer, and the last states, all layers' in one array."""
        x = self._steps_first(as_tensor(input))
        batched = x.ndim == 3
        if not batched:
            x = x[:, None]
        initial = self._initial(states, batched, x.shape[1])
        finals: list[tuple[Any, ...]] = []
        for layer in range(self.num_layers):
            if layer and self.training and self.dropout:
                x = drop(x, self.dropout, generator=self.generator)
            outputs = []
            for reverse, suffix in enumerate(self._suffixes(layer)):
                state = tuple(s[len(finals)] for s in initial)
                output, final = self._direction(x, state, suffix, bool(reverse))
                outputs.append(output)
                finals.append(final)
            x = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=-1)
        last = tuple(np.stack(parts) for parts in zip(*finals, strict=True))
        if not batched:
            return x[:, 0], tuple(state[:, 0] for state in last)
        return x.swapaxes(0, 1) if self.batch_first else x, last

    def _direction(
        self, x: Any, states: tuple[Any, ...], suffix: str, reverse: bool
    ) -> tuple[Any, tuple[Any, ...]]:
        """Go through the steps, in reverse order if so asked."""
        weight_ih, weight_hh, bias_ih, bias_hh = self._parameters_of(suffix)
        sums = linear(x, weight_ih, self._input_bias(bias_ih, bias_hh))
        if reverse:
            sums = flip(sums, 0)
        output, final = self._steps(sums, weight_hh, bias_hh, states)
        return np.flip(output, 0) if reverse else output, final

    def _input_bias(self, bias_ih: Any, bias_hh: Any) -> Any:
        """Return what is added to the input's part of the sums, which is both biases."""
        return None if bias_ih is None else bias_ih + bias_hh

    def _steps(
        self, sums: Any, weight: Any, bias: Any, states: tuple[Any, ...]
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return the state after every step, and all that is left after the last."""
        raise NotImplementedError

    def _steps_first(self, x: Any) -> Any:
        """Check the input's shape, and put its steps first."""
        name = type(self).__name__
        if x.ndim not in (2, 3):
            batch = "(batch, steps" if self.batch_first else "(steps, batch"
            raise ShapeError(
                f"{name} takes an input of shape {batch}, {self.input_size}), or "
                f"(steps, {self.input_size}) without a batch, and got {x.shape}."
            )
        if x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{name} takes an input whose last axis has length {self.input_size} "
                f"(input_size), and got the shape {x.shape}."
            )
        if self.batch_first and x.ndim == 3:
            x = x.swapaxes(0, 1)
        if x.shape[0] == 0:
            raise ShapeError(f"{name} needs one step or more, and got none.")
        return x

    def _initial(
        self, states: tuple[Any, ...] | None, batched: bool, batch: int
    ) -> tuple[Any, ...]:
        """Check the first states; they are 0 where none are given."""
        count = self.num_layers * (1 + self.bidirectional)
        if states is None:
            dtype = self._parameters_of("_l0")[1].dtype
            zeros = as_tensor(np.zeros((count, batch, self.hidden_size), dtype))
            return (zeros,) * self.states
        names = ("h_0", "c_0")
        if isinstance(states[0], tuple):
            raise ArgumentError(
                f"{type(self).__name__} takes the first state as one tensor h_0, not a tuple of "
                f"{len(states[0])}: pairs are an LSTM's."
            )
        shape = (count, batch, self.hidden_size) if batched else (count, self.hidden_size)
        found = tuple(map(as_tensor, states))
        for name, state in zip(names, found, strict=False):
            if state.shape != shape:
                axes = "layers · directions, batch, hidden_size"
                axes = axes if batched else axes.replace(" batch,", "")
                raise ShapeError(
                    f"{type(self).__name__} takes {name} of shape {shape} ({axes}) with this "
                    f"{'batch' if batched else 'input without a batch'}, and got {state.shape}."
                )
        return found if batched else tuple(state[:, None] for state in found)

    def extra_repr(self) -> str:
        """Return the sizes, and what is not as by default."""
        shown = [f"{self.input_size}, {self.hidden_size}"]
        for name, default in _DEFAULTS.items():
            value = getattr(self, name)
            if value != default:
                shown.append(f"{name}={value}")
        return ", ".join(shown)


_DEFAULTS = {
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
}


def counted(layer: str, name: str, value: int) -> int:
    """Return a size as an integer; raise if it is none, or less than 1."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{layer} has {name}={value!r}, and needs an integer.") from None
    if count < 1:
        raise ShapeError(f"{layer} has {name}={count}, and needs 1 or more.")
    return count


def reset_uniform(module: Module, hidden_size: int, generator: init.Generator | None) -> None:
    """Draw all parameters uniform between ±1/√hidden_size."""
    generator = np.random.default_rng() if generator is None else generator
    bound = 1 / math.sqrt(hidden_size)
    for parameter in module.parameters():
        init.uniform_(parameter, -bound, bound, generator)
