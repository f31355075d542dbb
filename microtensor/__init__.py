"""microtensor: an autograd library that shows its work.

A `Tensor` records the operations done to it; reverse-mode automatic differentiation turns that
record into gradients.
"""

__version__ = "0.1.0"
