"""Layers and losses as functions, with PyTorch's names and arguments.

>>> import microtensor as mt
>>> import microtensor.nn.functional as F
>>> logits = mt.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
>>> F.cross_entropy(logits, [2]).backward()
>>> logits.grad
tensor([[ 0.09003057,  0.24472847, -0.33475904]])
"""

from ...functions import relu, sigmoid, tanh
from .activations import gelu, glu, logsigmoid, mish, silu, softplus, softsign, tanhshrink
from .class_losses import cross_entropy, nll_loss
from .elementwise_losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    l1_loss,
    mse_loss,
    sse_loss,
)
from .layers import dropout, flatten, linear, log_softmax, softmax, softmin
from .rectifiers import (
    celu,
    elu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    prelu,
    relu6,
    rrelu,
    selu,
    softshrink,
    threshold,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "cross_entropy",
    "dropout",
    "elu",
    "flatten",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "l1_loss",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mish",
    "mse_loss",
    "nll_loss",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "sse_loss",
    "tanh",
    "tanhshrink",
    "threshold",
]
