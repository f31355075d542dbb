"""The bilinear function."""

from __future__ import annotations

from typing import Any

from ...errors import ShapeError
from ...ops.linalg import einsum
from ...record import as_tensor
from ...tensor import Tensor

__all__ = ["bilinear"]


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """Return ``input1 @ weight[k] @ input2 + bias[k]``, for each output k.

    Parameters
    ----------
    input1, input2
        Shapes (..., in1_features) and (..., in2_features), alike but for the last axis.
    weight
        Shape (out_features, in1_features, in2_features).
    bias
        Shape (out_features,), or ``None``.

    >>> import microtensor as mt
    >>> bilinear(mt.tensor([1.0, 2.0]), [10.0], mt.tensor([[[3.0], [4.0]]]), mt.tensor([0.5]))
    tensor([110.5])
    """
    input1, input2, weight = as_tensor(input1), as_tensor(input2), as_tensor(weight)
    if (
        input1.ndim == 0
        or input1.shape[:-1] != input2.shape[:-1]
        or weight.ndim != 3
        or weight.shape[1:] != (input1.shape[-1], input2.shape[-1])
    ):
        raise ShapeError(
            "bilinear() takes inputs (..., in1) and (..., in2) and a weight (out, in1, in2), and "
            f"got {input1.shape}, {input2.shape} and {weight.shape}."
        )
    out = einsum("...i,kij,...j->...k", input1, weight, input2)
    return out if bias is None else out + bias
