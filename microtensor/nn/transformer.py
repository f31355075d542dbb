"""The encoder of the transformer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from ..tensor import Tensor
from . import functional as F
from .attention import MultiheadAttention
from .containers import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm
from .sizes import whole

__all__ = ["TransformerEncoder", "TransformerEncoderLayer"]


class TransformerEncoderLayer(Module):
    """Self-attention and a network of two linear layers, each added to its input and normalised.

    Vaswani and others, "Attention Is All You Need", 2017.

    Parameters
    ----------
    d_model
        The length E of each element of the sequence.
    nhead
        How many heads attend; ``d_model`` is a multiple.
    dim_feedforward
        The width of the network.
    dropout
        The probability with which elements are left out while training.
    activation
        ``"relu"``, ``"gelu"``, or a function of a Tensor.
    layer_norm_eps
        The ``eps`` of the `LayerNorm`.
    batch_first
        Whether sequences are (N, L, E), and not (L, N, E).
    norm_first
        Whether to normalise before attention and network, and not after.
    bias
        Whether the layers have one.
    dtype
        Of the parameters; float64 by default.
    generator
        What the initial values and the dropout are drawn from; by default a fresh one.

    Raises
    ------
    ShapeError
        If ``d_model`` is no multiple of ``nhead``, or an input or mask does not fit.
    ArgumentError
        If there is no such activation.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor import nn
    >>> layer = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    >>> layer(np.ones((3, 5, 8))).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        generator = np.random.default_rng() if generator is None else generator
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype, generator=generator
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype, generator=generator)
        self.dropout = Dropout(dropout, generator=generator)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype, generator=generator)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.dropout1 = Dropout(dropout, generator=generator)
        self.dropout2 = Dropout(dropout, generator=generator)
        self.activation = _function(activation)

    def forward(
        self,
        src: Any,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Map a sequence to one of the same shape; masks are those of `MultiheadAttention`."""
        x = src
        if self.norm_first:
            x = x + self._attend(self.norm1(x), src_mask, src_key_padding_mask, is_causal)
            return x + self._feed(self.norm2(x))
        x = self.norm1(x + self._attend(x, src_mask, src_key_padding_mask, is_causal))
        return self.norm2(x + self._feed(x))

    def _attend(self, x: Any, mask: Any, padding: Any, is_causal: bool) -> Any:
        out, _ = self.self_attn(
            x, x, x, padding, need_weights=False, attn_mask=mask, is_causal=is_causal
        )
        return self.dropout1(out)

    def _feed(self, x: Any) -> Any:
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerEncoder(Module):
    """Several copies of a layer, one after the other.

    Parameters
    ----------
    encoder_layer
        What is copied. As in PyTorch, all begin with its parameters: they are learned apart.
    num_layers
        How many copies.
    norm
        A last layer that normalises, or ``None``.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor import nn
    >>> layer = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16)
    >>> encoder = nn.TransformerEncoder(layer, num_layers=3)
    >>> encoder(np.ones((5, 2, 8))).shape
    (5, 2, 8)
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        self.num_layers = whole("TransformerEncoder", "num_layers", num_layers)
        self.layers = ModuleList(_copied(encoder_layer) for _ in range(self.num_layers))
        self.norm = norm

    def forward(
        self,
        src: Any,
        mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """Map a sequence to one of the same shape; masks are those of `MultiheadAttention`."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal=bool(is_causal))
        return src if self.norm is None else self.norm(src)


def _copied(layer: Module) -> Module:
    """Copy a layer, but share its generators: two alike would leave out the same elements."""
    generators = {
        id(value): value
        for module in layer.modules()
        for value in vars(module).values()
        if isinstance(value, (np.random.Generator, np.random.RandomState))
    }
    return copy.deepcopy(layer, dict(generators))


def _function(activation: Any) -> Any:
    if callable(activation):
        return activation
    function = getattr(F, activation, None) if activation in ("relu", "gelu") else None
    if function is None:
        raise ArgumentError(
            f"TransformerEncoderLayer has activation={activation!r}, and takes 'relu', 'gelu' or a "
            "function."
        )
    return function
