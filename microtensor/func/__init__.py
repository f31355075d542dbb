"""Transforms of functions, with the signatures of `torch.func`: from ``f`` to its derivatives.

They take functions of arrays and Tensors, and of tuples, lists and dicts of them; what they return
can be transformed again, to any depth. What they are given stays as it is: no ``.grad`` changes, no
graph is released, and an in-place operator in the function changes a copy.

Of arrays they make arrays, and of Tensors Tensors. But a result that depends on a tensor that
requires a gradient is always a Tensor, a recorded one: on one that the function closes over, or
that an outer transform differentiates. Transforms work under `no_grad` too, and what they return
there is a constant.

All are made of `vjp`: the function is run once and recorded, and each call of the pullback is a
backward pass. What does not depend on an input has the gradient zero.
"""

from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]
