"""The types of the functions: of a Tensor they make one, of arrays an array."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, overload

import numpy.typing as npt

from .tensor import Tensor

_Array: TypeAlias = npt.NDArray[Any]
_ArrayLike: TypeAlias = npt.ArrayLike
_TensorLike: TypeAlias = Tensor | _ArrayLike
_Axis: TypeAlias = int | tuple[int, ...] | None
_Shape: TypeAlias = int | Sequence[int]

__all__ = [
    "abs",
    "absolute",
    "add",
    "all",
    "amax",
    "amin",
    "any",
    "append",
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
    "array_split",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "average",
    "bincount",
    "block",
    "broadcast_arrays",
    "broadcast_to",
    "cbrt",
    "ceil",
    "choose",
    "clip",
    "column_stack",
    "compress",
    "concatenate",
    "convolve",
    "copy",
    "copysign",
    "corrcoef",
    "correlate",
    "cos",
    "cosh",
    "cov",
    "cross",
    "cumprod",
    "cumsum",
    "cumulative_prod",
    "cumulative_sum",
    "deg2rad",
    "delete",
    "diag",
    "diagflat",
    "diagonal",
    "diff",
    "divide",
    "divmod",
    "dot",
    "dsplit",
    "dstack",
    "ediff1d",
    "einsum",
    "equal",
    "exp",
    "exp2",
    "expand_dims",
    "expm1",
    "extract",
    "fabs",
    "flip",
    "fliplr",
    "flipud",
    "float_power",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "frexp",
    "full_like",
    "geomspace",
    "gradient",
    "greater",
    "greater_equal",
    "heaviside",
    "hsplit",
    "hstack",
    "hypot",
    "imag",
    "inner",
    "insert",
    "interp",
    "isfinite",
    "isinf",
    "isnan",
    "kron",
    "ldexp",
    "less",
    "less_equal",
    "linspace",
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
    "logspace",
    "logsumexp",
    "matmul",
    "matrix_transpose",
    "matvec",
    "max",
    "maximum",
    "mean",
    "median",
    "meshgrid",
    "min",
    "minimum",
    "modf",
    "moveaxis",
    "multiply",
    "nan_to_num",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "negative",
    "not_equal",
    "ones_like",
    "outer",
    "pad",
    "partition",
    "percentile",
    "piecewise",
    "polyval",
    "positive",
    "power",
    "prod",
    "ptp",
    "quantile",
    "rad2deg",
    "ravel",
    "reciprocal",
    "relu",
    "remainder",
    "repeat",
    "reshape",
    "resize",
    "rint",
    "roll",
    "rollaxis",
    "rot90",
    "round",
    "select",
    "sigmoid",
    "sign",
    "sin",
    "sinc",
    "sinh",
    "softmax",
    "softplus",
    "sort",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "swapaxes",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "transpose",
    "trapezoid",
    "tril",
    "trim_zeros",
    "triu",
    "trunc",
    "unstack",
    "unwrap",
    "vander",
    "var",
    "vdot",
    "vecdot",
    "vecmat",
    "vsplit",
    "vstack",
    "where",
    "zeros_like",
]

class _Unary(Protocol):
    @overload
    def __call__(self, x: Tensor, /) -> Tensor: ...
    @overload
    def __call__(self, x: _ArrayLike, /) -> _Array: ...

class _Binary(Protocol):
    @overload
    def __call__(self, x: Tensor, y: _TensorLike, /) -> Tensor: ...
    @overload
    def __call__(self, x: _ArrayLike, y: Tensor, /) -> Tensor: ...
    @overload
    def __call__(self, x: _ArrayLike, y: _ArrayLike, /) -> _Array: ...

class _Reduction(Protocol):
    @overload
    def __call__(self, x: Tensor, /, axis: _Axis = None, keepdims: bool = False) -> Tensor: ...
    @overload
    def __call__(self, x: _ArrayLike, /, axis: _Axis = None, keepdims: bool = False) -> _Array: ...

class _NumPyReduction(Protocol):
    @overload
    def __call__(self, a: Tensor, axis: _Axis = None, keepdims: bool = False) -> Tensor: ...
    @overload
    def __call__(self, a: _ArrayLike, axis: _Axis = None, keepdims: bool = False) -> _Array: ...

class _Product(Protocol):
    @overload
    def __call__(self, a: Tensor, b: _TensorLike) -> Tensor: ...
    @overload
    def __call__(self, a: _ArrayLike, b: Tensor) -> Tensor: ...
    @overload
    def __call__(self, a: _ArrayLike, b: _ArrayLike) -> _Array: ...

class _Stack(Protocol):
    @overload
    def __call__(self, tup: Tensor | Sequence[Tensor]) -> Tensor: ...
    @overload
    def __call__(self, tup: _ArrayLike) -> _Array: ...  # type: ignore[overload-overlap] # a list of arrays fits the next, too
    @overload
    def __call__(self, tup: Sequence[_TensorLike]) -> Tensor: ...

class _Quantile(Protocol):
    @overload
    def __call__(
        self,
        a: Tensor,
        q: _ArrayLike,
        axis: _Axis = None,
        *,
        method: str = "linear",
        keepdims: bool = False,
    ) -> Tensor: ...
    @overload
    def __call__(
        self,
        a: _ArrayLike,
        q: _ArrayLike,
        axis: _Axis = None,
        *,
        method: str = "linear",
        keepdims: bool = False,
    ) -> _Array: ...

absolute: _Unary
arccos: _Unary
arccosh: _Unary
arcsin: _Unary
arcsinh: _Unary
arctan: _Unary
arctanh: _Unary
cbrt: _Unary
ceil: _Unary
copy: _Unary
cos: _Unary
cosh: _Unary
deg2rad: _Unary
exp: _Unary
exp2: _Unary
expm1: _Unary
fabs: _Unary
floor: _Unary
isfinite: _Unary
isinf: _Unary
isnan: _Unary
log: _Unary
log10: _Unary
log1p: _Unary
log2: _Unary
logical_not: _Unary
negative: _Unary
ones_like: _Unary
positive: _Unary
rad2deg: _Unary
reciprocal: _Unary
relu: _Unary
rint: _Unary
sigmoid: _Unary
sign: _Unary
sin: _Unary
sinc: _Unary
sinh: _Unary
softplus: _Unary
sqrt: _Unary
square: _Unary
tan: _Unary
tanh: _Unary
trunc: _Unary
zeros_like: _Unary

add: _Binary
arctan2: _Binary
copysign: _Binary
divide: _Binary
equal: _Binary
float_power: _Binary
floor_divide: _Binary
fmax: _Binary
fmin: _Binary
fmod: _Binary
greater: _Binary
greater_equal: _Binary
heaviside: _Binary
hypot: _Binary
less: _Binary
less_equal: _Binary
logaddexp: _Binary
logaddexp2: _Binary
logical_and: _Binary
logical_or: _Binary
logical_xor: _Binary
matmul: _Binary
maximum: _Binary
minimum: _Binary
multiply: _Binary
not_equal: _Binary
power: _Binary
remainder: _Binary
subtract: _Binary

all: _Reduction
any: _Reduction
logsumexp: _Reduction
max: _Reduction
mean: _Reduction
min: _Reduction
prod: _Reduction
sum: _Reduction

nanmax: _NumPyReduction
nanmean: _NumPyReduction
nanmin: _NumPyReduction
nanprod: _NumPyReduction
nansum: _NumPyReduction
ptp: _NumPyReduction

dot: _Product
inner: _Product
kron: _Product
outer: _Product
vdot: _Product

column_stack: _Stack
dstack: _Stack
hstack: _Stack
vstack: _Stack

nanpercentile: _Quantile
nanquantile: _Quantile
percentile: _Quantile
quantile: _Quantile

@overload
def append(arr: Tensor, values: _TensorLike, axis: int | None = None) -> Tensor: ...
@overload
def append(arr: _ArrayLike, values: Tensor, axis: int | None = None) -> Tensor: ...
@overload
def append(arr: _ArrayLike, values: _ArrayLike, axis: int | None = None) -> _Array: ...
@overload
def argmax(x: Tensor, /, axis: int | None = None, keepdims: bool = False) -> Tensor: ...
@overload
def argmax(x: _ArrayLike, /, axis: int | None = None, keepdims: bool = False) -> _Array: ...
@overload
def argmin(x: Tensor, /, axis: int | None = None, keepdims: bool = False) -> Tensor: ...
@overload
def argmin(x: _ArrayLike, /, axis: int | None = None, keepdims: bool = False) -> _Array: ...
@overload
def array_split(
    ary: Tensor, indices_or_sections: int | Sequence[int], axis: int = 0
) -> list[Tensor]: ...
@overload
def array_split(
    ary: _ArrayLike, indices_or_sections: int | Sequence[int], axis: int = 0
) -> list[_Array]: ...
@overload
def atleast_1d(ary: Tensor, /) -> Tensor: ...
@overload
def atleast_1d(ary: _ArrayLike, /) -> _Array: ...
@overload
def atleast_1d(*arys: _TensorLike) -> Any: ...
@overload
def atleast_2d(ary: Tensor, /) -> Tensor: ...
@overload
def atleast_2d(ary: _ArrayLike, /) -> _Array: ...
@overload
def atleast_2d(*arys: _TensorLike) -> Any: ...
@overload
def atleast_3d(ary: Tensor, /) -> Tensor: ...
@overload
def atleast_3d(ary: _ArrayLike, /) -> _Array: ...
@overload
def atleast_3d(*arys: _TensorLike) -> Any: ...
def average(
    a: _TensorLike,
    axis: _Axis = None,
    weights: _TensorLike | None = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any: ...
def bincount(x: _TensorLike, weights: _TensorLike | None = None, minlength: int = 0) -> Any: ...
def block(arrays: Any) -> Any: ...
@overload
def broadcast_arrays(*args: Tensor) -> tuple[Tensor, ...]: ...
@overload
def broadcast_arrays(*args: _TensorLike) -> tuple[Any, ...]: ...
@overload
def broadcast_to(x: Tensor, /, shape: _Shape) -> Tensor: ...
@overload
def broadcast_to(x: _ArrayLike, /, shape: _Shape) -> _Array: ...
def choose(a: _TensorLike, choices: Sequence[_TensorLike], mode: str = "raise") -> Any: ...
@overload
def clip(
    a: Tensor,
    a_min: _TensorLike | None = None,
    a_max: _TensorLike | None = None,
    *,
    min: _TensorLike | None = None,
    max: _TensorLike | None = None,
) -> Tensor: ...
@overload
def clip(
    a: _ArrayLike,
    a_min: _ArrayLike | None = None,
    a_max: _ArrayLike | None = None,
    *,
    min: _ArrayLike | None = None,
    max: _ArrayLike | None = None,
) -> _Array: ...
@overload
def compress(condition: _TensorLike, a: Tensor, axis: int | None = None) -> Tensor: ...
@overload
def compress(condition: _TensorLike, a: _ArrayLike, axis: int | None = None) -> _Array: ...
@overload
def concatenate(arrays: Tensor | Sequence[Tensor], axis: int | None = 0) -> Tensor: ...
@overload
def concatenate(arrays: _ArrayLike, axis: int | None = 0) -> _Array: ...  # type: ignore[overload-overlap] # a list of arrays fits the next, too
@overload
def concatenate(arrays: Sequence[_TensorLike], axis: int | None = 0) -> Tensor: ...
@overload
def convolve(a: Tensor, v: _TensorLike, mode: str = "full") -> Tensor: ...
@overload
def convolve(a: _ArrayLike, v: Tensor, mode: str = "full") -> Tensor: ...
@overload
def convolve(a: _ArrayLike, v: _ArrayLike, mode: str = "full") -> _Array: ...
def corrcoef(x: _TensorLike, y: _TensorLike | None = None, rowvar: bool = True) -> Any: ...
@overload
def correlate(a: Tensor, v: _TensorLike, mode: str = "valid") -> Tensor: ...
@overload
def correlate(a: _ArrayLike, v: Tensor, mode: str = "valid") -> Tensor: ...
@overload
def correlate(a: _ArrayLike, v: _ArrayLike, mode: str = "valid") -> _Array: ...
def cov(
    m: _TensorLike,
    y: _TensorLike | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: float | None = None,
) -> Any: ...
@overload
def cross(
    a: Tensor,
    b: _TensorLike,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor: ...
@overload
def cross(
    a: _ArrayLike,
    b: Tensor,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor: ...
@overload
def cross(
    a: _ArrayLike,
    b: _ArrayLike,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> _Array: ...
@overload
def cumprod(x: Tensor, /, axis: int | None = None) -> Tensor: ...
@overload
def cumprod(x: _ArrayLike, /, axis: int | None = None) -> _Array: ...
@overload
def cumsum(x: Tensor, /, axis: int | None = None) -> Tensor: ...
@overload
def cumsum(x: _ArrayLike, /, axis: int | None = None) -> _Array: ...
@overload
def cumulative_prod(
    x: Tensor, /, *, axis: int | None = None, include_initial: bool = False
) -> Tensor: ...
@overload
def cumulative_prod(
    x: _ArrayLike, /, *, axis: int | None = None, include_initial: bool = False
) -> _Array: ...
@overload
def cumulative_sum(
    x: Tensor, /, *, axis: int | None = None, include_initial: bool = False
) -> Tensor: ...
@overload
def cumulative_sum(
    x: _ArrayLike, /, *, axis: int | None = None, include_initial: bool = False
) -> _Array: ...
@overload
def delete(arr: Tensor, obj: Any, axis: int | None = None) -> Tensor: ...
@overload
def delete(arr: _ArrayLike, obj: Any, axis: int | None = None) -> _Array: ...
@overload
def diag(v: Tensor, k: int = 0) -> Tensor: ...
@overload
def diag(v: _ArrayLike, k: int = 0) -> _Array: ...
@overload
def diagflat(x: Tensor, /, k: int = 0) -> Tensor: ...
@overload
def diagflat(x: _ArrayLike, /, k: int = 0) -> _Array: ...
@overload
def diagonal(x: Tensor, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor: ...
@overload
def diagonal(x: _ArrayLike, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> _Array: ...
@overload
def diff(
    a: Tensor,
    n: int = 1,
    axis: int = -1,
    prepend: _TensorLike | None = None,
    append: _TensorLike | None = None,
) -> Tensor: ...
@overload
def diff(
    a: _ArrayLike,
    n: int = 1,
    axis: int = -1,
    prepend: _ArrayLike | None = None,
    append: _ArrayLike | None = None,
) -> _Array: ...
@overload
def divmod(x1: Tensor, x2: _TensorLike) -> tuple[Tensor, Tensor]: ...
@overload
def divmod(x1: _ArrayLike, x2: Tensor) -> tuple[Tensor, Tensor]: ...
@overload
def divmod(x1: _ArrayLike, x2: _ArrayLike) -> tuple[_Array, _Array]: ...
@overload
def dsplit(ary: Tensor, indices_or_sections: int | Sequence[int]) -> list[Tensor]: ...
@overload
def dsplit(ary: _ArrayLike, indices_or_sections: int | Sequence[int]) -> list[_Array]: ...
@overload
def ediff1d(
    ary: Tensor, to_end: _TensorLike | None = None, to_begin: _TensorLike | None = None
) -> Tensor: ...
@overload
def ediff1d(
    ary: _ArrayLike, to_end: _ArrayLike | None = None, to_begin: _ArrayLike | None = None
) -> _Array: ...
@overload
def einsum(
    subscripts: str, first: Tensor, /, *operands: _TensorLike, optimize: Any = None
) -> Tensor: ...
@overload
def einsum(*operands: Any, optimize: Any = None) -> Any: ...
@overload
def expand_dims(x: Tensor, /, axis: _Axis) -> Tensor: ...
@overload
def expand_dims(x: _ArrayLike, /, axis: _Axis) -> _Array: ...
@overload
def extract(condition: _TensorLike, arr: Tensor) -> Tensor: ...
@overload
def extract(condition: _TensorLike, arr: _ArrayLike) -> _Array: ...
@overload
def flip(x: Tensor, /, axis: _Axis = None) -> Tensor: ...
@overload
def flip(x: _ArrayLike, /, axis: _Axis = None) -> _Array: ...
@overload
def fliplr(m: Tensor) -> Tensor: ...
@overload
def fliplr(m: _ArrayLike) -> _Array: ...
@overload
def flipud(m: Tensor) -> Tensor: ...
@overload
def flipud(m: _ArrayLike) -> _Array: ...
@overload
def frexp(x: Tensor) -> tuple[Tensor, Tensor]: ...
@overload
def frexp(x: _ArrayLike) -> tuple[_Array, _Array]: ...
@overload
def full_like(x: Tensor, /, fill_value: _ArrayLike) -> Tensor: ...
@overload
def full_like(x: _ArrayLike, /, fill_value: _ArrayLike) -> _Array: ...
@overload
def geomspace(
    start: Tensor, stop: _TensorLike, num: int = 50, endpoint: bool = True, axis: int = 0
) -> Tensor: ...
@overload
def geomspace(
    start: _ArrayLike, stop: Tensor, num: int = 50, endpoint: bool = True, axis: int = 0
) -> Tensor: ...
@overload
def geomspace(
    start: _ArrayLike, stop: _ArrayLike, num: int = 50, endpoint: bool = True, axis: int = 0
) -> _Array: ...
def gradient(
    f: _TensorLike, *varargs: Any, axis: int | None = None, edge_order: int = 1
) -> Any: ...
@overload
def hsplit(ary: Tensor, indices_or_sections: int | Sequence[int]) -> list[Tensor]: ...
@overload
def hsplit(ary: _ArrayLike, indices_or_sections: int | Sequence[int]) -> list[_Array]: ...
@overload
def imag(val: Tensor) -> Tensor: ...
@overload
def imag(val: _ArrayLike) -> _Array: ...
@overload
def insert(arr: Tensor, obj: Any, values: _TensorLike, axis: int | None = None) -> Tensor: ...
@overload
def insert(arr: _ArrayLike, obj: Any, values: _ArrayLike, axis: int | None = None) -> _Array: ...
def interp(
    x: _TensorLike,
    xp: _TensorLike,
    fp: _TensorLike,
    left: float | None = None,
    right: float | None = None,
    period: float | None = None,
) -> Any: ...
@overload
def ldexp(x1: Tensor, x2: _TensorLike) -> Tensor: ...
@overload
def ldexp(x1: _ArrayLike, x2: Tensor) -> Tensor: ...
@overload
def ldexp(x1: _ArrayLike, x2: _ArrayLike) -> _Array: ...
def linspace(
    start: _TensorLike,
    stop: _TensorLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    axis: int = 0,
) -> Any: ...
@overload
def log_softmax(x: Tensor, /, axis: _Axis = -1) -> Tensor: ...
@overload
def log_softmax(x: _ArrayLike, /, axis: _Axis = -1) -> _Array: ...
@overload
def logspace(
    start: Tensor,
    stop: _TensorLike,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10.0,
    axis: int = 0,
) -> Tensor: ...
@overload
def logspace(
    start: _ArrayLike,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10.0,
    axis: int = 0,
) -> Tensor: ...
@overload
def logspace(
    start: _ArrayLike,
    stop: _ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10.0,
    axis: int = 0,
) -> _Array: ...
@overload
def matrix_transpose(x: Tensor) -> Tensor: ...
@overload
def matrix_transpose(x: _ArrayLike) -> _Array: ...
@overload
def matvec(x1: Tensor, x2: _TensorLike) -> Tensor: ...
@overload
def matvec(x1: _ArrayLike, x2: Tensor) -> Tensor: ...
@overload
def matvec(x1: _ArrayLike, x2: _ArrayLike) -> _Array: ...
@overload
def median(a: Tensor, axis: _Axis = None, *, keepdims: bool = False) -> Tensor: ...
@overload
def median(a: _ArrayLike, axis: _Axis = None, *, keepdims: bool = False) -> _Array: ...
def meshgrid(
    *xi: _TensorLike, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Any, ...]: ...
@overload
def modf(x: Tensor) -> tuple[Tensor, Tensor]: ...
@overload
def modf(x: _ArrayLike) -> tuple[_Array, _Array]: ...
@overload
def moveaxis(
    x: Tensor, /, source: int | Sequence[int], destination: int | Sequence[int]
) -> Tensor: ...
@overload
def moveaxis(
    x: _ArrayLike, /, source: int | Sequence[int], destination: int | Sequence[int]
) -> _Array: ...
@overload
def nan_to_num(
    x: Tensor, /, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor: ...
@overload
def nan_to_num(
    x: _ArrayLike, /, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> _Array: ...
@overload
def nancumprod(a: Tensor, axis: int | None = None) -> Tensor: ...
@overload
def nancumprod(a: _ArrayLike, axis: int | None = None) -> _Array: ...
@overload
def nancumsum(a: Tensor, axis: int | None = None) -> Tensor: ...
@overload
def nancumsum(a: _ArrayLike, axis: int | None = None) -> _Array: ...
@overload
def nanmedian(a: Tensor, axis: _Axis = None, *, keepdims: bool = False) -> Tensor: ...
@overload
def nanmedian(a: _ArrayLike, axis: _Axis = None, *, keepdims: bool = False) -> _Array: ...
@overload
def nanstd(a: Tensor, axis: _Axis = None, ddof: float = 0, keepdims: bool = False) -> Tensor: ...
@overload
def nanstd(
    a: _ArrayLike, axis: _Axis = None, ddof: float = 0, keepdims: bool = False
) -> _Array: ...
@overload
def nanvar(a: Tensor, axis: _Axis = None, ddof: float = 0, keepdims: bool = False) -> Tensor: ...
@overload
def nanvar(
    a: _ArrayLike, axis: _Axis = None, ddof: float = 0, keepdims: bool = False
) -> _Array: ...
@overload
def pad(
    x: Tensor, /, pad_width: Any, mode: str = "constant", constant_values: Any = 0
) -> Tensor: ...
@overload
def pad(
    x: _ArrayLike, /, pad_width: Any, mode: str = "constant", constant_values: Any = 0
) -> _Array: ...
@overload
def partition(a: Tensor, kth: int | Sequence[int], axis: int | None = -1) -> Tensor: ...
@overload
def partition(a: _ArrayLike, kth: int | Sequence[int], axis: int | None = -1) -> _Array: ...
@overload
def piecewise(
    x: Tensor, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any
) -> Tensor: ...
@overload
def piecewise(
    x: _ArrayLike, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any
) -> _Array: ...
@overload
def polyval(p: Tensor, x: _TensorLike) -> Tensor: ...
@overload
def polyval(p: _ArrayLike, x: Tensor) -> Tensor: ...
@overload
def polyval(p: _ArrayLike, x: _ArrayLike) -> _Array: ...
@overload
def ravel(a: Tensor, order: str = "C") -> Tensor: ...
@overload
def ravel(a: _ArrayLike, order: str = "C") -> _Array: ...
@overload
def repeat(x: Tensor, /, repeats: _ArrayLike, axis: int | None = None) -> Tensor: ...
@overload
def repeat(x: _ArrayLike, /, repeats: _ArrayLike, axis: int | None = None) -> _Array: ...
@overload
def reshape(a: Tensor, shape: _Shape, order: str = "C") -> Tensor: ...
@overload
def reshape(a: _ArrayLike, shape: _Shape, order: str = "C") -> _Array: ...
@overload
def resize(x: Tensor, /, new_shape: _Shape) -> Tensor: ...
@overload
def resize(x: _ArrayLike, /, new_shape: _Shape) -> _Array: ...
@overload
def roll(x: Tensor, /, shift: int | Sequence[int], axis: int | None = None) -> Tensor: ...
@overload
def roll(x: _ArrayLike, /, shift: int | Sequence[int], axis: int | None = None) -> _Array: ...
@overload
def rollaxis(a: Tensor, axis: int, start: int = 0) -> Tensor: ...
@overload
def rollaxis(a: _ArrayLike, axis: int, start: int = 0) -> _Array: ...
@overload
def rot90(x: Tensor, /, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor: ...
@overload
def rot90(x: _ArrayLike, /, k: int = 1, axes: tuple[int, int] = (0, 1)) -> _Array: ...
@overload
def round(x: Tensor, /, decimals: int = 0) -> Tensor: ...
@overload
def round(x: _ArrayLike, /, decimals: int = 0) -> _Array: ...
def select(
    condlist: Sequence[_TensorLike], choicelist: Sequence[_TensorLike], default: _TensorLike = 0
) -> Any: ...
@overload
def softmax(x: Tensor, /, axis: _Axis = -1) -> Tensor: ...
@overload
def softmax(x: _ArrayLike, /, axis: _Axis = -1) -> _Array: ...
@overload
def sort(
    a: Tensor, axis: int | None = -1, kind: str | None = None, *, stable: bool | None = None
) -> Tensor: ...
@overload
def sort(
    a: _ArrayLike, axis: int | None = -1, kind: str | None = None, *, stable: bool | None = None
) -> _Array: ...
@overload
def split(ary: Tensor, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]: ...
@overload
def split(
    ary: _ArrayLike, indices_or_sections: int | Sequence[int], axis: int = 0
) -> list[_Array]: ...
@overload
def squeeze(x: Tensor, /, axis: _Axis = None) -> Tensor: ...
@overload
def squeeze(x: _ArrayLike, /, axis: _Axis = None) -> _Array: ...
@overload
def stack(arrays: Tensor | Sequence[Tensor], axis: int = 0) -> Tensor: ...
@overload
def stack(arrays: _ArrayLike, axis: int = 0) -> _Array: ...  # type: ignore[overload-overlap] # a list of arrays fits the next, too
@overload
def stack(arrays: Sequence[_TensorLike], axis: int = 0) -> Tensor: ...
@overload
def std(x: Tensor, /, axis: _Axis = None, ddof: float = 0, keepdims: bool = False) -> Tensor: ...
@overload
def std(
    x: _ArrayLike, /, axis: _Axis = None, ddof: float = 0, keepdims: bool = False
) -> _Array: ...
@overload
def swapaxes(x: Tensor, /, axis1: int, axis2: int) -> Tensor: ...
@overload
def swapaxes(x: _ArrayLike, /, axis1: int, axis2: int) -> _Array: ...
@overload
def take(
    a: Tensor, indices: _TensorLike, axis: int | None = None, mode: str = "raise"
) -> Tensor: ...
@overload
def take(
    a: _ArrayLike, indices: _TensorLike, axis: int | None = None, mode: str = "raise"
) -> _Array: ...
@overload
def take_along_axis(arr: Tensor, indices: _TensorLike, axis: int | None = -1) -> Tensor: ...
@overload
def take_along_axis(arr: _ArrayLike, indices: _TensorLike, axis: int | None = -1) -> _Array: ...
@overload
def tensordot(a: Tensor, b: _TensorLike, axes: Any = 2) -> Tensor: ...
@overload
def tensordot(a: _ArrayLike, b: Tensor, axes: Any = 2) -> Tensor: ...
@overload
def tensordot(a: _ArrayLike, b: _ArrayLike, axes: Any = 2) -> _Array: ...
@overload
def tile(x: Tensor, /, reps: int | Sequence[int]) -> Tensor: ...
@overload
def tile(x: _ArrayLike, /, reps: int | Sequence[int]) -> _Array: ...
@overload
def transpose(x: Tensor, /, axes: Sequence[int] | None = None) -> Tensor: ...
@overload
def transpose(x: _ArrayLike, /, axes: Sequence[int] | None = None) -> _Array: ...
@overload
def trapezoid(y: Tensor, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor: ...
@overload
def trapezoid(y: _ArrayLike, x: Any = None, dx: float = 1.0, axis: int = -1) -> _Array: ...
@overload
def tril(x: Tensor, /, k: int = 0) -> Tensor: ...
@overload
def tril(x: _ArrayLike, /, k: int = 0) -> _Array: ...
@overload
def trim_zeros(filt: Tensor, trim: str = "fb", axis: int | None = None) -> Tensor: ...
@overload
def trim_zeros(filt: _ArrayLike, trim: str = "fb", axis: int | None = None) -> _Array: ...
@overload
def triu(x: Tensor, /, k: int = 0) -> Tensor: ...
@overload
def triu(x: _ArrayLike, /, k: int = 0) -> _Array: ...
@overload
def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]: ...
@overload
def unstack(x: _ArrayLike, /, *, axis: int = 0) -> tuple[_Array, ...]: ...
@overload
def unwrap(
    x: Tensor, /, discont: float | None = None, axis: int | None = -1, period: float = ...
) -> Tensor: ...
@overload
def unwrap(
    x: _ArrayLike, /, discont: float | None = None, axis: int | None = -1, period: float = ...
) -> _Array: ...
@overload
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor: ...
@overload
def vander(x: _ArrayLike, N: int | None = None, increasing: bool = False) -> _Array: ...
@overload
def var(x: Tensor, /, axis: _Axis = None, ddof: float = 0, keepdims: bool = False) -> Tensor: ...
@overload
def var(
    x: _ArrayLike, /, axis: _Axis = None, ddof: float = 0, keepdims: bool = False
) -> _Array: ...
@overload
def vecdot(x1: Tensor, x2: _TensorLike, axis: int = -1) -> Tensor: ...
@overload
def vecdot(x1: _ArrayLike, x2: Tensor, axis: int = -1) -> Tensor: ...
@overload
def vecdot(x1: _ArrayLike, x2: _ArrayLike, axis: int = -1) -> _Array: ...
@overload
def vecmat(x1: Tensor, x2: _TensorLike) -> Tensor: ...
@overload
def vecmat(x1: _ArrayLike, x2: Tensor) -> Tensor: ...
@overload
def vecmat(x1: _ArrayLike, x2: _ArrayLike) -> _Array: ...
@overload
def vsplit(ary: Tensor, indices_or_sections: int | Sequence[int]) -> list[Tensor]: ...
@overload
def vsplit(ary: _ArrayLike, indices_or_sections: int | Sequence[int]) -> list[_Array]: ...
@overload
def where(condition: _TensorLike, x: None = None, y: None = None) -> tuple[_Array, ...]: ...
@overload
def where(condition: _TensorLike, x: Tensor, y: _TensorLike) -> Tensor: ...
@overload
def where(condition: _TensorLike, x: _TensorLike, y: Tensor) -> Tensor: ...
@overload
def where(condition: Tensor, x: _ArrayLike, y: _ArrayLike) -> Tensor: ...
@overload
def where(condition: _ArrayLike, x: _ArrayLike, y: _ArrayLike) -> _Array: ...

abs = absolute
amax = max
amin = min
around = round
