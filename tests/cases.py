"""Sample inputs for every registered operation: one line each, and the whole suite runs on it.

A case is an expression in ``x``, ``y``, ``z`` and what these are: a shape stands for normal random
numbers. The same expression is evaluated with NumPy on arrays, with HIPS autograd, and on Tensors.
Where NumPy has no such function, a second expression says in NumPy what the first computes.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

import microtensor as mt
from microtensor import ops
from microtensor.ops import recurrent, rows

from .nn import recurrence

Array = npt.NDArray[Any]

NAMES = "xyzw"
KNOWN = {"mt": mt, "ops": ops, "math": math}
KNOWN |= {"recurrent": recurrent, "rows": rows, "loops": recurrence}


@dataclass(frozen=True)
class Case:
    """An operation, an expression that applies it, and the inputs that the expression names."""

    op: str
    expression: str
    inputs: tuple[Array, ...]
    reference: str
    """The same in NumPy."""
    hips: bool
    """Whether HIPS autograd can do it, and does it right."""
    half: bool
    """Whether NumPy can do it in float16."""

    @cached_property
    def differentiated(self) -> list[int]:
        """The positions of the floating-point inputs."""
        return [i for i, x in enumerate(self.inputs) if x.dtype.kind == "f"]

    def on_tensors(self, *inputs: Any) -> Any:
        """Evaluate the expression on Tensors."""
        return self._evaluate(self.expression, np, inputs)

    def on_arrays(self, *inputs: Any, numpy: Any = np) -> Any:
        """Evaluate the reference on arrays, with NumPy or with what stands in for it."""
        return self._evaluate(self.reference, numpy, inputs)

    def _evaluate(self, expression: str, numpy: Any, inputs: tuple[Any, ...]) -> Any:
        names = dict(zip(NAMES, inputs, strict=False))
        return eval(expression, {"np": numpy, **KNOWN}, names)

    def __str__(self) -> str:
        shapes = " ".join(str(x.shape).replace(" ", "") for x in self.inputs)
        return f"{self.op}: {self.expression} | {shapes}"


CASES: list[Case] = []


def case(
    op: str,
    expression: str,
    *inputs: Any,
    numpy: str | None = None,
    hips: bool = True,
    half: bool = True,
) -> None:
    """Add a case; an input is a shape, or values."""
    rng = np.random.default_rng(zlib.crc32(f"{expression} {inputs}".encode()))
    arrays = tuple(rng.standard_normal(x) if type(x) is tuple else np.array(x) for x in inputs)
    CASES.append(Case(op, expression, arrays, numpy or expression, hips, half))


def positive(*shape: int) -> Array:
    """Return numbers between 0.5 and 2."""
    rng = np.random.default_rng(math.prod(shape) + len(shape))
    return rng.uniform(0.5, 2, shape)


# fmt: off

# Arithmetic, its broadcasting, and numbers on either side
case("add", "x + y", (2, 3), (2, 3))
case("add", "x + y", (2, 3), (3,))
case("add", "x + y", (2, 1, 3), (4, 1))
case("add", "x + y", (), (2, 2))
case("add", "x + y", (1, 1), (3,))
case("add", "x + y", (0, 3), (3,))
case("add", "x + 2", (2, 3))
case("add", "2.5 + x", (2, 3))
case("add", "np.add(x, y)", (3,), (2, 3))
case("add", "x + x", (3,))
case("subtract", "x - y", (2, 3), (2, 1))
case("subtract", "x - 1.5", (3,))
case("subtract", "1.5 - x", (3,))
case("subtract", "np.subtract(x, y)", (1, 3), (2, 3))
case("multiply", "x * y", (2, 3), (2, 3))
case("multiply", "x * y", (2, 3), (1, 3))
case("multiply", "x * y", (), (3, 1))
case("multiply", "3 * x", (2, 3))
case("multiply", "x * x", (2, 3))
case("multiply", "np.multiply(x, y)", (2, 0), (1,))
case("multiply", "np.float64(2.5) * x", (2, 3))
case("divide", "x / y", (2, 3), positive(3))
case("divide", "x / y", (3,), positive(2, 1))
case("divide", "x / 3", (2, 3))
case("divide", "2 / x", positive(2, 3))
case("divide", "np.divide(x, y)", (2, 1), positive(1, 3))
case("power", "x ** y", positive(2, 3), (3,))
case("power", "x ** y", positive(3, 1), (1, 2))
case("power", "x ** 3", (2, 3))
case("power", "x ** -2", positive(2, 3))
case("power", "x ** 0.5", positive(3))
case("power", "x ** 1", (3,))
case("power", "x ** 0", (3,))
case("power", "x ** y", (2, 3), np.array([0, 1, 3]))
case("power", "2 ** x", (3,))
case("power", "np.power(x, y)", positive(2), (2,))
case("square", "x ** 2", (2, 3))
case("square", "np.square(x)", (2, 3))
case("remainder", "x % y", (2, 3), positive(3), hips=False)
case("remainder", "x % 0.7", (4,), hips=False)
case("remainder", "5 % x", positive(3), hips=False)
case("remainder", "np.remainder(x, y)", (2, 1), positive(1, 3), hips=False)
case("negative", "-x", (2, 3))
case("negative", "np.negative(x)", ())
case("positive", "+x", (2, 3), numpy="x * 1")
case("positive", "np.positive(x)", (), numpy="x * 1")
case("reciprocal", "np.reciprocal(x)", positive(2, 3))

# Exponentials, logarithms, trigonometric and hyperbolic functions
case("exp", "np.exp(x)", (2, 3))
case("exp", "np.exp(x)", ())
case("exp", "np.exp(x)", (0,))
case("expm1", "np.expm1(x)", (2, 3))
case("expm1", "np.expm1(x)", [1e-9, -1e-9])
case("log", "np.log(x)", positive(2, 3))
case("log1p", "np.log1p(x)", positive(2, 3))
case("log1p", "np.log1p(x)", [1e-9, -1e-9])
case("sqrt", "np.sqrt(x)", positive(2, 3))
case("sin", "np.sin(x)", (2, 3))
case("cos", "np.cos(x)", (2, 3))
case("tanh", "np.tanh(x)", (2, 3))

# Activations
case("sigmoid", "mt.sigmoid(x)", (2, 3), numpy="1 / (1 + np.exp(-x))")
case("sigmoid", "mt.sigmoid(x)", (), numpy="1 / (1 + np.exp(-x))")
case("relu", "mt.relu(x)", (2, 3), numpy="np.maximum(x, 0)")
case("softplus", "mt.softplus(x)", (2, 3), numpy="np.log(1 + np.exp(x))")
case("leaky_relu", "ops.activations.leaky_relu(x, 0.2)", (2, 3),
     numpy="np.where(x > 0, x, 0.2 * x)")
case("leaky_relu", "ops.activations.leaky_relu(x, y)", (2, 3), (3,),
     numpy="np.where(x > 0, x, y * x)")
case("leaky_relu", "ops.activations.leaky_relu(x, 1.5)", (4,), numpy="np.where(x > 0, x, 1.5 * x)")
case("elu", "ops.activations.elu(x)", (2, 3), numpy="np.where(x > 0, x, np.exp(x) - 1)")
case("elu", "ops.activations.elu(x, alpha=0.5)", (4,),
     numpy="np.where(x > 0, x, 0.5 * (np.exp(x) - 1))")
case("celu", "ops.activations.celu(x)", (4,), numpy="np.where(x > 0, x, np.exp(x) - 1)")
case("celu", "ops.activations.celu(x, alpha=0.5)", (2, 3),
     numpy="np.where(x > 0, x, 0.5 * (np.exp(x / 0.5) - 1))")
case("silu", "ops.activations.silu(x)", (2, 3), numpy="x / (1 + np.exp(-x))")
case("silu", "ops.activations.silu(x)", (), numpy="x / (1 + np.exp(-x))")
case("mish", "ops.activations.mish(x)", (2, 3), numpy="x * np.tanh(np.log(1 + np.exp(x)))")
case("hardtanh", "ops.activations.hardtanh(x)", (2, 3), numpy="np.clip(x, -1, 1)")
case("hardtanh", "ops.activations.hardtanh(x, min_val=-0.5, max_val=2.0)", (4,),
     numpy="np.clip(x, -0.5, 2.0)")
case("normal_pdf", "ops.normal.normal_pdf(x)", (2, 3),
     numpy="np.exp(-x * x / 2) / math.sqrt(2 * math.pi)")
case("normal_cdf", "ops.normal.normal_cdf(x)", (2, 3),
     numpy="0.5 * np.vectorize(math.erfc, otypes=[x.dtype])(-x / math.sqrt(2))", hips=False)
case("normal_cdf", "ops.normal.normal_cdf(x)", (),
     numpy="0.5 * np.vectorize(math.erfc, otypes=[x.dtype])(-x / math.sqrt(2))", hips=False)
case("normal_cdf_by_tanh", "ops.normal.normal_cdf_by_tanh(x)", (2, 3),
     numpy="0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))")

# Kinks and choices
case("absolute", "abs(x)", (2, 3))
case("absolute", "np.absolute(x)", (3,))
case("absolute", "np.abs(x)", (3,))
case("maximum", "np.maximum(x, y)", (2, 3), (3,))
case("maximum", "np.maximum(x, 0.1)", (2, 3))
case("maximum", "np.maximum(y, x)", (1, 3), (2, 1))
case("minimum", "np.minimum(x, y)", (2, 3), (3,))
case("minimum", "np.minimum(0.1, x)", (2, 3))
case("clip", "np.clip(x, -0.5, 0.5)", (3, 4))
case("clip", "np.clip(x, None, 0.5)", (3, 4), hips=False)
case("clip", "np.clip(x, -0.5, None)", (3, 4), hips=False)
case("clip", "x.clip(-0.5, 0.5)", (3, 4))
case("clip", "x.clip(min=-0.5)", (3, 4), hips=False)
case("clip", "np.clip(x, y, z)", (2, 3), [-0.5, -0.1, 0.2], [[0.3], [0.7]], hips=False)
case("clip", "np.clip(x, y, 2.5)", (2, 1), [0.0, 2.0, 3.0], hips=False)
case("where", "np.where(z, x, y)", (2, 3), (3,), [[True], [False]], hips=False)
case("where", "np.where(x > 0, x, 0.1 * x)", (2, 3))
case("where", "np.where(x > y, x * y, 2)", (2, 1), (3,), hips=False)

# Steps: flat
case("sign", "np.sign(x)", (2, 3))
case("floor", "np.floor(x)", (2, 3))
case("ceil", "np.ceil(x)", (2, 3))
case("rint", "np.rint(x)", (2, 3))
case("trunc", "np.trunc(x)", (2, 3), hips=False)
case("floor_divide", "x // 0.7", (2, 3), hips=False)
case("floor_divide", "x // y", (2, 3), positive(3), hips=False)
case("floor_divide", "5 // x", positive(3), hips=False)

# Constants to differentiation
for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    case(name, f"np.{name}(x, y)", [1.0, 2.0, 3.0], [[1.0], [3.0]])
case("equal", "x == y", (3,), (3,))
case("huber", "ops.fused.huber(x, y)", (4, 3), (4, 3),
     numpy="np.where(abs(x - y) < 1, (x - y) ** 2 / 2, abs(x - y) - 0.5)")
case("huber", "ops.fused.huber(x, y, delta=0.4)", (5,), (5,),
     numpy="np.where(abs(x - y) < 0.4, (x - y) ** 2 / 2, 0.4 * (abs(x - y) - 0.2))")
case("class_indices", "ops.fused.class_indices(x, 3)", np.array([0, 2, 1]), numpy="x")
case("not_equal", "x != 1", (3,))
case("less", "0.1 > x", (3,))
case("greater", "x > 0.1", (3,))
case("less_equal", "x <= y", (2, 1), (3,))
case("greater_equal", "y >= x", (2, 1), (3,))
for name in ("logical_and", "logical_or", "logical_xor"):
    case(name, f"np.{name}(x, y)", [0.0, 1.0], [[0.0], [2.0]])
case("logical_not", "np.logical_not(x)", [0.0, 1.0])
case("bitwise_and", "x & y", [True, False], [[True], [False]])
case("bitwise_or", "x | y", [True, False], [[True], [False]])
case("bitwise_xor", "x ^ y", [5, 3], [[1], [2]])
case("invert", "~x", [True, False])
for name in ("isnan", "isinf", "isfinite", "signbit"):
    case(name, f"np.{name}(x)", [1.0, np.nan, np.inf, -0.0, -np.inf])

# Reductions
case("sum", "np.sum(x)", (2, 3))
case("sum", "x.sum(axis=0)", (2, 3))
case("sum", "x.sum(axis=-1, keepdims=True)", (2, 3))
case("sum", "np.sum(x, axis=(0, -1))", (2, 3, 2))
case("sum", "np.sum(x, axis=(0, 2), keepdims=True)", (2, 3, 2))
case("sum", "np.sum(x, keepdims=True)", (2, 3))
case("sum", "np.sum(x, axis=())", (2, 3), hips=False)
case("sum", "np.sum(x)", ())
case("sum", "np.sum(x, axis=0)", (0, 3))
case("sum", "np.add.reduce(x)", (2, 3), numpy="np.sum(x, axis=0)")
case("mean", "np.mean(x)", (2, 3))
case("mean", "x.mean(axis=1)", (2, 3))
case("mean", "x.mean(axis=(-2, -1), keepdims=True)", (2, 3, 2))
case("mean", "np.mean(x)", ())
case("mean", "np.mean(x, axis=1)", (0, 3))
case("prod", "np.prod(x)", (5,))
case("prod", "np.prod(x, axis=0)", (3, 2))
case("prod", "np.prod(x, axis=-1, keepdims=True)", (2, 3))
case("prod", "np.prod(x, axis=(0, 2))", (2, 2, 3))
case("prod", "np.prod(x)", ())
case("prod", "np.prod(x)", [2.0, 0.0, 3.0], hips=False)
case("prod", "np.prod(x, axis=1)", [[2.0, 0.0, 3.0, 0.0], [1.0, 2.0, 0.0, 4.0]], hips=False)
for name in ("max", "min"):
    case(name, f"np.{name}(x)", (2, 3))
    case(name, f"x.{name}(axis=0)", (2, 3), numpy=f"np.{name}(x, axis=0)")
    case(name, f"np.{name}(x, axis=-1, keepdims=True)", (2, 3))
    case(name, f"np.a{name}(x, axis=(0, 1))", (2, 3, 2))
    case(name, f"np.{name}(x)", ())
case("max", "np.maximum.reduce(x)", (2, 3), numpy="np.max(x, axis=0)")
case("var", "np.var(x)", (2, 3))
case("var", "x.var(axis=0, ddof=1)", (3, 2))
case("var", "np.var(x, axis=(0, 2), keepdims=True)", (2, 3, 2))
case("std", "np.std(x)", (2, 3))
case("std", "x.std(axis=-1, ddof=1, keepdims=True)", (2, 3))
case("std", "np.std(x, axis=(0, 1))", (2, 3, 2))
for axis in (None, 0, -1, (0, 2)):
    case("logsumexp", f"mt.logsumexp(x, axis={axis})", (2, 3, 2),
         numpy=f"np.log(np.sum(np.exp(x), axis={axis}))")
case("logsumexp", "mt.logsumexp(x, axis=1, keepdims=True)", (2, 3),
     numpy="np.log(np.sum(np.exp(x), axis=1, keepdims=True))")
for axis in (0, 1, -1, None, (0, 1)):
    softmax = f"np.exp(x) / np.sum(np.exp(x), axis={axis}, keepdims=True)"
    case("softmax", f"mt.softmax(x, axis={axis})", (2, 3), numpy=softmax)
    case("log_softmax", f"mt.log_softmax(x, axis={axis})", (2, 3), numpy=f"np.log({softmax})")
for name in ("argmax", "argmin"):
    case(name, f"np.{name}(x)", (2, 3))
    case(name, f"x.{name}(axis=1)", (2, 3))
for name in ("all", "any"):
    case(name, f"np.{name}(x > 0)", (2, 3))
    case(name, f"(x > 0).{name}(axis=0)", (2, 3))

# Shape
case("reshape", "np.reshape(x, (3, 2))", (2, 3))
case("reshape", "x.reshape(-1)", (2, 3))
case("reshape", "x.reshape(3, -1)", (2, 3))
case("reshape", "x.reshape((1, 1))", ())
case("reshape", "x.reshape(3, 0)", (0, 2))
case("ravel", "np.ravel(x)", (2, 3))
case("ravel", "x.flatten()", (2, 3))
case("squeeze", "np.squeeze(x)", (1, 3, 1))
case("squeeze", "x.squeeze(axis=-1)", (1, 3, 1))
case("squeeze", "np.squeeze(x, axis=(0, 2))", (1, 3, 1))
case("expand_dims", "np.expand_dims(x, 0)", (2, 3))
case("expand_dims", "np.expand_dims(x, (0, -1))", (2, 3))
case("transpose", "x.T", (2, 3))
case("transpose", "np.transpose(x)", (2, 3, 2))
case("transpose", "np.transpose(x, (1, 2, 0))", (2, 3, 4))
case("transpose", "x.transpose(-1, 0, 1)", (2, 3, 4), hips=False)
case("transpose", "x.transpose((0, 2, 1))", (2, 3, 4))
case("transpose", "x.T", ())
case("swapaxes", "np.swapaxes(x, 0, -1)", (2, 3, 4))
case("swapaxes", "x.swapaxes(1, 2)", (2, 3, 4))
case("moveaxis", "np.moveaxis(x, 0, -1)", (2, 3, 4))
case("moveaxis", "np.moveaxis(x, (0, 1), (-1, 0))", (2, 3, 4))
case("flip", "np.flip(x)", (2, 3), hips=False)
case("flip", "np.flip(x, axis=-1)", (2, 3), hips=False)
case("flip", "np.flip(x, axis=(0, 1))", (2, 3), hips=False)
case("broadcast_to", "np.broadcast_to(x, (2, 3))", (2, 1))
case("broadcast_to", "np.broadcast_to(x, (2, 2, 3))", (3,), hips=False)
case("broadcast_to", "np.broadcast_to(x, 3)", (), hips=False)
case("broadcast_to", "np.broadcast_to(x, (0, 3))", (3,), hips=False)
case("sum_to", "ops.shape.sum_to(x, (3, 1))", (2, 3, 4),
     numpy="np.sum(x, axis=(0, 2), keepdims=True)[0]")
case("sum_to", "ops.shape.sum_to(x, ())", (2, 3), numpy="np.sum(x)")
case("astype", "x.astype(np.float64)", (2, 3))
case("copy", "x.copy()", (2, 3), numpy="x * 1")
case("copy", "np.copy(x)", (2, 3), numpy="x * 1")
case("concatenate", "np.concatenate([x, y])", (2, 3), (1, 3))
case("concatenate", "np.concatenate((x, y, x), axis=-1)", (2, 3), (2, 1))
case("concatenate", "np.concatenate([x, y], axis=None)", (2, 3), (2,), hips=False)
case("concatenate", "np.concatenate([x, y], axis=1)", (2, 0), (2, 3))
case("stack", "np.stack([x, y])", (2, 3), (2, 3))
case("stack", "np.stack([x, y, x], axis=-1)", (2, 3), (2, 3))
case("stack", "np.stack([x, y])", (), ())
case("zeros_like", "np.zeros_like(x)", (2, 3))
case("ones_like", "np.ones_like(x)", (2, 3))
case("full_like", "np.full_like(x, 7)", (2, 3))

# Indexing
case("getitem", "np.split(x, 3)[1]", (6, 2))
case("getitem", "np.split(x, [1, 3], axis=-1)[1]", (2, 5))
case("getitem", "x[1]", (3, 2))
case("getitem", "x[-1, 0]", (3, 2))
case("getitem", "x[1:]", (3, 2))
case("getitem", "x[::-2]", (5, 2))
case("getitem", "x[..., 0]", (2, 3, 2))
case("getitem", "x[:, None, -1]", (2, 3))
case("getitem", "x[None]", ())
case("getitem", "x[()]", ())
case("getitem", "x[2:1]", (3, 2))
case("getitem", "x[[0, 2, 0, 0]]", (3, 2))
case("getitem", "x[np.array([[0, 1], [-1, 0]])]", (3,), hips=False)
case("getitem", "x[y]", (3, 2), [2, 2, 0], hips=False)
case("getitem", "x[[0, 1, 1], [1, 0, 0]]", (2, 2))
case("getitem", "x[((0, 0, 1),)]", (3, 2), hips=False)
case("getitem", "x[:, (0, 0, 1)]", (3, 2), hips=False)
case("getitem", "x[:, [0, 0], None]", (2, 3))
case("getitem", "x[[0, 1], :, [1, 1]]", (2, 3, 2))
case("getitem", "x[x > 0]", (3, 2), hips=False)
case("getitem", "x[y]", (3, 2), [True, False, True])
case("getitem", "x[y, 0]", (3, 2), [True, False, True])
case("getitem", "x[[]]", (3, 2), hips=False)
case("scatter_add", "ops.index.scatter_add(x, np.array([0, 2, 0, 0]), (3,))", (4,),
     numpy="np.stack([x[0] + x[2] + x[3], x[1] * 0, x[1]])")
case("setitem", "ops.setitem(x, y, 1)", (3, 2), (2,), numpy="np.stack([x[0], y, x[2]])")
case("setitem", "ops.setitem(x, y, slice(0, 2))", (3, 2), (2,), numpy="np.stack([y, y, x[2]])")
case("setitem", "ops.setitem(x, y, slice(0, 2))", (3, 2), (2, 1),
     numpy="np.concatenate([np.broadcast_to(y, (2, 2)), x[2:]])")
case("setitem", "ops.setitem(x, y, slice(1, 3))", (4,), (1, 1, 2),
     numpy="np.concatenate([x[:1], np.ravel(y), x[3:]])")
case("setitem", "ops.setitem(x, 2.0, (..., 0))", (2, 2),
     numpy="np.stack([x[:, 0] * 0 + 2, x[:, 1]], axis=1)")
case("setitem", "ops.setitem(x, y, np.array([0, 2, 0]))", (3,), (3,),
     numpy="np.stack([y[2], x[1], y[1]])")
case("setitem", "ops.setitem(x * 1, y, ())", (), (), numpy="x * 0 + y")
case("setitem", "ops.setitem(x, 2.0, None)", (3,), numpy="x * 0 + 2")
case("setitem", "ops.setitem(x, y, np.array([0, 0]))", (2, 2), (2,), numpy="np.stack([y, x[1]])")
case("setitem", "ops.setitem(x, y, np.array([True, False, True]))", (3,), (2,),
     numpy="np.stack([y[0], x[1], y[1]])")
case("setitem", "ops.setitem(x, y, np.array([True, False, True]))", (3,), (),
     numpy="np.stack([y, x[1], y])")

# Products
case("matmul", "x @ y", (2, 3), (3, 4))
case("matmul", "x @ y", (3,), (3,))
case("matmul", "x @ y", (2, 3), (3,))
case("matmul", "x @ y", (3,), (3, 2))
case("matmul", "x @ y", (2, 2, 3), (2, 3, 2))
case("matmul", "x @ y", (2, 2, 3), (3, 2))
case("matmul", "x @ y", (2, 3), (2, 3, 2))
case("matmul", "x @ y", (2, 1, 2, 3), (3, 3, 2))
case("matmul", "x @ y", (3,), (2, 3, 2))
case("matmul", "x @ y", (2, 2, 3), (3,))
case("matmul", "x @ y", (1, 2, 3), (2, 3, 2))
case("matmul", "x @ y", (0, 3), (3, 2))
case("matmul", "x @ y", (2, 0), (0, 3))
case("matmul", "x @ x", (2, 2))
case("matmul", "np.matmul(x, y)", (2, 3), (3, 2))
case("matmul", "np.dot(x, y)", (2, 3), (3, 2))
case("matmul", "x.dot(y)", (3,), (3,), hips=False)
case("matmul", "np.dot(x, y)", (3,), (3, 2))
case("multiply", "np.dot(x, y)", (), (2, 3))
case("multiply", "np.dot(x, 2)", (2, 3))
case("multiply", "np.outer(x, y)", (3,), (2,))
case("multiply", "np.outer(x, y)", (2, 2), (3,), hips=False)
case("tensordot", "np.dot(x, y)", (2, 2, 3), (2, 3, 2))
case("tensordot", "np.dot(x, y)", (2, 2, 3), (3,))
case("tensordot", "np.tensordot(x, y)", (2, 3, 4), (3, 4, 2))
case("tensordot", "np.tensordot(x, y, 1)", (2, 3), (3, 4))
case("tensordot", "np.tensordot(x, y, axes=0)", (2,), (3,))
case("tensordot", "np.tensordot(x, y, axes=(0, 1))", (3, 2), (2, 3))
case("tensordot", "np.tensordot(x, y, axes=([0, 2], [2, 0]))", (2, 3, 4), (4, 2, 2))
case("tensordot", "np.tensordot(x, y, axes=([-1, 0], [0, -1]))", (2, 3, 4), (4, 2, 2))
case("einsum", "np.einsum('ij,jk->ik', x, y)", (2, 3), (3, 2))
case("einsum", "np.einsum('ij,jk', x, y)", (2, 3), (3, 2))
case("einsum", "np.einsum('ba', x)", (2, 3))
case("einsum", "np.einsum('ii', x)", (3, 3), hips=False)
case("einsum", "np.einsum('ii->i', x)", (3, 3), hips=False)
case("einsum", "np.einsum('iji->j', x)", (2, 3, 2), hips=False)
case("einsum", "np.einsum('iii->', x)", (2, 2, 2), hips=False)
case("einsum", "np.einsum('ij->', x)", (2, 3))
case("einsum", "np.einsum('ij->j', x)", (2, 3))
case("einsum", "np.einsum('i,j->ij', x, y)", (2,), (3,))
case("einsum", "np.einsum('ij,k->k', x, y)", (2, 3), (2,))
case("einsum", "np.einsum('ij,ij,j->i', x, y, z)", (2, 3), (2, 3), (3,))
case("einsum", "np.einsum('i,i,i->i', x, x, x)", (3,))
case("einsum", "np.einsum('...ij,...jk->...ik', x, y)", (2, 2, 3), (3, 2))
case("einsum", "np.einsum('...ij,...jk->...ik', x, y)", (2, 1, 2, 3), (3, 3, 2), hips=False)
case("einsum", "np.einsum('i...->...', x)", (2, 3))
case("einsum", "np.einsum('...ii->...i', x)", (2, 3, 3), hips=False)
case("einsum", "np.einsum('...i,i...', x, y)", (2, 3), (3, 2), hips=False)
case("einsum", "np.einsum('ij , jk -> ki', x, y)", (2, 3), (3, 2))
case("einsum", "np.einsum(x, [0, 1], y, [1, 2], [0, 2])", (2, 3), (3, 2), hips=False)
case("einsum", "np.einsum(x, [0, 1], y, [1, 2])", (2, 3), (3, 2), hips=False)
case("einsum", "np.einsum(x, [..., 0, 0], [..., 0])", (2, 3, 3), hips=False)
case("einsum", "np.einsum('ij,jk->ik', x, y)", (1, 3), (3, 2))
case("einsum", "np.einsum('ij,ij->ij', x, y)", (1, 3), (2, 3), hips=False)
case("einsum", "np.einsum('ij,jk->ik', x, y)", (2, 1), (3, 2), hips=False)
case("einsum", "np.einsum('ij,j->i', x, y)", (2, 3), (1,), hips=False)
case("einsum", "np.einsum(',i->i', x, y)", (), (3,))

# Several operations in one
case("linear", "ops.linear(x, y, z)", (2, 3), (4, 3), (4,), numpy="np.dot(x, y.T) + z")
case("linear", "ops.linear(x, y, z)", (2, 2, 3), (4, 3), (4,), numpy="np.dot(x, y.T) + z")
case("linear", "ops.linear(x, y, z)", (3,), (4, 3), (4,), numpy="np.dot(x, y.T) + z")
case("linear_no_bias", "ops.fused.linear_no_bias(x, y)", (2, 3), (4, 3), numpy="np.dot(x, y.T)")
case("linear_no_bias", "ops.fused.linear_no_bias(x, y)", (2, 2, 3), (4, 3), numpy="np.dot(x, y.T)")
case("linear_no_bias", "ops.fused.linear_no_bias(x, y)", (3,), (4, 3), numpy="np.dot(x, y.T)")

# Recurrent layers
case("rnn_tanh", "recurrent.rnn_tanh(x, y, z)", (3, 2, 2), (2, 2), (2, 2),
     numpy="loops.rnn(x, y, z)", hips=False)
case("rnn_relu", "recurrent.rnn_relu(x, y, z)", (3, 2, 2), (2, 2), (2, 2),
     numpy="loops.rnn(x, y, z, loops.relu)", hips=False)
case("lstm", "recurrent.lstm(x, y, z, w)", (2, 2, 8), (8, 2), (2, 2), (2, 2),
     numpy="loops.lstm(x, y, z, w)", hips=False)
case("lstm", "recurrent.lstm(x, y, z, w)", (3, 1, 4), (4, 1), (1, 1), (1, 1),
     numpy="loops.lstm(x, y, z, w)", hips=False)
case("lstm_back", "recurrent.lstm_back(x, y, z, w)", (6, 2, 2, 2), (6, 2, 2, 2), (8, 2), (2, 2),
     numpy="loops.lstm_back(x, y, z, w)", hips=False)
case("lstm_back", "recurrent.lstm_back(x, y, z, w)", (6, 1, 3, 1), (6, 1, 3, 1), (4, 1), (3, 1),
     numpy="loops.lstm_back(x, y, z, w)", hips=False)
case("gru", "recurrent.gru(x, y, z, w)", (3, 2, 6), (6, 2), (6,), (2, 2),
     numpy="loops.gru(x, y, z, w)", hips=False)
case("gru_back", "recurrent.gru_back(x, y, z, w)", (5, 2, 2, 2), (5, 2, 2, 2), (6, 2), (2, 2),
     numpy="loops.gru_back(x, y, z, w)", hips=False)
case("gru_back", "recurrent.gru_back(x, y, z, w)", (5, 1, 3, 1), (5, 1, 3, 1), (3, 1), (3, 1),
     numpy="loops.gru_back(x, y, z, w)", hips=False)

# Rows of a table
case("embedding", "rows.take_rows(x, y)", [[0, 2], [2, 3]], (4, 2), numpy="y[x]", hips=False)
case("embedding", "rows.take_rows(x, y, padding=2)", [0, 1, 3], (4, 2), numpy="y[x]", hips=False)
case("add_rows", "rows.add_rows(x, y, 3)", (4, 2), [0, 2, 0, 0],
     numpy="np.stack([x[0] + x[2] + x[3], x[1] * 0, x[1]])", hips=False)
case("add_rows", "rows.add_rows(x, y, 2)", (0, 2), np.empty(0, int),
     numpy="np.zeros((2, 2), x.dtype)", hips=False)

# Losses: targets are probabilities, or the numbers of classes
BCE = "-y * np.log({p}) - (1 - y) * np.log(1 - {p})"
LOG_SUM = "np.log(np.sum(np.exp(x), axis=-1))"
CHOSEN = "np.sum(x * (y[..., None] == np.arange(3)), axis=-1)"
SOFTMAX_ERROR = f"np.exp(x - {LOG_SUM}[..., None]) - (y[..., None] == np.arange(3))"
case("sum_squared_error", "ops.fused.sum_squared_error(x, y)", (2, 3), (2, 3),
     numpy="np.sum((x - y) ** 2)")
case("binary_cross_entropy", "ops.fused.binary_cross_entropy(x, y)",
     positive(2, 3) / 2.1, positive(2, 3) / 3, numpy=BCE.format(p="x"))
case("binary_cross_entropy_with_logits", "ops.fused.binary_cross_entropy_with_logits(x, y)",
     (2, 3), positive(2, 3) / 3, numpy=BCE.format(p="(1 / (1 + np.exp(-x)))"))
for x, y in (((4, 3), [0, 2, 1, 2]), ((2, 2, 3), [[0, 2], [1, 1]]), ((3,), 1)):
    case("cross_entropy", "ops.fused.cross_entropy(x, y)", x, y, numpy=f"{LOG_SUM} - {CHOSEN}")
    case("mean_cross_entropy", "ops.fused.mean_cross_entropy(x, y)", x, y,
         numpy=f"np.mean({LOG_SUM} - {CHOSEN})")
    case("softmax_error", "ops.fused.softmax_error(x, y)", x, y, numpy=SOFTMAX_ERROR)

# Trigonometric and hyperbolic functions, angles
for name in ("tan", "arctan", "sinh", "cosh", "arcsinh"):
    case(name, f"np.{name}(x)", (2, 3))
for name in ("arcsin", "arccos", "arctanh"):
    case(name, f"np.{name}(x)", [[0.3, -0.9], [0.0, 0.5]])
case("arccosh", "np.arccosh(x)", [1.1, 3.0])
case("sinc", "np.sinc(x)", [[0.3, -1.7], [1.0, 2.5]])
case("sinc", "np.sinc(x)", [0.0, 0.008, -0.012], hips=False)
case("hypot", "np.hypot(x, y)", (2, 3), (3,))
case("hypot", "np.hypot(x, 2)", (2, 3))
case("arctan2", "np.arctan2(x, y)", (2, 1), (3,))
for name in ("deg2rad", "radians"):
    case("deg2rad", f"np.{name}(x)", (2, 3))
for name in ("rad2deg", "degrees"):
    case("rad2deg", f"np.{name}(x) / 100", (2, 3))
case("unwrap", "np.unwrap(x)", [0.0, 3.0, -3.0, 0.5], hips=False)
case("unwrap", "np.unwrap(x, axis=0, period=1.3)", (3, 2), hips=False)

# Exponentials and powers
case("exp2", "np.exp2(x)", (2, 3))
case("log2", "np.log2(x)", positive(2, 3))
case("log10", "np.log10(x)", positive(2, 3))
case("cbrt", "np.cbrt(x)", [0.5, -2.0], hips=False)
case("logaddexp", "np.logaddexp(x, y)", (2, 3), (3,))
case("logaddexp", "np.logaddexp(0.5, x)", (2, 3))
case("logaddexp2", "np.logaddexp2(x, y)", (2, 1), (3,))
case("float_power", "np.float_power(x, y)", positive(2, 3), (3,), hips=False)
case("float_power", "np.float_power(x, 2)", (2, 3), hips=False)

# Rounding, remainders, signs, and the like
case("round", "np.round(x, 1)", [0.3, -1.1, 2.5])
case("round", "np.around(x)", (2, 3))
case("trunc", "np.fix(x)", (2, 3))
case("heaviside", "np.heaviside(x, y)", [-1.0, 0.5, 2.0], [[0.5], [0.7]], hips=False)
case("heaviside", "np.heaviside(y, x)", (3,), [0, 1, 0], hips=False)
case("fmod", "np.fmod(x, y)", (2, 3), positive(3), hips=False)
case("fmod", "np.fmod(x, -0.7)", (2, 3), hips=False)
case("floor_divide", "np.divmod(x, 0.7)[0]", (2, 3), hips=False)
case("remainder", "np.divmod(x, 0.7)[1]", (2, 3), hips=False)
case("trunc", "np.modf(x)[0]", (2, 3), hips=False)
case("trunc", "np.modf(x)[1]", (2, 3), hips=False)
case("multiply", "np.ldexp(x, y)", (2, 3), [0, 1, -2], hips=False)
case("divide", "np.frexp(x)[0]", [0.3, -5.0, 100.0], hips=False)
case("fabs", "np.fabs(x)", (2, 3))
case("copysign", "np.copysign(x, y)", (2, 3), [1.0, -1.0, -2.0], hips=False)
case("copysign", "np.copysign(x, -1)", (2, 3), hips=False)
for name in ("fmax", "fmin"):
    case(name, f"np.{name}(x, y)", (2, 3), [-5.0, 0.1, 5.0])
    case(name, f"np.{name}(x, 0.1)", (2, 3))
case("nan_to_num", "np.nan_to_num(x)", (2, 3))
case("positive", "np.real(x)", (2, 3))
case("positive", "np.conj(x)", (2, 3))
case("positive", "np.real_if_close(x)", (2, 3))

# Moving and repeating
case("roll", "np.roll(x, 2)", (2, 3))
case("roll", "np.roll(x, -1, axis=-1)", (2, 3))
case("roll", "np.roll(x, (1, 2), axis=(0, 1))", (2, 3), hips=False)
case("rot90", "np.rot90(x)", (2, 3))
case("rot90", "np.rot90(x, k=-3, axes=(2, 0))", (2, 3, 2), hips=False)
case("flip", "np.flipud(x)", (2, 3))
case("flip", "np.fliplr(x)", (2, 3))
case("roll", "np.fft.fftshift(x)", (2, 3), hips=False)
case("roll", "np.fft.ifftshift(x, axes=-1)", (2, 3), hips=False)
case("astype", "np.astype(x, np.float64)", (2, 3))
case("transpose", "np.rollaxis(x, 2)", (2, 3, 4))
case("transpose", "np.rollaxis(x, -1, -2)", (2, 3, 4), hips=False)
case("transpose", "np.ravel(x, order='F')", (2, 3))
case("reshape", "np.reshape(x, (3, 2), order='F')", (2, 3))
case("reshape", "np.reshape(x, (3, -1), 'C')", (2, 3))
case("swapaxes", "np.matrix_transpose(x)", (2, 3, 2), hips=False)
case("swapaxes", "np.linalg.matrix_transpose(x)", (2, 3, 2), hips=False)
case("tile", "np.tile(x, 2)", (2, 3), hips=False)
case("tile", "np.tile(x, (2, 1, 3))", (2, 2))
case("tile", "np.tile(x, 0)", (2, 3), hips=False)
case("tile", "np.tile(x, 3)", ())
case("repeat", "np.repeat(x, 2)", (2, 3))
case("repeat", "np.repeat(x, 3, axis=-1)", (2, 3), hips=False)
case("repeat", "np.repeat(x, [0, 2, 1], axis=1)", (2, 3), hips=False)
case("resize", "np.resize(x, (3, 3))", (2, 2), hips=False)
for width in ("1", "(0, 2)", "((1, 0), (0, 2))", "((2, 1),)", "[[1, 1], [0, 0]]", "{-1: (1, 2)}"):
    case("pad", f"np.pad(x, {width})", (2, 3), hips=False)
case("pad", "np.pad(x, 1, mode='constant', constant_values=7)", (2, 3))
for mode in ("edge", "reflect", "symmetric", "wrap"):
    case("pad", f"np.pad(x, ((1, 2), (2, 0)), '{mode}')", (3, 3), hips=False)
for name in ("tril", "triu"):
    case(name, f"np.{name}(x)", (3, 3))
    case(name, f"np.{name}(x, k=-1)", (2, 3, 2))
    case(name, f"np.{name}(x, 1)", (3,), hips=False)
case("diagonal", "np.diagonal(x)", (3, 2), hips=False)
case("diagonal", "np.diagonal(x, 1, 0, -1)", (3, 2, 3), hips=False)
case("diagonal", "np.diag(x, k=-1)", (3, 2), hips=False)
case("diagflat", "np.diag(x)", (3,))
case("diagflat", "np.diag(x, -2)", (2,))
case("diagflat", "np.diagflat(x, 1)", (2, 2), hips=False)
case("diagonal", "np.trace(x)", (3, 3))
case("diagonal", "np.trace(x, offset=1)", (2, 3))
case("diagonal", "np.trace(x, 0, 1, 2)", (2, 3, 2), hips=False)
case("diagonal", "np.linalg.trace(x, offset=-1)", (2, 3, 2), hips=False)
case("diagonal", "np.linalg.diagonal(x, offset=1)", (2, 3, 2), hips=False)
case("broadcast_to", "np.broadcast_arrays(x, y)[0] * np.broadcast_arrays(x, y)[1]", (2, 1), (3,),
     hips=False)

case("repeat", "x.repeat(2, axis=0)", (2, 3), hips=False)
case("diagonal", "x.diagonal(1)", (2, 3), hips=False)
case("diagonal", "x.trace()", (3, 3))
case("getitem", "x.take([2, 0, 0], axis=1)", (2, 3), hips=False)
case("getitem", "x.compress([True, False, True])", (2, 3), hips=False)
case("choose", "y.choose([x, 2.0 * x])", (2, 2), [[0, 1], [1, 0]], hips=False)
case("round", "x.round(1)", [0.31, -1.22], hips=False)

# Joining and splitting
case("reshape", "np.atleast_1d(x)", ())
case("reshape", "np.atleast_2d(x)", (3,))
case("reshape", "np.atleast_3d(x)", (2, 3))
case("reshape", "np.atleast_3d(x)", (3,))
case("reshape", "np.atleast_2d(x, y)[0] + np.atleast_2d(x, y)[1]", (), (3,), hips=False)
case("concatenate", "np.hstack([x, y])", (2, 3), (2, 1))
case("concatenate", "np.hstack([x, y])", (3,), ())
case("concatenate", "np.vstack([x, y])", (2, 3), (3,))
case("concatenate", "np.dstack([x, y])", (2, 3), (2, 3), hips=False)
case("concatenate", "np.dstack([x, y])", (3,), (3,), hips=False)
case("concatenate", "np.column_stack([x, y])", (3,), (3, 2))
case("concatenate", "np.block([[x, y], [y, x]])", (2, 2), (2, 2), hips=False)
case("concatenate", "np.block([x, y, 2.5])", (3,), (2,), hips=False)
case("concatenate", "np.append(x, y)", (2, 3), (2,))
case("concatenate", "np.append(x, y, axis=1)", (2, 3), (2, 1))
case("concatenate", "np.insert(x, 1, y)", (2, 2), (), hips=False)
case("concatenate", "np.insert(x, 1, y, axis=0)", (2, 3), (3,), hips=False)
case("concatenate", "np.insert(x, 1, y, axis=1)", (2, 3), (2,), hips=False)
case("concatenate", "np.insert(x, [1], y, axis=1)", (2, 3), (2, 1), hips=False)
case("concatenate", "np.insert(x, [0, 2, 2], y)", (3,), (3,), hips=False)
case("concatenate", "np.insert(x, slice(0, 2), 5.0, axis=-1)", (2, 3), hips=False)
case("concatenate", "np.insert(x, -1, y)", (3,), (2,), hips=False)
case("concatenate", "np.insert(x, np.array([True, False, True]), y)", (3,), (2,), hips=False)
case("getitem", "np.delete(x, 1)", (2, 2), hips=False)
case("getitem", "np.delete(x, [0, -1], axis=1)", (2, 3), hips=False)
case("getitem", "np.delete(x, slice(0, 2), axis=0)", (3, 2), hips=False)
case("multiply", "np.meshgrid(x, y)[0] * np.meshgrid(x, y)[1]", (2,), (3,), hips=False)
case("multiply", "np.meshgrid(x, y, indexing='ij', sparse=True)[0] * y", (2,), (3,), hips=False)
case("getitem", "np.array_split(x, 3)[0]", (5, 2))
case("getitem", "np.array_split(x, [1, 3], axis=1)[1]", (2, 4))
case("getitem", "np.vsplit(x, 2)[1]", (4, 2))
case("getitem", "np.hsplit(x, 2)[1]", (2, 4))
case("getitem", "np.hsplit(x, [1])[1]", (4,), hips=False)
case("getitem", "np.dsplit(x, 2)[0]", (2, 1, 4))
case("getitem", "np.unstack(x, axis=1)[1]", (2, 3), hips=False)
case("stack", "np.apply_along_axis(lambda row: row * row, 0, x)", (2, 3), hips=False)
case("stack", "np.apply_along_axis(np.sum, -1, x)", (2, 3), hips=False)
case("stack", "np.apply_along_axis(np.diag, 1, x)", (2, 3, 2), hips=False)
case("sum", "np.apply_over_axes(np.sum, x, [0, 2])", (2, 3, 2), hips=False)

# Choosing
case("getitem", "np.take(x, [[0, 4], [4, -1]])", (2, 3), hips=False)
case("getitem", "np.take(x, y, axis=1)", (2, 3), [2, 2], hips=False)
case("getitem", "np.take(x, [-4, 7], axis=0, mode='wrap')", (3, 2), hips=False)
case("getitem", "np.take(x, 9, 1, mode='clip')", (2, 3), hips=False)
case("getitem", "np.take_along_axis(x, np.argsort(x, axis=1), axis=1)", (2, 3), hips=False)
case("getitem", "np.take_along_axis(x, y, axis=0)", (2, 3), [[1, 1, 0]], hips=False)
case("getitem", "np.take_along_axis(x, y, axis=None)", (2, 3), [5, 0, 0], hips=False)
case("getitem", "np.compress([False, True, True], x, axis=1)", (2, 3), hips=False)
case("getitem", "np.compress(y, x)", (2, 2), [True, False, True], hips=False)
case("getitem", "np.extract(y, x)", (2, 2), [[True, False], [True, True]], hips=False)
case("choose", "np.choose(z, [x, y])", (2, 3), (3,), [[0], [1]], hips=False)
case("choose", "np.choose([0, 3, -1], [x, y, 7.0], mode='wrap')", (3,), (), hips=False)
case("choose", "np.select([x > 0.5, x < 0], [x * x, y], 3.0)", (2, 3), (3,))
case("choose", "np.select([x > 0.5], [y], x)", (2, 3), (2, 1))
case("setitem", "np.piecewise(x, [x < 0, x > 1], [lambda u: -u, 2.0, lambda u: u * u])", (3, 4),
     hips=False)
case("scatter_add", "np.bincount(y, weights=x)", (4,), [0, 2, 2, 1], hips=False, half=False)
case("scatter_add", "np.bincount(y, x, minlength=5)", (3,), [0, 2, 2], hips=False, half=False)
case("getitem", "np.trim_zeros(x * y)", (5,), [0, 1, 0, 1, 0], hips=False)

# Normalising the channels of (N, C, ...)
NORM = "ops.normalization."
case("channel_sum", NORM + "channel_sum(x)", (2, 3, 4), numpy="np.sum(x, (0, 2))", hips=False)
case("channel_sum", NORM + "channel_sum(x)", (2, 3, 9), numpy="np.sum(x, (0, 2))", hips=False)
case("channel_dot", NORM + "channel_dot(x, y)", (2, 3, 2), (2, 3, 2),
     numpy="np.sum(x * y, (0, 2))", hips=False)
case("channel_dot", NORM + "channel_dot(x.transpose((3, 1, 0, 2)), y)", (3, 2, 1, 2), (2, 2, 3, 1),
     numpy="np.sum(x.transpose((3, 1, 0, 2)) * y, (0, 2, 3))", hips=False)
case("less_mean", NORM + "less_mean(x)", (2, 3, 4), numpy="x - np.mean(x, (0, 2), keepdims=True)")
case("less_mean", NORM + "less_mean(x.transpose((3, 1, 0, 2)))", (2, 2, 1, 2), hips=False,
     numpy="(x - np.mean(x, (0, 2, 3), keepdims=True)).transpose((3, 1, 0, 2))")
case("inverse_rms", NORM + "inverse_rms(x, 0.1)", (2, 3, 4),
     numpy="1 / np.sqrt(np.mean(x * x, (0, 2)) + 0.1)")
case("inverse_rms", NORM + "inverse_rms(x, 0.1)", (9, 2, 3, 1), hips=False,
     numpy="1 / np.sqrt(np.mean(x * x, (0, 2, 3)) + 0.1)")
case("inverse_rms", NORM + "inverse_rms(x, 0.1)", (1, 2, 9), hips=False,
     numpy="1 / np.sqrt(np.mean(x * x, (0, 2)) + 0.1)")
case("scale_channels", NORM + "scale_channels(x, y)", (2, 3, 4), (3,),
     numpy="x * y.reshape((-1, 1))")
case("scale_shift", NORM + "scale_shift(x, y, z)", (2, 3, 4), (3,), (3,),
     numpy="x * y.reshape((-1, 1)) + z.reshape((-1, 1))")

# Attention
case("masked_softmax", "ops.attention.masked_softmax(x)", (2, 3, 4),
     numpy="np.exp(x) / np.sum(np.exp(x), -1, keepdims=True)")

# Sorting, and statistics of what is sorted
case("sort", "np.sort(x)", (2, 4), hips=False)
case("sort", "np.sort(x, axis=0)", (3, 2), hips=False)
case("sort", "np.sort(x, axis=None)", (3, 2), hips=False)
case("sort", "np.sort(x)", (4,))
case("getitem", "np.partition(x, 1)", (3,))
case("getitem", "np.partition(x, 1, axis=0)", (3, 2), hips=False)
for call in (
    "median(x", "quantile(x, 0.3", "percentile(x, [10, 50, 75]", "quantile(x, [[0.2], [1]]"
):
    case("quantile", f"np.{call})", (5,), hips=False)
    case("quantile", f"np.{call}, axis=-1)", (2, 4), hips=False)
    case("quantile", f"np.{call}, axis=(0, 2), keepdims=True)", (2, 2, 3), hips=False)
for method in ("lower", "nearest", "midpoint", "weibull", "inverted_cdf", "median_unbiased"):
    case("quantile", f"np.quantile(x, [0.1, 0.45], method='{method}', axis=0)", (6, 2), hips=False)
case("quantile", "np.nanmedian(x, axis=1)", (2, 3), hips=False)
case("quantile", "np.nanquantile(x, [0.2, 0.7], axis=0, keepdims=True)", (3, 2), hips=False)
case("quantile", "np.nanpercentile(x, 30)", (3, 2), hips=False)

# Running sums and products, differences
for name in ("cumsum", "cumprod"):
    case(name, f"np.{name}(x)", (2, 3), hips=name == "cumsum")
    case(name, f"np.{name}(x, axis=0)", (4, 2), hips=name == "cumsum")
    case(name, f"x.{name}(-1)", (2, 5), numpy=f"np.{name}(x, -1)", hips=name == "cumsum")
    case(name, f"np.{name}(x)", (0,), hips=False)
case("cumsum", "np.add.accumulate(x, axis=1)", (2, 3), hips=False)
case("cumprod", "np.cumprod(x, axis=0)", [[2.0, 0.0], [0.0, 3.0], [-1.0, 2.0], [0.0, 1.5]],
     hips=False)
case("cumsum", "np.cumulative_sum(x, axis=1, include_initial=True)", (2, 3), hips=False)
case("cumprod", "np.cumulative_prod(x)", (3,), hips=False)
case("diff", "np.diff(x)", (2, 4))
case("diff", "np.diff(x, n=2, axis=0)", (5, 2))
case("diff", "np.diff(x, n=3)", (2, 2), hips=False)
case("diff", "np.diff(x, prepend=y, append=1.5)", (2, 3), (2, 1), hips=False)
case("diff", "np.ediff1d(x, to_begin=y)", (2, 3), (2,), hips=False)
case("getitem", "np.gradient(x)", (5,))
case("getitem", "np.gradient(x)", (2,), hips=False)
case("getitem", "np.gradient(x, 0.5, edge_order=2)", (4,), hips=False)
case("getitem", "np.gradient(x, [0.0, 1.0, 1.5, 4.0], edge_order=2)", (4,), hips=False)
case("getitem", "np.gradient(x, axis=1)", (2, 6))
case("getitem", "np.gradient(x, 2.0, [0.0, 1.0, 3.0])[1]", (2, 3), hips=False)
case("getitem", "np.gradient(x, [0.0, 1.0, 3.0], axis=0)", (3, 2), hips=False)
case("sum", "np.trapezoid(x)", (5,), hips=False)
case("sum", "np.trapezoid(x, dx=0.5, axis=0)", (3, 2), hips=False)
case("diff", "np.trapezoid(x, y)", (2, 3), (3,), hips=False)
case("diff", "np.trapezoid(x, y, axis=0)", (3, 2), (3, 2), hips=False)

# Statistics
case("max", "np.ptp(x)", (2, 3), hips=False)
case("min", "np.ptp(x, axis=-1, keepdims=True)", (2, 3), hips=False)
case("sum", "np.average(x, weights=y)", (2, 3), positive(2, 3), hips=False)
case("sum", "np.average(x, axis=1, weights=y)", (2, 3), positive(3), hips=False)
case("sum", "np.average(x, (1, 0), y)", (2, 3, 2), positive(3, 2), hips=False)
case("mean", "np.average(x, axis=0, keepdims=True)", (2, 3), hips=False)
case("sum", "np.multiply(*np.average(x, 0, y, returned=True))", (2, 3), positive(2), hips=False)
case("matmul", "np.cov(x)", (2, 4), hips=False)
case("matmul", "np.cov(x, y, ddof=0)", (4,), (4,), hips=False)
case("matmul", "np.cov(x, rowvar=False, bias=True)", (4, 2), hips=False)
case("matmul", "np.cov(x)", (4,), hips=False)
case("matmul", "np.corrcoef(x)", (3, 4), hips=False)
for name in ("nansum", "nanprod", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd"):
    case("where", f"np.{name}(x)", (2, 3), hips=False)
    case("where", f"np.{name}(x, axis=0, keepdims=True)", (3, 2), hips=False)
for name in ("nancumsum", "nancumprod"):
    case("where", f"np.{name}(x, axis=1)", (2, 3), hips=False)

# Products of vectors
case("matmul", "np.inner(x, y)", (3,), (3,))
case("tensordot", "np.inner(x, y)", (2, 3), (4, 3))
case("multiply", "np.inner(x, y)", (2, 3), ())
case("matmul", "np.vdot(x, y)", (2, 3), (3, 2), hips=False)
case("einsum", "np.cross(x, y)", (2, 3), (3,), hips=False)
case("einsum", "np.cross(x, y, axis=0)", (3, 2), (3, 2))
case("einsum", "np.cross(x, y, axisa=0, axisb=1, axisc=0)", (3, 2), (2, 3))
case("einsum", "np.linalg.cross(x, y)", (2, 3), (2, 3), hips=False)
case("einsum", "np.kron(x, y)", (2, 3), (3, 2))
case("einsum", "np.kron(x, y)", (2,), (2, 2, 3), hips=False)
case("einsum", "np.vecdot(x, y)", (2, 3), (3,), hips=False)
case("einsum", "np.linalg.vecdot(x, y, axis=0)", (3, 2), (3, 2), hips=False)
case("einsum", "np.matvec(x, y)", (2, 3), (2, 3), hips=False)
case("einsum", "np.vecmat(x, y)", (2,), (2, 2, 3), hips=False)
case("matmul", "np.linalg.matmul(x, y)", (2, 3), (3, 2), hips=False)
case("tensordot", "np.linalg.tensordot(x, y, axes=1)", (2, 3), (3, 2), hips=False)
case("multiply", "np.linalg.outer(x, y)", (2,), (3,), hips=False)
case("einsum", "np.linalg.multi_dot([x, y, z])", (2, 3), (3, 4), (4, 2), hips=False)
case("einsum", "np.linalg.multi_dot([x, y, z])", (3,), (3, 4), (4,))
case("einsum", "np.linalg.multi_dot([x, y])", (2, 3), (3,), hips=False)
for mode in ("full", "same", "valid"):
    case("convolve", f"np.convolve(x, y, '{mode}')", (5,), (3,), hips=False)
    case("convolve", f"np.convolve(x, y, mode='{mode}')", (2,), (4,), hips=False)
    case("convolve", f"np.correlate(x, y, '{mode}')", (5,), (2,), hips=False)
    case("convolve", f"np.correlate(x, y, '{mode}')", (3,), (4,), hips=False)

# Interpolation, points
case("where", "np.interp(x, y, z)", [0.2, 2.5, -1.0, 5.0], [0.0, 1.0, 3.0], (3,), hips=False)
case("where", "np.interp(x, [0.0, 1.0], y, left=7.0, right=8.0)", [[0.2, -2.5]], (2,), hips=False)
case("where", "np.interp(x, y, z, period=4.0)", [0.2, 2.2, 9.3], [1.0, 6.5, 3.0], (3,), hips=False)
case("add", "np.linspace(x, y, 4)", (), ())
case("add", "np.linspace(x, y, 3, endpoint=False, axis=-1)", (2,), (2,), hips=False)
case("power", "np.logspace(x, y, 4)", (), (), hips=False, half=False)
case("exp", "np.geomspace(x, y, 4)", positive(2), positive(2) * 3, hips=False, half=False)
case("add", "np.polyval(x, y)", (3,), (2,), hips=False)
case("power", "np.vander(x)", (3,), hips=False)
case("power", "np.vander(x, 2, increasing=True)", (3,), hips=False)

# Linear algebra
SPD = "(np.matmul(x, np.swapaxes(x, -1, -2)) + 3 * np.eye(3))"
for shape in ((3, 3), (2, 3, 3)):
    case("inv", "np.linalg.inv(x)", shape, half=False)
    case("det", "np.linalg.det(x)", shape, half=False)
    case("logabsdet", "np.linalg.slogdet(x)[1]", shape, half=False)
    case("signdet", "np.linalg.slogdet(x)[0]", shape, half=False)
    case("solve", "np.linalg.solve(x, y)", shape, (3, 2), half=False, hips=len(shape) == 2)
    case("solve", "np.linalg.solve(x, y)", shape, (3,), half=False, hips=len(shape) == 2)
    case("cholesky", f"np.linalg.cholesky({SPD})", shape, half=False)
    case("cholesky", f"np.linalg.cholesky({SPD}, upper=True)", shape, half=False, hips=False)
    case("eigh", "np.linalg.eigh(x)[0]", shape, half=False)
    case("eigh", f"np.linalg.eigh({SPD})[1]", shape, half=False)
    case("eigh", "np.linalg.eigh(x, 'U').eigenvectors", shape, half=False, hips=False)
    case("eigh", "np.linalg.eigvalsh(x)", shape, half=False, hips=False)
    case("matmul", "np.linalg.matrix_power(x, 5)", shape, half=False, hips=False)
    case("inv", "np.linalg.matrix_power(x, -3)", shape, half=False, hips=False)
case("det", "np.linalg.det(x)", [[1.0, 2.0], [2.0, 4.0]], half=False, hips=False)
case("cholesky", "np.linalg.cholesky(x)", [[4.0, 9.0], [1.0, 3.0]], half=False, hips=False)
for shape in ((3, 3), (4, 2), (2, 3), (2, 2, 3)):
    svd = "np.linalg.svd(x, full_matrices=False)"
    case("svd", f"{svd}[0]", shape, half=False)
    case("svd", f"{svd}[1]", shape, half=False)
    case("svd", f"{svd}[2]", shape, half=False)
    case("svd", "np.linalg.svd(x, compute_uv=False)", shape, half=False)
    case("svd", "np.linalg.svdvals(x)", shape, half=False, hips=False)
    case("qr", "np.linalg.qr(x)[0]", shape, half=False, hips=False)
    case("qr", "np.linalg.qr(x).R", shape, half=False, hips=False)
    case("qr", "np.linalg.qr(x, mode='r')", shape, half=False, hips=False)
    case("pinv", f"np.linalg.pinv(x + 2 * np.eye{shape[-2:]})", shape, half=False)
case("svd", "np.linalg.svd(x)[0]", (3, 3), half=False, hips=False)
case("lstsq", "np.linalg.lstsq(x, y)[0]", (4, 2), (4,), half=False, hips=False)
case("lstsq", "np.linalg.lstsq(x, y, rcond=None)[0]", (2, 3), (2, 2), half=False, hips=False)
case("lstsq", "np.linalg.lstsq(x, y)[1]", (4, 2), (4, 3), half=False, hips=False)
case("svd", "np.linalg.lstsq(x, x)[3]", (4, 2), half=False, hips=False)
for ord in (None, 1, 2, 3, 0.5, -1, np.inf, -np.inf):
    ord = str(ord).replace("inf", "np.inf")
    case("absolute" if "inf" in ord else "norm",
         f"np.linalg.norm(x, {ord})", (4,), hips=ord in ("None", "2", "3"), half=False)
    case("absolute" if "inf" in ord else "norm",
         f"np.linalg.norm(x, ord={ord}, axis=-1, keepdims=True)", (2, 3), half=False, hips=False)
for ord in ("None", "'fro'", "'nuc'", "1", "-1", "2", "-2", "np.inf", "-np.inf"):
    op = {"None": "norm", "'fro'": "norm", "'nuc'": "svd", "2": "svd", "-2": "svd"}
    op = op.get(ord, "absolute")
    case(op, f"np.linalg.norm(x, {ord})", (2, 3), half=False, hips=op == "norm")
    case(op, f"np.linalg.norm(x, {ord}, axis=(2, 0), keepdims=True)", (2, 2, 3), half=False,
         hips=False)
case("sign", "np.linalg.norm(x, 0)", (4,), half=False, hips=False)
case("norm", "np.linalg.norm(x)", (2, 3, 2), half=False)
case("norm", "np.linalg.norm(x, axis=(0,))", (2, 3), half=False, hips=False)
case("norm", "np.linalg.vector_norm(x, axis=(0, 2), ord=3)", (2, 3, 2), half=False, hips=False)
case("norm", "np.linalg.matrix_norm(x, keepdims=True)", (2, 3, 2), half=False, hips=False)
case("svd", "np.linalg.cond(x)", (3, 2), half=False, hips=False)
case("inv", "np.linalg.cond(x, 1)", (2, 2), half=False, hips=False)
case("inv", "np.linalg.tensorinv(x)", (2, 3, 3, 2), half=False, hips=False)

# Convolution: NumPy's windows of the padded input, and the adjoints as what they are adjoint to
WINDOWS = "np.lib.stride_tricks.sliding_window_view"
for stride, pad, groups in ((1, 0, 1), (2, 1, 1), (1, 2, 2)):
    shape, kernel = (2, 2 * groups, 5, 4), (2 * groups, 2, 3, 2)
    params = (f"stride=({stride}, 1), padding=(({pad}, {pad}), (0, {pad})), dilation=(1, 1), "
              f"groups={groups}")
    padded = f"np.pad(x, ((0, 0), (0, 0), ({pad}, {pad}), (0, {pad})))"
    windows = f"{WINDOWS}({padded}, (3, 2), (2, 3))[:, :, ::{stride}]"
    reference = (f"np.einsum('ngchwij,gocij->ngohw', {windows}.reshape(2, {groups}, 2, "
                 f"-1, {4 + pad - 1}, 3, 2), y.reshape({groups}, 2, 2, 3, 2))"
                 f".reshape(2, {2 * groups}, -1, {4 + pad - 1})")
    case("convolution_no_bias", f"ops.convolution.convolution_no_bias(x, y, {params})",
         shape, kernel, numpy=reference, hips=False)
    case("convolution", f"ops.convolution.convolution(x, y, z, {params})",
         shape, kernel, (2 * groups,), numpy=f"{reference} + z[:, None, None]", hips=False)
case("convolution_no_bias", "ops.convolution.convolution_no_bias(x, y, stride=(2,), "
     "padding=((1, 2),), dilation=(2,), groups=1)", (2, 2, 6), (3, 2, 2), hips=False,
     numpy=f"np.einsum('nclk,ock->nol', {WINDOWS}(np.pad(x, ((0, 0), (0, 0), (1, 2))), 3, 2)"
     "[:, :, ::2, ::2], y)")
case("convolution_transposed", "ops.convolution.convolution_transposed(x, y, size=(4,), "
     "stride=(1,), padding=((0, 0),), dilation=(1,), groups=1)", (2, 3, 3), (3, 2, 2), hips=False,
     numpy="np.pad(np.einsum('nol,oc->ncl', x, y[..., 0]), ((0, 0), (0, 0), (0, 1)))"
           " + np.pad(np.einsum('nol,oc->ncl', x, y[..., 1]), ((0, 0), (0, 0), (1, 0)))")
case("convolution_transposed", "ops.convolution.convolution_transposed(x, y, size=(7,), "
     "stride=(2,), padding=((0, 0),), dilation=(1,), groups=1)", (2, 3, 3), (3, 2, 2), hips=False,
     numpy="np.pad(np.einsum('nol,ock->nclk', x, y).reshape(2, 2, 6), ((0, 0), (0, 0), (0, 1)))")
case("convolution_weight", "ops.convolution.convolution_weight(x, y, kernel=(2,), stride=(2,), "
     "padding=((1, 0),), dilation=(1,), groups=1)", (2, 2, 5), (2, 3, 3), hips=False,
     numpy=f"np.einsum('nclk,nol->ock', {WINDOWS}(np.pad(x, ((0, 0), (0, 0), (1, 0))), 2, 2)"
           "[:, :, ::2], y)")

# Pooling
POOL = "stride=(2, 1), padding=((0, 0), (0, 0))"
MAX = f"kernel=(2, 3), {POOL}, dilation=(1, 1)"
LARGEST = f"{WINDOWS}(y, (2, 3), (2, 3))[:, :, ::2].reshape(1, 2, 2, 2, 6)"
case("max_pool", f"ops.pooling.max_pool(x, {MAX})", (1, 2, 5, 4), hips=False,
     numpy=f"{LARGEST}.max(-1)".replace("(y", "(x"))
case("max_pool", "ops.pooling.max_pool(x, kernel=(2,), stride=(2,), padding=((1, 1),), "
     "dilation=(2,))", (2, 1, 5), hips=False,
     numpy="np.stack([x[..., 1], np.maximum(x[..., 1], x[..., 3]), x[..., 3]], -1)")
case("max_pool_gather", f"ops.pooling.max_pool_gather(x, y, ops.pooling.max_pool(y, {MAX}), {MAX})",
     (1, 2, 5, 4), (1, 2, 5, 4), hips=False,
     numpy=f"np.take_along_axis({LARGEST.replace('(y', '(x')}, {LARGEST}.argmax(-1)[..., None], -1)"
           "[..., 0]")
case("max_pool_scatter",
     "ops.pooling.max_pool_scatter(x, y, ops.pooling.max_pool(y, kernel=(2,), stride=(2,), "
     "padding=((0, 0),), dilation=(1,)), kernel=(2,), stride=(2,), padding=((0, 0),), "
     "dilation=(1,))", (2, 1, 2), (2, 1, 4), hips=False,
     numpy="np.stack([(y[..., ::2] >= y[..., 1::2]) * x, (y[..., ::2] < y[..., 1::2]) * x], -1)"
           ".reshape(2, 1, 4)")
case("window_sum", f"ops.pooling.window_sum(x, kernel=(2, 3), {POOL})", (1, 2, 5, 4), hips=False,
     numpy=f"{WINDOWS}(x, (2, 3), (2, 3))[:, :, ::2].sum((-1, -2))")
case("window_spread", "ops.pooling.window_spread(x, size=(4,), kernel=(2,), stride=(1,), "
     "padding=((0, 0),))", (2, 1, 3), hips=False,
     numpy="np.pad(x, ((0, 0), (0, 0), (0, 1))) + np.pad(x, ((0, 0), (0, 0), (1, 0)))")
# fmt: on
