"""The functions of `numpy.linalg`, `np.linalg.f(t)` and `mt.linalg.f(t)` do the same."""

from .functions import (
    _function,
    cross,
    matmul,
    matrix_transpose,
    outer,
    tensordot,
    vecdot,
)
from .ops import decompositions, norms
from .ops.decompositions import *
from .ops.norms import *
from .ops.products import multi_dot

cholesky = _function(decompositions.cholesky)
det = _function(decompositions.det)
inv = _function(decompositions.inv)
solve = _function(decompositions.solve)

__all__ = [
    "cholesky",
    "cross",
    "det",
    "inv",
    "matmul",
    "matrix_transpose",
    "multi_dot",
    "outer",
    "solve",
    "tensordot",
    "vecdot",
]
__all__ += decompositions.__all__
__all__ += norms.__all__
