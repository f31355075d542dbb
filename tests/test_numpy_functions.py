"""All of NumPy: each of its functions is supported, a constant, or refused by name."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.testing.overrides import (
    get_overridable_numpy_array_functions,
    get_overridable_numpy_ufuncs,
)

import microtensor as mt
from microtensor.errors import GradientError, MicrotensorError, UnsupportedError
from microtensor.numpy_protocols import CONSTANT
from microtensor.op import IMPLEMENTATIONS, REGISTRY, Op
from tests.cases import CASES, Case

NAMESPACES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft}
UFUNCS = get_overridable_numpy_ufuncs()
DISPATCHED = get_overridable_numpy_array_functions() | UFUNCS
FUNCTIONS = {
    f"{prefix}.{name}": function
    for prefix, namespace in NAMESPACES.items()
    for name, function in sorted(vars(namespace).items())
    if not name.startswith("_") and callable(function) and not isinstance(function, type)
}
OVERRIDABLE = {name: f for name, f in FUNCTIONS.items() if f in DISPATCHED}
SUPPORTED = {name: f for name, f in OVERRIDABLE.items() if f in IMPLEMENTATIONS}
CONSTANTS = {name: f for name, f in OVERRIDABLE.items() if f in CONSTANT}
REFUSED = {name: f for name, f in OVERRIDABLE.items() if name not in {**SUPPORTED, **CONSTANTS}}

EXPECTED = [
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh",
    "arccosh", "arctanh", "arctan2", "hypot", "sinc", "deg2rad", "rad2deg", "degrees", "radians",
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2", "sqrt",
    "cbrt", "square", "power", "float_power", "reciprocal", "copysign", "fmax", "fmin", "maximum",
    "minimum", "fmod", "mod", "remainder", "heaviside", "nan_to_num", "absolute", "abs", "fabs",
    "sum", "prod", "mean", "var", "std", "max", "min", "amax", "amin", "nansum", "nanmean",
    "nanprod", "nanvar", "nanstd", "nanmax", "nanmin", "median", "percentile", "quantile", "ptp",
    "cumsum", "cumprod", "trapezoid", "average", "roll", "rot90", "tile", "repeat", "pad", "tril",
    "triu", "diag", "diagonal", "trace", "kron", "meshgrid", "atleast_1d", "atleast_2d",
    "atleast_3d", "hstack", "vstack", "dstack", "column_stack", "array_split", "insert", "append",
    "delete", "broadcast_arrays", "broadcast_to", "take", "take_along_axis", "choose", "select",
    "compress", "extract", "sort", "partition", "diff", "gradient", "convolve", "correlate",
    "interp", "cross", "inner", "vdot", "einsum", "dot", "matmul", "tensordot", "outer", "where",
    "clip", "concatenate", "stack", "hsplit", "vsplit", "dsplit", "rollaxis", "moveaxis",
    "swapaxes", "transpose", "reshape", "ravel", "squeeze", "expand_dims", "flip", "fliplr",
    "flipud", "linspace", "real", "imag", "conj", "angle", "real_if_close", "unwrap", "piecewise",
    "linalg.inv", "linalg.det", "linalg.slogdet", "linalg.solve", "linalg.cholesky",
    "linalg.eigh", "linalg.svd", "linalg.qr", "linalg.pinv", "linalg.lstsq", "linalg.norm",
    "linalg.matrix_power", "linalg.multi_dot",
]  # fmt: skip
"""What issue 3 asks for, and what HIPS autograd has rules for."""


def tensor(*shape: int) -> mt.Tensor:
    return mt.tensor(np.arange(1.0, 1 + np.prod(shape)).reshape(shape), requires_grad=True)


def called_in(expression: str) -> Iterator[Any]:
    """Yield the NumPy functions that an expression names."""
    for node in ast.walk(ast.parse(expression)):
        if isinstance(node, ast.Attribute):
            yield FUNCTIONS.get(ast.unparse(node))


# Every function is one of the three


@pytest.mark.parametrize("name", EXPECTED)
def test_what_users_expect_is_supported(name: str) -> None:
    assert FUNCTIONS[f"np.{name}"] in IMPLEMENTATIONS or name == "angle"  # of a real, 0 or pi


def test_every_supported_function_has_a_case() -> None:
    tested = {function for case in CASES for function in called_in(case.expression)}
    reductions = {np.add: np.sum, np.multiply: np.prod}
    untested = {
        name
        for name, function in SUPPORTED.items()
        if function not in tested and reductions.get(function) not in tested
    }
    by_operator = {f"np.{case.op}" for case in CASES}  # x + y, ~x
    aliases = {name for name in untested if SUPPORTED[name].__name__ in REGISTRY}
    assert untested - by_operator - aliases - UNTESTED_HERE == set()


UNTESTED_HERE = {"np.imag", "np.split"}
"""They have a test of their own."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_supported_says_so_by_name(name: str) -> None:
    function: Any = REFUSED[name]
    x = tensor(3)
    with pytest.raises(UnsupportedError, match=function.__name__):
        (
            x.__array_ufunc__(function, "__call__", *[x] * function.nin)
            if function in UFUNCS
            else x.__array_function__(function, (mt.Tensor,), (x,), {})
        )


