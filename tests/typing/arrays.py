"""The library's functions: of a Tensor they make one, of an array an array."""

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import microtensor as mt
from microtensor import Tensor, nn

x = mt.tensor([[1.0, 2.0], [3.0, 4.0]])
a: npt.NDArray[np.float64] = np.ones((2, 2))
Array = npt.NDArray[Any]

assert_type(mt.sigmoid(x), Tensor)
assert_type(mt.exp(a), Array)
assert_type(mt.log([1.0, 2.0]), Array)
assert_type(mt.tanh(nn.Parameter(a)), Tensor)
assert_type(mt.maximum(x, 0.0), Tensor)
assert_type(mt.maximum(a, x), Tensor)
assert_type(mt.maximum(a, 0.0), Array)
assert_type(mt.matmul(a, x), Tensor)
assert_type(mt.sum(x, axis=0, keepdims=True), Tensor)
assert_type(mt.softmax(x, axis=1), Tensor)
assert_type(mt.where(x > 0, x, 0.0), Tensor)
assert_type(mt.where(a > 0, a, x), Tensor)
assert_type(mt.where(a > 0, a, 0.0), Array)
assert_type(mt.where(a > 0), tuple[Array, ...])
assert_type(mt.stack([x, x]), Tensor)
assert_type(mt.concatenate([x, a]), Tensor)
assert_type(mt.concatenate([a, a]), Array)
assert_type(mt.split(x, 2), list[Tensor])
assert_type(mt.einsum("ij,jk->ik", x, a), Tensor)
assert_type(mt.clip(x, 0.0, 1.0), Tensor)
assert_type(mt.argmax(x), Tensor)
assert_type(mt.linalg.inv(x), Tensor)
assert_type(mt.linalg.norm(x), Tensor)
assert_type(mt.linalg.eigh(x), tuple[Tensor, Tensor])


def standardized(x: Tensor, eps: float = 1e-8) -> Tensor:
    """Return the columns with mean 0 and standard deviation 1."""
    return (x - mt.mean(x, axis=0)) / mt.sqrt(mt.var(x, axis=0) + eps)


def softplus(x: Tensor) -> Tensor:
    """Return log(1 + exp(x)), of which NumPy's types say that it may be anything."""
    out: Tensor = np.log1p(np.exp(x))
    return out
