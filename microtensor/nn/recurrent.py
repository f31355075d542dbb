"""Recurrent layers: a state that every step of a sequence changes; PyTorch's names and formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from ..ops import recurrent
from ..record import as_tensor
from ..tensor import Tensor
from .recurrent_layer import RecurrentLayer

__all__ = ["GRU", "LSTM", "RNN"]


class RNN(RecurrentLayer):
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

    def forward(self, input: Any, hx: Any = None) -> tuple[Tensor, Tensor]:
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


class GRU(RecurrentLayer):
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

    def forward(self, input: Any, hx: Any = None) -> tuple[Tensor, Tensor]:
        """Return ``output`` and ``h_n``, as `RNN` does."""
        output, (h_n,) = self._run(input, None if hx is None else (hx,))
        return output, h_n

    def _input_bias(self, bias_ih: Any, bias_hh: Any) -> Any:
        return bias_ih

    def _steps(self, sums: Any, weight: Any, bias: Any, states: Any) -> Any:
        if bias is None:
            bias = np.zeros(weight.shape[:1], weight.dtype)
        every = recurrent.gru(sums, weight, as_tensor(bias), *states)
        h = every[4]
        return h, (h[-1],)


class LSTM(RecurrentLayer):
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
    states = 2

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

    def forward(self, input: Any, hx: Any = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
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
        every = recurrent.lstm(sums, weight, *states)
        h = every[5]
        return h, (h[-1], every[4, -1])
