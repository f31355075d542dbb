"""Optimizers, which change parameters by their gradients; PyTorch's names and formulas."""

from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Optimizer"]
