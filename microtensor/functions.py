"""The functions of the library, `mt.exp` and all others: the operations as one calls them.

Most are made from their operation's line in the table; those with a signature of their own (`clip`,
`concatenate`, `einsum`, ...) are written where their operation is. Given a Tensor they record;
given only arrays they are NumPy, and give an array.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from . import ops
from .op import Op, Recordable
from .ops import (
    clip,
    concatenate,
    cumulative,
    dot,
    einsum,
    exponential,
    interpolation,
    join,
    outer,
    products,
    rearrange,
    rounding,
    sorting,
    split,
    stack,
    statistics,
    tensordot,
    trigonometric,
    where,
)
from .ops import (
    select as selection,
)
from .ops.cumulative import *
from .ops.interpolation import *
from .ops.join import *
from .ops.products import *
from .ops.rearrange import *
from .ops.rounding import *
from .ops.select import *
from .ops.sorting import *
from .ops.statistics import *
from .record import apply_binary, apply_unary, numeric
from .tensor import Tensor

Function = Callable[..., Any]


def _array(x: Any) -> Any:
    return x if isinstance(x, (Recordable, np.ndarray)) else numeric(x, None, copy=False)


def _function(op: Op, doc: str | None = None) -> Function:
    """Return the function that applies ``op``, with as few steps between as there can be."""

    def unary(x: Any) -> Any:
        return apply_unary(op, x) if isinstance(x, Tensor) else op(_array(x))

    def binary(x: Any, y: Any) -> Any:
        if isinstance(x, Tensor) or isinstance(y, Tensor):
            return apply_binary(op, x, y)
        return op(_array(x), _array(y))

    def with_parameters(x: Any, *args: Any, **params: Any) -> Any:
        return op(_array(x), *args, **params)

    function: Function = with_parameters if op.parameters else unary if op.arity == 1 else binary
    function.__name__ = function.__qualname__ = op.name
    if doc is None:
        doc = f"`numpy.{op.numpy[0].__name__}`, which records when given a Tensor."
    function.__doc__ = inspect.cleandoc(doc)
    function.__signature__ = op.signature  # type: ignore[attr-defined] # read by inspect
    return function


absolute = _function(ops.absolute)
add = _function(ops.add)
all = _function(ops.all)
any = _function(ops.any)
argmax = _function(ops.argmax)
argmin = _function(ops.argmin)
broadcast_to = _function(ops.broadcast_to)
ceil = _function(ops.ceil)
copy = _function(ops.copy)
cos = _function(ops.cos)
divide = _function(ops.divide)
equal = _function(ops.equal)
exp = _function(ops.exp)
expand_dims = _function(ops.expand_dims)
expm1 = _function(ops.expm1)
flip = _function(ops.flip)
floor = _function(ops.floor)
floor_divide = _function(ops.floor_divide)
full_like = _function(ops.full_like)
greater = _function(ops.greater)
greater_equal = _function(ops.greater_equal)
isfinite = _function(ops.isfinite)
isinf = _function(ops.isinf)
isnan = _function(ops.isnan)
less = _function(ops.less)
less_equal = _function(ops.less_equal)
log = _function(ops.log)
log1p = _function(ops.log1p)
log_softmax = _function(
    ops.log_softmax,
    """Return log(softmax(x)) along ``axis``, by default the last; finite for any x.

    >>> import microtensor as mt
    >>> log_softmax(mt.tensor([1000.0, 0.0]))
    tensor([    0., -1000.])
    """,
)
logical_and = _function(ops.logical_and)
logical_not = _function(ops.logical_not)
logical_or = _function(ops.logical_or)
logical_xor = _function(ops.logical_xor)
logsumexp = _function(
    ops.logsumexp,
    """Return log(sum(exp(x))) over all axes or ``axis``, without overflow.

    >>> import microtensor as mt
    >>> logsumexp(mt.tensor([1000.0, 1000.0]))
    tensor(1000.69314718)
    """,
)
matmul = _function(ops.matmul)
max = _function(ops.max)
maximum = _function(ops.maximum)
mean = _function(ops.mean)
min = _function(ops.min)
minimum = _function(ops.minimum)
moveaxis = _function(ops.moveaxis)
multiply = _function(ops.multiply)
negative = _function(ops.negative)
not_equal = _function(ops.not_equal)
ones_like = _function(ops.ones_like)
positive = _function(ops.positive)
power = _function(ops.power)
prod = _function(ops.prod)
reciprocal = _function(ops.reciprocal)
relu = _function(
    ops.relu,
    """Return the larger of x and 0, elementwise; the derivative at 0 is 0.

    >>> import microtensor as mt
    >>> relu(mt.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """,
)
remainder = _function(ops.remainder)
rint = _function(ops.rint)
sigmoid = _function(
    ops.sigmoid,
    """Return 1 / (1 + exp(-x)), elementwise, without overflow.

    >>> import microtensor as mt
    >>> sigmoid(mt.tensor([-100.0, 0.0, 100.0]))
    tensor([3.72007598e-44, 5.00000000e-01, 1.00000000e+00])
    """,
)
sign = _function(ops.sign)
sin = _function(ops.sin)
softmax = _function(
    ops.softmax,
    """Return exp(x) / sum(exp(x)) along ``axis``, by default the last, without overflow.

    >>> import microtensor as mt
    >>> softmax(mt.tensor([1000.0, 1000.0, 0.0]))
    tensor([0.5, 0.5, 0. ])
    """,
)
softplus = _function(
    ops.softplus,
    """Return log(1 + exp(x)), elementwise, without overflow.

    >>> import microtensor as mt
    >>> softplus(mt.tensor([0.0, 10.0]))
    tensor([ 0.69314718, 10.0000454 ])
    """,
)
sqrt = _function(ops.sqrt)
square = _function(ops.square)
squeeze = _function(ops.squeeze)
std = _function(ops.std)
subtract = _function(ops.subtract)
sum = _function(ops.sum)
swapaxes = _function(ops.swapaxes)
tanh = _function(ops.tanh)
transpose = _function(ops.transpose)
trunc = _function(ops.trunc)
var = _function(ops.var)
zeros_like = _function(ops.zeros_like)
abs = absolute
amax = max
amin = min

arccos = _function(trigonometric.arccos)
arccosh = _function(trigonometric.arccosh)
arcsin = _function(trigonometric.arcsin)
arcsinh = _function(trigonometric.arcsinh)
arctan = _function(trigonometric.arctan)
arctan2 = _function(trigonometric.arctan2)
arctanh = _function(trigonometric.arctanh)
cbrt = _function(exponential.cbrt)
copysign = _function(rounding.copysign)
cosh = _function(trigonometric.cosh)
cumprod = _function(cumulative.cumprod)
cumsum = _function(cumulative.cumsum)
deg2rad = _function(trigonometric.deg2rad)
diagflat = _function(rearrange.diagflat)
diagonal = _function(rearrange.diagonal)
exp2 = _function(exponential.exp2)
fabs = _function(rounding.fabs)
float_power = _function(exponential.float_power)
fmax = _function(rounding.fmax)
fmin = _function(rounding.fmin)
fmod = _function(rounding.fmod)
heaviside = _function(rounding.heaviside)
hypot = _function(trigonometric.hypot)
log10 = _function(exponential.log10)
log2 = _function(exponential.log2)
logaddexp = _function(exponential.logaddexp)
logaddexp2 = _function(exponential.logaddexp2)
nan_to_num = _function(rounding.nan_to_num)
pad = _function(rearrange.pad)
rad2deg = _function(trigonometric.rad2deg)
repeat = _function(rearrange.repeat)
resize = _function(rearrange.resize)
roll = _function(rearrange.roll)
rot90 = _function(rearrange.rot90)
round = _function(rounding.round)
sinc = _function(trigonometric.sinc)
sinh = _function(trigonometric.sinh)
tan = _function(trigonometric.tan)
tile = _function(rearrange.tile)
tril = _function(rearrange.tril)
triu = _function(rearrange.triu)
unwrap = _function(trigonometric.unwrap)
around = round

__all__ = [
    "abs",
    "absolute",
    "add",
    "all",
    "amax",
    "amin",
    "any",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "argmax",
    "argmin",
    "around",
    "broadcast_to",
    "cbrt",
    "ceil",
    "clip",
    "concatenate",
    "copy",
    "copysign",
    "cos",
    "cosh",
    "cumprod",
    "cumsum",
    "deg2rad",
    "diagflat",
    "diagonal",
    "divide",
    "dot",
    "einsum",
    "equal",
    "exp",
    "exp2",
    "expand_dims",
    "expm1",
    "fabs",
    "flip",
    "float_power",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "full_like",
    "greater",
    "greater_equal",
    "heaviside",
    "hypot",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_softmax",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "moveaxis",
    "multiply",
    "nan_to_num",
    "negative",
    "not_equal",
    "ones_like",
    "outer",
    "pad",
    "positive",
    "power",
    "prod",
    "rad2deg",
    "reciprocal",
    "relu",
    "remainder",
    "repeat",
    "resize",
    "rint",
    "roll",
    "rot90",
    "round",
    "sigmoid",
    "sign",
    "sin",
    "sinc",
    "sinh",
    "softmax",
    "softplus",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "swapaxes",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "transpose",
    "tril",
    "triu",
    "trunc",
    "unwrap",
    "var",
    "where",
    "zeros_like",
]

__all__ += cumulative.__all__
__all__ += interpolation.__all__
__all__ += join.__all__
__all__ += products.__all__
__all__ += rearrange.__all__
__all__ += rounding.__all__
__all__ += selection.__all__
__all__ += sorting.__all__
__all__ += statistics.__all__
