"""The mistakes that people make in a step of backpropagation, each tried out on the arrays.

Every function yields what the step would give if one such mistake were made, at each place where it
could be. Nothing is decided here: `causes` looks which of them reproduces the hand-derived array.
"""

from . import derivatives, operands, paths, products, sums
from .hypothesis import Hypothesis, Known, Mistake

__all__ = ["MISTAKES", "Hypothesis", "Known", "averaged"]

averaged = sums.averaged

MISTAKES: tuple[Mistake, ...] = (
    products.transposed,
    derivatives.left_out,
    derivatives.twice,
    derivatives.at_output,
    paths.left_out,
    paths.statistics_constant,
    derivatives.for_softmax,
    paths.counted_twice,
    sums.left_out,
    operands.another_gradient,
    operands.another_tensor,
    products.elementwise,
    products.rearranged,
    derivatives.as_matrix_product,
    operands.another_gradient_passed_on,
    operands.another_gradient_in_a_loop,
    operands.another_tensor_in_a_loop,
    operands.after_update,
    paths.multiplied,
)
"""The mistakes, the simplest first."""
