"""One step of a recurrent layer, for loops of one's own."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, ShapeError
from ..functions import relu, sigmoid, split, tanh
from ..record import as_tensor
from ..tensor import Tensor
from . import init
from .functional.layers import linear
from .module import Module
from .parameter import Parameter
from .recurrent_layer import counted, reset_uniform

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]


class _Cell(Module):
    """What cells have in common: parameters and shapes."""

    gates: ClassVar[int]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        dtype: npt.DTypeLike | None,
        generator: init.Generator | None,
    ) -> None:
        name = type(self).__name__
        self.input_size = counted(name, "input_size", input_size)
        self.hidden_size = counted(name, "hidden_size", hidden_size)
        rows = self.gates * self.hidden_size
        self.bias = bias
        self.weight_ih = Parameter(np.empty((rows, self.input_size), dtype))
        self.weight_hh = Parameter(np.empty((rows, self.hidden_size), dtype))
        self.bias_ih = Parameter(np.empty(rows, dtype)) if bias else None
        self.bias_hh = Parameter(np.empty(rows, dtype)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: init.Generator | None = None) -> None:
        """Draw all parameters anew, uniform between ±1/√hidden_size."""
        reset_uniform(self, self.hidden_size, generator)

    def _checked(self, input: Any, *states: Any) -> tuple[Any, ...]:
        """Return input and states as Tensors, states that are ``None`` as zeros."""
        x = as_tensor(input)
        name = type(self).__name__
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{name} takes an input of shape (batch, {self.input_size}) or "
                f"({self.input_size},), and got {x.shape}."
            )
        shape = (*x.shape[:-1], self.hidden_size)
        found = [x]
        for state in states:
            if state is None:
                state = np.zeros(shape, self.weight_hh.dtype)
            given = as_tensor(state)
            if given.shape != shape:
                raise ShapeError(
                    f"{name} takes a state of shape {shape} with an input of shape {x.shape}, and "
                    f"got {given.shape}."
                )
            found.append(given)
        return tuple(found)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """``tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)``, or relu of it.

    Parameters
    ----------
    input_size, hidden_size
        How many numbers an input and a state have.
    bias
        Whether there are biases.
    nonlinearity
        ``"tanh"`` or ``"relu"``.
    dtype
        Of the parameters; float64 by default.
    generator
        What the initial values are drawn from; a fresh, unpredictable one by default.

    >>> import numpy as np
    >>> from microtensor import nn
    >>> nn.RNNCell(10, 20)(np.ones((3, 10))).shape
    (3, 20)
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        dtype: npt.DTypeLike | None = None,
        generator: init.Generator | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(
                f"RNNCell has nonlinearity={nonlinearity!r}, and knows 'tanh' and 'relu'."
            )
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, bias, dtype, generator)

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        """Return the next state; an input has the shape (batch, input_size) or (input_size,)."""
        x, h = self._checked(input, hx)
        sums = linear(x, self.weight_ih, self.bias_ih) + linear(h, self.weight_hh, self.bias_hh)
        return tanh(sums) if self.nonlinearity == "tanh" else relu(sums)

    def extra_repr(self) -> str:
        """Return the sizes."""
        other = "" if self.nonlinearity == "tanh" else ", nonlinearity=relu"
        return super().extra_repr() + other


class GRUCell(_Cell):
    """One step of a `GRU`; the arguments are `RNNCell`'s, but for ``nonlinearity``.

    >>> import numpy as np
    >>> from microtensor import nn
    >>> nn.GRUCell(10, 20)(np.ones((3, 10))).shape
    (3, 20)
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
        generator: init.Generator | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, dtype, generator)

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        """Return the next state; an input has the shape (batch, input_size) or (input_size,)."""
        x, h = self._checked(input, hx)
        x_r, x_z, x_n = split(linear(x, self.weight_ih, self.bias_ih), 3, axis=-1)
        h_r, h_z, h_n = split(linear(h, self.weight_hh, self.bias_hh), 3, axis=-1)
        r = sigmoid(x_r + h_r)
        z = sigmoid(x_z + h_z)
        n = tanh(x_n + r * h_n)
        return (1 - z) * n + z * h


class LSTMCell(_Cell):
    """One step of an `LSTM`; the arguments are `RNNCell`'s, but for ``nonlinearity``.

    >>> import numpy as np
    >>> from microtensor import nn
    >>> h, c = nn.LSTMCell(10, 20)(np.ones((3, 10)))
    >>> h.shape, c.shape
    ((3, 20), (3, 20))
    """

    gates = 4

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
        generator: init.Generator | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, dtype, generator)

    def forward(self, input: Any, hx: Any = None) -> tuple[Tensor, Tensor]:
        """Return the next ``(h, c)``; ``hx`` is the pair of them before, 0 by default."""
        if hx is not None and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise ArgumentError(f"LSTMCell takes the states as a pair (h, c), not {hx!r}.")
        x, h, c = self._checked(input, *((None, None) if hx is None else hx))
        sums = linear(x, self.weight_ih, self.bias_ih) + linear(h, self.weight_hh, self.bias_hh)
        i, f, g, o = split(sums, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c
