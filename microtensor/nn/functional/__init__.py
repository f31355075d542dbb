"""Layers and losses as functions, with PyTorch's names and arguments.

>>> import microtensor as mt
>>> import microtensor.nn.functional as F
>>> logits = mt.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
>>> F.cross_entropy(logits, [2]).backward()
>>> logits.grad
tensor([[ 0.09003057,  0.24472847, -0.33475904]])
"""

from ...functions import relu, sigmoid, softplus, tanh
from .class_losses import cross_entropy, nll_loss
from .elementwise_losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    l1_loss,
    mse_loss,
    sse_loss,
)
from .layers import dropout, flatten, linear, log_softmax, softmax

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dropout",
    "flatten",
    "l1_loss",
    "linear",
    "log_softmax",
    "mse_loss",
    "nll_loss",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "sse_loss",
    "tanh",
]
