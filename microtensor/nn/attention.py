"""Attention with several heads, as a layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError, DtypeError, ShapeError
from ..functions import broadcast_to, concatenate
from ..record import as_tensor
from ..tensor import Tensor
from . import functional as F
from . import init
from .functional.attention import attention_weights
from .linear import Linear
from .module import Module
from .parameter import Parameter
from .sizes import whole

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Attend with several heads: project, attend in each head, put together, and project.

    Vaswani and others, "Attention Is All You Need", 2017.

    Parameters
    ----------
    embed_dim
        The length E of a query and of the output.
    num_heads
        How many heads; each is of length ``embed_dim / num_heads``.
    dropout
        The probability with which a weight is left out while training.
    bias
        Whether the projections have one.
    add_bias_kv
        Whether a learned key and value are added to the sequence.
    add_zero_attn
        Whether a key and a value of zeros are added.
    kdim, vdim
        The lengths of a key and of a value; ``embed_dim`` by default.
    batch_first
        Whether sequences are (N, L, E), and not (L, N, E).
    dtype
        Of the parameters; float64 by default.
    generator
        What the initial values and the dropout are drawn from; by default a fresh one.

    Attributes
    ----------
    in_proj_weight
        Shape (3 E, E): of query, key and value; or ``None``, and ``q_proj_weight`` (E, E),
        ``k_proj_weight`` (E, kdim), ``v_proj_weight`` (E, vdim) where the lengths differ. Uniform
        by Xavier's formula at first.
    in_proj_bias
        Shape (3 E,), or ``None``; zeros at first.
    out_proj
        A `Linear`, whose bias is zeros at first.

    Raises
    ------
    ShapeError
        If ``embed_dim`` is no multiple of ``num_heads``, or an input or mask does not fit.
    DtypeError
        If a mask is of integers.

    Examples
    --------
    >>> import numpy as np
    >>> from microtensor import nn
    >>> layer = nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = np.ones((3, 5, 8))
    >>> output, weights = layer(x, x, x)
    >>> output.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        dtype: npt.DTypeLike | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        name = type(self).__name__
        self.embed_dim = whole(name, "embed_dim", embed_dim, least=1)
        self.num_heads = whole(name, "num_heads", num_heads, least=1)
        self.kdim = self.embed_dim if kdim is None else whole(name, "kdim", kdim)
        self.vdim = self.embed_dim if vdim is None else whole(name, "vdim", vdim)
        if self.embed_dim % self.num_heads:
            raise ShapeError(
                f"{name} has embed_dim={embed_dim}, which cannot be divided among "
                f"num_heads={num_heads} equal heads."
            )
        if not 0.0 <= dropout <= 1.0:
            raise ArgumentError(f"{name} has dropout={dropout}, and needs one from 0 to 1.")
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn
        self.head_dim = self.embed_dim // self.num_heads
        self.generator = np.random.default_rng() if generator is None else generator
        e = self.embed_dim
        same = self.kdim == e and self.vdim == e
        self.in_proj_weight = Parameter(np.empty((3 * e, e), dtype)) if same else None
        self.q_proj_weight = None if same else Parameter(np.empty((e, e), dtype))
        self.k_proj_weight = None if same else Parameter(np.empty((e, self.kdim), dtype))
        self.v_proj_weight = None if same else Parameter(np.empty((e, self.vdim), dtype))
        self.in_proj_bias = Parameter(np.empty(3 * e, dtype)) if bias else None
        self.out_proj = Linear(e, e, bias, dtype=dtype, generator=self.generator)
        self.bias_k = Parameter(np.empty((1, 1, e), dtype)) if add_bias_kv else None
        self.bias_v = Parameter(np.empty((1, 1, e), dtype)) if add_bias_kv else None
        self._draw()

    def reset_parameters(self, generator: np.random.Generator | None = None) -> None:
        """Draw the weights anew."""
        if generator is not None:
            self.generator = generator
        self.out_proj.reset_parameters(self.generator)
        self._draw()

    def _draw(self) -> None:
        for weight in self._weights() if self.in_proj_weight is None else [self.in_proj_weight]:
            init.xavier_uniform_(weight, generator=self.generator)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra, generator=self.generator)

    def _weights(self) -> list[Any]:
        """Return the weights of the projections of query, key and value."""
        if self.in_proj_weight is None:
            return [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        e = self.embed_dim
        return [self.in_proj_weight[i * e : (i + 1) * e] for i in range(3)]

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend from each query to the keys.

        Parameters
        ----------
        query
            Shape (L, N, E), (N, L, E) if ``batch_first``, or (L, E).
        key, value
            Likewise (S, N, kdim) and (S, N, vdim).
        key_padding_mask
            Shape (N, S), or (S,): true where a key is padding, and nobody attends to it; or numbers
            to add to the scores.
        need_weights
            Whether to return the weights.
        attn_mask
            Shape (L, S) or (N * num_heads, L, S): true where a query does *not* attend, unlike in
            `scaled_dot_product_attention`; or numbers to add to the scores.
        average_attn_weights
            Whether the weights are averaged over the heads.
        is_causal
            Says of the ``attn_mask``, which must be given, that it is causal; it changes nothing.

        Returns
        -------
        The output, of the query's shape, and the weights, of shape (N, L, S), or (N, num_heads, L,
        S) if not averaged, without N for inputs without; or ``None``. A query that attends to no
        key has the weights 0; in PyTorch, NaN if weights are needed.
        """
        if is_causal and attn_mask is None:
            raise ArgumentError(
                f"{type(self).__name__} was called with is_causal=True and no attn_mask: give the "
                "mask, ~np.tri(L, S, dtype=bool)."
            )
        query, key, value = as_tensor(query), as_tensor(key), as_tensor(value)
        single = query.ndim == 2
        self._check(query, key, value)
        sequences = [
            x[None] if single else x if self.batch_first else x.swapaxes(0, 1)
            for x in (query, key, value)
        ]
        q, k, v = self._projected(*sequences)
        n, length = q.shape[:2]
        mask = self._mask(key_padding_mask, attn_mask, n, length, sequences[1].shape[1])
        q, k, v = (
            x.reshape((n, x.shape[1], self.num_heads, self.head_dim)).swapaxes(1, 2)
            for x in (q, k, v)
        )
        if mask is not None and k.shape[2] > mask.shape[-1]:
            more = np.ones((*mask.shape[:-1], k.shape[2] - mask.shape[-1]), mask.dtype)
            mask = np.concatenate([mask, more if mask.dtype == np.bool_ else 0.0 * more], axis=-1)
        weights = attention_weights(q, k, mask)
        if self.training and self.dropout:
            weights = F.dropout(weights, self.dropout, generator=self.generator)
        out = (weights @ v).swapaxes(1, 2).reshape((n, length, self.embed_dim))
        out = self.out_proj(out)
        out = out[0] if single else out if self.batch_first else out.swapaxes(0, 1)
        if not need_weights:
            return out, None
        if average_attn_weights:
            weights = weights.mean(axis=1)
        return out, weights[0] if single else weights

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        batch = 0 if self.batch_first else 1
        sequence = 1 - batch
        axes = query.ndim
        shapes = query.shape, key.shape, value.shape
        lengths = self.embed_dim, self.kdim, self.vdim
        fits = axes in (2, 3) and all(
            len(shape) == axes and shape[-1] == length
            for shape, length in zip(shapes, lengths, strict=True)
        )
        if fits and axes == 2:
            fits = key.shape[0] == value.shape[0]
        elif fits:
            fits = len({shape[batch] for shape in shapes}) == 1
            fits = fits and key.shape[sequence] == value.shape[sequence]
        if not fits:
            form = "(N, {}, {})" if self.batch_first else "({}, N, {})"
            wanted = (form.format(s, n) for s, n in zip("LSS", lengths, strict=True))
            raise ShapeError(
                f"{type(self).__name__} takes query, key and value of shapes {', '.join(wanted)}, "
                f"or all without N, and got {', '.join(map(str, shapes))}."
            )

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> list[Any]:
        """Return query, key and value projected, with what is added to the sequence."""
        e, n = self.embed_dim, query.shape[0]
        projected: list[Any] = []
        inputs: tuple[Any, ...] = query, key, value
        for i, (x, weight) in enumerate(zip(inputs, self._weights(), strict=True)):
            bias = None if self.in_proj_bias is None else self.in_proj_bias[i * e : (i + 1) * e]
            x = F.linear(x, weight, bias)
            extra = (None, self.bias_k, self.bias_v)[i]
            if extra is not None:
                x = concatenate([x, broadcast_to(extra, (n, 1, e))], axis=1)
            if i and self.add_zero_attn:
                x = np.concatenate([x, np.zeros((n, 1, e), x.dtype)], axis=1)
            projected.append(x)
        return projected

    def _mask(self, padding: Any, mask: Any, n: int, queries: int, keys: int) -> Any:
        """Return which keys are attended to, or what is added, of (N, heads, L, S) or fewer."""
        parts = []
        if padding is not None:
            padding = self._known("key_padding_mask", padding)
            if padding.shape not in ((n, keys), *([(keys,)] if n == 1 else [])):
                self._refuse("key_padding_mask", padding, f"{(n, keys)}: (N, S)")
            parts.append(padding.reshape((n, 1, 1, keys)))
        if mask is not None:
            mask = self._known("attn_mask", mask)
            if mask.shape == (queries, keys):
                parts.append(mask)
            elif mask.shape == (n * self.num_heads, queries, keys):
                parts.append(mask.reshape((n, self.num_heads, queries, keys)))
            else:
                wanted = f"{(queries, keys)} or {(n * self.num_heads, queries, keys)}"
                self._refuse("attn_mask", mask, f"{wanted}: (L, S) or (N * num_heads, L, S)")
        if not parts:
            return None
        if all(part.dtype == np.bool_ for part in parts):
            return ~(parts[0] if len(parts) == 1 else parts[0] | parts[1])
        added = [np.where(part, -np.inf, 0.0) if part.dtype == np.bool_ else part for part in parts]
        return added[0] if len(added) == 1 else added[0] + added[1]

    def _known(self, name: str, mask: Any) -> Any:
        mask = as_tensor(mask)
        if mask.dtype.kind not in "bf":
            raise DtypeError(
                f"{name} has dtype {mask.dtype}, and must be of booleans, true where nobody is to "
                "attend, or of floating-point numbers, which are added to the scores."
            )
        return mask

    def _refuse(self, name: str, mask: Tensor, wanted: str) -> None:
        raise ShapeError(f"{name} has the shape {mask.shape}, and needs {wanted}.")
