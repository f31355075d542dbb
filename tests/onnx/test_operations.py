"""Every operation: exported, and run in onnxruntime, it gives what it gives here."""

from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.testing import assert_allclose

import microtensor as mt
from microtensor.errors import UnsupportedError
from microtensor.onnx.translate import TRANSLATIONS
from microtensor.op import REGISTRY
from tests.cases import CASES, Case
from tests.compile.test_printing import depends_on_values
from tests.onnx.running import run

UNSUPPORTED = {
    # Decompositions and inverses, which ONNX has not.
    "cholesky", "eigh", "inv", "lstsq", "pinv", "qr", "solve", "svd",
    # Gradients of layers, which a model's evaluation does not compute.
    "convolution_weight", "gru_back", "lstm_back", "max_pool_gather", "max_pool_scatter",
    "window_spread",
    # Other numbers in every call, which ONNX draws with a seed of the model's own.
    "random",
}  # fmt: skip
"""Operations that are named as unsupported."""

NOT_IN_FLOAT64 = {
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "convolution",
    "convolution_no_bias", "convolution_transposed", "convolve", "cosh", "det", "logabsdet",
    "normal_cdf", "signdet", "sinh", "tan", "window_sum",
}  # fmt: skip
"""Operations that ONNX defines for float64 as well, and onnxruntime does not implement."""

EXPORTED = [case for case in CASES if not depends_on_values(case)]


def exported(case: Case, inputs: list[Any]) -> Any:
    return mt.onnx.export(case.on_tensors, tuple(map(mt.tensor, inputs)))


def assert_equal(case: Case, dtype: Any, **tolerances: float) -> None:
    inputs = [x.astype(dtype) if x.dtype.kind == "f" else x for x in case.inputs]
    if case.op in UNSUPPORTED:
        with pytest.raises(UnsupportedError, match=rf"\b{case.op}\b.*has no translation"):
            exported(case, inputs)
        return
    model = exported(case, inputs)
    if dtype == np.float64 and case.op in NOT_IN_FLOAT64:
        with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented):
            run(model, *inputs)
        return
    (found,) = run(model, *inputs)
    expected = case.on_tensors(*map(mt.tensor, inputs))
    array = expected.data if isinstance(expected, mt.Tensor) else np.asarray(expected)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert_allclose(found, array, **tolerances)


@pytest.mark.parametrize("case", EXPORTED, ids=str)
def test_in_float32_it_gives_the_same(case: Case) -> None:
    assert_equal(case, np.float32, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", EXPORTED, ids=str)
def test_in_float64_it_gives_the_same(case: Case) -> None:
    # onnxruntime fuses a product with its scale, which it keeps in float32.
    assert_equal(case, np.float64, rtol=1e-7, atol=1e-12)


def test_what_is_translated_is_not_listed_as_unsupported() -> None:
    assert not UNSUPPORTED & TRANSLATIONS.keys()


def test_every_operation_is_looked_at_here() -> None:
    looked_at = {case.op for case in EXPORTED} | UNSUPPORTED
    assert REGISTRY.keys() <= looked_at


# Dtypes: ONNX has no promotion, NumPy's is spelled out


@pytest.mark.parametrize(
    "expression",
    ["x + y", "x / y", "x * 2", "x * 2.5", "x // 2", "x % 3", "x ** 2", "x > y", "x == 1",
     "np.where(x > 1, x, y)", "np.exp(x)", "x.mean()", "x.sum()", "x.max()", "-x", "abs(x)",
     "np.maximum(x, y)", "x.astype(np.float32) + 1", "np.stack([x, y])", "x @ y", "x.cumsum()",
     "np.clip(x, 0, 2)", "np.sqrt(x)"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("one", "other"),
    [("int64", "int64"), ("int64", "float32"), ("int32", "int64"), ("bool", "float32"),
     ("float32", "float64"), ("int32", "float32")],
)  # fmt: skip
def test_results_have_the_dtype_that_numpy_gives(expression: str, one: str, other: str) -> None:
    def fn(x: Any, y: Any) -> Any:
        return eval(expression, {"np": np}, {"x": x, "y": y})

    x, y = np.array([0, 1, 5], one), np.array([2, 1, 3], other)
    try:
        expected = fn(mt.tensor(x), mt.tensor(y)).data
    except TypeError:  # -x of truth values
        return
    (found,) = run(mt.onnx.export(fn, (x, y)), x, y)
    assert found.dtype == expected.dtype
    assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("expression", "x", "y"),
    [
        ("x // y", [-7, 7, -7, 7], [2, -2, -2, 2]),
        ("x % y", [-7, 7, -7, 7], [2, -2, -2, 2]),
        ("np.fmod(x, y)", [-7, 7, -7, 7], [2, -2, -2, 2]),
        ("x // y", [1.0, -1.0, 5.0, -5.0], [0.1, 0.1, -3.0, 0.0]),
        ("x % y", [1.0, -1.0, 5.0, -5.0], [0.1, 0.1, -3.0, 3.0]),
        ("np.maximum(x, y)", [np.nan, 1.0, -np.inf], [1.0, np.nan, 0.0]),
        ("np.fmax(x, y)", [np.nan, 1.0, np.nan], [1.0, np.nan, np.nan]),
        ("np.logaddexp(x, y)", [-np.inf, np.inf, 1000.0], [-np.inf, 0.0, 1000.0]),
        ("np.arctan2(x, y)", [0.0, -0.0, 0.0, -0.0, 1.0, -2.0], [1.0, 1.0, -1.0, -1.0, 0.0, -0.0]),
        ("np.hypot(x, y)", [3e30, 0.0], [4e30, 0.0]),
        ("np.expm1(x) + y", [1e-6, -50.0, 80.0], [0.0, 0.0, 0.0]),
        ("np.log1p(x) + y", [1e-6, -0.5, 1e30], [0.0, 0.0, 0.0]),
        ("np.round(x) + y", [0.5, 1.5, -2.5], [0.0, 0.0, 0.0]),
        ("mt.sigmoid(x) + mt.softplus(y)", [-1000.0, 1000.0], [-1000.0, 1000.0]),
        ("np.copysign(x, y)", [1.0, -1.0], [-0.0, 0.0]),
        ("np.nan_to_num(x, posinf=7.0) + y", [np.nan, np.inf, -1.0], [0.0, 0.0, 0.0]),
    ],
)
def test_the_corners_are_those_of_numpy(expression: str, x: list[Any], y: list[Any]) -> None:
    def fn(x: Any, y: Any) -> Any:
        return eval(expression, {"np": np, "mt": mt}, {"x": x, "y": y})

    given = [np.array(each) for each in (x, y)]
    given = [each.astype(np.float32) if each.dtype.kind == "f" else each for each in given]
    with np.errstate(all="ignore"):
        expected = fn(*map(mt.tensor, given)).data
        model = mt.onnx.export(fn, tuple(given))
    (found,) = run(model, *given)
    assert_allclose(found, expected, rtol=1e-5, atol=1e-9)