@pytest.mark.parametrize("name", ["np.array", "np.asarray", "np.ascontiguousarray"])
def test_a_tensor_that_requires_a_gradient_does_not_turn_into_an_array(name: str) -> None:
    for value in (tensor(3), [tensor(3), tensor(3)]):
        with pytest.raises(GradientError):
            FUNCTIONS[name](value)


UNLIKE = {
    "np.save",
    "np.savez",
    "np.savez_compressed",
    "np.savetxt",
    "np.empty_like",
    "np.can_cast",
}
"""Constants without a result, or one that can be compared."""
UNLIKE |= {"np.einsum_path", "np.array_repr"}


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_is_what_numpy_gives_for_the_values(name: str) -> None:
    if name in UNLIKE:
        return
    x = np.array([[3, 1], [2, 0]], dtype=np.uint8)
    function: Any = CONSTANTS[name]
    for inputs in ((x,), (x[0], x[1]), (x[0], (4, 4)), (x, 1)):
        try:
            expected = function(*inputs)
        except Exception:
            continue
        out = function(*(mt.tensor(i) if isinstance(i, np.ndarray) else i for i in inputs))
        assert str(out) == str(expected)
        return
    raise AssertionError(f"{name} takes none of the inputs tried")


# Arguments


def with_parameters() -> Iterator[tuple[str, Any, str]]:
    """Yield each parameter of a supported function that is not a ufunc."""
    for name, function in SUPPORTED.items():
        if function in UFUNCS:
            continue
        for parameter in inspect.signature(function).parameters.values():
            if parameter.default is not inspect.Parameter.empty:
                yield name, function, parameter.name


@pytest.mark.parametrize(("name", "function", "parameter"), list(with_parameters()))
def test_an_argument_is_supported_or_refused_by_name(
    name: str, function: Any, parameter: str
) -> None:
    implementation = IMPLEMENTATIONS[function]
    known = (
        implementation.parameters
        if isinstance(implementation, Op)
        else inspect.signature(implementation).parameters
    )
    if parameter in known or "kwargs" in known:
        return
    signature = inspect.signature(function)
    required = [
        p.name
        for p in signature.parameters.values()
        if p.default is p.empty and p.kind is not p.VAR_POSITIONAL and p.kind is not p.VAR_KEYWORD
    ]
    inputs = implementation.arity if isinstance(implementation, Op) else 0
    if parameter in list(signature.parameters)[:inputs]:
        return
    given = inspect.BoundArguments(signature, dict.fromkeys(required, 1) | {parameter: "given"})
    with pytest.raises(UnsupportedError, match=parameter):
        tensor(3).__array_function__(function, (mt.Tensor,), given.args, given.kwargs)


def test_arguments_are_in_numpys_order() -> None:
    x = tensor(2, 3)
    assert_allclose(np.sum(x, 0, None, None, True).data, [[5, 7, 9]])
    assert_allclose(np.var(x, 0, None, None, 1).data, np.var(x.data, 0, None, None, 1))
    assert_allclose(np.mean(a=x, axis=1, dtype=None, out=None).data, [2, 5])
    with pytest.raises(UnsupportedError, match="dtype"):
        np.sum(x, 0, np.float32)
    with pytest.raises(UnsupportedError, match="where"):
        np.sum(x, where=[True, False, True])
    with pytest.raises(UnsupportedError, match="initial"):
        np.max(x, initial=10.0)
    with pytest.raises(UnsupportedError, match="out"):
        np.cumsum(x, out=np.empty(6))
    with pytest.raises(UnsupportedError, match="where"):
        np.exp(x, where=[True, False, True])
    with pytest.raises(UnsupportedError, match="weights"):
        np.quantile(x, 0.5, method="inverted_cdf", weights=x)


