"""Layers that normalise channels by statistics of the batch, or of each example."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..record import as_tensor
from ..state import no_grad
from ..tensor import Tensor
from . import functional as F
from .normalization import Affine
from .sizes import whole

__all__ = ["BatchNorm1d", "BatchNorm2d", "InstanceNorm1d", "InstanceNorm2d"]


class _ChannelNorm(Affine):
    """What has statistics of each channel, and lets running ones follow them."""

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None
    _axes: tuple[int, ...] = ()
    """How many axes an input may have."""
    _form = ""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: npt.DTypeLike | None = None,
        bias: bool = True,
    ) -> None:
        self.num_features = whole(type(self).__name__, "num_features", num_features)
        self.eps, self.momentum, self.affine = eps, momentum, affine
        self.track_running_stats = track_running_stats
        self._make(self.num_features, affine, bias, dtype)
        tracked = track_running_stats
        n = self.num_features
        self.register_buffer("running_mean", np.zeros(n, dtype) if tracked else None)
        self.register_buffer("running_var", np.ones(n, dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", np.array(0, np.int64) if tracked else None)

    def reset_running_stats(self) -> None:
        """Set the running mean to 0, the running variance to 1, and the count of batches to 0."""
        with no_grad():
            for name, value in (
                ("running_mean", 0),
                ("running_var", 1),
                ("num_batches_tracked", 0),
            ):
                buffer = getattr(self, name)
                if buffer is not None:
                    buffer[...] = value

    def reset_parameters(self) -> None:
        """Set the parameters, and the running statistics, to what they started with."""
        self.reset_running_stats()
        super().reset_parameters()

    def _counted(self) -> Any:
        """Count a training batch; return the weight with which it comes in."""
        count = self.num_batches_tracked
        if count is None:
            return 0.0 if self.momentum is None else self.momentum
        with no_grad():
            count += 1
            if self.momentum is not None:
                return self.momentum
            assert self.running_mean is not None
            return (1.0 / count).astype(self.running_mean.dtype)

    def _checked(self, input: Any) -> Any:
        input = as_tensor(input)
        channels = input.shape[1] if input.ndim > 1 else None
        if input.ndim not in self._axes or channels != self.num_features:
            raise ShapeError(
                f"{self!r} takes an input of shape {self._form} with C = {self.num_features} "
                f"(num_features), and got the shape {input.shape}."
            )
        return input

    def extra_repr(self) -> str:
        """Return the sizes and settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_ChannelNorm):
    def forward(self, input: Any) -> Tensor:
        """Normalise an input of the layer's form; the output has its shape."""
        input = self._checked(input)
        tracked = self.track_running_stats and self.running_mean is not None
        momentum = self._counted() if self.training and tracked else 0.0
        return F.batch_norm(
            input,
            self.running_mean if not self.training or tracked else None,
            self.running_var if not self.training or tracked else None,
            self.weight,
            self.bias,
            training=self.training or self.running_mean is None,
            momentum=momentum,
            eps=self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Normalise each channel over the batch: (x - mean) / √(var + eps) · weight + bias.

    While training, mean and variance are the batch's, and running ones follow them:
    ``running = (1 - momentum) · running + momentum · batch``, with the variance over n - 1. After
    `eval` the running ones are used (Ioffe and Szegedy, "Batch Normalization", 2015).

    Parameters
    ----------
    num_features
        The number of channels C, of an input of shape (N, C) or (N, C, L).
    eps
        What is added to the variance.
    momentum
        The weight of a batch in the running statistics; ``None`` for the average of all batches.
    affine
        Whether there are a weight and a bias.
    track_running_stats
        Whether there are running statistics; without them the batch's are always used.
    dtype
        Of parameters and buffers; float64 by default.
    bias
        Whether there is a bias, if affine.

    Attributes
    ----------
    weight, bias
        Shape (C,), at first 1 and 0; ``None`` if not affine.
    running_mean, running_var
        Buffers of shape (C,), at first 0 and 1, or ``None``.
    num_batches_tracked
        A buffer, int64: how many batches came in.

    Raises
    ------
    ShapeError
        If an input has other channels or axes, or a training batch has one value per channel.

    Examples
    --------
    >>> import microtensor as mt
    >>> from microtensor import nn
    >>> layer = nn.BatchNorm1d(2, eps=0.0)
    >>> layer(mt.tensor([[1.0, 10.0], [3.0, 50.0]])).detach()
    tensor([[-1., -1.],
            [ 1.,  1.]])
    >>> layer.running_mean
    tensor([0.2, 3. ])
    """

    _axes, _form = (2, 3), "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """Normalise each channel over the batch and all pixels; see `BatchNorm1d`.

    Parameters
    ----------
    num_features
        The number of channels C, of an input of shape (N, C, H, W).
    eps, momentum, affine, track_running_stats, dtype, bias
        As of `BatchNorm1d`.
    """

    _axes, _form = (4,), "(N, C, H, W)"


class _InstanceNorm(_ChannelNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        dtype: npt.DTypeLike | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, bias=bias, dtype=dtype
        )

    def forward(self, input: Any) -> Tensor:
        """Normalise an input of the layer's form; the output has its shape."""
        input = as_tensor(input)
        single = input.ndim == self._axes[0] - 1
        input = self._checked(input[None] if single else input)
        out = F.instance_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            use_input_stats=self.training or not self.track_running_stats,
            momentum=0.0 if self.momentum is None else self.momentum,
            eps=self.eps,
        )
        return out[0] if single else out


class InstanceNorm1d(_InstanceNorm):
    """Normalise each channel of each example: (x - mean) / √(var + eps) · weight + bias.

    By default there are no parameters, and no running statistics (Ulyanov, Vedaldi and Lempitsky,
    "Instance Normalization", 2016).

    Parameters
    ----------
    num_features
        The number of channels C, of an input of shape (N, C, L) or (C, L).
    eps, momentum, affine, track_running_stats, dtype, bias
        As of `BatchNorm1d`.
    """

    _axes, _form = (3,), "(N, C, L)"


class InstanceNorm2d(_InstanceNorm):
    """Normalise each channel of each image; see `InstanceNorm1d`.

    Parameters
    ----------
    num_features
        The number of channels C, of an input of shape (N, C, H, W) or (C, H, W).
    eps, momentum, affine, track_running_stats, dtype, bias
        As of `BatchNorm1d`.
    """

    _axes, _form = (4,), "(N, C, H, W)"
