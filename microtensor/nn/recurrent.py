"""Recurrent layers: a state that every step of a sequence changes; PyTorch's names and formulas."""

from __future__ import annotations

import math
import operator
import warnings
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, ShapeError
from ..ops import recurrent
from ..record import as_tensor
from . import init
from .functional.layers import dropout as drop
from .functional.layers import linear
from .module import Module
from .parameter import Parameter

__all__ = ["GRU", "LSTM", "RNN", "counted", "reset_uniform"]


class _Recurrent(Module):
    """What recurrent layers have in common: parameters, shapes, and the way through the layers."""

    gates: ClassVar[int]
    """How many sums there are for each element of the state."""

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
            sums = np.flip(sums, 0)
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
            return (zeros,) * (2 if isinstance(self, LSTM) else 1)
        names = ("h_0", "c_0")
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


class RNN(_Recurrent):
    r"""Steps of ``h = tanh(x @ W_ih.T + b_ih + h @ W_hh.T + b_hh)`` (Elman, 1990).

    Parameters
    ----------
    input_size, hidden_size
        How many numbers an input and a state have.
    num_layers
        How many layers there are; each takes the states of the one before as its input.
    nonlinearity
        ``"tanh"`` or ``"relu"``.
    bias
        Whether there are biases.
    batch_first
        Whether input and output have the shape (batch, steps, ...) instead of (steps, batch, ...).
    dropout
        The probability with which elements are left out between layers, while training.
    bidirectional
        Whether each layer goes through the steps in reverse order as well; the output has both
        states side by side.
    dtype
        Of the parameters; float64 by default.
    generator
        What the initial values are drawn from, and what dropout leaves out; a fresh, unpredictable
        one by default.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0
        Of the first layer: shapes (hidden_size, input_size), (hidden_size, hidden_size) and twice
        (hidden_size,). Other layers have other numbers, and the reverse direction is called
        ``weight_ih_l0_reverse``. All start uniform between ±1/√hidden_size.

    Raises
    ------
    ArgumentError
        If the nonlinearity is another, or dropout is no probability.
    ShapeError
        If a size is less than 1, or shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor import nn
    >>> layer = nn.RNN(10, 20, num_layers=2)
    >>> output, h_n = layer(np.ones((5, 3, 10)), np.zeros((2, 3, 20)))
    >>> output.shape, h_n.shape
    ((5, 3, 20), (2, 3, 20))
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: npt.DTypeLike | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(
                f"RNN has nonlinearity={nonlinearity!r}, and knows 'tanh' and 'relu'."
            )
        self.nonlinearity = nonlinearity
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            dtype, generator,
        )  # fmt: skip

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Return ``output`` and ``h_n``: the last layer's states, and the last states of all.

        Parameters
        ----------
        input
            Shape (steps, batch, input_size), or (steps, input_size).
        hx
            The first state; shape (layers · directions, batch, hidden_size), 0 by default.
        """
        output, (h_n,) = self._run(input, None if hx is None else (hx,))
        return output, h_n

    def _steps(self, sums: Any, weight: Any, bias: Any, states: Any) -> Any:
        step = recurrent.rnn_tanh if self.nonlinearity == "tanh" else recurrent.rnn_relu
        h = step(sums, weight, *states)
        return h, (h[-1],)

    def extra_repr(self) -> str:
        """Return the sizes, and what is not as by default."""
        other = "" if self.nonlinearity == "tanh" else ", nonlinearity=relu"
        return super().extra_repr() + other


class GRU(_Recurrent):
    """Steps of a gated recurrent unit (Cho et al., 2014), in PyTorch's form.

    ``r = σ(x W_ir + b_ir + h W_hr + b_hr)``, ``z`` likewise,
    ``n = tanh(x W_in + b_in + r · (h W_hn + b_hn))``, ``h = (1 - z) · n + z · h``.

    The arguments are `RNN`'s, but for ``nonlinearity``. A parameter has the rows of r, z and n, one
    below the other: ``weight_ih_l0`` has the shape (3 · hidden_size, input_size).

    >>> import numpy as np
    >>> from microtensor import nn
    >>> output, h_n = nn.GRU(10, 20, bidirectional=True)(np.ones((5, 3, 10)))
    >>> output.shape, h_n.shape
    ((5, 3, 40), (2, 3, 20))
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: npt.DTypeLike | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            dtype, generator,
        )  # fmt: skip

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Return ``output`` and ``h_n``, as `RNN` does."""
        output, (h_n,) = self._run(input, None if hx is None else (hx,))
        return output, h_n

    def _input_bias(self, bias_ih: Any, bias_hh: Any) -> Any:
        return bias_ih

    def _steps(self, sums: Any, weight: Any, bias: Any, states: Any) -> Any:
        if bias is None:
            bias = np.zeros(weight.shape[:1], weight.dtype)
        every = recurrent.gru(sums, weight, as_tensor(bias), *states)
        h = every[..., 4 * self.hidden_size :]
        return h, (h[-1],)


class LSTM(_Recurrent):
    """Steps of a long short-term memory (Hochreiter & Schmidhuber, 1997; Gers et al., 2000).

    ``i = σ(x W_ii + b_ii + h W_hi + b_hi)``, ``f`` and ``o`` likewise, ``g`` with tanh for σ,
    ``c = f · c + i · g``, ``h = o · tanh(c)``.

    The arguments are `RNN`'s, but for ``nonlinearity``. A parameter has the rows of i, f, g and o,
    one below the other: ``weight_ih_l0`` has the shape (4 · hidden_size, input_size). PyTorch's
    ``proj_size`` is not supported.

    >>> import numpy as np
    >>> from microtensor import nn
    >>> layer = nn.LSTM(10, 20, 2, batch_first=True)
    >>> output, (h_n, c_n) = layer(np.ones((3, 5, 10)))
    >>> output.shape, h_n.shape, c_n.shape
    ((3, 5, 20), (2, 3, 20), (2, 3, 20))
    """

    gates = 4

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: npt.DTypeLike | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            dtype, generator,
        )  # fmt: skip

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, tuple[Any, Any]]:
        """Return ``output`` and ``(h_n, c_n)``: the last layer's h, and the last states of all.

        Parameters
        ----------
        input
            Shape (steps, batch, input_size), or (steps, input_size).
        hx
            The first states (h_0, c_0); each of shape (layers · directions, batch, hidden_size), 0
            by default.
        """
        if hx is not None and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise ArgumentError(f"LSTM takes the first states as a pair (h_0, c_0), not {hx!r}.")
        output, (h_n, c_n) = self._run(input, hx if hx is None else tuple(hx))
        return output, (h_n, c_n)

    def _steps(self, sums: Any, weight: Any, bias: Any, states: Any) -> Any:
        size = self.hidden_size
        every = recurrent.lstm(sums, weight, *states)
        h = every[..., 5 * size :]
        return h, (h[-1], every[-1, :, 4 * size : 5 * size])


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