@pytest.mark.parametrize("name", SUPPORTED)
def test_a_parameter_has_numpys_name(name: str) -> None:
    function = SUPPORTED[name]
    implementation = IMPLEMENTATIONS[function]
    if isinstance(implementation, Op) or function in UFUNCS:
        return
    ours, theirs = (inspect.signature(f).parameters for f in (implementation, function))
    options = {"constant_values"} | {"discont", "period"}
    for parameter in ours:
        assert parameter in theirs or parameter in options


# The library's own names


def exported(function: Any) -> bool:
    name = getattr(function, "__name__", "")
    return hasattr(mt, name) or hasattr(mt.linalg, name)


def test_every_supported_function_is_one_of_the_library_too() -> None:
    not_ours = {name for name, function in SUPPORTED.items() if not exported(function)}
    assert {name.partition(".")[2] for name in not_ours} == NOT_EXPORTED


NOT_EXPORTED = {
    *("apply_along_axis", "apply_over_axes", "astype", "fft.fftshift", "fft.ifftshift"),
    *("bitwise_and", "bitwise_invert", "bitwise_not", "bitwise_or", "bitwise_xor", "invert"),
    *("signbit", "conj", "conjugate", "real", "real_if_close", "fix", "degrees", "radians"),
}


class Ours:
    """NumPy's namespace, in which the library's functions are, where there is one of the name."""

    def __init__(self, ours: Any, theirs: Any) -> None:
        self.ours, self.theirs = ours, theirs

    def __getattr__(self, name: str) -> Any:
        if name == "trace" and self.ours is mt:  # that is of functions
            return np.trace
        if name == "linalg":
            return Ours(mt.linalg, np.linalg)
        return getattr(self.ours, name, getattr(self.theirs, name))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_librarys_functions_are_numpys_on_arrays_and_on_tensors(case: Case) -> None:
    if ".reduce" in case.expression or ".accumulate" in case.expression:
        return  # methods of ufuncs
    expected = case.on_arrays(*case.inputs)
    numpy = Ours(mt, np)
    out = case._evaluate(case.expression, numpy, case.inputs)
    assert not isinstance(out, mt.Tensor)
    assert_allclose(out, expected, rtol=1e-12, atol=1e-12)
    tensors = [
        mt.tensor(x, requires_grad=i in case.differentiated) for i, x in enumerate(case.inputs)
    ]
    out = case._evaluate(case.expression, numpy, tuple(tensors))
    assert_allclose(out.data, expected, rtol=1e-12, atol=1e-12)
    assert out.requires_grad == (REGISTRY[case.op].differentiable and bool(case.differentiated))


# The page of the documentation


def test_the_page_of_operations_covers_the_registry_and_numpy() -> None:
    path = Path(__file__).parents[1] / "docs/hooks/operation_table.py"
    spec: Any = importlib.util.spec_from_file_location("operation_table", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.page()
    assert page == module.page()
    for op in REGISTRY.values():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{op.name}` |")]
        assert op.differentiable != row.endswith("| constant |")
    for name in OVERRIDABLE:
        assert f"`{name}`" in page
    refused = page.partition("## Not supported")[2]
    assert all((f"`{name}`" in refused) == (name in REFUSED) for name in OVERRIDABLE)


def test_errors_are_the_librarys() -> None:
    with pytest.raises(MicrotensorError, match="full_matrices"):
        np.linalg.svd(tensor(3, 2))
    with pytest.raises(MicrotensorError, match="complete"):
        np.linalg.qr(tensor(3, 2), mode="complete")
    with pytest.raises(MicrotensorError, match="linear_ramp"):
        np.pad(tensor(3), 1, mode="linear_ramp")
    with pytest.raises(MicrotensorError, match="'valid'"):
        np.convolve(tensor(3), tensor(2), mode="valued")
    with pytest.raises(UnsupportedError, match="in place"):
        tensor(3).sort()


@pytest.mark.parametrize("order", ["A", "K", "f", "Z"])
def test_an_order_that_depends_on_memory_is_refused(order: str) -> None:
    t = mt.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    with pytest.raises(UnsupportedError, match="order"):
        np.ravel(t, order)
    with pytest.raises(UnsupportedError, match="order"):
        np.reshape(t, (3, 2), order=order)
